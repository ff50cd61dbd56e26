//! A peer played by hand: route sets, remote targets, sequence numbers, where answers go.

use std::net::SocketAddr;

use super::pair::{A, DELAY, Pair, sdp};
use crate::wire::{Method, Response};
use crate::{Event, Input};

/// The peer that the test plays.
pub(super) fn peer() -> SocketAddr {
    SocketAddr::from(([10, 0, 0, 9], 5060))
}

/// An INVITE of the peer, with further header lines and a body (none: no offer).
pub(super) fn peer_invites(pair: &mut Pair, end: usize, headers: &str, body: &str) {
    let content = if body.is_empty() {
        ""
    } else {
        "Content-Type: application/sdp\r\n"
    };
    let text = format!(
        "INVITE sip:bob@10.0.0.1 SIP/2.0\r\n\
         Via: SIP/2.0/UDP 10.0.0.9:5060;rport;branch=z9hG4bKinvite\r\n\
         Max-Forwards: 70\r\n\
         From: <sip:peer@10.0.0.9>;tag=peer\r\n\
         To: <sip:bob@10.0.0.1>\r\n\
         Call-ID: by-hand\r\n\
         CSeq: 1 INVITE\r\n\
         Contact: <sip:peer@10.0.0.9:5060>\r\n\
         {headers}{content}Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    pair.inject(peer(), end, text);
    pair.run(DELAY);
}

/// A request of the peer within the dialog that `answer` made.
pub(super) fn peer_request(
    answer: &Response,
    method: &str,
    cseq: u32,
    branch: &str,
    body: Option<&str>,
) -> String {
    let headers = answer.headers();
    let (body, content) = match body {
        Some(body) => (body, "Content-Type: application/sdp\r\n"),
        None => ("", ""),
    };
    format!(
        "{method} sip:jackfield@10.0.0.1:5060 SIP/2.0\r\n\
         Via: SIP/2.0/UDP 10.0.0.9:5060;rport;branch={branch}\r\n\
         Max-Forwards: 70\r\n\
         From: {}\r\n\
         To: {}\r\n\
         Call-ID: {}\r\n\
         CSeq: {cseq} {method}\r\n\
         Contact: <sip:peer@10.0.0.9:5070>\r\n\
         {content}Content-Length: {}\r\n\r\n{body}",
        headers.from(),
        headers.to(),
        headers.call_id(),
        body.len()
    )
}

/// An answered call of the peer: its 200, and the ACK sent.
pub(super) fn peer_talks(pair: &mut Pair, headers: &str) -> (crate::DialogId, Response) {
    peer_invites(pair, A, headers, "offer");
    let Event::Incoming(incoming) = pair.next(A) else {
        panic!()
    };
    let dialog = incoming.dialog;
    pair.input(
        A,
        Input::Accept {
            dialog,
            sdp: sdp("answer"),
        },
    );
    pair.run(DELAY);
    assert_eq!(pair.stray_response().status(), 100);
    let ok = pair.stray_response();
    let ack = peer_request(&ok, "ACK", 1, "z9hG4bKack", None);
    pair.inject(peer(), A, ack);
    assert!(matches!(pair.next(A), Event::Confirmed { .. }));
    (dialog, ok)
}

#[test]
fn answers_repeat_record_route_and_carry_contact_and_allow() {
    let mut pair = Pair::new();
    let routes = "Record-Route: <sip:10.0.0.7;lr>\r\nRecord-Route: <sip:10.0.0.8;lr>\r\n";
    let (dialog, ok) = peer_talks(&mut pair, routes);
    let headers = ok.headers();
    assert_eq!(headers.record_routes().len(), 2);
    assert_eq!(
        headers.contacts()[0].uri.to_string(),
        "sip:jackfield@10.0.0.1:5060"
    );
    assert_eq!(
        headers.allow(),
        [
            "INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "UPDATE", "PRACK", "REFER", "NOTIFY",
            "INFO"
        ]
    );
    assert_eq!(headers.get("Server"), Some("Jackfield"));
    assert!(headers.to().tag().is_some());
    // RFC 3261 §12.2.1.1, loose routing: the first hop is where it goes, the target what it says.
    pair.input(
        A,
        Input::Release {
            dialog,
            status: 200,
        },
    );
    pair.run(DELAY);
    assert_eq!(pair.strays[0].to, SocketAddr::from(([10, 0, 0, 7], 5060)));
    let bye = pair.stray_request();
    assert_eq!(bye.uri().to_string(), "sip:peer@10.0.0.9:5060");
    let routes: Vec<_> = bye
        .headers()
        .routes()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(routes, ["<sip:10.0.0.7;lr>", "<sip:10.0.0.8;lr>"]);
    pair.rest();
}

#[test]
fn a_strict_router_finds_itself_in_the_request_uri() {
    // RFC 3261 §12.2.1.1.
    let mut pair = Pair::new();
    let routes = "Record-Route: <sip:10.0.0.7>\r\nRecord-Route: <sip:10.0.0.8;lr>\r\n";
    let (dialog, _) = peer_talks(&mut pair, routes);
    pair.input(
        A,
        Input::Release {
            dialog,
            status: 200,
        },
    );
    pair.run(DELAY);
    assert_eq!(pair.strays[0].to, SocketAddr::from(([10, 0, 0, 7], 5060)));
    let bye = pair.stray_request();
    assert_eq!(bye.uri().to_string(), "sip:10.0.0.7");
    let routes: Vec<_> = bye
        .headers()
        .routes()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(routes, ["<sip:10.0.0.8;lr>", "<sip:peer@10.0.0.9:5060>"]);
    pair.rest();
}

#[test]
fn a_target_that_is_a_name_is_reached_by_the_flow_of_the_dialog() {
    let mut pair = Pair::new();
    let routes = "Record-Route: <sip:proxy.example.com;lr>\r\n";
    let (dialog, _) = peer_talks(&mut pair, routes);
    pair.input(
        A,
        Input::Release {
            dialog,
            status: 200,
        },
    );
    pair.run(DELAY);
    assert_eq!(pair.strays[0].to, peer());
    pair.rest();
}

#[test]
fn a_lower_sequence_number_is_out_of_order() {
    // RFC 3261 §12.2.2.
    let mut pair = Pair::new();
    let (_, ok) = peer_talks(&mut pair, "");
    pair.inject(
        peer(),
        A,
        peer_request(&ok, "OPTIONS", 5, "z9hG4bKo5", None),
    );
    pair.run(DELAY);
    assert_eq!(pair.stray_response().status(), 200);
    pair.inject(peer(), A, peer_request(&ok, "BYE", 4, "z9hG4bKb4", None));
    pair.run(DELAY);
    assert_eq!(pair.stray_response().status(), 500);
    pair.inject(peer(), A, peer_request(&ok, "BYE", 6, "z9hG4bKb6", None));
    pair.run(DELAY);
    assert_eq!(pair.stray_response().status(), 200);
    pair.rest();
}

#[test]
fn requests_to_unknown_dialogs_get_481() {
    let mut pair = Pair::new();
    let (_, ok) = peer_talks(&mut pair, "");
    let bye = peer_request(&ok, "BYE", 2, "z9hG4bKbye", None);
    for (from, to) in [("tag=peer", "tag=other"), ("by-hand", "another")] {
        pair.inject(peer(), A, bye.replace(from, to));
        pair.run(DELAY);
        assert_eq!(pair.stray_response().status(), 481);
    }
    let tag = ok.headers().to().tag().unwrap();
    for method in ["INVITE", "BYE", "OPTIONS"] {
        let request = peer_request(&ok, method, 2, "z9hG4bKu", None).replace(tag, "unknown");
        pair.inject(peer(), A, request);
        pair.run(DELAY);
        assert_eq!(pair.stray_response().status(), 481);
    }
    pair.inject(peer(), A, bye);
    pair.rest();
    assert_eq!(pair.names(A), ["hung up", "gone"]);
}

#[test]
fn a_bye_gets_its_q850_cause_and_text_through() {
    let mut pair = Pair::new();
    let (_, ok) = peer_talks(&mut pair, "");
    let bye = peer_request(&ok, "BYE", 2, "z9hG4bKbye", None);
    let reason = "Reason: SIP;cause=480, Q.850;cause=16;text=\"Terminated\"\r\nMax-Forwards";
    pair.inject(peer(), A, bye.replace("Max-Forwards", reason));
    let Event::HungUp { q850, reason, .. } = pair.next(A) else {
        panic!()
    };
    assert_eq!((q850, reason.as_deref()), (Some(16), Some("Terminated")));
    pair.rest();
}

#[test]
fn answers_go_to_the_source_with_rport_and_to_sent_by_without() {
    // RFC 3581 §4, RFC 3261 §18.2.2.
    let mut pair = Pair::new();
    let source = SocketAddr::from(([10, 0, 0, 77], 40_000));
    let options = |via: &str| {
        format!(
            "OPTIONS sip:10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP {via};branch=z9hG4bKo\r\n\
             Max-Forwards: 0\r\nFrom: <sip:x@y>;tag=1\r\nTo: <sip:10.0.0.1>\r\nCall-ID: o\r\n\
             CSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
        )
    };
    pair.inject(source, A, options("192.168.0.5:5099;rport"));
    pair.inject(source, A, options("192.168.0.5:5099"));
    pair.inject(source, A, options("pc.example.com"));
    pair.run(DELAY);
    let to: Vec<_> = pair
        .strays
        .iter()
        .map(|packet| packet.to.to_string())
        .collect();
    assert_eq!(to, ["10.0.0.77:40000", "10.0.0.77:5099", "10.0.0.77:5060"]);
    let answer = pair.stray_response();
    let via = answer.headers().via();
    assert_eq!(
        (via.received(), via.rport()),
        (Some(source.ip()), Some(40_000))
    );
    pair.rest();
}

#[test]
fn a_second_answer_by_another_fork_is_acknowledged_and_ended() {
    // RFC 3261 §13.2.2.4.
    let mut pair = Pair::new();
    let a = pair.ends[A].new_dialog();
    let order = super::pair::invite(a, A, peer());
    pair.input(A, Input::Invite(Box::new(order)));
    pair.run(DELAY);
    let invite = pair.stray_request();
    let ok = |tag: &str| {
        let contact = format!("sip:{tag}@10.0.0.9:5060").parse().unwrap();
        let answer = invite.respond(200, Some(tag)).contact(&contact);
        answer
            .body("application/sdp", sdp("answer"))
            .build()
            .unwrap()
    };
    for tag in ["one", "two", "one", "two"] {
        pair.inject(peer(), A, ok(tag));
    }
    pair.run(DELAY);
    let sent: Vec<_> =
        std::iter::from_fn(|| (!pair.strays.is_empty()).then(|| pair.stray_request()))
            .map(|request| format!("{} {}", request.method(), request.uri().user().unwrap()))
            .collect();
    assert_eq!(
        sent,
        ["ACK one", "ACK two", "BYE two", "ACK one", "ACK two"]
    );
    assert_eq!(pair.names(A), ["accepted"]);
    // The second fork's BYE crosses ours: it is answered, and the call goes on.
    let two = crate::wire::parse(&ok("two")).unwrap();
    let crate::wire::Message::Response(two) = two else {
        panic!()
    };
    let swapped = peer_request(&two, "BYE", 1, "z9hG4bKtwo", None);
    let swapped = swapped
        .replace("From: ", "X: ")
        .replace("To: ", "From: ")
        .replace("X: ", "To: ");
    pair.inject(peer(), A, swapped);
    pair.run(DELAY);
    assert_eq!(pair.stray_response().status(), 200);
    assert!(pair.names(A).is_empty());
    pair.input(
        A,
        Input::Release {
            dialog: a,
            status: 200,
        },
    );
    pair.rest();
    assert_eq!(pair.names(A), ["gone"]);
}

#[test]
fn the_ack_of_an_accepted_invite_may_reuse_its_branch() {
    // RFC 6026 §7.1: the transaction is still there and passes it up.
    let mut pair = Pair::new();
    peer_invites(&mut pair, A, "", "offer");
    let Event::Incoming(incoming) = pair.next(A) else {
        panic!()
    };
    let dialog = incoming.dialog;
    pair.input(
        A,
        Input::Accept {
            dialog,
            sdp: sdp("answer"),
        },
    );
    pair.run(DELAY);
    let _trying = pair.stray_response();
    let ok = pair.stray_response();
    pair.inject(
        peer(),
        A,
        peer_request(&ok, "ACK", 1, "z9hG4bKinvite", None),
    );
    assert!(matches!(pair.next(A), Event::Confirmed { .. }));
    pair.input(
        A,
        Input::Release {
            dialog,
            status: 200,
        },
    );
    pair.rest();
}

#[test]
fn the_ack_of_a_refusal_has_the_branch_of_the_invite_and_the_tag_of_the_answer() {
    // RFC 3261 §17.1.1.3.
    let mut pair = Pair::new();
    let a = pair.ends[A].new_dialog();
    let mut order = super::pair::invite(a, A, peer());
    order.headers.push(("Subject".to_owned(), "x".to_owned()));
    pair.input(A, Input::Invite(Box::new(order)));
    pair.run(DELAY);
    let invite = pair.stray_request();
    assert_eq!(invite.headers().get("Subject"), Some("x"));
    let busy = invite.respond(486, Some("busy")).build().unwrap();
    pair.inject(peer(), A, busy);
    pair.run(DELAY);
    let ack = pair.stray_request();
    assert_eq!(*ack.method(), Method::ACK);
    assert_eq!(
        ack.headers().via().branch(),
        invite.headers().via().branch()
    );
    assert_eq!(ack.headers().to().tag(), Some("busy"));
    assert_eq!(ack.headers().cseq().number, 1);
    assert_eq!(ack.uri(), invite.uri());
    pair.rest();
}
