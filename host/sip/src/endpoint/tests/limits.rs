//! The limits of one endpoint, reached.

use super::asking::ask;
use super::dialogs::{peer, peer_invites, peer_request};
use super::pair::{A, DELAY, Pair, address, flow, invite, sdp};
use crate::wire::Method;
use crate::{Config, Counts, Event, Input, Reached, limits};

#[test]
fn an_invite_above_the_limit_of_dialogs_gets_503_without_state() {
    let mut pair = Pair::with(
        Config {
            max_dialogs: 0,
            ..Config::default()
        },
        1,
    );
    peer_invites(&mut pair, A, "", "");
    let answer = pair.stray_response();
    assert_eq!(
        (answer.status(), answer.headers().get("Retry-After")),
        (503, Some("10"))
    );
    let dialog = pair.ends[A].new_dialog();
    pair.input(A, Input::Invite(Box::new(invite(dialog, A, peer()))));
    assert_eq!(pair.names(A), ["failed 503", "gone"]);
    let reached = Reached {
        dialogs: 2,
        ..Reached::default()
    };
    assert_eq!(pair.ends[A].refusals().reached, reached, "its own and ours");
    pair.rest();
}

#[test]
fn a_request_of_ours_above_the_limit_of_transactions_fails_with_503_and_is_counted() {
    let full = Config {
        max_transactions: 0,
        ..Config::default()
    };
    let mut pair = Pair::with(full, 1);
    let dialog = pair.ends[A].new_dialog();
    pair.input(A, Input::Invite(Box::new(invite(dialog, A, peer()))));
    assert_eq!(pair.names(A), ["failed 503", "gone"]);
    ask(&mut pair, Method::OPTIONS, flow(address(A), peer()));
    assert_eq!(pair.names(A), ["told 503"]);
    let reached = pair.ends[A].refusals().reached;
    assert_eq!((reached.transactions, reached.dialogs), (2, 0));
    pair.rest();
}

#[test]
fn above_the_limit_of_transactions_only_bye_and_cancel_pass() {
    let mut pair = Pair::with(
        Config {
            max_transactions: 1,
            ..Config::default()
        },
        1,
    );
    peer_invites(&mut pair, A, "", "");
    let Event::Incoming(incoming) = pair.next(A) else {
        panic!()
    };
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
    pair.inject(peer(), A, peer_request(&ok, "ACK", 1, "z9hG4bKack", None));
    pair.inject(peer(), A, peer_request(&ok, "INVITE", 2, "z9hG4bKre", None));
    pair.inject(peer(), A, peer_request(&ok, "BYE", 3, "z9hG4bKbye", None));
    pair.run(DELAY);
    assert_eq!(pair.stray_response().status(), 503);
    assert_eq!(pair.stray_response().status(), 200);
    assert_eq!(pair.ends[A].refusals().reached.transactions, 1);
    pair.rest();
    assert_eq!(pair.names(A), ["confirmed", "hung up", "gone"]);
}

#[test]
fn no_more_forks_are_acknowledged_than_the_limit() {
    let mut pair = Pair::new();
    let dialog = pair.ends[A].new_dialog();
    pair.input(A, Input::Invite(Box::new(invite(dialog, A, peer()))));
    pair.run(DELAY);
    let sent = pair.stray_request();
    for fork in 0..limits::FORKS + 5 {
        let ok = sent
            .respond(200, Some(&format!("fork{fork}")))
            .build()
            .unwrap();
        pair.inject(peer(), A, ok);
    }
    assert_eq!(
        (pair.count("ACK"), pair.count("BYE")),
        (limits::FORKS, limits::FORKS - 1)
    );
    pair.input(
        A,
        Input::Release {
            dialog,
            status: 200,
        },
    );
    pair.rest();
    assert_eq!(pair.names(A), ["accepted", "gone"]);
}

#[test]
fn the_refusal_above_every_limit_leaves_no_state() {
    let text = |line: &str, further: &str| {
        format!(
            "{line} SIP/2.0\r\n\
             Via: SIP/2.0/UDP 10.0.0.9:5060;rport;branch=z9hG4bK1\r\n\
             Max-Forwards: 70\r\n\
             From: <sip:peer@10.0.0.9>;tag=peer\r\n\
             To: <sip:bob@10.0.0.1>\r\n\
             Call-ID: by-hand\r\n\
             CSeq: 1 INVITE\r\n\
             Contact: <sip:peer@10.0.0.9>\r\n\
             User-Agent: a telephone\r\n\
             {further}\r\n"
        )
    };
    const INVITE: &str = "INVITE sip:bob@10.0.0.1";
    let line = |size: usize| format!("X: {}\r\n", "x".repeat(size));
    let rows = [
        (513, text(INVITE, &"X: y\r\n".repeat(limits::HEADERS))),
        (513, text(INVITE, &line(limits::HEADER_VALUE + 1))),
        (513, text(INVITE, &line(limits::HEADER_VALUE).repeat(2))),
        (513, text(INVITE, "") + &"x".repeat(limits::MESSAGE)),
        (
            414,
            text(&format!("INVITE sip:{}", "1".repeat(limits::URI)), ""),
        ),
        (
            513,
            text(&"M".repeat(limits::METHOD + 1), "").replace("M SIP", "M sip:x SIP"),
        ),
        (503, text(INVITE, "")),
    ];
    for (limited, known) in [(true, true), (true, false), (false, true), (false, false)] {
        for (status, request) in &rows {
            let roomless = Config {
                max_dialogs: usize::from(!limited),
                max_transactions: usize::from(limited),
                ..Config::default()
            };
            let mut pair = Pair::with(roomless, 1);
            for _ in 0..2 {
                let flow = super::pair::flow(super::pair::address(A), peer());
                let bytes = request.clone().into();
                let input = if known {
                    Input::Packet { flow, bytes }
                } else {
                    Input::Stranger { flow, bytes }
                };
                pair.input(A, input);
            }
            pair.run(DELAY);
            assert_eq!(pair.ends[A].counts(), Counts::default());
            assert_eq!(pair.strays.len(), 2, "{status} {}", &request[..40]);
            assert_eq!(pair.strays[0].bytes, pair.strays[1].bytes);
            let stranger = !known && *status == 503;
            assert_eq!(
                pair.stray_response().status(),
                if stranger { 403 } else { *status }
            );
            pair.rest();
            assert!(pair.names(A).is_empty());
        }
    }
}
