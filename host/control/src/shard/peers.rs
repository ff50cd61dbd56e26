//! What a shard does for trunks without being called: it checks their gateways, and registers them
//! (`enrol`).
//!
//! Each trunk is looked after by one shard, by a hash of its id; what that shard learns it publishes,
//! so that all others know. What is published is said again with every check: news that is lost on its
//! way is made good by the next.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use model::{CallId, Hop, Now, Peer, Target, TenantConfig, Trunk, TrunkId, TrunkStatus};
use sip::{RequestId, Uri, wire::Method};

use super::{Shard, enrol::Enrolments};
use crate::{
    GatewayNews, Named, News, Output, call::State, enrol::Terms, probe::Probe,
    service_routes::ServiceRoutes, timers::Due,
};

/// The trunks that this shard looks after.
#[derive(Debug, Default)]
pub(super) struct Peers {
    probes: BTreeMap<(TrunkId, Hop), Probe>,
    pub(super) enrolments: Enrolments,
    pub(super) routes: ServiceRoutes,
    /// What our requests are for.
    pub(super) asked: BTreeMap<RequestId, Purpose>,
}

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To check a gateway.
    Check(TrunkId, Hop),
    /// To register a trunk.
    Enrol(TrunkId),
}

impl Shard {
    /// How many gateways do not answer, of those that this shard checks.
    pub fn gateways_down(&self) -> usize {
        let probes = self.peers.probes.values();
        probes.filter(|probe| !probe.is_up()).count()
    }

    /// How many gateways this shard checks.
    pub fn gateways_checked(&self) -> usize {
        self.peers.probes.len()
    }

    /// What is known of a trunk that this shard looks after.
    pub(super) fn trunk_status(&self, now: Now, trunk: TrunkId) -> TrunkStatus {
        let probes = self.peers.probes.iter().filter(|((id, _), _)| *id == trunk);
        TrunkStatus {
            registration: self.peers.enrolments.status(now, trunk),
            gateways: probes.map(|((_, hop), it)| (*hop, it.is_up())).collect(),
        }
    }

    /// A tenant's trunks were these and are those now.
    pub(super) fn peers_changed(
        &mut self,
        now: Now,
        before: Option<&TenantConfig>,
        after: Option<&TenantConfig>,
    ) {
        let trunks = |config: Option<&TenantConfig>| -> Vec<Trunk> {
            config.map_or_else(Vec::new, |config| config.trunks.clone())
        };
        let (before, after) = (trunks(before), trunks(after));
        for trunk in before.iter().filter(|trunk| !after.contains(trunk)) {
            self.gateways.forget(trunk.id);
            self.check_only(trunk.id, &BTreeSet::new());
            let now_it_is = after.iter().find(|other| other.id == trunk.id);
            if now_it_is.and_then(Terms::of) != Terms::of(trunk) {
                self.peers.routes.forget(trunk.id);
            }
            if now_it_is.is_none() {
                self.enrol_by(now, trunk.id, None);
            }
        }
        for trunk in after.iter().filter(|trunk| !before.contains(trunk)) {
            self.look_after(now, trunk);
        }
    }

    /// A name of gateways leads elsewhere now.
    pub(super) fn named(&mut self, now: Now, named: Arc<Named>) {
        let by = |trunk: &&Trunk| {
            trunk.transport == named.transport && trunk.peers().any(|peer| *peer == named.peer)
        };
        let trunks = self.tenants.values().flat_map(|tenant| &tenant.trunks);
        let trunks: Vec<Trunk> = trunks.filter(by).cloned().collect();
        self.gateways.locate(named);
        if trunks.iter().any(|trunk| trunk.register.is_some()) {
            self.know_tenants();
        }
        for trunk in &trunks {
            self.look_after(now, trunk);
        }
    }

    /// How the trunk of a call wants to be asked: by way of its Service-Route, and at the name of a gateway
    /// that was found by one. Finding a server changes no Request-URI (RFC 3263 §4), and many serve
    /// several domains.
    pub(super) fn through_trunk(&self, id: CallId, mut target: Target) -> (Target, Option<Peer>) {
        let Some(trunk) = self.trunk_of_call(id) else {
            return (target, None);
        };
        let routes = &self.peers.routes;
        target.path = routes.towards(trunk.id, target.hop).to_vec();
        let domain = self.gateways.name_of(trunk, target.hop).cloned();
        (target, domain)
    }

    /// The trunk through which a call is tried.
    fn trunk_of_call(&self, id: CallId) -> Option<&Trunk> {
        let call = self.calls.get(&id)?;
        let (State::Dialling(legs) | State::Ringing(legs)) = &call.state else {
            return None;
        };
        let tenant = &self.sessions.get(&call.session)?.tenant;
        tenant.trunk_of(legs.via())
    }

    /// Stops the checks of all gateways of a trunk but these.
    fn check_only(&mut self, trunk: TrunkId, hops: &BTreeSet<Hop>) {
        let probes = self.peers.probes.keys();
        let gone = probes.filter(|(id, hop)| *id == trunk && !hops.contains(hop));
        for (id, hop) in gone.copied().collect::<Vec<_>>() {
            self.peers.probes.remove(&(id, hop));
            self.timers.stop(&Due::Probe(id, hop));
        }
    }

    /// Checks the gateways of a trunk and registers it, if that is to be done, and here.
    fn look_after(&mut self, now: Now, trunk: &Trunk) {
        if self.config.placement.shard_of_trunk(trunk.id) != self.config.shard {
            return;
        }
        self.enrol_by(now, trunk.id, Terms::of(trunk));
        let Some(health) = trunk.health else { return };
        let hops = self.gateways.hops(trunk);
        self.check_only(trunk.id, &hops);
        for hop in hops {
            if self.peers.probes.contains_key(&(trunk.id, hop)) {
                continue;
            }
            let probe = Probe::new(Duration::from_secs(health.interval.into()));
            let at = now.mono + probe.first(self.ids.number());
            self.peers.probes.insert((trunk.id, hop), probe);
            self.timers.set(Due::Probe(trunk.id, hop), at);
        }
    }

    /// A gateway is to be checked.
    pub(super) fn probe_due(&mut self, now: Now, trunk: TrunkId, hop: Hop) {
        if self.closing || !self.peers.probes.contains_key(&(trunk, hop)) {
            return;
        }
        let request = self.sip.new_request();
        let call_id = self.mint_sip_call_id();
        let target = Target::from(hop);
        let flow = self.flow_to(&target);
        let uri = Uri::over(flow.transport, "", hop.address);
        let ask = sip::Ask {
            request,
            flow,
            method: Method::OPTIONS,
            from: Uri::at("", flow.local),
            to: uri.clone(),
            uri,
            contact: None,
            call_id,
            cseq: 1,
            headers: Vec::new(),
            login: None,
        };
        let purpose = Purpose::Check(trunk, hop);
        self.peers.asked.insert(request, purpose);
        let lot = self.ids.number();
        self.probing(trunk, hop, |probe| probe.sent(request));
        if let Some(probe) = self.peers.probes.get(&(trunk, hop)) {
            let at = now.mono + probe.pause(lot);
            self.timers.set(Due::Probe(trunk, hop), at);
        }
        self.sip
            .handle_input(now.mono, sip::Input::Ask(Box::new(ask)));
    }

    /// A request of ours to a trunk was answered, or nobody did.
    pub(super) fn peer_told(&mut self, now: Now, told: sip::Event) {
        let sip::Event::Told {
            request,
            status,
            response,
        } = told
        else {
            return;
        };
        match self.peers.asked.remove(&request) {
            Some(Purpose::Check(trunk, hop)) => {
                self.probing(trunk, hop, |probe| probe.told(request, status));
            }
            Some(Purpose::Enrol(trunk)) => {
                self.enrol_told(now, trunk, status, response.as_deref());
            }
            None => {}
        }
    }

    /// Something happens to a check; whatever it says now is published.
    fn probing(&mut self, trunk: TrunkId, hop: Hop, happens: impl FnOnce(&mut Probe)) {
        let Some(probe) = self.peers.probes.get_mut(&(trunk, hop)) else {
            return;
        };
        let before = probe.is_up();
        happens(probe);
        let up = probe.is_up();
        if up != before {
            let (address, transport) = (hop.address, hop.transport.as_str());
            if up {
                tracing::info!(%trunk, %address, transport, "a gateway answers again");
            } else {
                tracing::warn!(%trunk, %address, transport, "a gateway does not answer");
            }
        }
        let news = GatewayNews { trunk, hop, up };
        self.gateways.heard(news);
        if self.config.placement.shards() > 1 {
            self.out.push_back(Output::News(News::Gateway(news)));
        }
    }
}
