//! How late a thread wakes that does nothing but sleep, with timers as exact as a shard's.

use std::num::NonZeroU64;
use std::thread;
use std::time::Duration;

use rustix::thread::set_current_timer_slack;

use crate::figure::{now, percentile};

/// From one tick to the next, as a shard has them.
const STEP: Duration = Duration::from_millis(1);

/// The lateness that 99 of 100 wake-ups did not pass, in µs, while nothing else runs.
pub(crate) fn lateness(time: Duration) -> f64 {
    // On a thread of its own, whose exact timers end with it.
    let sleeper = thread::spawn(move || {
        set_current_timer_slack(Some(NonZeroU64::MIN)).expect("timers can be exact");
        let mut late = sleep(time);
        percentile(&mut late, 0.99)
    });
    sleeper.join().expect("it does not panic")
}

fn sleep(time: Duration) -> Vec<f64> {
    let mut late = Vec::new();
    let (begin, mut due) = (now(), now());
    while begin.elapsed() < time {
        due += STEP;
        thread::sleep(due.saturating_duration_since(now()));
        late.push(now().saturating_duration_since(due).as_secs_f64() * 1e6);
    }
    late
}
