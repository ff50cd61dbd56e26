//! Waiting, with an end to it. The only place of this tier that reads the clock.

use std::time::{Duration, Instant};

/// The time.
#[expect(clippy::disallowed_methods, reason = "this tier runs in real time")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Asks `question` until it has an answer; panics, naming `what`, when `within` is over.
pub(crate) fn wait_for<T>(
    what: &str,
    within: Duration,
    mut question: impl FnMut() -> Option<T>,
) -> T {
    let end = now() + within;
    loop {
        if let Some(answer) = question() {
            return answer;
        }
        assert!(now() < end, "waited {within:?} in vain for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
