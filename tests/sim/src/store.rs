//! The tenants' key-value store, in memory, with the conflict rule of the real one.
//!
//! A key has a version; absence is version 0; expiry is judged by the event's time; a key that is
//! made anew never has a version that it had before.

use std::collections::BTreeMap;

use model::{
    TenantId,
    turn::{StoreTouch, Version, Write},
};

/// All tenants' keys.
#[derive(Debug, Default)]
pub struct Store {
    rows: BTreeMap<(TenantId, String), Row>,
    last: Version,
}

#[derive(Debug)]
struct Row {
    value: Vec<u8>,
    version: Version,
    expires: Option<u64>,
}

/// A key that a turn read has changed since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Conflict;

/// One tenant's keys at one moment: what a turn reads.
#[derive(Clone, Debug, Default)]
pub struct Snapshot(BTreeMap<String, (Vec<u8>, Version)>);

impl Snapshot {
    /// The value of a key and its version; none: version 0.
    pub fn get(&self, key: &str) -> Option<(&[u8], Version)> {
        let (value, version) = self.0.get(key)?;
        Some((value, *version))
    }
}

impl Store {
    /// What a tenant sees at the time of an event.
    pub fn snapshot(&self, tenant: TenantId, now_ms: u64) -> Snapshot {
        let seen = self.rows.iter().filter(|((owner, _), _)| *owner == tenant);
        let seen = seen.filter(|(_, row)| row.is_there(now_ms));
        Snapshot(
            seen.map(|((_, key), row)| (key.clone(), (row.value.clone(), row.version)))
                .collect(),
        )
    }

    /// Writes what a turn wrote, if everything that it read is as it was.
    pub(crate) fn commit(
        &mut self,
        tenant: TenantId,
        touch: &StoreTouch,
        now_ms: u64,
    ) -> Result<(), Conflict> {
        for (key, seen) in &touch.reads {
            let row = self.rows.get(&(tenant, key.clone()));
            let version = row
                .filter(|row| row.is_there(now_ms))
                .map_or(0, |r| r.version);
            if version != *seen {
                return Err(Conflict);
            }
        }
        self.write(tenant, touch);
        Ok(())
    }

    /// Writes what a turn wrote, come what may.
    pub(crate) fn write(&mut self, tenant: TenantId, touch: &StoreTouch) {
        for (key, write) in &touch.writes {
            let place = (tenant, key.clone());
            match write {
                Write::Put { value, expires } => {
                    self.last += 1;
                    let row = Row {
                        value: value.clone(),
                        version: self.last,
                        expires: *expires,
                    };
                    self.rows.insert(place, row);
                }
                Write::Remove => {
                    self.rows.remove(&place);
                }
            }
        }
    }
}

impl Row {
    fn is_there(&self, now_ms: u64) -> bool {
        self.expires.is_none_or(|expires| expires > now_ms)
    }
}

#[cfg(test)]
mod tests {
    use model::{
        IdSource, TenantId,
        turn::{StoreTouch, Write},
    };

    use super::{Conflict, Store};

    #[test]
    fn whoever_commits_second_is_in_conflict_and_absence_has_a_version() {
        let tenant = TenantId::mint(&mut IdSource::new([1; 32], 0, 0), 1);
        let mut store = Store::default();
        let put = |seen, expires| StoreTouch {
            reads: [("k".to_owned(), seen)].into(),
            writes: [(
                "k".to_owned(),
                Write::Put {
                    value: vec![1],
                    expires,
                },
            )]
            .into(),
        };
        assert_eq!(store.commit(tenant, &put(0, Some(100)), 10), Ok(()));
        assert_eq!(store.commit(tenant, &put(0, None), 99), Err(Conflict));
        assert_eq!(store.snapshot(tenant, 99).get("k"), Some((&[1][..], 1)));
        assert_eq!(store.snapshot(tenant, 100).get("k"), None);
        assert_eq!(store.commit(tenant, &put(0, None), 100), Ok(()));
        assert_eq!(store.snapshot(tenant, 101).get("k"), Some((&[1][..], 2)));
    }
}
