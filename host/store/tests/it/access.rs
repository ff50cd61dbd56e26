//! Who holds which key.

use model::{KeyId, TenantId};
use store::{NewKey, Page, Scope, StoreError, admin};

use crate::home::{Home, NOW};

fn a_key(home: &mut Home, scope: Scope, secret: &str) -> NewKey {
    NewKey {
        id: KeyId::mint(&mut home.ids, NOW),
        scope,
        name: "a key".into(),
        user: None,
        secret: secret.into(),
    }
}

#[tokio::test]
async fn a_key_is_found_by_its_secret_alone_until_it_is_deleted() {
    let mut home = Home::new().await;
    let acme = home.tenant("acme", "acme.example").await;
    let mut key = a_key(&mut home, Scope::Phone, "jf_phone");
    key.user = Some("1001".into());
    home.store.create_key(acme, &key, NOW).await.unwrap();
    let found = admin::key_of(&home.store, "jf_phone")
        .await
        .unwrap()
        .unwrap();
    assert_eq!((found.tenant, found.scope), (Some(acme), Scope::Phone));
    assert_eq!(found.user.as_deref(), Some("1001"));
    assert_eq!(admin::key_of(&home.store, "jf_phonE").await, Ok(None));
    home.store.delete_key(acme, key.id).await.unwrap();
    assert_eq!(admin::key_of(&home.store, "jf_phone").await, Ok(None));
}

#[tokio::test]
async fn the_secret_itself_is_nowhere_in_the_file() {
    let mut home = Home::new().await;
    let acme = home.tenant("acme", "acme.example").await;
    let key = a_key(&mut home, Scope::Read, "jf_0123456789abcdef");
    home.store.create_key(acme, &key, NOW).await.unwrap();
    home.store.close().await;
    let file = std::fs::read(home.path()).unwrap();
    assert!(
        !file
            .windows(19)
            .any(|bytes| bytes == b"jf_0123456789abcdef")
    );
}

#[tokio::test]
async fn the_last_admin_key_stays() {
    let mut home = Home::new().await;
    let acme = home.tenant("acme", "acme.example").await;
    let key = a_key(&mut home, Scope::Developer, "jf_dev");
    home.store.create_key(acme, &key, NOW).await.unwrap();
    let keys = home.store.keys(acme, &Page::first(10)).await.unwrap().data;
    let admin = keys.iter().find(|key| key.scope == Scope::Admin).unwrap();
    let refused = home.store.delete_key(acme, admin.id).await;
    assert!(
        matches!(refused, Err(StoreError::Conflict { .. })),
        "{refused:?}"
    );
    let second = a_key(&mut home, Scope::Admin, "jf_second");
    home.store.create_key(acme, &second, NOW).await.unwrap();
    home.store.delete_key(acme, admin.id).await.unwrap();
    assert_eq!(admin::key_of(&home.store, "jf_acme").await, Ok(None));
}

#[tokio::test]
async fn keys_of_others_are_not_found() {
    let mut home = Home::new().await;
    let acme = home.tenant("acme", "acme.example").await;
    let evil = home.tenant("evil", "evil.example").await;
    let key = a_key(&mut home, Scope::Read, "jf_read");
    home.store.create_key(acme, &key, NOW).await.unwrap();
    let missing = Err(StoreError::NotFound { what: "key" });
    assert_eq!(home.store.delete_key(evil, key.id).await, missing);
    let nobody = TenantId::mint(&mut home.ids, NOW);
    let key = a_key(&mut home, Scope::Read, "jf_nobody");
    let refused = home.store.create_key(nobody, &key, NOW).await;
    assert!(
        matches!(refused, Err(StoreError::NotFound { .. })),
        "{refused:?}"
    );
}

#[tokio::test]
async fn only_a_phone_key_is_bound_to_a_user() {
    let mut home = Home::new().await;
    let acme = home.tenant("acme", "acme.example").await;
    let mut key = a_key(&mut home, Scope::Admin, "jf_x");
    key.user = Some("1001".into());
    let refused = home.store.create_key(acme, &key, NOW).await;
    assert!(
        matches!(refused, Err(StoreError::Invalid { field: "user", .. })),
        "{refused:?}"
    );
}

#[tokio::test]
async fn the_platform_key_is_set_once_and_is_no_tenants() {
    let mut home = Home::new().await;
    home.tenant("acme", "acme.example").await;
    assert_eq!(admin::has_platform_key(&home.store).await, Ok(false));
    for _ in 0..2 {
        let id = KeyId::mint(&mut home.ids, NOW);
        admin::create_platform_key(&home.store, id, "jf_root", NOW)
            .await
            .unwrap();
    }
    assert_eq!(admin::has_platform_key(&home.store).await, Ok(true));
    let key = admin::key_of(&home.store, "jf_root")
        .await
        .unwrap()
        .unwrap();
    assert_eq!((key.tenant, key.scope), (None, Scope::Admin));
    let id = KeyId::mint(&mut home.ids, NOW);
    let taken = admin::create_platform_key(&home.store, id, "jf_acme", NOW).await;
    assert!(
        matches!(taken, Err(StoreError::Conflict { .. })),
        "{taken:?}"
    );
}

#[tokio::test]
async fn a_preset_platform_key_replaces_the_preset_before_it() {
    let mut home = Home::new().await;
    let id = KeyId::mint(&mut home.ids, NOW);
    let made = admin::create_platform_key(&home.store, id, "jf_made", NOW).await;
    made.unwrap();
    for secret in ["jf_old", "jf_new", "jf_new"] {
        let id = KeyId::mint(&mut home.ids, NOW);
        let preset = admin::preset_platform_key(&home.store, id, secret, NOW).await;
        preset.unwrap();
    }
    let known = async |secret| admin::key_of(&home.store, secret).await.unwrap();
    assert_eq!(known("jf_old").await, None);
    assert_eq!(known("jf_new").await.unwrap().name, "preset");
    assert!(known("jf_made").await.is_some(), "it was never preset");
}
