//! Policies that were built against another patch of the package than this platform's, 0.1.0: one that
//! there is not yet.

use model::Origin::User;
use policy::Refusal;

use crate::scene::{Scene, component, engine};

/// The component with these octets in place of those, of the same length: as its author's tools would
/// have made it from another package.
fn with(mut component: Vec<u8>, old: &str, new: &str) -> Vec<u8> {
    assert_eq!(old.len(), new.len(), "names are written with their lengths");
    let mut at = 0;
    let mut replaced = 0;
    while let Some(found) = find(&component[at..], old.as_bytes()) {
        at += found;
        component[at..at + new.len()].copy_from_slice(new.as_bytes());
        replaced += 1;
    }
    assert!(replaced > 0, "{old} is not in there");
    component
}

fn find(octets: &[u8], wanted: &[u8]) -> Option<usize> {
    octets.windows(wanted.len()).position(|it| it == wanted)
}

/// A policy that was built against that version of the package.
fn built_against(version: &str) -> Vec<u8> {
    with(component("makecall"), "@0.1.0", &format!("@{version}"))
}

#[tokio::test]
async fn a_policy_of_another_patch_that_uses_what_is_here_is_taken_and_runs() {
    let newer = engine().compile(&built_against("0.1.1")).unwrap();
    let names = newer.manifest().imports.iter();
    assert!(names.clone().count() > 0 && names.clone().all(|it| it.ends_with("@0.1.1")));
    let mut scene = Scene::new(newer);
    let body = r#"{"caller":"2001","callee":"3001"}"#;
    assert_eq!(scene.ask(User, "makecall", body).await.status, 200);
    let (_, incoming) = scene.incoming("1001", "2001");
    let effects = scene.turn(incoming).await;
    assert_eq!(
        scene.words(&effects),
        ["set-user-data a", "construct 2001 -> 3001"]
    );
}

#[test]
fn a_function_that_only_a_later_patch_has_is_named() {
    let newer = with(built_against("0.1.1"), "transfer-accept", "teleport-called");
    let refusal = engine().compile(&newer).unwrap_err();
    assert_eq!(
        refusal,
        Refusal::Function {
            function: "call.teleport-called".into(),
            interface: "jackfield:policy/call@0.1.1".into(),
        }
    );
    assert_eq!(
        refusal.to_string(),
        "the component imports call.teleport-called of jackfield:policy/call@0.1.1, which this platform does not have"
    );
}

#[test]
fn a_policy_of_the_next_minor_version_is_refused_by_name() {
    let refusal = engine().compile(&built_against("0.2.0")).unwrap_err();
    let Refusal::Import(name) = refusal else {
        panic!("{refusal}");
    };
    assert!(
        name.starts_with("jackfield:policy/") && name.ends_with("@0.2.0"),
        "{name}"
    );
}
