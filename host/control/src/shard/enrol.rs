//! The trunks that this shard registers with their carriers: the REGISTERs, and what their answers say.
//!
//! [`Enrolment`] decides what is asked for next, and when. A node that starts registers its trunks
//! afresh: their Contacts are the same as before, so that what a registrar still has of us is replaced.

use std::collections::BTreeMap;

use model::{Hop, Now, Registration, Target, TrunkId, limits};
use sip::{
    Conduct, Flow,
    wire::{Method, Response},
};

use super::{Shard, peers::Purpose, through::proof};
use crate::{
    News, Output, ServiceRoute,
    enrol::{Enrolment, Heard, Step, Terms},
    hop::hop,
    timers::Due,
};

/// The trunks that this shard registers.
#[derive(Debug, Default)]
pub(super) struct Enrolments {
    all: BTreeMap<TrunkId, Enrolment>,
    /// Final answers to REGISTERs of ours, by status.
    answers: BTreeMap<u16, u64>,
}

impl Enrolments {
    /// What is known of one.
    pub(super) fn status(&self, now: Now, trunk: TrunkId) -> Option<Registration> {
        Some(self.all.get(&trunk)?.status(now))
    }

    /// Where one is registered, and is to stay so.
    fn place(&self, now: Now, trunk: TrunkId) -> Option<Hop> {
        let enrolment = self.all.get(&trunk).filter(|it| !it.is_leaving());
        enrolment?.place(now.mono)
    }
}

/// How many trunks a shard registers, and what came of it since its start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Enrolled {
    /// Those that are to be registered.
    pub wanted: usize,
    /// Those that are.
    pub registered: usize,
    /// Final answers to REGISTERs of ours, by status; 408: none.
    pub answers: BTreeMap<u16, u64>,
}

impl Shard {
    /// How its trunks are registered.
    pub fn enrolled(&self, now: Now) -> Enrolled {
        let all = self.peers.enrolments.all.values();
        let registered = all.clone().filter(|it| it.status(now).until.is_some());
        Enrolled {
            wanted: all.filter(|it| !it.is_leaving()).count(),
            registered: registered.count(),
            answers: self.peers.enrolments.answers.clone(),
        }
    }

    /// How many trunks end their registration.
    pub(super) fn trunks_leaving(&self) -> usize {
        let all = self.peers.enrolments.all.values();
        all.filter(|it| it.is_leaving()).count()
    }

    /// A trunk is to be registered by these terms from now on, or no longer.
    pub(super) fn enrol_by(&mut self, now: Now, trunk: TrunkId, terms: Option<Terms>) {
        let known = self.peers.enrolments.all.get(&trunk);
        match (known, terms) {
            (None, Some(terms)) => self.begin_enrolment(now, trunk, terms),
            (Some(it), Some(terms)) if it.terms == terms && !it.is_leaving() => {
                if it.is_nowhere() {
                    self.enrol_due(now, trunk);
                }
            }
            (Some(_), terms) => self.enrol(now, trunk, |it, _| it.leave(now.mono, terms)),
            (None, None) => {}
        }
    }

    /// The node takes nothing new: whoever would call by its carriers is to hear so from them.
    pub(super) fn leave_carriers(&mut self, now: Now) {
        let all: Vec<_> = self.peers.enrolments.all.keys().copied().collect();
        for trunk in all {
            self.enrol(now, trunk, |it, _| it.leave(now.mono, None));
        }
    }

    /// A trunk is to be registered, or its registrar has had its time.
    pub(super) fn enrol_due(&mut self, now: Now, trunk: TrunkId) {
        let Some(it) = self.peers.enrolments.all.get(&trunk) else {
            return;
        };
        let registrars = it
            .terms
            .registrars
            .iter()
            .map(|(peer, p, w)| (peer, *p, *w));
        let ids = &mut self.ids;
        let places = self
            .gateways
            .in_order(it.terms.transport, registrars, || ids.number());
        self.enrol(now, trunk, |it, _| it.due(now.mono, places));
    }

    /// A connection is lost, perhaps one over which a carrier calls us.
    pub(super) fn carrier_lost(&mut self, now: Now, flow: Flow) {
        let place = hop(flow);
        let all = self.peers.enrolments.all.iter();
        let there = all.filter(|(_, it)| it.is_at(place));
        for trunk in there.map(|(trunk, _)| *trunk).collect::<Vec<_>>() {
            self.enrol(now, trunk, |it, lot| it.lost(now.mono, place, lot));
        }
    }

    /// A REGISTER of a trunk was answered, or nobody did.
    pub(super) fn enrol_told(
        &mut self,
        now: Now,
        trunk: TrunkId,
        status: u16,
        response: Option<&Response>,
    ) {
        let answers = &mut self.peers.enrolments.answers;
        *answers.entry(status).or_default() += 1;
        let heard = response.map_or_else(Heard::default, |it| heard(trunk, it));
        self.enrol(now, trunk, |it, lot| {
            it.told(now, Heard { status, ..heard }, lot)
        });
        if let Some(response) = response.filter(|_| (200..=299).contains(&status)) {
            self.believe(trunk);
            self.learn_route(now, trunk, response);
        }
    }

    fn begin_enrolment(&mut self, now: Now, trunk: TrunkId, terms: Terms) {
        if self.draining {
            return;
        }
        let enrolment = Enrolment::new(terms, self.mint_sip_call_id());
        self.peers.enrolments.all.insert(trunk, enrolment);
        let at = now.mono + Enrolment::first(self.ids.number());
        self.timers.set(Due::Enrol(trunk), at);
    }

    /// Something happens to the enrolment of a trunk; what follows is done.
    fn enrol(
        &mut self,
        now: Now,
        trunk: TrunkId,
        happens: impl FnOnce(&mut Enrolment, u64) -> Step,
    ) {
        let lot = self.ids.number();
        let Some(it) = self.peers.enrolments.all.get_mut(&trunk) else {
            return;
        };
        let before = it.status(now);
        let was_leaving = it.is_leaving();
        let step = happens(it, lot);
        let begins_to_leave = !was_leaving && it.is_leaving();
        tell(trunk, before, it.status(now));
        if begins_to_leave {
            let at = now.mono + limits::REGISTER_LEAVING;
            self.timers.set(Due::Enrol(trunk), at);
        }
        match step {
            Step::Ask(at, seconds) => self.send_register(now, trunk, at, seconds),
            Step::Rest(time) => self.timers.set(Due::Enrol(trunk), now.mono + time),
            Step::Wait => {}
            Step::Over => self.end_enrolment(now, trunk),
        }
    }

    /// What there was is over; what it is to be registered by instead begins.
    fn end_enrolment(&mut self, now: Now, trunk: TrunkId) {
        self.timers.stop(&Due::Enrol(trunk));
        let asked = &mut self.peers.asked;
        asked.retain(|_, purpose| *purpose != Purpose::Enrol(trunk));
        let ended = self.peers.enrolments.all.remove(&trunk);
        if let Some(terms) = ended.and_then(Enrolment::into_next) {
            self.begin_enrolment(now, trunk, terms);
        }
    }

    fn send_register(&mut self, now: Now, trunk: TrunkId, at: Hop, seconds: u32) {
        let (request, flow) = (self.sip.new_request(), self.flow_to(&Target::from(at)));
        let Some(it) = self.peers.enrolments.all.get_mut(&trunk) else {
            return;
        };
        let ask = sip::Ask {
            request,
            flow,
            method: Method::REGISTER,
            uri: it.terms.uri.clone(),
            from: it.terms.own.clone(),
            to: it.terms.own.clone(),
            contact: Some(trunk.to_string()),
            call_id: it.call_id.clone(),
            cseq: it.next_cseq(),
            headers: vec![("Expires".to_owned(), seconds.to_string())],
            login: Some(proof(&it.terms.register.login)),
        };
        self.peers.asked.insert(request, Purpose::Enrol(trunk));
        let ask = sip::Input::Ask(Box::new(ask));
        self.sip.handle_input(now.mono, ask);
    }

    /// Its registrar says by way of which proxies it wants calls; every shard is to know.
    fn learn_route(&mut self, now: Now, trunk: TrunkId, response: &Response) {
        let Some(at) = self.peers.enrolments.place(now, trunk) else {
            return;
        };
        let route = ServiceRoute::of(trunk, at, &response.headers().service_routes());
        let says_something = !route.uris.is_empty();
        let is_new = self.peers.routes.set(route.clone());
        // What is known is said again, as news may be lost.
        if (is_new || says_something) && self.config.placement.shards() > 1 {
            self.out.push_back(Output::News(News::Route(route)));
        }
    }

    /// Another shard has learned by way of what a trunk wants calls.
    pub(super) fn route_told(&mut self, route: ServiceRoute) {
        let mut trunks = self.tenants.values().flat_map(|tenant| &tenant.trunks);
        if trunks.any(|trunk| trunk.id == route.trunk) {
            self.peers.routes.set(route);
        }
    }

    /// Its carrier has shown that it knows us: its messages are heard at the rate of those who are known,
    /// also where it is by name alone, and also from those of its places that were not asked.
    fn believe(&mut self, trunk: TrunkId) {
        let trunks = self.tenants.values().flat_map(|tenant| &tenant.trunks);
        let Some(trunk) = trunks.into_iter().find(|it| it.id == trunk) else {
            return;
        };
        let conduct = Conduct::Proven;
        let sources = self.gateways.carrier(trunk);
        let known = sources.map(|source| Output::Conduct { source, conduct });
        self.out.extend(known);
    }
}

/// What an answer says to us: of all Contacts that it lists one is ours.
fn heard(trunk: TrunkId, response: &Response) -> Heard {
    let headers = response.headers();
    let seconds = |text: &str| text.trim().parse().ok();
    let (name, contacts) = (trunk.to_string(), headers.contacts());
    let ours = contacts.iter().find(|it| it.uri.user() == Some(&name));
    let expires = ours.and_then(|it| seconds(it.params().get("expires")?));
    Heard {
        status: response.status(),
        granted: expires.or(headers.expires()),
        min_expires: headers.get("Min-Expires").and_then(seconds),
        retry_after: headers.retry_after(),
    }
}

/// Whoever runs the node hears what has changed, and nothing else.
fn tell(trunk: TrunkId, before: Registration, after: Registration) {
    let failed = |it: Registration| it.failure.map(|failure| failure.status);
    if before.until.is_none() && after.until.is_some() {
        tracing::info!(%trunk, "registered with its carrier");
    }
    if let Some(status) = failed(after).filter(|_| failed(before) != failed(after)) {
        tracing::warn!(%trunk, status, "its carrier does not register it");
    }
}
