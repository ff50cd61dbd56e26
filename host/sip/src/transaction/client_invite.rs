//! The INVITE client transaction: RFC 3261 §17.1.1 as mended by RFC 6026 §8.4.
//!
//! ```text
//!                  INVITE from the user: send it, start A and B
//!                                │
//!    A: send again           ┌───▼─────┐  B, connection lost: timed out
//!    ┌──────────────────────►│ Calling │────────────────────┐
//!    └───────────────────────└┬──┬──┬──┘                    │
//!              1xx: deliver   │  │  │ 300–699: ACK, deliver │
//!      ┌──────────────────────┘  │  └────────────────┐      │
//! ┌────▼───────┐  300–699: ACK, deliver         ┌────▼──────▼──┐
//! │ Proceeding │───────────────────────────────►│  Completed   │  300–699: ACK again
//! └────┬───────┘ 1xx: deliver                   └──────┬───────┘
//!      │ 2xx     │ 2xx: deliver                        │ D
//!      │      ┌──▼───────┐   M                  ┌──────▼───────┐
//!      └─────►│ Accepted │─────────────────────►│  Terminated  │
//!             └──────────┘ 2xx: deliver         └──────────────┘
//! ```
//!
//! The ACK of a 2xx is not here: it belongs to the dialog (RFC 3261 §13.2.2.4).

use std::time::Duration;

use bytes::Bytes;

use super::{Action, Rules, Timer};

/// Where the transaction is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Sent, nothing heard.
    Calling {
        /// What is sent again.
        request: Bytes,
        /// The present value of Timer A.
        interval: Duration,
    },
    /// A 1xx came.
    Proceeding,
    /// Refused; the ACK is sent again for each repetition of the refusal.
    Completed {
        /// The ACK.
        ack: Bytes,
    },
    /// A 2xx came; more of them may come, from forks or again.
    Accepted,
    /// Over.
    Terminated,
}

/// What happens to it.
#[derive(Clone, Debug)]
pub(crate) enum Input {
    Provisional,
    Success,
    /// 300 to 699, with the ACK that it gets.
    Failure(Bytes),
    Timer(Timer),
    /// The connection is lost.
    Disconnected,
}

impl State {
    /// Sends the INVITE.
    pub(crate) fn start(request: Bytes, rules: &Rules, out: &mut Vec<Action>) -> Self {
        out.push(Action::Send(request.clone()));
        if !rules.reliable {
            out.push(Action::Start(Timer::A, rules.timers.t1));
        }
        out.push(Action::Start(Timer::B, rules.timers.patience()));
        Self::Calling {
            request,
            interval: rules.timers.t1,
        }
    }

    /// The transition table.
    pub(crate) fn step(self, input: Input, rules: &Rules, out: &mut Vec<Action>) -> Self {
        match (self, input) {
            (Self::Calling { request, interval }, Input::Timer(Timer::A)) => {
                // Timer A doubles without the bound of T2 (RFC 3261 §17.1.1.2).
                let interval = interval * 2;
                out.extend([
                    Action::Send(request.clone()),
                    Action::Start(Timer::A, interval),
                ]);
                Self::Calling { request, interval }
            }
            // Once a 1xx has come the peer has the INVITE: its response may take another connection.
            (Self::Calling { .. }, Input::Timer(Timer::B) | Input::Disconnected) => {
                out.extend([Action::TimedOut, Action::Done]);
                Self::Terminated
            }
            (Self::Calling { .. }, Input::Provisional) => {
                out.extend([
                    Action::Stop(Timer::A),
                    Action::Stop(Timer::B),
                    Action::Deliver,
                ]);
                Self::Proceeding
            }
            (Self::Proceeding, Input::Provisional) => {
                out.push(Action::Deliver);
                Self::Proceeding
            }
            (Self::Calling { .. } | Self::Proceeding, Input::Success) => {
                out.extend([
                    Action::Stop(Timer::A),
                    Action::Stop(Timer::B),
                    Action::Start(Timer::M, rules.timers.patience()),
                    Action::Deliver,
                ]);
                Self::Accepted
            }
            (Self::Accepted, Input::Success) => {
                out.push(Action::Deliver);
                Self::Accepted
            }
            (Self::Calling { .. } | Self::Proceeding, Input::Failure(ack)) => {
                out.extend([
                    Action::Stop(Timer::A),
                    Action::Stop(Timer::B),
                    Action::Send(ack.clone()),
                    Action::Deliver,
                ]);
                if rules.reliable {
                    out.push(Action::Done);
                    return Self::Terminated;
                }
                out.push(Action::Start(Timer::D, rules.timers.d()));
                Self::Completed { ack }
            }
            (Self::Completed { ack }, Input::Failure(_)) => {
                out.push(Action::Send(ack.clone()));
                Self::Completed { ack }
            }
            (Self::Completed { .. }, Input::Timer(Timer::D))
            | (Self::Accepted, Input::Timer(Timer::M)) => {
                out.push(Action::Done);
                Self::Terminated
            }
            (state, _) => state,
        }
    }
}
