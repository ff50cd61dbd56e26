//! Searches against zones of a few records.

use super::{Answer, Kind, Located, Query, Record, Search};
use crate::Transport;
use crate::limits;

type Zone<'a> = &'a [(&'a str, Record)];

fn kind(record: &Record) -> Kind {
    match record {
        Record::Naptr { .. } => Kind::Naptr,
        Record::Srv { .. } => Kind::Srv,
        Record::Address(ip) if ip.is_ipv4() => Kind::A,
        Record::Address(_) => Kind::Aaaa,
    }
}

fn naptr(order: u16, preference: u16, service: &str, replacement: &str) -> Record {
    Record::Naptr {
        order,
        preference,
        flags: "s".to_owned(),
        service: service.to_owned(),
        replacement: replacement.to_owned(),
    }
}

fn srv(priority: u16, weight: u16, port: u16, target: &str) -> Record {
    let target = target.to_owned();
    Record::Srv {
        priority,
        weight,
        port,
        target,
    }
}

fn address(text: &str) -> Record {
    Record::Address(text.parse().unwrap())
}

/// What is found in a zone, and what was asked for.
fn search(zone: Zone<'_>, port: Option<u16>, transport: Transport) -> (Located, Vec<String>) {
    let mut search = Search::new("example.com", port, transport);
    let mut asked = Vec::new();
    while let Some(Query { name, kind: of }) = search.query() {
        asked.push(format!("{of:?} {name}"));
        let here = zone
            .iter()
            .filter(|(at, record)| *at == name && kind(record) == of);
        let records = here.map(|(_, record)| record.clone()).collect();
        search.answer(Answer { records, ttl: 300 });
    }
    (search.finish(), asked)
}

fn places(located: &Located) -> Vec<String> {
    let text =
        |place: &super::Place| format!("{} {} {}", place.address, place.priority, place.weight);
    located.places.iter().map(text).collect()
}

#[test]
fn naptr_leads_to_srv_and_srv_to_addresses() {
    // RFC 3263 §4.1.
    let zone = [
        (
            "example.com",
            naptr(50, 50, "SIPS+D2T", "_sips._tcp.example.com"),
        ),
        (
            "example.com",
            naptr(90, 50, "SIP+D2T", "_sip._tcp.example.com"),
        ),
        (
            "example.com",
            naptr(100, 50, "SIP+D2U", "later.example.com"),
        ),
        ("example.com", naptr(100, 40, "SIP+D2U", "udp.example.com")),
        ("udp.example.com", srv(1, 1, 5060, "server1.example.com")),
        ("udp.example.com", srv(0, 2, 5080, "server2.example.com")),
        ("server1.example.com", address("192.0.2.1")),
        ("server2.example.com", address("192.0.2.2")),
        ("server2.example.com", address("2001:db8::2")),
    ];
    let (located, asked) = search(&zone, None, Transport::Udp);
    assert_eq!(
        places(&located),
        [
            "192.0.2.2:5080 0 2",
            "[2001:db8::2]:5080 0 2",
            "192.0.2.1:5060 1 1"
        ]
    );
    assert_eq!(
        asked,
        [
            "Naptr example.com",
            "Srv udp.example.com",
            "A server2.example.com",
            "Aaaa server2.example.com",
            "A server1.example.com",
            "Aaaa server1.example.com",
        ]
    );
    assert_eq!(located.ttl, 300);
}

#[test]
fn without_naptr_the_service_has_its_usual_name_and_without_srv_the_port() {
    for (transport, name, port) in [
        (Transport::Udp, "_sip._udp.example.com", 5060),
        (Transport::Tcp, "_sip._tcp.example.com", 5060),
        (Transport::Tls, "_sips._tcp.example.com", 5061),
    ] {
        let zone = [("example.com", address("192.0.2.1"))];
        let (located, asked) = search(&zone, None, transport);
        assert_eq!(asked[1], format!("Srv {name}"));
        assert_eq!(places(&located), [format!("192.0.2.1:{port} 0 1")]);
    }
}

#[test]
fn a_name_with_a_port_is_asked_for_its_addresses_only() {
    let zone = [("example.com", address("192.0.2.1"))];
    let (located, asked) = search(&zone, Some(5080), Transport::Udp);
    assert_eq!(places(&located), ["192.0.2.1:5080 0 1"]);
    assert_eq!(asked, ["A example.com", "Aaaa example.com"]);
}

#[test]
fn a_service_that_is_denied_or_a_name_that_is_not_there_leads_nowhere() {
    let zone = [
        ("_sip._udp.example.com", srv(0, 0, 5060, ".")),
        ("example.com", address("192.0.2.1")),
    ];
    assert_eq!(places(&search(&zone, None, Transport::Udp).0), [""; 0]);
    let (nowhere, _) = search(&[], None, Transport::Udp);
    assert_eq!(
        (places(&nowhere), nowhere.ttl),
        (vec![], limits::DNS_TTL_SHORTEST)
    );
}

#[test]
fn addresses_of_nobody_and_of_many_are_left_out() {
    let zone = ["0.0.0.0", "224.0.0.1", "::", "ff02::1", "192.0.2.1"]
        .map(|ip| ("example.com", address(ip)));
    let (located, _) = search(&zone, Some(5060), Transport::Udp);
    assert_eq!(places(&located), ["192.0.2.1:5060 0 1"]);
}

#[test]
fn a_zone_may_name_so_many_targets_and_addresses_and_hold_for_so_long() {
    let name = |n: usize| format!("t{n}.example.com");
    let targets: Vec<_> = (0..=limits::DNS_TARGETS).map(name).collect();
    let mut zone = Vec::new();
    for target in &targets {
        zone.push(("_sip._udp.example.com", srv(0, 0, 5060, target)));
        for n in 0..=limits::DNS_ADDRESSES {
            zone.push((target, address(&format!("192.0.2.{n}"))));
            let last = zone.len() - 1;
            if n == 0 {
                zone[last].1 = address("192.0.2.250");
            }
        }
    }
    let (located, asked) = search(&zone, None, Transport::Udp);
    assert_eq!(asked.len(), 2 + 2 * limits::DNS_TARGETS);
    assert_eq!(
        located.places.len(),
        limits::DNS_TARGETS * limits::DNS_ADDRESSES
    );
    for (ttl, held) in [
        (0, limits::DNS_TTL_SHORTEST),
        (u32::MAX, limits::DNS_TTL_LONGEST),
    ] {
        let mut search = Search::new("example.com", Some(5060), Transport::Udp);
        let records = vec![address("192.0.2.1")];
        search.answer(Answer { records, ttl });
        assert_eq!(search.finish().ttl, held);
    }
}
