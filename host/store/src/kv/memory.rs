//! What the policies keep, remembered: rows of the key-value store as the database has them.
//!
//! A node is the only writer of its database, so a row is known from when it was read or written
//! until it is written again. Turns read from here, and groups are judged, without a visit to the
//! engine. The writer remembers what it committed before anybody hears of it. A reader that finds
//! nothing leaves a mark, and what it read is remembered only if its mark is still there: whoever
//! wrote meanwhile has wiped it out. Bounded: of two generations the older one is forgotten.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use model::{TenantId, turn::Version};

use crate::limits;

/// A row.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) value: Vec<u8>,
    pub(crate) version: Version,
    /// When it vanishes, Unix milliseconds.
    pub(crate) expires: Option<u64>,
}

/// What is known of a row: it, or that there is none.
pub(crate) type Known = Option<Arc<Kept>>;

/// The last version of a tenant, and what it keeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counter {
    pub(crate) version: Version,
    pub(crate) keys: i64,
    pub(crate) octets: i64,
}

/// What a reader finds.
#[derive(Debug)]
pub(crate) enum Recall {
    Known(Known),
    /// Nothing. What the database says is remembered with this mark.
    Unknown(Mark),
}

/// Who asked the database for a row.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Mark(u64);

/// See the module's header.
#[derive(Debug, Default)]
pub(crate) struct Memory(Mutex<Rows>);

#[derive(Debug, Default)]
struct Rows {
    young: Generation,
    old: Generation,
    counters: HashMap<TenantId, Counter>,
    marks: u64,
}

#[derive(Debug, Default)]
struct Generation {
    rows: HashMap<TenantId, HashMap<Box<str>, Entry>>,
    octets: usize,
}

#[derive(Debug)]
enum Entry {
    Known(Known),
    Asked(Mark),
}

impl Memory {
    /// The row; where it is unknown a mark is left.
    pub(crate) fn recall(&self, tenant: TenantId, name: &str) -> Recall {
        let mut rows = self.rows();
        if let Some(known) = rows.find(tenant, name) {
            return Recall::Known(known);
        }
        rows.marks += 1;
        let mark = rows.marks;
        rows.put(tenant, name, Entry::Asked(Mark(mark)));
        Recall::Unknown(Mark(mark))
    }

    /// What the database said to the reader with that mark.
    pub(crate) fn answer(&self, tenant: TenantId, name: &str, mark: &Mark, known: Known) {
        let mut rows = self.rows();
        let entry = rows.young.get(tenant, name);
        let entry = entry.or_else(|| rows.old.get(tenant, name));
        if matches!(entry, Some(Entry::Asked(last)) if last == mark) {
            rows.put(tenant, name, Entry::Known(known));
        }
    }

    /// What is known of a row, if anything is.
    pub(crate) fn known(&self, tenant: TenantId, name: &str) -> Option<Known> {
        self.rows().find(tenant, name)
    }

    /// What the tenant's counter says, if that is known.
    pub(crate) fn counter(&self, tenant: TenantId) -> Option<Counter> {
        self.rows().counters.get(&tenant).copied()
    }

    /// A row was committed so.
    pub(crate) fn remember(&self, tenant: TenantId, name: &str, known: Known) {
        self.rows().put(tenant, name, Entry::Known(known));
    }

    /// A counter was read or committed so.
    pub(crate) fn count(&self, tenant: TenantId, counter: Counter) {
        let counters = &mut self.rows().counters;
        if counters.len() >= limits::KV_COUNTERS && !counters.contains_key(&tenant) {
            counters.clear();
        }
        counters.insert(tenant, counter);
    }

    /// Nobody knows how a row and its tenant's counter are now.
    pub(crate) fn forget(&self, tenant: TenantId, name: &str) {
        let mut rows = self.rows();
        rows.young.remove(tenant, name);
        rows.old.remove(tenant, name);
        rows.counters.remove(&tenant);
    }

    /// Nobody knows anything any more.
    #[cfg(test)]
    pub(crate) fn forget_all(&self) {
        *self.rows() = Rows::default();
    }

    fn rows(&self) -> MutexGuard<'_, Rows> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Rows {
    /// A row of the older generation that is asked for becomes one of the younger.
    fn find(&mut self, tenant: TenantId, name: &str) -> Option<Known> {
        if let Some(entry) = self.young.get(tenant, name) {
            return entry.known();
        }
        let known = self.old.get(tenant, name)?.known()?;
        self.put(tenant, name, Entry::Known(known.clone()));
        Some(known)
    }

    fn put(&mut self, tenant: TenantId, name: &str, entry: Entry) {
        self.old.remove(tenant, name);
        if self.young.octets + entry.octets(name) > limits::KV_MEMORY / 2 {
            self.old = std::mem::take(&mut self.young);
            self.old.remove(tenant, name);
        }
        self.young.put(tenant, name, entry);
    }
}

impl Generation {
    fn get(&self, tenant: TenantId, name: &str) -> Option<&Entry> {
        self.rows.get(&tenant)?.get(name)
    }

    fn put(&mut self, tenant: TenantId, name: &str, entry: Entry) {
        self.octets += entry.octets(name);
        let of_tenant = self.rows.entry(tenant).or_default();
        let before = match of_tenant.get_mut(name) {
            Some(there) => Some(std::mem::replace(there, entry)),
            None => of_tenant.insert(name.into(), entry),
        };
        self.octets -= before.map_or(0, |before| before.octets(name));
    }

    fn remove(&mut self, tenant: TenantId, name: &str) {
        let Some(of_tenant) = self.rows.get_mut(&tenant) else {
            return;
        };
        let before = of_tenant.remove(name);
        self.octets -= before.map_or(0, |before| before.octets(name));
        if of_tenant.is_empty() {
            self.rows.remove(&tenant);
        }
    }
}

impl Entry {
    fn known(&self) -> Option<Known> {
        match self {
            Self::Known(known) => Some(known.clone()),
            Self::Asked(_) => None,
        }
    }

    /// What it takes, roughly.
    fn octets(&self, name: &str) -> usize {
        let value = match self {
            Self::Known(Some(kept)) => kept.value.len(),
            Self::Known(None) | Self::Asked(_) => 0,
        };
        limits::KV_ROW + name.len() + value
    }
}

#[cfg(test)]
mod tests {
    use model::IdSource;

    use super::*;

    fn tenant() -> TenantId {
        TenantId::mint(&mut IdSource::new([1; 32], 0, 0), 1)
    }

    fn kept(value: &[u8], version: Version) -> Arc<Kept> {
        let value = value.to_vec();
        let expires = None;
        Arc::new(Kept {
            value,
            version,
            expires,
        })
    }

    fn mark(memory: &Memory, name: &str) -> Mark {
        match memory.recall(tenant(), name) {
            Recall::Unknown(mark) => mark,
            Recall::Known(known) => panic!("{name} is known: {known:?}"),
        }
    }

    #[test]
    fn what_was_read_before_a_write_is_not_remembered_after_it() {
        let memory = Memory::default();
        let slow = mark(&memory, "a");
        memory.remember(tenant(), "a", Some(kept(b"new", 2)));
        memory.answer(tenant(), "a", &slow, Some(kept(b"old", 1)));
        assert_eq!(memory.known(tenant(), "a"), Some(Some(kept(b"new", 2))));

        let slow = mark(&memory, "b");
        memory.forget(tenant(), "b");
        memory.answer(tenant(), "b", &slow, Some(kept(b"old", 1)));
        assert_eq!(memory.known(tenant(), "b"), None);
    }

    #[test]
    fn of_two_readers_the_later_one_is_believed() {
        let memory = Memory::default();
        let (first, second) = (mark(&memory, "a"), mark(&memory, "a"));
        memory.answer(tenant(), "a", &first, Some(kept(b"first", 1)));
        assert_eq!(memory.known(tenant(), "a"), None);
        memory.answer(tenant(), "a", &second, None);
        assert_eq!(memory.known(tenant(), "a"), Some(None));
    }

    #[test]
    fn what_is_not_asked_for_is_forgotten_before_the_memory_is_larger_than_its_limit() {
        let memory = Memory::default();
        let value = vec![0; model::limits::STORE_VALUE];
        memory.remember(tenant(), "asked for", Some(kept(b"1", 1)));
        memory.remember(tenant(), "never asked for", Some(kept(b"2", 1)));
        for number in 0..3 * limits::KV_MEMORY / value.len() {
            memory.remember(tenant(), &format!("more {number}"), Some(kept(&value, 1)));
            assert_eq!(
                memory.known(tenant(), "asked for"),
                Some(Some(kept(b"1", 1)))
            );
            let rows = memory.rows();
            assert!(rows.young.octets + rows.old.octets <= limits::KV_MEMORY);
        }
        assert_eq!(memory.known(tenant(), "never asked for"), None);
    }

    #[test]
    fn octets_are_given_back_with_their_rows() {
        let memory = Memory::default();
        memory.remember(tenant(), "a", Some(kept(b"longer", 1)));
        memory.remember(tenant(), "a", Some(kept(b"", 2)));
        assert_eq!(memory.rows().young.octets, limits::KV_ROW + 1);
        memory.forget(tenant(), "a");
        assert_eq!(memory.rows().young.octets, 0);
        assert!(memory.rows().young.rows.is_empty());
    }

    #[test]
    fn no_more_counters_are_kept_than_the_limit() {
        let memory = Memory::default();
        let mut ids = IdSource::new([1; 32], 0, 0);
        for _ in 0..=limits::KV_COUNTERS {
            memory.count(TenantId::mint(&mut ids, 1), Counter::default());
        }
        assert_eq!(memory.rows().counters.len(), 1);
    }
}
