//! Plugins: immutable versions, and which of them is active.

use store::{NewActivation, Page, StoreError, admin, limits};

use crate::home::{Home, NOW, built_in, component};

#[tokio::test]
async fn versions_count_from_one_and_their_bytes_come_back() {
    let mut home = Home::new().await;
    let acme = home.tenant("acme", "acme.example").await;
    let store = &home.store;
    for (bytes, number) in [("a", 1), ("b", 2), ("a", 3)] {
        let made = store
            .create_version(acme, "ivr", &component(bytes), NOW)
            .await
            .unwrap();
        assert_eq!((made.version, made.size, made.built_in), (number, 1, false));
        assert_eq!(
            store.component(acme, &made.digest).await.unwrap(),
            bytes.as_bytes()
        );
        assert_eq!(store.version(acme, "ivr", number).await, Ok(made));
    }
    let page = Page {
        limit: 2,
        after: Some(3),
    };
    let listed = store.versions(acme, "ivr", &page).await.unwrap();
    let numbers: Vec<u32> = listed.data.iter().map(|version| version.version).collect();
    assert_eq!((numbers, listed.has_more), (vec![2, 1], false));
    let plugins = store.plugins(acme, &Page::first(9)).await.unwrap().data;
    assert_eq!(
        plugins.iter().map(|p| p.name.as_str()).collect::<Vec<_>>(),
        ["ivr", "makecall"]
    );
    assert_eq!((plugins[0].versions, &plugins[0].activation), (3, &None));
}

#[tokio::test]
async fn activation_and_rollback_swap_versions() {
    let mut home = Home::new().await;
    let acme = home.tenant("acme", "acme.example").await;
    let store = &home.store;
    for bytes in ["a", "b"] {
        store
            .create_version(acme, "ivr", &component(bytes), NOW)
            .await
            .unwrap();
    }
    let none = store.activation(acme, "ivr").await;
    assert_eq!(none, Err(StoreError::NotFound { what: "activation" }));
    let first = store
        .activate(acme, "ivr", NewActivation::of(1, 100), NOW)
        .await
        .unwrap();
    assert_eq!(
        (first.version, first.previous, first.trial, first.revision),
        (1, None, None, 1)
    );
    let refused = store.rollback(acme, "ivr", NOW).await;
    assert!(
        matches!(refused, Err(StoreError::Conflict { .. })),
        "{refused:?}"
    );
    let second = store
        .activate(acme, "ivr", NewActivation::of(2, 100), NOW)
        .await
        .unwrap();
    assert_eq!(
        (second.version, second.previous, second.revision),
        (2, Some(1), 2)
    );
    assert_eq!(
        store
            .activate(acme, "ivr", NewActivation::of(2, 100), NOW)
            .await,
        Ok(second),
        "active already"
    );
    let back = store.rollback(acme, "ivr", NOW).await.unwrap();
    assert_eq!(
        (back.version, back.previous, back.revision),
        (1, Some(2), 3)
    );
    let what = "plugin version";
    assert_eq!(
        store
            .activate(acme, "ivr", NewActivation::of(9, 100), NOW)
            .await,
        Err(StoreError::NotFound { what })
    );
    assert_eq!(
        store.tenant_config(acme).await.unwrap().plugins["ivr"].version,
        1
    );
}

#[tokio::test]
async fn a_new_build_reaches_only_tenants_that_use_the_built_in() {
    let mut home = Home::new().await;
    let follows = home.tenant("follows", "a.example").await;
    let own = home.tenant("own", "b.example").await;
    let store = &home.store;
    store
        .create_version(own, "makecall", &component("mine"), NOW)
        .await
        .unwrap();
    store
        .activate(own, "makecall", NewActivation::of(2, 100), NOW)
        .await
        .unwrap();

    for (build, changed) in [(1, vec![]), (2, vec![follows]), (2, vec![])] {
        let installed = admin::install_built_in(store, &built_in(build), NOW).await;
        let failed = vec![];
        assert_eq!(installed, Ok(admin::Installed { changed, failed }));
    }
    let active = store.activation(follows, "makecall").await.unwrap();
    assert_eq!((active.version, active.previous), (2, Some(1)));
    let plugins = store.tenant_config(own).await.unwrap().plugins;
    assert_eq!(plugins["makecall"].digest, "sha256:mine");
}

#[tokio::test]
async fn a_build_that_a_tenant_had_before_takes_its_number_again() {
    let mut home = Home::new().await;
    let acme = home.tenant("acme", "acme.example").await;
    let store = &home.store;
    for (build, version) in [(2, 2), (1, 1), (2, 2), (3, 3)] {
        let installed = admin::install_built_in(store, &built_in(build), NOW).await;
        assert_eq!(installed.unwrap().changed, [acme]);
        let active = store.activation(acme, "makecall").await.unwrap();
        assert_eq!(active.version, version, "build {build}");
    }
    // The same bytes by the tenant itself are a version of its own, which no build replaces.
    let own = built_in(4).component;
    let own = store.create_version(acme, "makecall", &own, NOW).await;
    assert_eq!(own.unwrap().version, 4);
    admin::install_built_in(store, &built_in(4), NOW)
        .await
        .unwrap();
    let active = store.version(acme, "makecall", 5).await.unwrap();
    assert!(active.built_in);
}

#[tokio::test]
async fn plugins_of_others_are_not_found_nor_are_their_bytes() {
    let mut home = Home::new().await;
    let acme = home.tenant("acme", "acme.example").await;
    let evil = home.tenant("evil", "evil.example").await;
    let store = &home.store;
    store
        .create_version(acme, "ivr", &component("a"), NOW)
        .await
        .unwrap();
    let missing = |what| Err(StoreError::NotFound { what });
    assert_eq!(store.plugin(evil, "ivr").await.map(drop), missing("plugin"));
    let versions = store.versions(evil, "ivr", &Page::first(1)).await;
    assert_eq!(versions.map(drop), missing("plugin"));
    assert_eq!(
        store
            .activate(evil, "ivr", NewActivation::of(1, 100), NOW)
            .await
            .map(drop),
        missing("plugin")
    );
    assert_eq!(
        store.settings(evil, "ivr").await.map(drop),
        missing("plugin")
    );
    assert_eq!(
        store.logs(evil, "ivr", 0, 1).await.map(drop),
        missing("plugin")
    );
    assert_eq!(
        store.component(evil, "sha256:a").await.map(drop),
        missing("component")
    );
}

#[tokio::test]
async fn settings_are_replaced_whole_and_bounded() {
    let mut home = Home::new().await;
    let acme = home.tenant("acme", "acme.example").await;
    let store = &home.store;
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let first = [pair("a", "1"), pair("b", "2")].into();
    store.set_settings(acme, "makecall", &first).await.unwrap();
    let second = [pair("b", "3")].into();
    store.set_settings(acme, "makecall", &second).await.unwrap();
    assert_eq!(store.settings(acme, "makecall").await, Ok(second.clone()));
    let long = "x".repeat(limits::SETTING_VALUE + 1);
    let many = (0..=limits::SETTINGS)
        .map(|n| pair(&n.to_string(), ""))
        .collect();
    for wrong in [[pair("", "")].into(), [pair("a", &long)].into(), many] {
        let refused = store.set_settings(acme, "makecall", &wrong).await;
        assert!(
            matches!(refused, Err(StoreError::Invalid { .. })),
            "{refused:?}"
        );
    }
    assert_eq!(store.settings(acme, "makecall").await, Ok(second));
}

#[tokio::test]
async fn plugins_have_limits_and_plain_names() {
    let mut home = Home::new().await;
    let acme = home.tenant("acme", "acme.example").await;
    let store = &home.store;
    for name in ["", "Ivr", "1x", "a b", "../x", &"a".repeat(65)] {
        let refused = store.create_version(acme, name, &component("a"), NOW).await;
        assert!(
            matches!(refused, Err(StoreError::Invalid { .. })),
            "{name}: {refused:?}"
        );
    }
    // One is there: makecall.
    for n in 1..limits::PLUGINS {
        store
            .create_version(acme, &format!("p{n}"), &component("a"), NOW)
            .await
            .unwrap();
    }
    let refused = store
        .create_version(acme, "more", &component("a"), NOW)
        .await;
    let (what, most) = ("plugins", limits::PLUGINS);
    assert_eq!(refused, Err(StoreError::Limit { what, most }));
}
