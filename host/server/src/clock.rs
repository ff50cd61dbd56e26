//! The program's one reader of time. Everything else is given these functions.
#![allow(clippy::disallowed_methods)]

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use model::Now;

/// The monotonic clock.
pub fn instant() -> Instant {
    Instant::now()
}

/// The wall clock, milliseconds since 1970-01-01T00:00:00Z.
pub fn unix_ms() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_millis() as u64)
}

/// Both.
pub fn now() -> Now {
    Now {
        mono: instant(),
        unix_ms: unix_ms(),
    }
}
