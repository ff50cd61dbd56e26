//! Phones that register: their secrets are in the snapshot, their bindings outlive the process.

use model::{Binding, Hop, Outbound, Phone, PhoneId, TenantId, Transport};
use store::{BindingChange, Changed, Located, NotChanged, StoreError, admin};

use crate::home::{Home, NOW};

async fn phone(home: &mut Home, tenant: TenantId, user: &str) -> PhoneId {
    let phone = Phone {
        id: PhoneId::mint(&mut home.ids, NOW),
        user: user.into(),
        address: None,
        transport: Transport::Udp,
        voice: model::Voice::default(),
    };
    let made = home.store.create_phone(tenant, &phone, Some("secret"), NOW);
    made.await.unwrap();
    phone.id
}

fn binding(contact: &str, expires: u64) -> Binding {
    Binding {
        contact: contact.into(),
        outbound: None,
        path: vec![],
        q: 1000,
        local: "127.0.0.1:5060".parse().unwrap(),
        hop: Hop {
            transport: Transport::Tcp,
            address: "192.0.2.9:61234".parse().unwrap(),
            name: None,
        },
        call_id: "c1".into(),
        cseq: 7,
        renewed: NOW,
        expires,
    }
}

/// Puts these in the place of what was there, and tells what that was.
async fn replace(home: &Home, tenant: TenantId, user: &str, by: &[Binding]) -> Vec<Binding> {
    let mut before = vec![];
    let change = |there: &[Binding]| {
        before = there.to_vec();
        Ok::<_, ()>(by.to_vec())
    };
    let after = change_one(home, tenant, user, change).await;
    assert_eq!(after, Ok(by.to_vec()));
    before
}

async fn change_one<E>(
    home: &Home,
    tenant: TenantId,
    user: &str,
    change: impl FnOnce(&[Binding]) -> Result<Vec<Binding>, E>,
) -> Changed<E> {
    let user = user.to_owned();
    let changes = vec![BindingChange {
        tenant,
        user,
        change,
    }];
    let mut outcomes = home.store.change_bindings(changes).await.unwrap();
    outcomes.remove(0)
}

/// Where all phones are.
async fn located(home: &Home) -> Vec<Located> {
    admin::bindings(&home.store).await.unwrap()
}

#[tokio::test]
async fn the_snapshot_has_the_secrets_of_phones_that_register_and_hides_them() {
    let mut home = Home::new().await;
    let acme = home.tenant("acme", "acme.example").await;
    phone(&mut home, acme, "1001").await;
    home.line(acme, "1002", "127.0.0.1:5071").await.unwrap();
    let config = home.store.tenant_config(acme).await.unwrap();
    assert_eq!(config.secrets.len(), 1, "a line has none");
    let secret = &config.secrets["1001"];
    // printf %s 1001:acme.example:secret | md5sum
    assert_eq!(secret.md5(), "13efbba9f73e8887f478f9b5221a7891");
    assert_eq!(
        secret.sha256(),
        "3e6004299928699c7d605c1f0c999d2de9f92cd86270b2b31e4dda693bedfecd"
    );
    assert!(!format!("{config:?}").contains("13efbba9f73e8887f478f9b5221a7891"));
}

#[tokio::test]
async fn bindings_are_there_after_a_restart_in_their_order() {
    let mut home = Home::new().await;
    let acme = home.tenant("acme", "acme.example").await;
    phone(&mut home, acme, "1001").await;
    let outbound = Outbound {
        instance: "<urn:uuid:1>".into(),
        reg_id: 1,
    };
    let full = Binding {
        outbound: Some(outbound),
        path: vec!["<sip:p1.example;lr>".into(), "<sip:p2.example;lr>".into()],
        q: 500,
        ..binding("sip:1001@[2001:db8::9]", NOW + 2)
    };
    let both = [full, binding("sip:1001@10.0.0.9", NOW + 1)];
    assert_eq!(replace(&home, acme, "1001", &both).await, []);
    let home = home.reopen().await;
    let there = (acme, "1001".to_owned(), both.to_vec());
    assert_eq!(located(&home).await, [there]);
    assert_eq!(replace(&home, acme, "1001", &both[1..]).await, both);
    assert_eq!(replace(&home, acme, "1001", &[]).await, both[1..]);
    assert_eq!(replace(&home, acme, "1001", &[]).await, []);
}

#[tokio::test]
async fn a_refused_change_changes_nothing() {
    let mut home = Home::new().await;
    let acme = home.tenant("acme", "acme.example").await;
    phone(&mut home, acme, "1001").await;
    let one = [binding("sip:1001@10.0.0.9", NOW + 1)];
    replace(&home, acme, "1001", &one).await;
    let refuse = |_: &[Binding]| Err("too old");
    let refused = change_one(&home, acme, "1001", refuse).await;
    assert_eq!(refused, Err(NotChanged::Refused("too old")));
    assert_eq!(replace(&home, acme, "1001", &one).await, one);
}

#[tokio::test]
async fn only_a_phone_of_the_tenant_that_registers_has_bindings() {
    let mut home = Home::new().await;
    let acme = home.tenant("acme", "acme.example").await;
    let evil = home.tenant("evil", "evil.example").await;
    phone(&mut home, acme, "1001").await;
    home.line(acme, "1002", "127.0.0.1:5071").await.unwrap();
    for (tenant, user) in [(evil, "1001"), (acme, "1002"), (acme, "1003")] {
        let change = |_: &[Binding]| Ok::<_, ()>(vec![binding("sip:x@10.0.0.9", NOW + 1)]);
        let changed = change_one(&home, tenant, user, change).await;
        assert_eq!(changed, Err(NotChanged::NoPhone));
    }
}

#[tokio::test]
async fn bindings_go_with_their_phone() {
    let mut home = Home::new().await;
    let acme = home.tenant("acme", "acme.example").await;
    let id = phone(&mut home, acme, "1001").await;
    let one = [binding("sip:1001@10.0.0.9", NOW + 1)];
    replace(&home, acme, "1001", &one).await;
    home.store.delete_phone(acme, id).await.unwrap();
    phone(&mut home, acme, "1001").await;
    assert_eq!(replace(&home, acme, "1001", &[]).await, []);
}

#[tokio::test]
async fn many_changes_are_one_transaction_and_see_each_other() {
    let mut home = Home::new().await;
    let acme = home.tenant("acme", "acme.example").await;
    phone(&mut home, acme, "1001").await;
    phone(&mut home, acme, "1002").await;
    let add = |user: &str, contact: &'static str, most: usize| BindingChange {
        tenant: acme,
        user: user.to_owned(),
        change: move |there: &[Binding]| {
            let mut after = there.to_vec();
            after.push(binding(contact, NOW + 1));
            if after.len() > most {
                Err("too many")
            } else {
                Ok(after)
            }
        },
    };
    let changes = vec![
        add("1001", "sip:a@10.0.0.9", 9),
        add("1001", "sip:b@10.0.0.9", 9),
        add("1001", "sip:c@10.0.0.9", 2),
        add("1003", "sip:d@10.0.0.9", 9),
        add("1002", "sip:e@10.0.0.9", 9),
    ];
    let outcomes = home.store.change_bindings(changes).await.unwrap();
    let counts: Vec<_> = outcomes.into_iter().map(|it| it.map(|b| b.len())).collect();
    let (refused, nobody) = (NotChanged::Refused("too many"), NotChanged::NoPhone);
    assert_eq!(counts, [Ok(1), Ok(2), Err(refused), Err(nobody), Ok(1)]);
    let there = located(&home.reopen().await).await;
    let there: Vec<_> = there
        .iter()
        .map(|(_, user, b)| (&**user, b.len()))
        .collect();
    assert_eq!(there, [("1001", 2), ("1002", 1)]);
}

#[tokio::test]
async fn bindings_that_have_ended_are_swept_and_their_phones_named() {
    let mut home = Home::new().await;
    let acme = home.tenant("acme", "acme.example").await;
    let all = [NOW, NOW + 1, NOW + 2].map(|at| binding("sip:a@10.0.0.9", at));
    for (user, bindings) in [("1001", &all[..]), ("1002", &all[..1]), ("1003", &all[2..])] {
        phone(&mut home, acme, user).await;
        replace(&home, acme, user, bindings).await;
    }
    let (left, swept) = admin::sweep_bindings(&home.store, NOW + 1).await.unwrap();
    assert_eq!(swept, 3);
    let of = |user: &str, left: &[Binding]| (acme, user.to_owned(), left.to_vec());
    assert_eq!(left, [of("1001", &all[2..]), of("1002", &[])]);
    let (left, swept) = admin::sweep_bindings(&home.store, NOW + 1).await.unwrap();
    assert_eq!((left.len(), swept), (0, 0));
    assert_eq!(located(&home).await.len(), 2);
}

#[tokio::test]
async fn two_tenants_of_one_domain_have_no_phone_in_common_that_registers() {
    let mut home = Home::new().await;
    let acme = home.tenant("acme", "acme.example").await;
    let twin = home.tenant("twin", "acme.example").await;
    let other = home.tenant("other", "other.example").await;
    phone(&mut home, acme, "1001").await;
    phone(&mut home, twin, "1002").await;
    phone(&mut home, other, "1001").await;
    let phone = Phone {
        id: PhoneId::mint(&mut home.ids, NOW),
        user: "1001".into(),
        address: None,
        transport: Transport::Udp,
        voice: model::Voice::default(),
    };
    let made = home.store.create_phone(twin, &phone, Some("secret"), NOW);
    let what = "1001 of acme.example is a phone of another tenant that registers";
    let what = what.to_owned();
    assert_eq!(made.await, Err(StoreError::Conflict { what }));
    // A line is known by its address.
    home.line(twin, "1001", "127.0.0.1:5071").await.unwrap();
}
