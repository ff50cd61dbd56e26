//! re-INVITEs of ours: RFC 3261 §14.1.

use std::time::Duration;

use super::dialogs::{peer, peer_request, peer_talks};
use super::pair::{A, B, DELAY, Pair, sdp};
use super::sessions::answer;
use crate::wire::{Method, Request};
use crate::{DialogId, Event, Input};

/// A call of the peer, and our re-INVITE in it.
fn reoffered(pair: &mut Pair) -> (DialogId, Request) {
    let (dialog, _) = peer_talks(pair, "");
    let sdp = sdp("hold");
    pair.input(A, Input::Reoffer { dialog, sdp });
    pair.run(DELAY);
    let reinvite = pair.stray_request();
    assert_eq!(*reinvite.method(), Method::INVITE);
    (dialog, reinvite)
}

fn release(pair: &mut Pair, end: usize, dialog: DialogId) {
    let status = 200;
    pair.input(end, Input::Release { dialog, status });
}

#[test]
fn both_sides_of_a_call_may_offer_anew() {
    let mut pair = Pair::new();
    let (a, b) = pair.talk();
    for (end, dialog, other, others) in [(A, a, B, b), (B, b, A, a)] {
        let sdp = sdp("hold");
        pair.input(end, Input::Reoffer { dialog, sdp });
        pair.run(DELAY * 3);
        let answer = Ok(super::pair::sdp("held"));
        assert_eq!(pair.names(other), ["reoffer"]);
        let dialog = others;
        pair.input(other, Input::Reanswer { dialog, answer });
        pair.run(DELAY * 3);
        assert_eq!(pair.names(end), ["reanswered"]);
    }
    assert_eq!((pair.count("ACK"), pair.count("200 INVITE")), (3, 3));
    release(&mut pair, A, a);
    pair.rest();
}

#[test]
fn its_200_is_acknowledged_each_time() {
    let mut pair = Pair::new();
    let (dialog, reinvite) = reoffered(&mut pair);
    let ok = answer(&reinvite, "200 OK", "", "held");
    pair.inject(peer(), A, ok.clone());
    let Event::Reanswered { answer: held, .. } = pair.next(A) else {
        panic!()
    };
    assert_eq!(held, Ok(sdp("held")));
    pair.inject(peer(), A, ok);
    pair.run(DELAY);
    let acks = [pair.stray_request(), pair.stray_request()];
    assert_eq!(acks[0], acks[1]);
    assert_eq!(
        acks[0].headers().cseq(),
        &crate::wire::CSeq {
            number: 1,
            method: Method::ACK
        }
    );
    assert!(pair.names(A).is_empty());
    // The next one has another ACK.
    let sdp = sdp("resume");
    pair.input(A, Input::Reoffer { dialog, sdp });
    pair.run(DELAY);
    let second = pair.stray_request();
    pair.inject(peer(), A, answer(&second, "200 OK", "", "resumed"));
    pair.run(DELAY);
    assert_eq!(pair.stray_request().headers().cseq().number, 2);
    release(&mut pair, A, dialog);
    pair.rest();
}

#[test]
fn a_refusal_is_told_and_the_call_goes_on() {
    let mut pair = Pair::new();
    let (dialog, reinvite) = reoffered(&mut pair);
    pair.inject(peer(), A, answer(&reinvite, "100 Trying", "", ""));
    pair.inject(peer(), A, answer(&reinvite, "488 Not here", "", ""));
    pair.run(DELAY);
    assert_eq!(*pair.stray_request().method(), Method::ACK);
    assert_eq!(pair.names(A), ["reanswered 488"]);
    pair.run(Duration::from_secs(100));
    assert!(pair.names(A).is_empty());
    release(&mut pair, A, dialog);
    pair.rest();
}

#[test]
fn a_peer_that_does_not_know_the_call_or_is_silent_is_lost() {
    for status in [
        Some("481 Unknown"),
        Some("408 Timeout"),
        Some("100 Trying"),
        None,
    ] {
        let mut pair = Pair::new();
        let (_, reinvite) = reoffered(&mut pair);
        if let Some(status) = status {
            pair.inject(peer(), A, answer(&reinvite, status, "", ""));
        }
        pair.run(Duration::from_secs(33));
        let lost = if status == Some("481 Unknown") {
            "lost 481"
        } else {
            "lost 408"
        };
        assert_eq!(
            (pair.names(A)[0].as_str(), pair.count("BYE") > 0),
            (lost, true)
        );
        pair.rest();
    }
}

#[test]
fn two_that_cross_each_other_are_both_refused_with_491() {
    let mut pair = Pair::new();
    let (a, b) = pair.talk();
    for (end, dialog) in [(A, a), (B, b)] {
        let sdp = sdp("hold");
        pair.input(end, Input::Reoffer { dialog, sdp });
    }
    pair.run(DELAY * 3);
    assert_eq!(pair.names(A), ["reanswered 491"]);
    assert_eq!(pair.names(B), ["reanswered 491"]);
    release(&mut pair, A, a);
    pair.rest();
}

#[test]
fn there_is_one_exchange_at_a_time() {
    let mut pair = Pair::new();
    let (a, ok) = peer_talks(&mut pair, "");
    let reinvite = peer_request(&ok, "INVITE", 2, "z9hG4bKre", Some("hold"));
    pair.inject(peer(), A, reinvite);
    assert_eq!(pair.names(A), ["reoffer"]);
    let (dialog, offer) = (a, sdp("mine"));
    pair.input(A, Input::Reoffer { dialog, sdp: offer });
    assert_eq!(pair.names(A), ["reanswered 491"]);
    let answer = Ok(sdp("held"));
    pair.input(A, Input::Reanswer { dialog, answer });
    // Not acknowledged yet.
    pair.input(
        A,
        Input::Reoffer {
            dialog,
            sdp: sdp("mine"),
        },
    );
    assert_eq!(pair.names(A), ["reanswered 491"]);
    pair.inject(peer(), A, peer_request(&ok, "ACK", 2, "z9hG4bKa", None));
    pair.run(DELAY);
    pair.strays.clear();
    pair.input(
        A,
        Input::Reoffer {
            dialog,
            sdp: sdp("mine"),
        },
    );
    // An offer of the peer now is a glare, by re-INVITE or UPDATE.
    for (cseq, method) in [(3, "INVITE"), (4, "UPDATE")] {
        let branch = format!("z9hG4bKglare{cseq}");
        let offer = peer_request(&ok, method, cseq, &branch, Some("too"));
        pair.inject(peer(), A, offer);
        pair.run(DELAY);
        while !matches!(pair.strays.front(), Some(p) if p.name == format!("491 {method}")) {
            assert!(pair.strays.pop_front().is_some(), "{method}");
        }
    }
    release(&mut pair, A, dialog);
    pair.rest();
}

#[test]
fn a_200_that_crosses_bye_is_still_acknowledged() {
    let mut pair = Pair::new();
    let (dialog, reinvite) = reoffered(&mut pair);
    release(&mut pair, A, dialog);
    pair.run(DELAY);
    assert_eq!(*pair.stray_request().method(), Method::BYE);
    pair.inject(peer(), A, answer(&reinvite, "200 OK", "", "held"));
    pair.run(DELAY);
    let ack = pair.stray_request();
    assert_eq!(
        (ack.method(), ack.headers().cseq().number),
        (&Method::ACK, 1)
    );
    assert!(pair.names(A).is_empty());
    pair.rest();
}

#[test]
fn one_that_is_taken_back_is_told() {
    let mut pair = Pair::new();
    let (dialog, ok) = peer_talks(&mut pair, "");
    let reinvite = peer_request(&ok, "INVITE", 2, "z9hG4bKre", Some("hold"));
    pair.inject(peer(), A, reinvite);
    pair.inject(peer(), A, peer_request(&ok, "CANCEL", 2, "z9hG4bKre", None));
    assert_eq!(pair.names(A), ["reoffer", "withdrawn"]);
    release(&mut pair, A, dialog);
    pair.rest();
}
