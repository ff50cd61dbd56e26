use std::cell::RefCell;

use metrics::Gauge;
use model::{IdSource, KeyId, Probation};
use store::{BuiltIn, NewActivation, NewTenant, NewVersion, admin};

use super::*;

fn version(bytes: &str) -> NewVersion {
    NewVersion {
        digest: format!("sha256:{bytes}"),
        imports: vec![],
        exports: vec![],
        bytes: bytes.into(),
    }
}

/// A tenant whose makecall is at version 2, after version 1.
async fn tenant(store: &Store) -> TenantId {
    let mut ids = IdSource::new([2; 32], 0, 0);
    let new = NewTenant {
        id: TenantId::mint(&mut ids, 1),
        name: "acme".into(),
        domain: "acme.example".into(),
        key: KeyId::mint(&mut ids, 1),
        secret: "jf_acme".into(),
    };
    let built_in = BuiltIn {
        name: "makecall".into(),
        component: version("a"),
    };
    let made = admin::create_tenant(store, &new, &built_in, 1).await;
    made.unwrap();
    let (id, second) = (new.id, version("b"));
    let made = store.create_version(id, "makecall", &second, 1).await;
    made.unwrap();
    let activation = NewActivation::of(2, 100);
    let now = clock::unix_ms();
    let active = store.activate(id, "makecall", activation, now).await;
    active.unwrap();
    id
}

#[tokio::test]
async fn a_version_whose_turns_fault_is_given_up_and_the_shards_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/jackfield.db", folder.path().display());
    let store = Store::open(&url).await.unwrap();
    let tenant = tenant(&store).await;
    let judge = Judge::default();
    let config = store.tenant_config(tenant).await.unwrap();
    judge.published(tenant, Some(&config));
    let now = Now {
        mono: clock::instant(),
        unix_ms: clock::unix_ms(),
    };
    for _ in 0..3 {
        judge.turned(now, (tenant, "makecall", 2), Some(Fault::Trap));
    }
    let publisher = Publisher::shown_by(Gauge::noop());
    let published = RefCell::new(Vec::new());
    let told = Notify::new();
    let publish = async |tenant| {
        published.borrow_mut().push(tenant);
        told.notify_one();
        Ok::<_, String>(())
    };
    tokio::select! {
        () = judge.run(store.clone(), publisher.clone(), Metrics::off()) => {}
        () = publisher.clone().run(publish) => {}
        () = told.notified() => {}
    }
    assert_eq!(*published.borrow(), [tenant]);
    let active = store.activation(tenant, "makecall").await.unwrap();
    assert_eq!((active.version, active.previous), (1, Some(2)));
    let why = active.given_up.unwrap().why;
    assert!(
        why.starts_with("3 turns faulted within 0 s, the last by trap"),
        "{why}"
    );
    let log = store.logs(tenant, "makecall", 0, 9).await.unwrap();
    assert_eq!((log.len(), log[0].version), (1, 2));
    assert!(log[0].message.contains(&why), "{}", log[0].message);
    assert!(judge.court().verdicts.is_empty());
}

#[test]
fn a_verdict_that_is_tried_again_gives_way_to_a_newer_one() {
    let mut ids = IdSource::new([2; 32], 0, 0);
    let verdict = |since| Verdict {
        tenant: TenantId::mint(&mut ids, 1),
        plugin: "ivr".into(),
        judged: Probation {
            version: 2,
            before: 1,
            faults: 3,
            within: Duration::from_secs(60),
            since,
            until: u64::MAX,
        },
        why: String::new(),
    };
    let [old, mut new] = [1, 2].map(verdict);
    new.tenant = old.tenant;
    let plugin = (new.tenant, new.plugin.clone());
    let mut court = Court::default();
    court.again(old.clone());
    assert_eq!(court.verdicts.get(&plugin), Some(&old));
    court.verdicts.insert(plugin.clone(), new.clone());
    court.again(old);
    assert_eq!(court.verdicts.get(&plugin), Some(&new));
}
