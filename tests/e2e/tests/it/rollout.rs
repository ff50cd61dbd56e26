//! Versions of a policy on a running node: a trial that every caller meets alike, and a version that is given up.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Value, json};

use crate::metrics::Page;
use crate::node::{Node, component};
use crate::office::Office;
use crate::sipp;
use crate::stopwatch::wait_for;

const ACTIVATION: &str = "/api/v1/plugins/gate/activation";

/// A tenant with a trunk, whose number 2001 leads to the plugin `gate`: makecall, which refuses whoever has asked for
/// nothing, is its version 1, and `second` its version 2. Nothing but the first is active.
fn office(node: &Node, second: &str) -> Office {
    let office = Office::empty(node, "acme");
    let trunk = json!({ "name": "carrier", "address": office.user.to_string(),
                        "accept_from": ["127.0.0.1/32"] });
    office.rest.post("/api/v1/trunks", &trunk).expect(201);
    for plugin in ["makecall", second] {
        let versions = "/api/v1/plugins/gate/versions";
        office.rest.upload(versions, component(plugin)).expect(201);
    }
    activate(&office, &json!({ "version": 1 }));
    office.number("2001", "gate");
    office
}

fn activate(office: &Office, body: &Value) -> Value {
    office.rest.put(ACTIVATION, body).expect(200)
}

/// That number calls 2001 and is refused.
fn refused(office: &Office, from: &str, status: u16) {
    let call = office.calls("uac-refused", "2001").with("status", status);
    call.with("from", from).start().finish();
}

#[test]
fn half_of_the_callers_meet_a_version_on_trial_and_each_meets_it_always() {
    if !sipp::is_there() {
        return;
    }
    let mut node = Node::start();
    let mut office = office(&node, "makecall");
    let tried = activate(&office, &json!({ "version": 2, "percent": 50 }));
    let shares = json!([{ "version": 2, "percent": 50 }, { "version": 1, "percent": 50 }]);
    assert_eq!(tried["shares"], shares);
    let callers: Vec<String> = (0..20).map(|n| format!("+4930{n:04}")).collect();
    let calls = |office: &Office| callers.iter().for_each(|from| refused(office, from, 403));
    calls(&office);
    node.stop();
    node.restart();
    office.turn_to(&node);
    calls(&office);
    let cdrs = office.cdrs_where("number=2001&limit=100", 2 * callers.len());
    let mut met: BTreeMap<String, BTreeSet<u64>> = BTreeMap::new();
    for cdr in cdrs {
        let from = cdr["from_uri"].to_string();
        let version = cdr["version"].as_u64().expect("it has a version");
        met.entry(from).or_default().insert(version);
    }
    assert_eq!(met.len(), callers.len());
    assert!(met.values().all(|versions| versions.len() == 1), "{met:?}");
    // That twenty callers are all of one half happens once in 500,000 times.
    let versions: BTreeSet<_> = met.values().flatten().collect();
    assert_eq!(versions.len(), 2, "{met:?}");
    let promoted = activate(&office, &json!({ "version": 2 }));
    assert_eq!(
        promoted["shares"],
        json!([{ "version": 2, "percent": 100 }])
    );
}

#[test]
fn a_version_that_faults_is_given_up_by_itself() {
    if !sipp::is_there() {
        return;
    }
    let node = Node::start();
    let office = office(&node, "faulty");
    office.set("gate", &json!({ "fault": "trap" }));
    refused(&office, "1001", 403);
    activate(&office, &json!({ "version": 2 }));
    for _ in 0..3 {
        refused(&office, "1001", 500);
    }
    wait_for(
        "the version to be given up",
        Duration::from_secs(10),
        || {
            let page = Page::of(&node);
            let given_up = page.count("jackfield_plugin_rollbacks_total", &[]) == 1;
            let published = page.count("jackfield_tenants_unpublished", &[]) == 0;
            (given_up && published).then_some(())
        },
    );
    refused(&office, "1001", 403);
    let active = office.rest.get(ACTIVATION).expect(200);
    let rolled_back = &active["rolled_back"];
    assert_eq!([&active["version"], &rolled_back["version"]], [1, 2]);
    let why = rolled_back["why"].as_str().unwrap_or_default();
    assert!(why.contains("3 turns faulted"), "{why}");
    let log = office.log_with("gate", "is given up");
    assert!(log.contains(why), "{log}");
    // A hand may try it again, which is another beginning.
    let again = activate(&office, &json!({ "version": 2, "percent": 10 }));
    assert_eq!(again["rolled_back"], Value::Null);
}
