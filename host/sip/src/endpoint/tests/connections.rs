//! Calls over connections, and what becomes of them when those are lost.

use std::net::SocketAddr;
use std::time::Duration;

use super::pair::{A, B, DELAY, Pair, address, flow, invite, sdp};
use crate::wire::Message;
use crate::{Config, DialogId, Event, Flow, Input, Listeners, Transport};

/// The connection of a side, as it names it.
fn tcp(end: usize, remote: SocketAddr) -> Flow {
    Flow {
        transport: Transport::Tcp,
        ..flow(address(end), remote)
    }
}

/// A call from A over a connection; the handle of A.
fn dial(pair: &mut Pair, to: SocketAddr) -> DialogId {
    let dialog = pair.ends[A].new_dialog();
    let mut order = invite(dialog, A, to);
    order.flow = tcp(A, to);
    pair.input(A, Input::Invite(Box::new(order)));
    dialog
}

/// An answered call over a connection; the handles of both.
fn talk(pair: &mut Pair) -> (DialogId, DialogId) {
    let a = dial(pair, address(B));
    pair.run(DELAY * 3);
    let Event::Incoming(incoming) = pair.next(B) else {
        panic!("not incoming");
    };
    let b = incoming.dialog;
    assert_eq!(incoming.flow.transport, Transport::Tcp);
    let sdp = sdp("answer");
    pair.input(B, Input::Accept { dialog: b, sdp });
    pair.run(DELAY * 3);
    assert_eq!(pair.names(A), ["accepted"]);
    assert_eq!(pair.names(B), ["confirmed"]);
    (a, b)
}

fn hang_up(pair: &mut Pair, end: usize, dialog: DialogId) {
    let status = 200;
    pair.input(end, Input::Release { dialog, status });
}

fn stranger() -> SocketAddr {
    SocketAddr::from(([10, 0, 0, 9], 40_000))
}

#[test]
fn over_a_connection_nothing_is_sent_twice() {
    let mut pair = Pair::new();
    let (a, _) = talk(&mut pair);
    hang_up(&mut pair, A, a);
    pair.rest();
    let sent: Vec<_> = pair.ladder.iter().map(|line| &line[7..]).collect();
    let once = [
        "a INVITE",
        "b 100 INVITE",
        "b 200 INVITE",
        "a ACK",
        "a BYE",
        "b 200 BYE",
    ];
    assert_eq!(sent, once);
}

#[test]
fn a_request_that_nobody_answers_is_sent_once_and_times_out() {
    let mut pair = Pair::new();
    pair.lose(|_| true);
    dial(&mut pair, address(B));
    pair.run(Duration::from_secs(33));
    assert_eq!(pair.names(A), ["failed 408", "gone"]);
    assert_eq!(pair.ladder.len(), 1);
    pair.rest();
}

#[test]
fn via_and_contact_name_the_transport() {
    let mut pair = Pair::new();
    dial(&mut pair, stranger());
    pair.run(DELAY);
    let sent = pair.stray_request();
    assert_eq!(sent.headers().via().transport(), "TCP");
    assert_eq!(
        sent.headers().contacts()[0].uri.to_string(),
        "sip:jackfield@10.0.0.1:5060;transport=tcp"
    );
    pair.rest();
}

#[test]
fn a_lost_connection_fails_an_invite_to_which_nothing_has_come() {
    let mut pair = Pair::new();
    pair.lose(|_| true);
    dial(&mut pair, address(B));
    let flow = tcp(A, address(B));
    // Another connection is none of its business.
    let other = tcp(A, stranger());
    pair.input(A, Input::Disconnected { flow: other });
    assert_eq!(pair.names(A), [""; 0]);
    pair.input(A, Input::Disconnected { flow });
    assert_eq!(pair.names(A), ["failed 503", "gone"]);
    pair.rest();
}

#[test]
fn a_bye_that_is_lost_with_its_connection_is_sent_once_more() {
    let mut pair = Pair::new();
    let (a, _) = talk(&mut pair);
    pair.lose_first("BYE", 1);
    hang_up(&mut pair, A, a);
    pair.run(DELAY);
    let flow = tcp(A, address(B));
    pair.input(A, Input::Disconnected { flow });
    pair.run(DELAY);
    assert_eq!(pair.names(B), ["hung up"]);
    pair.rest();
    // And no more than once.
    let mut pair = Pair::new();
    let (a, _) = talk(&mut pair);
    pair.lose(|packet| packet.name == "BYE");
    hang_up(&mut pair, A, a);
    let before = pair.ladder.len();
    for _ in 0..3 {
        pair.input(A, Input::Disconnected { flow });
    }
    assert_eq!(pair.ladder.len(), before + 1);
}

#[test]
fn a_call_that_rings_outlives_its_connection() {
    let mut pair = Pair::new();
    dial(&mut pair, address(B));
    pair.run(DELAY * 3);
    let Event::Incoming(incoming) = pair.next(B) else {
        panic!("not incoming");
    };
    let flow = tcp(A, address(B));
    pair.input(A, Input::Disconnected { flow });
    let (dialog, sdp) = (incoming.dialog, sdp("answer"));
    pair.input(B, Input::Accept { dialog, sdp });
    pair.run(DELAY * 3);
    assert_eq!(pair.names(A), ["accepted"]);
    hang_up(&mut pair, B, dialog);
    pair.rest();
}

/// An INVITE over a connection from an address at which nobody listens.
fn invite_from(contact: &str) -> String {
    format!(
        "INVITE sip:bob@10.0.0.2 SIP/2.0\r\nVia: SIP/2.0/TCP 10.0.0.9:5070;branch=z9hG4bKa;rport\r\n\
         From: <sip:alice@10.0.0.9>;tag=a\r\nTo: <sip:bob@10.0.0.2>\r\nCall-ID: c\r\n\
         CSeq: 1 INVITE\r\nContact: <{contact}>\r\nContent-Length: 0\r\n\r\n"
    )
}

/// B gets that INVITE.
fn arrives(pair: &mut Pair, contact: &str) -> DialogId {
    let flow = tcp(B, stranger());
    let bytes = invite_from(contact).into();
    pair.input(B, Input::Packet { flow, bytes });
    match pair.next(B) {
        Event::Incoming(incoming) => incoming.dialog,
        other => panic!("not incoming: {other:?}"),
    }
}

/// B answers, and the ACK comes the same way.
fn answer(pair: &mut Pair, dialog: DialogId) {
    let sdp = sdp("answer");
    pair.input(B, Input::Accept { dialog, sdp });
    pair.run(DELAY);
    let packet = pair.strays.pop_back().expect("the 200");
    let text = String::from_utf8_lossy(&packet.bytes).into_owned();
    let to = text
        .lines()
        .find(|line| line.starts_with("To: "))
        .expect("To");
    let ack = invite_from("sip:alice@10.0.0.9")
        .replace("INVITE", "ACK")
        .replace("z9hG4bKa", "z9hG4bKack")
        .replace("To: <sip:bob@10.0.0.2>", to);
    let flow = tcp(B, stranger());
    let bytes = ack.into();
    pair.input(B, Input::Packet { flow, bytes });
    assert_eq!(pair.names(B), ["confirmed"]);
    pair.strays.clear();
}

#[test]
fn responses_take_the_connection_of_their_request_and_once_it_is_lost_go_to_the_sent_by() {
    let mut pair = Pair::new();
    let dialog = arrives(&mut pair, "sip:alice@10.0.0.9:5070;transport=tcp");
    pair.run(DELAY);
    assert_eq!(pair.strays.pop_front().map(|it| it.to), Some(stranger()));
    let flow = tcp(B, stranger());
    pair.input(B, Input::Disconnected { flow });
    let status = 486;
    pair.input(B, Input::Release { dialog, status });
    pair.run(DELAY);
    let refused = pair.strays.pop_front().expect("the refusal");
    assert_eq!(
        (refused.to.port(), refused.transport),
        (5070, Transport::Tcp)
    );
    pair.run(Duration::from_secs(33));
    pair.rest();
}

#[test]
fn requests_of_a_dialog_take_its_connection_and_once_it_is_lost_go_to_the_remote_target() {
    for (lost, port) in [(false, 40_000), (true, 5070)] {
        let mut pair = Pair::new();
        let dialog = arrives(&mut pair, "sip:alice@10.0.0.9:5070;transport=tcp");
        answer(&mut pair, dialog);
        let flow = tcp(B, stranger());
        if lost {
            pair.input(B, Input::Disconnected { flow });
        }
        hang_up(&mut pair, B, dialog);
        pair.run(DELAY);
        let bye = pair.strays.pop_front().expect("BYE");
        assert_eq!((bye.name.as_str(), bye.to.port()), ("BYE", port));
        assert_eq!(bye.transport, Transport::Tcp);
        pair.rest();
    }
}

#[test]
fn a_dialog_follows_its_target_to_another_transport_if_there_is_a_listener() {
    let listener = SocketAddr::from(([10, 0, 0, 2], 5062));
    let rows = [
        (None, Transport::Tcp, address(B)),
        (Some(listener), Transport::Udp, listener),
    ];
    for (udp, transport, local) in rows {
        let listeners = Listeners::new(udp.map(|local| (Transport::Udp, local)));
        let config = Config {
            listeners,
            ..Config::default()
        };
        let mut pair = Pair::with(config, 1);
        let dialog = arrives(&mut pair, "sip:alice@10.0.0.9:5070;transport=udp");
        answer(&mut pair, dialog);
        hang_up(&mut pair, B, dialog);
        pair.run(DELAY);
        let bye = pair.strays.pop_front().expect("BYE");
        assert_eq!((bye.transport, bye.from), (transport, local));
        let Ok(Message::Request(bye)) = crate::wire::parse(&bye.bytes) else {
            panic!("no request");
        };
        assert_eq!(bye.headers().via().transport(), transport.name());
        pair.rest();
    }
}

#[test]
fn our_contact_says_the_transport_and_is_sips_where_the_peer_asked_for_that() {
    let rows = [
        (
            Transport::Udp,
            "sip:x@10.0.0.2",
            "sip:jackfield@10.0.0.2:5060",
        ),
        (
            Transport::Tcp,
            "sip:x@10.0.0.2",
            "sip:jackfield@10.0.0.2:5060;transport=tcp",
        ),
        (
            Transport::Tls,
            "sip:x@10.0.0.2",
            "sip:jackfield@10.0.0.2:5060;transport=tls",
        ),
        (
            Transport::Tls,
            "sips:x@10.0.0.2",
            "sips:jackfield@10.0.0.2:5060",
        ),
        // Anybody could listen: we do not say otherwise.
        (
            Transport::Tcp,
            "sips:x@10.0.0.2",
            "sip:jackfield@10.0.0.2:5060;transport=tcp",
        ),
        (
            Transport::Ws,
            "sip:x@10.0.0.2",
            "sip:jackfield@10.0.0.2:5060;transport=ws",
        ),
        (
            Transport::Wss,
            "sip:x@10.0.0.2",
            "sip:jackfield@10.0.0.2:5060;transport=ws",
        ),
        (
            Transport::Wss,
            "sips:x@10.0.0.2",
            "sips:jackfield@10.0.0.2:5060;transport=ws",
        ),
    ];
    let config = Config::default();
    for (transport, target, expect) in rows {
        let flow = Flow {
            transport,
            ..flow(address(B), address(A))
        };
        let contact = config.contact(flow, &target.parse().unwrap());
        assert_eq!(contact.to_string(), expect);
    }
}

#[test]
fn a_new_offer_that_is_lost_with_its_connection_is_refused_and_the_call_goes_on() {
    let mut pair = Pair::new();
    let (a, b) = talk(&mut pair);
    pair.lose_first("INVITE", 1);
    let offer = sdp("hold");
    let (dialog, sdp) = (a, offer.clone());
    pair.input(A, Input::Reoffer { dialog, sdp });
    let flow = tcp(A, address(B));
    pair.input(A, Input::Disconnected { flow });
    assert_eq!(pair.names(A), ["reanswered 503"]);
    // The next one takes another connection.
    let sdp = offer.clone();
    pair.input(A, Input::Reoffer { dialog, sdp });
    pair.run(DELAY * 3);
    assert_eq!(pair.names(B), ["reoffer"]);
    let answer = Err(488);
    pair.input(B, Input::Reanswer { dialog: b, answer });
    pair.run(DELAY * 3);
    assert_eq!(pair.names(A), ["reanswered 488"]);
    // Nothing of the refused one is left in the way.
    pair.input(A, Input::Reoffer { dialog, sdp: offer });
    pair.run(DELAY * 3);
    assert_eq!(pair.names(B), ["reoffer"]);
    hang_up(&mut pair, A, a);
    pair.rest();
}
