//! By way of which proxies calls go out through trunks that register: what their registrars have said in
//! Service-Route (RFC 3608).
//!
//! Owns what is believed of it, and for which place it holds: that where the trunk is registered. The
//! other gateways of the trunk, and other registrars, are other ways to the same carrier, whose first
//! proxy would be this one's for them as well; so a call that fails over to them is sent without.

use std::{collections::BTreeMap, sync::Arc};

use model::{Hop, TrunkId, limits};
use sip::wire::NameAddr;

/// The route of one trunk, as the shard that registers it tells the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceRoute {
    /// Which trunk.
    pub trunk: TrunkId,
    /// Where it is registered.
    pub at: Hop,
    /// The URIs, topmost first; none: calls go straight there.
    pub uris: Arc<[String]>,
}

impl ServiceRoute {
    /// What an answer to a REGISTER says. A route that is too long, or in which a proxy is a strict router
    /// (RFC 3261 §16.12.1.1), is as none.
    pub(crate) fn of(trunk: TrunkId, at: Hop, values: &[NameAddr]) -> Self {
        let uris = values
            .iter()
            .map(|value| value.uri.clone().without_headers());
        let uris: Vec<_> = uris.collect();
        let loose = |uri: &sip::Uri| uri.is_sip() && uri.param("lr").is_some();
        let texts: Vec<String> = uris.iter().map(ToString::to_string).collect();
        let octets: usize = texts.iter().map(String::len).sum();
        let fits = octets <= limits::SERVICE_ROUTE && uris.iter().all(loose);
        Self {
            trunk,
            at,
            uris: if fits { texts.into() } else { [].into() },
        }
    }
}

/// Those of all trunks.
#[derive(Debug, Default)]
pub(crate) struct ServiceRoutes(BTreeMap<TrunkId, ServiceRoute>);

impl ServiceRoutes {
    /// Takes one. False: it was known, or there is none and was none.
    pub(crate) fn set(&mut self, route: ServiceRoute) -> bool {
        if route.uris.is_empty() {
            return self.forget(route.trunk);
        }
        self.0.insert(route.trunk, route.clone()) != Some(route)
    }

    /// The trunk is gone, or registers in another way. False: there was none.
    pub(crate) fn forget(&mut self, trunk: TrunkId) -> bool {
        self.0.remove(&trunk).is_some()
    }

    /// By way of what a call goes out there.
    pub(crate) fn towards(&self, trunk: TrunkId, hop: Hop) -> &[String] {
        let route = self.0.get(&trunk).filter(|route| route.at == hop);
        route.map_or(&[], |route| &route.uris)
    }
}

#[cfg(test)]
mod tests {
    use model::{Hop, IdSource, Transport, TrunkId, limits};
    use sip::wire::NameAddr;

    use super::{ServiceRoute, ServiceRoutes};

    fn hop(host: u8) -> Hop {
        Hop {
            transport: Transport::Udp,
            address: ([192, 0, 2, host], 5060).into(),
            name: None,
        }
    }

    fn trunk() -> TrunkId {
        TrunkId::mint(&mut IdSource::new([1; 32], 0, 0), 1)
    }

    fn route(values: &[&str]) -> ServiceRoute {
        let values = values.iter().map(|value| NameAddr::parse(value).unwrap());
        ServiceRoute::of(trunk(), hop(1), &values.collect::<Vec<_>>())
    }

    #[test]
    fn a_route_that_cannot_be_followed_is_none() {
        let edge = "<sip:edge.example;lr>";
        assert_eq!(*route(&[edge]).uris, ["sip:edge.example;lr".to_owned()]);
        assert_eq!(route(&[edge, "<sip:core.example;lr>"]).uris.len(), 2);
        let long = format!("<sip:{}.example;lr>", "x".repeat(limits::SERVICE_ROUTE));
        for values in [
            &[][..],
            &["<sip:strict.example>"],
            &["<tel:1;lr>"],
            &[&long],
        ] {
            assert!(route(values).uris.is_empty(), "{values:?}");
        }
    }

    #[test]
    fn a_route_holds_where_it_was_told_until_another_is() {
        let mut routes = ServiceRoutes::default();
        assert!(!routes.set(route(&[])));
        assert!(routes.set(route(&["<sip:edge.example;lr>"])));
        assert!(!routes.set(route(&["<sip:edge.example;lr>"])));
        assert_eq!(routes.towards(trunk(), hop(1)), ["sip:edge.example;lr"]);
        assert!(routes.towards(trunk(), hop(2)).is_empty());
        assert!(routes.set(route(&[])));
        assert!(routes.towards(trunk(), hop(1)).is_empty());
    }
}
