//! What the policy of a call was told, in which order (`events.wit`).
//!
//! ```text
//!  inbound   on-incoming ─▶ on-released
//!  outbound  [on-ringing [on-ringing early]] ─▶ on-dial-completed ─▶ [on-answered] ─▶ on-released
//! ```

use model::{CallDirection, Event};

#[derive(Debug)]
pub(crate) enum Told {
    /// Nothing yet.
    Inbound,
    /// `on_incoming`.
    Incoming,
    /// Nothing yet, or ringing: how often, and whether with early media.
    Outbound { rung: u32, early: bool },
    /// `on_dial_completed`, and whether it was answered.
    Completed { answered: bool },
    /// `on_answered`.
    Answered,
    /// `on_released`.
    Released,
}

impl Told {
    pub(crate) fn new(direction: CallDirection) -> Self {
        match direction {
            CallDirection::Inbound => Self::Inbound,
            CallDirection::Outbound => Self::Outbound {
                rung: 0,
                early: false,
            },
        }
    }

    /// The policy is told this now; an error says why that is wrong.
    pub(crate) fn hear(&mut self, event: &Event) -> Result<(), &'static str> {
        *self = match (&*self, event) {
            (Self::Inbound, Event::Incoming { .. }) => Self::Incoming,
            (Self::Outbound { rung, early }, Event::Ringing { early_media, .. }) => {
                if *rung > 1 || (*rung == 1 && (*early || !early_media)) {
                    return Err("came once too often");
                }
                Self::Outbound {
                    rung: rung + 1,
                    early: *early_media,
                }
            }
            (Self::Outbound { .. }, Event::DialCompleted { report, .. }) => {
                if report.answer.is_some() == report.error.is_some() {
                    return Err("says both or neither of answer and error");
                }
                let answered = report.answer.is_some();
                Self::Completed { answered }
            }
            (Self::Completed { answered: true }, Event::Answered { .. }) => Self::Answered,
            (Self::Incoming | Self::Completed { .. } | Self::Answered, Event::Released { .. }) => {
                Self::Released
            }
            (
                Self::Incoming | Self::Answered,
                Event::TransferRequested { .. } | Event::TransferCompleted { .. },
            )
            | (
                Self::Incoming
                | Self::Outbound { .. }
                | Self::Completed { answered: true }
                | Self::Answered,
                Event::Digit { .. }
                | Event::DigitsCollected { .. }
                | Event::PlayCompleted { .. }
                | Event::RecordCompleted { .. }
                | Event::CommandFailed { .. },
            ) => return Ok(()),
            (Self::Released, _) => return Err("came after on_released"),
            _ => return Err("came in the wrong order"),
        };
        Ok(())
    }

    pub(crate) fn is_complete(&self) -> Result<(), String> {
        match self {
            Self::Released => Ok(()),
            state => Err(format!("its policy was never told of its end: {state:?}")),
        }
    }
}
