//! The wall clock of a node: the machine's, without its jumps.
//!
//! Times to live are wall-clock times, because they must outlive the process: were they judged by the
//! machine's clock, setting it would kill or revive them. Ids and records are in the order of time as
//! long as time has one. So a node reads its machine's wall clock once, at its start; from then on its
//! own goes on with the monotonic clock, never stands still and never runs backwards. Where the
//! machine's turns out to differ, the node's follows by no more than one part in [`SLOWNESS`].
//!
//! Owns the arithmetic. Whoever reads the machine's clocks hands them in.

use std::time::{Duration, Instant};

use crate::Now;

/// How many times slower than time a difference is made up for. At 20 a time to live of two minutes is
/// six seconds off at most, and the difference of an hour is gone after twenty.
pub const SLOWNESS: u32 = 20;

/// No reading makes up for more than so long a time since the last one: nobody knows when in it the
/// machine's clock was set.
const UNREAD: Duration = Duration::from_secs(60);

/// See the module's header.
#[derive(Clone, Copy, Debug)]
pub struct Wall {
    /// The last reading, on the monotonic clock …
    mono: Instant,
    /// … and on this one, since 1970-01-01T00:00:00Z.
    time: Duration,
    machine: Duration,
}

impl Wall {
    /// Begins at the machine's wall clock, which is the time since 1970-01-01T00:00:00Z.
    pub fn new(mono: Instant, machine: Duration) -> Self {
        Self {
            mono,
            time: machine,
            machine,
        }
    }

    /// The time at that moment, when the machine's wall clock says `machine`. Moments that lie before
    /// the last one are taken for it.
    pub fn read(&mut self, mono: Instant, machine: Duration) -> Now {
        let passed = mono.saturating_duration_since(self.mono);
        let due = self.time + passed;
        let off = machine.abs_diff(due).min(passed.min(UNREAD) / SLOWNESS);
        self.time = if machine >= due {
            due + off
        } else {
            due.saturating_sub(off)
        };
        self.mono += passed;
        self.machine = machine;
        Now {
            mono: self.mono,
            unix_ms: self.time.as_millis() as u64,
        }
    }

    /// How many seconds the machine's clock was ahead of this one at the last reading.
    pub fn behind(&self) -> f64 {
        self.machine.as_secs_f64() - self.time.as_secs_f64()
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{SLOWNESS, Wall};

    const START: u64 = 1_767_225_600;
    const HOUR: i64 = 3_600;

    /// A wall clock that is read each second; the machine's is set by so many seconds after the first.
    struct Clocks {
        wall: Wall,
        start: Instant,
        passed: u64,
        set_by: i64,
    }

    impl Clocks {
        #[allow(clippy::disallowed_methods)] // any instant will do
        fn set_by(set_by: i64) -> Self {
            let start = Instant::now();
            let wall = Wall::new(start, Duration::from_secs(START));
            Self {
                wall,
                start,
                passed: 0,
                set_by,
            }
        }

        /// Reads after so many more seconds; how far the node's clock is ahead of true time, in ms.
        fn read(&mut self, after: u64) -> i64 {
            self.passed += after;
            let mono = self.start + Duration::from_secs(self.passed);
            let machine = (START + self.passed).saturating_add_signed(self.set_by);
            let now = self.wall.read(mono, Duration::from_secs(machine));
            assert_eq!(now.mono, mono);
            now.unix_ms as i64 - (START + self.passed) as i64 * 1_000
        }
    }

    #[test]
    fn two_minutes_last_two_minutes_though_the_clock_is_set_by_an_hour() {
        let most = 120_000 / i64::from(SLOWNESS);
        for (set_by, off) in [(0, 0), (HOUR, most), (-HOUR, -most)] {
            let mut clocks = Clocks::set_by(set_by);
            let last = (0..120).map(|_| clocks.read(1)).last();
            assert_eq!(last, Some(off), "{set_by}");
        }
    }

    #[test]
    fn the_machines_clock_is_reached_and_not_overshot() {
        for set_by in [HOUR, -HOUR, 7, -7] {
            let mut clocks = Clocks::set_by(set_by);
            let seconds = set_by.unsigned_abs() * u64::from(SLOWNESS);
            for _ in 1..seconds {
                clocks.read(1);
            }
            assert!(clocks.wall.behind().abs() > 0.01, "{set_by}");
            assert_eq!(clocks.read(1), set_by * 1_000, "{set_by}");
            assert_eq!(clocks.read(1), set_by * 1_000);
            assert!(clocks.wall.behind().abs() < 0.001);
        }
    }

    #[test]
    fn the_clock_never_runs_backwards_nor_stands_still() {
        let mut clocks = Clocks::set_by(-HOUR);
        let mut last = 0;
        for after in (0..100).chain([0, 0, 100_000, 1]) {
            let off = clocks.read(after);
            let time = clocks.passed as i64 * 1_000 + off;
            assert!(time > last || after == 0 && time == last, "{time} {last}");
            last = time;
        }
    }

    #[test]
    fn a_moment_before_the_last_one_is_taken_for_it() {
        let mut clocks = Clocks::set_by(HOUR);
        clocks.read(10);
        let last = clocks.wall;
        let machine = Duration::from_secs(START + 9 + HOUR as u64);
        let before = clocks.start + Duration::from_secs(9);
        let now = clocks.wall.read(before, machine);
        assert_eq!((now.mono, clocks.wall.time), (last.mono, last.time));
    }

    #[test]
    fn who_was_not_asked_for_a_night_makes_up_for_a_minute_at_once() {
        let mut clocks = Clocks::set_by(-HOUR);
        assert_eq!(clocks.read(8 * 3_600), -60_000 / i64::from(SLOWNESS));
    }
}
