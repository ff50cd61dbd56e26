use std::cell::Cell;
use std::task::Poll;
use std::time::{Duration, Instant};

use super::{at_tick, processor_time, timed};
use crate::ticker::TICK;

thread_local! {
    /// How often the clock was looked at.
    static LOOKS: Cell<u32> = const { Cell::new(0) };
    /// Where it began.
    static BEGIN: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// A machine on which a second goes by whenever anybody looks.
#[expect(clippy::disallowed_methods, reason = "a place to begin at")]
fn busy() -> Instant {
    let begin = BEGIN.get().unwrap_or_else(Instant::now);
    BEGIN.set(Some(begin));
    LOOKS.set(LOOKS.get() + 1);
    begin + Duration::from_secs(1) * LOOKS.get()
}

/// Takes so much of a processor.
fn work(time: Duration) {
    let end = processor_time() + time;
    while processor_time() < end {
        std::hint::spin_loop();
    }
}

#[tokio::test]
async fn a_first_poll_counts_as_the_ticks_it_ran_over_however_long_the_machine_had_others_in_mind()
{
    for (ticks, counted) in [(0, TICK), (1, TICK), (3, TICK * 3)] {
        let mut spent = Duration::ZERO;
        let turn = async {
            for _ in 0..ticks {
                at_tick();
            }
        };
        timed(turn, busy, &mut spent).await;
        assert_eq!(spent, counted, "{ticks} ticks");
    }
}

#[tokio::test]
async fn at_a_tick_all_that_ran_before_counts_also_what_ran_up_to_a_wait() {
    let (mut spent, mut polls) = (Duration::ZERO, 0);
    let piece = TICK / 2;
    let turn = std::future::poll_fn(|context| {
        polls += 1;
        if polls <= 5 {
            work(piece);
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(at_tick())
    });
    let told = timed(turn, busy, &mut spent).await;
    // The first poll by the clock, up to a tick; four by what they took.
    assert!(told >= TICK + piece * 4, "{told:?}");
    assert!(spent >= told, "{spent:?} of {told:?}");
}
