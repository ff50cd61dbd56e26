//! The shard: its state, its four verbs, and how one input settles.
//!
//! Each submodule owns one kind of input or one kind of change; all of them change this one struct,
//! which nothing else writes to. An input is handled, then [`Shard::settle`] drains the endpoint until
//! it is silent, so that a caller sees all of an input's outputs before the next input.

mod ask;
mod attendant;
mod collect;
mod commands;
mod conferences;
mod counts;
mod digits;
mod enrol;
mod held;
mod hold;
mod join;
mod legs;
mod media;
mod peers;
mod play;
mod quality;
mod record;
mod register;
mod release;
mod rows;
mod sending;
mod sessions;
mod signal;
mod silence;
mod span;
mod terms;
mod through;
mod traces;
mod transfer;
mod turns;
mod upgrade;

use std::{
    collections::{BTreeMap, VecDeque},
    net::SocketAddr,
    sync::Arc,
    time::Instant,
};

use ::media::{PortId, srtp::Secrets};
use attendant::Attendant;
pub(crate) use collect::Collecting;
pub use counts::{Counts, Refusals, Registrar};
pub use enrol::Enrolled;
pub(crate) use held::Hold;
pub(crate) use legs::Legs;
use model::{
    CallId, Completion, Event, IdSource, Now, PeerName, SessionId, Target, TenantConfig, TenantId,
};
use peers::Peers;
use play::Listener;
pub(crate) use play::Playing;
pub(crate) use record::Recorder;
pub(crate) use sending::{Infos, Unsure};
use sip::{DialogId, Endpoint, Flow};

use join::is_inside;
use register::Registering;

use crate::{
    Conferences, Input, Meters, News, Output, Ticket,
    call::Call,
    door::Door,
    forwarded::Forwarded,
    gateways::Gateways,
    hop,
    locations::Locations,
    placement::Placement,
    session::Session,
    sources::Sources,
    timers::{Due, Timers},
};

/// What a shard is told once.
#[derive(Clone, Debug)]
pub struct ShardConfig {
    /// The node's number, 0 to 1023.
    pub node: u16,
    /// This shard's number, 0 to 63.
    pub shard: u8,
    /// Which Call-IDs belong to which shard.
    pub placement: Placement,
    /// What we are called where no listener of `sip.listeners` has the transport and the address
    /// family of a call: the peer reaches us over the connection that we made.
    pub listener: SocketAddr,
    /// The key of the nonces of digest authentication; all shards of a process have the same.
    pub digest_key: [u8; 32],
    /// The endpoint's settings.
    pub sip: sip::Config,
    /// What trunks may still take: the same for all shards of a node.
    pub meters: Meters,
    /// The conferences: the same for all shards of a node.
    pub conferences: Conferences,
    /// Whether keys of SRTP may stand in SDP that is not sent over TLS: whoever sees it can listen then.
    pub srtp_in_clear: bool,
    /// How long the party of an answered call may be silent, which was heard before: neither RTP nor RTCP
    /// while both may speak. Then the call ends. `None`: forever.
    pub media_timeout: Option<std::time::Duration>,
    /// Seeds ids, tags, branches, Call-IDs and keys.
    pub seed: [u8; 32],
}

/// The sans-IO whole of a shard.
#[derive(Debug)]
pub struct Shard {
    config: ShardConfig,
    sip: Endpoint,
    ids: IdSource,
    /// Keys of SRTP.
    secrets: Secrets,
    tenants: BTreeMap<TenantId, Arc<TenantConfig>>,
    sources: Sources,
    door: Door,
    locations: Locations,
    registering: BTreeMap<Ticket, Registering>,
    /// Answers to REGISTERs of phones that have proven who they are, by status.
    registrations: BTreeMap<u16, u64>,
    sessions: BTreeMap<SessionId, Session>,
    calls: BTreeMap<CallId, Call>,
    by_dialog: BTreeMap<DialogId, CallId>,
    by_port: BTreeMap<PortId, CallId>,
    /// Who plays into conferences and records them for sessions that live.
    attendants: BTreeMap<PortId, Attendant>,
    /// By the Call-ID header, for traces; none: two calls have it (one of them may be another
    /// tenant's), so that its messages are nobody's to see.
    by_sip_call_id: BTreeMap<String, Option<CallId>>,
    turns: BTreeMap<Ticket, SessionId>,
    /// Whose play waits for its prompts.
    loading: BTreeMap<Ticket, Listener>,
    /// Who waits for which CDR to be durable.
    durable: BTreeMap<Ticket, CallId>,
    live_calls: BTreeMap<TenantId, usize>,
    sessions_of: BTreeMap<TenantId, usize>,
    /// INVITEs that became no call, by the status of the refusal.
    refused: BTreeMap<u16, u64>,
    /// Dialogs of other shards whose messages come here.
    forwarded: Forwarded,
    /// Calls that a trunk with a cap had no place for.
    capped: u64,
    /// Events of sessions that had too many.
    events_lost: u64,
    /// Digits that no policy was told of, because they came too fast.
    digits_lost: u64,
    gateways: Gateways,
    peers: Peers,
    timers: Timers,
    next: u64,
    draining: bool,
    /// Every call was released; no new one is made.
    closing: bool,
    out: VecDeque<Output>,
    /// Messages of this input that no call has claimed yet: an INVITE is seen before its call is.
    unclaimed: Vec<(String, bool, String, bool)>,
}

impl Shard {
    /// A shard at rest.
    pub fn new(config: ShardConfig) -> Self {
        let mut ids = IdSource::new(config.seed, config.node, config.shard);
        Self {
            sip: Endpoint::new(
                sip::Config {
                    registrar: true,
                    ..config.sip.clone()
                },
                ids.seed(),
            ),
            door: Door::new(config.digest_key, config.shard, config.sip.challenges),
            locations: Locations::default(),
            registering: BTreeMap::new(),
            registrations: BTreeMap::new(),
            secrets: Secrets::new(config.seed),
            config,
            ids,
            tenants: BTreeMap::new(),
            sources: Sources::default(),
            sessions: BTreeMap::new(),
            calls: BTreeMap::new(),
            by_dialog: BTreeMap::new(),
            by_port: BTreeMap::new(),
            attendants: BTreeMap::new(),
            by_sip_call_id: BTreeMap::new(),
            turns: BTreeMap::new(),
            loading: BTreeMap::new(),
            durable: BTreeMap::new(),
            live_calls: BTreeMap::new(),
            sessions_of: BTreeMap::new(),
            refused: BTreeMap::new(),
            forwarded: Forwarded::default(),
            capped: 0,
            events_lost: 0,
            digits_lost: 0,
            gateways: Gateways::default(),
            peers: Peers::default(),
            timers: Timers::default(),
            next: 0,
            draining: false,
            closing: false,
            out: VecDeque::new(),
            unclaimed: Vec::new(),
        }
    }

    /// Takes one input.
    pub fn handle_input(&mut self, now: Now, input: Input) {
        match input {
            Input::Packet { flow, bytes } => self.packet(now, flow, bytes),
            Input::Sibling { flow, bytes } => self.hear_inside(now, flow, bytes),
            Input::Disconnected { flow } => {
                // First, so that what fails by it is tried elsewhere.
                self.locations.lose(flow);
                let lost = sip::Input::Disconnected { flow };
                self.sip.handle_input(now.mono, lost);
                self.carrier_lost(now, flow);
            }
            Input::TurnDone { ticket, outcome } => self.turn_done(now, ticket, outcome),
            Input::Media(event) => self.media_event(now, event),
            Input::Durable(ticket) => self.durable(now, ticket),
            Input::Prompts { ticket, prompts } => self.prompts(now, ticket, prompts.as_ref()),
            Input::Ask {
                ticket,
                tenant,
                ask,
            } => self.ask(now, ticket, tenant, ask),
            Input::Registered { ticket, result } => self.registered(now, ticket, result),
            Input::Bindings {
                tenant,
                user,
                bindings,
            } => self.located(tenant, &user, bindings),
            Input::Tenant(tenant) => {
                let before = self.tenants.insert(tenant.id, Arc::clone(&tenant));
                if let Some(before) = &before {
                    self.locations.changed(before, &tenant);
                    self.prompts_changed(before, &tenant);
                }
                self.peers_changed(now, before.as_deref(), Some(&tenant));
                self.know_tenants();
            }
            Input::TenantGone(tenant) => {
                let before = self.tenants.remove(&tenant);
                self.peers_changed(now, before.as_deref(), None);
                self.locations.gone(tenant);
                self.know_tenants();
            }
            Input::News(News::Gateway(news)) => self.gateways.heard(news),
            Input::News(News::Route(route)) => self.route_told(route),
            Input::News(News::Guess(guess)) => self.door.heard(now, &guess),
            Input::Named(named) => self.named(now, named),
            Input::Drain => {
                self.draining = true;
                self.sip.handle_input(now.mono, sip::Input::Drain);
                self.leave_carriers(now);
            }
            Input::ReleaseAll => self.release_all(now),
            Input::Flush => self.flush(),
        }
        self.settle(now);
    }

    /// Fires every timer that is due.
    pub fn handle_timeout(&mut self, now: Now) {
        self.sip.handle_timeout(now.mono);
        self.settle(now);
        while let Some(due) = self.timers.fire(now.mono) {
            match due {
                Due::Call(call) => {
                    let _span = self.span(call);
                    self.call_due(now, call);
                }
                Due::Align(call) => {
                    self.align(now, call);
                    self.change_hold(now, call);
                }
                Due::Asked(call) => self.answer_for(now, call),
                Due::Collect(call) => self.collected(now, call, Completion::Timeout),
                Due::Digit(call) => self.digit_came_alone(now, call),
                Due::Legs(call) => {
                    let _span = self.span(call);
                    self.legs_overdue(now, call);
                }
                Due::Record(call) => {
                    self.end_recording(now, call, model::Completion::Timeout);
                }
                Due::Probe(trunk, hop) => self.probe_due(now, trunk, hop),
                Due::Enrol(trunk) => self.enrol_due(now, trunk),
                Due::Policy(session, name) => {
                    if let Some(s) = self.sessions.get_mut(&session) {
                        s.timers.remove(&name);
                    }
                    self.tell(now, session, Event::Timer { name });
                }
            }
            self.settle(now);
        }
    }

    /// The next thing to do; `None` when there is nothing until the next `handle_*`.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    /// When to call [`handle_timeout`](Self::handle_timeout).
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.sip
            .poll_timeout()
            .into_iter()
            .chain(self.timers.next())
            .min()
    }

    /// The tenants have changed, or where their carriers are.
    fn know_tenants(&mut self) {
        self.sources = Sources::of(&self.tenants, &self.gateways);
        self.door.tenants(&self.tenants);
    }

    /// Drains the endpoint until it is silent.
    fn settle(&mut self, now: Now) {
        while let Some(output) = self.sip.poll_output() {
            match output {
                sip::Output::Transmit { flow, bytes } if is_inside(flow) => {
                    self.say_inside(now, flow, bytes);
                }
                sip::Output::Transmit { flow, bytes } => {
                    self.trace_message(now, &bytes, None);
                    self.out.push_back(Output::Transmit { flow, bytes });
                }
                sip::Output::Event(event) => self.signal(now, event),
            }
        }
        self.unclaimed.clear();
    }

    fn packet(&mut self, now: Now, flow: Flow, bytes: bytes::Bytes) {
        if is_inside(flow) {
            return;
        }
        let place = (&self.config.placement, self.config.shard);
        if (self.sources.know(flow) || self.locations.know(flow))
            && let Some(shard) = self
                .forwarded
                .owner(now.mono, place, flow.remote.ip(), &bytes)
        {
            let forwarded = Output::Sibling { shard, flow, bytes };
            return self.out.push_back(forwarded);
        }
        self.take_packet(now, flow, bytes);
    }

    /// A packet that is this shard's.
    fn take_packet(&mut self, now: Now, flow: Flow, bytes: bytes::Bytes) {
        self.trace_message(now, &bytes, Some(flow.remote));
        // Whom nobody knows may go on with a call, but costs us no memory to begin one; nor does a phone
        // that registered, whatever trunk has its address too.
        let phone = self.locations.know(flow) && !self.sources.has_line(flow);
        let input = if !phone && self.sources.know(flow) {
            sip::Input::Packet { flow, bytes }
        } else {
            sip::Input::Stranger { flow, bytes }
        };
        self.sip.handle_input(now.mono, input);
    }

    fn ticket(&mut self) -> Ticket {
        self.next += 1;
        Ticket(self.next)
    }

    fn new_port(&mut self) -> PortId {
        self.next += 1;
        PortId((u64::from(self.config.shard) << 56) | self.next)
    }

    fn deadline(&mut self, call: CallId, at: Option<Instant>) {
        match at {
            Some(at) => self.timers.set(Due::Call(call), at),
            None => self.timers.stop(&Due::Call(call)),
        }
    }

    fn flow_to(&self, target: &Target) -> Flow {
        let hop = target.hop;
        let transport = hop::transport(hop.transport);
        let listeners = &self.config.sip.listeners;
        let local = listeners.towards(transport, hop.address.ip());
        // A binding may be older than this process, and its listener no longer there.
        let ours = |local: &SocketAddr| {
            let hatch = hop.address.ip().is_unspecified();
            hatch
                || self
                    .config
                    .sip
                    .advertised
                    .contains_key(&(transport, *local))
        };
        let theirs = target.local.filter(ours);
        Flow {
            transport,
            local: theirs.or(local).unwrap_or(self.config.listener),
            remote: hop.address,
            name: hop.name.map(|PeerName(number)| sip::PeerName(number)),
        }
    }
}
