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
    /// From now on the peer may be silent for so long. When it is looked at first.
    pub(in crate::plane) fn watch(&mut self, now: Instant, patience: Duration) -> Instant {
        let due = now + patience;
        let was_heard = self.watch.is_some_and(|watch| watch.heard.is_some());
        self.watch = Some(Watch {
            patience,
            due,
            heard: was_heard.then_some(now),
        });
        due
    }

    /// It was silent with right until now.
    pub(super) fn excuse(&mut self, now: Instant) {
        if let Some(Watch {
            heard: heard @ Some(_),
            ..
        }) = &mut self.watch
        {
            *heard = Some(now);
        }
    }

    /// Whether it owes us nothing: not both may speak.
    pub(super) fn may_be_silent(&self) -> bool {
        let both = |leg: &super::Leg| leg.agreed.direction == Direction::SendRecv;
        !self.leg.as_ref().is_some_and(both)
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
        if self.may_be_silent() {
            self.excuse(now);
        }
        let watch = self.watch.as_mut()?;
        watch.due = watch.heard.unwrap_or(now) + watch.patience;
        if watch.due <= now {
            self.watch = None;
        }
        self.watch_due()
    }
}
