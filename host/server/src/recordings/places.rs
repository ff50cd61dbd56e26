//! Places that tenants share: so many for all of them together, and no tenant has more than its own
//! share of them.
//!
//! Owns the count of who has how many; knows nothing of what is done there.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use model::TenantId;

/// See the module's header.
#[derive(Debug)]
pub struct Places {
    room: usize,
    share: usize,
    /// A tenant without a place has no entry.
    taken: Mutex<BTreeMap<TenantId, usize>>,
    refused: AtomicU64,
}

/// A place; given back when it is dropped.
#[derive(Debug)]
pub struct Place {
    places: Arc<Places>,
    tenant: TenantId,
}

impl Places {
    /// So many for all, and so many of them for one tenant.
    pub fn new(room: usize, share: usize) -> Arc<Self> {
        Arc::new(Self {
            room,
            share,
            taken: Mutex::default(),
            refused: AtomicU64::new(0),
        })
    }

    /// A place, if the tenant may have one more; else that is counted.
    pub fn take(self: &Arc<Self>, tenant: TenantId) -> Option<Place> {
        let mut taken = self.taken();
        let own = taken.get(&tenant).copied().unwrap_or_default();
        if own >= self.share || taken.values().sum::<usize>() >= self.room {
            self.refused.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        taken.insert(tenant, own + 1);
        let places = Arc::clone(self);
        Some(Place { places, tenant })
    }

    /// How often none was to be had, since the start.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Nothing that holds it panics halfway.
    fn taken(&self) -> MutexGuard<'_, BTreeMap<TenantId, usize>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken();
        if let Some(own) = taken.get_mut(&self.tenant) {
            *own -= 1;
            if *own == 0 {
                taken.remove(&self.tenant);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use model::{IdSource, TenantId};

    use super::Places;

    #[test]
    fn a_tenant_has_its_share_and_all_together_have_the_room_and_places_come_back() {
        let mut ids = IdSource::new([1; 32], 0, 0);
        let mut tenant = || TenantId::mint(&mut ids, 1);
        let (busy, other, last) = (tenant(), tenant(), tenant());
        let places = Places::new(3, 2);
        let held = [places.take(busy).unwrap(), places.take(busy).unwrap()];
        assert!(places.take(busy).is_none(), "its share");
        let one = places.take(other).unwrap();
        assert!(places.take(last).is_none(), "the room");
        assert_eq!(places.refused(), 2);
        drop(one);
        assert!(places.take(last).is_some());
        drop(held);
        assert!(places.taken().is_empty());
    }
}
