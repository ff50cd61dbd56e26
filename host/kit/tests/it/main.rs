//! Scenarios against the real makecall, and what is said of those that fail.

use std::{path::Path, sync::OnceLock};

use kit::{Components, Failure, play};

mod fuzz;

/// The component, built once.
fn makecall() -> Components {
    static BUILT: OnceLock<Vec<u8>> = OnceLock::new();
    Components::of(BUILT.get_or_init(|| built("makecall"))).unwrap()
}

fn built(plugin: &str) -> Vec<u8> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("plugins");
    pack::plugin(&root, plugin, &target).unwrap()
}

const BRIDGED: &str = r#"
step = [
  { phone = { user = "3001", rings = "200ms", answers = "1s" } },
  { request = { user = "1001", verb = "makecall", body = '{"caller":"2001","callee":"3001"}', status = 200 } },
  { call = { from = "1001", to = "2001" } },
  { wait = "5s" },
  { hang-up = "1001" },
]

[expect]
lines = ["on_incoming 1001", "INVITE 3001 (SDP)", "180 Ringing", "answer 1001", "200 OK (SDP)", "BYE"]
never = ["release 1001 403"]
causes = { 1001 = 200, 3001 = 200 }
"#;

#[test]
fn a_call_that_goes_as_expected_passes() {
    let report = play(BRIDGED, &makecall()).unwrap();
    assert_eq!(report.failures, [], "{}", report.ladders);
    assert!(report.ladders.contains("bridge-start"));
}

#[test]
fn what_is_not_as_expected_is_named() {
    let other = BRIDGED
        .replace("180 Ringing\"", "183 Session Progress\"")
        .replace("release 1001 403", "answer 1001")
        .replace("3001 = 200", "3001 = 486");
    let report = play(&other, &makecall()).unwrap();
    let told: Vec<_> = report.failures.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "missing, or not in this order: 183 Session Progress",
            "unwanted: answer 1001",
            "the call of 3001 ended with 200, not 486"
        ]
    );
}

#[test]
fn what_a_record_should_have_from_the_policy_is_named() {
    let other = format!("{BRIDGED}user-data = {{ 1001 = \"crm\", 1002 = \"42\" }}");
    let report = play(&other, &makecall()).unwrap();
    let told: Vec<_> = report.failures.iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].starts_with("the user data of 1001's call is req_"));
    assert_eq!(told[1], "the user data of 1002's call is nothing, not 42");
}

#[test]
fn a_carrier_whose_headers_are_the_platforms_own_is_named() {
    let other = format!("{BRIDGED}\n[given.carriers]\n112 = [\"Via\"]");
    let report = play(&other, &makecall()).unwrap();
    let first = report.failures[0].to_string();
    assert!(first.starts_with("given: carrier 112: "), "{first}");
}

#[test]
fn a_step_that_cannot_be_taken_is_named_by_its_number() {
    for (from, to, said) in [
        (
            "user = \"3001\"",
            "user = \"3009\"",
            "step 1: there is no phone 3009; there are",
        ),
        (
            "status = 200",
            "status = 201",
            "step 2: makecall of 1001 was answered 200, not 201",
        ),
        (
            "status = 200",
            "status = 200, says = \"action\"",
            "step 2: the answer to makecall of 1001 does not say action: {",
        ),
    ] {
        let report = play(&BRIDGED.replacen(from, to, 1), &makecall()).unwrap();
        let first = report.failures[0].to_string();
        assert!(first.starts_with(said), "{first}");
    }
}

#[test]
fn a_file_that_is_no_scenario_is_refused_with_its_line() {
    let many: Vec<_> = (0..17).map(|it| format!("{it} = []")).collect();
    let many = format!(
        "step = [{{ wait = \"1s\" }}]\ngiven.carriers = {{ {} }}",
        many.join(", ")
    );
    for (text, said) in [
        ("", "it has no [[step]]: nothing happens"),
        ("step = [{ wait = \"3 s\" }]", "is no time up to an hour"),
        ("step = [{ wait = \"3601s\" }]", "is no time up to an hour"),
        ("step = [{ sing = \"1001\" }]", "unknown variant `sing`"),
        ("[expected]", "unknown field `expected`"),
        (&many, "it has more than 16 carriers"),
    ] {
        let why = play(text, &makecall()).unwrap_err().to_string();
        assert!(why.contains(said), "{text}: {why}");
    }
}

#[test]
fn a_file_that_no_node_would_ever_take_is_refused_unread() {
    let why = Components::of(&vec![0; kit::COMPONENT + 1]).err().unwrap();
    let said = "has 67108865 octets; at most 67108864 are allowed";
    assert!(why.to_string().contains(said), "{why}");
}

#[test]
fn a_fault_that_was_expected_excuses_no_other() {
    let faulty = Components::of(&built("faulty")).unwrap();
    let one = r#"
given.settings = { fault = "trap" }
step = [{ call = { from = "1001", to = "2001" } }, { wait = "1s" }]
expect.lines = ["fault: *"]
"#;
    let report = play(one, &faulty).unwrap();
    assert_eq!(report.failures, [], "{}", report.ladders);
    let other = r#"{ call = { from = "1002", to = "2001" } }, { wait = "2s" }"#;
    let two = one.replace(r#"{ wait = "1s" }"#, other);
    let report = play(&two, &faulty).unwrap();
    let fault = Failure::Fault("on_incoming".into(), "trap".into());
    assert_eq!(report.failures, [fault], "{}", report.ladders);
}
