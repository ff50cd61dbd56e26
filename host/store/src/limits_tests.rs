//! The limits that are too high to reach row by row: filled in one statement, then reached.

use model::turn::StoreTouch;
use model::{IdSource, KeyId, Number, NumberId, Phone, PhoneId, TenantId};

use crate::db::query;
use crate::{
    BuiltIn, KeptAudio, NewKey, NewTenant, NewVersion, Scope, Store, StoreError, admin, limits,
};

/// Counts from 1 to `$2`.
const COUNT: &str = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $2)";

async fn fill(store: &Store, tenant: TenantId, insert: &str, most: i64) {
    let mut tx = store.db().write().await.unwrap();
    query(format!(
        "{insert} {COUNT} SELECT {} FROM n",
        columns(insert)
    ))
    .bind(tenant)
    .bind(most)
    .run(&mut tx)
    .await
    .unwrap();
    tx.commit().await.unwrap();
}

/// A value for each column after id and tenant: the count makes every row another.
fn columns(insert: &str) -> String {
    let others = insert.matches(',').count() - 1;
    format!("'x' || i, $1{}", ", i".repeat(others))
}

async fn a_store() -> (Store, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/a.db", folder.path().display());
    (Store::open(&url).await.unwrap(), folder)
}

#[tokio::test]
async fn readers_of_the_api_hold_up_no_turn() {
    let (store, _folder) = a_store().await;
    let mut lists = Vec::new();
    for _ in 0..limits::READERS {
        lists.push(store.db().read().await.unwrap());
    }
    let tenant = TenantId::mint(&mut IdSource::new([1; 32], 0, 0), 1);
    assert_eq!(store.kv_get(tenant, "key", 1).await, Ok(None));
    let mut touch = StoreTouch::default();
    touch.reads.insert("key".into(), 0);
    assert_eq!(store.kv_commit(tenant, &touch, 1).await, Ok(()));
}

#[tokio::test]
async fn a_number_finds_its_calls_by_an_index() {
    let (store, _folder) = a_store().await;
    let mut tx = store.db().read().await.unwrap();
    let plan: Vec<(i64, i64, i64, String)> = query(
        "EXPLAIN QUERY PLAN SELECT call_id FROM cdr
         WHERE tenant = $1 AND number = $2 ORDER BY call_id DESC LIMIT $3",
    )
    .bind("ten")
    .bind("2001")
    .bind(21i64)
    .rows(&mut tx)
    .await
    .unwrap();
    let steps: Vec<&str> = plan.iter().map(|step| step.3.as_str()).collect();
    let index = "SEARCH cdr USING COVERING INDEX cdr_by_number (tenant=? AND number=?)";
    assert_eq!(steps, [index], "and no sorting");
}

#[tokio::test]
async fn a_full_table_takes_no_more() {
    let (store, _folder) = a_store().await;
    let mut ids = IdSource::new([1; 32], 0, 0);
    let component = NewVersion {
        digest: "sha256:a".into(),
        imports: vec![],
        exports: vec![],
        bytes: vec![0],
    };
    let new = NewTenant {
        id: TenantId::mint(&mut ids, 1),
        name: "acme".into(),
        domain: "acme.example".into(),
        key: KeyId::mint(&mut ids, 1),
        secret: "jf_acme".into(),
    };
    let built_in = BuiltIn {
        name: "makecall".into(),
        component: component.clone(),
    };
    admin::create_tenant(&store, &new, &built_in, 1)
        .await
        .unwrap();
    let tenant = new.id;
    let full = |what, most| Err(StoreError::Limit { what, most });

    let insert = "INSERT INTO number (id, tenant, number, plugin, created)";
    fill(&store, tenant, insert, limits::NUMBERS).await;
    let number = Number {
        id: NumberId::mint(&mut ids, 1),
        number: "more".into(),
        plugin: "makecall".into(),
    };
    let refused = store.create_number(tenant, &number, 1).await;
    assert_eq!(refused, full("numbers", limits::NUMBERS));

    let insert = "INSERT INTO phone (id, tenant, phone_user, address, created)";
    fill(&store, tenant, insert, limits::PHONES).await;
    let phone = Phone {
        id: PhoneId::mint(&mut ids, 1),
        user: "more".into(),
        address: None,
        transport: model::Transport::Udp,
        voice: model::Voice::default(),
    };
    let refused = store.create_phone(tenant, &phone, Some("x"), 1).await;
    assert_eq!(refused, full("phones", limits::PHONES));

    let insert = "INSERT INTO prompt (name, tenant, digest, octets, duration, created)";
    fill(&store, tenant, insert, limits::PROMPTS).await;
    let audio = KeptAudio {
        digest: "sha256:a".into(),
        octets: 1,
        duration_ms: 1,
    };
    let refused = store.create_prompt(tenant, "more", &audio, 1).await;
    assert_eq!(refused.map(drop), full("prompts", limits::PROMPTS));

    // One is there: the admin key.
    let insert = "INSERT INTO api_key (id, tenant, scope, name, hash, created)";
    fill(&store, tenant, insert, limits::KEYS - 1).await;
    let key = NewKey {
        id: KeyId::mint(&mut ids, 1),
        scope: Scope::Read,
        name: "more".into(),
        user: None,
        secret: "jf_more".into(),
    };
    let refused = store.create_key(tenant, &key, 1).await;
    assert_eq!(refused, full("keys", limits::KEYS));

    let mut tx = store.db().write().await.unwrap();
    let set = query("UPDATE plugin SET versions = $2 WHERE tenant = $1");
    set.bind(tenant)
        .bind(limits::VERSIONS)
        .run(&mut tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let refused = store
        .create_version(tenant, "makecall", &component, 1)
        .await;
    let refused = refused.map(drop);
    assert_eq!(refused, full("versions of one plugin", limits::VERSIONS));

    let mut new_build = built_in;
    new_build.component.digest = "sha256:b".into();
    let installed = admin::install_built_in(&store, &new_build, 1).await;
    let (changed, failed) = (vec![tenant], vec![]);
    let everywhere = admin::Installed { changed, failed };
    assert_eq!(
        installed,
        Ok(everywhere),
        "it is no version of the tenant's"
    );
}

#[tokio::test]
async fn a_tenant_that_cannot_have_the_new_build_holds_up_no_other() {
    let (store, _folder) = a_store().await;
    let mut ids = IdSource::new([1; 32], 0, 0);
    let component = |digest: &str| BuiltIn {
        name: "makecall".into(),
        component: NewVersion {
            digest: digest.into(),
            imports: vec![],
            exports: vec![],
            bytes: vec![0],
        },
    };
    let mut tenants = Vec::new();
    for name in ["one", "broken", "three"] {
        let new = NewTenant {
            id: TenantId::mint(&mut ids, 1),
            name: name.into(),
            domain: "acme.example".into(),
            key: KeyId::mint(&mut ids, 1),
            secret: format!("jf_{name}"),
        };
        let made = admin::create_tenant(&store, &new, &component("sha256:a"), 1).await;
        tenants.push(made.unwrap().id);
    }
    // The next version's number is taken: a row that nothing of ours writes.
    let mut tx = store.db().write().await.unwrap();
    let take = "INSERT INTO plugin_version
         SELECT tenant, plugin, 2, digest, size, imports, exports, $2, created
         FROM plugin_version WHERE tenant = $1";
    let take = query(take).bind(tenants[1]).bind(false);
    take.run(&mut tx).await.unwrap();
    tx.commit().await.unwrap();

    let installed = admin::install_built_in(&store, &component("sha256:b"), 1).await;
    let installed = installed.unwrap();
    assert_eq!(installed.changed, [tenants[0], tenants[2]]);
    assert_eq!(installed.failed.len(), 1);
    let (failed, why) = &installed.failed[0];
    assert_eq!(*failed, tenants[1]);
    assert!(matches!(why, StoreError::Conflict { .. }), "{why}");
    let active = store.activation(tenants[1], "makecall").await.unwrap();
    assert_eq!(active.version, 1, "it goes on with the one that it has");
}
