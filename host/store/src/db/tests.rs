use model::{CallId, IdSource, SessionId, TenantId};
use sqlx::{AssertSqlSafe, Executor, SqlitePool, sqlite::SqliteConnectOptions};

use super::{MIGRATIONS, migrate};
use crate::Store;

const NOW: u64 = 1_760_000_000_000;

/// Steps whose rows were kept under another key.
const BEFORE_CLUSTERED: usize = 6;

#[tokio::test]
async fn what_an_older_release_kept_is_there_after_the_tables_were_clustered() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let mut ids = IdSource::new([1; 32], 0, 0);
    let tenant = TenantId::mint(&mut ids, NOW);
    let (call, session) = (CallId::mint(&mut ids, NOW), SessionId::mint(&mut ids, NOW));

    let options = SqliteConnectOptions::new();
    let options = options.filename(&path).create_if_missing(true);
    let old = SqlitePool::connect_with(options).await.unwrap();
    migrate(&old, &MIGRATIONS[..BEFORE_CLUSTERED])
        .await
        .unwrap();
    let rows = format!(
        "INSERT INTO kv VALUES ('{tenant}', 'key', x'31', 7, NULL);
         INSERT INTO cdr VALUES ('{call}', '{tenant}', '{session}', 'inbound', 'sip:1@a.example',
             'sip:2@a.example', {NOW}, NULL, NULL, NULL, NULL, NULL, 'req', '2', 'makecall', 1,
             'PCMA', 1, 2, 3, 4, 5, 6);
         INSERT INTO trace VALUES
             ('{session}', '{tenant}', {NOW}, '{{\"lanes\":[],\"entries\":[],\"dropped\":9}}');
         INSERT INTO trace_call VALUES ('{call}', '{tenant}', '{session}');"
    );
    old.execute(AssertSqlSafe(rows)).await.unwrap();
    old.close().await;

    let url = format!("sqlite://{}", path.display());
    let store = Store::open(&url).await.unwrap();
    let value = store.kv_get(tenant, "key", NOW).await;
    assert_eq!(value, Ok(Some((b"1".to_vec(), 7))));
    let cdr = store.cdr(tenant, call).await.unwrap();
    assert_eq!((cdr.session, cdr.begin), (session, NOW));
    assert_eq!((cdr.user_data.as_str(), cdr.number.as_str()), ("req", "2"));
    let packets = [cdr.packets_received, cdr.packets_sent, cdr.packets_lost];
    assert_eq!(packets, [1, 2, 3]);
    let usage = [
        u64::from(cdr.usage.turns),
        cdr.usage.guest_us,
        u64::from(cdr.usage.host_calls),
    ];
    assert_eq!(usage, [4, 5, 6]);
    let trace = store.trace_of_call(tenant, call).await.unwrap();
    assert_eq!(trace.dropped, 9);
}
