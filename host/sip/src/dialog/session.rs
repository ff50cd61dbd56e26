//! The session timer of a call: RFC 4028.
//!
//! ```text
//!            interval / 2              interval − min(32 s, interval / 3)
//!  2xx ──────────┬──────────────────────────────────┬──────────────
//!                │ if we refresh: UPDATE, re-INVITE │ no 2xx since: BYE
//! ```
//!
//! Owns what both sides agreed on and when what is due; sends nothing.

use std::time::Duration;

/// A session timer that both sides agreed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Session {
    /// Seconds after which the session is over, counted from the last 2xx.
    pub(crate) interval: u32,
    pub(crate) refresher: Refresher,
}

/// Who sends the refreshes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refresher {
    Us,
    Peer,
}

impl Session {
    /// When the refresh of ours is due, counted from the last 2xx (RFC 4028 §7.2).
    pub(crate) fn refresh(self) -> Duration {
        Duration::from_secs(self.interval.into()) / 2
    }

    /// When the call is given up: a little early, since the peer's clock began before ours (RFC 4028
    /// §10).
    pub(crate) fn expiry(self) -> Duration {
        let interval = Duration::from_secs(self.interval.into());
        interval.saturating_sub((interval / 3).min(Duration::from_secs(32)))
    }
}
