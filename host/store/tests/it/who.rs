//! Tenants and what they have: numbers, trunks, phones.

use model::{
    Gateway, Health, Hop, Login, Phone, PhoneId, Prefix, Register, Transport, TrunkId, Via,
};
use store::{Page, StoreError, admin, limits};

use crate::home::{Home, NOW, built_in, conflict};

#[track_caller]
fn invalid<T: std::fmt::Debug>(answer: Result<T, StoreError>, name: &str) {
    match answer {
        Err(StoreError::Invalid { field, .. }) => assert_eq!(field, name),
        other => panic!("not refused: {other:?}"),
    }
}

#[tokio::test]
async fn a_new_tenant_has_its_key_and_the_built_in_policy_active() {
    let mut home = Home::new().await;
    let new = home.new_tenant("acme", "ACME.example");
    let tenant = admin::create_tenant(&home.store, &new, &built_in(1), NOW)
        .await
        .unwrap();
    assert_eq!(
        (tenant.domain.as_str(), tenant.created),
        ("acme.example", NOW)
    );
    let key = admin::key_of(&home.store, "jf_acme")
        .await
        .unwrap()
        .unwrap();
    assert_eq!((key.id, key.tenant), (new.key, Some(new.id)));

    let config = home.store.tenant_config(new.id).await.unwrap();
    assert_eq!(config.default_plugin, "makecall");
    let plugin = &config.plugins["makecall"];
    assert_eq!(
        (plugin.version, plugin.digest.as_str()),
        (1, "sha256:makecall build 1")
    );
    assert!(
        plugin.exports.contains("request-events"),
        "{:?}",
        plugin.exports
    );
}

#[tokio::test]
async fn a_tenant_that_cannot_be_made_leaves_nothing() {
    let mut home = Home::new().await;
    home.tenant("acme", "acme.example").await;
    let mut twin = home.new_tenant("twin", "twin.example");
    twin.secret = "jf_acme".into();
    conflict(
        admin::create_tenant(&home.store, &twin, &built_in(1), NOW).await,
        "key",
    );
    let missing = home.store.tenant(twin.id).await;
    assert_eq!(missing, Err(StoreError::NotFound { what: "tenant" }));
    for (name, domain, field) in [
        ("", "a.b", "name"),
        ("x", "a b", "domain"),
        ("x", "", "domain"),
    ] {
        let new = home.new_tenant(name, domain);
        invalid(
            admin::create_tenant(&home.store, &new, &built_in(1), NOW).await,
            field,
        );
    }
}

#[tokio::test]
async fn the_snapshot_holds_what_was_made_and_routes_by_it() {
    let mut home = Home::new().await;
    let acme = home.tenant("acme", "acme.example").await;
    home.number(acme, "2001").await.unwrap();
    home.line(acme, "1001", "127.0.0.1:5071").await.unwrap();
    let trunk = home
        .trunk(acme, "127.0.0.1:5070", "127.0.0.1/32")
        .await
        .unwrap();
    let settings = [("greeting".to_owned(), "hello".to_owned())].into();
    home.store
        .set_settings(acme, "makecall", &settings)
        .await
        .unwrap();

    let config = home.store.tenant_config(acme).await.unwrap();
    assert_eq!(config.numbers["2001"].plugin, "makecall");
    assert_eq!(*config.plugins["makecall"].settings, settings);
    let hop = |address: &str| Hop {
        transport: Transport::Udp,
        address: address.parse().unwrap(),
        name: None,
    };
    let check = |to: &str, via: Via, address: &[&str]| {
        let route = config.route(&to.parse().unwrap()).unwrap();
        assert_eq!(route.via, via, "{to}");
        let groups: Vec<_> = address.iter().map(|at| vec![hop(at).into()]).collect();
        assert_eq!(route.groups, groups, "{to}");
    };
    check("1001", Via::Phone, &["127.0.0.1:5071"]);
    check("3001", Via::Trunk(trunk), &[]);
    assert_eq!(config.trunks[0].address.to_string(), "127.0.0.1:5070");
    let block: Prefix = "127.0.0.1/32".parse().unwrap();
    assert_eq!(config.trunks[0].accept_from, [block]);

    let all = admin::tenant_configs(&home.store).await.unwrap();
    assert_eq!(all.len(), 1);
    assert_eq!(all[0].trunks, config.trunks);
}

#[tokio::test]
async fn a_number_and_a_user_belong_to_a_tenant_once() {
    let mut home = Home::new().await;
    let acme = home.tenant("acme", "acme.example").await;
    let evil = home.tenant("evil", "evil.example").await;
    home.number(acme, "2001").await.unwrap();
    conflict(home.number(acme, "2001").await, "2001");
    home.number(evil, "2001").await.unwrap();
    home.line(acme, "1001", "127.0.0.1:5071").await.unwrap();
    conflict(home.line(acme, "1001", "127.0.0.1:5072").await, "1001");
    home.line(evil, "1001", "127.0.0.1:5073").await.unwrap();
}

#[tokio::test]
async fn a_phone_has_an_address_or_a_password() {
    let mut home = Home::new().await;
    let acme = home.tenant("acme", "acme.example").await;
    let mut phone = Phone {
        id: PhoneId::mint(&mut home.ids, NOW),
        user: "1001".into(),
        address: None,
        transport: model::Transport::Udp,
        voice: model::Voice::default(),
    };
    invalid(
        home.store.create_phone(acme, &phone, None, NOW).await,
        "password",
    );
    invalid(
        home.store.create_phone(acme, &phone, Some(""), NOW).await,
        "password",
    );
    home.store
        .create_phone(acme, &phone, Some("secret"), NOW)
        .await
        .unwrap();
    assert_eq!(home.store.phone(acme, phone.id).await, Ok(phone.clone()));
    phone.address = Some("127.0.0.1:5071".parse().unwrap());
    invalid(
        home.store
            .create_phone(acme, &phone, Some("secret"), NOW)
            .await,
        "password",
    );
    invalid(home.line(acme, "1002", "127.0.0.1:0").await, "address");
}

#[tokio::test]
async fn two_tenants_have_no_lines_of_connections_at_one_ip_address() {
    let mut home = Home::new().await;
    let acme = home.tenant("acme", "acme.example").await;
    let other = home.tenant("other", "other.example").await;
    let mut line = |user: &str, address: &str, transport| Phone {
        id: PhoneId::mint(&mut home.ids, NOW),
        user: user.into(),
        address: Some(address.parse().unwrap()),
        transport,
        voice: model::Voice::default(),
    };
    let ours = line("1001", "192.0.2.1:5071", Transport::Tcp);
    let lines = [
        (acme, line("1002", "192.0.2.1:5072", Transport::Tcp), true),
        (other, line("1001", "192.0.2.1:5073", Transport::Tcp), false),
        // The port of a datagram tells them apart.
        (other, line("1002", "192.0.2.1:5074", Transport::Udp), true),
        (other, line("1003", "192.0.2.2:5071", Transport::Tcp), true),
    ];
    home.store
        .create_phone(acme, &ours, None, NOW)
        .await
        .unwrap();
    assert_eq!(home.store.phone(acme, ours.id).await, Ok(ours));
    for (tenant, line, is_made) in lines {
        let made = home.store.create_phone(tenant, &line, None, NOW).await;
        assert_eq!(made.is_ok(), is_made, "{line:?}: {made:?}");
    }
}

#[tokio::test]
async fn what_cannot_be_a_name_is_refused_by_its_member() {
    let mut home = Home::new().await;
    let acme = home.tenant("acme", "acme.example").await;
    for number in ["", "20 01", "2001\r\n", "a/b", &"1".repeat(65)] {
        invalid(home.number(acme, number).await, "number");
    }
    let mut trunk = home.a_trunk("carrier", "127.0.0.1:5070", "127.0.0.1");
    trunk.prefixes = vec!["00 49".into()];
    invalid(home.store.create_trunk(acme, &trunk, NOW).await, "prefixes");
    trunk.prefixes = vec![String::new(); limits::TRUNK_LIST + 1];
    invalid(home.store.create_trunk(acme, &trunk, NOW).await, "prefixes");
    let any = home.a_trunk("any", "0.0.0.0:5070", "127.0.0.1");
    invalid(home.store.create_trunk(acme, &any, NOW).await, "address");
    let unnamed = home.a_trunk(" ", "127.0.0.1:5070", "127.0.0.1");
    invalid(home.store.create_trunk(acme, &unnamed, NOW).await, "name");
}

#[tokio::test]
async fn a_number_leads_to_a_plugin_that_is_there() {
    let mut home = Home::new().await;
    let acme = home.tenant("acme", "acme.example").await;
    let number = model::Number {
        id: model::NumberId::mint(&mut home.ids, NOW),
        number: "2001".into(),
        plugin: "missing".into(),
    };
    invalid(home.store.create_number(acme, &number, NOW).await, "plugin");
}

#[tokio::test]
async fn a_tenant_has_no_more_trunks_than_it_may() {
    let mut home = Home::new().await;
    let acme = home.tenant("acme", "acme.example").await;
    for n in 0..limits::TRUNKS {
        let trunk = home.a_trunk(&format!("t{n}"), "127.0.0.1:5070", "127.0.0.1");
        home.store.create_trunk(acme, &trunk, NOW).await.unwrap();
    }
    let (what, most) = ("trunks", limits::TRUNKS);
    let refused = home.trunk(acme, "127.0.0.1:5070", "127.0.0.1").await;
    assert_eq!(refused, Err(StoreError::Limit { what, most }));
}

#[tokio::test]
async fn what_is_another_tenants_is_not_found() {
    let mut home = Home::new().await;
    let acme = home.tenant("acme", "acme.example").await;
    let evil = home.tenant("evil", "evil.example").await;
    let number = home.number(acme, "2001").await.unwrap();
    let trunk = home
        .trunk(acme, "127.0.0.1:5070", "127.0.0.1")
        .await
        .unwrap();
    let phone = home.line(acme, "1001", "127.0.0.1:5071").await.unwrap();
    let missing = |what| Err(StoreError::NotFound { what });
    let store = &home.store;
    assert_eq!(
        store.number(evil, number).await.map(drop),
        missing("number")
    );
    assert_eq!(store.delete_number(evil, number).await, missing("number"));
    assert_eq!(store.trunk(evil, trunk).await.map(drop), missing("trunk"));
    assert_eq!(store.delete_trunk(evil, trunk).await, missing("trunk"));
    assert_eq!(store.phone(evil, phone).await.map(drop), missing("phone"));
    assert_eq!(store.delete_phone(evil, phone).await, missing("phone"));
    assert_eq!(store.numbers(evil, &Page::first(9)).await.unwrap().data, []);

    store.delete_number(acme, number).await.unwrap();
    store.delete_trunk(acme, trunk).await.unwrap();
    store.delete_phone(acme, phone).await.unwrap();
    let config = store.tenant_config(acme).await.unwrap();
    assert!(config.numbers.is_empty() && config.trunks.is_empty() && config.phones.is_empty());
    let never = TrunkId::mint(&mut home.ids, NOW);
    assert_eq!(
        home.store.trunk(acme, never).await.map(drop),
        missing("trunk")
    );
}

#[tokio::test]
async fn pages_follow_each_other_without_gap_or_overlap() {
    let mut home = Home::new().await;
    let acme = home.tenant("acme", "acme.example").await;
    for number in 2001..2006 {
        home.number(acme, &number.to_string()).await.unwrap();
    }
    let mut seen = Vec::new();
    let mut page = Page::first(2);
    loop {
        let listed = home.store.numbers(acme, &page).await.unwrap();
        assert!(listed.data.len() <= 2);
        seen.extend(listed.data.iter().map(|number| number.number.clone()));
        page.after = listed.data.last().map(|number| number.id);
        if !listed.has_more {
            break;
        }
    }
    seen.sort();
    assert_eq!(seen, ["2001", "2002", "2003", "2004", "2005"]);
}

#[tokio::test]
async fn a_trunk_keeps_its_gateways_and_its_password_within_limits() {
    let mut home = Home::new().await;
    let acme = home.tenant("acme", "acme.example").await;
    let mut trunk = home.a_trunk("carrier", "192.0.2.1:5060", "192.0.2.0/24");
    let gateway = |priority| Gateway {
        peer: std::net::SocketAddr::from(([192, 0, 2, 2], 5080)).into(),
        priority,
        weight: 7,
    };
    trunk.others = (0..).take(model::limits::GATEWAYS).map(gateway).collect();
    trunk.auth = Some(Login {
        user: "acme".into(),
        password: "secret".into(),
    });
    let register = Register {
        login: Login {
            user: "acme".into(),
            password: "secret".into(),
        },
        registrar: Some("sip.example.com".parse().unwrap()),
        expires: 600,
    };
    trunk.register = Some(register.clone());
    trunk.health = Some(Health { interval: 30 });
    (trunk.max_calls, trunk.calls_per_second) = (Some(30), Some(5));
    home.store.create_trunk(acme, &trunk, NOW).await.unwrap();
    assert_eq!(home.store.trunk(acme, trunk.id).await.unwrap(), trunk);

    let mut more = home.a_trunk("other", "192.0.2.1:5060", "192.0.2.0/24");
    more.auth = Some(Login {
        user: "acme".into(),
        password: "x".repeat(limits::SECRET + 1),
    });
    invalid(home.store.create_trunk(acme, &more, NOW).await, "auth");
    more.auth = None;
    for expires in [59, 86_401] {
        let register = register.clone();
        more.register = Some(Register {
            expires,
            ..register
        });
        invalid(home.store.create_trunk(acme, &more, NOW).await, "register");
    }
    more.register = None;
    more.health = Some(Health { interval: 4 });
    invalid(home.store.create_trunk(acme, &more, NOW).await, "health");
    more.health = None;
    more.others = (0..)
        .take(model::limits::GATEWAYS + 1)
        .map(gateway)
        .collect();
    invalid(home.store.create_trunk(acme, &more, NOW).await, "gateways");
    more.others = vec![Gateway {
        peer: std::net::SocketAddr::from(([0, 0, 0, 0], 5060)).into(),
        ..gateway(1)
    }];
    invalid(home.store.create_trunk(acme, &more, NOW).await, "gateways");
}
