//! What a turn sees of the store, and what it notes for the commit.

use model::turn::{Version, Write};

use super::{Error, Overlay, STORE_KEY, STORE_KEYS, STORE_VALUE, StoreRead, StoreReads};

/// Every key that begins with `old` has a value, of version 7.
struct Old;

impl StoreReads for Old {
    fn get<'a>(&'a mut self, key: &'a str) -> StoreRead<'a> {
        let found: Option<(Vec<u8>, Version)> =
            key.starts_with("old").then(|| (b"value".to_vec(), 7));
        Box::pin(std::future::ready(Ok(found)))
    }
}

fn overlay() -> Overlay {
    Overlay::new(Box::new(Old), 1_000)
}

#[tokio::test]
async fn a_read_notes_its_version_and_absence_is_version_0() {
    let mut overlay = overlay();
    assert_eq!(overlay.get("old").await.unwrap(), Some(b"value".to_vec()));
    assert_eq!(overlay.get("new").await.unwrap(), None);
    let touch = overlay.into_touch();
    assert_eq!(
        touch.reads.into_iter().collect::<Vec<_>>(),
        [("new".into(), 0), ("old".into(), 7)]
    );
    assert!(touch.writes.is_empty());
}

#[tokio::test]
async fn a_turn_sees_its_own_writes() {
    let mut overlay = overlay();
    overlay
        .put("new".into(), b"mine".to_vec(), Some(2))
        .unwrap();
    assert_eq!(overlay.get("new").await.unwrap(), Some(b"mine".to_vec()));
    assert_eq!(
        overlay.take("old".into()).await.unwrap(),
        Some(b"value".to_vec())
    );
    assert_eq!(overlay.take("old".into()).await.unwrap(), None);
    overlay.remove("older".into()).unwrap();
    assert_eq!(overlay.get("older").await.unwrap(), None);
    let touch = overlay.into_touch();
    assert_eq!(
        touch.reads.into_keys().collect::<Vec<_>>(),
        ["old"],
        "what it wrote was not read"
    );
    let expires = Some(3_000);
    let put = Write::Put {
        value: b"mine".to_vec(),
        expires,
    };
    assert_eq!(
        touch.writes.into_iter().collect::<Vec<_>>(),
        [
            ("new".into(), put),
            ("old".into(), Write::Remove),
            ("older".into(), Write::Remove)
        ]
    );
}

#[tokio::test]
async fn taking_what_is_not_there_writes_nothing() {
    let mut overlay = overlay();
    assert_eq!(overlay.take("new".into()).await.unwrap(), None);
    assert!(overlay.into_touch().writes.is_empty());
}

#[tokio::test]
async fn limits_are_reached() {
    let mut overlay = overlay();
    let invalid = |answer: Result<(), Error>| matches!(answer, Err(Error::InvalidArgument(_)));
    assert!(invalid(overlay.put(String::new(), vec![], None)));
    assert!(invalid(overlay.put(
        "k".repeat(STORE_KEY + 1),
        vec![],
        None
    )));
    assert!(invalid(overlay.put(
        "k".into(),
        vec![0; STORE_VALUE + 1],
        None
    )));
    assert!(invalid(overlay.put("k".into(), vec![], Some(0))));
    overlay
        .put("k".repeat(STORE_KEY), vec![0; STORE_VALUE], None)
        .unwrap();
    for key in 1..STORE_KEYS {
        overlay.get(&format!("{key}")).await.unwrap();
    }
    assert!(matches!(
        overlay.get("more").await,
        Err(Error::LimitExceeded(_))
    ));
    assert!(matches!(
        overlay.remove("more".into()),
        Err(Error::LimitExceeded(_))
    ));
    overlay.remove("1".into()).unwrap();
}
