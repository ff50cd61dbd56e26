//! CANCEL and its races.

use std::collections::VecDeque;
use std::time::Duration;

use super::dialogs::peer;
use super::pair::{A, B, DELAY, Pair, invite, sdp};
use crate::{Event, Input};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn cancel_before_any_1xx_is_held() {
    // RFC 3261 §9.1.
    let mut pair = Pair::new();
    let a = pair.dial();
    pair.input(
        A,
        Input::Release {
            dialog: a,
            status: 487,
        },
    );
    assert_eq!(pair.ladder, ["     0 a INVITE"]);
    pair.run(SECOND);
    let ladder = [
        "     0 a INVITE",
        "    10 b 100 INVITE",
        "    20 a CANCEL",
        "    30 b 200 CANCEL",
        "    30 b 487 INVITE",
        "    40 a ACK",
    ];
    assert_eq!(pair.ladder, ladder);
    pair.rest();
    assert_eq!(pair.names(A), ["gone"]);
    assert_eq!(pair.names(B), ["incoming", "cancelled", "gone"]);
}

#[test]
fn cancel_without_any_1xx_is_never_sent() {
    let mut pair = Pair::new();
    pair.lose(|_| true);
    let a = pair.dial();
    pair.input(
        A,
        Input::Release {
            dialog: a,
            status: 487,
        },
    );
    pair.rest();
    assert_eq!(pair.count("CANCEL"), 0);
    assert_eq!(pair.names(A), ["gone"]);
}

#[test]
fn cancel_after_180_is_sent_at_once_and_says_nothing_more() {
    let mut pair = Pair::new();
    let (a, b) = pair.ring();
    pair.input(
        B,
        Input::Progress {
            dialog: b,
            status: 180,
            sdp: None,
        },
    );
    pair.run(SECOND);
    pair.input(
        A,
        Input::Release {
            dialog: a,
            status: 487,
        },
    );
    pair.rest();
    assert_eq!(pair.names(A), ["provisional 180", "gone"]);
    assert_eq!(pair.names(B), ["cancelled", "gone"]);
}

#[test]
fn a_cancel_with_200_says_that_another_has_answered() {
    let mut pair = Pair::new();
    let dialog = pair.ends[A].new_dialog();
    pair.input(A, Input::Invite(Box::new(invite(dialog, A, peer()))));
    pair.run(DELAY);
    let sent = pair.stray_request();
    assert!(!pair.ends[A].hears(dialog));
    pair.inject(peer(), A, sent.respond(100, None).build().unwrap());
    assert!(pair.ends[A].hears(dialog));
    let status = 200;
    pair.input(A, Input::Release { dialog, status });
    pair.run(DELAY);
    let cancel = pair.stray_request();
    let why = "SIP;cause=200;text=\"Call completed elsewhere\"";
    assert_eq!(cancel.headers().get("Reason"), Some(why));
    pair.rest();
}

#[test]
fn a_refusal_says_for_how_long_the_peer_wants_to_be_left_alone() {
    let mut pair = Pair::new();
    let dialog = pair.ends[A].new_dialog();
    pair.input(A, Input::Invite(Box::new(invite(dialog, A, peer()))));
    pair.run(DELAY);
    let sent = pair.stray_request();
    let refusal = sent
        .respond(503, Some("t"))
        .header("Retry-After", "120 (maintenance)");
    pair.inject(peer(), A, refusal.build().unwrap());
    let Event::Failed { retry_after, .. } = pair.next(A) else {
        panic!()
    };
    assert_eq!(retry_after, Some(120));
    pair.rest();
}

#[test]
fn cancel_that_crosses_a_200_leads_to_ack_and_bye() {
    let mut pair = Pair::new();
    let (a, b) = pair.ring();
    pair.input(
        B,
        Input::Accept {
            dialog: b,
            sdp: sdp("answer"),
        },
    );
    pair.input(
        A,
        Input::Release {
            dialog: a,
            status: 487,
        },
    );
    pair.rest();
    assert_eq!(pair.names(A), ["gone"]);
    assert_eq!(pair.names(B), ["confirmed", "hung up", "gone"]);
    let ladder = [
        "    30 b 200 INVITE",
        "    30 a CANCEL",
        "    40 a ACK",
        "    40 a BYE",
        "    40 b 200 CANCEL",
        "    50 b 200 BYE",
    ];
    assert_eq!(pair.ladder[2..], ladder);
}

#[test]
fn a_200_that_comes_before_any_1xx_ends_a_held_cancel_with_bye() {
    let mut pair = Pair::new();
    pair.lose(|packet| packet.name == "100 INVITE");
    let (a, b) = pair.ring();
    pair.input(
        A,
        Input::Release {
            dialog: a,
            status: 487,
        },
    );
    pair.input(
        B,
        Input::Accept {
            dialog: b,
            sdp: sdp("answer"),
        },
    );
    pair.rest();
    assert_eq!(pair.count("CANCEL"), 0);
    assert_eq!(pair.names(A), ["gone"]);
    assert_eq!(pair.names(B), ["confirmed", "hung up", "gone"]);
}

#[test]
fn a_cancelled_invite_without_final_answer_is_given_up() {
    // RFC 3261 §9.1: 64·T1 after CANCEL.
    let mut pair = Pair::new();
    let (a, b) = pair.ring();
    pair.lose(|packet| packet.name == "487 INVITE");
    pair.input(
        A,
        Input::Release {
            dialog: a,
            status: 487,
        },
    );
    pair.rest();
    assert_eq!(pair.names(A), ["gone"]);
    assert_eq!(pair.names(B), ["cancelled", "gone"]);
    pair.input(
        B,
        Input::Progress {
            dialog: b,
            status: 180,
            sdp: None,
        },
    );
    pair.rest();
}

#[test]
fn a_lost_cancel_and_a_lost_487_are_sent_again() {
    let mut pair = Pair::new();
    let (a, _) = pair.ring();
    let mut lost = 0;
    pair.lose(move |packet| {
        let lose = ["CANCEL", "200 CANCEL", "487 INVITE", "ACK"].contains(&packet.name.as_str());
        let lose = lose && lost < 6;
        lost += u32::from(lose);
        lose
    });
    pair.input(
        A,
        Input::Release {
            dialog: a,
            status: 487,
        },
    );
    pair.rest();
    assert_eq!(pair.names(A), ["gone"]);
    assert_eq!(pair.names(B), ["cancelled", "gone"]);
}

#[test]
fn release_before_the_ack_waits_for_it() {
    // RFC 3261 §15: the callee must not send BYE before the ACK.
    let mut pair = Pair::new();
    let (_, b) = pair.ring();
    pair.lose_first("ACK", 2);
    pair.input(
        B,
        Input::Accept {
            dialog: b,
            sdp: sdp("answer"),
        },
    );
    pair.input(
        B,
        Input::Release {
            dialog: b,
            status: 200,
        },
    );
    assert_eq!(pair.count("BYE"), 0);
    pair.run(SECOND * 5);
    assert_eq!((pair.count("ACK"), pair.count("BYE")), (3, 1));
    pair.rest();
    assert_eq!(pair.names(A), ["accepted", "hung up", "gone"]);
    assert_eq!(pair.names(B), ["gone"]);
}

#[test]
fn release_without_an_ack_sends_bye_after_the_wait_and_loses_nothing_twice() {
    let mut pair = Pair::new();
    let (_, b) = pair.ring();
    pair.lose(|packet| packet.name == "ACK");
    pair.input(
        B,
        Input::Accept {
            dialog: b,
            sdp: sdp("answer"),
        },
    );
    pair.input(
        B,
        Input::Release {
            dialog: b,
            status: 200,
        },
    );
    pair.rest();
    assert_eq!(pair.names(B), ["gone"]);
    assert_eq!(pair.names(A), ["accepted", "hung up", "gone"]);
}

#[test]
fn a_bye_that_overtakes_the_ack_ends_the_call() {
    let mut pair = Pair::new();
    let (a, b) = pair.ring();
    let mut first = true;
    pair.fate = Box::new(move |packet| {
        let late = packet.name == "ACK" && std::mem::take(&mut first);
        vec![if late { SECOND } else { DELAY }]
    });
    pair.input(
        B,
        Input::Accept {
            dialog: b,
            sdp: sdp("answer"),
        },
    );
    pair.run(DELAY);
    pair.input(
        A,
        Input::Release {
            dialog: a,
            status: 200,
        },
    );
    pair.rest();
    assert_eq!(pair.names(A), ["accepted", "gone"]);
    assert_eq!(pair.names(B), ["hung up", "gone"]);
}

#[test]
fn release_of_a_ringing_call_is_its_final_answer() {
    let mut pair = Pair::new();
    let (_, b) = pair.ring();
    // A normal end is no answer to an INVITE.
    pair.input(
        B,
        Input::Release {
            dialog: b,
            status: 200,
        },
    );
    pair.rest();
    assert_eq!(pair.names(A), ["failed 480", "gone"]);
    assert_eq!(pair.names(B), ["gone"]);
}

#[test]
fn a_bye_to_a_ringing_call_ends_it_like_cancel() {
    // RFC 3261 §15.1.2.
    use super::dialogs::{peer, peer_invites, peer_request};
    let mut pair = Pair::new();
    peer_invites(&mut pair, A, "", "offer");
    let crate::Event::Incoming(incoming) = pair.next(A) else {
        panic!()
    };
    pair.input(
        A,
        Input::Progress {
            dialog: incoming.dialog,
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
        peer_request(&ringing, "BYE", 2, "z9hG4bKbye", None),
    );
    pair.run(DELAY);
    assert_eq!(pair.stray_response().status(), 200);
    assert_eq!(pair.stray_response().status(), 487);
    pair.rest();
    assert_eq!(pair.names(A), ["cancelled", "gone"]);
}

#[test]
fn orders_for_a_call_that_has_ended_are_ignored() {
    let mut pair = Pair::new();
    let (a, b) = pair.talk();
    pair.input(
        A,
        Input::Release {
            dialog: a,
            status: 200,
        },
    );
    pair.run(SECOND);
    let sent = pair.ladder.len();
    for dialog in [a, b] {
        for end in [A, B] {
            pair.input(
                end,
                Input::Release {
                    dialog,
                    status: 200,
                },
            );
            pair.input(
                end,
                Input::Progress {
                    dialog,
                    status: 180,
                    sdp: None,
                },
            );
            pair.input(
                end,
                Input::Accept {
                    dialog,
                    sdp: sdp("x"),
                },
            );
            pair.input(
                end,
                Input::Reanswer {
                    dialog,
                    answer: Ok(sdp("x")),
                },
            );
            let contact = "sip:c@d".parse().unwrap();
            pair.input(end, Input::Redirect { dialog, contact });
        }
    }
    assert_eq!(pair.ladder.len(), sent);
    pair.rest();
}

#[test]
fn a_call_is_gone_when_nothing_of_it_is_under_way_though_its_transactions_linger() {
    let mut pair = Pair::new();
    let (a, _) = pair.talk();
    pair.events.iter_mut().for_each(VecDeque::clear);
    let (dialog, status) = (a, 200);
    // What the network holds up for longer than any answer takes is seen all the same.
    pair.lose_first("200 BYE", 2);
    pair.input(A, Input::Release { dialog, status });
    pair.run(6 * SECOND);
    assert_eq!(pair.names(B), ["hung up", "gone"]);
    assert_eq!(pair.count("BYE"), 3);
    assert_eq!(pair.names(A), [""; 0]);
    pair.run(SECOND);
    assert_eq!(pair.names(A), ["gone"]);
    // The INVITE and, at B, the BYE wait for 64·T1.
    for end in [A, B] {
        assert_eq!(pair.ends[end].counts().dialogs, 1);
        assert!(pair.ends[end].counts().transactions > 0);
    }
    pair.rest();
    assert_eq!((pair.names(A), pair.names(B)), (vec![], vec![]));
}
