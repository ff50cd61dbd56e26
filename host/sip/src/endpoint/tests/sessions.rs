//! Session timers: RFC 4028.

use std::time::Duration;

use super::dialogs::{peer, peer_invites, peer_request, peer_talks};
use super::pair::{A, B, DELAY, Pair, invite, sdp};
use crate::wire::{Method, Request};
use crate::{DialogId, Event, Input};

const SECOND: Duration = Duration::from_secs(1);

/// An answer of the peer to a request of ours, with further header lines.
pub(super) fn answer(request: &Request, status: &str, headers: &str, body: &str) -> String {
    let said = request.headers();
    let tag = if said.to_tag().is_some() {
        ""
    } else {
        ";tag=peer"
    };
    let content = if body.is_empty() {
        ""
    } else {
        "Content-Type: application/sdp\r\n"
    };
    format!(
        "SIP/2.0 {status}\r\nVia: {}\r\nFrom: {}\r\nTo: {}{tag}\r\nCall-ID: {}\r\nCSeq: {} {}\r\n\
         Contact: <sip:peer@10.0.0.9:5060>\r\n{headers}{content}Content-Length: {}\r\n\r\n{body}",
        said.get("Via").unwrap_or(""),
        said.from(),
        said.to(),
        said.call_id(),
        said.cseq().number,
        request.method(),
        body.len(),
    )
}

fn release(pair: &mut Pair, dialog: DialogId) {
    let status = 200;
    pair.input(A, Input::Release { dialog, status });
}

#[test]
fn the_caller_refreshes_by_update_and_the_call_lives_on() {
    let mut pair = Pair::new();
    let (a, _) = pair.talk();
    pair.run(SECOND * 899);
    assert_eq!(pair.count("UPDATE"), 0);
    pair.run(SECOND * 3);
    assert_eq!((pair.count("UPDATE"), pair.count("200 UPDATE")), (1, 1));
    pair.run(SECOND * 7_200);
    assert_eq!(pair.count("UPDATE"), 9);
    assert!(pair.names(A).is_empty() && pair.names(B).is_empty());
    release(&mut pair, a);
    pair.rest();
}

#[test]
fn a_caller_that_is_gone_is_missed_when_the_session_expires() {
    let mut pair = Pair::new();
    pair.talk();
    pair.lose(|packet| packet.from == super::pair::address(A));
    pair.run(SECOND * 1_767);
    assert!(pair.names(B).is_empty());
    pair.run(SECOND * 2);
    assert_eq!(pair.names(B), ["lost 408"]);
    // Our own refresh was never answered either: RFC 4028 §10.
    assert_eq!(pair.names(A)[0], "lost 408");
    pair.rest();
}

#[test]
fn a_peer_that_wants_us_to_refresh_and_knows_no_update_gets_re_invites() {
    let mut pair = Pair::new();
    let session = "Supported: timer\r\nSession-Expires: 600;refresher=uas\r\n";
    let (a, ok) = peer_talks(&mut pair, session);
    let said = ok.headers();
    assert_eq!(said.get("Session-Expires"), Some("600;refresher=uas"));
    assert_eq!(
        (said.supported(), said.require()),
        (vec!["timer", "100rel", "replaces", "norefersub"], vec![])
    );
    for _ in 0..2 {
        pair.run(SECOND * 301);
        let refresh = pair.stray_request();
        assert_eq!(*refresh.method(), Method::INVITE);
        assert_eq!(refresh.body(), &sdp("answer"), "what it said before");
        let asked = refresh.headers().get("Session-Expires");
        assert_eq!(asked, Some("600;refresher=uac"));
        let session = "Session-Expires: 600;refresher=uac\r\n";
        pair.strays.clear();
        pair.inject(peer(), A, answer(&refresh, "200 OK", session, "moved"));
        assert!(matches!(pair.next(A), Event::Refreshed { .. }));
        pair.run(DELAY);
        assert_eq!(*pair.stray_request().method(), Method::ACK);
    }
    release(&mut pair, a);
    pair.rest();
}

#[test]
fn a_peer_that_refreshes_itself_is_told_so_and_waited_for() {
    let mut pair = Pair::new();
    let session = "Supported: timer\r\nSession-Expires: 90\r\n";
    let (a, ok) = peer_talks(&mut pair, session);
    let said = ok.headers();
    assert_eq!(said.get("Session-Expires"), Some("90;refresher=uac"));
    assert_eq!(said.require(), ["timer"]);
    // Its refresh counts from its 200.
    pair.run(SECOND * 50);
    let update = peer_request(&ok, "UPDATE", 2, "z9hG4bKup", None);
    let update = update.replace("Contact", &format!("{session}Contact"));
    pair.inject(peer(), A, update);
    pair.run(DELAY);
    let said = pair.stray_response();
    assert_eq!(said.status(), 200);
    let session = said.headers().get("Session-Expires");
    assert_eq!(session, Some("90;refresher=uac"));
    pair.run(SECOND * 59);
    assert!(pair.names(A).is_empty());
    pair.run(SECOND * 2);
    assert_eq!(pair.names(A), ["lost 408"]);
    let bye = pair.stray_request();
    assert_eq!(*bye.method(), Method::BYE);
    assert_eq!(bye.headers().get("Reason"), Some("SIP;cause=408"));
    release(&mut pair, a);
    pair.rest();
}

#[test]
fn a_session_that_is_too_short_gets_422_if_its_sender_knows_what_that_is() {
    let mut pair = Pair::new();
    let session = "Supported: timer\r\nSession-Expires: 89\r\n";
    peer_invites(&mut pair, A, session, "offer");
    let refusal = pair.stray_response();
    assert_eq!(refusal.status(), 422);
    assert_eq!(refusal.headers().get("Min-SE"), Some("90"));
    assert!(pair.names(A).is_empty());
    pair.rest();

    let mut pair = Pair::new();
    let (a, ok) = peer_talks(&mut pair, "Session-Expires: 2\r\n");
    assert_eq!(ok.headers().get("Session-Expires"), None);
    pair.run(SECOND * 4_000);
    assert!(pair.strays.is_empty());
    release(&mut pair, a);
    pair.rest();
}

#[test]
fn a_peer_that_knows_no_timers_gets_none() {
    let mut pair = Pair::new();
    let (a, ok) = peer_talks(&mut pair, "");
    assert_eq!(ok.headers().get("Session-Expires"), None);
    pair.run(SECOND * 4_000);
    assert!(pair.strays.is_empty() && pair.names(A).is_empty());
    release(&mut pair, a);
    pair.rest();
}

#[test]
fn a_callee_that_wants_a_longer_session_is_called_once_more() {
    let mut pair = Pair::new();
    let dialog = pair.ends[A].new_dialog();
    pair.input(A, Input::Invite(Box::new(invite(dialog, A, peer()))));
    pair.run(DELAY);
    let first = pair.stray_request();
    let said = first.headers();
    assert_eq!(said.get("Session-Expires"), Some("1800"));
    assert_eq!(
        (said.supported(), said.get("Min-SE")),
        (vec!["timer", "100rel", "replaces", "norefersub"], None)
    );
    let longer = "Min-SE: 3600\r\n";
    let refused = answer(&first, "422 Session Interval Too Small", longer, "");
    pair.inject(peer(), A, refused);
    pair.run(DELAY);
    assert_eq!(*pair.stray_request().method(), Method::ACK);
    let second = pair.stray_request();
    let said = second.headers();
    assert_eq!(said.get("Session-Expires"), Some("3600"));
    assert_eq!(said.get("Min-SE"), Some("3600"));
    assert_eq!((said.cseq().number, said.to_tag()), (2, None));
    assert_eq!(said.call_id(), first.headers().call_id());
    assert_eq!(second.body(), first.body());
    let refused = answer(&second, "422 Session Interval Too Small", longer, "");
    pair.inject(peer(), A, refused);
    assert_eq!(pair.names(A), ["failed 422"]);
    pair.rest();
}

#[test]
fn a_refresh_that_is_refused_is_tried_again_where_that_helps() {
    // 491: after a while. 405: by re-INVITE. 500: when it says. 422: longer.
    let refusals = [
        (
            "491 Request Pending",
            "",
            4,
            Method::UPDATE,
            "1800;refresher=uac",
        ),
        (
            "405 Method Not Allowed",
            "",
            4,
            Method::INVITE,
            "1800;refresher=uac",
        ),
        (
            "500 Later",
            "Retry-After: 9\r\n",
            10,
            Method::UPDATE,
            "1800;refresher=uac",
        ),
        (
            "422 Longer",
            "Min-SE: 2000\r\n",
            4,
            Method::UPDATE,
            "2000;refresher=uac",
        ),
    ];
    for (status, headers, wait, method, session) in refusals {
        let mut pair = Pair::new();
        let (a, _) = update_of(&mut pair, status, headers);
        pair.run(SECOND * wait);
        let again = pair.stray_request();
        assert_eq!(*again.method(), method, "{status}");
        assert_eq!(again.headers().get("Session-Expires"), Some(session));
        release(&mut pair, a);
        pair.rest();
    }
    // The dialog is unknown there, or nobody is: the call is over at once.
    for status in ["481 Unknown", "408 Timeout"] {
        let mut pair = Pair::new();
        update_of(&mut pair, status, "");
        let lost = format!("lost {}", &status[..3]);
        assert_eq!(pair.names(A), [lost]);
        pair.rest();
    }
    // Anything else: the session runs to its end.
    let mut pair = Pair::new();
    update_of(&mut pair, "403 No", "");
    pair.run(SECOND * 860);
    assert!(pair.names(A).is_empty() && pair.strays.is_empty());
    pair.run(SECOND * 10);
    assert_eq!(pair.names(A), ["lost 408"]);
    pair.rest();
}

/// A call of ours to a peer that refuses our UPDATE thus.
fn update_of(pair: &mut Pair, status: &str, headers: &str) -> (DialogId, Request) {
    let dialog = pair.ends[A].new_dialog();
    pair.input(A, Input::Invite(Box::new(invite(dialog, A, peer()))));
    pair.run(DELAY);
    let session = "Allow: INVITE, ACK, BYE, UPDATE\r\nSession-Expires: 1800;refresher=uac\r\n";
    let ok = answer(&pair.stray_request(), "200 OK", session, "answer");
    pair.inject(peer(), A, ok);
    assert_eq!(pair.names(A), ["accepted"]);
    pair.run(SECOND * 901);
    assert_eq!(*pair.stray_request().method(), Method::ACK);
    let update = pair.stray_request();
    assert_eq!(*update.method(), Method::UPDATE);
    assert!(update.body().is_empty());
    pair.strays.clear();
    pair.inject(peer(), A, answer(&update, status, headers, ""));
    (dialog, update)
}
