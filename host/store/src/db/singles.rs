//! Connections whose every statement stands alone.
//!
//! A pool would check a connection each time that it is given back, by a visit to its thread; these
//! are only lent. A statement that is given up half-way ends by itself, and leaves nothing behind.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use sqlx::{Connection, SqliteConnection, sqlite::SqliteConnectOptions};
use tokio::{
    sync::{Mutex, OwnedMappedMutexGuard, OwnedMutexGuard},
    time::timeout,
};

use crate::{StoreError, limits};

/// A few connections, each lent to one reader at a time.
#[derive(Clone, Debug)]
pub(crate) struct Singles {
    all: Arc<[Arc<Mutex<Option<SqliteConnection>>>]>,
    /// Whom the next reader waits for if none is free.
    next: Arc<AtomicUsize>,
}

/// A lent connection.
#[derive(Debug)]
pub(crate) struct Single(OwnedMappedMutexGuard<Option<SqliteConnection>, SqliteConnection>);

impl Singles {
    pub(crate) async fn open(options: &SqliteConnectOptions, count: u32) -> sqlx::Result<Self> {
        let mut all = Vec::new();
        for _ in 0..count {
            let connection = SqliteConnection::connect_with(options).await?;
            all.push(Arc::new(Mutex::new(Some(connection))));
        }
        Ok(Self {
            all: all.into(),
            next: Arc::default(),
        })
    }

    /// A free one, or the one whose turn it is.
    pub(crate) async fn get(&self) -> Result<Single, StoreError> {
        let free = self
            .all
            .iter()
            .find_map(|one| Arc::clone(one).try_lock_owned().ok());
        let guard = if let Some(free) = free {
            free
        } else {
            let next = self.next.fetch_add(1, Ordering::Relaxed) % self.all.len();
            let wait = timeout(limits::ACQUIRE, Arc::clone(&self.all[next]).lock_owned());
            let busy = |_| StoreError::Unavailable("every reader is busy".into());
            wait.await.map_err(busy)?
        };
        let open = OwnedMutexGuard::try_map(guard, Option::as_mut);
        open.map(Single).map_err(|_| StoreError::closed())
    }

    pub(crate) async fn close(&self) {
        for one in &*self.all {
            if let Some(connection) = one.lock().await.take() {
                // A reader that does not close leaves nothing undone.
                let _ = connection.close().await;
            }
        }
    }
}

impl std::ops::Deref for Single {
    type Target = SqliteConnection;

    fn deref(&self) -> &SqliteConnection {
        &self.0
    }
}

impl std::ops::DerefMut for Single {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        &mut self.0
    }
}
