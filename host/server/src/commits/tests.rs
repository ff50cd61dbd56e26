use std::{
    pin::pin,
    sync::{Arc, PoisonError},
    time::{Duration, Instant},
};

use model::{
    IdSource, TenantId,
    turn::{StoreTouch, Write},
};
use store::Store;

use super::{Commits, LOCKS, NotCommitted};
use crate::clock;

const NOW: u64 = 1_000;

struct Home {
    commits: Commits,
    tenants: [TenantId; 2],
    _folder: tempfile::TempDir,
}

async fn home() -> Home {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/jackfield.db", folder.path().display());
    let mut ids = IdSource::new([7; 32], 0, 0);
    Home {
        commits: Commits::new(Store::open(&url).await.unwrap()),
        tenants: std::array::from_fn(|_| TenantId::mint(&mut ids, 1)),
        _folder: folder,
    }
}

impl Home {
    async fn value(&self, tenant: TenantId) -> Option<Vec<u8>> {
        let found = self.commits.store.kv_get(tenant, "key", NOW).await;
        found.unwrap().map(|(value, _)| value)
    }
}

fn put(seen: i64) -> StoreTouch {
    let value = b"value".to_vec();
    let write = Write::Put {
        value,
        expires: None,
    };
    StoreTouch {
        reads: [("key".to_owned(), seen)].into(),
        writes: [("key".to_owned(), write)].into(),
    }
}

fn soon() -> Instant {
    clock::instant() + Duration::from_millis(20)
}

fn later() -> Instant {
    clock::instant() + Duration::from_secs(60)
}

#[tokio::test]
async fn the_second_of_two_who_read_the_same_is_in_conflict() {
    let home = home().await;
    let [tenant, _] = home.tenants;
    let commit = |seen| home.commits.commit(tenant, put(seen), NOW, None, later());
    assert_eq!(commit(0).await, Ok(()));
    assert_eq!(commit(0).await, Err(NotCommitted::Conflict));
    assert_eq!(commit(1).await, Ok(()));
}

#[tokio::test]
async fn a_commit_that_has_begun_is_whole_though_its_turn_is_given_up() {
    let home = home().await;
    let [tenant, _] = home.tenants;
    {
        let mut commit = pin!(home.commits.commit(tenant, put(0), NOW, None, later()));
        // Polled until it has begun, then dropped.
        let begun = std::future::poll_fn(|context| {
            assert!(commit.as_mut().poll(context).is_pending());
            std::task::Poll::Ready(())
        });
        begun.await;
    }
    // The next one of the tenant waits for it.
    home.commits.lock(tenant, later()).await.unwrap();
    assert_eq!(home.value(tenant).await.unwrap(), b"value");
}

#[tokio::test]
async fn a_tenants_lock_holds_back_nobody_else() {
    let home = home().await;
    let [one, other] = home.tenants;
    let held = home.commits.lock(one, later()).await.unwrap();
    assert!(home.commits.lock(one, soon()).await.is_none());
    let busy = home.commits.commit(one, put(0), NOW, None, soon()).await;
    assert_eq!(busy, Err(NotCommitted::Busy));
    let commits = &home.commits;
    assert_eq!(
        commits.commit(other, put(0), NOW, None, later()).await,
        Ok(())
    );
    // Who holds it commits, and gives it back.
    let held = commits.commit(one, put(0), NOW, Some(held), later()).await;
    assert_eq!(held, Ok(()));
    assert!(commits.lock(one, later()).await.is_some());
}

#[tokio::test]
async fn what_has_not_begun_in_time_is_never_written() {
    let home = home().await;
    let [one, other] = home.tenants;
    let commits = &home.commits;
    // The lock is not free.
    let held = commits.lock(other, later()).await.unwrap();
    let busy = commits.commit(other, put(0), NOW, None, soon()).await;
    assert_eq!(busy, Err(NotCommitted::Busy));
    drop(held);
    assert_eq!(home.value(other).await, None);
    // The time is over before the store's writer, a task of this thread, has looked.
    let past = clock::instant()
        .checked_sub(Duration::from_secs(60))
        .unwrap();
    let late = commits.commit(one, put(0), NOW, None, past).await;
    assert_eq!(late, Err(NotCommitted::Refused("the store is busy".into())));
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(home.value(one).await, None);
    assert_eq!(
        commits.commit(one, put(0), NOW, None, later()).await,
        Ok(())
    );
}

#[tokio::test]
async fn one_read_that_writes_nothing_is_in_no_conflict() {
    let home = home().await;
    let [tenant, _] = home.tenants;
    let read = |keys: &[&str]| StoreTouch {
        reads: keys.iter().map(|key| ((*key).to_owned(), 7)).collect(),
        writes: [].into(),
    };
    let commit = |touch| home.commits.commit(tenant, touch, NOW, None, later());
    assert_eq!(commit(read(&["key"])).await, Ok(()));
    // Two may contradict each other.
    assert_eq!(
        commit(read(&["key", "other"])).await,
        Err(NotCommitted::Conflict)
    );
}

#[tokio::test]
async fn locks_that_nobody_uses_are_forgotten() {
    let home = home().await;
    let [kept, _] = home.tenants;
    let held = home.commits.lock(kept, later()).await.unwrap();
    let mut ids = IdSource::new([8; 32], 0, 0);
    for _ in 0..LOCKS + 10 {
        let tenant = TenantId::mint(&mut ids, 1);
        home.commits.lock(tenant, later()).await.unwrap();
    }
    let locks = home
        .commits
        .locks
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    assert!(locks.len() <= LOCKS);
    assert!(Arc::strong_count(&locks[&kept]) > 1);
    drop((locks, held));
}
