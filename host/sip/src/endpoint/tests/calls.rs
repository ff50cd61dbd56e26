//! Calls from INVITE to BYE, with and without loss.

use std::time::Duration;

use super::pair::{A, B, DELAY, Pair, sdp};
use crate::{Event, Input};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_call_is_rung_answered_and_hung_up_by_the_caller() {
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
        B,
        Input::Accept {
            dialog: b,
            sdp: sdp("answer"),
        },
    );
    pair.run(SECOND);
    pair.input(
        A,
        Input::Release {
            dialog: a,
            status: 200,
        },
    );
    pair.rest();
    assert_eq!(pair.names(A), ["provisional 180", "accepted", "gone"]);
    assert_eq!(pair.names(B), ["confirmed", "hung up", "gone"]);
    let ladder = [
        "     0 a INVITE",
        "    10 b 100 INVITE",
        "    30 b 180 INVITE",
        "  1030 b 200 INVITE",
        "  1040 a ACK",
        "  2030 a BYE",
        "  2040 b 200 BYE",
    ];
    assert_eq!(pair.ladder, ladder);
}

#[test]
fn the_callee_can_hang_up_with_a_reason() {
    let mut pair = Pair::new();
    let (_, b) = pair.talk();
    pair.input(
        B,
        Input::Release {
            dialog: b,
            status: 503,
        },
    );
    pair.run(DELAY * 3);
    // RFC 3326: SIP is not Q.850, so there is no Q.850 cause in it.
    assert!(matches!(
        pair.next(A),
        Event::HungUp {
            q850: None,
            reason: None,
            ..
        }
    ));
    pair.rest();
    assert_eq!(pair.names(A), ["gone"]);
    assert_eq!(pair.names(B), ["gone"]);
}

#[test]
fn sdp_passes_unchanged_both_ways_with_early_media() {
    let mut pair = Pair::new();
    let a = pair.dial();
    pair.run(DELAY * 3);
    let Event::Incoming(incoming) = pair.next(B) else {
        panic!()
    };
    assert_eq!(incoming.sdp, Some(sdp("offer")));
    assert_eq!(incoming.from.user(), Some("alice"));
    let b = incoming.dialog;
    pair.input(
        B,
        Input::Progress {
            dialog: b,
            status: 183,
            sdp: Some(sdp("early")),
        },
    );
    pair.run(DELAY * 3);
    let Event::Provisional {
        status: 183,
        sdp: early,
        ..
    } = pair.next(A)
    else {
        panic!()
    };
    assert_eq!(early, Some(sdp("early")));
    pair.input(
        B,
        Input::Accept {
            dialog: b,
            sdp: sdp("answer"),
        },
    );
    pair.run(DELAY * 3);
    let Event::Accepted {
        sdp: answer,
        dialog,
    } = pair.next(A)
    else {
        panic!()
    };
    assert_eq!((answer, dialog), (Some(sdp("answer")), a));
    pair.input(
        A,
        Input::Release {
            dialog: a,
            status: 200,
        },
    );
    pair.rest();
}

#[test]
fn an_invite_without_offer_gets_its_answer_in_the_ack() {
    let mut pair = Pair::new();
    super::dialogs::peer_invites(&mut pair, A, "", "");
    let Event::Incoming(incoming) = pair.next(A) else {
        panic!()
    };
    assert_eq!(incoming.sdp, None);
    pair.input(
        A,
        Input::Accept {
            dialog: incoming.dialog,
            sdp: sdp("offer"),
        },
    );
    pair.run(DELAY);
    let _trying = pair.stray_response();
    let ok = pair.stray_response();
    let ack = super::dialogs::peer_request(&ok, "ACK", 1, "z9hG4bKack", Some("answer"));
    pair.inject(super::dialogs::peer(), A, ack);
    let Event::Confirmed { sdp: answer, .. } = pair.next(A) else {
        panic!()
    };
    assert_eq!(answer, Some(sdp("answer")));
    let bye = super::dialogs::peer_request(&ok, "BYE", 2, "z9hG4bKbye", None);
    pair.inject(super::dialogs::peer(), A, bye);
    pair.rest();
    assert_eq!(pair.names(A), ["hung up", "gone"]);
}

#[test]
fn busy_fails_the_call_and_ends_both_sides() {
    let mut pair = Pair::new();
    let (_, b) = pair.ring();
    pair.input(
        B,
        Input::Release {
            dialog: b,
            status: 486,
        },
    );
    pair.run(DELAY * 3);
    let Event::Failed { status, reason, .. } = pair.next(A) else {
        panic!()
    };
    assert_eq!((status, reason.as_deref()), (486, Some("Busy Here")));
    pair.rest();
    assert_eq!(pair.names(A), ["gone"]);
    assert_eq!(pair.names(B), ["gone"]);
    assert_eq!(pair.count("ACK"), 1);
}

#[test]
fn a_redirection_names_its_contact_and_is_not_followed() {
    let mut pair = Pair::new();
    let (_, b) = pair.ring();
    let contact: crate::Uri = "sip:carol@10.0.0.9".parse().unwrap();
    pair.input(
        B,
        Input::Redirect {
            dialog: b,
            contact: contact.clone(),
        },
    );
    pair.run(DELAY * 3);
    let Event::Failed {
        status: 302,
        contact: to,
        ..
    } = pair.next(A)
    else {
        panic!()
    };
    assert_eq!(to, Some(contact));
    pair.rest();
    assert_eq!(pair.names(B), ["gone"]);
}

#[test]
fn a_lost_invite_is_sent_again() {
    let mut pair = Pair::new();
    pair.lose_first("INVITE", 3);
    pair.dial();
    pair.run(SECOND * 4);
    assert_eq!(pair.names(B), ["incoming"]);
    // Timer A: 0, 0.5, 1.5, 3.5 s.
    assert_eq!(pair.ladder[3], "  3500 a INVITE");
}

#[test]
fn a_lost_200_is_sent_again_and_its_ack_too() {
    let mut pair = Pair::new();
    let (a, b) = pair.ring();
    pair.lose_first("200 INVITE", 2);
    pair.input(
        B,
        Input::Accept {
            dialog: b,
            sdp: sdp("answer"),
        },
    );
    pair.run(SECOND * 10);
    assert_eq!(pair.names(A), ["accepted"]);
    assert_eq!(pair.names(B), ["confirmed"]);
    assert_eq!((pair.count("200 INVITE"), pair.count("ACK")), (3, 1));
    pair.input(
        A,
        Input::Release {
            dialog: a,
            status: 200,
        },
    );
    pair.rest();
}

#[test]
fn a_lost_ack_is_sent_again_for_each_200_with_the_same_bytes() {
    let mut pair = Pair::new();
    let (a, b) = pair.ring();
    let mut acks = Vec::new();
    pair.lose(move |packet| {
        if packet.name == "ACK" {
            acks.push(packet.bytes.clone());
            assert!(acks.iter().all(|ack| *ack == acks[0]));
        }
        packet.name == "ACK" && acks.len() < 3
    });
    pair.input(
        B,
        Input::Accept {
            dialog: b,
            sdp: sdp("answer"),
        },
    );
    pair.run(SECOND * 10);
    assert_eq!(pair.names(A), ["accepted"]);
    assert_eq!(pair.names(B), ["confirmed"]);
    assert_eq!((pair.count("200 INVITE"), pair.count("ACK")), (3, 3));
    pair.input(
        A,
        Input::Release {
            dialog: a,
            status: 200,
        },
    );
    pair.rest();
    assert_eq!(pair.names(B), ["hung up", "gone"]);
}

#[test]
fn without_an_ack_the_call_is_lost_and_ended_with_bye() {
    // RFC 3261 §13.3.1.4.
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
    pair.rest();
    assert_eq!(pair.names(A), ["accepted", "hung up", "gone"]);
    assert_eq!(pair.names(B), ["lost 408", "gone"]);
    // 0, 0.5, 1.5, 3.5, then every 4 s until 32 s: RFC 3261 §13.3.1.4.
    assert_eq!(pair.count("200 INVITE"), 11);
    assert_eq!(pair.count("BYE"), 1);
}

#[test]
fn a_lost_bye_is_sent_again_and_its_lost_answer_too() {
    let mut pair = Pair::new();
    let (a, _) = pair.talk();
    let mut lost = 0;
    pair.lose(move |packet| {
        let lose = (packet.name == "BYE" || packet.name == "200 BYE") && lost < 3;
        lost += u32::from(lose);
        lose
    });
    pair.input(
        A,
        Input::Release {
            dialog: a,
            status: 200,
        },
    );
    pair.rest();
    assert_eq!(pair.names(A), ["gone"]);
    assert_eq!(pair.names(B), ["hung up", "gone"]);
}

#[test]
fn byes_that_cross_are_both_answered_with_200() {
    let mut pair = Pair::new();
    let (a, b) = pair.talk();
    pair.input(
        A,
        Input::Release {
            dialog: a,
            status: 200,
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
    assert_eq!(pair.count("200 BYE"), 2);
    assert_eq!(pair.names(A), ["gone"]);
    assert_eq!(pair.names(B), ["gone"]);
}

#[test]
fn nobody_there_fails_with_408_after_timer_b() {
    let mut pair = Pair::new();
    pair.lose(|_| true);
    pair.dial();
    pair.rest();
    assert_eq!(pair.names(A), ["failed 408", "gone"]);
    // RFC 3261 §17.1.1.2: 0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5 s.
    assert_eq!(pair.count("INVITE"), 7);
}

#[test]
fn a_1xx_is_said_again_every_minute() {
    // RFC 3261 §13.3.1.1.
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
    pair.run(SECOND * 130);
    assert_eq!(pair.count("180 INVITE"), 3);
    pair.input(
        A,
        Input::Release {
            dialog: a,
            status: 487,
        },
    );
    pair.rest();
    assert_eq!(pair.names(B), ["cancelled", "gone"]);
}

#[test]
fn a_delayed_copy_of_an_invite_makes_no_second_call() {
    // RFC 3261 §8.2.2.2; the copy comes after its transaction has ended.
    let mut pair = Pair::new();
    let mut late = Some(Duration::from_secs(40));
    pair.fate = Box::new(move |packet| {
        let copy = late.take_if(|_| packet.name == "INVITE");
        std::iter::once(DELAY).chain(copy).collect()
    });
    let (a, _) = pair.talk();
    pair.run(SECOND * 50);
    assert_eq!(pair.count("482 INVITE"), 1);
    pair.input(
        A,
        Input::Release {
            dialog: a,
            status: 200,
        },
    );
    pair.rest();
    assert_eq!(pair.names(B), ["hung up", "gone"]);
}
