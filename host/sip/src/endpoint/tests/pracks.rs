//! Reliable provisional responses to calls of ours: RFC 3262 §4.

use super::dialogs::peer;
use super::pair::{A, DELAY, Pair, invite, sdp};
use crate::wire::Request;
use crate::{DialogId, Event, Input, limits};

/// A call to the peer: its handle and the INVITE.
fn call(pair: &mut Pair) -> (DialogId, Request) {
    let dialog = pair.ends[A].new_dialog();
    pair.input(A, Input::Invite(Box::new(invite(dialog, A, peer()))));
    pair.run(DELAY);
    (dialog, pair.stray_request())
}

/// The peer says a 1xx reliably, under that tag and number.
fn says(pair: &mut Pair, invite: &Request, tag: &str, sequence: u32, body: Option<&'static str>) {
    let early = invite
        .respond(183, Some(tag))
        .header("Require", "100rel")
        .header("RSeq", &sequence.to_string())
        .header("Contact", &format!("<sip:{tag}@10.0.0.9:5060>"));
    let early = match body {
        Some(body) => early.body("application/sdp", sdp(body)),
        None => early,
    };
    pair.inject(peer(), A, early.build().unwrap());
    pair.run(DELAY);
}

/// Whom the next request goes to, its RAck and its number.
#[track_caller]
fn prack(pair: &mut Pair) -> (String, String, u32) {
    let prack = pair.stray_request();
    assert_eq!(prack.method().as_str(), "PRACK");
    let answer = prack.respond(200, None).build().unwrap();
    pair.inject(peer(), A, answer);
    let headers = prack.headers();
    let whom = prack.uri().user().unwrap_or("").to_owned();
    let rack = headers.get("RAck").unwrap().to_owned();
    (whom, rack, headers.cseq().number)
}

#[track_caller]
fn accept(pair: &mut Pair, invite: &Request, tag: &str) -> Request {
    let ok = invite
        .respond(200, Some(tag))
        .header("Contact", &format!("<sip:{tag}@10.0.0.9:5060>"));
    pair.inject(peer(), A, ok.build().unwrap());
    pair.run(DELAY);
    let ack = pair.stray_request();
    assert_eq!(
        (ack.method().as_str(), ack.headers().cseq().number),
        ("ACK", 1)
    );
    ack
}

fn answered(pair: &mut Pair, request: &Request) {
    pair.inject(peer(), A, request.respond(200, None).build().unwrap());
}

#[test]
fn one_is_acknowledged_and_told_once_and_in_order() {
    let mut pair = Pair::new();
    let (dialog, invite) = call(&mut pair);
    assert_eq!(
        invite.headers().supported(),
        ["timer", "100rel", "replaces", "norefersub"]
    );
    assert!(invite.headers().require().is_empty());
    says(&mut pair, &invite, "a", 7, Some("early"));
    assert_eq!(prack(&mut pair), ("a".into(), "7 1 INVITE".into(), 2));
    assert_eq!(pair.names(A), ["provisional 183 sdp"]);
    // Again, one too early, the one between.
    says(&mut pair, &invite, "a", 7, Some("early"));
    says(&mut pair, &invite, "a", 9, None);
    assert!(pair.strays.is_empty() && pair.names(A).is_empty());
    says(&mut pair, &invite, "a", 8, None);
    assert_eq!(prack(&mut pair), ("a".into(), "8 1 INVITE".into(), 3));
    assert_eq!(pair.names(A), ["provisional 183"]);
    accept(&mut pair, &invite, "a");
    let status = 200;
    pair.input(A, Input::Release { dialog, status });
    pair.run(DELAY);
    // The dialog goes on where the early one was.
    let bye = pair.stray_request();
    assert_eq!(bye.headers().cseq().number, 4);
    answered(&mut pair, &bye);
    pair.rest();
}

#[test]
fn each_fork_is_counted_by_itself_and_the_later_answer_is_ended() {
    let mut pair = Pair::new();
    let (dialog, invite) = call(&mut pair);
    for (tag, sequence) in [("a", 7), ("b", 100), ("b", 101)] {
        says(&mut pair, &invite, tag, sequence, None);
        assert_eq!(prack(&mut pair).0, tag);
    }
    assert_eq!(pair.names(A).len(), 3);
    accept(&mut pair, &invite, "b");
    assert!(matches!(pair.next(A), Event::Accepted { .. }));
    accept(&mut pair, &invite, "a");
    let bye = pair.stray_request();
    let told = (bye.uri().user(), bye.headers().cseq().number);
    assert_eq!((bye.method().as_str(), told), ("BYE", (Some("a"), 3)));
    answered(&mut pair, &bye);
    let status = 200;
    pair.input(A, Input::Release { dialog, status });
    pair.run(DELAY);
    let bye = pair.stray_request();
    assert_eq!(
        (bye.uri().user(), bye.headers().cseq().number),
        (Some("b"), 4)
    );
    answered(&mut pair, &bye);
    pair.rest();
}

#[test]
fn an_answer_that_crosses_cancel_is_ended_under_the_next_number() {
    let mut pair = Pair::new();
    let (dialog, invite) = call(&mut pair);
    says(&mut pair, &invite, "a", 1, None);
    prack(&mut pair);
    let status = 487;
    pair.input(A, Input::Release { dialog, status });
    pair.run(DELAY);
    assert_eq!(pair.stray_request().method().as_str(), "CANCEL");
    accept(&mut pair, &invite, "a");
    let bye = pair.stray_request();
    assert_eq!(
        (bye.method().as_str(), bye.headers().cseq().number),
        ("BYE", 3)
    );
    pair.rest();
}

#[test]
fn a_callee_may_refresh_its_early_dialog_but_not_offer_in_it() {
    let mut pair = Pair::new();
    let (dialog, invite) = call(&mut pair);
    says(&mut pair, &invite, "a", 1, Some("early"));
    prack(&mut pair);
    pair.names(A);
    let update = |cseq: u32, body: &str| {
        let (to, from) = (invite.headers().from(), invite.headers().to());
        format!(
            "UPDATE sip:jackfield@10.0.0.1:5060 SIP/2.0\r\n\
             Via: SIP/2.0/UDP 10.0.0.9:5060;rport;branch=z9hG4bKup{cseq}\r\n\
             From: {from};tag=a\r\nTo: {to}\r\nCall-ID: {}\r\nCSeq: {cseq} UPDATE\r\n\
             Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{body}",
            invite.headers().call_id(),
            body.len()
        )
    };
    pair.inject(peer(), A, update(1, ""));
    pair.inject(peer(), A, update(2, "offer"));
    pair.inject(peer(), A, update(3, "").replace("tag=a", "tag=nobody"));
    pair.run(DELAY);
    let statuses: Vec<_> = (0..3).map(|_| pair.stray_response().status()).collect();
    assert_eq!(statuses, [200, 500, 481]);
    assert!(pair.names(A).is_empty());
    let status = 487;
    pair.input(A, Input::Release { dialog, status });
    pair.rest();
}

#[test]
fn no_more_early_dialogs_are_kept_than_the_limit() {
    let mut pair = Pair::new();
    let (dialog, invite) = call(&mut pair);
    for fork in 0..limits::FORKS + 3 {
        says(&mut pair, &invite, &format!("fork{fork}"), 1, None);
    }
    assert_eq!(pair.count("PRACK"), limits::FORKS);
    assert_eq!(pair.names(A).len(), limits::FORKS);
    let status = 487;
    pair.input(A, Input::Release { dialog, status });
    pair.rest();
}
