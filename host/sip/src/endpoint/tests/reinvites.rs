//! re-INVITE: RFC 3261 §14.2.

use std::time::Duration;

use super::dialogs::{peer, peer_request, peer_talks};
use super::pair::{A, DELAY, Pair, sdp};
use crate::wire::Response;
use crate::{DialogId, Event, Input};

/// A call with a re-INVITE that waits for the owner.
fn reoffered(pair: &mut Pair, body: Option<&str>) -> (DialogId, Response) {
    let (dialog, ok) = peer_talks(pair, "");
    pair.inject(peer(), A, peer_request(&ok, "INVITE", 2, "z9hG4bKre", body));
    pair.run(DELAY);
    assert_eq!(pair.stray_response().status(), 100);
    (dialog, ok)
}

#[test]
fn is_answered_in_place_and_moves_the_remote_target() {
    let mut pair = Pair::new();
    let (dialog, ok) = reoffered(&mut pair, Some("hold"));
    let Event::Reoffer { sdp: offer, .. } = pair.next(A) else {
        panic!()
    };
    assert_eq!(offer, Some(sdp("hold")));
    // Again: its transaction repeats the 100 and tells nobody.
    pair.inject(
        peer(),
        A,
        peer_request(&ok, "INVITE", 2, "z9hG4bKre", Some("hold")),
    );
    pair.run(DELAY);
    assert_eq!(pair.stray_response().status(), 100);
    pair.input(
        A,
        Input::Reanswer {
            dialog,
            answer: Ok(sdp("held")),
        },
    );
    pair.run(DELAY);
    let answer = pair.stray_response();
    assert_eq!((answer.status(), answer.body().clone()), (200, sdp("held")));
    assert_eq!(answer.headers().to().tag(), ok.headers().to().tag());
    pair.inject(peer(), A, peer_request(&ok, "ACK", 2, "z9hG4bKack2", None));
    assert!(pair.names(A).is_empty());
    pair.input(
        A,
        Input::Release {
            dialog,
            status: 200,
        },
    );
    pair.run(DELAY);
    assert_eq!(pair.strays[0].to.port(), 5070);
    pair.rest();
    assert_eq!(pair.count("200 INVITE"), 2);
    assert_eq!(pair.names(A), ["gone"]);
}

#[test]
fn can_be_refused_and_the_call_goes_on() {
    let mut pair = Pair::new();
    let (dialog, ok) = reoffered(&mut pair, Some("video"));
    assert!(matches!(pair.next(A), Event::Reoffer { .. }));
    pair.input(
        A,
        Input::Reanswer {
            dialog,
            answer: Err(488),
        },
    );
    pair.run(DELAY);
    assert_eq!(pair.stray_response().status(), 488);
    pair.inject(peer(), A, peer_request(&ok, "ACK", 2, "z9hG4bKre", None));
    pair.run(Duration::from_secs(40));
    assert!(pair.names(A).is_empty());
    pair.input(
        A,
        Input::Release {
            dialog,
            status: 200,
        },
    );
    pair.rest();
}

#[test]
fn without_offer_gets_one_and_its_answer_is_told() {
    let mut pair = Pair::new();
    let (dialog, ok) = reoffered(&mut pair, None);
    let Event::Reoffer { sdp: None, .. } = pair.next(A) else {
        panic!()
    };
    pair.input(
        A,
        Input::Reanswer {
            dialog,
            answer: Ok(sdp("offer")),
        },
    );
    pair.inject(
        peer(),
        A,
        peer_request(&ok, "ACK", 2, "z9hG4bKack2", Some("answer")),
    );
    let Event::Confirmed { sdp: answer, .. } = pair.next(A) else {
        panic!()
    };
    assert_eq!(answer, Some(sdp("answer")));
    pair.input(
        A,
        Input::Release {
            dialog,
            status: 200,
        },
    );
    pair.rest();
}

#[test]
fn a_second_one_waits_its_turn() {
    let mut pair = Pair::new();
    let (dialog, ok) = reoffered(&mut pair, Some("one"));
    // One is with the owner: 500 with Retry-After.
    pair.inject(
        peer(),
        A,
        peer_request(&ok, "INVITE", 3, "z9hG4bKre3", Some("two")),
    );
    pair.run(DELAY);
    let busy = pair.stray_response();
    assert_eq!(busy.status(), 500);
    let after: u32 = busy.headers().get("Retry-After").unwrap().parse().unwrap();
    assert!(after <= 10);
    // A 200 waits for its ACK: 491.
    pair.input(
        A,
        Input::Reanswer {
            dialog,
            answer: Ok(sdp("1")),
        },
    );
    pair.inject(
        peer(),
        A,
        peer_request(&ok, "INVITE", 4, "z9hG4bKre4", Some("three")),
    );
    pair.run(DELAY);
    assert_eq!(pair.stray_response().status(), 200);
    assert_eq!(pair.stray_response().status(), 491);
    pair.inject(peer(), A, peer_request(&ok, "ACK", 2, "z9hG4bKack2", None));
    // The refused numbers do not count.
    pair.inject(
        peer(),
        A,
        peer_request(&ok, "INVITE", 5, "z9hG4bKre5", Some("four")),
    );
    assert_eq!(pair.names(A), ["reoffer", "reoffer"]);
    pair.input(
        A,
        Input::Release {
            dialog,
            status: 200,
        },
    );
    pair.run(DELAY);
    // 100, then 487 to the re-INVITE and BYE.
    assert_eq!(pair.stray_response().status(), 100);
    assert_eq!(pair.stray_response().status(), 487);
    assert_eq!(pair.stray_request().method().as_str(), "BYE");
    pair.rest();
    assert_eq!(pair.names(A), ["gone"]);
}

#[test]
fn before_the_answer_of_the_call_it_is_too_early() {
    let mut pair = Pair::new();
    super::dialogs::peer_invites(&mut pair, A, "", "offer");
    let Event::Incoming(incoming) = pair.next(A) else {
        panic!()
    };
    let dialog = incoming.dialog;
    pair.input(
        A,
        Input::Progress {
            dialog,
            status: 180,
            sdp: None,
        },
    );
    pair.run(DELAY);
    let _trying = pair.stray_response();
    let ringing = pair.stray_response();
    pair.inject(
        peer(),
        A,
        peer_request(&ringing, "INVITE", 2, "z9hG4bKre", Some("x")),
    );
    pair.run(DELAY);
    let early = pair.stray_response();
    assert_eq!(early.status(), 500);
    assert!(early.headers().get("Retry-After").is_some());
    pair.input(
        A,
        Input::Release {
            dialog,
            status: 486,
        },
    );
    pair.rest();
}

#[test]
fn cancel_of_it_leaves_the_call() {
    let mut pair = Pair::new();
    let (dialog, ok) = reoffered(&mut pair, Some("hold"));
    assert!(matches!(pair.next(A), Event::Reoffer { .. }));
    pair.inject(peer(), A, peer_request(&ok, "CANCEL", 2, "z9hG4bKre", None));
    pair.run(DELAY);
    assert_eq!(pair.stray_response().status(), 200);
    assert_eq!(pair.stray_response().status(), 487);
    // Too late: nothing waits for it.
    pair.input(
        A,
        Input::Reanswer {
            dialog,
            answer: Ok(sdp("late")),
        },
    );
    pair.run(Duration::from_secs(40));
    assert!(pair.names(A).is_empty());
    assert_eq!(pair.count("200 INVITE"), 1);
    pair.input(
        A,
        Input::Release {
            dialog,
            status: 200,
        },
    );
    pair.rest();
}

#[test]
fn without_the_ack_of_its_200_the_call_is_lost() {
    let mut pair = Pair::new();
    let (dialog, _) = reoffered(&mut pair, Some("hold"));
    pair.input(
        A,
        Input::Reanswer {
            dialog,
            answer: Ok(sdp("held")),
        },
    );
    pair.rest();
    assert_eq!(pair.names(A), ["reoffer", "lost 408", "gone"]);
    assert_eq!(pair.count("200 INVITE"), 1 + 11);
}

#[test]
fn bye_of_the_peer_ends_one_that_waits() {
    let mut pair = Pair::new();
    let (_, ok) = reoffered(&mut pair, Some("hold"));
    pair.inject(peer(), A, peer_request(&ok, "BYE", 3, "z9hG4bKbye", None));
    pair.run(DELAY);
    assert_eq!(pair.stray_response().status(), 200);
    assert_eq!(pair.stray_response().status(), 487);
    pair.rest();
    assert_eq!(pair.names(A), ["reoffer", "hung up", "gone"]);
}
