//! The search for orders of events that a policy was not written for.

use kit::{Components, Failure, Search, SearchError, fuzz, play};

use crate::{BRIDGED, built, makecall};

/// Somebody calls, is answered, and hangs up.
const FORWARDED: &str = r#"
step = [
  { phone = { user = "3001", rings = "200ms", answers = "1s" } },
  { call = { from = "1001", to = "2001" } },
  { wait = "3s" },
  { hang-up = "1001" },
  { wait = "1s" },
]
"#;

const SEARCH: Search = Search { runs: 150, seed: 1 };

fn hasty() -> Components {
    Components::of(&built("hasty")).unwrap()
}

#[test]
fn a_hang_up_that_crosses_the_answer_is_found_and_made_small() {
    let hasty = hasty();
    let searched = fuzz(FORWARDED, &hasty, SEARCH).unwrap();
    let [found] = &searched.findings[..] else {
        panic!("{:#?}", searched.findings);
    };
    let fault = Failure::Fault("on_dial_completed".into(), "trap".into());
    assert_eq!(found.failure, fault, "{}", found.ladders);
    assert!(
        found.log.iter().any(|line| line.contains("the caller")),
        "{:?}",
        found.log
    );
    // The phone, the call, the hang-up, and a wait between two of them at the most.
    let steps = found.scenario.lines().filter(|it| it.starts_with("  {"));
    assert!(steps.count() <= 5, "{}", found.scenario);
    // What it gives to keep fails as long as the mistake is there.
    let again = play(&found.scenario, &hasty).unwrap();
    assert!(again.failures.contains(&fault), "{:?}", again.failures);
}

#[test]
fn a_callee_who_is_forgotten_is_found() {
    let forgetful = format!("given.settings = {{ mistake = \"leave\" }}\n{FORWARDED}");
    let searched = fuzz(&forgetful, &hasty(), SEARCH).unwrap();
    let left = Failure::Left("3001".into());
    let found = searched.findings.iter().find(|it| it.failure == left);
    let found = found.unwrap_or_else(|| panic!("{:#?}", searched.findings));
    assert!(found.scenario.contains("mistake"), "{}", found.scenario);
}

#[test]
fn a_line_that_no_order_may_bring_is_found() {
    let strict = BRIDGED.replace("never =", "in-no-order =");
    let searched = fuzz(&strict, &makecall(), SEARCH).unwrap();
    let [found] = &searched.findings[..] else {
        panic!("{:#?}", searched.findings);
    };
    assert_eq!(found.failure, Failure::Unwanted("release 1001 403".into()));
    let smallest = "# Found by the search: unwanted: release 1001 403
step = [
  { call = { from = \"1001\", to = \"2001\" } },
]
expect.in-no-order = [\"release 1001 403\"]
";
    assert_eq!(found.scenario, smallest);
}

#[test]
fn makecall_stands_every_order_that_is_tried() {
    let search = Search { runs: 300, seed: 1 };
    let searched = fuzz(BRIDGED, &makecall(), search).unwrap();
    assert_eq!(searched.runs, 300);
    let found: Vec<_> = searched
        .findings
        .iter()
        .map(|it| it.scenario.as_str())
        .collect();
    assert_eq!(found, [""; 0]);
}

#[test]
fn who_is_called_only_hangs_up_at_the_end_of_each_try() {
    let puppet = Components::of(&built("puppet")).unwrap();
    let back = r#"
given.settings = { on_incoming = "construct 2001 3001 0 60 x; drop 486" }
step = [
  { phone = { user = "3001", rings = "200ms", answers = "1s" } },
  { call = { from = "1001", to = "2001" } },
  { wait = "3s" },
  { hang-up = "3001" },
  { wait = "1s" },
]
"#;
    let searched = fuzz(back, &puppet, SEARCH).unwrap();
    let found = searched.findings.iter().map(|it| it.scenario.as_str());
    assert_eq!(found.collect::<Vec<_>>(), [""; 0]);
}

#[test]
fn the_same_seed_finds_the_same() {
    let found = || {
        let searched = fuzz(FORWARDED, &hasty(), SEARCH).unwrap();
        let scenarios = searched.findings.into_iter().map(|it| it.scenario);
        scenarios.collect::<Vec<_>>()
    };
    assert_eq!(found(), found());
}

#[test]
fn a_scenario_that_fails_as_it_is_is_not_searched() {
    let other = BRIDGED.replace("180 Ringing\"", "183 Session Progress\"");
    let refused = fuzz(&other, &makecall(), SEARCH).unwrap_err();
    let missing = Failure::Missing("183 Session Progress".into());
    assert_eq!(refused, SearchError::Fails(missing));
}
