//! UPDATE of the peer: RFC 3311.

use super::dialogs::{peer, peer_invites, peer_request, peer_talks};
use super::pair::{A, DELAY, Pair, sdp};
use crate::{Event, Input};

#[test]
fn an_offer_in_it_is_answered_without_ack() {
    let mut pair = Pair::new();
    let (dialog, ok) = peer_talks(&mut pair, "");
    let update = peer_request(&ok, "UPDATE", 2, "z9hG4bKup", Some("hold"));
    pair.inject(peer(), A, update.clone());
    pair.run(DELAY);
    let Event::Reoffer { sdp: offer, .. } = pair.next(A) else {
        panic!()
    };
    assert_eq!(offer, Some(sdp("hold")));
    // Again, and another one meanwhile (RFC 3311 §5.2).
    pair.inject(peer(), A, update);
    let other = peer_request(&ok, "UPDATE", 3, "z9hG4bKup3", Some("other"));
    pair.inject(peer(), A, other);
    pair.run(DELAY);
    let refusal = pair.stray_response();
    assert_eq!(refusal.status(), 500);
    assert!(refusal.headers().retry_after().is_some_and(|s| s <= 10));
    let answer = Ok(sdp("held"));
    pair.input(A, Input::Reanswer { dialog, answer });
    pair.run(DELAY);
    let held = pair.stray_response();
    assert_eq!((held.status(), held.body().clone()), (200, sdp("held")));
    // Nothing waits for an ACK: the next one is taken.
    let next = peer_request(&ok, "UPDATE", 4, "z9hG4bKup4", Some("resume"));
    pair.inject(peer(), A, next);
    assert!(matches!(pair.next(A), Event::Reoffer { .. }));
    let answer = Err(488);
    pair.input(A, Input::Reanswer { dialog, answer });
    pair.run(DELAY);
    assert_eq!(pair.stray_response().status(), 488);
    // Its Contact counts from the accepted one on.
    let status = 200;
    pair.input(A, Input::Release { dialog, status });
    pair.run(DELAY);
    assert_eq!(pair.strays[0].to.port(), 5070);
    pair.rest();
}

#[test]
fn one_without_offer_disturbs_no_exchange() {
    let mut pair = Pair::new();
    let (dialog, ok) = peer_talks(&mut pair, "");
    let reinvite = peer_request(&ok, "INVITE", 2, "z9hG4bKre", Some("hold"));
    pair.inject(peer(), A, reinvite);
    assert_eq!(pair.names(A), ["reoffer"]);
    let update = peer_request(&ok, "UPDATE", 3, "z9hG4bKup", None);
    pair.inject(peer(), A, update);
    pair.run(DELAY);
    assert_eq!(pair.stray_response().status(), 100);
    assert_eq!(pair.stray_response().status(), 200);
    // Late, out of order.
    let late = peer_request(&ok, "UPDATE", 3, "z9hG4bKlate", None);
    pair.inject(peer(), A, late);
    pair.run(DELAY);
    assert_eq!(pair.stray_response().status(), 500);
    let status = 200;
    pair.input(A, Input::Release { dialog, status });
    pair.rest();
}

#[test]
fn before_the_answer_it_may_refresh_and_not_offer() {
    let mut pair = Pair::new();
    peer_invites(&mut pair, A, "", "offer");
    let Event::Incoming(incoming) = pair.next(A) else {
        panic!()
    };
    let dialog = incoming.dialog;
    let (status, sdp) = (180, None);
    let progress = Input::Progress {
        dialog,
        status,
        sdp,
    };
    pair.input(A, progress);
    pair.run(DELAY);
    assert_eq!(pair.stray_response().status(), 100);
    let ringing = pair.stray_response();
    for (cseq, body, status) in [(2, None, 200), (3, Some("offer"), 500)] {
        let branch = format!("z9hG4bKup{cseq}");
        let update = peer_request(&ringing, "UPDATE", cseq, &branch, body);
        pair.inject(peer(), A, update);
        pair.run(DELAY);
        assert_eq!(pair.stray_response().status(), status);
    }
    assert!(pair.names(A).is_empty());
    let status = 486;
    pair.input(A, Input::Release { dialog, status });
    pair.rest();
}

#[test]
fn outside_a_call_it_gets_481() {
    let mut pair = Pair::new();
    let (dialog, ok) = peer_talks(&mut pair, "");
    let status = 200;
    let stranger = peer_request(&ok, "UPDATE", 2, "z9hG4bKup", None).replace("by-hand", "other");
    pair.inject(peer(), A, stranger);
    pair.run(DELAY);
    assert_eq!(pair.stray_response().status(), 481);
    pair.input(A, Input::Release { dialog, status });
    pair.rest();
}
