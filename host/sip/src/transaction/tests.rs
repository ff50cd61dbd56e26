//! The transition tables of RFC 3261 §17 and RFC 6026 §8, row by row.

mod client_invite;
mod client_request;
mod queue;
mod server_invite;
mod server_request;

use std::time::Duration;

use bytes::Bytes;

use super::{Action, Rules, TimerConfig};

const UDP: Rules = Rules {
    timers: TIMERS,
    reliable: false,
};
const TCP: Rules = Rules {
    timers: TIMERS,
    reliable: true,
};

const TIMERS: TimerConfig = TimerConfig {
    t1: Duration::from_millis(500),
    t2: Duration::from_secs(4),
    t4: Duration::from_secs(5),
    progress: Duration::from_secs(60),
};

const T1: Duration = TIMERS.t1;
const T2: Duration = TIMERS.t2;
const T4: Duration = TIMERS.t4;
const PATIENCE: Duration = Duration::from_secs(32);

fn bytes(text: &'static str) -> Bytes {
    Bytes::from_static(text.as_bytes())
}

fn send(text: &'static str) -> Action {
    Action::Send(bytes(text))
}
