//! Which way an outbound call goes: to a phone of the tenant, or through one of its trunks.
//!
//! Owns the choice among what is configured. Refuses to know which of the gateways answer now: that is
//! the shard's, which tries one after another.

use std::net::SocketAddr;

use crate::{Address, Binding, Hop, TenantConfig, Trunk, TrunkId, ring_order};

/// Which way an outbound call goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Whose way it is.
    pub via: Via,
    /// Where it is tried: one group after another, all of one group at the same time; none is empty.
    /// Without any it is a trunk or a phone that registers: which gateways answer, and where the phone
    /// is, the shard knows when it makes the call.
    pub groups: Vec<Vec<Target>>,
}

/// Whose way a route is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    /// To a phone of the tenant.
    Phone,
    /// Through a trunk.
    Trunk(TrunkId),
}

/// One place where a call is tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The next hop.
    pub hop: Hop,
    /// Our listener, where only one will do: that of the flow on which a phone registered.
    pub local: Option<SocketAddr>,
    /// The Request-URI; none: the called number at the next hop.
    pub uri: Option<String>,
    /// The URIs of the Route headers, topmost first.
    pub path: Vec<String>,
}

/// Why there is no route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoRoute {
    /// No trunk of the tenant may dial this.
    NotPermitted,
}

impl From<Hop> for Target {
    /// The called number at that hop.
    fn from(hop: Hop) -> Self {
        Self {
            hop,
            local: None,
            uri: None,
            path: Vec::new(),
        }
    }
}

impl From<&Binding> for Target {
    /// Over the flow on which it registered: behind NAT there is no other.
    fn from(binding: &Binding) -> Self {
        Self {
            hop: binding.hop,
            local: Some(binding.local),
            uri: Some(binding.contact.clone()),
            path: binding.path.clone(),
        }
    }
}

impl Route {
    /// Whatever it is tried at, in order.
    pub fn targets(&self) -> impl Iterator<Item = &Target> {
        self.groups.iter().flatten()
    }
}

/// Where a phone with these bindings rings: at all of them, the most preferred ones first (RFC 3261
/// §16.6).
pub fn ring_groups<'a>(
    bindings: impl IntoIterator<Item = &'a Binding>,
    unix_ms: u64,
) -> Vec<Vec<Target>> {
    let order = ring_order(bindings, unix_ms);
    let groups = order.chunk_by(|a, b| a.q == b.q);
    groups
        .map(|group| group.iter().copied().map(Target::from).collect())
        .collect()
}

impl TenantConfig {
    /// Where a call to `to` goes: a phone by user, else the trunk with the longest matching prefix.
    pub fn route(&self, to: &Address) -> Result<Route, NoRoute> {
        let user = to.user();
        let (via, hop) = if let Some(phone) = self.phones.get(user) {
            (Via::Phone, phone.address.map(|it| (phone.transport, it)))
        } else {
            let trunk = self.trunk_for(user).ok_or(NoRoute::NotPermitted)?;
            (Via::Trunk(trunk.id), None)
        };
        let target = hop.map(|(transport, address)| {
            Hop {
                transport,
                address,
                name: None,
            }
            .into()
        });
        let groups = target.into_iter().map(|target| vec![target]).collect();
        Ok(Route { via, groups })
    }

    /// The trunk of a way, if it is one through a trunk that there still is.
    pub fn trunk_of(&self, via: Via) -> Option<&Trunk> {
        match via {
            Via::Phone => None,
            Via::Trunk(id) => self.trunks.iter().find(|trunk| trunk.id == id),
        }
    }

    /// The trunk of a way, then those to which this number belongs as well: with a prefix as long as the
    /// longest.
    pub fn trunks_like(&self, via: Via, user: &str) -> Vec<&Trunk> {
        let Some(first) = self.trunk_of(via) else {
            return Vec::new();
        };
        let longest = fit(first, user);
        let others = self.trunks.iter().filter(|trunk| trunk.id != first.id);
        let others = others.filter(|trunk| longest.is_some() && fit(trunk, user) == longest);
        std::iter::once(first).chain(others).collect()
    }

    fn trunk_for(&self, user: &str) -> Option<&Trunk> {
        // The first of equals wins: the order of trunks is their age.
        let mut best: Option<(usize, &Trunk)> = None;
        for trunk in &self.trunks {
            let Some(length) = fit(trunk, user) else {
                continue;
            };
            if best.is_none_or(|(longest, _)| length > longest) {
                best = Some((length, trunk));
            }
        }
        best.map(|(_, trunk)| trunk)
    }
}

/// The length of the longest prefix of a trunk that this number has.
fn fit(trunk: &Trunk, user: &str) -> Option<usize> {
    let prefixes = trunk.prefixes.iter();
    let fitting = prefixes.filter(|prefix| user.starts_with(prefix.as_str()));
    fitting.map(String::len).max()
}
