//! The time of an input: what a core is told instead of reading a clock.

use std::time::{Duration, Instant};

/// One moment on two clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// The monotonic clock: for timers.
    pub mono: Instant,
    /// The wall clock, milliseconds since 1970-01-01T00:00:00Z: for records. It may jump.
    pub unix_ms: u64,
}

impl Now {
    /// The moment that lies `by` later, on both clocks.
    pub fn after(self, by: Duration) -> Now {
        Now {
            mono: self.mono + by,
            unix_ms: self.unix_ms + by.as_millis() as u64,
        }
    }
}
