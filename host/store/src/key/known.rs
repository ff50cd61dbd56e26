//! Keys in use, remembered by the hash of their secret: who a bearer is, is asked with every request.
//!
//! Only keys that are there are remembered, so a stranger who guesses fills nothing. Whoever removes
//! a key makes all be forgotten, and a reader that asked the database before that is not believed.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::ApiKey;
use crate::limits;

/// See the module's header.
#[derive(Debug, Default)]
pub(crate) struct KnownKeys(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    by_hash: HashMap<String, ApiKey>,
    /// How often all was forgotten.
    age: u64,
}

/// Since when nothing was forgotten.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Since(u64);

impl KnownKeys {
    /// The key with that hash; if it is not known, what [`remember`](Self::remember) wants.
    pub(crate) fn recall(&self, hash: &str) -> Result<ApiKey, Since> {
        let known = self.known();
        let key = known.by_hash.get(hash).cloned();
        key.ok_or(Since(known.age))
    }

    /// The database had that key after `since`.
    pub(crate) fn remember(&self, hash: String, key: ApiKey, since: Since) {
        let mut known = self.known();
        if known.age != since.0 {
            return;
        }
        if known.by_hash.len() >= limits::KNOWN_KEYS {
            known.by_hash.clear();
        }
        known.by_hash.insert(hash, key);
    }

    /// A key may be there no longer.
    pub(crate) fn forget_all(&self) {
        let mut known = self.known();
        known.by_hash.clear();
        known.age += 1;
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use model::{IdSource, KeyId};

    use super::*;
    use crate::Scope;

    fn key() -> ApiKey {
        ApiKey {
            id: KeyId::mint(&mut IdSource::new([1; 32], 0, 0), 1),
            tenant: None,
            scope: Scope::Admin,
            name: "a".into(),
            user: None,
            created: 1,
        }
    }

    fn asked(known: &KnownKeys, hash: &str) -> Since {
        known.recall(hash).expect_err("it is not known")
    }

    #[test]
    fn what_was_read_before_a_key_was_removed_is_not_remembered() {
        let known = KnownKeys::default();
        let since = asked(&known, "a");
        known.forget_all();
        known.remember("a".into(), key(), since);
        let since = asked(&known, "a");
        known.remember("a".into(), key(), since);
        assert_eq!(known.recall("a").ok(), Some(key()));
    }

    #[test]
    fn no_more_are_remembered_than_the_limit() {
        let known = KnownKeys::default();
        for number in 0..=limits::KNOWN_KEYS {
            let hash = number.to_string();
            let since = asked(&known, &hash);
            known.remember(hash, key(), since);
        }
        assert_eq!(known.known().by_hash.len(), 1);
    }
}
