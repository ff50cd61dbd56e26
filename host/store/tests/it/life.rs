//! The file: private, kept, and one at a time.

use model::turn::{StoreTouch, Write};
use store::{Page, Store, StoreError, admin};

use crate::home::{Home, NOW};

#[tokio::test]
async fn what_was_written_is_there_after_reopening() {
    let mut home = Home::new().await;
    let acme = home.tenant("acme", "acme.example").await;
    home.number(acme, "2001").await.unwrap();
    let mut touch = StoreTouch::default();
    let (value, expires) = (b"v".to_vec(), None);
    touch
        .writes
        .insert("k".into(), Write::Put { value, expires });
    home.store.kv_commit(acme, &touch, NOW).await.unwrap();

    let home = home.reopen().await;
    assert!(home.store.kv_get(acme, "k", NOW).await.unwrap().is_some());
    assert_eq!(
        home.store
            .numbers(acme, &Page::first(10))
            .await
            .unwrap()
            .data[0]
            .number,
        "2001"
    );
    assert!(
        admin::key_of(&home.store, "jf_acme")
            .await
            .unwrap()
            .is_some()
    );
}

#[tokio::test]
async fn what_was_written_is_in_the_files_without_a_close() {
    let mut home = Home::new().await;
    let acme = home.tenant("acme", "acme.example").await;
    let copy = home.path().with_file_name("copy.db");
    for end in ["", "-wal"] {
        let from = format!("{}{end}", home.path().display());
        std::fs::copy(from, format!("{}{end}", copy.display())).unwrap();
    }
    let url = format!("sqlite://{}", copy.display());
    let again = Store::open(&url).await.unwrap();
    assert_eq!(again.tenant(acme).await.unwrap().name, "acme");
}

#[tokio::test]
async fn a_database_has_one_owner_until_it_is_closed() {
    let home = Home::new().await;
    let url = format!("sqlite://{}", home.path().display());
    let refused = Store::open(&url).await.unwrap_err().to_string();
    let path = home.path();
    let why = format!("another process uses the database {path:?}");
    assert!(refused.contains(&why), "{refused}");
    home.store.close().await;
    Store::open(&url).await.unwrap();
}

#[cfg(unix)]
#[tokio::test]
async fn nobody_else_may_read_the_file() {
    use std::os::unix::fs::PermissionsExt;
    let mut home = Home::new().await;
    home.tenant("acme", "acme.example").await;
    for end in ["", "-wal", "-shm"] {
        let path = format!("{}{end}", home.path().display());
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{path}");
    }
}

#[tokio::test]
async fn a_url_that_is_no_file_is_refused_by_name() {
    for url in [
        "",
        "postgres://x",
        "sqlite::memory:",
        "sqlite://",
        "sqlite://a?mode=ro",
    ] {
        match Store::open(url).await {
            Err(StoreError::Invalid { field, why }) => {
                assert_eq!(field, "store.url");
                assert!(why.contains(url), "{why}");
            }
            other => panic!("{url}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_closed_store_is_unavailable() {
    let mut home = Home::new().await;
    let acme = home.tenant("acme", "acme.example").await;
    home.store.close().await;
    let answer = home.store.kv_get(acme, "k", NOW).await;
    assert!(
        matches!(answer, Err(StoreError::Unavailable(_))),
        "{answer:?}"
    );
}
