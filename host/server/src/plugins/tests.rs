use std::{env, os::unix::fs::MetadataExt, process::ExitCode, time::Duration};

use bytes::Bytes;
use futures_util::FutureExt;
use model::{IdSource, KeyId, TenantId};
use store::{BuiltIn, NewTenant, Store, admin};

use super::Plugins;
use crate::{config::Config, setup};

/// Not a test of its own: the workshop of tests starts it, without any environment.
#[test]
fn a_child_of_these_tests() {
    if env::var_os("CARGO_MANIFEST_DIR").is_none() {
        assert_eq!(policy::serve_child(), ExitCode::SUCCESS);
    }
}

async fn tenant(store: &Store, built_in: &BuiltIn) -> TenantId {
    let mut ids = IdSource::new([2; 32], 0, 0);
    let new = NewTenant {
        id: TenantId::mint(&mut ids, 1),
        name: "acme".into(),
        domain: "acme.example".into(),
        key: KeyId::mint(&mut ids, 1),
        secret: "jf_acme".into(),
    };
    let made = admin::create_tenant(store, &new, built_in, 1).await;
    made.unwrap().id
}

#[tokio::test]
async fn an_upload_is_judged_and_not_kept_and_what_a_session_needs_is_fetched() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/jackfield.db", folder.path().display());
    let store = Store::open(&url).await.unwrap();
    let mut config = Config::default();
    config.node.data = folder.path().into();
    let plugins = Plugins::new(&config, store.clone()).unwrap();
    let built_in = setup::built_in(&plugins).await.unwrap();
    let digest = built_in.component.digest.clone();
    assert!(plugins.get(&digest).is_none());

    let tenant = tenant(&store, &built_in).await;
    let mut ids = IdSource::new([3; 32], 0, 0);
    let stranger = TenantId::mint(&mut ids, 1);
    assert!(plugins.fetch(stranger, &digest).await.is_err());
    assert!(plugins.fetch(tenant, &digest).await.is_ok());
    assert!(plugins.get(&digest).is_some());

    // What it was compiled to outlives the process, and damage to it costs a compilation.
    for damage in [false, true] {
        let files = std::fs::read_dir(folder.path().join("compiled")).unwrap();
        let files = files.map(|file| file.unwrap().path());
        let files: Vec<_> = files.filter(|file| file.extension().is_some()).collect();
        let [file] = &files[..] else {
            panic!("{files:?}");
        };
        let written = std::fs::metadata(file).unwrap().ino();
        if damage {
            std::fs::write(file, "no machine code").unwrap();
        }
        let again = Plugins::new(&config, store.clone()).unwrap();
        assert!(again.fetch(tenant, &digest).await.is_ok());
        let now = std::fs::metadata(file).unwrap().ino();
        assert_eq!(now != written, damage);
    }

    // A turn's memory was made smaller: it is refused for that, and by the second time nothing is compiled, nor read.
    config.plugins.memory = "64KiB".into();
    let smaller = Plugins::new(&config, store.clone()).unwrap();
    let refused = smaller.fetch(tenant, &digest).await.unwrap_err();
    assert!(
        refused.contains("memory has a minimum byte size of"),
        "{refused}"
    );
    store.close().await;
    assert_eq!(smaller.fetch(tenant, &digest).await.unwrap_err(), refused);
}

#[tokio::test]
async fn at_a_start_nobody_waits_for_what_has_to_be_compiled() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/jackfield.db", folder.path().display());
    let store = Store::open(&url).await.unwrap();
    let mut config = Config::default();
    config.node.data = folder.path().into();
    let plugins = Plugins::new(&config, store.clone()).unwrap();
    let built_in = setup::built_in(&plugins).await.unwrap();
    let tenant = tenant(&store, &built_in).await;
    let digest = &built_in.component.digest;
    let tenant_config = store.tenant_config(tenant).await.unwrap();

    // What the last run has left is loaded.
    let again = Plugins::new(&config, store.clone()).unwrap();
    again.prepare(&tenant_config, Duration::ZERO).await.unwrap();
    assert!(again.get(digest).is_some() && !again.missing.has(tenant, digest));

    // Nothing is left: it is compiled behind.
    std::fs::remove_dir_all(folder.path().join("compiled")).unwrap();
    let upgraded = Plugins::new(&config, store.clone()).unwrap();
    let prepared = upgraded.prepare(&tenant_config, Duration::ZERO).await;
    prepared.unwrap();
    assert!(upgraded.get(digest).is_none() && upgraded.missing.has(tenant, digest));
    // Who activates it now, waits for it.
    let activated = upgraded.prepare(&tenant_config, Duration::from_secs(600));
    tokio::select! {
        activated = activated => activated.unwrap(),
        () = upgraded.make_missing() => {}
    }
    assert!(upgraded.get(digest).is_some() && !upgraded.missing.has(tenant, digest));
}

#[tokio::test]
async fn who_waits_for_a_component_reads_it_only_if_nobody_has_made_it_meanwhile() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/jackfield.db", folder.path().display());
    let store = Store::open(&url).await.unwrap();
    let mut config = Config::default();
    config.node.data = folder.path().into();
    let plugins = Plugins::new(&config, store.clone()).unwrap();
    let built_in = setup::built_in(&plugins).await.unwrap();
    let tenant = tenant(&store, &built_in).await;
    let place = plugins.making.enter(None).await;
    store.close().await;
    let digest = &built_in.component.digest;
    let mut fetched = Box::pin(plugins.fetch(tenant, digest));
    assert!(fetched.as_mut().now_or_never().is_none());
    assert!(plugins.workshop.load(&Bytes::from_static(setup::MAKECALL)));
    drop(place);
    assert!(fetched.await.is_ok());
}
