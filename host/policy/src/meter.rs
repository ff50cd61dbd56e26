//! How long a guest has run: processor time, so that a machine that is busy with other things is not held against
//! it.
//!
//! A turn's first poll is measured by the clock, since asking the kernel for the thread's processor time takes
//! a hundredth of a usual turn, twice. It counts as no more than the ticks of the epoch that it ran over, one at
//! the least: on a machine that is busy, or at a low priority, the clock goes on without it. From the second one on
//! (it waits for the store, or has run over a tick of the epoch) the kernel is asked. Owns no limit.

use std::cell::Cell;
use std::pin::pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

use crate::ticker::TICK;

thread_local! {
    /// The poll that runs on this thread.
    static POLL: Cell<Run> = const { Cell::new(Run::First(Duration::ZERO)) };
}

/// One poll of a turn.
#[derive(Clone, Copy)]
enum Run {
    /// The first one, which has run over so many ticks.
    First(Duration),
    /// A later one.
    Later {
        /// What all polls before it took.
        spent: Duration,
        /// The thread's processor time when it began.
        begin: Duration,
    },
}

/// Adds up the time that a future spends being polled: what it waits for does not count.
pub(crate) async fn timed<F: Future>(
    future: F,
    clock: fn() -> Instant,
    spent: &mut Duration,
) -> F::Output {
    let mut future = pin!(future);
    let mut is_first = true;
    std::future::poll_fn(|context| {
        if std::mem::take(&mut is_first) {
            POLL.set(Run::First(Duration::ZERO));
            let begin = clock();
            let poll: Poll<F::Output> = future.as_mut().poll(context);
            let took = clock().saturating_duration_since(begin);
            let ticks = match POLL.get() {
                Run::First(ticks) => ticks,
                Run::Later { .. } => Duration::ZERO,
            };
            *spent += took.min(ticks.max(TICK));
            return poll;
        }
        let begin = processor_time();
        let before = *spent;
        POLL.set(Run::Later {
            spent: before,
            begin,
        });
        let poll = future.as_mut().poll(context);
        *spent += processor_time().saturating_sub(begin);
        poll
    })
    .await
}

/// How long the turn that is polled on this thread has run by now. Called at each tick of the epoch, and only then:
/// in a first poll it counts them.
pub(crate) fn at_tick() -> Duration {
    match POLL.get() {
        Run::First(ticks) => {
            let ticks = ticks + TICK;
            POLL.set(Run::First(ticks));
            ticks
        }
        Run::Later { spent, begin } => spent + processor_time().saturating_sub(begin),
    }
}

/// What this thread has had of a processor.
fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    // It is never negative, and beyond a second it counts seconds.
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

#[cfg(test)]
mod tests;
