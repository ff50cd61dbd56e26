//! The desk of a compiler: one component at a time, and tenants take turns.
//!
//! Owns the order of those who wait; knows nothing of what they want compiled. A component may have the compiler for
//! half a minute, so whoever comes with one after another waits behind everybody else who came meanwhile.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use model::TenantId;
use tokio::sync::oneshot;

use crate::fair::Fair;

/// Components made at one time: a compiler takes a core for a while.
const MADE: usize = 1;

/// Whose component; none: the platform's own.
pub type Owner = Option<TenantId>;

/// The desk.
pub struct Desk {
    waiting: Mutex<Fair<Owner, oneshot::Sender<Place>>>,
}

/// A place at the desk, until it is dropped.
pub struct Place {
    /// None: it was given back.
    desk: Option<Arc<Desk>>,
    owner: Owner,
}

impl Desk {
    /// Nobody is there.
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            waiting: Mutex::new(Fair::new(MADE, MADE)),
        })
    }

    /// Waits for a place. Dropped, it leaves the queue.
    pub async fn enter(self: &Arc<Self>, owner: Owner) -> Place {
        let (call, called) = oneshot::channel();
        self.waiting().push(owner, call);
        self.call();
        // The queue lives as long as this, and drops nobody who waits.
        called.await.unwrap_or(Place { desk: None, owner })
    }

    /// Calls those for whom there is a place now, if they still wait.
    fn call(self: &Arc<Self>) {
        loop {
            let Some((owner, call)) = self.waiting().pop() else {
                return;
            };
            let desk = Some(Arc::clone(self));
            if let Err(mut place) = call.send(Place { desk, owner }) {
                place.desk = None;
                self.waiting().ended(owner);
            }
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Fair<Owner, oneshot::Sender<Place>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(desk) = self.desk.take() {
            desk.waiting().ended(self.owner);
            desk.call();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures_util::FutureExt;
    use model::{IdSource, TenantId};

    use super::Desk;

    fn tenants() -> [Option<TenantId>; 2] {
        let mut ids = IdSource::new([4; 32], 0, 0);
        std::array::from_fn(|_| Some(TenantId::mint(&mut ids, 1)))
    }

    #[test]
    fn who_comes_with_many_waits_behind_who_comes_with_one() {
        let (desk, [many, one]) = (Desk::new(), tenants());
        let first = desk.enter(many).now_or_never().unwrap();
        let (mut second, mut third) = (Box::pin(desk.enter(many)), Box::pin(desk.enter(many)));
        assert!(second.as_mut().now_or_never().is_none());
        assert!(third.as_mut().now_or_never().is_none());
        let mut other = Box::pin(desk.enter(one));
        assert!(other.as_mut().now_or_never().is_none());
        drop(first);
        assert!(second.as_mut().now_or_never().is_none());
        let its = other.now_or_never().unwrap();
        drop(its);
        let second = second.now_or_never().unwrap();
        assert!(third.as_mut().now_or_never().is_none());
        drop(second);
        assert!(third.now_or_never().is_some());
    }

    #[test]
    fn who_does_not_wait_any_more_keeps_nobody_waiting() {
        let (desk, [one, other]) = (Desk::new(), tenants());
        let first = desk.enter(one).now_or_never().unwrap();
        let mut gone = Box::pin(desk.enter(other));
        assert!(gone.as_mut().now_or_never().is_none());
        let mut called = Box::pin(desk.enter(other));
        assert!(called.as_mut().now_or_never().is_none());
        drop(gone);
        drop(first);
        // It has its place, and does not come for it.
        drop(called);
        let last = desk.enter(one).now_or_never();
        assert!(last.is_some());
        drop(last);
        assert_eq!(Arc::strong_count(&desk), 1);
    }
}
