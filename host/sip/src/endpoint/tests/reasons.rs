//! The reasons with which we end calls: RFC 3326, RFC 6432.

use super::dialogs::{peer, peer_invites, peer_talks};
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
