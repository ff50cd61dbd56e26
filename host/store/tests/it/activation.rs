//! Trials: a version for a share of new sessions.

use model::{TenantId, limits};
use store::{Activation, GivenUp, NewActivation, OnTrial, Store, StoreError, admin};

use crate::home::{Home, NOW, built_in, component};

/// A plugin `ivr` with three versions, the first of them active.
async fn ivr(home: &mut Home) -> TenantId {
    let acme = home.tenant("acme", "acme.example").await;
    for bytes in ["a", "b", "c"] {
        let new = component(bytes);
        home.store
            .create_version(acme, "ivr", &new, NOW)
            .await
            .unwrap();
    }
    activate(&home.store, acme, 1, 100).await.unwrap();
    acme
}

async fn activate(
    store: &Store,
    tenant: TenantId,
    version: u32,
    percent: u8,
) -> Result<Activation, StoreError> {
    let new = NewActivation::of(version, percent);
    store.activate(tenant, "ivr", new, NOW).await
}

/// The active version, the one before it, and the one on trial with its share.
fn pointers(activation: &Activation) -> (u32, Option<u32>, Option<(u32, u8)>) {
    let trial = activation.trial.map(|it| (it.version, it.percent));
    (activation.version, activation.previous, trial)
}

#[tokio::test]
async fn a_trial_leaves_the_active_version_and_ends_with_a_promotion_or_a_rollback() {
    let mut home = Home::new().await;
    let acme = ivr(&mut home).await;
    let store = &home.store;
    let tried = activate(store, acme, 2, 10).await.unwrap();
    assert_eq!(pointers(&tried), (1, None, Some((2, 10))));
    assert_eq!((tried.revision, tried.activated), (2, NOW));
    assert_eq!(activate(store, acme, 2, 10).await, Ok(tried), "it is so");
    let more = activate(store, acme, 2, 50).await.unwrap();
    assert_eq!((pointers(&more).2, more.revision), (Some((2, 50)), 3));
    // Another one takes its place; the rest stays with the active version.
    let other = activate(store, acme, 3, 1).await.unwrap();
    assert_eq!(pointers(&other), (1, None, Some((3, 1))));
    let ended = store.rollback(acme, "ivr", NOW).await.unwrap();
    assert_eq!(pointers(&ended), (1, None, None));
    activate(store, acme, 2, 99).await.unwrap();
    let promoted = activate(store, acme, 2, 100).await.unwrap();
    assert_eq!(pointers(&promoted), (2, Some(1), None));
    // Of a trial that was withdrawn by name nothing is left either.
    activate(store, acme, 3, 20).await.unwrap();
    let withdrawn = activate(store, acme, 2, 100).await.unwrap();
    assert_eq!(pointers(&withdrawn), (2, Some(1), None));
    let back = store.rollback(acme, "ivr", NOW).await.unwrap();
    assert_eq!(pointers(&back), (1, Some(2), None));
}

#[tokio::test]
async fn a_trial_needs_an_active_version_and_another_one() {
    let mut home = Home::new().await;
    let acme = ivr(&mut home).await;
    let store = &home.store;
    let conflict =
        |refused: Result<Activation, _>| matches!(refused, Err(StoreError::Conflict { .. }));
    assert!(conflict(activate(store, acme, 1, 10).await));
    store
        .create_version(acme, "new", &component("a"), NOW)
        .await
        .unwrap();
    assert!(conflict(
        store
            .activate(acme, "new", NewActivation::of(1, 10), NOW)
            .await
    ));
    let what = "plugin version";
    assert_eq!(
        activate(store, acme, 9, 10).await,
        Err(StoreError::NotFound { what })
    );
}

#[tokio::test]
async fn the_snapshot_has_the_version_on_trial_with_its_settings() {
    let mut home = Home::new().await;
    let acme = ivr(&mut home).await;
    let store = &home.store;
    let settings = [("pin".to_owned(), "42".to_owned())].into();
    store.set_settings(acme, "ivr", &settings).await.unwrap();
    let first = store.tenant_config(acme).await.unwrap();
    assert!(first.rollouts.is_empty(), "nothing was before it");
    activate(store, acme, 3, 7).await.unwrap();
    let config = store.tenant_config(acme).await.unwrap();
    let trial = config.rollouts["ivr"].trial.as_ref().unwrap();
    assert_eq!((trial.plugin.version, trial.percent), (3, 7));
    assert_eq!(trial.plugin.digest, "sha256:c");
    assert_eq!(*trial.plugin.settings, settings);
    assert_eq!(config.plugins["ivr"].version, 1);
    assert_eq!(*config.plugins["ivr"].settings, settings);
    let digests: Vec<_> = config.versions().map(|it| it.digest.as_str()).collect();
    assert!(digests.contains(&"sha256:c") && digests.contains(&"sha256:a"));
}

#[tokio::test]
async fn a_new_build_of_the_platforms_own_leaves_a_trial_beside_it() {
    let mut home = Home::new().await;
    let acme = home.tenant("acme", "acme.example").await;
    let store = &home.store;
    let new = component("mine");
    let own = store.create_version(acme, "makecall", &new, NOW).await;
    let own = own.unwrap().version;
    let percent = 30;
    store
        .activate(acme, "makecall", NewActivation::of(own, percent), NOW)
        .await
        .unwrap();
    let installed = admin::install_built_in(store, &built_in(2), NOW).await;
    assert_eq!(installed.unwrap().changed, [acme]);
    let active = store.activation(acme, "makecall").await.unwrap();
    let version = own;
    assert_eq!(active.trial, Some(OnTrial { version, percent }));
    assert_eq!((active.version, active.previous), (3, Some(1)));
}

fn given_up(version: u32) -> GivenUp {
    GivenUp {
        version,
        why: "three turns faulted".to_owned(),
        at: NOW + 5,
    }
}

#[tokio::test]
async fn a_version_that_is_given_up_makes_way_once_and_until_a_hand_activates_again() {
    let mut home = Home::new().await;
    let acme = ivr(&mut home).await;
    let store = &home.store;
    let probation = async || {
        let config = store.tenant_config(acme).await.unwrap();
        let probation = config.rollouts.get("ivr")?.probation.clone()?;
        // A trial is new as long as it lasts, an active version for a day.
        let day = limits::PROBATION.as_millis() as u64;
        let until = if probation.version == 2 {
            NOW + day
        } else {
            u64::MAX
        };
        assert_eq!((probation.until, probation.faults), (until, 3));
        Some((probation.version, probation.before))
    };
    activate(store, acme, 2, 100).await.unwrap();
    assert_eq!(probation().await, Some((2, 1)));
    assert_eq!(store.give_up(acme, "ivr", given_up(1)).await, Ok(false));
    assert_eq!(store.give_up(acme, "ivr", given_up(2)).await, Ok(true));
    let active = store.activation(acme, "ivr").await.unwrap();
    assert_eq!(pointers(&active), (1, Some(2), None));
    assert_eq!(
        (active.given_up, active.activated),
        (Some(given_up(2)), NOW + 5)
    );
    // It does not go back and forth: nobody is on probation.
    assert_eq!(probation().await, None);
    assert_eq!(store.give_up(acme, "ivr", given_up(2)).await, Ok(false));
    let cleared = activate(store, acme, 1, 100).await.unwrap();
    assert_eq!((cleared.given_up, cleared.version), (None, 1));
    activate(store, acme, 3, 10).await.unwrap();
    assert_eq!(probation().await, Some((3, 1)));
    assert_eq!(store.give_up(acme, "ivr", given_up(1)).await, Ok(false));
    assert_eq!(store.give_up(acme, "ivr", given_up(3)).await, Ok(true));
    let active = store.activation(acme, "ivr").await.unwrap();
    assert_eq!(pointers(&active), (1, Some(2), None));
    assert_eq!(
        store.rollback(acme, "ivr", NOW).await.unwrap().given_up,
        None
    );
    // Whoever wants no probation has none.
    let new = NewActivation {
        max_faults: 0,
        ..NewActivation::of(3, 100)
    };
    store.activate(acme, "ivr", new, NOW).await.unwrap();
    assert_eq!(probation().await, None);
}

#[tokio::test]
async fn a_build_of_the_platforms_own_that_was_given_up_is_not_installed_again() {
    let mut home = Home::new().await;
    let acme = home.tenant("acme", "acme.example").await;
    let store = &home.store;
    let install = async |build| admin::install_built_in(store, &built_in(build), NOW).await;
    assert_eq!(install(2).await.unwrap().changed, [acme]);
    assert_eq!(store.give_up(acme, "makecall", given_up(2)).await, Ok(true));
    assert_eq!(install(2).await.unwrap().changed, []);
    assert_eq!(store.activation(acme, "makecall").await.unwrap().version, 1);
    assert_eq!(install(3).await.unwrap().changed, [acme]);
}
