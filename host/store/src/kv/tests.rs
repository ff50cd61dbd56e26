use model::turn::{StoreTouch, Write};
use model::{IdSource, TenantId};

use crate::db::query;
use crate::{CommitError, Store, admin, limits};

const NOW: u64 = 1_760_000_000_000;

struct Home {
    store: Store,
    tenant: TenantId,
    _folder: tempfile::TempDir,
}

impl Home {
    async fn new() -> Home {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/a.db", folder.path().display());
        Home {
            store: Store::open(&url).await.unwrap(),
            tenant: TenantId::mint(&mut IdSource::new([1; 32], 0, 0), 1),
            _folder: folder,
        }
    }

    async fn commit(&self, writes: &[(&str, Write)]) -> Result<(), CommitError> {
        let mut touch = StoreTouch::default();
        let writes = writes
            .iter()
            .map(|(key, write)| ((*key).into(), write.clone()));
        touch.writes.extend(writes);
        self.store.kv_commit(self.tenant, &touch, NOW).await
    }

    /// What the counter says, which must be what is there.
    async fn kept(&self) -> (i64, i64) {
        let row = |sql: &'static str| async move {
            let mut tx = self.store.db().read().await.unwrap();
            let row = query(sql).bind(self.tenant).row(&mut tx).await;
            row.unwrap().unwrap()
        };
        let counted: (i64, i64) =
            row("SELECT keys, octets FROM kv_counter WHERE tenant = $1").await;
        let there: (i64, i64) = row(
            "SELECT count(*), coalesce(sum(octet_length(name) + octet_length(value)), 0) FROM kv
             WHERE tenant = $1",
        )
        .await;
        assert_eq!(counted, there);
        counted
    }

    /// As if so much were there already.
    async fn pretend(&self, keys: i64, octets: i64) {
        let mut tx = self.store.db().write().await.unwrap();
        let set = query("UPDATE kv_counter SET keys = $2, octets = $3 WHERE tenant = $1");
        let set = set.bind(self.tenant).bind(keys).bind(octets);
        set.run(&mut tx).await.unwrap();
        tx.commit().await.unwrap();
        self.store.memory().forget_all();
    }

    /// A row is changed behind the store's back: who sees it has asked the database.
    async fn change_unseen(&self, name: &str, value: &str) {
        let mut tx = self.store.db().write().await.unwrap();
        let set = query("UPDATE kv SET value = $3 WHERE tenant = $1 AND name = $2");
        let set = set.bind(self.tenant).bind(name).bind(value.as_bytes());
        assert_eq!(set.run(&mut tx).await, Ok(1));
        tx.commit().await.unwrap();
    }

    async fn value(&self, name: &str) -> Option<Vec<u8>> {
        let found = self.store.kv_get(self.tenant, name, NOW).await;
        found.unwrap().map(|(value, _)| value)
    }
}

fn put(value: &str, expires: Option<u64>) -> Write {
    let value = value.as_bytes().to_vec();
    Write::Put { value, expires }
}

#[tokio::test]
async fn what_is_kept_is_counted_through_every_change() {
    let home = Home::new().await;
    let both = [("ä", put("four", None)), ("b", put("", Some(NOW)))];
    home.commit(&both).await.unwrap();
    assert_eq!(home.kept().await, (2, 2 + 4 + 1));
    home.commit(&[("ä", put("longer", Some(NOW)))])
        .await
        .unwrap();
    assert_eq!(home.kept().await, (2, 2 + 6 + 1));
    home.commit(&[("b", Write::Remove), ("never", Write::Remove)])
        .await
        .unwrap();
    assert_eq!(home.kept().await, (1, 2 + 6));
    let later = NOW + limits::SWEEP_GRACE.as_millis() as u64;
    assert_eq!(admin::sweep_expired(&home.store, later).await, Ok(1));
    assert_eq!(home.kept().await, (0, 0));
}

#[tokio::test]
async fn a_commit_beyond_the_quota_writes_nothing_and_names_it() {
    let home = Home::new().await;
    home.commit(&[("a", put("1234", None))]).await.unwrap();
    let full = |what, most| Err(CommitError::Limit { what, most });

    home.pretend(limits::KV_KEYS, 100).await;
    let two = [("a", put("9", None)), ("b", put("1", None))];
    assert_eq!(home.commit(&two).await, full("keys", limits::KV_KEYS));
    let value = home.store.kv_get(home.tenant, "a", NOW).await;
    assert_eq!(value.unwrap().unwrap().0, b"1234");
    let swap = [("a", Write::Remove), ("b", put("1", None))];
    assert_eq!(home.commit(&swap).await, Ok(()), "no key more");

    home.pretend(1, limits::KV_OCTETS).await;
    let longer = home.commit(&[("b", put("12", None))]).await;
    assert_eq!(longer, full("octets", limits::KV_OCTETS));
    assert_eq!(home.commit(&[("b", put("2", None))]).await, Ok(()));
    assert_eq!(home.commit(&[("b", put("", None))]).await, Ok(()));
    assert_eq!(home.commit(&[("b", put("1", None))]).await, Ok(()));
}

#[tokio::test]
async fn the_last_key_of_the_quota_is_still_taken() {
    let home = Home::new().await;
    home.commit(&[("a", put("1", None))]).await.unwrap();
    home.pretend(limits::KV_KEYS - 1, limits::KV_OCTETS - 2)
        .await;
    assert_eq!(home.commit(&[("b", put("1", None))]).await, Ok(()));
}

#[tokio::test]
async fn what_was_written_or_read_is_asked_of_the_database_once_at_the_most() {
    let home = Home::new().await;
    home.commit(&[("a", put("written", None))]).await.unwrap();
    home.change_unseen("a", "unseen").await;
    assert_eq!(home.value("a").await.unwrap(), b"written");

    home.store.memory().forget_all();
    assert_eq!(home.value("a").await.unwrap(), b"unseen");
    home.change_unseen("a", "again").await;
    assert_eq!(home.value("a").await.unwrap(), b"unseen");
}

#[tokio::test]
async fn a_swept_key_is_not_remembered() {
    let home = Home::new().await;
    home.commit(&[("a", put("1", Some(NOW)))]).await.unwrap();
    let later = NOW + limits::SWEEP_GRACE.as_millis() as u64;
    assert_eq!(admin::sweep_expired(&home.store, later).await, Ok(1));
    // An event before its expiry would still see it if it were there.
    let found = home.store.kv_get(home.tenant, "a", NOW - 1).await;
    assert_eq!(found, Ok(None));
}

#[tokio::test]
async fn expiry_is_judged_by_the_events_time_of_what_is_remembered_too() {
    let home = Home::new().await;
    home.commit(&[("a", put("1", Some(NOW + 1)))])
        .await
        .unwrap();
    let at = |now| home.store.kv_get(home.tenant, "a", now);
    assert!(at(NOW).await.unwrap().is_some());
    assert_eq!(at(NOW + 1).await, Ok(None));
}
