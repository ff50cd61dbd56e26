//! The non-INVITE client transaction: RFC 3261 §17.1.2.
//!
//! ```text
//!                 request from the user: send it, start E and F
//!                                │
//!    E: send again          ┌────▼────┐   F, connection lost: timed out
//!    ┌─────────────────────►│ Trying  │─────────────────┐
//!    └──────────────────────└─┬─────┬─┘                 │
//!              1xx: deliver   │     │ 200–699: deliver  │
//!      ┌──────────────────────┘     │                   │
//! ┌────▼───────┐ 200–699:     ┌─────▼─────┐      ┌──────▼─────┐
//! │ Proceeding │ deliver      │ Completed │  K   │ Terminated │
//! │            ├─────────────►│           ├─────►│            │
//! └────┬───────┘              └───────────┘      └──────▲─────┘
//!      │ E: send again, 1xx: deliver     F: timed out   │
//!      └────────────────────────────────────────────────┘
//! ```

use std::time::Duration;

use bytes::Bytes;

use super::{Action, Rules, Timer};

/// Where the transaction is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Sent, nothing heard.
    Trying {
        /// What is sent again.
        request: Bytes,
        /// The present value of Timer E.
        interval: Duration,
    },
    /// A 1xx came; sent again every T2 all the same.
    Proceeding {
        /// What is sent again.
        request: Bytes,
    },
    /// The final response came.
    Completed,
    /// Over.
    Terminated,
}

/// What happens to it.
#[derive(Clone, Debug)]
pub(crate) enum Input {
    Provisional,
    Final,
    Timer(Timer),
    /// The connection is lost.
    Disconnected,
}

impl State {
    /// Sends the request.
    pub(crate) fn start(request: Bytes, rules: &Rules, out: &mut Vec<Action>) -> Self {
        out.push(Action::Send(request.clone()));
        if !rules.reliable {
            out.push(Action::Start(Timer::E, rules.timers.t1));
        }
        out.push(Action::Start(Timer::F, rules.timers.patience()));
        Self::Trying {
            request,
            interval: rules.timers.t1,
        }
    }

    /// The transition table.
    pub(crate) fn step(self, input: Input, rules: &Rules, out: &mut Vec<Action>) -> Self {
        match (self, input) {
            (Self::Trying { request, interval }, Input::Timer(Timer::E)) => {
                let interval = rules.timers.backoff(interval);
                out.extend([
                    Action::Send(request.clone()),
                    Action::Start(Timer::E, interval),
                ]);
                Self::Trying { request, interval }
            }
            (Self::Proceeding { request }, Input::Timer(Timer::E)) => {
                out.push(Action::Send(request.clone()));
                out.push(Action::Start(Timer::E, rules.timers.t2));
                Self::Proceeding { request }
            }
            (
                Self::Trying { .. } | Self::Proceeding { .. },
                Input::Timer(Timer::F) | Input::Disconnected,
            ) => {
                out.extend([Action::Stop(Timer::E), Action::TimedOut, Action::Done]);
                Self::Terminated
            }
            (Self::Trying { request, .. } | Self::Proceeding { request }, Input::Provisional) => {
                out.push(Action::Deliver);
                Self::Proceeding { request }
            }
            (Self::Trying { .. } | Self::Proceeding { .. }, Input::Final) => {
                out.extend([
                    Action::Stop(Timer::E),
                    Action::Stop(Timer::F),
                    Action::Deliver,
                ]);
                if rules.reliable {
                    out.push(Action::Done);
                    return Self::Terminated;
                }
                out.push(Action::Start(Timer::K, rules.timers.t4));
                Self::Completed
            }
            (Self::Completed, Input::Timer(Timer::K)) => {
                out.push(Action::Done);
                Self::Terminated
            }
            (state, _) => state,
        }
    }
}
