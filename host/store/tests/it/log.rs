//! The log of a plugin: in order, and the newest lines only.

use model::{LogLevel, LogLine, SessionId, limits as turn};
use store::{StoreError, limits};

use crate::home::{Home, NOW};

fn lines(count: usize) -> Vec<LogLine> {
    let line = |n| LogLine {
        level: LogLevel::Warn,
        message: format!("line {n}"),
    };
    (0..count).map(line).collect()
}

#[tokio::test]
async fn lines_come_back_in_order_from_where_one_stopped() {
    let mut home = Home::new().await;
    let acme = home.tenant("acme", "acme.example").await;
    let session = SessionId::mint(&mut home.ids, NOW);
    let store = &home.store;
    store
        .append_logs(acme, "makecall", 1, Some(session), NOW, &lines(3))
        .await
        .unwrap();
    store
        .append_logs(acme, "makecall", 2, None, NOW + 1, &lines(1))
        .await
        .unwrap();
    let first = store.logs(acme, "makecall", 0, 2).await.unwrap();
    assert_eq!(
        first.iter().map(|line| line.seq).collect::<Vec<_>>(),
        [1, 2]
    );
    assert_eq!(
        (first[0].session, first[0].level),
        (Some(session), LogLevel::Warn)
    );
    let rest = store.logs(acme, "makecall", 2, 100).await.unwrap();
    assert_eq!(rest.iter().map(|line| line.seq).collect::<Vec<_>>(), [3, 4]);
    assert_eq!(
        (rest[1].version, rest[1].session, rest[1].at),
        (2, None, NOW + 1)
    );
    assert_eq!(store.logs(acme, "makecall", 4, 100).await, Ok(vec![]));
    let refused = store
        .append_logs(acme, "missing", 1, None, NOW, &lines(1))
        .await;
    assert_eq!(refused, Err(StoreError::NotFound { what: "plugin" }));
}

#[tokio::test]
async fn only_the_newest_lines_are_kept() {
    let mut home = Home::new().await;
    let acme = home.tenant("acme", "acme.example").await;
    let store = &home.store;
    let batch = lines(turn::LOG_LINES);
    let rounds = limits::LOG_LINES as usize / batch.len() + 2;
    for _ in 0..rounds {
        store
            .append_logs(acme, "makecall", 1, None, NOW, &batch)
            .await
            .unwrap();
    }
    let oldest = store.logs(acme, "makecall", 0, 1).await.unwrap()[0].seq;
    let written = (rounds * batch.len()) as u64;
    assert_eq!(written - oldest + 1, limits::LOG_LINES as u64);
}
