//! One line in the log when the store goes away, and one when it is back, whoever notices first.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

/// Whether the store answers, as those who work with it see it. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Outage {
    away: Arc<AtomicBool>,
}

impl Outage {
    /// It did what it was asked for.
    pub fn over(&self) {
        // Read first: nearly always there is nothing to change.
        if self.away.load(Ordering::Relaxed) && self.away.swap(false, Ordering::Relaxed) {
            tracing::info!("the store works again");
        }
    }

    /// It did not. Told once until it works again.
    pub fn noticed(&self, what: &str, why: &impl std::fmt::Display) {
        if self.away.swap(true, Ordering::Relaxed) {
            tracing::debug!(what, %why, "the store is still away");
        } else {
            tracing::warn!(what, %why, "the store is away: new calls and requests are refused");
        }
    }
}
