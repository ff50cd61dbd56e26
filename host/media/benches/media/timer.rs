//! How late a thread wakes that does nothing but sleep: what no shard's ticks can be better than.

use std::time::Duration;

use crate::figure::{now, percentile};

/// From one tick to the next, as a shard has them.
const STEP: Duration = Duration::from_millis(1);

/// The lateness that 99 of 100 wake-ups did not pass, in µs, while nothing else runs.
pub(crate) fn lateness(time: Duration) -> f64 {
    let mut late = Vec::new();
    let (begin, mut due) = (now(), now());
    while begin.elapsed() < time {
        due += STEP;
        std::thread::sleep(due.saturating_duration_since(now()));
        late.push(now().saturating_duration_since(due).as_secs_f64() * 1e6);
    }
    percentile(&mut late, 0.99)
}
