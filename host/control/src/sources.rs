//! Where calls may come from: an index of what the tenants have named, made anew whenever that changes.
//!
//! Asked for every packet that nobody knows, and so without a look at all telephones and all blocks. Owns
//! who is where; refuses to know who is called, and which of several it is then (`admission`).

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use model::{Blocks, Hop, TenantConfig, TenantId, Transport, Trunk};
use sip::Flow;

use crate::gateways::Gateways;

/// Every source that some tenant knows: its lines, and the blocks and gateways of its trunks.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    /// Lines by how and where they are.
    lines: BTreeMap<(Transport, IpAddr), Host>,
    /// Where lines are that make connections: from which port cannot be known.
    hosts: BTreeSet<IpAddr>,
    /// Trunks, by the place in their tenant's list.
    blocks: Blocks<(TenantId, usize)>,
    /// Where the carriers are with which trunks register.
    carriers: BTreeSet<IpAddr>,
}

/// The lines at one address, by port.
type Host = BTreeMap<u16, BTreeSet<(TenantId, Arc<str>)>>;

impl Sources {
    /// Those of these tenants.
    pub(crate) fn of(tenants: &BTreeMap<TenantId, Arc<TenantConfig>>, gateways: &Gateways) -> Self {
        let mut sources = Self::default();
        for tenant in tenants.values() {
            for phone in tenant.phones.values() {
                if let Some(address) = phone.address {
                    sources.add_line(tenant.id, &phone.user, phone.transport, address);
                }
            }
            for (place, trunk) in tenant.trunks.iter().enumerate() {
                for block in &trunk.accept_from {
                    sources.blocks.insert(*block, (tenant.id, place));
                }
                sources.carriers.extend(gateways.carrier(trunk));
            }
        }
        sources
    }

    fn add_line(&mut self, tenant: TenantId, user: &str, over: Transport, at: SocketAddr) {
        if over != Transport::Udp {
            self.hosts.insert(at.ip());
        }
        let host = self.lines.entry((over, at.ip())).or_default();
        let lines = host.entry(at.port()).or_default();
        lines.insert((tenant, user.into()));
    }

    /// Whether just there a line is that sends datagrams.
    pub(crate) fn has_line(&self, flow: Flow) -> bool {
        let (ip, port) = (flow.remote.ip(), flow.remote.port());
        let host = self.lines.get(&(Transport::Udp, ip));
        !flow.transport.is_reliable() && host.is_some_and(|host| host.contains_key(&port))
    }

    /// Whether a call from there could be anybody's.
    pub(crate) fn know(&self, flow: Flow) -> bool {
        let ip = flow.remote.ip();
        let host = flow.transport.is_reliable() && self.hosts.contains(&ip);
        host || self.has_line(flow) || self.carriers.contains(&ip) || self.blocks.hold(ip)
    }

    /// The line from which a call came. Many peers name in their Via the port of their connection, which is
    /// another one each time: the only line of connections at an address is meant whatever they say.
    pub(crate) fn line(&self, from: Hop) -> Option<(TenantId, &str)> {
        let host = self.lines.get(&(from.transport, from.address.ip()))?;
        let mut all = host.values().flatten();
        let exact = host.get(&from.address.port()).and_then(BTreeSet::first);
        let (tenant, user) = match (exact, from.transport) {
            (Some(line), _) => line,
            (None, Transport::Udp) => return None,
            (None, _) => all.next().filter(|_| all.next().is_none())?,
        };
        Some((*tenant, user))
    }

    /// The trunks that accept calls from there, those of one tenant after another, the oldest first.
    pub(crate) fn accepting<'a>(
        &self,
        tenants: &'a BTreeMap<TenantId, Arc<TenantConfig>>,
        ip: IpAddr,
    ) -> Vec<(&'a Arc<TenantConfig>, &'a Trunk)> {
        let all: BTreeSet<_> = self.blocks.holding(ip).collect();
        let trunk = |(tenant, place): &(TenantId, usize)| {
            let tenant = tenants.get(tenant)?;
            Some((tenant, tenant.trunks.get(*place)?))
        };
        all.into_iter().filter_map(trunk).collect()
    }
}

#[cfg(test)]
mod tests;
