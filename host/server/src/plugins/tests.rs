use model::{IdSource, KeyId, TenantId};
use store::{NewTenant, Store, admin};

use super::Plugins;
use crate::{config::Config, setup};

#[tokio::test]
async fn an_upload_is_judged_and_not_kept_and_what_a_session_needs_is_fetched() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/jackfield.db", folder.path().display());
    let store = Store::open(&url).await.unwrap();
    let plugins = Plugins::new(&Config::default(), store.clone()).unwrap();
    let built_in = setup::built_in(&plugins).await.unwrap();
    let digest = built_in.component.digest.clone();
    assert!(plugins.get(&digest).is_none());

    let mut ids = IdSource::new([2; 32], 0, 0);
    let new = NewTenant {
        id: TenantId::mint(&mut ids, 1),
        name: "acme".into(),
        domain: "acme.example".into(),
        key: KeyId::mint(&mut ids, 1),
        secret: "jf_acme".into(),
    };
    admin::create_tenant(&store, &new, &built_in, 1)
        .await
        .unwrap();
    let stranger = TenantId::mint(&mut ids, 1);
    assert!(plugins.fetch(stranger, &digest).await.is_none());
    assert!(plugins.fetch(new.id, &digest).await.is_some());
    assert!(plugins.get(&digest).is_some());
}
