//! Bindings come and go, and nothing is left of them.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc};

use model::{Binding, FaultPolicy, Ha1, Hop, IdSource, TenantConfig, TenantId, Transport};
use sip::Flow;

use super::Locations;

fn tenant(id: TenantId, users: &[(&str, &str)]) -> TenantConfig {
    let secret = |(user, secret): &(&str, &str)| ((*user).to_owned(), Ha1::new(secret, secret));
    TenantConfig {
        id,
        name: "acme".to_owned(),
        domain: "acme.example".to_owned(),
        numbers: BTreeMap::new(),
        trunks: vec![],
        phones: BTreeMap::new(),
        secrets: users.iter().map(secret).collect(),
        plugins: BTreeMap::new(),
        default_plugin: "makecall".to_owned(),
        prompts: BTreeMap::new(),
        fault_policy: FaultPolicy::Release,
        media_timeout: None,
        rollouts: BTreeMap::new(),
        records_turns: true,
    }
}

fn peer(port: u16) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, 9], port))
}

fn binding(port: u16) -> Binding {
    Binding {
        contact: format!("sip:1001@{}", peer(port)),
        outbound: None,
        path: vec![],
        q: 1000,
        local: peer(5060),
        hop: Hop {
            transport: Transport::Udp,
            address: peer(port),
            name: None,
        },
        call_id: "a".to_owned(),
        cseq: 1,
        renewed: 0,
        expires: 1,
    }
}

fn knows(locations: &Locations, port: u16) -> bool {
    locations.know(Flow {
        transport: sip::Transport::Udp,
        local: peer(5060),
        remote: peer(port),
        name: None,
    })
}

fn all(ports: &[u16]) -> Arc<[Binding]> {
    ports.iter().copied().map(binding).collect()
}

#[test]
fn a_flow_is_known_as_long_as_a_binding_has_it() {
    let mut ids = IdSource::new([1; 32], 0, 0);
    let [acme, bell] = [1, 2].map(|at| TenantId::mint(&mut ids, at));
    let mut locations = Locations::default();
    locations.set(acme, "1001", all(&[1, 2]));
    locations.set(bell, "1001", all(&[2]));
    assert_eq!(locations.len(), 3);
    assert_eq!(locations.of(acme, "1001").len(), 2);
    assert!(locations.of(bell, "1002").is_empty());
    locations.set(acme, "1001", all(&[3]));
    assert!(!knows(&locations, 1) && knows(&locations, 2) && knows(&locations, 3));
    locations.set(bell, "1001", all(&[]));
    assert!(!knows(&locations, 2));
    locations.gone(acme);
    assert!(!knows(&locations, 3));
    assert_eq!(locations.len(), 0);
    assert!(locations.tenants.is_empty() && locations.peers.is_empty());
}

#[test]
fn a_phone_that_is_deleted_or_has_another_password_is_nowhere() {
    let acme = TenantId::mint(&mut IdSource::new([1; 32], 0, 0), 1);
    let mut locations = Locations::default();
    for (port, user) in [(1, "1001"), (2, "1002"), (3, "1003")] {
        locations.set(acme, user, all(&[port]));
    }
    let before = tenant(acme, &[("1001", "a"), ("1002", "b"), ("1003", "c")]);
    let after = tenant(acme, &[("1001", "a"), ("1002", "x")]);
    locations.changed(&before, &after);
    assert_eq!(locations.len(), 1);
    assert!(knows(&locations, 1));
}
