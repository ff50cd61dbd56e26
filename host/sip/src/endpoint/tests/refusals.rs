//! Requests that are answered without a call: RFC 3261 §8.2.

use super::dialogs::{peer, peer_invites, peer_request, peer_talks};
use super::pair::{A, B, DELAY, Pair};
use crate::wire::{Method, Response};
use crate::{Counts, Event, Input};

fn request(method: &str, headers: &str, body: &str) -> String {
    format!(
        "{method} sip:bob@10.0.0.1 SIP/2.0\r\n\
         Via: SIP/2.0/UDP 10.0.0.9:5060;rport;branch=z9hG4bK1\r\n\
         Max-Forwards: 70\r\n\
         From: <sip:peer@10.0.0.9>;tag=peer\r\n\
         To: <sip:bob@10.0.0.1>\r\n\
         Call-ID: by-hand\r\n\
         CSeq: 1 {method}\r\n\
         {headers}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// What we serve.
const ALLOWED: [&str; 10] = [
    "INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "UPDATE", "PRACK", "REFER", "NOTIFY", "INFO",
];

const CONTACT: &str = "Contact: <sip:peer@10.0.0.9>\r\n";

/// Sends a request twice; both answers are the same, nothing is remembered.
#[track_caller]
fn refused(text: &str) -> Response {
    let mut pair = Pair::new();
    pair.inject(peer(), A, text.to_owned());
    pair.inject(peer(), A, text.to_owned());
    pair.run(DELAY);
    assert_eq!(pair.ends[A].counts(), Counts::default());
    assert!(pair.names(A).is_empty());
    assert_eq!(pair.strays[0].bytes, pair.strays[1].bytes);
    pair.stray_response()
}

#[test]
fn methods_that_we_do_not_serve_get_405_with_allow() {
    for method in ["REGISTER", "PUBLISH", "MESSAGE"] {
        let answer = refused(&request(method, "", ""));
        assert_eq!(answer.status(), 405, "{method}");
        assert_eq!(answer.headers().allow(), ALLOWED);
    }
}

#[test]
fn there_is_nothing_to_subscribe_to_and_nobody_to_refer() {
    let answer = refused(&request("SUBSCRIBE", "Event: presence\r\n", ""));
    let packages = answer.headers().tokens("Allow-Events");
    assert_eq!((answer.status(), packages), (489, vec!["refer"]));
    let refer = "Refer-To: <sip:a@b>\r\n";
    assert_eq!(refused(&request("REFER", refer, "")).status(), 603);
    assert_eq!(
        refused(&request("NOTIFY", "Event: refer\r\n", "")).status(),
        481
    );
}

#[test]
fn an_invite_that_replaces_nothing_that_can_be_read_gets_400() {
    let one = "Replaces: a;to-tag=1;from-tag=2\r\n";
    for replaces in ["Replaces: a;to-tag=1\r\n".to_owned(), format!("{one}{one}")] {
        let answer = refused(&request("INVITE", &format!("{CONTACT}{replaces}"), ""));
        assert_eq!((answer.status(), answer.reason()), (400, "Bad Replaces"));
    }
}

#[test]
fn within_a_call_they_are_refused_too_and_the_call_goes_on() {
    let mut pair = Pair::new();
    let (_, ok) = peer_talks(&mut pair, "");
    let methods = [
        ("MESSAGE", 405),
        ("PUBLISH", 405),
        ("REGISTER", 405),
        ("NEWMETHOD", 501),
        ("SUBSCRIBE", 489),
        ("NOTIFY", 489),
    ];
    for (cseq, (method, status)) in (2..).zip(methods) {
        let request = peer_request(&ok, method, cseq, &format!("z9hG4bK{cseq}"), None);
        let request = request.replace("Max-Forwards", "Event: presence\r\nMax-Forwards");
        // Each copy of it gets the same answer.
        for _ in 0..2 {
            pair.inject(peer(), A, request.clone());
            pair.run(DELAY);
            let answer = pair.stray_response();
            assert_eq!(answer.status(), status, "{method}");
            let headers = answer.headers();
            let named = if status == 489 {
                headers.tokens("Allow-Events") == ["refer"]
            } else {
                headers.allow() == ALLOWED
            };
            assert!(named, "{method}: {headers:?}");
        }
    }
    assert!(pair.names(A).is_empty());
    let bye = peer_request(&ok, "BYE", 9, "z9hG4bKbye", None);
    pair.inject(peer(), A, bye);
    assert_eq!(pair.names(A), ["hung up"]);
    pair.rest();
}

#[test]
fn before_the_answer_they_are_refused_and_it_rings_on() {
    let mut pair = Pair::new();
    let (a, b) = pair.ring();
    let status = 180;
    let sdp = None;
    pair.input(
        B,
        Input::Progress {
            dialog: b,
            status,
            sdp,
        },
    );
    pair.run(DELAY * 3);
    assert_eq!(pair.names(A), ["provisional 180"]);
    let invite = format!("call-{A}-{}", a.0);
    let inside = |method: &str, tags: [&str; 2]| {
        let text = request(method, "", "").replace("by-hand", &invite);
        let to = format!("To: <sip:bob@10.0.0.1>;tag={}", tags[1]);
        text.replace("tag=peer", &format!("tag={}", tags[0]))
            .replace("To: <sip:bob@10.0.0.1>", &to)
    };
    let ours = pair.ends[A].by_tag.keys().next().unwrap().clone();
    let theirs = pair.ends[B].by_tag.keys().next().unwrap().clone();
    for (method, status) in [("MESSAGE", 405), ("NEWMETHOD", 501)] {
        pair.inject(peer(), B, inside(method, [&ours, &theirs]));
        pair.run(DELAY);
        assert_eq!(pair.stray_response().status(), status, "{method}");
    }
    assert!(pair.names(B).is_empty());
    let status = 486;
    pair.input(B, Input::Release { dialog: b, status });
    pair.rest();
    assert_eq!(pair.names(A), ["failed 486", "gone"]);
}

#[test]
fn unknown_methods_get_501() {
    let answer = refused(&request("NEWMETHOD", "", ""));
    assert_eq!(answer.status(), 501);
    assert_eq!(answer.headers().allow(), ALLOWED);
}

#[test]
fn required_extensions_get_420_and_are_named() {
    let require = format!("{CONTACT}Require: 100rel, timer\r\nRequire: x\r\n");
    let answer = refused(&request("INVITE", &require, ""));
    assert_eq!(answer.status(), 420);
    assert_eq!(answer.headers().tokens("Unsupported"), ["x"]);
}

#[test]
fn bodies_other_than_sdp_get_415() {
    let typed = format!("{CONTACT}Content-Type: text/plain\r\n");
    let answer = refused(&request("INVITE", &typed, "hello"));
    assert_eq!(answer.status(), 415);
    assert_eq!(answer.headers().get("Accept"), Some("application/sdp"));
    let encoded = format!("{CONTACT}Content-Type: application/sdp\r\nContent-Encoding: gzip\r\n");
    let answer = refused(&request("INVITE", &encoded, "hello"));
    assert_eq!(answer.status(), 415);
    assert_eq!(answer.headers().get("Accept-Encoding"), Some("identity"));
}

#[test]
fn a_body_that_is_optional_is_no_offer_and_one_part_of_several_may_be() {
    let optional = "Content-Type: text/plain\r\nContent-Disposition: render;handling=optional\r\n";
    let mixed = "Content-Type: multipart/mixed;boundary=b\r\n";
    let parts = format!(
        "--b\r\n{optional}\r\nhello\r\n--b\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n--b--"
    );
    for (headers, body, offer) in [(optional, "hello", None), (mixed, &*parts, Some("v=0"))] {
        let mut pair = Pair::new();
        let headers = format!("{CONTACT}{headers}");
        pair.inject(peer(), A, request("INVITE", &headers, body));
        pair.run(DELAY);
        let Event::Incoming(incoming) = pair.next(A) else {
            panic!("a call")
        };
        assert_eq!(incoming.sdp.as_deref(), offer.map(str::as_bytes));
    }
}

#[test]
fn an_invite_without_contact_gets_400() {
    let answer = refused(&request("INVITE", "", ""));
    assert_eq!((answer.status(), answer.reason()), (400, "Missing Contact"));
}

#[test]
fn an_unknown_uri_scheme_gets_416() {
    let text = request("OPTIONS", "", "").replace("OPTIONS sip:bob@10.0.0.1", "OPTIONS nobody:x");
    assert_eq!(refused(&text).status(), 416);
}

#[test]
fn bye_and_cancel_to_nothing_get_481() {
    assert_eq!(refused(&request("BYE", "", "")).status(), 481);
    assert_eq!(refused(&request("CANCEL", "", "")).status(), 481);
}

#[test]
fn a_version_of_another_century_gets_505() {
    let text = request("OPTIONS", "", "").replace("SIP/2.0\r\nVia", "SIP/3.0\r\nVia");
    assert_eq!(refused(&text).status(), 505);
}

#[test]
fn broken_requests_get_400_with_a_reason() {
    let answer = refused(&request("OPTIONS", "", "").replace("1 OPTIONS", "1 INVITE"));
    assert_eq!(
        (answer.status(), answer.reason()),
        (400, "CSeq method does not match")
    );
}

#[test]
fn options_gets_200_with_what_we_can() {
    let answer = refused(&request("OPTIONS", "", ""));
    assert_eq!(answer.status(), 200);
    assert_eq!(
        answer.headers().allow(),
        [
            "INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "UPDATE", "PRACK", "REFER", "NOTIFY",
            "INFO"
        ]
    );
    assert_eq!(answer.headers().get("Accept"), Some("application/sdp"));
}

#[test]
fn noise_and_stray_acks_are_met_with_silence() {
    let mut pair = Pair::new();
    for noise in [
        "",
        "\r\n\r\n",
        "\0",
        "GET / HTTP/1.1\r\n\r\n",
        &request("ACK", "", ""),
    ] {
        pair.inject(peer(), A, noise.to_owned());
    }
    pair.inject(peer(), A, request("ACK", "", "").replace("CSeq", "X"));
    pair.rest();
    assert!(pair.ladder.is_empty());
}

#[test]
fn a_peer_of_rfc_2543_without_a_branch_can_call() {
    // RFC 3261 §17.2.3: matched by what its INVITE and its ACK have in common.
    let mut pair = Pair::new();
    let invite = request("INVITE", CONTACT, "").replace(";branch=z9hG4bK1", "");
    pair.inject(peer(), A, invite.clone());
    let Event::Incoming(incoming) = pair.next(A) else {
        panic!()
    };
    pair.input(
        A,
        Input::Release {
            dialog: incoming.dialog,
            status: 486,
        },
    );
    pair.inject(peer(), A, invite.clone());
    pair.run(DELAY);
    let busy = loop {
        let answer = pair.stray_response();
        if answer.status() == 486 {
            break answer;
        }
    };
    let to = format!("To: {}", busy.headers().to());
    let ack = invite
        .replace("INVITE", "ACK")
        .replace("To: <sip:bob@10.0.0.1>", &to);
    pair.inject(peer(), A, ack);
    let sent = pair.ladder.len();
    pair.rest();
    assert_eq!(pair.ladder.len(), sent);
    assert_eq!(pair.names(A), ["gone"]);
}

#[test]
fn draining_refuses_new_calls_and_options_with_503_but_not_old_ones() {
    let mut pair = Pair::new();
    let (_, ok) = super::dialogs::peer_talks(&mut pair, "");
    pair.input(A, Input::Drain);
    pair.inject(peer(), A, request("OPTIONS", "", ""));
    pair.inject(
        peer(),
        A,
        request("INVITE", CONTACT, "").replace("by-hand", "other"),
    );
    pair.run(DELAY);
    for _ in 0..2 {
        let answer = pair.stray_response();
        assert_eq!(answer.status(), 503);
        assert!(answer.headers().get("Retry-After").is_some());
    }
    let bye = super::dialogs::peer_request(&ok, "BYE", 2, "z9hG4bKb", None);
    pair.inject(peer(), A, bye);
    pair.run(DELAY);
    assert_eq!(pair.stray_response().status(), 200);
    pair.rest();
}

#[test]
fn while_draining_an_invite_is_refused_for_good() {
    // The owner no longer knows its source when a copy arrives, and when its CANCEL does.
    let mut pair = Pair::new();
    let invite = request("INVITE", CONTACT, "");
    pair.input(A, Input::Drain);
    pair.inject(peer(), A, invite.clone());
    pair.run(DELAY);
    let refused = pair.stray_response();
    for _ in 0..2 {
        super::strangers::stranger(&mut pair, invite.clone());
        let again = pair.stray_response();
        assert_eq!(again.status(), 503);
        assert_eq!(again.headers().to().tag(), refused.headers().to().tag());
    }
    super::strangers::stranger(&mut pair, request("CANCEL", "", ""));
    let cancelled = pair.stray_response();
    assert_eq!(cancelled.status(), 200);
    assert_eq!(cancelled.headers().to().tag(), refused.headers().to().tag());
    pair.rest();
    assert_eq!(pair.names(A), [""; 0], "the owner hears nothing of it");
}

#[test]
fn the_same_invite_by_another_way_is_a_loop() {
    // RFC 3261 §8.2.2.2.
    let mut pair = Pair::new();
    peer_invites(&mut pair, A, "", "");
    let Event::Incoming(incoming) = pair.next(A) else {
        panic!()
    };
    pair.inject(
        peer(),
        A,
        request("INVITE", CONTACT, "").replace("z9hG4bK1", "z9hG4bK2"),
    );
    pair.run(DELAY);
    assert_eq!(pair.stray_response().status(), 100);
    assert_eq!(pair.stray_response().status(), 482);
    pair.input(
        A,
        Input::Release {
            dialog: incoming.dialog,
            status: 404,
        },
    );
    pair.rest();
    assert_eq!(pair.names(A), ["gone"]);
}

#[test]
fn allow_says_what_is_served() {
    let served: Vec<&str> = crate::endpoint::write::SERVED
        .iter()
        .map(Method::as_str)
        .collect();
    assert_eq!(served.join(", "), crate::endpoint::write::ALLOW);
}
