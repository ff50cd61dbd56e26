//! Which components are kept: those that are active for some tenant, and the last few that were.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

use model::TenantId;

/// Components that are kept though nobody begins a session with them: live sessions need them.
const RETIRED: usize = 32;

/// The kept components, by digest.
#[derive(Debug)]
pub struct Shelf<P> {
    kept: BTreeMap<String, Arc<P>>,
    active: BTreeMap<TenantId, BTreeSet<String>>,
    /// How many tenants each is active for.
    users: BTreeMap<String, usize>,
    /// Kept, but not active; the longest ago first.
    retired: VecDeque<String>,
}

impl<P> Default for Shelf<P> {
    fn default() -> Self {
        Self {
            kept: BTreeMap::new(),
            active: BTreeMap::new(),
            users: BTreeMap::new(),
            retired: VecDeque::new(),
        }
    }
}

impl<P> Shelf<P> {
    /// The component of that digest.
    pub fn get(&self, digest: &str) -> Option<Arc<P>> {
        self.kept.get(digest).cloned()
    }

    /// Keeps a component, which is active or about to be, or needed by a live session.
    pub fn put(&mut self, digest: String, component: Arc<P>) {
        let is_new = self.kept.insert(digest.clone(), component).is_none();
        if is_new && !self.users.contains_key(&digest) {
            self.retired.push_back(digest);
            self.trim();
        }
    }

    /// Whether that is active for anybody; before the first is active nobody knows, and each may be.
    pub fn is_needed(&self, digest: &str) -> bool {
        self.users.is_empty() || self.users.contains_key(digest)
    }

    /// Whether that is active for that tenant.
    pub fn is_active(&self, tenant: TenantId, digest: &str) -> bool {
        let active = self.active.get(&tenant);
        active.is_some_and(|active| active.contains(digest))
    }

    /// From here on these are active for that tenant, and no others.
    pub fn activate(&mut self, tenant: TenantId, digests: BTreeSet<String>) {
        for digest in &digests {
            *self.users.entry(digest.clone()).or_default() += 1;
        }
        self.retired.retain(|digest| !digests.contains(digest));
        let before = if digests.is_empty() {
            self.active.remove(&tenant)
        } else {
            self.active.insert(tenant, digests)
        };
        for digest in before.unwrap_or_default() {
            if let Some(users) = self.users.get_mut(&digest) {
                *users -= 1;
                if *users == 0 {
                    self.users.remove(&digest);
                    if self.kept.contains_key(&digest) {
                        self.retired.push_back(digest);
                    }
                }
            }
        }
        self.trim();
    }

    /// Drops what was retired the longest ago; what a turn runs just now is not dropped.
    fn trim(&mut self) {
        let mut tries = self.retired.len();
        while self.retired.len() > RETIRED
            && tries > 0
            && let Some(digest) = self.retired.pop_front()
        {
            tries -= 1;
            let runs = |kept: &Arc<P>| Arc::strong_count(kept) > 1;
            if self.kept.get(&digest).is_some_and(runs) {
                self.retired.push_back(digest);
            } else {
                self.kept.remove(&digest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use model::{IdSource, TenantId};

    use super::{RETIRED, Shelf};

    fn tenants() -> [TenantId; 2] {
        let mut ids = IdSource::new([4; 32], 0, 0);
        std::array::from_fn(|_| TenantId::mint(&mut ids, 1))
    }

    fn publish(shelf: &mut Shelf<()>, tenant: TenantId, digest: &str) {
        shelf.put(digest.into(), Arc::new(()));
        shelf.activate(tenant, [digest.to_owned()].into());
    }

    #[test]
    fn only_the_last_retired_are_kept() {
        let (mut shelf, [tenant, _]) = (Shelf::default(), tenants());
        for version in 0..RETIRED + 10 {
            publish(&mut shelf, tenant, &version.to_string());
        }
        assert_eq!(shelf.kept.len(), RETIRED + 1);
        assert!(shelf.get("0").is_none() && shelf.get("10").is_some());
        assert_eq!(shelf.users.len(), 1);
    }

    #[test]
    fn what_another_tenant_uses_or_a_turn_runs_stays() {
        let (mut shelf, [one, other]) = (Shelf::default(), tenants());
        publish(&mut shelf, other, "shared");
        publish(&mut shelf, one, "shared");
        publish(&mut shelf, one, "running");
        assert!(shelf.is_active(other, "shared") && !shelf.is_active(one, "shared"));
        assert!(shelf.is_needed("shared") && !shelf.is_needed("new"));
        let running = shelf.get("running").unwrap();
        for version in 0..RETIRED * 2 {
            publish(&mut shelf, one, &version.to_string());
        }
        assert!(shelf.get("shared").is_some() && shelf.get("running").is_some());
        drop(running);
        shelf.activate(other, [].into());
        for version in RETIRED * 2..RETIRED * 4 {
            publish(&mut shelf, one, &version.to_string());
        }
        assert!(shelf.get("shared").is_none() && shelf.get("running").is_none());
        shelf.activate(one, [].into());
        assert!(shelf.is_needed("new"), "nobody knows");
        assert!(shelf.users.is_empty() && shelf.active.is_empty());
    }
}
