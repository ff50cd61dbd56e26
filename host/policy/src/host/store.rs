//! The interface `store`: reads from outside, overlaid by what this turn wrote.
//!
//! Nothing is written here. A turn notes the version of each key that it read and the last write of
//! each key; the server commits both in one transaction, or runs the turn again.

use std::collections::BTreeMap;
use std::pin::Pin;

use model::limits::{STORE_KEY, STORE_KEYS, STORE_VALUE};
use model::turn::{StoreTouch, Version, Write};

use super::Host;
use crate::bindings::jackfield::policy::store;
use crate::bindings::jackfield::policy::types::Error;

/// The store did not answer in time, or not at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the store is unavailable")]
pub struct Unavailable;

/// A read that is under way.
pub type StoreRead<'a> =
    Pin<Box<dyn Future<Output = Result<Option<(Vec<u8>, Version)>, Unavailable>> + Send + 'a>>;

/// Where a turn reads the tenant's store: the database, or the simulator's memory. It knows the
/// tenant, judges expiry by the event's time and keeps its own time limit.
pub trait StoreReads: Send {
    /// The value of that key and its version; none: absent, which is version 0.
    fn get<'a>(&'a mut self, key: &'a str) -> StoreRead<'a>;
}

type Answer<T = ()> = Result<T, Error>;

/// What this turn read and wrote.
pub(super) struct Overlay {
    reads: Box<dyn StoreReads>,
    now: u64,
    seen: BTreeMap<String, Option<Vec<u8>>>,
    touch: StoreTouch,
    /// Whether it has waited since it was last asked.
    has_waited: bool,
}

impl Overlay {
    pub(super) fn new(reads: Box<dyn StoreReads>, now: u64) -> Self {
        Self {
            reads,
            now,
            seen: BTreeMap::new(),
            touch: StoreTouch::default(),
            has_waited: false,
        }
    }

    /// Whether the turn has waited for the store since this was last asked.
    pub(super) fn take_has_waited(&mut self) -> bool {
        std::mem::take(&mut self.has_waited)
    }

    pub(super) fn into_touch(self) -> StoreTouch {
        self.touch
    }

    /// Forgets what it wrote: only what it read is checked then.
    pub(super) fn forget_writes(&mut self) {
        self.touch.writes.clear();
    }

    pub(super) async fn get(&mut self, key: &str) -> Answer<Option<Vec<u8>>> {
        self.check_key(key)?;
        match self.touch.writes.get(key) {
            Some(Write::Put { value, .. }) => return Ok(Some(value.clone())),
            Some(Write::Remove) => return Ok(None),
            None => {}
        }
        if let Some(value) = self.seen.get(key) {
            return Ok(value.clone());
        }
        self.has_waited = true;
        let found = self
            .reads
            .get(key)
            .await
            .map_err(|why| Error::Unavailable(why.to_string()))?;
        let (value, version) = found.map_or((None, 0), |(value, version)| (Some(value), version));
        self.touch.reads.insert(key.to_owned(), version);
        self.seen.insert(key.to_owned(), value.clone());
        Ok(value)
    }

    pub(super) fn put(
        &mut self,
        key: String,
        value: Vec<u8>,
        expires_after: Option<u32>,
    ) -> Answer {
        self.check_key(&key)?;
        if value.len() > STORE_VALUE {
            let text = format!("value is longer than {STORE_VALUE} octets");
            return Err(Error::InvalidArgument(text));
        }
        if expires_after == Some(0) {
            return Err(Error::InvalidArgument("expires-after is 0".into()));
        }
        let expires = expires_after.map(|after| self.now + u64::from(after) * 1000);
        self.touch.writes.insert(key, Write::Put { value, expires });
        Ok(())
    }

    async fn take(&mut self, key: String) -> Answer<Option<Vec<u8>>> {
        let value = self.get(&key).await?;
        if value.is_some() {
            self.touch.writes.insert(key, Write::Remove);
        }
        Ok(value)
    }

    fn remove(&mut self, key: String) -> Answer {
        self.check_key(&key)?;
        self.touch.writes.insert(key, Write::Remove);
        Ok(())
    }

    fn check_key(&self, key: &str) -> Answer {
        if key.is_empty() || key.len() > STORE_KEY {
            return Err(Error::InvalidArgument(format!(
                "key is not 1 to {STORE_KEY} octets"
            )));
        }
        let StoreTouch { reads, writes } = &self.touch;
        let is_known = reads.contains_key(key) || writes.contains_key(key);
        let only_read = reads
            .keys()
            .filter(|key| !writes.contains_key(*key))
            .count();
        if !is_known && writes.len() + only_read >= STORE_KEYS {
            return Err(Error::LimitExceeded(format!(
                "{STORE_KEYS} keys of one event"
            )));
        }
        Ok(())
    }
}

impl store::Host for Host {
    async fn get(&mut self, key: String) -> wasmtime::Result<Answer<Option<Vec<u8>>>> {
        self.enter(key.len())?;
        Ok(self.overlay.get(&key).await)
    }

    fn put(
        &mut self,
        key: String,
        value: Vec<u8>,
        expires_after: Option<u32>,
    ) -> wasmtime::Result<Answer> {
        self.enter(key.len() + value.len())?;
        Ok(self.overlay.put(key, value, expires_after))
    }

    async fn take(&mut self, key: String) -> wasmtime::Result<Answer<Option<Vec<u8>>>> {
        self.enter(key.len())?;
        Ok(self.overlay.take(key).await)
    }

    fn remove(&mut self, key: String) -> wasmtime::Result<Answer> {
        self.enter(key.len())?;
        Ok(self.overlay.remove(key))
    }
}

#[cfg(test)]
mod tests;
