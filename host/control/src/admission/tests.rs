use std::collections::BTreeSet;

use model::{FaultPolicy, IdSource, Number, NumberId, Phone, PhoneId, Rule, Rules, TrunkId};
use sip::{DialogId, Flow, Transport};

use super::*;

/// As a shard does it, which keeps the index.
fn admit(
    tenants: &BTreeMap<TenantId, Arc<TenantConfig>>,
    gateways: &Gateways,
    phone: Option<(&Arc<TenantConfig>, &str)>,
    call: &Incoming,
) -> Result<Admitted, Refused> {
    let sources = Sources::of(tenants, gateways);
    super::admit(tenants, &sources, gateways, phone, call)
}

/// A tenant with one number, one line if `line`, and a trunk that accepts 192.0.2.0/24.
fn tenant(
    ids: &mut IdSource,
    name: &str,
    number: &str,
    trunk_port: u16,
    line: Option<&str>,
) -> Arc<TenantConfig> {
    let plugin = ActivePlugin {
        name: "makecall".into(),
        version: 1,
        digest: "sha256:0".into(),
        exports: BTreeSet::new(),
        settings: Arc::default(),
    };
    let number = Number {
        id: NumberId::mint(ids, 1),
        number: number.into(),
        plugin: "makecall".into(),
    };
    let trunk = Trunk {
        accept_from: vec!["192.0.2.0/24".parse().unwrap()],
        trust_identity: name == "acme",
        ..Trunk::new(
            TrunkId::mint(ids, 1),
            "carrier",
            std::net::SocketAddr::from(([192, 0, 2, 1], trunk_port)),
        )
    };
    let phones = line.map(|address| Phone {
        id: PhoneId::mint(ids, 1),
        user: "1001".into(),
        address: Some(address.parse().unwrap()),
        transport: model::Transport::Udp,
        voice: model::Voice::default(),
    });
    Arc::new(TenantConfig {
        id: TenantId::mint(ids, 1),
        name: name.into(),
        domain: format!("{name}.example"),
        numbers: BTreeMap::from([(number.number.clone(), number)]),
        trunks: vec![trunk],
        phones: phones.into_iter().map(|p| (p.user.clone(), p)).collect(),
        secrets: BTreeMap::new(),
        plugins: BTreeMap::from([("makecall".into(), plugin)]),
        default_plugin: "makecall".into(),
        prompts: BTreeMap::new(),
        fault_policy: FaultPolicy::Release,
        media_timeout: None,
        rollouts: std::collections::BTreeMap::new(),
        records_turns: true,
    })
}

/// acme: number 2001, its trunk on port 5060, a line. umbrella: number 4001, its trunk on port 5080.
fn two() -> BTreeMap<TenantId, Arc<TenantConfig>> {
    let mut ids = IdSource::new([8; 32], 0, 0);
    let acme = tenant(&mut ids, "acme", "2001", 5060, Some("198.51.100.7:5071"));
    let umbrella = tenant(&mut ids, "umbrella", "4001", 5080, None);
    BTreeMap::from([(acme.id, acme), (umbrella.id, umbrella)])
}

fn call(from: &str, to: &str) -> Incoming {
    let uri = |text: &str| text.parse::<Uri>().unwrap();
    Incoming {
        replaces: None,
        proven: None,
        dialog: DialogId(1),
        flow: Flow {
            transport: Transport::Udp,
            local: ([192, 0, 2, 99], 5060).into(),
            remote: from.parse().unwrap(),
            name: None,
        },
        sent_by_port: 5060,
        call_id: "x".into(),
        max_forwards: 70,
        request_uri: uri(&format!("sip:{to}@192.0.2.99")),
        from: uri("sip:+49151@carrier.example"),
        to: uri(&format!("sip:{to}@192.0.2.99")),
        asserted: None,
        headers: vec![],
        sdp: None,
    }
}

/// Whose call it is and who calls, or the status.
fn check(from: &str, to: &str) -> Result<(String, String), u16> {
    let admitted = admit(&two(), &Gateways::default(), None, &call(from, to))
        .map_err(|refused| refused.status)?;
    Ok((admitted.tenant.name.clone(), admitted.from.to_string()))
}

fn of(tenant: &str, from: &str) -> (String, String) {
    (tenant.to_owned(), from.to_owned())
}

/// A call over that transport from there, whose Via names that port, to acme, which has one line of
/// connections, or two: whether it is known, and who it is.
fn check_stream(
    is_alone: bool,
    transport: Transport,
    from: &str,
    sent_by_port: u16,
) -> (bool, Result<String, u16>) {
    let mut tenants = two();
    let acme = tenants.values_mut().find(|it| it.name == "acme").unwrap();
    let phones = &mut Arc::make_mut(acme).phones;
    for phone in phones.values_mut() {
        phone.transport = model::Transport::Tcp;
    }
    let mut other = phones["1001"].clone();
    other.user = "1002".into();
    other.address = Some("198.51.100.7:5073".parse().unwrap());
    if !is_alone {
        phones.insert(other.user.clone(), other);
    }
    let mut call = call(from, "2001");
    call.flow.transport = transport;
    call.sent_by_port = sent_by_port;
    let known = Sources::of(&tenants, &Gateways::default()).know(call.flow);
    let admitted =
        admit(&tenants, &Gateways::default(), None, &call).map_err(|refused| refused.status);
    (known, admitted.map(|it| it.from.to_string()))
}

#[test]
fn a_line_of_connections_is_known_by_its_host_and_among_several_by_the_port_of_its_via() {
    let (udp, tcp) = (Transport::Udp, Transport::Tcp);
    let line = |user: &str| (true, Ok(format!("sip:{user}@acme.example")));
    for is_alone in [true, false] {
        let check = |transport, from, port| check_stream(is_alone, transport, from, port);
        assert_eq!(check(tcp, "198.51.100.7:40000", 5071), line("1001"));
        assert_eq!(check(tcp, "198.51.100.8:5071", 5071), (false, Err(403)));
        assert_eq!(check(udp, "198.51.100.7:5071", 5071), (false, Err(403)));
    }
    assert_eq!(
        check_stream(true, tcp, "198.51.100.7:40000", 40_000),
        line("1001")
    );
    assert_eq!(
        check_stream(false, tcp, "198.51.100.7:40000", 40_000),
        (true, Err(403))
    );
    assert_eq!(
        check_stream(false, tcp, "198.51.100.7:40000", 5073),
        line("1002")
    );
}

#[test]
fn a_line_is_who_it_is_known_as() {
    assert_eq!(
        check("198.51.100.7:5071", "2001"),
        Ok(of("acme", "sip:1001@acme.example"))
    );
    assert_eq!(
        check("198.51.100.7:5072", "2001"),
        Err(403),
        "another port is a stranger"
    );
    assert_eq!(
        check("198.51.100.7:5071", "4001"),
        Err(404),
        "another tenant's number"
    );
}

#[test]
fn the_number_tells_the_tenant_whatever_the_port_says() {
    let carrier = "sip:+49151@carrier.example";
    assert_eq!(check("192.0.2.1:5060", "2001"), Ok(of("acme", carrier)));
    // acme's carrier sends from the port that umbrella's trunk happens to name.
    assert_eq!(check("192.0.2.1:5080", "2001"), Ok(of("acme", carrier)));
    assert_eq!(
        check("192.0.2.1:6000", "4001").map(|found| found.0),
        Ok("umbrella".to_owned())
    );
}

#[test]
fn a_trunk_that_is_not_trusted_names_nobody() {
    let anonymous = "sip:anonymous@anonymous.invalid";
    assert_eq!(
        check("192.0.2.1:5080", "4001"),
        Ok(of("umbrella", anonymous))
    );
}

#[test]
fn what_a_trusted_trunk_asserts_counts_more_than_from() {
    let mut asserted = call("192.0.2.1:5060", "2001");
    asserted.asserted = Some("sip:1001@carrier.example".parse().unwrap());
    let admitted = admit(&two(), &Gateways::default(), None, &asserted).unwrap();
    assert_eq!(admitted.from.user(), "1001");
}

#[test]
fn a_number_that_nobody_owns_is_not_found() {
    assert_eq!(check("192.0.2.1:5060", "9999"), Err(404));
    assert_eq!(
        check("203.0.113.1:5060", "2001"),
        Err(403),
        "a source that nobody knows"
    );
}

#[test]
fn every_source_of_a_tenant_is_known() {
    let sources = Sources::of(&two(), &Gateways::default());
    for (source, known) in [
        ("198.51.100.7:5071", true),
        ("198.51.100.7:5072", false),
        ("192.0.2.200:1", true),
        ("203.0.113.1:5060", false),
    ] {
        let flow = call(source, "2001").flow;
        assert_eq!(sources.know(flow), known, "{source}");
    }
}

/// A call from there to the Contact of acme's trunk, which registers, with these headers and this To.
fn check_contact(from: &str, named: Option<&str>, to: &str) -> Result<String, u16> {
    let mut tenants = two();
    let acme = tenants.values_mut().find(|it| it.name == "acme").unwrap();
    let trunk = &mut Arc::make_mut(acme).trunks[0];
    trunk.register = Some(model::Register {
        login: model::Login {
            user: "acme".into(),
            password: "secret".into(),
        },
        registrar: Some("203.0.113.5:5060".parse().unwrap()),
        expires: 60,
    });
    let id = trunk.id;
    let mut call = call(from, &id.to_string());
    call.to = format!("sip:{to}@carrier.example").parse().unwrap();
    let called = named.map(|uri| ("P-Called-Party-ID".to_owned(), format!("<{uri}>")));
    call.headers.extend(called);
    let gateways = Gateways::default();
    let known = Sources::of(&tenants, &gateways).know(call.flow);
    let admitted = admit(&tenants, &gateways, None, &call).map_err(|refused| refused.status);
    assert!(known || admitted.is_err());
    let admitted = admitted?;
    let whose = (admitted.tenant.name.as_str(), admitted.trunk);
    assert_eq!(whose, ("acme", Some(id)));
    Ok(admitted.to.to_string())
}

#[test]
fn a_call_to_the_contact_of_a_trunk_is_the_trunks_if_it_comes_from_its_carrier() {
    let ours = Ok("sip:2001@carrier.example".to_owned());
    for carrier in [
        "203.0.113.5:5060",
        "203.0.113.5:40000",
        "192.0.2.1:5060",
        "192.0.2.77:5",
    ] {
        assert_eq!(check_contact(carrier, None, "2001"), ours, "{carrier}");
    }
    // Not from a line of the tenant either, nor from anywhere else.
    for other in ["203.0.113.6:5060", "198.51.100.7:5071"] {
        assert_eq!(check_contact(other, None, "2001"), Err(403), "{other}");
    }
}

#[test]
fn whom_such_a_call_is_for_its_carrier_says() {
    let from = "203.0.113.5:5060";
    let called = "sip:2001@carrier.example";
    let found = check_contact(from, Some(called), "4711");
    assert_eq!(found, Ok(called.to_owned()));
    assert_eq!(check_contact(from, None, "4711"), Err(404));
    assert_eq!(
        check_contact(from, Some("sip:4711@x.example"), "2001"),
        Err(404)
    );
}

#[test]
fn a_trunk_that_does_not_register_has_no_contact() {
    let tenants = two();
    let id = tenants.values().next().unwrap().trunks[0].id;
    let call = call("192.0.2.1:5060", &id.to_string());
    let refused = admit(&tenants, &Gateways::default(), None, &call).unwrap_err();
    assert_eq!(refused.status, 403);
}

#[test]
fn a_number_is_looked_for_as_each_trunk_spells_it() {
    let rules = |strip: usize, prepend: &str| {
        let (prefix, prepend) = ("+49".to_owned(), prepend.to_owned());
        let rule = Rule {
            prefix,
            strip,
            prepend,
        };
        Rules::new(vec![rule]).unwrap()
    };
    let mut tenants = two();
    for tenant in tenants.values_mut() {
        let (called, caller) = match tenant.name.as_str() {
            "acme" => (rules(3, ""), rules(3, "0")),
            _ => (rules(3, "4"), Rules::default()),
        };
        let trunk = &mut Arc::make_mut(tenant).trunks[0];
        trunk.rewrite.inbound.called = called;
        trunk.rewrite.inbound.caller = caller;
    }
    let check = |to: &str| {
        let admitted = admit(
            &tenants,
            &Gateways::default(),
            None,
            &call("192.0.2.1:6000", to),
        )?;
        let Admitted {
            number, from, to, ..
        } = admitted;
        Ok((number, from.to_string(), to.to_string()))
    };
    let admitted = |number: &str, from: &str| {
        let to = format!("sip:{number}@192.0.2.99");
        Ok((number.to_owned(), from.to_owned(), to))
    };
    assert_eq!(
        check("+492001"),
        admitted("2001", "sip:0151@carrier.example")
    );
    let anonymous = "sip:anonymous@anonymous.invalid";
    assert_eq!(check("+49001"), admitted("4001", anonymous));
    let status = |to: &str| check(to).map_err(|refused: Refused| refused.status);
    assert_eq!(status("+499999"), Err(403), "it could be of both");
    assert_eq!(status("+49"), Err(403));
    // Of one tenant alone it is known whose rules it does not fit.
    let alone = tenants.iter().filter(|(_, tenant)| tenant.name == "acme");
    let alone = alone
        .map(|(id, tenant)| (*id, Arc::clone(tenant)))
        .collect();
    let refused = admit(
        &alone,
        &Gateways::default(),
        None,
        &call("192.0.2.1:6000", "+49"),
    )
    .unwrap_err();
    assert_eq!(refused.status, 484);
}
