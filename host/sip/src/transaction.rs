//! Transactions: RFC 3261 §17 with RFC 6026.
//!
//! Owns the four state machines, their timers, the matching of messages to them and the two
//! messages that are made from a sent INVITE: the ACK of a refusal and CANCEL. Knows nothing of
//! dialogs and calls; it says what happened to a transaction and its user decides.
//!
//! A machine is a value: `step(state, input) -> state`, with what there is to do appended as
//! [`Action`]s. [`Transactions`] keeps them, finds them and carries out their actions.

mod client_invite;
mod client_request;
mod derive;
mod key;
mod retry;
mod server_invite;
mod server_request;
mod table;
#[cfg(test)]
mod tests;
mod timer;

use std::time::Duration;

use bytes::Bytes;

pub(crate) use derive::{ack_of_refusal, cancel_of};
pub(crate) use key::{COOKIE, ClientKey, ServerKey};
pub(crate) use retry::{Datagram, Retry};
pub(crate) use table::{Arrival, Delivery, Transactions};
pub use timer::TimerConfig;
pub(crate) use timer::{Owner, Timer, TransactionId};

/// What a machine asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Send these bytes to the transaction's peer.
    Send(Bytes),
    /// Start a timer, or start it again.
    Start(Timer, Duration),
    /// Stop a timer.
    Stop(Timer),
    /// Pass the message that caused this to the user.
    Deliver,
    /// Tell the user that nobody answered.
    TimedOut,
    /// Forget the transaction.
    Done,
}

/// What the machines go by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    /// The base values.
    pub(crate) timers: TimerConfig,
    /// Whether the transport retransmits for us: then A, E and G never run and D, I, J, K are zero.
    pub(crate) reliable: bool,
}
