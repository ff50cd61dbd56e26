//! The transactions that are alive: finds them, steps them, carries out what they ask for.
//!
//! Knows to which INVITE usage a transaction belongs, only to be able to say when none of a usage
//! is left.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::time::Instant;

use bytes::Bytes;

use super::retry::{Deaf, Retry};
use super::timer::TimerQueue;
use super::{
    Action, ClientKey, Owner, Rules, ServerKey, Timer, TimerConfig, TransactionId, ack_of_refusal,
    client_invite, client_request, server_invite, server_request,
};
use crate::event::{DialogId, Flow, Output};
use crate::wire::{Request, Response};

/// Every transaction of one endpoint, and every timer: those of the usages above share the queue.
#[derive(Debug)]
pub(crate) struct Transactions {
    pub(super) config: TimerConfig,
    pub(super) clients: BTreeMap<TransactionId, Client>,
    client_keys: BTreeMap<ClientKey, TransactionId>,
    servers: BTreeMap<TransactionId, Server>,
    server_keys: BTreeMap<ServerKey, TransactionId>,
    by_usage: BTreeSet<(DialogId, TransactionId)>,
    /// Those whose flow is a connection: a server transaction by where its responses go.
    pub(super) by_connection: BTreeSet<(Flow, TransactionId)>,
    pub(super) deaf: Deaf,
    /// Usages that lost a transaction since they were last asked for, or one of which has only to
    /// wait now. (The INVITE that made a call waits long before it ends: that is none of them.)
    bereft: BTreeSet<DialogId>,
    pub(crate) timers: TimerQueue,
    out: VecDeque<Output>,
    last: u64,
}

#[derive(Debug)]
pub(super) struct Client {
    key: ClientKey,
    pub(super) flow: Flow,
    usage: DialogId,
    pub(super) machine: ClientMachine,
    pub(super) retry: Retry,
}

#[derive(Debug)]
pub(super) enum ClientMachine {
    /// The request is kept for its ACK and its CANCEL.
    Invite(client_invite::State, Box<Request>),
    Request(client_request::State),
}

#[derive(Debug)]
struct Server {
    key: ServerKey,
    /// Where its responses go.
    flow: Flow,
    usage: DialogId,
    machine: ServerMachine,
}

#[derive(Debug)]
enum ServerMachine {
    Invite(server_invite::State),
    Request(server_request::State),
}

/// What became of a request that arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// It belongs to a transaction, which has seen to it.
    Absorbed,
    /// An ACK with the branch of an INVITE that was accepted: it is for the dialog.
    Ack,
    /// It belongs to no transaction.
    New,
}

/// A response or a timeout that its user must see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Delivery {
    pub(crate) transaction: TransactionId,
    pub(crate) usage: DialogId,
}

impl Transactions {
    pub(crate) fn new(config: TimerConfig) -> Self {
        Self {
            config,
            clients: BTreeMap::new(),
            client_keys: BTreeMap::new(),
            servers: BTreeMap::new(),
            server_keys: BTreeMap::new(),
            by_usage: BTreeSet::new(),
            by_connection: BTreeSet::new(),
            deaf: Deaf::default(),
            bereft: BTreeSet::new(),
            timers: TimerQueue::default(),
            out: VecDeque::new(),
            last: 0,
        }
    }

    /// How many are alive.
    pub(crate) fn len(&self) -> usize {
        self.clients.len() + self.servers.len()
    }

    /// Whether a usage has any left.
    pub(crate) fn any_of(&self, usage: DialogId) -> bool {
        let all = (usage, TransactionId(0))..=(usage, TransactionId(u64::MAX));
        self.by_usage.range(all).next().is_some()
    }

    /// Whether all that a usage has left only wait for repetitions of what has come before.
    pub(crate) fn only_linger(&self, usage: DialogId) -> bool {
        let all = (usage, TransactionId(0))..=(usage, TransactionId(u64::MAX));
        self.by_usage.range(all).all(|(_, id)| {
            let client = self.clients.get(id).map(|it| it.machine.lingers());
            client.or_else(|| Some(self.servers.get(id)?.machine.lingers())) == Some(true)
        })
    }

    /// The usages that lost a transaction since the last call, or one of which began to linger.
    pub(crate) fn take_bereft(&mut self) -> BTreeSet<DialogId> {
        std::mem::take(&mut self.bereft)
    }

    pub(crate) fn poll_output(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    /// Puts an event among the packets, in order.
    pub(crate) fn push(&mut self, output: Output) {
        self.out.push_back(output);
    }

    /// Sends bytes outside any transaction.
    pub(crate) fn transmit(&mut self, flow: Flow, bytes: Bytes) {
        self.push(Output::Transmit { flow, bytes });
    }

    /// Sends a request in a new client transaction; `request` is what `bytes` say.
    pub(crate) fn start_client(
        &mut self,
        now: Instant,
        flow: Flow,
        (request, bytes): (Box<Request>, Bytes),
        retry: Retry,
        usage: DialogId,
    ) -> Option<TransactionId> {
        let key = ClientKey::of_request(&request)?;
        let id = self.fresh(usage, flow);
        let rules = self.rules(flow);
        let mut actions = Vec::with_capacity(3);
        let machine = if key.is_invite() {
            let state = client_invite::State::start(bytes, &rules, &mut actions);
            ClientMachine::Invite(state, request)
        } else {
            ClientMachine::Request(client_request::State::start(bytes, &rules, &mut actions))
        };
        self.client_keys.insert(key.clone(), id);
        self.clients.insert(
            id,
            Client {
                key,
                flow,
                usage,
                machine,
                retry,
            },
        );
        self.carry_out(now, id, flow, actions);
        Some(id)
    }

    /// The request of a client INVITE transaction that is alive, and the flow on which it was sent.
    pub(crate) fn invite(&self, id: TransactionId) -> Option<(&Request, Flow)> {
        let client = self.clients.get(&id)?;
        match &client.machine {
            ClientMachine::Invite(_, request) => Some((request, client.flow)),
            ClientMachine::Request(_) => None,
        }
    }

    /// The flow of a dialog that an INVITE makes: one that is no datagram only for its size leads to
    /// others that may be.
    pub(crate) fn flow_of(&self, id: TransactionId) -> Option<Flow> {
        let client = self.clients.get(&id)?;
        Some(match &client.retry {
            Retry::Datagram(datagram) => datagram.flow,
            Retry::Never | Retry::Again => client.flow,
        })
    }

    /// Whether that peer took no connection lately.
    pub(crate) fn is_deaf(&self, now: Instant, peer: SocketAddr) -> bool {
        self.deaf.holds(now, peer)
    }

    /// Whose a client transaction is.
    pub(crate) fn usage_of(&self, id: TransactionId) -> Option<DialogId> {
        Some(self.clients.get(&id)?.usage)
    }

    fn owner_of(&self, id: TransactionId) -> Option<DialogId> {
        let client = self.clients.get(&id).map(|it| it.usage);
        client.or_else(|| Some(self.servers.get(&id)?.usage))
    }

    /// Takes a response from the network.
    pub(crate) fn response(&mut self, now: Instant, response: &Response) -> Option<Delivery> {
        let id = *self.client_keys.get(&ClientKey::of_response(response)?)?;
        let client = self.clients.get_mut(&id)?;
        let (flow, usage) = (client.flow, client.usage);
        let rules = Rules {
            timers: self.config,
            reliable: reliable(flow),
        };
        let mut actions = Vec::new();
        client.machine.response(response, &rules, &mut actions);
        let happened = self.carry_out(now, id, flow, actions);
        happened.delivered.then_some(Delivery {
            transaction: id,
            usage,
        })
    }

    /// Takes a request from the network, if it belongs to a transaction.
    pub(crate) fn request(&mut self, now: Instant, key: &ServerKey, ack: bool) -> Arrival {
        let Some(id) = self.server_keys.get(key).copied() else {
            return Arrival::New;
        };
        let Some(server) = self.servers.get_mut(&id) else {
            return Arrival::New;
        };
        let flow = server.flow;
        let rules = Rules {
            timers: self.config,
            reliable: reliable(flow),
        };
        let mut actions = Vec::new();
        match &mut server.machine {
            ServerMachine::Invite(state) => {
                let input = if ack {
                    server_invite::Input::Ack
                } else {
                    server_invite::Input::Invite
                };
                replace(state, server_invite::State::Terminated, |s| {
                    s.step(input, &rules, &mut actions)
                });
            }
            ServerMachine::Request(state) => {
                replace(state, server_request::State::Terminated, |s| {
                    s.step(server_request::Input::Request, &rules, &mut actions)
                });
            }
        }
        if self.carry_out(now, id, flow, actions).delivered {
            Arrival::Ack
        } else {
            Arrival::Absorbed
        }
    }

    /// The server transaction with this key.
    pub(crate) fn server(&self, key: &ServerKey) -> Option<(TransactionId, DialogId)> {
        let id = *self.server_keys.get(key)?;
        Some((id, self.servers.get(&id)?.usage))
    }

    /// Begins a server transaction for a request that belongs to none. `flow` is where its
    /// responses go.
    pub(crate) fn start_server(
        &mut self,
        key: ServerKey,
        flow: Flow,
        usage: DialogId,
    ) -> TransactionId {
        let id = self.fresh(usage, flow);
        let machine = if key.is_invite() {
            ServerMachine::Invite(server_invite::State::Proceeding { last: None })
        } else {
            ServerMachine::Request(server_request::State::Trying)
        };
        self.server_keys.insert(key.clone(), id);
        self.servers.insert(
            id,
            Server {
                key,
                flow,
                usage,
                machine,
            },
        );
        id
    }

    /// Sends a response through its transaction; nothing happens if that is gone or past it.
    pub(crate) fn respond(&mut self, now: Instant, id: TransactionId, status: u16, bytes: Bytes) {
        let Some(server) = self.servers.get_mut(&id) else {
            return;
        };
        let flow = server.flow;
        let rules = Rules {
            timers: self.config,
            reliable: reliable(flow),
        };
        let mut actions = Vec::new();
        match &mut server.machine {
            ServerMachine::Invite(state) => {
                let input = match status {
                    100..=199 => server_invite::Input::Provisional(bytes),
                    200..=299 => server_invite::Input::Success(bytes),
                    _ => server_invite::Input::Failure(bytes),
                };
                replace(state, server_invite::State::Terminated, |s| {
                    s.step(input, &rules, &mut actions)
                });
            }
            ServerMachine::Request(state) => {
                replace(state, server_request::State::Terminated, |s| {
                    s.step(server_request::Input::Final(bytes), &rules, &mut actions)
                });
            }
        }
        self.carry_out(now, id, flow, actions);
    }

    /// Fires a timer; says so if a request of ours has timed out by it.
    pub(crate) fn fire(
        &mut self,
        now: Instant,
        id: TransactionId,
        timer: Timer,
    ) -> Option<Delivery> {
        let mut actions = Vec::new();
        let (flow, calling) = if let Some(client) = self.clients.get_mut(&id) {
            let rules = Rules {
                timers: self.config,
                reliable: reliable(client.flow),
            };
            client.machine.timer(timer, &rules, &mut actions);
            (client.flow, Some(client.usage))
        } else {
            let server = self.servers.get_mut(&id)?;
            let rules = Rules {
                timers: self.config,
                reliable: reliable(server.flow),
            };
            server.machine.timer(timer, &rules, &mut actions);
            (server.flow, None)
        };
        let happened = self.carry_out(now, id, flow, actions);
        let usage = calling.filter(|_| happened.timed_out)?;
        Some(Delivery {
            transaction: id,
            usage,
        })
    }

    /// Forgets a transaction, whatever its state (RFC 3261 §9.1: an INVITE whose CANCEL brought no
    /// final response).
    pub(crate) fn abandon(&mut self, id: TransactionId) {
        let (usage, flow) = if let Some(client) = self.clients.remove(&id) {
            self.client_keys.remove(&client.key);
            (client.usage, client.flow)
        } else if let Some(server) = self.servers.remove(&id) {
            self.server_keys.remove(&server.key);
            (server.usage, server.flow)
        } else {
            return;
        };
        self.by_connection.remove(&(flow, id));
        self.timers.stop_all(Owner::Transaction(id));
        self.by_usage.remove(&(usage, id));
        self.bereft.insert(usage);
    }

    /// A connection is lost. Responses that are still to come go to the sent-by of their requests
    /// (RFC 3261 §18.2.2); requests to which nothing has come have failed (§17.1.4), unless they are
    /// tried again: these.
    pub(crate) fn disconnected(&mut self, now: Instant, flow: Flow) -> Vec<Delivery> {
        let all = (flow, TransactionId(0))..=(flow, TransactionId(u64::MAX));
        let lost: Vec<_> = self.by_connection.range(all).map(|(_, id)| *id).collect();
        let mut failed = Vec::new();
        for id in lost {
            if let Some(server) = self.servers.get_mut(&id) {
                self.by_connection.remove(&(flow, id));
                server.flow.remote.set_port(server.key.port());
                self.by_connection.insert((server.flow, id));
                continue;
            }
            if self.again(now, id) {
                continue;
            }
            let rules = self.rules(flow);
            let Some(client) = self.clients.get_mut(&id) else {
                continue;
            };
            let delivery = Delivery {
                transaction: id,
                usage: client.usage,
            };
            let mut actions = Vec::new();
            client.machine.disconnected(&rules, &mut actions);
            if self.carry_out(now, id, flow, actions).timed_out {
                failed.push(delivery);
            }
        }
        failed
    }

    fn fresh(&mut self, usage: DialogId, flow: Flow) -> TransactionId {
        self.last += 1;
        let id = TransactionId(self.last);
        if flow.transport.is_reliable() {
            self.by_connection.insert((flow, id));
        }
        self.by_usage.insert((usage, id));
        id
    }

    fn rules(&self, flow: Flow) -> Rules {
        Rules {
            timers: self.config,
            reliable: reliable(flow),
        }
    }

    pub(super) fn carry_out(
        &mut self,
        now: Instant,
        id: TransactionId,
        flow: Flow,
        actions: Vec<Action>,
    ) -> Happened {
        let mut happened = Happened::default();
        for action in actions {
            match action {
                Action::Send(bytes) => self.transmit(flow, bytes),
                Action::Start(timer, after) => {
                    if matches!(timer, Timer::D | Timer::I | Timer::J | Timer::K) {
                        self.bereft.extend(self.owner_of(id));
                    }
                    self.timers
                        .start(Owner::Transaction(id), timer, now + after);
                }
                Action::Stop(timer) => self.timers.stop(Owner::Transaction(id), timer),
                Action::Deliver => happened.delivered = true,
                Action::TimedOut => happened.timed_out = true,
                Action::Done => self.abandon(id),
            }
        }
        happened
    }
}

/// What the actions of one step mean to the transaction's user.
#[derive(Default)]
pub(super) struct Happened {
    delivered: bool,
    timed_out: bool,
}

impl ClientMachine {
    fn lingers(&self) -> bool {
        use client_invite::State as Invite;
        use client_request::State as Request;
        match self {
            Self::Invite(state, _) => matches!(
                state,
                Invite::Completed { .. } | Invite::Accepted | Invite::Terminated
            ),
            Self::Request(state) => matches!(state, Request::Completed | Request::Terminated),
        }
    }

    fn response(&mut self, response: &Response, rules: &Rules, actions: &mut Vec<Action>) {
        let status = response.status();
        match self {
            Self::Invite(state, request) => {
                let input = match status {
                    100..=199 => client_invite::Input::Provisional,
                    200..=299 => client_invite::Input::Success,
                    _ => match state {
                        // The ACK is made once; a repeated refusal gets the same bytes.
                        client_invite::State::Completed { ack } => {
                            client_invite::Input::Failure(ack.clone())
                        }
                        _ => match ack_of_refusal(request, response) {
                            Ok(ack) => client_invite::Input::Failure(ack),
                            Err(error) => {
                                tracing::error!(%error, "no ACK can be made");
                                return;
                            }
                        },
                    },
                };
                replace(state, client_invite::State::Terminated, |s| {
                    s.step(input, rules, actions)
                });
            }
            Self::Request(state) => {
                let input = match status {
                    100..=199 => client_request::Input::Provisional,
                    _ => client_request::Input::Final,
                };
                replace(state, client_request::State::Terminated, |s| {
                    s.step(input, rules, actions)
                });
            }
        }
    }

    fn disconnected(&mut self, rules: &Rules, actions: &mut Vec<Action>) {
        match self {
            Self::Invite(state, _) => replace(state, client_invite::State::Terminated, |s| {
                s.step(client_invite::Input::Disconnected, rules, actions)
            }),
            Self::Request(state) => replace(state, client_request::State::Terminated, |s| {
                s.step(client_request::Input::Disconnected, rules, actions)
            }),
        }
    }

    fn timer(&mut self, timer: Timer, rules: &Rules, actions: &mut Vec<Action>) {
        match self {
            Self::Invite(state, _) => replace(state, client_invite::State::Terminated, |s| {
                s.step(client_invite::Input::Timer(timer), rules, actions)
            }),
            Self::Request(state) => replace(state, client_request::State::Terminated, |s| {
                s.step(client_request::Input::Timer(timer), rules, actions)
            }),
        }
    }
}

impl ServerMachine {
    fn lingers(&self) -> bool {
        use server_invite::State as Invite;
        use server_request::State as Request;
        match self {
            Self::Invite(state) => matches!(
                state,
                Invite::Confirmed | Invite::Accepted | Invite::Terminated
            ),
            Self::Request(state) => {
                matches!(state, Request::Completed { .. } | Request::Terminated)
            }
        }
    }

    fn timer(&mut self, timer: Timer, rules: &Rules, actions: &mut Vec<Action>) {
        match self {
            Self::Invite(state) => replace(state, server_invite::State::Terminated, |s| {
                s.step(server_invite::Input::Timer(timer), rules, actions)
            }),
            Self::Request(state) => replace(state, server_request::State::Terminated, |s| {
                s.step(server_request::Input::Timer(timer), rules, actions)
            }),
        }
    }
}

fn reliable(flow: Flow) -> bool {
    flow.transport.is_reliable()
}

/// Steps a state in place; `gap` is what a panic in `step` would leave behind.
fn replace<S>(state: &mut S, gap: S, step: impl FnOnce(S) -> S) {
    let before = std::mem::replace(state, gap);
    *state = step(before);
}
