//! How long a guest has run: processor time, so that a machine that is busy with other things is not held against
//! it.
//!
//! A turn's first poll is measured by the clock, since asking the kernel for the thread's processor time takes
//! a hundredth of a usual turn, twice. From the second one on (it waits for the store, or has run over a tick of the
//! epoch) it is asked. Owns no limit.

use std::cell::Cell;
use std::pin::pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

thread_local! {
    /// The thread's processor time when it was last looked at in this poll; none in a turn's first one.
    static MARK: Cell<Option<Duration>> = const { Cell::new(None) };
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
            MARK.set(None);
            let begin = clock();
            let poll: Poll<F::Output> = future.as_mut().poll(context);
            *spent += clock().saturating_duration_since(begin);
            return poll;
        }
        let begin = processor_time();
        MARK.set(Some(begin));
        let poll = future.as_mut().poll(context);
        *spent += processor_time().saturating_sub(begin);
        poll
    })
    .await
}

/// The processor time since the last lap of this poll, or its beginning; none in a turn's first poll.
pub(crate) fn lap() -> Option<Duration> {
    let begin = MARK.get()?;
    let now = processor_time();
    MARK.set(Some(now));
    Some(now.saturating_sub(begin))
}

/// What this thread has had of a processor.
fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    // It is never negative, and beyond a second it counts seconds.
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}
