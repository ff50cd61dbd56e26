//! Trials: a version for a share of new sessions.

use model::{Probation, TenantId, limits};
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
    let on_trial = OnTrial {
        version: own,
        percent,
        since: NOW,
    };
    assert_eq!(active.trial, Some(on_trial));
    assert_eq!((active.version, active.previous), (3, Some(1)));
}

#[tokio::test]
async fn an_activation_ends_the_shadow_and_one_that_fails_does_not() {
    let mut home = Home::new().await;
    let acme = ivr(&mut home).await;
    let store = &home.store;
    for (version, percent) in [(2, 10), (2, 100), (2, 100)] {
        store.set_shadow(acme, "ivr", Some(3)).await.unwrap();
        assert!(activate(store, acme, 9, percent).await.is_err());
        assert_eq!(store.shadows(acme).await.unwrap()["ivr"].version, 3);
        let before = store.activation(acme, "ivr").await.unwrap();
        let active = activate(store, acme, version, percent).await.unwrap();
        assert!(active.revision > before.revision);
        assert!(store.shadows(acme).await.unwrap().is_empty());
        assert_eq!(store.activation(acme, "ivr").await, Ok(active));
    }
}

/// The version of that plugin that is on probation, if one is.
async fn probation(store: &Store, tenant: TenantId, plugin: &str) -> Option<Probation> {
    let config = store.tenant_config(tenant).await.unwrap();
    config.rollouts.get(plugin)?.probation.clone()
}

/// Gives up what was judged so, five milliseconds later.
async fn give_up(store: &Store, tenant: TenantId, plugin: &str, judged: &Probation) -> bool {
    let why = "three turns faulted";
    let gone = store.give_up(tenant, plugin, judged, why, NOW + 5).await;
    gone.unwrap()
}

#[tokio::test]
async fn a_version_that_is_given_up_makes_way_once_and_until_a_hand_activates_again() {
    let mut home = Home::new().await;
    let acme = ivr(&mut home).await;
    let store = &home.store;
    activate(store, acme, 2, 100).await.unwrap();
    let second = probation(store, acme, "ivr").await.unwrap();
    let day = limits::PROBATION.as_millis() as u64;
    assert_eq!((second.version, second.before), (2, 1));
    assert_eq!((second.until, second.faults), (NOW + day, 3));
    let other = Probation {
        version: 1,
        ..second.clone()
    };
    assert!(!give_up(store, acme, "ivr", &other).await);
    assert!(give_up(store, acme, "ivr", &second).await);
    let active = store.activation(acme, "ivr").await.unwrap();
    assert_eq!(pointers(&active), (1, Some(2), None));
    let given_up = GivenUp {
        version: 2,
        why: "three turns faulted".to_owned(),
        at: NOW + 5,
    };
    assert_eq!(
        (active.given_up, active.activated),
        (Some(given_up), NOW + 5)
    );
    // It does not go back and forth: nobody is on probation.
    assert_eq!(probation(store, acme, "ivr").await, None);
    assert!(!give_up(store, acme, "ivr", &second).await);
    let cleared = activate(store, acme, 1, 100).await.unwrap();
    assert_eq!((cleared.given_up, cleared.version), (None, 1));
    activate(store, acme, 3, 10).await.unwrap();
    // A trial is new as long as it lasts.
    let third = probation(store, acme, "ivr").await.unwrap();
    assert_eq!((third.version, third.before), (3, 1));
    assert_eq!(third.until, u64::MAX);
    assert!(give_up(store, acme, "ivr", &third).await);
    let active = store.activation(acme, "ivr").await.unwrap();
    assert_eq!(pointers(&active), (1, Some(2), None));
    // Whoever wants no probation has none.
    let new = NewActivation {
        max_faults: 0,
        ..NewActivation::of(3, 100)
    };
    store.activate(acme, "ivr", new, NOW).await.unwrap();
    assert_eq!(probation(store, acme, "ivr").await, None);
}

#[tokio::test]
async fn what_was_brought_back_is_not_given_up_for_what_it_was_brought_back_from() {
    let mut home = Home::new().await;
    let acme = ivr(&mut home).await;
    let store = &home.store;
    // By the platform, and then a trial of another version ends.
    activate(store, acme, 2, 100).await.unwrap();
    let judged = probation(store, acme, "ivr").await.unwrap();
    assert!(give_up(store, acme, "ivr", &judged).await);
    activate(store, acme, 3, 10).await.unwrap();
    let ended = store.rollback(acme, "ivr", NOW).await.unwrap();
    assert_eq!(pointers(&ended), (1, Some(2), None));
    assert_eq!(
        (probation(store, acme, "ivr").await, ended.given_up),
        (None, None)
    );
    // By a hand.
    activate(store, acme, 2, 100).await.unwrap();
    assert!(probation(store, acme, "ivr").await.is_some());
    store.rollback(acme, "ivr", NOW).await.unwrap();
    assert_eq!(probation(store, acme, "ivr").await, None);
}

#[tokio::test]
async fn a_version_is_as_new_as_its_own_activation() {
    let mut home = Home::new().await;
    let acme = ivr(&mut home).await;
    let store = &home.store;
    activate(store, acme, 2, 100).await.unwrap();
    let first = probation(store, acme, "ivr").await.unwrap();
    let year = NOW + 365 * limits::PROBATION.as_millis() as u64;
    let at = async |version, percent| {
        let new = NewActivation::of(version, percent);
        store.activate(acme, "ivr", new, year).await.unwrap();
        probation(store, acme, "ivr").await.unwrap()
    };
    let tried = at(3, 10).await;
    assert_eq!((tried.version, tried.since), (3, year));
    assert_eq!(at(3, 50).await, tried, "it is the same trial");
    store.rollback(acme, "ivr", year).await.unwrap();
    assert_eq!(probation(store, acme, "ivr").await, Some(first.clone()));
    let more = NewActivation {
        max_faults: 9,
        ..NewActivation::of(2, 100)
    };
    let changed = store.activate(acme, "ivr", more, year).await.unwrap();
    assert_eq!((changed.activated, changed.active_since), (year, NOW));
    assert_eq!(
        probation(store, acme, "ivr").await.unwrap().until,
        first.until
    );
}

#[tokio::test]
async fn a_verdict_of_one_activation_does_not_hold_for_the_next() {
    let mut home = Home::new().await;
    let acme = ivr(&mut home).await;
    let store = &home.store;
    let at = async |version, percent, now| {
        let new = NewActivation::of(version, percent);
        store.activate(acme, "ivr", new, now).await.unwrap();
        probation(store, acme, "ivr").await
    };
    for percent in [100, 10] {
        at(1, 100, NOW).await;
        let judged = at(2, percent, NOW + 1).await.unwrap();
        store.rollback(acme, "ivr", NOW + 2).await.unwrap();
        let again = at(2, percent, NOW + 3).await.unwrap();
        assert!(!give_up(store, acme, "ivr", &judged).await);
        assert!(give_up(store, acme, "ivr", &again).await);
    }
    // Nor once a hand said that it is not to be given up.
    let judged = at(3, 100, NOW + 4).await.unwrap();
    let never = NewActivation {
        max_faults: 0,
        ..NewActivation::of(3, 100)
    };
    store.activate(acme, "ivr", never, NOW + 5).await.unwrap();
    assert!(!give_up(store, acme, "ivr", &judged).await);
}

#[tokio::test]
async fn a_build_of_the_platforms_own_that_was_given_up_is_not_installed_again() {
    let mut home = Home::new().await;
    let acme = home.tenant("acme", "acme.example").await;
    let store = &home.store;
    let install = async |build| admin::install_built_in(store, &built_in(build), NOW).await;
    assert_eq!(install(2).await.unwrap().changed, [acme]);
    let judged = probation(store, acme, "makecall").await.unwrap();
    assert!(give_up(store, acme, "makecall", &judged).await);
    assert_eq!(install(2).await.unwrap().changed, []);
    assert_eq!(store.activation(acme, "makecall").await.unwrap().version, 1);
    assert_eq!(install(3).await.unwrap().changed, [acme]);
}

#[tokio::test]
async fn a_build_of_the_platforms_own_that_a_hand_has_left_is_not_installed_again() {
    let mut home = Home::new().await;
    let acme = home.tenant("acme", "acme.example").await;
    let store = &home.store;
    let install = async |build| {
        let installed = admin::install_built_in(store, &built_in(build), NOW).await;
        installed.unwrap().changed
    };
    let try_own = async |version| {
        let new = NewActivation::of(version, 10);
        store.activate(acme, "makecall", new, NOW).await.unwrap();
        store.rollback(acme, "makecall", NOW).await.unwrap();
    };
    assert_eq!(install(2).await, [acme]);
    store.rollback(acme, "makecall", NOW).await.unwrap();
    assert_eq!(install(2).await, []);
    // A trial beside it changes nothing of that.
    let own = component("mine");
    let own = store.create_version(acme, "makecall", &own, NOW).await;
    let own = own.unwrap().version;
    try_own(own).await;
    assert_eq!(install(2).await, []);
    // The same for one that the platform has given up.
    assert_eq!(install(3).await, [acme]);
    let judged = probation(store, acme, "makecall").await.unwrap();
    assert!(give_up(store, acme, "makecall", &judged).await);
    try_own(own).await;
    assert_eq!(install(3).await, []);
    // A hand may bring it back, and a node of the release before goes back to its own.
    store.rollback(acme, "makecall", NOW).await.unwrap();
    let active = store.activation(acme, "makecall").await.unwrap();
    assert_eq!((active.version, active.left), (4, Some(1)));
    assert_eq!(install(2).await, [acme]);
    assert_eq!(install(3).await, [acme]);
}
