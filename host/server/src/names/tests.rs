//! Names against a zone that the tests keep themselves, by hand and by UDP.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use model::{FaultPolicy, Gateway, IdSource, Peer, TenantConfig, TenantId, Trunk, TrunkId};
use sip::locate::{Answer, Kind, Query, Record};
use tokio::{net::UdpSocket, sync::mpsc};

use super::{NAMES, Names, dns::Dns};
use crate::{shard::Mail, tls::Certified};

/// A tenant whose trunk has these names.
fn config(names: &[&str]) -> TenantConfig {
    let mut ids = IdSource::new([7; 32], 0, 0);
    let peer = |name: &&str| name.parse::<Peer>().unwrap();
    let id = TrunkId::mint(&mut ids, 1);
    let mut trunk = Trunk::new(id, "carrier", SocketAddr::from(([192, 0, 2, 1], 5060)));
    trunk.others = names
        .iter()
        .map(|name| Gateway {
            peer: peer(name),
            priority: 1,
            weight: 1,
        })
        .collect();
    TenantConfig {
        id: TenantId::mint(&mut ids, 1),
        name: "acme".to_owned(),
        domain: "acme.example".to_owned(),
        numbers: BTreeMap::new(),
        trunks: vec![trunk],
        phones: BTreeMap::new(),
        secrets: BTreeMap::new(),
        plugins: BTreeMap::new(),
        default_plugin: "makecall".to_owned(),
        prompts: BTreeMap::new(),
        fault_policy: FaultPolicy::Release,
        media_timeout: None,
        rollouts: BTreeMap::new(),
        records_turns: true,
    }
}

async fn told(mail: &mut mpsc::Receiver<Mail>) -> (String, Vec<String>) {
    loop {
        if let Some(Mail::Named(named)) = mail.recv().await {
            let places = named.places.iter();
            let places = places.map(|place| place.address.to_string());
            return (named.peer.to_string(), places.collect());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn shards_are_told_where_names_lead_when_that_changes() {
    let (shard, mut mail) = mpsc::channel(8);
    let names = Names::default();
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let ask = async move |query: &Query| {
        // The first search finds one address, the second fails, the third finds another.
        let nth = count.fetch_add(1, Ordering::Relaxed);
        match (query.kind, nth) {
            (_, 2..=3) => Err("servfail".to_owned()),
            (Kind::A, nth) => Ok(Answer {
                records: vec![Record::Address(Ipv4Addr::new(192, 0, 2, nth as u8).into())],
                ttl: 60,
            }),
            _ => Ok(Answer::default()),
        }
    };
    let config = config(&["sip.example.com:5080"]);
    let scene = async {
        names.published(config.id, Some(&config));
        let name = "sip.example.com:5080".to_owned();
        assert_eq!(
            told(&mut mail).await,
            (name.clone(), vec!["192.0.2.0:5080".to_owned()])
        );
        // What was found holds through a failure, and is looked for again.
        assert_eq!(
            told(&mut mail).await,
            (name.clone(), vec!["192.0.2.4:5080".to_owned()])
        );
        names.published(config.id, None);
        assert_eq!(told(&mut mail).await, (name, vec![]));
    };
    tokio::select! {
        () = names.clone().run(ask, vec![shard], Certified::default()) => {}
        () = scene => {}
    }
}

#[tokio::test(start_paused = true)]
async fn who_is_reached_by_tls_must_prove_the_name_and_not_where_it_leads() {
    let (shard, mut mail) = mpsc::channel(8);
    let (names, certified) = (Names::default(), Certified::default());
    let ask = async |query: &Query| {
        let target = "gw.elsewhere.example".to_owned();
        let record = match (query.kind, query.name.as_str()) {
            (Kind::Srv, "_sips._tcp.carrier.example") => Record::Srv {
                priority: 1,
                weight: 1,
                port: 5071,
                target,
            },
            (Kind::A, "gw.elsewhere.example") => Record::Address([192, 0, 2, 1].into()),
            _ => return Ok(Answer::default()),
        };
        let records = vec![record];
        Ok(Answer { records, ttl: 60 })
    };
    let mut config = config(&["carrier.example"]);
    config.trunks[0].transport = model::Transport::Tls;
    names.published(config.id, Some(&config));
    let told = async {
        let Some(Mail::Named(named)) = mail.recv().await else {
            panic!("no name")
        };
        named
    };
    let named = tokio::select! {
        () = names.clone().run(ask, vec![shard], certified.clone()) => panic!("it ends"),
        named = told => named,
    };
    assert_eq!(named.places[0].address.to_string(), "192.0.2.1:5071");
    let number = sip::PeerName(named.certificate.unwrap().0);
    let name = certified.name(number).unwrap();
    assert_eq!(name.to_str(), "carrier.example");
}

#[test]
fn so_many_names_are_looked_up_and_no_more() {
    let names = Names::default();
    let mut ids = IdSource::new([8; 32], 0, 0);
    for n in 0..=NAMES {
        let tenant = TenantId::mint(&mut ids, 1);
        names.published(tenant, Some(&config(&[&format!("n{n}.example.com")])));
    }
    assert_eq!(names.wanted().len(), NAMES);
}

/// Answers each query with the record that its zone has of that name and type; others do not exist.
async fn serve(socket: UdpSocket, zone: &[(&str, u16, &[u8])]) {
    let mut buffer = [0; 512];
    while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
        let query = &buffer[..length];
        let end = query[12..].iter().position(|octet| *octet == 0).unwrap() + 13;
        let mut name = String::new();
        let mut at = 12;
        while query[at] > 0 {
            let label = &query[at + 1..=at + usize::from(query[at])];
            name.push_str(&String::from_utf8_lossy(label).to_lowercase());
            name.push('.');
            at += 1 + label.len();
        }
        let kind = u16::from_be_bytes([query[end], query[end + 1]]);
        let here = zone.iter().filter(|(of, is, _)| *of == name && *is == kind);
        let found: Vec<_> = here.collect();
        let mut answer = query[..2].to_vec();
        answer.extend([0x84, if found.is_empty() { 3 } else { 0 }, 0, 1]);
        answer.extend([0, found.len() as u8, 0, 0, 0, 0]);
        answer.extend(&query[12..end + 4]);
        for (_, kind, data) in found {
            answer.extend([0xc0, 12]);
            answer.extend(kind.to_be_bytes());
            answer.extend([0, 1, 0, 0, 0, 77]);
            answer.extend((data.len() as u16).to_be_bytes());
            answer.extend(*data);
        }
        socket.send_to(&answer, from).await.unwrap();
    }
}

#[tokio::test]
async fn the_dns_is_asked_for_every_kind_of_record() {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let dns = Dns::new(&[socket.local_addr().unwrap()]).unwrap();
    let zone: [(&str, u16, &[u8]); 4] = [
        (
            "example.com.",
            35,
            b"\0\x0a\0\x14\x01s\x07SIP+D2U\0\x04_sip\x04_udp\x07example\x03com\0",
        ),
        (
            "_sip._udp.example.com.",
            33,
            b"\0\x01\0\x02\x13\xc4\x02gw\x07example\x03com\0",
        ),
        ("gw.example.com.", 1, b"\xc0\0\x02\x09"),
        (
            "gw.example.com.",
            28,
            b"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01",
        ),
    ];
    let ask = async |name: &str, kind| {
        let name = name.to_owned();
        dns.ask(&Query { name, kind }).await.unwrap()
    };
    let scene = async {
        let naptr = ask("example.com", Kind::Naptr).await;
        assert_eq!(naptr.ttl, 77);
        let service = "_sip._udp.example.com".to_owned();
        let expect = Record::Naptr {
            order: 10,
            preference: 20,
            flags: "s".to_owned(),
            service: "SIP+D2U".to_owned(),
            replacement: service.clone(),
        };
        assert_eq!(naptr.records, [expect]);
        let srv = ask(&service, Kind::Srv).await.records;
        let expect = Record::Srv {
            priority: 1,
            weight: 2,
            port: 5060,
            target: "gw.example.com".to_owned(),
        };
        assert_eq!(srv, [expect]);
        for (kind, ip) in [(Kind::A, "192.0.2.9"), (Kind::Aaaa, "2001:db8::1")] {
            let found = ask("gw.example.com", kind).await.records;
            assert_eq!(found, [Record::Address(ip.parse().unwrap())]);
        }
        assert_eq!(ask("nobody.example.com", Kind::A).await, Answer::default());
    };
    tokio::select! {
        () = serve(socket, &zone) => {}
        () = scene => {}
    }
}
