//! Whether the peer still says anything.
//!
//! A peer is silent if neither RTP nor RTCP of it has come for as long as it may be. It is watched only
//! from its first packet on, and while both sides may speak: whoever is on hold owes nothing. A peer that
//! suppresses silence goes on reporting by RTCP.

use std::time::{Duration, Instant};

use super::Port;
use crate::sdp::Direction;

/// How a port watches its peer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Watch {
    /// How long it may say nothing.
    patience: Duration,
    /// When it is looked at next.
    due: Instant,
    /// When it was heard last, or may have been silent with right.
    heard: Option<Instant>,
}

impl Port {
    /// The peer may be silent for so long. When it is looked at first.
    pub(in crate::plane) fn watch(&mut self, now: Instant, patience: Duration) -> Instant {
        let due = now + patience;
        self.watch = Some(Watch {
            patience,
            due,
            heard: None,
        });
        due
    }

    /// When the peer is looked at next.
    pub(in crate::plane) fn watch_due(&self) -> Option<Instant> {
        self.watch.map(|watch| watch.due)
    }

    /// Something of it came.
    pub(super) fn heard(&mut self, now: Instant) {
        if let Some(watch) = &mut self.watch {
            watch.heard = Some(now);
        }
    }

    /// Looks at it: when to look again, or `None` if it has been silent for too long. That ends the watch.
    pub(in crate::plane) fn look(&mut self, now: Instant) -> Option<Instant> {
        let both = |leg: &super::Leg| leg.agreed.direction == Direction::SendRecv;
        let may_be_silent = !self.leg.as_ref().is_some_and(both);
        let watch = self.watch.as_mut()?;
        if may_be_silent && watch.heard.is_some() {
            watch.heard = Some(now);
        }
        watch.due = watch.heard.unwrap_or(now) + watch.patience;
        if watch.due <= now {
            self.watch = None;
        }
        self.watch_due()
    }
}
