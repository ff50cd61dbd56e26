//! Components that calls need and that are not there: compiled one after another, behind everything else.
//!
//! Owns the queue, in which tenants take turns, and who waits for what. After an upgrade by which no machine code is
//! valid any more all components of all tenants stand here, and nobody's calls wait for those of others.

use std::{
    collections::BTreeSet,
    sync::{Mutex, MutexGuard, PoisonError},
};

use model::TenantId;
use tokio::sync::Notify;

use crate::fair::Fair;

/// What is missing.
pub struct Missing {
    book: Mutex<Book>,
    more: Notify,
    done: Notify,
}

struct Book {
    queue: Fair<TenantId, String>,
    /// What is in the queue, or is being made.
    open: BTreeSet<(TenantId, String)>,
}

impl Missing {
    /// Nothing yet.
    pub fn new() -> Self {
        let book = Book {
            queue: Fair::new(1, 1),
            open: BTreeSet::new(),
        };
        Self {
            book: Mutex::new(book),
            more: Notify::new(),
            done: Notify::new(),
        }
    }

    /// The tenant needs the component of that digest, as it may have said already.
    pub fn add(&self, tenant: TenantId, digest: &str) {
        let mut book = self.book();
        if book.open.insert((tenant, digest.to_owned())) {
            book.queue.push(tenant, digest.to_owned());
            self.more.notify_one();
        }
    }

    /// Whether it stands here.
    pub fn has(&self, tenant: TenantId, digest: &str) -> bool {
        self.book().open.contains(&(tenant, digest.to_owned()))
    }

    /// Waits until that of the tenant stands here no longer.
    pub async fn gone(&self, tenant: TenantId, digest: &str) {
        loop {
            // Before the look: what is done in between is told.
            let done = self.done.notified();
            if !self.has(tenant, digest) {
                return;
            }
            done.await;
        }
    }

    /// The next one, of the next tenant: until it has [`ended`](Self::ended) there is no other.
    pub async fn next(&self) -> (TenantId, String) {
        loop {
            if let Some(next) = self.pop() {
                return next;
            }
            self.more.notified().await;
        }
    }

    /// That one is made, or is not to be had: whichever, nobody waits for it any more.
    pub fn ended(&self, tenant: TenantId, digest: String) {
        let mut book = self.book();
        book.queue.ended(tenant);
        book.open.remove(&(tenant, digest));
        self.done.notify_waiters();
    }

    fn pop(&self) -> Option<(TenantId, String)> {
        self.book().queue.pop()
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use model::{IdSource, TenantId};

    use super::Missing;

    #[test]
    fn tenants_take_turns_and_what_is_missing_twice_is_made_once() {
        let mut ids = IdSource::new([4; 32], 0, 0);
        let [many, one] = std::array::from_fn(|_| TenantId::mint(&mut ids, 1));
        let missing = Missing::new();
        for digest in ["a", "b", "c", "a"] {
            missing.add(many, digest);
        }
        missing.add(one, "d");
        let mut last = Box::pin(missing.gone(many, "c"));
        assert!(last.as_mut().now_or_never().is_none());
        let mut made = Vec::new();
        while let Some((tenant, digest)) = missing.next().now_or_never() {
            made.push((tenant, digest.clone()));
            missing.ended(tenant, digest);
        }
        let order = [(many, "a"), (one, "d"), (many, "b"), (many, "c")];
        assert_eq!(made, order.map(|(id, it)| (id, it.to_owned())));
        assert!(last.now_or_never().is_some());
        assert!(!missing.has(many, "a"));
    }
}
