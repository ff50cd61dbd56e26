//! What becomes of a request whose connection is lost before anything has come: RFC 3261 §17.1.4 lets
//! it fail, but some are worth one more try.
//!
//! | request | sent again |
//! |---|---|
//! | one that is too large for a datagram and took a connection for that (§18.1.1) | as a datagram, all the same: its peer may speak nothing else |
//! | any but INVITE | once, over a new connection: the branch tells the peer that it is the same |
//! | INVITE | not here: who ordered it may have another gateway |

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Instant;

use bytes::Bytes;

use super::table::{Client, ClientMachine};
use super::{Action, Rules, TransactionId, Transactions, client_invite, client_request};
use crate::event::Flow;
use crate::limits;
use crate::wire::Request;

/// Whether a request is sent again when its connection is lost.
#[derive(Debug)]
pub(crate) enum Retry {
    /// It is not.
    Never,
    /// Over a new connection to the same place.
    Again,
    /// As the datagram that it would have been.
    Datagram(Box<Datagram>),
}

/// A request as a datagram.
#[derive(Debug)]
pub(crate) struct Datagram {
    pub(crate) flow: Flow,
    pub(crate) request: Request,
    pub(crate) bytes: Bytes,
}

/// Peers that took no connection: what is large goes to them as a datagram for a while.
#[derive(Debug, Default)]
pub(crate) struct Deaf(BTreeMap<SocketAddr, Instant>);

impl Deaf {
    pub(crate) fn holds(&self, now: Instant, peer: SocketAddr) -> bool {
        self.0.get(&peer).is_some_and(|until| *until > now)
    }

    /// One that finds no room is tried in vain once more.
    fn note(&mut self, now: Instant, peer: SocketAddr) {
        if self.0.len() >= limits::DEAF {
            self.0.retain(|_, until| *until > now);
        }
        if self.0.len() < limits::DEAF {
            self.0.insert(peer, now + limits::DEAF_FOR);
        }
    }
}

impl Transactions {
    /// Sends the request of a transaction again whose connection is lost, if it is one for that.
    pub(super) fn again(&mut self, now: Instant, id: TransactionId) -> bool {
        let Some(client) = self.clients.get_mut(&id) else {
            return false;
        };
        match std::mem::replace(&mut client.retry, Retry::Never) {
            Retry::Never => false,
            Retry::Again => {
                let Some(bytes) = client.unfinished() else {
                    return false;
                };
                let flow = client.flow;
                self.transmit(flow, bytes);
                true
            }
            Retry::Datagram(datagram) => {
                if client.unfinished().is_none() {
                    return false;
                }
                let lost = std::mem::replace(&mut client.flow, datagram.flow);
                let rules = Rules {
                    timers: self.config,
                    reliable: false,
                };
                let actions = client.restart(*datagram, &rules);
                self.by_connection.remove(&(lost, id));
                self.deaf.note(now, lost.remote);
                let flow = self.clients.get(&id).map_or(lost, |client| client.flow);
                self.carry_out(now, id, flow, actions);
                true
            }
        }
    }
}

impl Client {
    /// What was sent, if it may not have arrived: of an INVITE, as long as nothing has come.
    fn unfinished(&self) -> Option<Bytes> {
        match &self.machine {
            ClientMachine::Invite(client_invite::State::Calling { request, .. }, _)
            | ClientMachine::Request(
                client_request::State::Trying { request, .. }
                | client_request::State::Proceeding { request },
            ) => Some(request.clone()),
            _ => None,
        }
    }

    /// From the begin, as a datagram.
    fn restart(&mut self, datagram: Datagram, rules: &Rules) -> Vec<Action> {
        let mut actions = Vec::with_capacity(3);
        let Datagram { request, bytes, .. } = datagram;
        self.machine = match &self.machine {
            ClientMachine::Invite(..) => {
                let state = client_invite::State::start(bytes, rules, &mut actions);
                ClientMachine::Invite(state, Box::new(request))
            }
            ClientMachine::Request(_) => {
                ClientMachine::Request(client_request::State::start(bytes, rules, &mut actions))
            }
        };
        actions
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::time::{Duration, Instant};

    use super::Deaf;
    use crate::limits;

    #[test]
    fn so_many_deaf_peers_are_known_and_no_more_and_each_for_a_while() {
        #[allow(clippy::disallowed_methods, reason = "any instant will do")]
        let now = Instant::now();
        let peer = |n: usize| SocketAddr::from(([10, 0, (n >> 8) as u8, n as u8], 5060));
        let mut deaf = Deaf::default();
        for n in 0..=limits::DEAF {
            deaf.note(now, peer(n));
        }
        let (last, beyond) = (peer(limits::DEAF - 1), peer(limits::DEAF));
        assert!(deaf.holds(now, last) && !deaf.holds(now, beyond));
        let later = now + limits::DEAF_FOR;
        assert!(!deaf.holds(later, last));
        deaf.note(later, beyond);
        assert!(deaf.holds(later + Duration::from_secs(1), beyond));
        assert_eq!(deaf.0.len(), 1);
    }
}
