//! The conferences of a node: which names there are, and who is in them. One directory for all shards, as
//! for the caps of trunks (ADR 0011).
//!
//! A seat is taken with a call that enters and given back when it leaves or ends, whoever drops it; with
//! the last of them the conference is gone, which its room tells whoever plays into it or records it. The lock is held for a look and a step, by turns of tenants
//! that have conferences and by calls that enter and leave them.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use media::room::Room;
use model::{ConferenceId, ConferenceView, TenantId, limits};

/// The conferences of a node; cheap to clone, and every clone is the same.
#[derive(Clone, Debug)]
pub struct Conferences(Arc<Directory>);

#[derive(Debug)]
struct Directory {
    /// Media shards that their members may be on.
    media_shards: usize,
    /// How many there are: most turns need not look further.
    count: AtomicUsize,
    tenants: Mutex<Tenants>,
}

#[derive(Debug, Default)]
struct Tenants {
    by_name: BTreeMap<(TenantId, String), Conference>,
    rooms: u64,
}

#[derive(Debug)]
struct Conference {
    id: ConferenceId,
    room: Arc<Room>,
    calls: u32,
}

/// The place of one call in a conference.
#[derive(Debug)]
pub struct Seat {
    conferences: Conferences,
    tenant: TenantId,
    name: String,
    id: ConferenceId,
    room: Arc<Room>,
}

/// The conference has as many calls as it may, or its tenant as many conferences.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

impl Conferences {
    /// None yet, on a node of so many media shards.
    pub fn new(media_shards: usize) -> Self {
        Self(Arc::new(Directory {
            media_shards,
            count: AtomicUsize::new(0),
            tenants: Mutex::default(),
        }))
    }

    /// A seat in the tenant's conference of that name; if there is none, it is made with this id.
    /// Whoever drops it has left.
    pub fn enter(&self, tenant: TenantId, name: &str, id: ConferenceId) -> Result<Seat, Full> {
        let mut tenants = self.tenants();
        let key = (tenant, name.to_owned());
        if !tenants.by_name.contains_key(&key) {
            if tenants.of(tenant).count() >= limits::TENANT_CONFERENCES {
                return Err(Full);
            }
            tenants.rooms += 1;
            let room = Arc::new(Room::new(tenants.rooms, self.0.media_shards));
            let made = Conference { id, room, calls: 0 };
            tenants.by_name.insert(key.clone(), made);
            self.0.count.fetch_add(1, Ordering::Relaxed);
        }
        let conference = tenants.by_name.get_mut(&key).ok_or(Full)?;
        if conference.calls as usize >= limits::CONFERENCE_CALLS {
            return Err(Full);
        }
        conference.calls += 1;
        Ok(Seat {
            conferences: self.clone(),
            tenant,
            name: key.1,
            id: conference.id,
            room: Arc::clone(&conference.room),
        })
    }

    /// A tenant's conferences, by name.
    pub(crate) fn of(&self, tenant: TenantId) -> Vec<ConferenceView> {
        if self.0.count.load(Ordering::Relaxed) == 0 {
            return Vec::new();
        }
        let tenants = self.tenants();
        let view = |(name, it): (&str, &Conference)| ConferenceView {
            id: it.id,
            name: name.to_owned(),
            size: it.calls,
        };
        tenants.of(tenant).map(view).collect()
    }

    /// How many there are, and how many calls are in them.
    pub fn sizes(&self) -> (usize, u64) {
        let tenants = self.tenants();
        let calls = tenants.by_name.values().map(|it| u64::from(it.calls));
        (tenants.by_name.len(), calls.sum())
    }

    fn tenants(&self) -> MutexGuard<'_, Tenants> {
        let tenants = &self.0.tenants;
        tenants.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tenants {
    fn of(&self, tenant: TenantId) -> impl Iterator<Item = (&str, &Conference)> {
        let from = (tenant, String::new());
        let all = self.by_name.range(from..);
        all.take_while(move |((of, _), _)| *of == tenant)
            .map(|((_, name), conference)| (name.as_str(), conference))
    }
}

impl Seat {
    pub(crate) fn id(&self) -> ConferenceId {
        self.id
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn room(&self) -> Arc<Room> {
        Arc::clone(&self.room)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut tenants = self.conferences.tenants();
        let key = (self.tenant, std::mem::take(&mut self.name));
        let Some(conference) = tenants.by_name.get_mut(&key) else {
            return;
        };
        conference.calls -= 1;
        if conference.calls == 0 {
            self.room.end();
            tenants.by_name.remove(&key);
            self.conferences.0.count.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use model::IdSource;

    use super::*;

    fn ids() -> (IdSource, TenantId, TenantId) {
        let mut ids = IdSource::new([3; 32], 0, 0);
        let tenants = [0; 2].map(|_| TenantId::mint(&mut ids, 1));
        (ids, tenants[0], tenants[1])
    }

    #[test]
    fn a_conference_lasts_while_a_call_is_in_it_whoever_made_it() {
        let (mut ids, tenant, _) = ids();
        let [first, second, third] = [0; 3].map(|_| ConferenceId::mint(&mut ids, 1));
        let conferences = Conferences::new(2);
        let a = conferences.enter(tenant, "room", first).unwrap();
        // Another shard has made up an id of its own: the first one counts.
        let b = conferences.clone().enter(tenant, "room", second).unwrap();
        assert_eq!((a.id(), b.id()), (first, first));
        assert_eq!(a.room().id(), b.room().id());
        drop(a);
        let [view] = &conferences.of(tenant)[..] else {
            panic!("one conference");
        };
        assert_eq!((view.id, view.name.as_str(), view.size), (first, "room", 1));
        let room = b.room().id();
        drop(b);
        assert_eq!(conferences.of(tenant), []);
        assert_eq!(conferences.sizes(), (0, 0));
        let again = conferences.enter(tenant, "room", third).unwrap();
        assert_eq!(again.id(), third);
        assert_ne!(again.room().id(), room);
    }

    #[test]
    fn one_name_of_two_tenants_is_two_conferences() {
        let (mut ids, tenant, other) = ids();
        let conferences = Conferences::new(2);
        let mut enter = |tenant| {
            let id = ConferenceId::mint(&mut ids, 1);
            conferences.enter(tenant, "room", id).unwrap()
        };
        let (a, b) = (enter(tenant), enter(other));
        assert_ne!(a.room().id(), b.room().id());
        assert_eq!(conferences.of(tenant).len(), 1);
        assert_eq!(conferences.sizes(), (2, 2));
    }

    #[test]
    fn conferences_and_their_calls_are_limited() {
        let (mut ids, tenant, other) = ids();
        let conferences = Conferences::new(2);
        let id = ConferenceId::mint(&mut ids, 1);
        let enter = |tenant, name: &str| conferences.enter(tenant, name, id);
        let names: Vec<_> = (0..limits::TENANT_CONFERENCES)
            .map(|name| enter(tenant, &name.to_string()).unwrap())
            .collect();
        assert_eq!(enter(tenant, "one more").unwrap_err(), Full);
        assert!(enter(other, "one more").is_ok());
        let seats: Vec<_> = (1..limits::CONFERENCE_CALLS)
            .map(|_| enter(tenant, "0").unwrap())
            .collect();
        assert_eq!(enter(tenant, "0").unwrap_err(), Full);
        drop((names, seats));
        assert_eq!(conferences.sizes(), (0, 0));
    }
}
