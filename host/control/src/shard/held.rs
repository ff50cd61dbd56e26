//! Hold and resume by a policy: a party is offered that it hears us and is not heard, and the way back.
//!
//! ```text
//!          hold               agreed            resume              agreed
//!   Off ──────────▶ Holding ─────────▶ On ──────────────▶ Resuming ─────────▶ Off
//!    ▲                 │ refused        ▲                     │ refused
//!    └─────────────────┘                └─────────────────────┘
//! ```
//!
//! Whoever is held by its policy stays so through all offers of its own and of the other side of its
//! bridge, which are answered and passed on within that. An offer of ours that crosses one of the party's
//! waits as RFC 3261 §14.1 says; what is refused the policy hears as `on-command-failed`.

use ::media::sdp::{self, Direction};
use model::{CallId, Now, TraceItem, turn::CommandError};

use super::Shard;
use crate::call::{Asker, Media, State};

/// What a policy wants of a party's voice, and whether the party knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Hold {
    #[default]
    Off,
    /// Not known to the party, or not agreed to.
    Holding,
    On,
    /// Likewise.
    Resuming,
}

impl Media {
    /// What of that we may do towards a party that may be on hold.
    pub(crate) fn within_hold(&self, direction: Direction) -> Direction {
        direction.and(Direction::of(true, !self.holds()))
    }

    /// Whether the party is held, or is to be.
    pub(crate) fn holds(&self) -> bool {
        matches!(self.hold, Hold::Holding | Hold::On)
    }
}

impl Shard {
    /// A policy wants a party held, or taken back. What it wants already stays as it is.
    pub(super) fn want_hold(&mut self, id: CallId, on: bool) -> Result<(), String> {
        let call = self.living(id, if on { "hold" } else { "resume" })?;
        call.media.hold = match (call.media.hold, on) {
            (Hold::Off | Hold::Resuming, true) => Hold::Holding,
            (Hold::On | Hold::Holding, false) => Hold::Resuming,
            (as_it_is, _) => as_it_is,
        };
        call.media.crossed = 0;
        Ok(())
    }

    /// Tells a party what its policy wants, if it does not know and can be asked now.
    pub(super) fn change_hold(&mut self, now: Now, id: CallId) {
        if self.hold_is_known(id) {
            return self.settle_hold(id);
        }
        let wanted = self.wanted(id);
        let Some(call) = self.calls.get(&id) else {
            return;
        };
        let free = matches!(call.state, State::Answered)
            && call.media.agreed.is_some()
            && !call.media.offering
            && call.media.passing.is_none();
        if let (true, Some(before)) = (free, call.media.local.clone()) {
            self.ask_for(now, id, &before, wanted, Asker::Policy);
        }
    }

    /// The party has refused it.
    pub(super) fn hold_refused(&mut self, now: Now, id: CallId, status: u16, what: String) {
        if status == 491 && self.align_later(now, id) {
            return;
        }
        if self.hold_is_known(id) {
            // The policy wants back what stands.
            return self.settle_hold(id);
        }
        let Some(call) = self.calls.get_mut(&id) else {
            return;
        };
        let command = match call.media.hold {
            Hold::Holding => {
                call.media.hold = Hold::Off;
                "hold"
            }
            Hold::Resuming => {
                call.media.hold = Hold::On;
                "resume"
            }
            Hold::Off | Hold::On => return,
        };
        self.command_failed(now, id, command, CommandError::Unsupported(what));
    }

    /// Whether our description that stands says what the policy wants, or it wants nothing new.
    fn hold_is_known(&self, id: CallId) -> bool {
        let Some(media) = self.calls.get(&id).map(|call| &call.media) else {
            return true;
        };
        let pending = matches!(media.hold, Hold::Holding | Hold::Resuming);
        let said = || sdp::offered_direction(media.local.as_ref()?).ok();
        !pending || said().is_some_and(|it| it.receives() == self.wanted(id).receives())
    }

    fn settle_hold(&mut self, id: CallId) {
        if let Some(call) = self.calls.get_mut(&id)
            && matches!(call.state, State::Answered)
            && call.media.passing.is_none()
        {
            call.media.hold = match call.media.hold {
                Hold::Holding => Hold::On,
                Hold::Resuming => Hold::Off,
                settled => settled,
            };
        }
    }

    /// What a policy was granted has failed on the way.
    pub(super) fn command_failed(
        &mut self,
        now: Now,
        id: CallId,
        command: &'static str,
        why: CommandError,
    ) {
        let Some(call) = self.calls.get(&id).filter(|call| !call.is_released()) else {
            return;
        };
        let session = call.session;
        let what = format!("{command} failed: {why}");
        self.trace(now, id, TraceItem::Note { what });
        if self.hears(session, "command-events") {
            let event = model::Event::CommandFailed {
                call: id,
                command,
                why,
            };
            self.tell(now, session, event);
        }
    }
}
