//! The program's one reader of time. Everything else is given these functions.
//!
//! The wall clock is a [`Wall`]: it follows the machine's without its jumps. One for the process, since
//! what one thread has put into the store another one judges; its lock is held for an addition.
#![allow(clippy::disallowed_methods)]

use std::{
    sync::{LazyLock, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use model::{Now, Wall};
use rustix::time::{ClockId, clock_gettime};

static WALL: LazyLock<Mutex<Wall>> =
    LazyLock::new(|| Mutex::new(Wall::new(Instant::now(), machine())));

/// The monotonic clock.
pub fn instant() -> Instant {
    Instant::now()
}

/// What this thread has had of a processor. Asking for it is a call of the kernel.
pub fn processor() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    // It is never negative, and beyond a second it counts seconds.
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// The node's wall clock, milliseconds since 1970-01-01T00:00:00Z.
pub fn unix_ms() -> u64 {
    now().unix_ms
}

/// Both.
pub fn now() -> Now {
    wall().read(Instant::now(), machine())
}

/// How many seconds the machine's wall clock is ahead of the node's.
pub fn behind() -> f64 {
    let mut wall = wall();
    wall.read(Instant::now(), machine());
    wall.behind()
}

fn wall() -> MutexGuard<'static, Wall> {
    WALL.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The machine's wall clock: the time since 1970-01-01T00:00:00Z.
fn machine() -> Duration {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or_default()
}
