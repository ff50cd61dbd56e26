//! Expires of an INVITE: RFC 3261 §13.3.1.

use std::time::Duration;

use super::dialogs::{peer, peer_invites, peer_request};
use super::pair::{A, DELAY, Pair, sdp};
use crate::{DialogId, Event, Input};

/// A call of the peer that expires after so many seconds.
fn invited(pair: &mut Pair, seconds: &str) -> DialogId {
    peer_invites(pair, A, &format!("Expires: {seconds}\r\n"), "offer");
    assert_eq!(pair.stray_response().status(), 100);
    let Event::Incoming(incoming) = pair.next(A) else {
        panic!()
    };
    incoming.dialog
}

#[test]
fn an_unanswered_invite_ends_with_487() {
    let mut pair = Pair::new();
    let dialog = invited(&mut pair, "20");
    let (status, sdp) = (180, None);
    pair.input(
        A,
        Input::Progress {
            dialog,
            status,
            sdp,
        },
    );
    pair.run(Duration::from_secs(19));
    assert_eq!(pair.stray_response().status(), 180);
    assert!(pair.names(A).is_empty() && pair.strays.is_empty());
    pair.run(Duration::from_secs(1));
    let over = pair.stray_response();
    assert_eq!((over.status(), over.reason()), (487, "Request Terminated"));
    let ack = peer_request(&over, "ACK", 1, "z9hG4bKinvite", None);
    pair.inject(peer(), A, ack);
    pair.rest();
    assert_eq!(pair.names(A), ["cancelled", "gone"]);
    assert_eq!(pair.count("487 INVITE"), 1);
}

#[test]
fn one_that_has_expired_already_rings_nobody_for_long() {
    let mut pair = Pair::new();
    invited(&mut pair, "0");
    assert_eq!(pair.names(A), ["cancelled"]);
    pair.rest();
    assert_eq!(pair.names(A), ["gone"]);
}

#[test]
fn an_answered_one_goes_on() {
    let mut pair = Pair::new();
    let dialog = invited(&mut pair, "20");
    let sdp = sdp("answer");
    pair.input(A, Input::Accept { dialog, sdp });
    pair.run(DELAY);
    let ok = pair.stray_response();
    pair.inject(peer(), A, peer_request(&ok, "ACK", 1, "z9hG4bKack", None));
    pair.run(Duration::from_secs(60));
    assert_eq!(pair.names(A), ["confirmed"]);
    let status = 200;
    pair.input(A, Input::Release { dialog, status });
    pair.rest();
}

#[test]
fn a_century_is_no_hurry_and_nonsense_no_limit() {
    for seconds in ["99999999999999", "soon"] {
        let mut pair = Pair::new();
        let dialog = invited(&mut pair, seconds);
        pair.run(Duration::from_secs(3600));
        assert!(pair.names(A).is_empty());
        let status = 480;
        pair.input(A, Input::Release { dialog, status });
        pair.rest();
        assert_eq!(pair.names(A), ["gone"]);
    }
}
