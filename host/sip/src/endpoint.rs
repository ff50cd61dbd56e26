//! A SIP user agent without sockets: messages and orders in, messages and events out.
//!
//! Owns the transactions, the INVITE usages and their timers, and the rules of RFC 3261 §8, §9 and
//! §12–§15 that join them. Refuses to know who may call whom, what SDP means, and what time it is.
//!
//! Requests that belong to no call are answered without state (RFC 3261 §8.2.7): a scanner gets an
//! answer, but no memory of ours.

mod asking;
mod body;
mod challenged;
mod config;
mod connections;
mod inbound;
mod info;
mod inform;
mod orders;
mod outbound;
mod prack;
pub(crate) mod proofs;
mod random;
mod receive;
mod refer;
mod registering;
mod reinvite;
mod reliable;
mod reoffer;
mod room;
mod scanners;
mod session;
mod size;
#[cfg(test)]
mod tests;
mod transfer;
mod unproven;
mod update;
mod write;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use asking::Asked;
pub use config::{Challenges, Config, Counts, Listeners, Refusals};
use connections::Connections;
pub use orders::OWN_HEADERS;
use random::Random;
use receive::Source;
use registering::Open;
pub use room::Reached;
pub use unproven::Unproven;

use crate::dialog::{Referral, State, Usage};
use crate::event::{DialogId, Event, Input, Output, RequestId};
use crate::transaction::{Owner, Timer, Transactions};

/// One user agent: the sans-IO whole of SIP on one shard.
///
/// After every `handle_*`, drain [`poll_output`](Self::poll_output) until `None`, then arrange for
/// [`handle_timeout`](Self::handle_timeout) at [`poll_timeout`](Self::poll_timeout).
#[derive(Debug)]
pub struct Endpoint {
    config: Config,
    random: Random,
    transactions: Transactions,
    usages: BTreeMap<DialogId, Usage>,
    /// By our tag.
    by_tag: BTreeMap<String, DialogId>,
    /// Inbound usages by Call-ID and From tag: copies of an INVITE that came by another way, or too
    /// late (RFC 3261 §8.2.2.2).
    inbound: BTreeMap<(String, String), DialogId>,
    /// Which usages have their dialog on which connection.
    connections: Connections,
    /// Requests that the owner is to answer.
    requests: BTreeMap<RequestId, Open>,
    /// Requests of ours outside calls.
    asked: BTreeMap<RequestId, Asked>,
    /// Usages that ended since the last `reap`.
    ended: BTreeSet<DialogId>,
    last_dialog: u64,
    draining: bool,
    refusals: Refusals,
}

impl Endpoint {
    /// An endpoint at rest. Everything random (tags, branches) comes from `seed`.
    pub fn new(config: Config, seed: [u8; 32]) -> Self {
        Self {
            random: Random::new(seed),
            transactions: Transactions::new(config.timers),
            config,
            usages: BTreeMap::new(),
            by_tag: BTreeMap::new(),
            inbound: BTreeMap::new(),
            connections: Connections::default(),
            requests: BTreeMap::new(),
            asked: BTreeMap::new(),
            ended: BTreeSet::new(),
            last_dialog: 0,
            draining: false,
            refusals: Refusals::default(),
        }
    }

    /// A fresh handle for an [`Invite`](crate::Invite).
    pub fn new_dialog(&mut self) -> DialogId {
        self.last_dialog += 1;
        DialogId(self.last_dialog)
    }

    /// A fresh handle for [`Input::Begin`].
    pub fn new_request(&mut self) -> RequestId {
        RequestId(self.new_dialog().0)
    }

    /// Takes a packet from the network or an order from the owner. Nothing here can fail: what is
    /// wrong on the network is answered or dropped, what is wrong with an order comes back as an
    /// event, and an order for a call that has ended is ignored.
    pub fn handle_input(&mut self, now: Instant, input: Input) {
        match input {
            Input::Packet { flow, bytes } => self.packet(now, flow, &bytes, Source::Known),
            Input::Stranger { flow, bytes } => {
                // Whoever has made a connection is at its address.
                let forgeable = !flow.transport.is_reliable();
                let octets = if forgeable { bytes.len() } else { usize::MAX };
                self.packet(now, flow, &bytes, Source::Stranger { octets });
            }
            Input::Challenge { asked, challenges } => self.order_challenge(*asked, challenges),
            Input::Refuse { asked, status } => self.order_refuse(&asked, status),
            Input::Admit { asked, proven } => self.order_admit(now, *asked, proven),
            Input::Begin { asked, request } => self.order_begin(*asked, request),
            Input::Answer {
                request,
                status,
                headers,
            } => self.order_answer(now, request, status, headers),
            Input::Disconnected { flow } => self.disconnected(now, flow),
            Input::Ask(ask) => self.order_ask(now, *ask),
            Input::Invite(invite) => self.order_invite(now, *invite),
            Input::Progress {
                dialog,
                status,
                sdp,
            } => {
                self.order_progress(now, dialog, status, sdp);
            }
            Input::Accept { dialog, sdp } => self.order_accept(now, dialog, sdp),
            Input::Redirect { dialog, contact } => self.order_redirect(now, dialog, &contact),
            Input::Release { dialog, status } => self.order_release(now, dialog, status),
            Input::Reanswer { dialog, answer } => self.order_reanswer(now, dialog, answer),
            Input::Reoffer { dialog, sdp } => self.order_reoffer(now, dialog, sdp),
            Input::Because { dialog, q850 } => self.order_because(dialog, q850),
            Input::Warn { dialog, code, text } => self.order_warn(dialog, code, &text),
            Input::Login { dialog, login } => self.order_login(dialog, login),
            Input::Refer {
                dialog,
                to,
                by,
                replaces,
            } => self.order_refer(now, dialog, to, &by, replaces.as_ref()),
            Input::Info { dialog, key } => self.order_info(now, dialog, key),
            Input::Referral { dialog, answer } => self.order_referral(now, dialog, answer),
            Input::Notify { dialog, status } => self.order_notify(now, dialog, status),
            Input::Drain => self.draining = true,
        }
        self.reap(now);
    }

    /// Fires every timer that is due at `now`.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some((owner, timer)) = self.transactions.timers.pop(now) {
            match owner {
                Owner::Transaction(id) if timer == Timer::ReinviteWait => {
                    self.reinvite_overdue(now, id);
                }
                Owner::Transaction(id) => {
                    if let Some(unanswered) = self.transactions.fire(now, id, timer) {
                        self.unanswered(now, unanswered, 408);
                    }
                }
                Owner::Usage(id) => self.usage_timer(now, id, timer),
            }
        }
        self.reap(now);
    }

    /// The next thing to do; `None` when there is nothing until the next `handle_*`.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.transactions.poll_output()
    }

    /// When to call [`handle_timeout`](Self::handle_timeout); `None` when no timer runs.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.transactions.timers.next()
    }

    /// Whether anything came to an INVITE of ours that is unanswered, be it a 100.
    pub fn hears(&self, dialog: DialogId) -> bool {
        let state = self.usages.get(&dialog).map(|usage| &usage.state);
        matches!(state, Some(State::Calling { answered: true, .. }))
    }

    /// What was not taken, since the start.
    pub fn refusals(&self) -> &Refusals {
        &self.refusals
    }

    /// What is alive: all zero at rest.
    pub fn counts(&self) -> Counts {
        Counts {
            transactions: self.transactions.len(),
            dialogs: self.usages.len(),
            timers: self.transactions.timers.len(),
        }
    }

    fn usage_timer(&mut self, now: Instant, id: DialogId, timer: Timer) {
        match timer {
            Timer::Retransmit2xx => self.repeat_2xx(now, id),
            Timer::AckWait => self.ack_missing(now, id),
            Timer::CancelWait => self.cancel_unanswered(id),
            Timer::Expires => self.invite_expired(now, id),
            Timer::Progress => self.repeat_progress(now, id),
            Timer::Retransmit1xx => self.repeat_1xx(now, id),
            Timer::PrackWait => self.prack_missing(now, id),
            Timer::Refresh => self.refresh_due(now, id),
            Timer::SessionExpires => self.session_expired(now, id),
            Timer::Referral => self.referral_overdue(now, id),
            Timer::Transfer => self.transferred(id, 408),
            Timer::Quiet => self.gone(id),
            // The rest are transactions'.
            _ => {}
        }
    }

    fn emit(&mut self, event: Event) {
        self.transactions.push(Output::Event(event));
    }

    /// Nothing more will be said of this usage but `Gone`; what was known of its call is dropped.
    fn end(&mut self, id: DialogId) {
        if let Some(usage) = self.usages.get_mut(&id) {
            usage.state = State::Ended;
            self.transactions.timers.stop_all(Owner::Usage(id));
            if let Some(Referral::Told(told)) = &usage.refers.theirs {
                let timers = &mut self.transactions.timers;
                timers.start(Owner::Usage(id), Timer::Referral, told.until);
            }
            self.ended.insert(id);
        }
    }

    /// Forgets every usage of which nothing is left. One of which transactions only linger is over
    /// for its owner, as soon as nothing of it can be under way any more.
    fn reap(&mut self, now: Instant) {
        let mut candidates = self.transactions.take_bereft();
        candidates.append(&mut self.ended);
        for id in candidates {
            let over = |usage: &&mut Usage| usage.is_ended() && !usage.refers.is_telling();
            let Some(usage) = self.usages.get_mut(&id).filter(over) else {
                continue;
            };
            if !self.transactions.any_of(id) {
                self.forget(id);
            } else if !usage.quiet && self.transactions.only_linger(id) {
                usage.quiet = true;
                let at = now + self.config.timers.t4;
                let timers = &mut self.transactions.timers;
                timers.start(Owner::Usage(id), Timer::Quiet, at);
            }
        }
    }

    fn gone(&mut self, id: DialogId) {
        if let Some(usage) = self.usages.get_mut(&id)
            && !std::mem::replace(&mut usage.gone, true)
        {
            self.emit(Event::Gone { dialog: id });
        }
    }

    fn forget(&mut self, id: DialogId) {
        self.gone(id);
        self.transactions.timers.stop_all(Owner::Usage(id));
        let Some(usage) = self.usages.remove(&id) else {
            return;
        };
        self.connections.forget(id);
        self.by_tag.remove(&usage.local_tag);
        if let Some(remote_tag) = usage.remote_tags.into_iter().next() {
            let key = (usage.call_id, remote_tag);
            // A later INVITE of the same caller may have taken the place.
            if self.inbound.get(&key) == Some(&id) {
                self.inbound.remove(&key);
            }
        }
    }
}
