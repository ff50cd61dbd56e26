//! Where the phones that register are, as one shard knows it: a copy of what is durable.
//!
//! Owns the bindings by phone, which flows they have, and which of these are lost: a phone behind NAT
//! cannot be reached but over the connection on which it registered, so that a binding whose connection
//! ended leads nowhere until the phone registers again (RFC 5626 §5.3). Refuses to know how bindings come
//! about; those that have ended stay until whoever owns the rows sweeps them.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    sync::Arc,
};

use model::{Binding, Hop, TenantConfig, TenantId};
use sip::Flow;

use crate::hop;

type Phones = BTreeMap<Box<str>, Arc<[Binding]>>;

/// The bindings of all tenants.
#[derive(Debug, Default)]
pub(crate) struct Locations {
    tenants: BTreeMap<TenantId, Phones>,
    /// Who is there has proven itself, and knows its password.
    peers: BTreeMap<Hop, Peer>,
    /// How many of them are lost.
    lost: usize,
    bindings: usize,
}

/// One end of flows.
#[derive(Debug, Default)]
struct Peer {
    /// How many bindings have it.
    bindings: u32,
    /// Its connection has ended since they came.
    lost: bool,
}

impl Locations {
    /// The bindings of a phone; some may have ended.
    pub(crate) fn of(&self, tenant: TenantId, user: &str) -> &[Binding] {
        let phones = self.tenants.get(&tenant);
        phones
            .and_then(|phones| phones.get(user))
            .map_or(&[], |bindings| bindings)
    }

    /// Those of them that a call may be tried at.
    pub(crate) fn reachable(&self, tenant: TenantId, user: &str) -> impl Iterator<Item = &Binding> {
        let all = self.of(tenant, user).iter();
        all.filter(|binding| !self.is_lost(binding.hop))
    }

    /// A connection has ended, or could not be made.
    pub(crate) fn lose(&mut self, flow: Flow) {
        if let Some(peer) = self.peers.get_mut(&hop::hop(flow)) {
            self.lost += usize::from(!peer.lost);
            peer.lost = true;
        }
    }

    fn is_lost(&self, hop: Hop) -> bool {
        self.peers.get(&hop).is_some_and(|peer| peer.lost)
    }

    /// Replaces the bindings of a phone. A lost one that is renewed has come over its connection.
    pub(crate) fn set(&mut self, tenant: TenantId, user: &str, bindings: Arc<[Binding]>) {
        let stay = |it: &&Binding| self.is_lost(it.hop) && bindings.contains(it);
        let before = self.of(tenant, user).iter();
        let lost: Vec<Hop> = before.filter(stay).map(|it| it.hop).collect();
        self.forget(tenant, user);
        if bindings.is_empty() {
            return;
        }
        self.bindings += bindings.len();
        for binding in bindings.iter() {
            let peer = self.peers.entry(binding.hop).or_default();
            peer.bindings += 1;
            self.lost -= usize::from(peer.lost);
            peer.lost = lost.contains(&binding.hop);
            self.lost += usize::from(peer.lost);
        }
        let phones = self.tenants.entry(tenant).or_default();
        phones.insert(user.into(), bindings);
    }

    /// Whether a phone registered from there.
    pub(crate) fn know(&self, flow: Flow) -> bool {
        self.peers.contains_key(&hop::hop(flow))
    }

    /// How many bindings there are, those included that have ended and are not swept.
    pub(crate) fn len(&self) -> usize {
        self.bindings
    }

    /// How many places of phones cannot be reached because their connection has ended.
    pub(crate) fn lost(&self) -> usize {
        self.lost
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
            if let Entry::Occupied(mut peer) = self.peers.entry(binding.hop) {
                peer.get_mut().bindings -= 1;
                if peer.get().bindings == 0 {
                    self.lost -= usize::from(peer.get().lost);
                    peer.remove();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
