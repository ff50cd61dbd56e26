//! Reliable provisional responses to a caller that requires them: RFC 3262 §3.

use std::time::Duration;

use super::dialogs::{peer, peer_invites, peer_request};
use super::pair::{A, DELAY, Pair, sdp};
use crate::wire::Response;
use crate::{DialogId, Event, Input};

/// A call of the peer that requires 100rel, and our 183 with a description.
fn early(pair: &mut Pair) -> (DialogId, Response) {
    peer_invites(pair, A, "Require: 100rel\r\n", "offer");
    let Event::Incoming(incoming) = pair.next(A) else {
        panic!()
    };
    let dialog = incoming.dialog;
    progress(pair, dialog, 183, Some("early"));
    assert_eq!(pair.stray_response().status(), 100);
    let early = pair.stray_response();
    assert_eq!(early.headers().require(), ["100rel"]);
    (dialog, early)
}

/// A call of the peer with these headers, which has made no offer.
fn offerless(pair: &mut Pair, headers: &str) -> DialogId {
    peer_invites(pair, A, headers, "");
    let Event::Incoming(incoming) = pair.next(A) else {
        panic!()
    };
    assert_eq!(incoming.sdp, None);
    assert_eq!(pair.stray_response().status(), 100);
    incoming.dialog
}

fn progress(pair: &mut Pair, dialog: DialogId, status: u16, body: Option<&'static str>) {
    let sdp = body.map(sdp);
    let progress = Input::Progress {
        dialog,
        status,
        sdp,
    };
    pair.input(A, progress);
    pair.run(DELAY);
}

/// The PRACK of a response.
fn prack(response: &Response, cseq: u32, body: Option<&str>) -> String {
    let sequence: u32 = response.headers().get("RSeq").unwrap().parse().unwrap();
    let branch = format!("z9hG4bKprack{cseq}");
    let prack = peer_request(response, "PRACK", cseq, &branch, body);
    prack.replace(
        "Max-Forwards",
        &format!("RAck: {sequence} 1 INVITE\r\nMax-Forwards"),
    )
}

fn release(pair: &mut Pair, dialog: DialogId) {
    let status = 486;
    pair.input(A, Input::Release { dialog, status });
}

#[test]
fn one_is_said_until_prack_comes_and_no_longer() {
    let mut pair = Pair::new();
    let (dialog, early) = early(&mut pair);
    pair.run(Duration::from_millis(3_600));
    // After 0.5, 1.5 and 3.5 s.
    let again: Vec<_> = pair.strays.drain(..).map(|packet| packet.bytes).collect();
    assert_eq!(again.len(), 3);
    pair.inject(peer(), A, prack(&early, 2, None));
    pair.run(Duration::from_secs(50));
    assert_eq!(pair.stray_response().status(), 200);
    assert!(pair.strays.is_empty() && pair.names(A).is_empty());
    release(&mut pair, dialog);
    pair.rest();
}

#[test]
fn the_next_and_the_200_wait_for_its_prack() {
    let mut pair = Pair::new();
    let (dialog, first) = early(&mut pair);
    progress(&mut pair, dialog, 180, None);
    assert!(pair.strays.is_empty());
    pair.inject(peer(), A, prack(&first, 2, None));
    pair.run(DELAY);
    assert_eq!(pair.stray_response().status(), 200);
    let second = pair.stray_response();
    assert_eq!(second.status(), 180);
    let sequence = |r: &Response| r.headers().get("RSeq").unwrap().parse::<u32>().unwrap();
    assert_eq!(sequence(&second), sequence(&first) + 1);
    let sdp = sdp("answer");
    pair.input(A, Input::Accept { dialog, sdp });
    pair.run(DELAY);
    assert!(pair.strays.is_empty());
    // That of the first one again settles nothing.
    pair.inject(peer(), A, prack(&first, 3, None));
    pair.run(DELAY);
    assert_eq!(pair.stray_response().status(), 481);
    pair.inject(peer(), A, prack(&second, 4, None));
    pair.run(DELAY);
    assert_eq!(pair.stray_response().headers().cseq().number, 4);
    let ok = pair.stray_response();
    assert_eq!((ok.status(), ok.headers().cseq().number), (200, 1));
    pair.inject(peer(), A, peer_request(&ok, "ACK", 1, "z9hG4bKack", None));
    assert_eq!(pair.names(A), ["confirmed"]);
    let status = 200;
    pair.input(A, Input::Release { dialog, status });
    pair.rest();
}

#[test]
fn without_prack_the_call_is_refused() {
    let mut pair = Pair::new();
    early(&mut pair);
    pair.run(Duration::from_secs(33));
    assert_eq!(pair.names(A), ["lost 504"]);
    assert!(pair.count("504 INVITE") > 0);
    pair.rest();
}

#[test]
fn an_offer_in_prack_is_refused_and_settles_all_the_same() {
    let mut pair = Pair::new();
    let (dialog, early) = early(&mut pair);
    pair.inject(peer(), A, prack(&early, 2, Some("offer")));
    pair.run(DELAY);
    assert_eq!(pair.stray_response().status(), 488);
    progress(&mut pair, dialog, 180, None);
    assert_eq!(pair.stray_response().status(), 180);
    release(&mut pair, dialog);
    pair.rest();
}

#[test]
fn cancel_and_release_end_a_call_that_waits_for_prack() {
    for cancels in [true, false] {
        let mut pair = Pair::new();
        let (dialog, early) = early(&mut pair);
        let sdp = sdp("answer");
        pair.input(A, Input::Accept { dialog, sdp });
        if cancels {
            let cancel = peer_request(&early, "CANCEL", 1, "z9hG4bKinvite", None);
            pair.inject(peer(), A, cancel);
            assert_eq!(pair.names(A), ["cancelled"]);
        } else {
            release(&mut pair, dialog);
        }
        pair.run(DELAY);
        pair.inject(peer(), A, prack(&early, 2, None));
        pair.rest();
        assert_eq!(pair.count("200 INVITE"), 0);
    }
}

#[test]
fn a_caller_without_an_offer_takes_ours_reliably_and_its_prack_answers_it() {
    let mut pair = Pair::new();
    let dialog = offerless(&mut pair, "Supported: timer, 100rel\r\n");
    assert!(pair.ends[A].takes_early_offer(dialog));
    // Whoever does not require it is told the rest as ever.
    progress(&mut pair, dialog, 180, None);
    assert_eq!(pair.stray_response().headers().require(), [""; 0]);
    progress(&mut pair, dialog, 183, Some("offer"));
    let early = pair.stray_response();
    assert_eq!(early.headers().require(), ["100rel"]);
    assert!(!pair.ends[A].takes_early_offer(dialog));
    let sdp = sdp("offer");
    pair.input(A, Input::Accept { dialog, sdp });
    pair.run(DELAY);
    assert!(pair.strays.is_empty());
    pair.inject(peer(), A, prack(&early, 2, Some("answer")));
    pair.run(DELAY);
    let Event::Confirmed { sdp: answer, .. } = pair.next(A) else {
        panic!()
    };
    assert!(answer.is_some());
    assert_eq!(pair.stray_response().status(), 200);
    let ok = pair.stray_response();
    assert_eq!((ok.status(), ok.headers().cseq().number), (200, 1));
    assert!(
        ok.body().is_empty(),
        "what is agreed on is not offered again"
    );
    pair.inject(peer(), A, peer_request(&ok, "ACK", 1, "z9hG4bKack", None));
    assert_eq!(pair.names(A), ["confirmed"]);
    let status = 200;
    pair.input(A, Input::Release { dialog, status });
    pair.rest();
}

#[test]
fn whoever_says_nothing_of_it_is_offered_nothing_before_the_200() {
    let mut pair = Pair::new();
    let dialog = offerless(&mut pair, "Supported: timer\r\n");
    assert!(!pair.ends[A].takes_early_offer(dialog));
    let sdp = sdp("offer");
    pair.input(A, Input::Accept { dialog, sdp });
    pair.run(DELAY);
    let ok = pair.stray_response();
    assert!(ok.status() == 200 && !ok.body().is_empty());
    let ack = peer_request(&ok, "ACK", 1, "z9hG4bKack", Some("answer"));
    pair.inject(peer(), A, ack);
    assert_eq!(pair.names(A), ["confirmed"]);
    let status = 200;
    pair.input(A, Input::Release { dialog, status });
    pair.rest();
}
