use std::{collections::BTreeMap, net::SocketAddr, sync::Arc};

use model::{
    FaultPolicy, Hop, IdSource, Phone, PhoneId, Prefix, TenantConfig, TenantId, Transport, Trunk,
    TrunkId,
};
use sip::Flow;

use super::Sources;
use crate::{gateways::Gateways, hop};

type Tenants = BTreeMap<TenantId, Arc<TenantConfig>>;

/// How many lines a tenant has, and how many blocks.
const EACH: u32 = 1_000;

/// Ten tenants. Of the lines two are at one address, and every third makes connections; the blocks have
/// seven lengths.
fn town() -> Tenants {
    let mut ids = IdSource::new([7; 32], 0, 0);
    let mut town = Tenants::new();
    for n in 0..10 {
        let address = SocketAddr::from(([198, 51, 100, n as u8], 5060));
        let mut trunks = [0, 1].map(|_| Trunk::new(TrunkId::mint(&mut ids, 1), "carrier", address));
        let mut phones = BTreeMap::new();
        for k in 0..EACH {
            let host = 0x0a00_0000 + n * EACH / 2 + k / 2;
            let phone = Phone {
                id: PhoneId::mint(&mut ids, 1),
                user: format!("u{k}"),
                address: Some((host.to_be_bytes(), 5060 + (k % 2) as u16).into()),
                transport: if k % 3 == 0 {
                    Transport::Tcp
                } else {
                    Transport::Udp
                },
                voice: model::Voice::default(),
            };
            phones.insert(phone.user.clone(), phone);
            let (net, length) = (k / 256, 26 + k % 7);
            let block: Prefix = format!("172.{n}.{net}.{}/{length}", k % 256)
                .parse()
                .unwrap();
            trunks[(k % 2) as usize].accept_from.push(block);
        }
        let tenant = TenantConfig {
            id: TenantId::mint(&mut ids, 1),
            name: format!("t{n}"),
            domain: format!("t{n}.example"),
            numbers: BTreeMap::new(),
            trunks: trunks.into(),
            phones,
            secrets: BTreeMap::new(),
            plugins: BTreeMap::new(),
            default_plugin: "makecall".into(),
            prompts: BTreeMap::new(),
            fault_policy: FaultPolicy::Release,
            media_timeout: None,
            rollouts: BTreeMap::new(),
            records_turns: true,
        };
        town.insert(tenant.id, Arc::new(tenant));
    }
    town
}

/// The line at a hop, found by looking at all of them.
fn scanned(town: &Tenants, from: Hop) -> Option<(TenantId, String)> {
    let phones = town
        .values()
        .flat_map(|tenant| tenant.phones.values().map(|phone| (tenant.id, phone)));
    let at_host = phones.filter(|(_, phone)| {
        let ip = phone.address.map(|address| address.ip());
        phone.transport == from.transport && ip == Some(from.address.ip())
    });
    let at_host: Vec<_> = at_host.collect();
    let mut lines = at_host.iter();
    let exact = lines.find(|(_, phone)| phone.address == Some(from.address));
    let found = match (exact, &at_host[..], from.transport) {
        (Some(line), ..) => line,
        (None, [only], Transport::Tcp) => only,
        _ => return None,
    };
    Some((found.0, found.1.user.clone()))
}

/// The trunks that accept an address, found by looking at all blocks.
fn scanned_trunks(town: &Tenants, from: SocketAddr) -> Vec<TrunkId> {
    let trunks = town.values().flat_map(|tenant| &tenant.trunks);
    let accepts = |trunk: &&Trunk| {
        let mut blocks = trunk.accept_from.iter();
        blocks.any(|block| block.contains(from.ip()))
    };
    trunks.filter(accepts).map(|trunk| trunk.id).collect()
}

#[test]
fn of_ten_thousand_lines_and_blocks_those_are_found_that_a_look_at_all_would_find() {
    let town = town();
    let sources = Sources::of(&town, &Gateways::default());
    let local = SocketAddr::from(([203, 0, 113, 1], 5060));
    let (mut lines, mut trunks) = (0, 0);
    for nth in 0..100_u32 {
        let line = 0x0a00_0000 + nth * 51;
        let net = 0xac00_0000 + ((nth % 11) << 16) + nth * 11;
        for (address, port) in [(line, 5060), (line, 5061), (line, 6000), (net, 5060)] {
            let remote = SocketAddr::from((address.to_be_bytes(), port));
            for transport in [sip::Transport::Udp, sip::Transport::Tcp] {
                let flow = Flow {
                    transport,
                    local,
                    remote,
                    name: None,
                };
                let from = hop::hop(flow);
                let line = sources.line(from).map(|(id, user)| (id, user.to_owned()));
                assert_eq!(line, scanned(&town, from), "{from:?}");
                let accepting = sources.accepting(&town, remote.ip());
                let accepting: Vec<_> = accepting.iter().map(|(_, trunk)| trunk.id).collect();
                assert_eq!(accepting, scanned_trunks(&town, remote), "{remote}");
                let exact = line.is_some() && transport == sip::Transport::Udp;
                assert_eq!(sources.has_line(flow), exact);
                assert!(sources.know(flow) || line.is_none() && accepting.is_empty());
                lines += u32::from(line.is_some());
                trunks += accepting.len();
            }
        }
    }
    assert!(lines > 300 && trunks > 100, "{lines} {trunks}");
}
