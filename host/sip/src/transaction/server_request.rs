//! The non-INVITE server transaction: RFC 3261 §17.2.2.
//!
//! ```text
//!                 request: deliver
//!                        │
//!                  ┌─────▼────┐
//!                  │  Trying  │ request: nothing
//!                  └─────┬────┘
//!                        │ 200–699 from the user: send, start J
//!   request:       ┌─────▼─────┐  J   ┌────────────┐
//!   send again     │ Completed ├─────►│ Terminated │
//!                  └───────────┘      └────────────┘
//! ```
//!
//! Its Proceeding state is left out: we answer every request other than INVITE at once, with a
//! final response (RFC 4320 §4.1 forbids an early 1xx on UDP in any case).

use bytes::Bytes;

use super::{Action, Rules, Timer};

/// Where the transaction is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Unanswered.
    Trying,
    /// Answered.
    Completed {
        /// What is sent again.
        response: Bytes,
    },
    /// Over.
    Terminated,
}

/// What happens to it.
#[derive(Clone, Debug)]
pub(crate) enum Input {
    /// The request again.
    Request,
    /// From the user.
    Final(Bytes),
    Timer(Timer),
}

impl State {
    /// The transition table.
    pub(crate) fn step(self, input: Input, rules: &Rules, out: &mut Vec<Action>) -> Self {
        match (self, input) {
            (Self::Trying, Input::Final(response)) => {
                out.push(Action::Send(response.clone()));
                if rules.reliable {
                    out.push(Action::Done);
                    return Self::Terminated;
                }
                out.push(Action::Start(Timer::J, rules.timers.patience()));
                Self::Completed { response }
            }
            (Self::Completed { response }, Input::Request) => {
                out.push(Action::Send(response.clone()));
                Self::Completed { response }
            }
            (Self::Completed { .. }, Input::Timer(Timer::J)) => {
                out.push(Action::Done);
                Self::Terminated
            }
            (state, _) => state,
        }
    }
}
