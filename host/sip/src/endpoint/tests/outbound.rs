//! What the owner may put into an INVITE, and what comes of it.

use std::collections::BTreeMap;

use super::dialogs::peer;
use super::pair::{A, B, DELAY, Pair, address, invite};
use crate::{Config, Event, FailedBy, Input, TimerConfig, Transport};

#[test]
fn headers_that_would_break_the_message_fail_the_call() {
    for (name, value) in [
        ("Subject", "a\r\nX: b"),
        ("Sub ject", "a"),
        ("Via", "SIP/2.0/UDP 1.2.3.4"),
        ("m", "<sip:x@y>"),
    ] {
        let mut pair = Pair::new();
        let dialog = pair.ends[A].new_dialog();
        let mut order = invite(dialog, A, peer());
        order.headers.push((name.to_owned(), value.to_owned()));
        pair.input(A, Input::Invite(Box::new(order)));
        assert_eq!(pair.names(A), ["failed 500", "gone"]);
        assert!(pair.ladder.is_empty());
        pair.rest();
    }
}

#[test]
fn an_invite_and_its_cancel_carry_the_route_that_they_are_given() {
    let mut pair = Pair::new();
    let dialog = pair.ends[A].new_dialog();
    let mut order = invite(dialog, A, peer());
    order.routes = vec!["sip:edge.example;lr".parse().unwrap()];
    pair.input(A, Input::Invite(Box::new(order)));
    pair.run(DELAY);
    let sent = pair.stray_request();
    let route = "<sip:edge.example;lr>";
    assert_eq!(sent.headers().get("Route"), Some(route));
    pair.inject(peer(), A, sent.respond(180, Some("t")).build().unwrap());
    pair.input(
        A,
        Input::Release {
            dialog,
            status: 487,
        },
    );
    pair.run(DELAY);
    let cancel = pair.stray_request();
    assert_eq!(cancel.method().as_str(), "CANCEL");
    assert_eq!(cancel.headers().get("Route"), Some(route));
    pair.rest();
}

#[test]
fn the_advertised_address_stands_in_via_and_contact() {
    let public = "203.0.113.7:5080".parse().unwrap();
    let advertised = BTreeMap::from([((Transport::Udp, address(A)), public)]);
    let mut pair = Pair::with(
        Config {
            advertised,
            ..Config::default()
        },
        1,
    );
    let dialog = pair.ends[A].new_dialog();
    pair.input(A, Input::Invite(Box::new(invite(dialog, A, peer()))));
    pair.run(DELAY);
    let sent = pair.stray_request();
    let via = sent.headers().via();
    assert_eq!((via.host(), via.port()), ("203.0.113.7", Some(5080)));
    assert!(via.wants_rport());
    assert_eq!(
        sent.headers().contacts()[0].uri.to_string(),
        "sip:jackfield@203.0.113.7:5080"
    );
    assert_eq!(sent.headers().max_forwards(), Some(70));
    assert_eq!(sent.headers().get("User-Agent"), Some("Jackfield"));
    pair.rest();
}

#[test]
fn a_failure_tells_cause_and_text_of_its_reason_header() {
    let mut pair = Pair::new();
    let dialog = pair.ends[A].new_dialog();
    pair.input(A, Input::Invite(Box::new(invite(dialog, A, peer()))));
    pair.run(DELAY);
    let sent = pair.stray_request();
    let refusal = sent
        .respond(480, Some("t"))
        .header("Reason", "Q.850;cause=18;text=\"No\"");
    pair.inject(peer(), A, refusal.build().unwrap());
    let Event::Failed {
        status,
        q850,
        reason,
        ..
    } = pair.next(A)
    else {
        panic!()
    };
    assert_eq!(
        (status, q850, reason.as_deref()),
        (480, Some(18), Some("No"))
    );
    pair.rest();
}

#[test]
fn timer_values_come_from_the_configuration() {
    let t1 = std::time::Duration::from_millis(50);
    let timers = TimerConfig {
        t1,
        ..TimerConfig::default()
    };
    let mut pair = Pair::with(
        Config {
            timers,
            ..Config::default()
        },
        1,
    );
    pair.lose(|_| true);
    pair.dial();
    pair.rest();
    assert_eq!(pair.ladder[1], "    50 a INVITE");
    assert_eq!(pair.count("INVITE"), 7);
}

#[test]
fn a_response_that_went_astray_is_dropped() {
    let mut pair = Pair::new();
    let dialog = pair.ends[A].new_dialog();
    pair.input(A, Input::Invite(Box::new(invite(dialog, A, peer()))));
    pair.run(DELAY);
    let sent = pair.stray_request();
    let ok = sent.respond(486, Some("t")).build().unwrap();
    let text = String::from_utf8(ok.to_vec()).unwrap();
    let branch = sent.headers().via().branch().unwrap();
    // Another branch, a second Via (RFC 3261 §8.1.3.3), another method.
    pair.inject(peer(), A, text.replace(branch, "z9hG4bKother"));
    let two = format!("From: {}", sent.headers().from());
    pair.inject(
        peer(),
        A,
        text.replace(&two, &format!("Via: SIP/2.0/UDP h;branch=x\r\n{two}")),
    );
    pair.inject(peer(), A, text.replace("1 INVITE", "1 BYE"));
    assert!(pair.names(A).is_empty());
    pair.inject(peer(), A, text);
    pair.rest();
    assert_eq!(pair.names(A), ["failed 486", "gone"]);
}

#[test]
fn a_failure_says_whose_it_was() {
    for by in [FailedBy::Peer, FailedBy::Nobody, FailedBy::Ourselves] {
        let mut pair = Pair::new();
        let dialog = pair.ends[A].new_dialog();
        let mut order = invite(dialog, A, peer());
        if by == FailedBy::Ourselves {
            order.headers.push(("X".to_owned(), "a\nb".to_owned()));
        }
        pair.input(A, Input::Invite(Box::new(order)));
        pair.run(DELAY);
        if by == FailedBy::Peer {
            // The same status as without an answer: only `by` tells them apart.
            let sent = pair.stray_request();
            let refusal = sent.respond(408, Some("t")).build().unwrap();
            pair.inject(peer(), A, refusal);
        }
        pair.run(std::time::Duration::from_secs(40));
        let Event::Failed { by: told, .. } = pair.next(A) else {
            panic!()
        };
        assert_eq!(told, by);
        pair.rest();
    }
}

#[test]
fn max_forwards_passes_as_given_both_ways() {
    for hops in [0, 69, 255] {
        let mut pair = Pair::new();
        let dialog = pair.ends[A].new_dialog();
        let mut order = invite(dialog, A, address(B));
        order.max_forwards = hops;
        pair.input(A, Input::Invite(Box::new(order)));
        pair.run(DELAY);
        let Event::Incoming(incoming) = pair.next(B) else {
            panic!()
        };
        assert_eq!(incoming.max_forwards, hops);
        for (end, dialog) in [(A, dialog), (B, incoming.dialog)] {
            let status = 480;
            pair.input(end, Input::Release { dialog, status });
        }
        pair.rest();
    }
}

#[test]
fn an_invite_without_max_forwards_has_seventy_hops_left() {
    // RFC 3261 §16.6 step 3.
    let mut pair = Pair::new();
    let text = "INVITE sip:b@10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.9;rport;branch=z9hG4bK1\r\n\
                From: <sip:a@b>;tag=1\r\nTo: <sip:b@10.0.0.1>\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\n\
                Contact: <sip:a@10.0.0.9>\r\n\r\n";
    pair.inject(peer(), A, text);
    let Event::Incoming(incoming) = pair.next(A) else {
        panic!()
    };
    assert_eq!(incoming.max_forwards, 70);
    let (dialog, status) = (incoming.dialog, 480);
    pair.input(A, Input::Release { dialog, status });
    pair.rest();
}
