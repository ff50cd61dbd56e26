//! Where the phones that register are, as one shard knows it: a copy of what is durable.
//!
//! Owns the bindings by phone, and which flows they have. Refuses to know how bindings come about;
//! those that have ended stay until whoever owns the rows sweeps them.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    net::SocketAddr,
    sync::Arc,
};

use model::{Binding, TenantConfig, TenantId};
use sip::Flow;

type Phones = BTreeMap<Box<str>, Arc<[Binding]>>;

/// The bindings of all tenants.
#[derive(Debug, Default)]
pub(crate) struct Locations {
    tenants: BTreeMap<TenantId, Phones>,
    /// How many bindings have this peer. Who is there has proven itself, and knows its password.
    peers: BTreeMap<SocketAddr, u32>,
    bindings: usize,
}

impl Locations {
    /// The bindings of a phone; some may have ended.
    pub(crate) fn of(&self, tenant: TenantId, user: &str) -> &[Binding] {
        let phones = self.tenants.get(&tenant);
        phones
            .and_then(|phones| phones.get(user))
            .map_or(&[], |bindings| bindings)
    }

    /// Replaces the bindings of a phone.
    pub(crate) fn set(&mut self, tenant: TenantId, user: &str, bindings: Arc<[Binding]>) {
        self.forget(tenant, user);
        if bindings.is_empty() {
            return;
        }
        self.bindings += bindings.len();
        for binding in bindings.iter() {
            *self.peers.entry(binding.hop.address).or_default() += 1;
        }
        let phones = self.tenants.entry(tenant).or_default();
        phones.insert(user.into(), bindings);
    }

    /// Whether a phone registered from there.
    pub(crate) fn know(&self, flow: Flow) -> bool {
        self.peers.contains_key(&flow.remote)
    }

    /// How many bindings there are, those included that have ended and are not swept.
    pub(crate) fn len(&self) -> usize {
        self.bindings
    }

    /// A tenant has changed: phones that are no longer there, or have another password, are nowhere.
    pub(crate) fn changed(&mut self, before: &TenantConfig, after: &TenantConfig) {
        for (user, secret) in &before.secrets {
            if after.secrets.get(user) != Some(secret) {
                self.forget(before.id, user);
            }
        }
    }

    /// A tenant is gone.
    pub(crate) fn gone(&mut self, tenant: TenantId) {
        for (_, bindings) in self.tenants.remove(&tenant).unwrap_or_default() {
            self.leave(&bindings);
        }
    }

    fn forget(&mut self, tenant: TenantId, user: &str) {
        let Entry::Occupied(mut phones) = self.tenants.entry(tenant) else {
            return;
        };
        let removed = phones.get_mut().remove(user);
        if phones.get().is_empty() {
            phones.remove();
        }
        if let Some(bindings) = removed {
            self.leave(&bindings);
        }
    }

    fn leave(&mut self, bindings: &[Binding]) {
        self.bindings -= bindings.len();
        for binding in bindings {
            if let Entry::Occupied(mut peer) = self.peers.entry(binding.hop.address) {
                *peer.get_mut() -= 1;
                if *peer.get() == 0 {
                    peer.remove();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
