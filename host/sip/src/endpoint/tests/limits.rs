//! The limits of one endpoint, reached.

use super::dialogs::{peer, peer_invites, peer_request};
use super::pair::{A, DELAY, Pair, invite, sdp};
use crate::{Config, Event, Input, limits, wire};

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
        pair.inject(peer(), A, wire::write(&ok.into()));
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
