//! Which gateways of trunks take calls now, and in which order a call tries them.
//!
//! ```text
//!            503 with Retry-After                    its time is over
//!  usable ──────────────────────────▶ resting ─────────────────────────▶ usable
//!         ──────────────────────────▶ suspect ─────────────────────────▶ usable
//!            said nothing                            its time is over, or an answer
//! ```
//!
//! One that rests is not tried at all (RFC 3261 §21.5.4), nor is one that is down because it does not
//! answer its health checks; a suspect one is tried after all others. Knows only
//! those of which there is something to know. Takes randomness, never draws it.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use model::{Hop, Peer, Transport, Trunk, TrunkId, limits};

use crate::{GatewayNews, Named};

/// What is known of gateways.
#[derive(Debug, Default)]
pub(crate) struct Gateways {
    /// Where names lead.
    named: BTreeMap<(Peer, Transport), Arc<Named>>,
    known: BTreeMap<(TrunkId, Hop), Standing>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Resting { until: Instant },
    Suspect { until: Instant },
    Down,
}

impl Standing {
    fn is_over(self, now: Instant) -> bool {
        match self {
            Self::Resting { until } | Self::Suspect { until } => until <= now,
            Self::Down => false,
        }
    }
}

/// One that can be tried.
struct Candidate {
    /// Suspect ones last, then by priority: that of the gateway, then that of the place to which its name
    /// leads.
    order: (bool, u16, u16),
    weight: u32,
    hop: Hop,
}

impl Gateways {
    /// The gateways of a trunk in the order in which a call tries them: by priority, and among equals by
    /// lot (RFC 2782). `draw` is asked only where there is a choice.
    pub(crate) fn in_turn(
        &self,
        now: Instant,
        trunk: &Trunk,
        mut draw: impl FnMut() -> u64,
    ) -> Vec<Hop> {
        let mut all: Vec<Candidate> = Vec::new();
        for (hop, order, weight) in self.places(trunk.transport, trunk.gateways()) {
            let standing = self.known.get(&(trunk.id, hop)).copied();
            let suspect = match standing.filter(|standing| !standing.is_over(now)) {
                Some(Standing::Resting { .. } | Standing::Down) => continue,
                Some(Standing::Suspect { .. }) => true,
                None => false,
            };
            let order = (suspect, order.0, order.1);
            all.push(Candidate { order, weight, hop });
        }
        ordered(all, &mut draw)
    }

    /// The same for any peers, whatever is known of them.
    pub(crate) fn in_order<'a>(
        &'a self,
        transport: Transport,
        peers: impl Iterator<Item = (&'a Peer, u16, u16)>,
        mut draw: impl FnMut() -> u64,
    ) -> Vec<Hop> {
        let places = self.places(transport, peers);
        let all = places.map(|(hop, order, weight)| Candidate {
            order: (false, order.0, order.1),
            weight,
            hop,
        });
        ordered(all.collect(), &mut draw)
    }

    /// Where peers are: the priorities of each and its weight.
    fn places<'a, I>(
        &'a self,
        transport: Transport,
        peers: I,
    ) -> impl Iterator<Item = (Hop, (u16, u16), u32)> + use<'a, I>
    where
        I: Iterator<Item = (&'a Peer, u16, u16)>,
    {
        peers.flat_map(move |(peer, priority, weight)| {
            let (at, name) = match peer {
                Peer::At(address) => (Some(*address), None),
                Peer::Named(..) => (None, self.named.get(&(peer.clone(), transport))),
            };
            let certificate = name.and_then(|name| name.certificate);
            let one = at.map(|address| (address, 0, 1));
            let many = name.into_iter().flat_map(|name| name.places.iter());
            let many = many.map(|place| (place.address, place.priority, place.weight));
            one.into_iter()
                .chain(many)
                .map(move |(address, within, share)| {
                    let hop = Hop {
                        transport,
                        address,
                        name: certificate,
                    };
                    (
                        hop,
                        (priority, within),
                        u32::from(weight) * u32::from(share),
                    )
                })
        })
    }

    /// Where the gateways of a trunk are.
    pub(crate) fn hops(&self, trunk: &Trunk) -> BTreeSet<Hop> {
        let places = self.places(trunk.transport, trunk.gateways());
        places.map(|(hop, ..)| hop).collect()
    }

    /// The gateway of a trunk that has no address but a name, which leads there; none if there is one at
    /// that address, or neither.
    pub(crate) fn name_of<'a>(&self, trunk: &'a Trunk, hop: Hop) -> Option<&'a Peer> {
        let peers = || trunk.gateways().map(|(peer, ..)| peer);
        if peers().any(|peer| *peer == Peer::At(hop.address)) {
            return None;
        }
        peers().find(|peer| {
            let named = self.named.get(&((*peer).clone(), trunk.transport));
            named.is_some_and(|named| named.places.iter().any(|it| it.address == hop.address))
        })
    }

    /// Where the carrier of a trunk is that registers: its registrars, and its gateways.
    pub(crate) fn carrier<'a>(&'a self, trunk: &'a Trunk) -> impl Iterator<Item = IpAddr> + 'a {
        let peers = trunk.gateways().chain(trunk.registrars());
        let peers = peers.filter(|_| trunk.register.is_some());
        let places = self.places(trunk.transport, peers);
        places.map(|(hop, ..)| hop.address.ip())
    }

    /// A name leads there now.
    pub(crate) fn locate(&mut self, named: Arc<Named>) {
        let name = (named.peer.clone(), named.transport);
        if named.places.is_empty() {
            self.named.remove(&name);
        } else {
            self.named.insert(name, named);
        }
    }

    /// It answered 503 and wants to be left alone for so many seconds.
    pub(crate) fn rest(&mut self, now: Instant, trunk: TrunkId, hop: Hop, seconds: u32) {
        let time = Duration::from_secs(u64::from(seconds)).min(limits::RETRY_AFTER_LONGEST);
        let until = now + time;
        self.note(now, trunk, hop, Standing::Resting { until });
    }

    /// It said nothing, or could not be reached.
    pub(crate) fn suspect(&mut self, now: Instant, trunk: TrunkId, hop: Hop) {
        let until = now + limits::GATEWAY_SUSPECT;
        self.note(now, trunk, hop, Standing::Suspect { until });
    }

    /// It answered.
    pub(crate) fn answered(&mut self, trunk: TrunkId, hop: Hop) {
        if !self.known.is_empty() {
            self.known.remove(&(trunk, hop));
        }
    }

    /// What its health checks say. One that answers them may rest all the same.
    pub(crate) fn heard(&mut self, news: GatewayNews) {
        let gateway = (news.trunk, news.hop);
        if !news.up {
            self.known.insert(gateway, Standing::Down);
        } else if self.known.get(&gateway) == Some(&Standing::Down) {
            self.known.remove(&gateway);
        }
    }

    /// A trunk is gone, or is another one now.
    pub(crate) fn forget(&mut self, trunk: TrunkId) {
        self.known.retain(|(id, _), _| *id != trunk);
    }

    /// As many as can be known at once are those of the trunks that were called lately: what is over is
    /// forgotten whenever something new is learned.
    fn note(&mut self, now: Instant, trunk: TrunkId, hop: Hop, standing: Standing) {
        self.known.retain(|_, known| !known.is_over(now));
        // What its checks say is worth more than one call.
        let known = self.known.entry((trunk, hop)).or_insert(standing);
        if *known != Standing::Down {
            *known = standing;
        }
    }
}

/// By their order, and equals by lot.
fn ordered(mut all: Vec<Candidate>, draw: &mut impl FnMut() -> u64) -> Vec<Hop> {
    all.sort_by_key(|candidate| (candidate.order, candidate.weight != 0));
    let mut hops = Vec::with_capacity(all.len());
    for equals in all.chunk_by_mut(|a, b| a.order == b.order) {
        by_lot(equals, draw);
        hops.extend(equals.iter().map(|candidate| candidate.hop));
    }
    hops
}

/// RFC 2782: the next one is drawn from those that are left, each with a chance of its weight. Those of
/// weight 0 stand first, so that they have a chance at all.
fn by_lot(equals: &mut [Candidate], draw: &mut impl FnMut() -> u64) {
    for first in 0..equals.len().saturating_sub(1) {
        let rest = &equals[first..];
        let total: u64 = rest
            .iter()
            .map(|candidate| u64::from(candidate.weight))
            .sum();
        let lot = draw() % (total + 1);
        let mut sum = 0;
        let drawn = rest.iter().position(|candidate| {
            sum += u64::from(candidate.weight);
            sum >= lot
        });
        // The others keep their order, so that weight 0 stays in front.
        equals[first..=first + drawn.unwrap_or(0)].rotate_right(1);
    }
}

#[cfg(test)]
mod tests {
    use std::{net::SocketAddr, sync::Arc, time::Duration, time::Instant};

    use model::{Gateway, Hop, IdSource, PeerName, Transport, Trunk, TrunkId, limits};

    use sip::locate::Place;

    use super::Gateways;
    use crate::Named;

    fn address(host: u8) -> SocketAddr {
        ([192, 0, 2, host], 5060).into()
    }

    fn hop(host: u8) -> Hop {
        Hop {
            transport: Transport::Udp,
            address: address(host),
            name: None,
        }
    }

    /// A trunk whose gateways are at 192.0.2.0 and following.
    fn trunk(others: &[(u16, u16)]) -> Trunk {
        let mut ids = IdSource::new([1; 32], 0, 0);
        let others = (1..)
            .zip(others)
            .map(|(host, &(priority, weight))| Gateway {
                peer: address(host).into(),
                priority,
                weight,
            });
        Trunk {
            others: others.collect(),
            ..Trunk::new(TrunkId::mint(&mut ids, 1), "carrier", address(0))
        }
    }

    fn hosts(gateways: &Gateways, now: Instant, trunk: &Trunk, lots: &[u64]) -> Vec<u8> {
        let mut lots = lots.iter().copied();
        let hops = gateways.in_turn(now, trunk, || lots.next().expect("no lot is asked for"));
        let host = |hop: &Hop| match hop.address {
            SocketAddr::V4(address) => address.ip().octets()[3],
            SocketAddr::V6(_) => 0,
        };
        hops.iter().map(host).collect()
    }

    #[allow(clippy::disallowed_methods)] // any instant will do
    fn now() -> Instant {
        Instant::now()
    }

    #[test]
    fn lower_priorities_are_tried_first_and_one_alone_needs_no_lot() {
        let trunk = trunk(&[(20, 1), (10, 1)]);
        assert_eq!(hosts(&Gateways::default(), now(), &trunk, &[]), [0, 2, 1]);
    }

    /// RFC 2782: the lot is between 0 and the sum of the weights; the first whose running sum reaches it
    /// is drawn.
    #[test]
    fn equals_are_drawn_by_their_weights() {
        let trunk = trunk(&[(0, 3), (0, 0)]);
        let check = |lots: &[u64], expect: &[u8]| {
            assert_eq!(
                hosts(&Gateways::default(), now(), &trunk, lots),
                expect,
                "{lots:?}"
            );
        };
        check(&[0, 0], &[2, 0, 1]);
        check(&[0, 4], &[2, 1, 0]);
        check(&[1, 0], &[0, 2, 1]);
        check(&[2, 0], &[1, 2, 0]);
        check(&[4, 1], &[1, 0, 2]);
        check(&[5, 5], &[2, 0, 1]);
    }

    #[test]
    fn one_that_rests_is_not_tried_until_its_time_is_over() {
        let (trunk, now) = (trunk(&[(1, 1)]), now());
        let mut gateways = Gateways::default();
        gateways.rest(now, trunk.id, hop(0), 60);
        assert_eq!(hosts(&gateways, now, &trunk, &[]), [1]);
        let later = now + Duration::from_secs(60);
        assert_eq!(hosts(&gateways, later, &trunk, &[]), [0, 1]);
        // Nobody may say: never again.
        gateways.rest(now, trunk.id, hop(0), u32::MAX);
        let much_later = now + limits::RETRY_AFTER_LONGEST;
        assert_eq!(hosts(&gateways, much_later, &trunk, &[]), [0, 1]);
    }

    #[test]
    fn a_suspect_one_is_tried_last_until_it_answers() {
        let (trunk, now) = (trunk(&[(1, 1)]), now());
        let mut gateways = Gateways::default();
        gateways.suspect(now, trunk.id, hop(0));
        assert_eq!(hosts(&gateways, now, &trunk, &[]), [1, 0]);
        gateways.answered(trunk.id, hop(0));
        assert_eq!(hosts(&gateways, now, &trunk, &[]), [0, 1]);
        gateways.suspect(now, trunk.id, hop(0));
        let later = now + limits::GATEWAY_SUSPECT;
        assert_eq!(hosts(&gateways, later, &trunk, &[]), [0, 1]);
    }

    #[test]
    fn a_name_leads_to_its_places_by_their_priorities_and_to_none_when_nobody_knows() {
        let now = now();
        let mut trunk = trunk(&[(1, 1)]);
        trunk.address = "sip.example.com".parse().unwrap();
        let mut gateways = Gateways::default();
        assert_eq!(hosts(&gateways, now, &trunk, &[]), [1]);
        let mut named = Named {
            peer: trunk.address.clone(),
            transport: Transport::Udp,
            certificate: None,
            places: vec![],
        };
        let place = |host, priority, weight| Place {
            address: address(host),
            priority,
            weight,
        };
        named.places = vec![place(7, 0, 1), place(8, 20, 1), place(9, 20, 3)];
        gateways.locate(Arc::new(named.clone()));
        // Of the second two the lot, 0 to 4, decides.
        assert_eq!(hosts(&gateways, now, &trunk, &[1]), [7, 8, 9, 1]);
        assert_eq!(hosts(&gateways, now, &trunk, &[2]), [7, 9, 8, 1]);
        trunk.transport = Transport::Tcp;
        assert_eq!(hosts(&gateways, now, &trunk, &[]), [1], "another service");
        trunk.transport = Transport::Udp;
        named.certificate = Some(PeerName(1.try_into().unwrap()));
        gateways.locate(Arc::new(named.clone()));
        let hops = gateways.hops(&trunk);
        let by_name = hops.iter().filter(|hop| hop.name == named.certificate);
        assert_eq!((hops.len(), by_name.count()), (4, 3), "all but the address");
        let of = |host| gateways.name_of(&trunk, hop(host));
        assert_eq!((of(8), of(1), of(5)), (Some(&trunk.address), None, None));
        named.places.clear();
        gateways.locate(Arc::new(named));
        assert_eq!(hosts(&gateways, now, &trunk, &[]), [1]);
    }

    #[test]
    fn what_is_over_is_forgotten() {
        let (trunk, now) = (trunk(&[(1, 1)]), now());
        let mut gateways = Gateways::default();
        gateways.rest(now, trunk.id, hop(0), 1);
        gateways.suspect(now + Duration::from_secs(2), trunk.id, hop(1));
        assert_eq!(gateways.known.len(), 1);
    }
}
