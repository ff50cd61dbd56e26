//! The INVITE server transaction: RFC 3261 §17.2.1 as mended by RFC 6026 §8.5.
//!
//! ```text
//!                         INVITE: deliver
//!                               │
//!   INVITE: last 1xx again ┌────▼───────┐ 101–199 from the user: send
//!    ┌────────────────────►│ Proceeding │◄───────────┐
//!    └─────────────────────└─┬────────┬─┘────────────┘
//!   300–699 from the user:   │        │   2xx from the user: send, start L
//!   send, start G and H      │        └───────────────┐
//!   INVITE, G:    ┌──────────▼┐                 ┌─────▼────┐ INVITE: nothing
//!   send again    │ Completed │                 │ Accepted │ ACK: deliver
//!                 └──┬─────┬──┘                 └─────┬────┘ 2xx from the user: send
//!      ACK: start I  │     │ H: timed out             │ L
//!          ┌─────────▼─┐   │                    ┌─────▼──────┐
//!          │ Confirmed │   └───────────────────►│ Terminated │
//!          └─────────┬─┘            I           └─────▲──────┘
//!                    └────────────────────────────────┘
//! ```
//!
//! The 2xx is sent again by the dialog, through the Accepted state (RFC 3261 §13.3.1.4).

use std::time::Duration;

use bytes::Bytes;

use super::{Action, Rules, Timer};

/// Where the transaction is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Unanswered.
    Proceeding {
        /// The last provisional response, if any was sent.
        last: Option<Bytes>,
    },
    /// Refused, and not acknowledged.
    Completed {
        /// What is sent again.
        response: Bytes,
        /// The present value of Timer G.
        interval: Duration,
    },
    /// Refused and acknowledged; absorbs late ACKs.
    Confirmed,
    /// Accepted; absorbs late INVITEs.
    Accepted,
    /// Over.
    Terminated,
}

/// What happens to it.
#[derive(Clone, Debug)]
pub(crate) enum Input {
    /// The INVITE again.
    Invite,
    Ack,
    /// From the user.
    Provisional(Bytes),
    /// From the user.
    Success(Bytes),
    /// From the user.
    Failure(Bytes),
    Timer(Timer),
}

impl State {
    /// The transition table.
    pub(crate) fn step(self, input: Input, rules: &Rules, out: &mut Vec<Action>) -> Self {
        match (self, input) {
            (Self::Proceeding { last }, Input::Invite) => {
                out.extend(last.clone().map(Action::Send));
                Self::Proceeding { last }
            }
            (Self::Proceeding { .. }, Input::Provisional(response)) => {
                out.push(Action::Send(response.clone()));
                Self::Proceeding {
                    last: Some(response),
                }
            }
            (Self::Proceeding { .. }, Input::Success(response)) => {
                out.push(Action::Send(response));
                out.push(Action::Start(Timer::L, rules.timers.patience()));
                Self::Accepted
            }
            (Self::Proceeding { .. }, Input::Failure(response)) => {
                let interval = rules.timers.t1;
                out.push(Action::Send(response.clone()));
                if !rules.reliable {
                    out.push(Action::Start(Timer::G, interval));
                }
                out.push(Action::Start(Timer::H, rules.timers.patience()));
                Self::Completed { response, interval }
            }
            (Self::Completed { response, interval }, Input::Invite) => {
                out.push(Action::Send(response.clone()));
                Self::Completed { response, interval }
            }
            (Self::Completed { response, interval }, Input::Timer(Timer::G)) => {
                let interval = rules.timers.backoff(interval);
                out.extend([
                    Action::Send(response.clone()),
                    Action::Start(Timer::G, interval),
                ]);
                Self::Completed { response, interval }
            }
            (Self::Completed { .. }, Input::Timer(Timer::H)) => {
                out.extend([Action::Stop(Timer::G), Action::TimedOut, Action::Done]);
                Self::Terminated
            }
            (Self::Completed { .. }, Input::Ack) => {
                out.extend([Action::Stop(Timer::G), Action::Stop(Timer::H)]);
                if rules.reliable {
                    out.push(Action::Done);
                    return Self::Terminated;
                }
                out.push(Action::Start(Timer::I, rules.timers.t4));
                Self::Confirmed
            }
            (Self::Accepted, Input::Ack) => {
                out.push(Action::Deliver);
                Self::Accepted
            }
            (Self::Accepted, Input::Success(response)) => {
                out.push(Action::Send(response));
                Self::Accepted
            }
            (Self::Confirmed, Input::Timer(Timer::I))
            | (Self::Accepted, Input::Timer(Timer::L)) => {
                out.push(Action::Done);
                Self::Terminated
            }
            (state, _) => state,
        }
    }
}
