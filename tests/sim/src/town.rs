//! The tenants that live in the simulated world, all with the same numbers, so that nothing but their
//! addresses tells them apart.
//!
//! | number | what it is | where |
//! |---|---|---|
//! | 1001, 1002 | telephones of the tenant, known by their address | 10.0.*n*.1, 10.0.*n*.2 |
//! | 3001, 3003 | telephones somewhere in the network, behind a trunk each | 10.0.*n*.31, 10.0.*n*.33 |
//! | 3002 | another telephone of the tenant | 10.0.*n*.32 |
//! | 2001, 2002 | its private numbers | |

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
};

use model::{
    ActivePlugin, Binding, FaultPolicy, Gateway, Ha1, Hop, IdSource, Number, NumberId, Peer, Phone,
    PhoneId, TenantConfig, TenantId, Transport, Trunk, TrunkId,
};

use sip::digest::Login;

/// Who can call in a town: users of telephones that are the tenant's own.
pub const CALLERS: [&str; 2] = ["1001", "1002"];
/// Whom they can call.
pub const CALLEES: [&str; 3] = ["3001", "3002", "3003"];
/// Through which private numbers.
pub const NUMBERS: [&str; 2] = ["2001", "2002"];

/// Where the node takes SIP.
pub const NODE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)), 5060);

/// The same for telephones of IPv6.
pub const NODE6: SocketAddr = SocketAddr::new(
    IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)),
    5060,
);

/// Where the node takes SIP from there.
pub fn node_for(peer: SocketAddr) -> SocketAddr {
    if peer.is_ipv4() { NODE } else { NODE6 }
}

/// The tenant with that name and number, whose calls and requests `script` decides: the digest by
/// which the policies of this world know it.
pub fn tenant(name: &str, n: u8, script: &str) -> TenantConfig {
    let mut ids = IdSource::new([n; 32], 0, 0);
    let phones = ["1001", "1002", "3002"].map(|user| {
        let phone = Phone {
            id: PhoneId::mint(&mut ids, 1),
            user: user.to_owned(),
            address: Some(sip_address(n, user)),
            transport: Transport::Udp,
            voice: model::Voice::default(),
        };
        (user.to_owned(), phone)
    });
    let numbers = NUMBERS.map(|number| {
        let owned = Number {
            id: NumberId::mint(&mut ids, 1),
            number: number.to_owned(),
            plugin: "makecall".to_owned(),
        };
        (number.to_owned(), owned)
    });
    let trunks = ["3001", "3003"].map(|prefix| Trunk {
        accept_from: vec![
            sip_address(n, prefix)
                .ip()
                .to_string()
                .parse()
                .expect("an address is a block of one"),
        ],
        prefixes: vec![prefix.to_owned()],
        ..Trunk::new(
            TrunkId::mint(&mut ids, 1),
            &format!("carrier-{prefix}"),
            sip_address(n, prefix),
        )
    });
    TenantConfig {
        id: TenantId::mint(&mut ids, 1),
        name: name.to_owned(),
        domain: format!("{name}.example"),
        numbers: numbers.into(),
        trunks: trunks.into(),
        phones: phones.into(),
        secrets: BTreeMap::new(),
        plugins: [("makecall".to_owned(), plugin(script))].into(),
        default_plugin: "makecall".to_owned(),
        prompts: BTreeMap::new(),
        fault_policy: FaultPolicy::Release,
        media_timeout: None,
        rollouts: BTreeMap::new(),
        records_turns: true,
    }
}

/// The same tenant with a telephone that registers under that user and password.
pub fn with_phone(mut tenant: TenantConfig, user: &str, password: &str) -> TenantConfig {
    let login = Login {
        username: user.to_owned(),
        password: password.to_owned(),
    };
    let [md5, sha256] = login.ha1(&tenant.domain);
    let mut ids = IdSource::new([99; 32], 0, 0);
    let phone = Phone {
        id: PhoneId::mint(&mut ids, 1),
        user: user.to_owned(),
        address: None,
        transport: Transport::Udp,
        voice: model::Voice::default(),
    };
    tenant.phones.insert(user.to_owned(), phone);
    let secret = Ha1::new(&md5, &sha256);
    tenant.secrets.insert(user.to_owned(), secret);
    tenant
}

/// The same tenant, all of whose telephones speak SIP over this.
pub fn over(transport: Transport, mut tenant: TenantConfig) -> TenantConfig {
    for phone in tenant.phones.values_mut() {
        phone.transport = transport;
    }
    for trunk in &mut tenant.trunks {
        trunk.transport = transport;
    }
    tenant
}

/// The telephones that phone 3002 has registered, which is no line then: their names and preferences, 0
/// to 1000. They are at 10.0.*n*.101 and following.
pub fn bindings(n: u8, transport: Transport, telephones: &[(&str, u16)]) -> Vec<Binding> {
    let binding = |(host, (name, q)): (u8, &(&str, u16))| {
        let address = SocketAddr::from(([10, 0, n, host], 5060));
        Binding {
            contact: format!("sip:{name}@{address}"),
            outbound: None,
            path: vec![],
            q: *q,
            local: NODE,
            hop: Hop {
                transport,
                address,
                name: None,
            },
            call_id: format!("registration of {name}"),
            cseq: 1,
            renewed: 255 - u64::from(host),
            expires: u64::MAX,
        }
    };
    (101..).zip(telephones).map(binding).collect()
}

/// The same tenant, whose trunk to 3001 has further gateways of these priorities and weights. Their
/// telephones are 3001-2 and so on, at 10.0.*n*.131 and following.
pub fn with_gateways(mut tenant: TenantConfig, n: u8, gateways: &[(u16, u16)]) -> TenantConfig {
    let others = (131..)
        .zip(gateways)
        .map(|(host, &(priority, weight))| Gateway {
            peer: SocketAddr::from(([10, 0, n, host], 5060)).into(),
            priority,
            weight,
        });
    if let Some(trunk) = tenant.trunks.first_mut() {
        trunk.others = others.collect();
    }
    tenant
}

/// The same tenant, one of whose telephones, or the carrier of that prefix, is at an address of IPv6.
pub fn over_ipv6(mut tenant: TenantConfig, user: &str) -> TenantConfig {
    let moved = |at: SocketAddr| {
        let SocketAddr::V4(at) = at else {
            return at;
        };
        let [_, _, n, host] = at.ip().octets().map(u16::from);
        let ip = Ipv6Addr::new(0x2001, 0xdb8, 0, n, 0, 0, 0, host);
        SocketAddr::from((ip, at.port()))
    };
    if let Some(phone) = tenant.phones.get_mut(user) {
        phone.address = phone.address.map(moved);
    }
    let mut trunks = tenant.trunks.iter_mut();
    if let Some(trunk) = trunks.find(|trunk| trunk.prefixes[0] == user)
        && let Peer::At(address) = trunk.address
    {
        trunk.address = moved(address).into();
    }
    tenant
}

/// Where a user of a tenant takes SIP.
pub fn sip_address(n: u8, user: &str) -> SocketAddr {
    let host = match user {
        "1001" => 1,
        "1002" => 2,
        "3001" => 31,
        "3002" => 32,
        _ => 33,
    };
    SocketAddr::from(([10, 0, n, host], 5060))
}

fn plugin(script: &str) -> ActivePlugin {
    let mut exports = vec!["request-events", "transfer-events"];
    let is_room = ["conference", "conference-room", "crier"].contains(&script);
    if ["keypad", "collector"].contains(&script) {
        exports.extend(["command-events", "digit-events", "timer-events", "upgrade"]);
    }
    if script == "ivr" {
        exports.extend(["digit-events", "media-events"]);
    }
    let settings = is_room.then(|| ("pin".to_owned(), "42".to_owned()));
    if is_room || script == "memo" {
        exports.push("digit-events");
    }
    if is_room {
        exports.extend(["command-events", "conference-events", "timer-events"]);
    }
    if ["memo", "voicemail"].contains(&script) {
        exports.push("media-events");
    }
    let exports = exports.into_iter();
    ActivePlugin {
        name: "makecall".to_owned(),
        version: 1,
        digest: script.to_owned(),
        exports: exports
            .map(|name| format!("jackfield:policy/{name}@0.1.0"))
            .collect(),
        settings: Arc::new(settings.into_iter().collect()),
    }
}
