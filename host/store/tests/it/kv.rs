//! The policies' store: one turn is one transaction.

use model::TenantId;
use model::turn::{StoreTouch, Version, Write};
use store::{CommitError, Store, admin, limits};

use crate::home::{Home, NOW};

const KEY: &str = "pending/1001";

fn put(key: &str, value: &str, expires: Option<u64>) -> StoreTouch {
    let value = value.as_bytes().to_vec();
    let mut touch = StoreTouch::default();
    touch
        .writes
        .insert(key.into(), Write::Put { value, expires });
    touch
}

fn take(key: &str, seen: Version) -> StoreTouch {
    let mut touch = StoreTouch::default();
    touch.reads.insert(key.into(), seen);
    touch.writes.insert(key.into(), Write::Remove);
    touch
}

async fn version(store: &Store, tenant: TenantId, now: u64) -> Version {
    let got = store.kv_get(tenant, KEY, now).await.unwrap();
    got.map_or(0, |(_, version)| version)
}

#[tokio::test]
async fn what_was_put_is_read_with_a_version_that_each_write_changes() {
    let mut home = Home::new().await;
    let acme = home.tenant("acme", "acme.example").await;
    assert_eq!(home.store.kv_get(acme, KEY, NOW).await, Ok(None));
    home.store
        .kv_commit(acme, &put(KEY, "a", None), NOW)
        .await
        .unwrap();
    let (value, first) = home.store.kv_get(acme, KEY, NOW).await.unwrap().unwrap();
    assert_eq!(value, b"a");
    home.store
        .kv_commit(acme, &put(KEY, "a", None), NOW)
        .await
        .unwrap();
    assert!(version(&home.store, acme, NOW).await > first);
}

#[tokio::test]
async fn a_version_that_changed_is_a_conflict_and_nothing_is_written() {
    let mut home = Home::new().await;
    let acme = home.tenant("acme", "acme.example").await;
    home.store
        .kv_commit(acme, &put(KEY, "a", None), NOW)
        .await
        .unwrap();
    let seen = version(&home.store, acme, NOW).await;
    home.store
        .kv_commit(acme, &put(KEY, "b", None), NOW)
        .await
        .unwrap();

    let mut late = put("other", "x", None);
    late.reads.insert(KEY.into(), seen);
    let refused = home.store.kv_commit(acme, &late, NOW).await;
    assert_eq!(refused, Err(CommitError::Conflict));
    assert_eq!(home.store.kv_get(acme, "other", NOW).await, Ok(None));
}

#[tokio::test]
async fn reads_alone_are_checked_too() {
    let mut home = Home::new().await;
    let acme = home.tenant("acme", "acme.example").await;
    let mut touch = StoreTouch::default();
    touch.reads.insert(KEY.into(), 0);
    assert_eq!(home.store.kv_commit(acme, &touch, NOW).await, Ok(()));
    home.store
        .kv_commit(acme, &put(KEY, "a", None), NOW)
        .await
        .unwrap();
    let refused = home.store.kv_commit(acme, &touch, NOW).await;
    assert_eq!(refused, Err(CommitError::Conflict));
}

#[tokio::test]
async fn absence_that_was_seen_conflicts_with_a_key_that_came() {
    let mut home = Home::new().await;
    let acme = home.tenant("acme", "acme.example").await;
    let mut first = put(KEY, "mine", None);
    first.reads.insert(KEY.into(), 0);
    assert_eq!(home.store.kv_commit(acme, &first, NOW).await, Ok(()));
    let second = home.store.kv_commit(acme, &first, NOW).await;
    assert_eq!(second, Err(CommitError::Conflict));
}

#[tokio::test]
async fn a_key_made_anew_never_has_a_version_that_was_seen() {
    let mut home = Home::new().await;
    let acme = home.tenant("acme", "acme.example").await;
    home.store
        .kv_commit(acme, &put(KEY, "a", None), NOW)
        .await
        .unwrap();
    let old = version(&home.store, acme, NOW).await;
    home.store
        .kv_commit(acme, &take(KEY, old), NOW)
        .await
        .unwrap();
    home.store
        .kv_commit(acme, &put(KEY, "a", None), NOW)
        .await
        .unwrap();
    let refused = home.store.kv_commit(acme, &take(KEY, old), NOW).await;
    assert_eq!(refused, Err(CommitError::Conflict));
}

#[tokio::test]
async fn expiry_is_judged_by_the_time_of_the_event() {
    let mut home = Home::new().await;
    let acme = home.tenant("acme", "acme.example").await;
    let end = NOW + 120_000;
    home.store
        .kv_commit(acme, &put(KEY, "a", Some(end)), NOW)
        .await
        .unwrap();
    let seen = version(&home.store, acme, end - 1).await;
    assert_ne!(seen, 0);
    assert_eq!(version(&home.store, acme, end).await, 0);
    // The event that saw nothing commits nothing seen; the one that came in time may take it.
    let after = home.store.kv_commit(acme, &take(KEY, seen), end).await;
    assert_eq!(after, Err(CommitError::Conflict));
    assert_eq!(home.store.kv_commit(acme, &take(KEY, 0), end).await, Ok(()));
    home.store
        .kv_commit(acme, &put(KEY, "b", Some(end)), NOW)
        .await
        .unwrap();
    let seen = version(&home.store, acme, NOW).await;
    assert_eq!(
        home.store.kv_commit(acme, &take(KEY, seen), end - 1).await,
        Ok(())
    );
}

#[tokio::test]
async fn of_two_who_take_at_once_exactly_one_gets_it() {
    let mut home = Home::new().await;
    let acme = home.tenant("acme", "acme.example").await;
    for _ in 0..20 {
        home.store
            .kv_commit(acme, &put(KEY, "a", None), NOW)
            .await
            .unwrap();
        let taker = || async {
            let seen = version(&home.store, acme, NOW).await;
            assert_ne!(seen, 0, "each saw it before either took it");
            seen
        };
        let (one, two) = tokio::join!(taker(), taker());
        let (one, two) = (take(KEY, one), take(KEY, two));
        let (one, two) = tokio::join!(
            home.store.kv_commit(acme, &one, NOW),
            home.store.kv_commit(acme, &two, NOW)
        );
        let both = [one, two];
        assert_eq!(both.iter().filter(|got| got.is_ok()).count(), 1, "{both:?}");
        assert!(both.contains(&Err(CommitError::Conflict)), "{both:?}");
    }
}

#[tokio::test]
async fn keys_of_tenants_are_strangers() {
    let mut home = Home::new().await;
    let acme = home.tenant("acme", "acme.example").await;
    let evil = home.tenant("evil", "evil.example").await;
    home.store
        .kv_commit(acme, &put(KEY, "a", None), NOW)
        .await
        .unwrap();
    assert_eq!(home.store.kv_get(evil, KEY, NOW).await, Ok(None));
    home.store
        .kv_commit(evil, &take(KEY, 0), NOW)
        .await
        .unwrap();
    assert_ne!(version(&home.store, acme, NOW).await, 0);
}

#[tokio::test]
async fn a_sweep_takes_what_no_event_can_ask_for_in_small_batches() {
    let mut home = Home::new().await;
    let acme = home.tenant("acme", "acme.example").await;
    let batch = limits::SWEEP as u64;
    let mut touch = StoreTouch::default();
    for key in 0..batch + 3 {
        let (value, expires) = (vec![1], Some(NOW));
        touch
            .writes
            .insert(format!("k{key}"), Write::Put { value, expires });
    }
    touch.writes.extend(put("lives", "x", None).writes);
    home.store.kv_commit(acme, &touch, NOW).await.unwrap();

    let grace = limits::SWEEP_GRACE.as_millis() as u64;
    let sweep = |now| admin::sweep_expired(&home.store, now);
    assert_eq!(
        sweep(NOW + grace - 1).await,
        Ok(0),
        "an event of before may still be on its way"
    );
    assert_eq!(sweep(NOW + grace).await, Ok(batch));
    assert_eq!(sweep(NOW + grace).await, Ok(3));
    assert!(
        home.store
            .kv_get(acme, "lives", NOW)
            .await
            .unwrap()
            .is_some()
    );
}

#[tokio::test]
async fn a_commit_that_is_given_up_at_any_point_blocks_nobody() {
    let mut home = Home::new().await;
    let acme = home.tenant("acme", "acme.example").await;
    let touch = put(KEY, "a", None);
    for patience in 0..60 {
        // The turn's time is over while the commit is on its way.
        let patience = async {
            for _ in 0..patience * 5 {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            biased;
            done = home.store.kv_commit(acme, &touch, NOW) => assert_eq!(done, Ok(())),
            () = patience => {}
        }
        let next = put("next", "b", None);
        assert_eq!(home.store.kv_commit(acme, &next, NOW).await, Ok(()));
    }
}
