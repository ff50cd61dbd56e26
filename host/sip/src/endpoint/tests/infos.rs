//! INFO: RFC 6086, and the keys that it told before, the peer's and ours.

use super::dialogs::{peer, peer_request, peer_talks};
use super::pair::{A, DELAY, Pair};
use crate::Input;
use crate::wire::Response;

const RELAY: &str = "application/dtmf-relay";

/// An INFO of the peer with a body of that type.
fn info(ok: &Response, cseq: u32, content: &str, body: &str) -> String {
    let branch = format!("z9hG4bKi{cseq}");
    let info = peer_request(ok, "INFO", cseq, &branch, Some(body));
    info.replace("application/sdp", content)
}

#[test]
fn a_key_is_told_once_in_each_form_and_spelling() {
    let mut pair = Pair::new();
    let (_, ok) = peer_talks(&mut pair, "");
    let told = [
        (RELAY, "Signal=5\r\nDuration=160\r\n", "digit 5"),
        (RELAY, "Duration=100\r\nsignal = *\r\n", "digit *"),
        ("Application/DTMF-Relay; x=y", "Signal=11", "digit #"),
        (RELAY, "Signal=15\n", "digit D"),
        ("application/dtmf", "7", "digit 7"),
        ("application/dtmf", " b\r\n", "digit B"),
    ];
    for (cseq, (content, body, event)) in (2..).zip(told) {
        let text = info(&ok, cseq, content, body);
        // A copy of it gets the same answer and tells nothing more.
        for _ in 0..2 {
            pair.inject(peer(), A, text.clone());
            pair.run(DELAY);
            assert_eq!(pair.stray_response().status(), 200, "{body:?}");
        }
        assert_eq!(pair.names(A), [event], "{body:?}");
    }
    let bye = peer_request(&ok, "BYE", 9, "z9hG4bKbye", None);
    pair.inject(peer(), A, bye);
    assert_eq!(pair.names(A), ["hung up"]);
    pair.rest();
}

#[test]
fn what_is_no_key_is_answered_and_told_to_nobody() {
    let mut pair = Pair::new();
    let (_, ok) = peer_talks(&mut pair, "");
    let bodies = ["", "Signal=16", "Signal=hf", "Signal=", "5", "Signal=55"];
    for (cseq, body) in (2..).zip(bodies) {
        pair.inject(peer(), A, info(&ok, cseq, RELAY, body));
        pair.run(DELAY);
        assert_eq!(pair.stray_response().status(), 200, "{body:?}");
    }
    // An older one than the last.
    pair.inject(
        peer(),
        A,
        info(&ok, 3, RELAY, "Signal=1").replace("Ki3", "Kold"),
    );
    pair.run(DELAY);
    assert_eq!(pair.stray_response().status(), 500);
    assert!(pair.names(A).is_empty());
    let bye = peer_request(&ok, "BYE", 9, "z9hG4bKbye", None);
    pair.inject(peer(), A, bye);
    assert_eq!(pair.names(A), ["hung up"]);
    pair.rest();
}

#[test]
fn packages_and_other_bodies_are_refused_and_the_refusal_says_what_is_taken() {
    let mut pair = Pair::new();
    let (_, ok) = peer_talks(&mut pair, "");
    let package = info(&ok, 2, RELAY, "Signal=1");
    let package = package.replace("Max-Forwards", "Info-Package: dtmf\r\nMax-Forwards");
    pair.inject(peer(), A, package);
    pair.run(DELAY);
    let refusal = pair.stray_response();
    assert_eq!(
        (refusal.status(), refusal.reason()),
        (469, "Bad Info Package")
    );
    assert_eq!(refusal.headers().get("Recv-Info"), Some(""));
    pair.inject(
        peer(),
        A,
        info(&ok, 3, "application/media_control+xml", "<x/>"),
    );
    pair.run(DELAY);
    let refusal = pair.stray_response();
    assert_eq!(refusal.status(), 415);
    let accepted = refusal.headers().tokens("Accept");
    assert_eq!(accepted, [RELAY, "application/dtmf"]);
    assert!(pair.names(A).is_empty());
    let bye = peer_request(&ok, "BYE", 9, "z9hG4bKbye", None);
    pair.inject(peer(), A, bye);
    assert_eq!(pair.names(A), ["hung up"]);
    pair.rest();
}

#[test]
fn a_key_of_ours_is_told_to_a_peer_that_takes_it_and_the_answer_to_the_owner() {
    let mut pair = Pair::new();
    let (dialog, ok) = peer_talks(&mut pair, "Allow: INVITE, INFO\r\n");
    assert!(pair.ends[A].takes_info(dialog));
    pair.input(A, Input::Info { dialog, key: '#' });
    pair.run(DELAY);
    let info = pair.stray_request();
    assert_eq!(info.method().as_str(), "INFO");
    assert!(info.headers().is_content(RELAY));
    assert_eq!(&info.body()[..], b"Signal=#\r\nDuration=100\r\n");
    let answer = info.respond(415, None).build().unwrap();
    pair.inject(peer(), A, answer);
    assert_eq!(pair.names(A), ["informed 415"]);
    // Nobody answers the next.
    pair.input(A, Input::Info { dialog, key: '1' });
    pair.run(std::time::Duration::from_secs(33));
    assert_eq!(pair.names(A), ["informed 408"]);
    let bye = peer_request(&ok, "BYE", 9, "z9hG4bKbye", None);
    pair.inject(peer(), A, bye);
    assert_eq!(pair.names(A), ["hung up"]);
    // The call is over.
    pair.input(A, Input::Info { dialog, key: '2' });
    assert_eq!(pair.names(A), ["informed 481"]);
    pair.rest();
}

#[test]
fn who_does_not_say_so_takes_no_info() {
    let mut pair = Pair::new();
    let (dialog, ok) = peer_talks(&mut pair, "Allow: INVITE, BYE\r\n");
    assert!(!pair.ends[A].takes_info(dialog));
    let bye = peer_request(&ok, "BYE", 9, "z9hG4bKbye", None);
    pair.inject(peer(), A, bye);
    pair.names(A);
    pair.rest();
}
