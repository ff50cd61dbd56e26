//! Requests that are too large for a datagram, and what becomes of them where there is no connection.

use std::net::SocketAddr;

use super::pair::{A, DELAY, Packet, Pair, address, flow, invite};
use crate::wire::Message;
use crate::{Config, DialogId, Flow, Input, Listeners, Transport};

/// Where A takes connections.
fn listener() -> SocketAddr {
    address(A)
}

fn pair() -> Pair {
    let config = Config {
        listeners: Listeners::new([(Transport::Udp, address(A)), (Transport::Tcp, listener())]),
        ..Config::default()
    };
    Pair::with(config, 1)
}

/// A calls, with so many octets of a header.
fn dial(pair: &mut Pair, to: SocketAddr, octets: usize) -> DialogId {
    let dialog = pair.ends[A].new_dialog();
    let mut order = invite(dialog, A, to);
    order.headers = vec![("Subject".into(), "x".repeat(octets))];
    pair.input(A, Input::Invite(Box::new(order)));
    dialog
}

/// Nobody's.
fn far() -> SocketAddr {
    SocketAddr::from(([10, 0, 0, 9], 5060))
}

fn stream(to: SocketAddr) -> Flow {
    Flow {
        transport: Transport::Tcp,
        ..flow(listener(), to)
    }
}

/// What went out last: its transport, where from, and the transport and branch of its Via.
fn sent(pair: &mut Pair) -> (Transport, SocketAddr, String, String) {
    pair.run(DELAY);
    let Packet {
        transport,
        from,
        bytes,
        ..
    } = pair.strays.pop_front().expect("something was sent");
    let Ok(Message::Request(request)) = crate::wire::parse(&bytes) else {
        panic!("no request");
    };
    let via = request.headers().via();
    assert_eq!(via.port(), Some(from.port()));
    let (said, branch) = (via.transport().to_owned(), via.branch().unwrap().to_owned());
    (transport, from, said, branch)
}

#[test]
fn a_request_above_1300_octets_takes_a_connection_if_we_have_a_listener_for_it() {
    for (octets, transport, from) in [
        (0, Transport::Udp, address(A)),
        (900, Transport::Tcp, listener()),
    ] {
        let mut pair = pair();
        dial(&mut pair, far(), octets);
        let (over, source, said, _) = sent(&mut pair);
        assert_eq!((over, source, &*said), (transport, from, transport.name()));
    }
    let mut pair = Pair::new();
    dial(&mut pair, far(), 900);
    assert_eq!(sent(&mut pair).0, Transport::Udp);
}

/// What the far side answers to the INVITE with that branch.
fn answer(dialog: DialogId, branch: &str, status: &str) -> Input {
    let text = format!(
        "SIP/2.0 {status}\r\nVia: SIP/2.0/TCP {};branch={branch};rport\r\n\
         From: <sip:alice@10.0.0.1:5060>;tag=x\r\nTo: <sip:bob@10.0.0.9:5060>;tag=b\r\n\
         Call-ID: call-0-{}\r\nCSeq: 1 INVITE\r\nContact: <sip:bob@10.0.0.9:5060>\r\n\
         Content-Length: 0\r\n\r\n",
        listener(),
        dialog.0
    );
    Input::Packet {
        flow: stream(far()),
        bytes: text.into_bytes().into(),
    }
}

#[test]
fn what_follows_a_large_request_is_a_datagram_again() {
    let mut pair = pair();
    let a = dial(&mut pair, far(), 900);
    let (.., branch) = sent(&mut pair);
    pair.input(A, answer(a, &branch, "200 OK"));
    let status = 200;
    pair.input(A, Input::Release { dialog: a, status });
    for _ in ["ACK", "BYE"] {
        let (over, _, said, _) = sent(&mut pair);
        assert_eq!((over, &*said), (Transport::Udp, "UDP"));
    }
}

#[test]
fn the_cancel_of_a_large_invite_takes_its_connection() {
    let mut pair = pair();
    let a = dial(&mut pair, far(), 900);
    let (.., branch) = sent(&mut pair);
    pair.input(A, answer(a, &branch, "180 Ringing"));
    let status = 487;
    pair.input(A, Input::Release { dialog: a, status });
    let (over, _, said, again) = sent(&mut pair);
    assert_eq!((over, &*said, again), (Transport::Tcp, "TCP", branch));
}

#[test]
fn where_no_connection_can_be_made_the_same_request_goes_as_a_datagram_and_so_does_the_next() {
    let mut pair = pair();
    dial(&mut pair, far(), 900);
    let (.., branch) = sent(&mut pair);
    let flow = stream(far());
    pair.input(A, Input::Disconnected { flow });
    let (over, _, said, again) = sent(&mut pair);
    assert_eq!((over, &*said, &again), (Transport::Udp, "UDP", &branch));
    // It is repeated as any datagram.
    pair.run(std::time::Duration::from_millis(600));
    assert_eq!(sent(&mut pair).3, branch);
    assert_eq!(pair.names(A), [""; 0]);
    // Another connection that is lost changes nothing.
    pair.input(A, Input::Disconnected { flow });
    assert_eq!(pair.names(A), [""; 0]);
    pair.run(std::time::Duration::from_secs(33));
    assert_eq!(pair.names(A), ["failed 408", "gone"]);
    pair.strays.clear();
    dial(&mut pair, far(), 900);
    assert_eq!(sent(&mut pair).0, Transport::Udp);
    // After ten minutes the peer may have learnt it.
    pair.run(crate::limits::DEAF_FOR);
    pair.strays.clear();
    dial(&mut pair, far(), 900);
    assert_eq!(sent(&mut pair).0, Transport::Tcp);
}
