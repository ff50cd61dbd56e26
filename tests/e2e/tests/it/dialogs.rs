//! What happens inside a call's dialogs besides ringing and answering, against SIPp on both sides.

use std::time::Duration;

use serde_json::json;

use crate::node::Node;
use crate::office::{Office, check};
use crate::sipp;

/// A call between two scenarios that both must see it through. Returns what they logged of `words`.
fn call(
    user: &'static str,
    callee: &'static str,
    words: &[(&'static str, &str)],
) -> [sipp::Sipp; 2] {
    let node = Node::start();
    let office = Office::open(&node, "acme");
    let id = office.makecall("2001", "3001");
    let fill = |scenario: sipp::Scenario| {
        let fill = |scenario: sipp::Scenario, (word, value): &(&'static str, &str)| {
            scenario.with(word, *value)
        };
        let scenario = words.iter().fold(scenario, fill);
        // What loses messages counts the copies of them.
        let loses = [user, callee].iter().any(|name| name.ends_with("-loses"));
        if loses {
            scenario.without_repeats()
        } else {
            scenario
        }
    };
    let mut callee = fill(office.is_called(callee)).start();
    let mut user = fill(office.calls(user, "2001")).start();
    user.finish();
    callee.finish();
    for cdr in office.cdrs(&id, 2) {
        check(&cdr, &json!({ "cause": 200, "end_reason": "released" }));
        assert!(cdr["answer_time"].is_string(), "{cdr:#}");
    }
    assert_eq!(office.live(), 0);
    [user, callee]
}

#[test]
fn a_caller_that_needs_reliable_ringing_gets_it() {
    if sipp::is_there() {
        call("uac-prack", "uas-answers", &[]);
    }
}

#[test]
fn an_invite_without_an_offer_is_answered_with_one() {
    if sipp::is_there() {
        call("uac-late", "uas-answers", &[]);
    }
}

#[test]
fn hold_and_resume_reach_the_other_party() {
    if !sipp::is_there() {
        return;
    }
    let [user, callee] = call("uac-holds", "uas-held", &[]);
    for word in ["held", "resumed"] {
        assert!(
            user.time_of(word) >= callee.time_of(word),
            "{word}: not passed on, but invented"
        );
    }
}

#[test]
fn a_session_too_brief_is_refused_and_one_long_enough_is_refreshed_by_its_caller() {
    if sipp::is_there() {
        call("uac-brief-session", "uas-answers", &[("talk", "500")]);
    }
}

#[test]
fn a_session_is_refreshed_for_a_caller_that_wants_it() {
    if !sipp::is_there() {
        return;
    }
    let [user, _] = call("uac-refreshed", "uas-answers", &[]);
    let waited = Duration::from_secs_f64(user.time_of("refreshed") - user.time_of("answered"));
    // RFC 4028 §10: at half of the 90 s.
    let half = Duration::from_secs(44)..Duration::from_secs(47);
    assert!(half.contains(&waited), "{waited:?}");
}

#[test]
fn a_lost_ack_and_a_lost_answer_to_bye_are_made_good_towards_the_caller() {
    if sipp::is_there() {
        call("uac-loses", "uas-answers", &[]);
    }
}

#[test]
fn a_lost_ack_and_a_lost_bye_are_made_good_towards_the_callee() {
    if sipp::is_there() {
        call("uac-answered", "uas-loses", &[]);
    }
}

#[test]
fn a_caller_leads_its_party_to_somebody_else() {
    if !sipp::is_there() {
        return;
    }
    let node = Node::start();
    let office = Office::open(&node, "acme");
    let third = sipp::free_port();
    office.phone("3002", third);
    let id = office.makecall("2001", "3001");
    let mut callee = office.is_called("uas-answers").start();
    let mut third = sipp::Scenario::callee("uas-hangs-up", third)
        .with("talk", 500)
        .start();
    let user = office.calls("uac-refers", "2001").with("target", "3002");
    let mut user = user.start();
    user.finish();
    third.finish();
    callee.finish();
    for cdr in office.cdrs(&id, 3) {
        check(&cdr, &json!({ "cause": 200, "end_reason": "released" }));
        assert!(cdr["answer_time"].is_string(), "{cdr:#}");
    }
    assert_eq!(office.live(), 0);
}
