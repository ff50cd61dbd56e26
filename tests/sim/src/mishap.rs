//! What befalls one message on its way, chosen by hand: the network's own luck is the
//! [`Link`](crate::Link)'s.
//!
//! A race is a matter of one message that comes late, or never, or once more.

use std::{net::SocketAddr, time::Duration};

use crate::watch::Glimpse;

/// What befalls a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It never arrives.
    Lost,
    /// It takes so much longer.
    Late(Duration),
    /// It arrives, and so much later once more.
    Again(Duration),
}

/// The next message of that kind, on that way, has that fate.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mishap {
    pub(crate) from: SocketAddr,
    pub(crate) to: SocketAddr,
    /// A method, or a status and the method that it answers: `BYE`, `200 INVITE`.
    pub(crate) what: &'static str,
    pub(crate) fate: Fate,
}

impl Mishap {
    pub(crate) fn befalls(&self, from: SocketAddr, to: SocketAddr, message: &Glimpse) -> bool {
        let kind = match message.status {
            Some(status) => self.what.split_once(' ').is_some_and(|(wanted, method)| {
                wanted.parse() == Ok(status) && method == message.method
            }),
            None => self.what == message.method,
        };
        kind && (self.from, self.to) == (from, to)
    }
}
