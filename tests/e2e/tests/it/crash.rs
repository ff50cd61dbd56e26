//! A node that is killed in the middle of its work has kept every promise that it gave.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Value, json};

use crate::metrics::Page;
use crate::node::Node;
use crate::office::{Office, check};
use crate::sipp::{self, Sipp};
use crate::stopwatch::{unix_ms, wait_for};
use crate::trunks::carrier;

/// Users of one run, and calls: one each.
const CALLS: u32 = 50;
/// Calls of a second.
const RATE: u32 = 20;
/// What the users' numbers begin with, and those of their callees.
const USER: &str = "1000";
const CALLEE: &str = "3000";
/// Between the time that a row says and the 200 that waited for it. The machine may be busy.
const LATE: f64 = 4.0;

/// What the phones know when the node is dead.
struct Known {
    /// The requests' ids by user: the digits behind [`USER`], or [`CALLEE`].
    requests: BTreeMap<String, String>,
    /// Whose INVITE may have been sent while the node lived.
    called: BTreeSet<String>,
    /// Whose callee has seen an INVITE, once for each.
    invited: Vec<String>,
    /// Who has received a 200, and when, in seconds since 1970.
    answered: BTreeMap<String, f64>,
    /// Who has sent a BYE.
    hung_up: BTreeSet<String>,
}

#[test]
fn a_node_that_is_killed_has_kept_what_it_said() {
    if !sipp::is_there() {
        return;
    }
    let is_long = std::env::var("E2E_LONG").is_ok_and(|it| it == "1");
    for round in 0..if is_long { 10 } else { 1 } {
        let after = 8 + round * 2;
        let mut node = Node::start();
        let mut office = Office::empty(&node, "acme");
        office.number("2001", "makecall");
        carrier(&office, "127.0.0.1/32", "3");
        let known = calls_until_the_crash(&mut node, &office, after);
        assert!(
            known.called.len() < CALLS as usize,
            "the crash was not in the middle: {} answered, {} called",
            known.answered.len(),
            known.called.len()
        );
        node.restart();
        office.turn_to(&node);
        assert!(Page::of(&node).is_at_rest(), "something is held by nobody");
        check_records(&office, &known);
        check_requests(&office, &known);
        assert_eq!(office.live(), 0, "calls of a process that is gone");
        check_that_calls_are_served(&office);
    }
}

/// All users ask for a call and begin to call; when so many are answered, the node is killed.
fn calls_until_the_crash(node: &mut Node, office: &Office, after: usize) -> Known {
    let requests = (1..=CALLS).map(|user| {
        let [from, to] = [USER, CALLEE].map(|prefix| format!("{prefix}{user}"));
        (user.to_string(), office.makecall_of(&from, "2001", &to))
    });
    let requests = requests.collect();
    let (mut callees, mut users) = phones(office, CALLS);
    wait_for("answers", Duration::from_secs(20), || {
        (users.all_logged("answered").len() >= after).then_some(())
    });
    node.crash();
    let called = users_in(&users, "calls").into_keys().collect();
    // What the node sent before its end is in the phones' sockets.
    std::thread::sleep(Duration::from_millis(300));
    users.kill();
    callees.kill();
    let invited = callees.all_logged("invited");
    let invited = invited.iter().map(|user| digits(user, CALLEE).to_owned());
    Known {
        requests,
        called,
        invited: invited.collect(),
        answered: users_in(&users, "answered"),
        hung_up: users_in(&users, "hangs-up").into_keys().collect(),
    }
}

/// The callees' phones and then the users', which call at once.
fn phones(office: &Office, calls: u32) -> (Sipp, Sipp) {
    let callees = office.is_called("uas-many").calls(calls).start();
    let users = office.calls("uac-many", "2001").with("user", USER);
    let users = users.with("talk", 500).calls(calls).rate(RATE).start();
    (callees, users)
}

/// Who has logged `word`, and when if it says so, in seconds since 1970.
fn users_in(users: &Sipp, word: &str) -> BTreeMap<String, f64> {
    let lines = users.all_logged(word).into_iter().map(|line| {
        let user = line.split_whitespace().next().unwrap_or_default();
        let time = line.rsplit('\t').next().and_then(|time| time.parse().ok());
        (digits(user, USER).to_owned(), time.unwrap_or_default())
    });
    lines.collect()
}

fn digits<'a>(number: &'a str, prefix: &str) -> &'a str {
    let rest = number.strip_prefix(prefix);
    rest.unwrap_or_else(|| panic!("{number:?} does not begin with {prefix}"))
}

/// Every call that was answered has its records, with its time; what was open is lost with the node.
fn check_records(office: &Office, known: &Known) {
    for (user, heard) in &known.answered {
        let path = format!("/api/v1/cdrs?user_data={}", known.requests[user]);
        let cdrs = list(office, &path);
        let of = |direction| cdrs.iter().filter(move |cdr| cdr["direction"] == direction);
        assert_eq!(cdrs.len(), 2, "user {user}: {cdrs:#?}");
        assert_eq!(of("inbound").count(), 1, "user {user}: {cdrs:#?}");
        for cdr in &cdrs {
            let time = cdr["answer_time"].as_str();
            let time = time.unwrap_or_else(|| panic!("user {user} was answered: {cdr:#}"));
            let late = heard - unix_ms(time) as f64 / 1_000.0;
            assert!((-0.01..LATE).contains(&late), "{late} s late: {cdr:#}");
            if !known.hung_up.contains(user) {
                let lost = json!({ "end_reason": "node-lost", "cause": null });
                check(cdr, &lost);
                check(cdr, &json!({ "dropped_by": null, "end_time": null }));
            }
        }
    }
    let cdrs = list(office, "/api/v1/cdrs?limit=100");
    let ids: BTreeSet<String> = cdrs.iter().map(|cdr| cdr["call_id"].to_string()).collect();
    assert_eq!(ids.len(), cdrs.len(), "a record is there twice");
    for cdr in &cdrs {
        let reason = cdr["end_reason"].as_str();
        assert!(matches!(reason, Some("released" | "node-lost")), "{cdr:#}");
    }
}

fn list(office: &Office, path: &str) -> Vec<Value> {
    let page = office.rest.get(path).expect(200);
    assert_eq!(page["has_more"], false, "{path} has more");
    page["data"].as_array().expect("a list").clone()
}

/// A request is used up if its callee was called, once; it is there if its user never called.
fn check_requests(office: &Office, known: &Known) {
    let invited: BTreeSet<&String> = known.invited.iter().collect();
    assert_eq!(invited.len(), known.invited.len(), "called twice");
    for user in known.requests.keys() {
        let pending = office.cancelcall_of(&format!("{USER}{user}"));
        if invited.contains(user) {
            assert_eq!(pending, 404, "user {user} could call twice");
        } else if !known.called.contains(user) {
            assert_eq!(pending, 200, "user {user} has lost its request");
        }
        let pending = office.cancelcall_of(&format!("{USER}{user}"));
        assert_eq!(pending, 404, "user {user} had two requests");
    }
}

fn check_that_calls_are_served(office: &Office) {
    let calls = 5;
    let ids: Vec<String> = (1..=calls)
        .map(|user| {
            let [from, to] = [USER, CALLEE].map(|prefix| format!("{prefix}{user}"));
            office.makecall_of(&from, "2001", &to)
        })
        .collect();
    let (mut callees, mut users) = phones(office, calls);
    users.finish();
    callees.finish();
    for id in ids {
        for cdr in office.cdrs(&id, 2) {
            check(&cdr, &json!({ "end_reason": "released", "cause": 200 }));
        }
    }
}
