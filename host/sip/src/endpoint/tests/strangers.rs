//! Packets of sources that the owner does not know.

use std::net::SocketAddr;

use bytes::Bytes;

use super::dialogs::{peer, peer_invites, peer_request, peer_talks};
use super::pair::{A, DELAY, Pair, address, flow, invite, sdp};
use crate::wire::{self, Response};
use crate::{Conduct, Config, Counts, Endpoint, Event, Input, Output};

/// What a scanner sends; `number` sets it apart from others.
fn request(method: &str, number: u32) -> String {
    format!(
        "{method} sip:100@10.0.0.1 SIP/2.0\r\n\
         Via: SIP/2.0/UDP 10.0.0.9:5060;rport;branch=z9hG4bK{number}\r\n\
         Max-Forwards: 70\r\n\
         From: \"scanner\" <sip:100@10.0.0.9>;tag=t{number}\r\n\
         To: <sip:100@10.0.0.1>\r\n\
         Call-ID: {number}\r\n\
         CSeq: 1 {method}\r\n\
         Contact: <sip:100@10.0.0.9>\r\n\
         User-Agent: nobody in particular\r\n\
         Content-Length: 0\r\n\r\n"
    )
}

pub(super) fn stranger(pair: &mut Pair, bytes: impl Into<Bytes>) {
    let (flow, bytes) = (flow(address(A), peer()), bytes.into());
    pair.input(A, Input::Stranger { flow, bytes });
    pair.run(DELAY);
}

/// Sends a stranger's request twice; both answers are the same and no larger, and nothing is
/// remembered or said again.
#[track_caller]
fn refused(text: &str) -> Response {
    let mut pair = Pair::new();
    stranger(&mut pair, text.to_owned());
    stranger(&mut pair, text.to_owned());
    assert_eq!(pair.ends[A].counts(), Counts::default());
    assert_eq!(pair.strays.len(), 2);
    assert_eq!(pair.strays[0].bytes, pair.strays[1].bytes);
    assert!(pair.strays[0].bytes.len() <= text.len());
    let answer = pair.stray_response();
    pair.rest();
    assert!(pair.names(A).is_empty());
    assert_eq!(pair.ladder.len(), 2);
    answer
}

#[test]
fn whatever_would_begin_something_gets_one_403() {
    for method in [
        "INVITE",
        "OPTIONS",
        "REGISTER",
        "SUBSCRIBE",
        "MESSAGE",
        "BYE",
        "NEWMETHOD",
    ] {
        let answer = refused(&request(method, 1));
        assert_eq!(answer.status(), 403, "{method}");
        assert!(answer.headers().to().tag().is_some());
        // A scanner need not know what it has found.
        assert_eq!(answer.headers().get("Server"), None);
        assert_eq!(answer.headers().get("Allow"), None);
    }
}

#[test]
fn a_scanner_gets_no_answer_unless_it_is_known() {
    let mut pair = Pair::new();
    let scan = request("OPTIONS", 1).replace("nobody in particular", "friendly-scanner");
    stranger(&mut pair, scan.clone());
    pair.rest();
    assert!(pair.ladder.is_empty());
    assert_eq!(pair.conduct, [Conduct::Scanner]);
    assert_eq!(pair.ends[A].refusals().scanners, 1);
    pair.inject(peer(), A, scan);
    assert_eq!(pair.ladder.len(), 1);
    assert_eq!(pair.conduct.len(), 1);
}

#[test]
fn what_strangers_do_is_told_and_what_the_known_do_is_not() {
    let texts = [request("INVITE", 1), request("BYE", 1), "no SIP".to_owned()];
    let told = [Conduct::Refused, Conduct::Refused, Conduct::Broken];
    for (text, conduct) in texts.into_iter().zip(told) {
        let mut pair = Pair::new();
        stranger(&mut pair, text.clone());
        assert_eq!(pair.conduct, [conduct], "{text}");
        let mut pair = Pair::new();
        pair.inject(peer(), A, text);
        assert_eq!(pair.conduct, []);
    }
}

#[test]
fn a_cancel_of_nothing_gets_481() {
    assert_eq!(refused(&request("CANCEL", 1)).status(), 481);
}

#[test]
fn a_request_to_no_dialog_gets_481() {
    let text = request("BYE", 1).replace("10.0.0.1>\r\n", "10.0.0.1>;tag=x\r\n");
    assert_eq!(refused(&text).status(), 481);
}

#[test]
fn the_ack_of_a_403_is_ignored() {
    let mut pair = Pair::new();
    stranger(&mut pair, request("INVITE", 1));
    let tag = format!("To: {}", pair.stray_response().headers().to());
    let ack = request("ACK", 1).replace("To: <sip:100@10.0.0.1>", &tag);
    stranger(&mut pair, ack);
    stranger(&mut pair, request("ACK", 2));
    pair.rest();
    assert_eq!(pair.ladder.len(), 1);
}

#[test]
fn an_answer_that_would_be_larger_than_its_request_is_not_sent() {
    let mut pair = Pair::new();
    let short = "OPTIONS sip:a SIP/2.0\r\nv: SIP/2.0/UDP a;branch=z9hG4bK1\r\nf: <sip:a>;tag=a\r\n\
                 t: <sip:a>\r\ni: a\r\nCSeq: 1 OPTIONS\r\n\r\n";
    assert!(wire::parse(&Bytes::from(short)).is_ok());
    stranger(&mut pair, short);
    // Broken, in the same way.
    stranger(&mut pair, short.replace("1 OPTIONS", "1 BYE"));
    assert!(pair.ladder.is_empty());
    // To a peer that is known they go.
    pair.inject(peer(), A, short);
    pair.inject(peer(), A, short.replace("1 OPTIONS", "1 BYE"));
    assert_eq!(pair.ladder.len(), 2);
    // As does the refusal of one that has room for it.
    stranger(&mut pair, request("INVITE", 1).replace("1 INVITE", "1 BYE"));
    assert_eq!(pair.ladder.len(), 3);
    pair.rest();
}

#[test]
fn what_belongs_to_a_call_is_handled_as_ever() {
    // Inbound: a request in the dialog.
    let mut pair = Pair::new();
    let (_, ok) = peer_talks(&mut pair, "");
    stranger(
        &mut pair,
        peer_request(&ok, "BYE", 2, "z9hG4bKbye", Some("x")),
    );
    assert_eq!(pair.stray_response().status(), 200);
    pair.rest();
    assert_eq!(pair.names(A), ["hung up", "gone"]);
    // Outbound: the answers.
    let dialog = pair.ends[A].new_dialog();
    pair.input(A, Input::Invite(Box::new(invite(dialog, A, peer()))));
    pair.run(DELAY);
    let sent = pair.stray_request();
    let ok = sent
        .respond(200, Some("t"))
        .body("application/sdp", sdp("answer"));
    stranger(&mut pair, ok.build().unwrap());
    assert_eq!(pair.conduct, [Conduct::Proven], "it has seen our branch");
    assert_eq!(pair.stray_request().method().as_str(), "ACK");
    let status = 200;
    pair.input(A, Input::Release { dialog, status });
    pair.rest();
    assert_eq!(pair.names(A), ["accepted", "gone"]);
}

#[test]
fn a_transaction_that_lives_takes_its_own_from_anybody() {
    // The owner forgets a peer while it calls: retransmissions and CANCEL still find their INVITE.
    let mut pair = Pair::new();
    peer_invites(&mut pair, A, "", "offer");
    assert!(matches!(pair.next(A), Event::Incoming(_)));
    let trying = pair.stray_response();
    stranger(
        &mut pair,
        peer_request(&trying, "CANCEL", 1, "z9hG4bKinvite", None),
    );
    assert_eq!(pair.stray_response().status(), 200);
    assert_eq!(pair.stray_response().status(), 487);
    pair.rest();
    assert_eq!(pair.names(A), ["cancelled", "gone"]);
}

#[test]
#[allow(clippy::disallowed_methods)] // virtual time has to begin somewhere
fn a_flood_of_strangers_leaves_nothing() {
    const STRANGERS: u32 = 100_000;
    let now = std::time::Instant::now();
    let mut end = Endpoint::new(Config::default(), [1; 32]);
    let mut answers = 0;
    for number in 0..STRANGERS {
        let remote = SocketAddr::from((number.to_be_bytes(), 5060));
        let (flow, bytes) = (flow(address(A), remote), request("INVITE", number).into());
        end.handle_input(now, Input::Stranger { flow, bytes });
        while let Some(output) = end.poll_output() {
            match output {
                Output::Transmit { flow: back, .. } => assert_eq!(back, flow),
                Output::Event(Event::Conduct { source, conduct }) => {
                    assert_eq!((source, conduct), (remote.ip(), Conduct::Refused));
                    continue;
                }
                Output::Event(event) => panic!("{event:?}"),
            }
            answers += 1;
        }
        assert_eq!(
            (end.counts(), end.poll_timeout()),
            (Counts::default(), None)
        );
    }
    assert_eq!(answers, STRANGERS);
    assert_eq!(
        (end.by_tag.len(), end.inbound.len(), end.ended.len()),
        (0, 0, 0)
    );
    // Not even a handle was spent.
    assert_eq!(end.new_dialog().0, 1);
}
