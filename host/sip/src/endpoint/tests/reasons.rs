//! The reasons with which we end calls: RFC 3326, RFC 6432.

use super::dialogs::{peer, peer_invites, peer_request, peer_talks};
use super::pair::{A, DELAY, Pair, invite};
use crate::{DialogId, Event, Input};

fn release(pair: &mut Pair, dialog: DialogId, status: u16, q850: Option<u8>) {
    if let Some(q850) = q850 {
        pair.input(A, Input::Because { dialog, q850 });
    }
    pair.input(A, Input::Release { dialog, status });
    pair.run(DELAY);
}

#[test]
fn bye_says_both_causes_and_a_normal_end_none() {
    for (status, q850, expected) in [
        (200, None, None),
        (200, Some(16), Some("Q.850;cause=16")),
        (503, None, Some("SIP;cause=503")),
        (503, Some(34), Some("SIP;cause=503, Q.850;cause=34")),
    ] {
        let mut pair = Pair::new();
        let (dialog, _) = peer_talks(&mut pair, "");
        release(&mut pair, dialog, status, q850);
        let bye = pair.stray_request();
        assert_eq!(bye.headers().get("Reason"), expected);
        assert_eq!(
            bye.headers().reasons().len(),
            expected.map_or(0, |it| it.split(',').count())
        );
        pair.rest();
    }
}

#[test]
fn a_refusal_passes_the_cause_of_the_public_network_on() {
    for (q850, expected) in [(None, None), (Some(17), Some("Q.850;cause=17"))] {
        let mut pair = Pair::new();
        peer_invites(&mut pair, A, "", "offer");
        let Event::Incoming(incoming) = pair.next(A) else {
            panic!()
        };
        release(&mut pair, incoming.dialog, 486, q850);
        assert_eq!(pair.stray_response().status(), 100);
        let refusal = pair.stray_response();
        assert_eq!(
            (refusal.status(), refusal.headers().get("Reason")),
            (486, expected)
        );
        pair.rest();
    }
}

/// RFC 3261 §20.43.
#[test]
fn a_refusal_warns_of_what_was_wrong_and_quotes_nothing_that_breaks_it() {
    let mut pair = Pair::new();
    peer_invites(&mut pair, A, "", "offer");
    let Event::Incoming(incoming) = pair.next(A) else {
        panic!()
    };
    let dialog = incoming.dialog;
    let text = "peer has `18\"\r\n\\`".to_owned();
    let code = 305;
    pair.input(A, Input::Warn { dialog, code, text });
    release(&mut pair, dialog, 488, None);
    assert_eq!(pair.stray_response().status(), 100);
    let refusal = pair.stray_response();
    let warning = refusal.headers().get("Warning").unwrap();
    assert_eq!(warning, "305 Jackfield \"peer has `18`\"");
    pair.rest();
}

/// The warning of one refusal is not that of the next.
#[test]
fn an_offer_in_a_call_that_is_refused_is_warned_of_once() {
    let mut pair = Pair::new();
    let (dialog, ok) = peer_talks(&mut pair, "");
    for (cseq, branch, warned) in [(2, "z9hG4bK2", true), (3, "z9hG4bK3", false)] {
        let offer = peer_request(&ok, "INVITE", cseq, branch, Some("offer"));
        pair.inject(peer(), A, offer);
        pair.run(DELAY);
        assert!(matches!(pair.next(A), Event::Reoffer { .. }));
        if warned {
            let (code, text) = (304, "no audio".to_owned());
            pair.input(A, Input::Warn { dialog, code, text });
        }
        let answer = Err(488);
        pair.input(A, Input::Reanswer { dialog, answer });
        pair.run(DELAY);
        assert_eq!(pair.stray_response().status(), 100);
        let refusal = pair.stray_response();
        let warning = refusal.headers().get("Warning");
        assert_eq!(warning.is_some(), warned, "{warning:?}");
        let ack = peer_request(&ok, "ACK", cseq, branch, None);
        pair.inject(peer(), A, ack);
    }
}

#[test]
fn cancel_says_why_too_even_if_it_has_to_wait() {
    let mut pair = Pair::new();
    let dialog = pair.ends[A].new_dialog();
    pair.input(A, Input::Invite(Box::new(invite(dialog, A, peer()))));
    pair.run(DELAY);
    let sent = pair.stray_request();
    release(&mut pair, dialog, 487, Some(16));
    assert!(pair.strays.is_empty());
    let ringing = sent.respond(180, Some("t")).build().unwrap();
    pair.inject(peer(), A, ringing);
    pair.run(DELAY);
    let cancel = pair.stray_request();
    let reason = cancel.headers().get("Reason");
    assert_eq!(reason, Some("SIP;cause=487, Q.850;cause=16"));
    pair.rest();
}
