//! Which sources the tenants name: of them no proof is needed to be heard.

use std::{collections::BTreeSet, net::IpAddr, sync::Arc};

use model::{Blocks, Peer, TenantConfig, Trunk};

use super::network;

/// Every source that some tenant has named.
#[derive(Debug, Default)]
pub struct Known {
    hosts: BTreeSet<IpAddr>,
    blocks: Blocks<()>,
}

impl Known {
    /// Those of these tenants: lines, gateways, and who may send calls to trunks.
    pub fn of<'a>(tenants: impl Iterator<Item = &'a Arc<TenantConfig>>) -> Self {
        let mut known = Self::default();
        for tenant in tenants {
            let lines = tenant.phones.values().filter_map(|phone| phone.address);
            let gateways = tenant.trunks.iter().flat_map(Trunk::peers);
            let gateways = gateways.filter_map(|peer| match peer {
                Peer::At(address) => Some(*address),
                Peer::Named(..) => None,
            });
            let addresses = lines.chain(gateways);
            known.hosts.extend(addresses.map(|it| network(it.ip())));
            let blocks = tenant.trunks.iter().flat_map(|trunk| &trunk.accept_from);
            for block in blocks {
                // A part of a network is all of it: they have one row.
                match block.parts() {
                    (address @ IpAddr::V6(_), 65..) => {
                        known.hosts.insert(network(address));
                    }
                    _ => {
                        known.blocks.insert(*block, ());
                    }
                }
            }
        }
        known
    }

    pub(super) fn has(&self, network: IpAddr) -> bool {
        self.hosts.contains(&network) || self.blocks.hold(network)
    }
}
