//! What every route needs, in one handle that is cheap to clone.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use model::{IdSource, KeyId, RequestId};
use store::{BuiltIn, Store};
use tokio::sync::watch;

use crate::{Control, limits};

/// What a [`State`] is made of.
pub struct Parts {
    /// The rows.
    pub store: Store,
    /// The way to live sessions.
    pub control: Control,
    /// The plugin that every new tenant begins with.
    pub built_in: BuiltIn,
    /// This node's number, 0 to 1023: a part of every id.
    pub node: u16,
    /// Octets of an uploaded component at most.
    pub upload_max: usize,
    /// The wall clock, Unix milliseconds.
    pub now_ms: fn() -> u64,
    /// Becomes true when the node stops: `/readyz` says so, and streams end.
    pub draining: watch::Receiver<bool>,
}

/// The state of the router.
#[derive(Clone)]
pub struct State(Arc<Inner>);

struct Inner {
    parts: Parts,
    ids: Mutex<IdSource>,
    /// How many logs each key follows; a key that follows none has no entry.
    followers: Mutex<BTreeMap<KeyId, usize>>,
}

/// A place among the followers of a key; given back when it is dropped.
pub(crate) struct Following {
    state: State,
    key: KeyId,
}

impl Drop for Following {
    fn drop(&mut self) {
        let mut followers = self.state.followers();
        if let Some(count) = followers.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                followers.remove(&self.key);
            }
        }
    }
}

impl State {
    /// Fails if the operating system has no randomness.
    pub fn new(parts: Parts) -> Result<Self, getrandom::Error> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed)?;
        let ids = Mutex::new(IdSource::new(seed, parts.node, 0));
        Ok(Self(Arc::new(Inner {
            parts,
            ids,
            followers: Mutex::default(),
        })))
    }

    pub(crate) fn store(&self) -> &Store {
        &self.0.parts.store
    }

    pub(crate) fn control(&self) -> &Control {
        &self.0.parts.control
    }

    pub(crate) fn built_in(&self) -> &BuiltIn {
        &self.0.parts.built_in
    }

    pub(crate) fn upload_max(&self) -> usize {
        self.0.parts.upload_max
    }

    /// A place for one more follower of this key; none if it has [`limits::LOG_FOLLOWERS`].
    pub(crate) fn follow(&self, key: KeyId) -> Option<Following> {
        let mut followers = self.followers();
        let count = followers.entry(key).or_default();
        if *count >= limits::LOG_FOLLOWERS {
            return None;
        }
        *count += 1;
        let state = self.clone();
        Some(Following { state, key })
    }

    /// Nothing that holds it panics halfway.
    fn followers(&self) -> MutexGuard<'_, BTreeMap<KeyId, usize>> {
        let followers = self.0.followers.lock();
        followers.unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn now_ms(&self) -> u64 {
        (self.0.parts.now_ms)()
    }

    pub(crate) fn draining(&self) -> watch::Receiver<bool> {
        self.0.parts.draining.clone()
    }

    /// Mints one id, such as `|ids, now| NumberId::mint(ids, now)`.
    pub(crate) fn mint<T>(&self, mint: impl FnOnce(&mut IdSource, u64) -> T) -> T {
        let now = self.now_ms();
        // Nothing in here panics halfway; a poisoned source is as random as before.
        let mut ids = self.0.ids.lock().unwrap_or_else(PoisonError::into_inner);
        mint(&mut ids, now)
    }

    pub(crate) fn mint_request(&self) -> RequestId {
        self.mint(RequestId::mint)
    }
}
