use std::sync::Arc;

use model::turn::{StoreTouch, Usage, Write};
use model::{CallDirection, CallId, Cdr, IdSource, SessionId, TenantId, Trace};

use crate::db::query;
use crate::{CommitError, Records, Store, StoreError, admin, limits};

const NOW: u64 = 1_760_000_000_000;

struct Home {
    store: Store,
    ids: IdSource,
    tenant: TenantId,
    _folder: tempfile::TempDir,
}

impl Home {
    async fn new() -> Home {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/a.db", folder.path().display());
        let mut ids = IdSource::new([1; 32], 0, 0);
        Home {
            store: Store::open(&url).await.unwrap(),
            tenant: TenantId::mint(&mut ids, 1),
            ids,
            _folder: folder,
        }
    }

    fn cdr(&mut self, user_data: &str) -> Cdr {
        Cdr {
            call: CallId::mint(&mut self.ids, 1),
            session: SessionId::mint(&mut self.ids, 1),
            tenant: self.tenant,
            direction: CallDirection::Inbound,
            from: "sip:1001@acme.example".parse().unwrap(),
            to: "sip:2001@acme.example".parse().unwrap(),
            begin: NOW,
            answer: None,
            end: None,
            dropped_by: None,
            cause: None,
            end_reason: None,
            user_data: user_data.into(),
            number: "2001".into(),
            plugin: "makecall".into(),
            version: 1,
            codec: None,
            packets_received: 0,
            packets_sent: 0,
            packets_lost: 0,
            quality: model::Quality::default(),
            usage: Usage::default(),
        }
    }

    /// Makes the database refuse rows with that text.
    async fn refuse(&self, user_data: &str) {
        let mut tx = self.store.db().write().await.unwrap();
        let trigger = format!(
            "CREATE TRIGGER refuse BEFORE INSERT ON cdr WHEN new.user_data = '{user_data}'
             BEGIN INSERT INTO kv_counter (tenant, value) VALUES (NULL, NULL); END"
        );
        query(trigger).run(&mut tx).await.unwrap();
        tx.commit().await.unwrap();
    }

    async fn has(&self, cdr: &Cdr) -> bool {
        self.store.cdr(self.tenant, cdr.call).await.is_ok()
    }

    async fn key_is_there(&self) -> bool {
        let found = self.store.kv_get(self.tenant, "key", NOW).await;
        found.unwrap().is_some()
    }
}

fn put(seen: i64) -> StoreTouch {
    let write = Write::Put {
        value: vec![1],
        expires: None,
    };
    StoreTouch {
        reads: [("key".to_owned(), seen)].into(),
        writes: [("key".to_owned(), write)].into(),
    }
}

fn of_one(cdr: &Cdr) -> Records {
    std::slice::from_ref(cdr).into()
}

#[tokio::test]
async fn a_group_of_all_kinds_is_written_whole() {
    let mut home = Home::new().await;
    let cdrs = vec![home.cdr("a"), home.cdr("b"), home.cdr("c")];
    let mut trace = Trace::new(cdrs[0].session, home.tenant, NOW);
    trace.lanes.push(model::Lane {
        call: cdrs[0].call,
        label: "1001".into(),
    });
    let records = Records {
        cdrs: cdrs.clone(),
        traces: vec![trace],
        recordings: Vec::new(),
        turns: Vec::new(),
    };
    // Nobody writes before all of them wait.
    let turn = home.store.db().write().await.unwrap();
    let (one, two) = (put(0), put(0));
    let commits = async {
        tokio::join!(
            home.store.kv_commit(home.tenant, &one, NOW),
            home.store.kv_commit(home.tenant, &two, NOW),
            admin::record(&home.store, records),
        )
    };
    let free = async {
        while home.store.waiting() < 3 {
            tokio::task::yield_now().await;
        }
        drop(turn);
    };
    let ((first, second, recorded), ()) = tokio::join!(commits, free);
    assert_eq!(first, Ok(()));
    assert_eq!(second, Err(CommitError::Conflict), "it read what is gone");
    assert_eq!(recorded, Ok(()));
    for cdr in &cdrs {
        assert!(home.has(cdr).await);
    }
    let trace = home.store.trace_of_call(home.tenant, cdrs[0].call).await;
    assert_eq!(trace.unwrap().session, cdrs[0].session);
}

#[tokio::test]
async fn a_row_at_fault_keeps_nobody_else() {
    let mut home = Home::new().await;
    home.refuse("bad").await;
    let (good, bad) = (home.cdr("good"), home.cdr("bad"));
    let touch = put(0);
    let turn = home.store.db().write().await.unwrap();
    let commits = async {
        tokio::join!(
            admin::record(&home.store, of_one(&good)),
            admin::record(&home.store, of_one(&bad)),
            home.store.kv_commit(home.tenant, &touch, NOW),
        )
    };
    let free = async {
        while home.store.waiting() < 3 {
            tokio::task::yield_now().await;
        }
        drop(turn);
    };
    let ((first, second, third), ()) = tokio::join!(commits, free);
    assert_eq!((first, third), (Ok(()), Ok(())));
    assert!(matches!(second, Err(StoreError::Damaged(_))), "{second:?}");
    assert!(home.has(&good).await && home.key_is_there().await);
    assert!(!home.has(&bad).await);
    // Nothing of the failed group is left to stand in the way.
    let more = home.cdr("more");
    assert_eq!(admin::record(&home.store, of_one(&more)).await, Ok(()));
}

#[tokio::test]
async fn what_is_taken_back_is_never_written() {
    let home = Home::new().await;
    let turn = home.store.db().write().await.unwrap();
    let begin = |held| home.store.kv_begin(home.tenant, put(0), NOW, held);
    // The writer takes the first, and waits with it for its turn.
    let mut first = begin(None).await.unwrap();
    while home.store.waiting() > 0 {
        tokio::task::yield_now().await;
    }
    let held = Arc::new(());
    let keeps: Box<dyn std::any::Any + Send + Sync> = Box::new(Arc::clone(&held));
    let mut second = begin(Some(keeps)).await.unwrap();
    assert!(!first.withdraw(), "it has begun");
    assert!(second.withdraw());
    assert_eq!(Arc::strong_count(&held), 2, "kept until it is passed over");
    drop(turn);
    assert_eq!(first.outcome().await, Ok(()));
    assert!(second.outcome().await.is_err(), "nobody answers it");
    assert_eq!(Arc::strong_count(&held), 1);
    assert!(home.key_is_there().await);
}

#[tokio::test]
async fn a_full_queue_lets_nobody_in_until_it_is_written() {
    let home = Home::new().await;
    let turn = home.store.db().write().await.unwrap();
    let begin = || home.store.kv_begin(home.tenant, put(0), NOW, None);
    let mut commits = Vec::new();
    // A group is with the writer already.
    while commits.len() < limits::WRITES || home.store.waiting() < limits::WRITES {
        commits.push(begin().await.unwrap());
        tokio::task::yield_now().await;
    }
    let one_more = tokio::time::timeout(std::time::Duration::from_millis(20), begin());
    assert!(one_more.await.is_err(), "there is no room");
    drop(turn);
    let mut written = 0;
    for mut commit in commits {
        written += usize::from(commit.outcome().await.is_ok());
    }
    assert_eq!(written, 1, "the others read what is gone");
    assert!(begin().await.is_ok());
}

#[tokio::test]
async fn closing_writes_what_waits() {
    let mut home = Home::new().await;
    let cdr = home.cdr("a");
    let turn = home.store.db().write().await.unwrap();
    let (recorded, (), ()) = tokio::join!(
        admin::record(&home.store, of_one(&cdr)),
        async {
            while home.store.waiting() == 0 {
                tokio::task::yield_now().await;
            }
            drop(turn);
        },
        async {
            while home.store.waiting() == 0 {
                tokio::task::yield_now().await;
            }
            home.store.close().await;
        }
    );
    assert_eq!(recorded, Ok(()));
    let later = admin::record(&home.store, of_one(&cdr)).await;
    assert!(matches!(later, Err(StoreError::Unavailable(_))));
}
