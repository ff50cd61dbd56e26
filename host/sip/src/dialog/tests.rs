//! Where a dialog's requests go. The rest is told by the endpoint's tests, message by message.

use std::net::SocketAddr;

use super::{Dialog, answer_flow};
use crate::endpoint::Listeners;
use crate::event::{Flow, Transport};
use crate::wire::{Method, NameAddr, Request, Via};

fn flow() -> Flow {
    let at = |last| SocketAddr::from(([10, 0, 0, last], 5060));
    Flow {
        transport: Transport::Udp,
        local: at(1),
        remote: at(9),
        name: None,
    }
}

/// The dialog of an INVITE with this Contact and this Record-Route.
fn dialog(contact: &str, record_route: &str) -> Dialog {
    let uri: crate::Uri = "sip:x@y".parse().unwrap();
    let mut invite = Request::builder(Method::INVITE, uri.clone())
        .via(Via::text("UDP", flow().remote, "z9hG4bK1"))
        .from(NameAddr::new(uri.clone()).with_tag("theirs"))
        .to(NameAddr::new(uri))
        .call_id("c")
        .cseq(7)
        .header("Contact", contact);
    if !record_route.is_empty() {
        invite = invite.header("Record-Route", record_route);
    }
    Dialog::of_inbound(&invite.build().unwrap(), flow(), "ours").unwrap()
}

#[test]
fn the_next_hop_is_an_ip_literal_of_our_transport_or_the_flow() {
    let check = |contact: &str, route: &str, expect: &str| {
        let hop = dialog(contact, route).next_hop();
        assert_eq!(
            (hop.local, hop.remote.to_string()),
            (flow().local, expect.to_owned())
        );
    };
    check("<sip:a@10.0.0.5:5070>", "", "10.0.0.5:5070");
    check("<sip:a@10.0.0.5;transport=UDP>", "", "10.0.0.5:5060");
    check("<sip:a@10.0.0.5;transport=tcp>", "", "10.0.0.9:5060");
    check("<sips:a@10.0.0.5>", "", "10.0.0.9:5060");
    check("<sip:a@[2001:db8::1]>", "", "10.0.0.9:5060");
    check("<sip:a@phone.example.com>", "", "10.0.0.9:5060");
    check(
        "<sip:a@10.0.0.5>",
        "<sip:10.0.0.6:5080;lr>, <sip:10.0.0.7;lr>",
        "10.0.0.6:5080",
    );
    check(
        "<sip:a@10.0.0.5>",
        "<sip:proxy.example.com;lr>",
        "10.0.0.9:5060",
    );
}

#[test]
fn a_dialog_that_nobody_can_listen_to_stays_so_and_a_websocket_is_the_only_way_back() {
    let local = |port| SocketAddr::from(([10, 0, 0, 1], port));
    let listeners = Listeners::new([
        (Transport::Udp, local(5060)),
        (Transport::Tcp, local(5060)),
        (Transport::Tls, local(5061)),
        (Transport::Tls, local(5071)),
        (Transport::Ws, local(8080)),
    ]);
    let check = |transport, contact: &str, expect: (Transport, u16, &str)| {
        let mut dialog = dialog(contact, "").through(&listeners);
        dialog.flow.transport = transport;
        let hop = dialog.next_hop();
        let is = (
            hop.transport,
            hop.local.port(),
            &*hop.remote.ip().to_string(),
        );
        assert_eq!(is, expect, "{transport:?} {contact}");
    };
    use Transport::{Tcp, Tls, Udp, Ws, Wss};
    for from in [Udp, Tcp] {
        check(
            from,
            "<sip:a@10.0.0.5;transport=TLS>",
            (Tls, 5061, "10.0.0.5"),
        );
        check(from, "<sips:a@10.0.0.5>", (Tls, 5061, "10.0.0.5"));
        check(
            from,
            "<sips:a@10.0.0.5;transport=tcp>",
            (Tls, 5061, "10.0.0.5"),
        );
        check(
            from,
            "<sips:a@10.0.0.5;transport=udp>",
            (from, 5060, "10.0.0.9"),
        );
        check(
            from,
            "<sip:a@10.0.0.5;transport=ws>",
            (from, 5060, "10.0.0.9"),
        );
    }
    check(Tls, "<sip:a@10.0.0.5>", (Tls, 5060, "10.0.0.5"));
    check(
        Tls,
        "<sip:a@10.0.0.5;transport=udp>",
        (Tls, 5060, "10.0.0.9"),
    );
    for from in [Ws, Wss] {
        for contact in [
            "sip:a@10.0.0.5;transport=ws",
            "sip:a@10.0.0.5",
            "sips:a@10.0.0.5",
        ] {
            check(from, &format!("<{contact}>"), (from, 5060, "10.0.0.9"));
        }
    }
}

#[test]
fn whoever_has_proven_a_name_must_prove_it_wherever_its_contact_is() {
    let name = Some(crate::PeerName(7.try_into().unwrap()));
    for contact in ["<sip:a@10.0.0.5:5071>", "<sip:a@10.0.0.9:5071>"] {
        let mut dialog = dialog(contact, "");
        dialog.flow = Flow {
            transport: Transport::Tls,
            name,
            ..dialog.flow
        };
        dialog.disconnect();
        let next = dialog.next_hop();
        assert_ne!(next.remote, dialog.flow.remote, "{contact}");
        assert_eq!(next.name, name, "{contact}");
    }
}

#[test]
fn only_a_peer_on_this_host_may_send_us_to_addresses_of_this_host() {
    let at = |ip: &str| SocketAddr::new(ip.parse().unwrap(), 5060);
    let hop = |local: &str, remote: &str, target: &str| {
        let mut dialog = dialog(&format!("<sip:a@{target}:22>"), "");
        dialog.flow = Flow {
            transport: Transport::Udp,
            local: at(local),
            remote: at(remote),
            name: None,
        };
        dialog.next_hop().remote.port()
    };
    for odd in [
        "127.0.0.1",
        "127.9.9.9",
        "0.0.0.0",
        "224.0.1.75",
        "255.255.255.255",
    ] {
        assert_eq!(hop("10.0.0.1", "10.0.0.9", odd), 5060, "{odd}");
        assert_eq!(hop("127.0.0.1", "127.0.0.1", odd), 22, "{odd}");
    }
    for odd in ["[::1]", "[::]", "[ff02::1]", "[::ffff:127.0.0.1]"] {
        assert_eq!(hop("2001:db8::1", "2001:db8::9", odd), 5060, "{odd}");
        assert_eq!(hop("::1", "::1", odd), 22, "{odd}");
    }
    assert_eq!(hop("10.0.0.1", "10.0.0.9", "10.0.0.5"), 22);
}

#[test]
fn sequence_numbers_of_the_peer_must_grow() {
    // RFC 3261 §12.2.2.
    let mut dialog = dialog("<sip:a@10.0.0.5>", "");
    assert!(!dialog.is_in_order(6) && !dialog.is_in_order(7) && dialog.is_in_order(8));
    assert!(dialog.saw(100) && !dialog.saw(100) && !dialog.saw(99));
    assert!(!dialog.is_in_order(100) && dialog.is_in_order(101));
}

#[test]
fn our_requests_count_up_from_one_with_tags_the_right_way_round() {
    let mut dialog = dialog("<sip:a@10.0.0.5?Subject=x>", "");
    let via = Via::text("UDP", flow().local, "z9hG4bK2");
    for number in [1, 2] {
        let bye = dialog.request(Method::BYE, via.clone()).build().unwrap();
        assert_eq!(bye.headers().cseq().number, number);
        assert_eq!(bye.headers().from().tag(), Some("ours"));
        assert_eq!(bye.headers().to().tag(), Some("theirs"));
        assert_eq!(bye.uri().to_string(), "sip:a@10.0.0.5");
    }
}

#[test]
fn maddr_does_not_aim_our_answers() {
    let text = Via::text("UDP", flow().remote, "z9hG4bK1;maddr=10.0.0.77");
    let via = Via::parse(&text).unwrap();
    assert_eq!(via.params().get("maddr"), Some("10.0.0.77"));
    assert_eq!(answer_flow(flow(), via), flow());
}
