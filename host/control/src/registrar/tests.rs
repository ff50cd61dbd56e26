//! The rules of RFC 3261 §10.3, RFC 3327 and RFC 5626 §6, request by request.

use std::net::SocketAddr;

use bytes::Bytes;
use model::{Binding, limits, ring_order};
use sip::{Flow, Transport, wire};

use super::{Refused, Registration, listed};

const NOW: u64 = 1_800_000_000_000;

fn flow(last: u8) -> Flow {
    let at = |last| SocketAddr::from(([10, 0, 0, last], 5060));
    Flow {
        transport: Transport::Udp,
        local: at(1),
        remote: at(last),
        name: None,
    }
}

/// A REGISTER with these headers, as lines.
fn read(call_id: &str, cseq: u32, headers: &str) -> Result<Registration, Refused> {
    let lines: Vec<_> = headers.lines().map(str::trim).collect();
    let lines = lines.join("\r\n");
    let lines = if lines.is_empty() {
        lines
    } else {
        lines + "\r\n"
    };
    let text = format!(
        "REGISTER sip:acme.example SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.9;branch=z9hG4bK1\r\n\
         From: <sip:1001@acme.example>;tag=1\r\nTo: <sip:1001@acme.example>\r\n\
         Call-ID: {call_id}\r\nCSeq: {cseq} REGISTER\r\n{lines}\r\n"
    );
    let wire::Message::Request(request) = wire::parse(&Bytes::from(text)).unwrap() else {
        panic!("a request was written");
    };
    Registration::read(request.headers(), flow(9))
}

/// The bindings after a REGISTER.
fn apply(bindings: &[Binding], cseq: u32, headers: &str, now: u64) -> Vec<Binding> {
    let registration = read("c1", cseq, headers).unwrap();
    registration.apply(bindings, now).unwrap()
}

/// The status with which a REGISTER is refused.
fn refusal(bindings: &[Binding], cseq: u32, headers: &str) -> u16 {
    let read = read("c1", cseq, headers);
    read.and_then(|registration| registration.apply(bindings, NOW))
        .unwrap_err()
        .status
}

#[test]
fn a_contact_is_bound_to_the_flow_on_which_it_came() {
    let bindings = apply(
        &[],
        1,
        "Contact: <sip:1001@192.168.1.9:5062>\nExpires: 600",
        NOW,
    );
    let [binding] = &bindings[..] else {
        panic!("{bindings:?}");
    };
    assert_eq!(binding.contact, "sip:1001@192.168.1.9:5062");
    assert_eq!(binding.hop.address, flow(9).remote);
    assert_eq!(binding.expires, NOW + 600_000);
    let list = listed(&bindings, NOW + 1_500);
    assert_eq!(list, ["<sip:1001@192.168.1.9:5062>;expires=599"]);
    assert!(listed(&bindings, NOW + 600_000).is_empty(), "it has ended");
}

#[test]
fn a_binding_lasts_as_long_as_asked_for_within_limits() {
    let check = |headers: &str, seconds: u64| {
        let bindings = apply(&[], 1, headers, NOW);
        assert_eq!(bindings[0].expires, NOW + seconds * 1000, "{headers}");
    };
    check("Contact: <sip:a@10.0.0.9>", 3600);
    check("Contact: <sip:a@10.0.0.9>;expires=120\nExpires: 600", 120);
    check("Contact: <sip:a@10.0.0.9>;expires=x\nExpires: 600", 3600);
    check("Contact: <sip:a@10.0.0.9>\nExpires: 4294967296", 3600);
    check("Contact: <sip:a@10.0.0.9>\nExpires: 60", 60);
    let brief = read("c1", 1, "Contact: <sip:a@10.0.0.9>\nExpires: 59").unwrap_err();
    assert_eq!(brief.status, 423);
    assert_eq!(brief.header(), Some(("Min-Expires", "60".to_owned())));
}

#[test]
fn several_contacts_live_beside_each_other_and_are_renewed_by_uri() {
    let one = apply(
        &[],
        1,
        "Contact: <sip:a@10.0.0.9>, <sip:b@10.0.0.9>;q=0.5",
        NOW,
    );
    assert_eq!(one.len(), 2);
    let later = apply(&one, 2, "Contact: <sip:a@10.0.0.9>;expires=60", NOW + 5_000);
    assert_eq!(later.len(), 2);
    assert_eq!(
        listed(&later, NOW + 5_000),
        [
            "<sip:b@10.0.0.9>;expires=3595;q=0.500",
            "<sip:a@10.0.0.9>;expires=60"
        ]
    );
    let over = apply(&later, 3, "", NOW + 65_000);
    assert_eq!(over.len(), 1, "the other one has ended meanwhile");
}

#[test]
fn expires_zero_removes_one_contact_and_star_removes_all() {
    let both = apply(&[], 1, "Contact: <sip:a@10.0.0.9>, <sip:b@10.0.0.9>", NOW);
    let one = apply(&both, 2, "Contact: <sip:a@10.0.0.9>;expires=0", NOW);
    assert_eq!(one[0].contact, "sip:b@10.0.0.9");
    assert_eq!(one.len(), 1);
    assert!(apply(&both, 2, "Contact: *\nExpires: 0", NOW).is_empty());
    assert_eq!(refusal(&both, 2, "Contact: *\nExpires: 60"), 400);
    assert_eq!(refusal(&both, 2, "Contact: *"), 400);
    let beside = "Contact: *\nContact: <sip:c@10.0.0.9>\nExpires: 0";
    assert_eq!(refusal(&both, 2, beside), 400);
}

#[test]
fn an_overtaken_register_changes_nothing() {
    let bindings = apply(&[], 5, "Contact: <sip:a@10.0.0.9>", NOW);
    let again = "Contact: <sip:a@10.0.0.9>;expires=0";
    assert_eq!(refusal(&bindings, 5, again), 500);
    assert_eq!(refusal(&bindings, 4, "Contact: *\nExpires: 0"), 500);
    let mixed = "Contact: <sip:new@10.0.0.9>, <sip:a@10.0.0.9>";
    assert_eq!(refusal(&bindings, 4, mixed), 500, "all or nothing");
    // A phone that began anew has another Call-ID, whose numbers begin anew.
    let restarted = read("c2", 1, again).unwrap();
    assert_eq!(restarted.apply(&bindings, NOW), Ok(vec![]));
}

#[test]
fn a_register_without_contact_lists() {
    let bindings = apply(&[], 1, "Contact: <sip:a@10.0.0.9>", NOW);
    let asked = read("c1", 1, "").unwrap();
    assert!(asked.only_lists());
    assert_eq!(asked.apply(&bindings, NOW), Ok(bindings));
}

#[test]
fn an_address_of_record_has_a_limited_number_of_bindings() {
    let mut bindings = vec![];
    for n in 0..limits::BINDINGS {
        let contact = format!("Contact: <sip:{n}@10.0.0.9>");
        bindings = apply(&bindings, n as u32 + 1, &contact, NOW);
    }
    assert_eq!(refusal(&bindings, 99, "Contact: <sip:x@10.0.0.9>"), 403);
    let renewed = apply(&bindings, 99, "Contact: <sip:0@10.0.0.9>", NOW);
    assert_eq!(renewed.len(), limits::BINDINGS);
    let many: Vec<_> = (0..=limits::BINDINGS)
        .map(|n| format!("<sip:{n}@10.0.0.9>"))
        .collect();
    let many = format!("Contact: {}", many.join(","));
    assert_eq!(refusal(&[], 1, &many), 403);
}

#[test]
fn a_flow_of_a_phone_replaces_what_that_flow_had() {
    let contact = |host: u8, reg_id: u32| {
        format!(
            "Supported: path, outbound\n\
             Contact: <sip:a@10.0.0.{host}>;+sip.instance=\"<urn:uuid:1>\";reg-id={reg_id}"
        )
    };
    let first = apply(&[], 1, &contact(9, 1), NOW);
    let moved = apply(&first, 2, &contact(7, 1), NOW + 1);
    assert_eq!(moved.len(), 1);
    assert_eq!(moved[0].contact, "sip:a@10.0.0.7");
    let two = apply(&moved, 3, &contact(8, 2), NOW + 2);
    assert_eq!(two.len(), 2);
    let rung = ring_order(&two, NOW + 3);
    assert_eq!(rung.len(), 1, "two flows of one phone ring one bell");
    assert_eq!(rung[0].contact, "sip:a@10.0.0.8");
    let shown = "<sip:a@10.0.0.7>;expires=3600;+sip.instance=\"<urn:uuid:1>\";reg-id=1";
    assert_eq!(listed(&moved, NOW + 1), [shown]);
}

#[test]
fn outbound_counts_only_when_phone_and_first_hop_support_it() {
    let contact = "Contact: <sip:a@10.0.0.9>;+sip.instance=\"<urn:uuid:1>\";reg-id=1";
    assert_eq!(apply(&[], 1, contact, NOW)[0].outbound, None);
    let proxied =
        format!("Via: SIP/2.0/UDP 10.0.0.8;branch=z9hG4bK2\nSupported: outbound\n{contact}");
    assert_eq!(refusal(&[], 1, &proxied), 439);
    let kept = format!("{proxied}\nPath: <sip:edge@10.0.0.8;lr;ob>");
    assert!(apply(&[], 1, &kept, NOW)[0].outbound.is_some());
    let both = format!("Supported: outbound\n{contact}\n{contact}");
    assert_eq!(refusal(&[], 1, &both), 400);
}

#[test]
fn path_is_kept_in_order_and_within_its_limit() {
    let bindings = apply(
        &[],
        1,
        "Path: <sip:p1.example;lr>\nPath: <sip:p2.example;lr>\nContact: <sip:a@10.0.0.9>",
        NOW,
    );
    assert_eq!(bindings[0].path, ["sip:p1.example;lr", "sip:p2.example;lr"]);
    let long = format!(
        "Path: <sip:{}@p.example>\nContact: <sip:a@10.0.0.9>",
        "x".repeat(limits::BINDING_PATH)
    );
    assert_eq!(refusal(&[], 1, &long), 400);
}

#[test]
fn what_cannot_be_called_cannot_be_bound() {
    assert_eq!(refusal(&[], 1, "Contact: <tel:+493012345>"), 400);
    let long = format!("Contact: <sip:{}@10.0.0.9>", "x".repeat(limits::ADDRESS));
    assert_eq!(refusal(&[], 1, &long), 400);
}

#[test]
fn bindings_are_tried_by_preference_then_the_latest_first() {
    let rows = [("a", 1), ("b;q=0.5", 2), ("c", 3), ("d;q=0.75", 4)];
    let mut bindings = vec![];
    for (contact, n) in rows {
        let (user, q) = contact.split_once(';').unwrap_or((contact, "q=1.0"));
        let header = format!("Contact: <sip:{user}@10.0.0.9>;{q}");
        bindings = apply(&bindings, n, &header, NOW + u64::from(n));
    }
    let order = ring_order(&bindings, NOW + 10);
    let order: Vec<_> = order.iter().map(|binding| &binding.contact[4..5]).collect();
    assert_eq!(order, ["c", "a", "d", "b"]);
    assert!(ring_order(&bindings, NOW + 4_000_000).is_empty());
}
