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
    // A later one has its turn.
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

/// A call with a 200 of a re-INVITE that waits for its ACK, and a re-INVITE that was refused for it.
fn refused(pair: &mut Pair) -> (DialogId, Response, String) {
    let (dialog, ok) = reoffered(pair, Some("one"));
    assert!(matches!(pair.next(A), Event::Reoffer { .. }));
    let answer = Ok(sdp("1"));
    pair.input(A, Input::Reanswer { dialog, answer });
    let refused = peer_request(&ok, "INVITE", 3, "z9hG4bKre3", Some("two"));
    pair.inject(peer(), A, refused.clone());
    pair.run(DELAY);
    assert_eq!(pair.stray_response().status(), 200);
    assert_eq!(pair.stray_response().status(), 491);
    (dialog, ok, refused)
}

#[test]
fn a_late_copy_of_a_refused_one_begins_nothing() {
    // RFC 3261 §12.2.2: its number counts; §17.2.1: its transaction answers it again.
    let mut pair = Pair::new();
    let (dialog, ok, refused) = refused(&mut pair);
    pair.inject(peer(), A, peer_request(&ok, "ACK", 3, "z9hG4bKre3", None));
    pair.inject(peer(), A, peer_request(&ok, "ACK", 2, "z9hG4bKack2", None));
    // Soon its transaction absorbs it; long after, its number is out of order.
    pair.inject(peer(), A, refused.clone());
    pair.run(Duration::from_secs(40));
    assert!(pair.strays.is_empty());
    pair.inject(peer(), A, refused);
    pair.run(DELAY);
    assert_eq!(pair.stray_response().status(), 500);
    pair.run(Duration::from_secs(40));
    assert!(pair.names(A).is_empty());
    assert_eq!(pair.count("BYE"), 0);
    let status = 200;
    pair.input(A, Input::Release { dialog, status });
    pair.rest();
}

#[test]
fn the_ack_of_a_refusal_is_not_that_of_the_200() {
    // RFC 3261 §17.1.1.3: that of a refusal has the branch of its INVITE, and its number.
    let mut pair = Pair::new();
    let (_, ok, refused) = refused(&mut pair);
    pair.inject(peer(), A, peer_request(&ok, "ACK", 3, "z9hG4bKre3", None));
    pair.inject(peer(), A, refused);
    pair.run(DELAY);
    assert_eq!(pair.count("491 INVITE"), 1);
    pair.rest();
    // The ACK that was missing is still missing.
    assert_eq!(pair.names(A), ["lost 408", "gone"]);
}

#[test]
fn a_refusal_is_sent_until_its_ack_comes() {
    // RFC 3261 §17.2.1, Timers G and H: whatever refuses it.
    for (headers, body, status) in [
        ("Require: x\r\n", Some("two"), "420 INVITE"),
        ("Content-Encoding: gzip\r\n", Some("two"), "415 INVITE"),
        ("", Some("two"), "491 INVITE"),
    ] {
        let mut pair = Pair::new();
        let (dialog, ok) = reoffered(&mut pair, Some("one"));
        let answer = Ok(sdp("1"));
        pair.input(A, Input::Reanswer { dialog, answer });
        let text = peer_request(&ok, "INVITE", 3, "z9hG4bKre3", body);
        let text = text.replace("Max-Forwards", &format!("{headers}Max-Forwards"));
        pair.inject(peer(), A, text.clone());
        pair.inject(peer(), A, peer_request(&ok, "ACK", 2, "z9hG4bKack2", None));
        pair.run(Duration::from_secs(40));
        assert_eq!(pair.count(status), 11, "{status}");
        pair.inject(peer(), A, text);
        pair.run(DELAY);
        assert_eq!(pair.count("500 INVITE"), 1, "{status}");
        let status = 200;
        pair.input(A, Input::Release { dialog, status });
        pair.rest();
        assert_eq!(pair.names(A), ["reoffer", "gone"]);
    }
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
fn cancel_of_one_that_came_too_early_leaves_the_call() {
    let mut pair = Pair::new();
    super::dialogs::peer_invites(&mut pair, A, "", "offer");
    let Event::Incoming(incoming) = pair.next(A) else {
        panic!()
    };
    let (dialog, status, sdp) = (incoming.dialog, 180, None);
    pair.input(
        A,
        Input::Progress {
            dialog,
            status,
            sdp,
        },
    );
    pair.run(DELAY);
    let _trying = pair.stray_response();
    let ringing = pair.stray_response();
    for method in ["INVITE", "CANCEL"] {
        let request = peer_request(&ringing, method, 2, "z9hG4bKre", None);
        pair.inject(peer(), A, request);
    }
    pair.run(DELAY);
    assert_eq!(pair.stray_response().status(), 500);
    assert_eq!(pair.stray_response().status(), 200);
    assert!(pair.names(A).is_empty());
    let status = 486;
    pair.input(A, Input::Release { dialog, status });
    pair.rest();
    assert_eq!(pair.count("487 INVITE"), 0);
}

#[test]
fn one_for_which_there_is_no_room_counts_too() {
    let config = crate::Config {
        max_transactions: 1,
        ..crate::Config::default()
    };
    let mut pair = Pair::with(config, 1);
    let (dialog, ok) = peer_talks(&mut pair, "");
    let text = peer_request(&ok, "INVITE", 2, "z9hG4bKre", Some("x"));
    pair.inject(peer(), A, text.clone());
    pair.inject(peer(), A, text.clone());
    pair.run(DELAY);
    for _ in 0..2 {
        assert_eq!(pair.stray_response().status(), 503);
    }
    assert_eq!(pair.ends[A].counts().transactions, 1);
    // The first INVITE's transaction ends; a late copy of the second still begins nothing.
    pair.run(Duration::from_secs(33));
    pair.inject(peer(), A, text);
    pair.run(DELAY);
    assert_eq!(pair.stray_response().status(), 500);
    assert!(pair.names(A).is_empty());
    let status = 200;
    pair.input(A, Input::Release { dialog, status });
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
    assert_eq!(pair.names(A), ["withdrawn"]);
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
