//! What tells tenants apart, and the second of two that cannot be.

use store::Page;

use crate::home::{Home, conflict};

#[tokio::test]
async fn the_address_of_a_line_belongs_to_one_phone_of_all_tenants() {
    let mut home = Home::new().await;
    let acme = home.tenant("acme", "acme.example").await;
    let evil = home.tenant("evil", "evil.example").await;
    home.line(acme, "1001", "192.0.2.1:5071").await.unwrap();
    conflict(home.line(evil, "1009", "192.0.2.1:5071").await, "address");
    conflict(
        home.line(evil, "1009", "[::ffff:192.0.2.1]:5071").await,
        "address",
    );
    home.line(evil, "1009", "192.0.2.1:5072").await.unwrap();
}

#[tokio::test]
async fn two_tenants_that_cannot_be_told_apart_are_refused_when_the_second_comes() {
    let mut home = Home::new().await;
    let one = home.tenant("one", "one.example").await;
    let two = home.tenant("two", "two.example").await;
    home.number(one, "2001").await.unwrap();
    home.trunk(one, "192.0.2.1:5060", "192.0.2.0/24")
        .await
        .unwrap();
    home.trunk(two, "198.51.100.1:5062", "192.0.2.7/32")
        .await
        .unwrap();
    conflict(home.number(two, "2001").await, "2001");
    assert_eq!(
        home.store.numbers(two, &Page::first(9)).await.unwrap().data,
        []
    );

    // The other order: the trunk comes last.
    let three = home.tenant("three", "three.example").await;
    home.number(three, "2001").await.unwrap();
    conflict(
        home.trunk(three, "203.0.113.1:5064", "192.0.0.0/16").await,
        "2001",
    );
    assert_eq!(
        home.store
            .trunks(three, &Page::first(9))
            .await
            .unwrap()
            .data,
        []
    );
}

/// Neither is enforced when a call comes: its sender chooses both.
#[tokio::test]
async fn port_and_domain_tell_no_tenants_apart() {
    let mut home = Home::new().await;
    let one = home.tenant("one", "same.example").await;
    home.number(one, "2001").await.unwrap();
    home.trunk(one, "192.0.2.1:5060", "192.0.2.0/24")
        .await
        .unwrap();
    for (name, domain, address) in [
        ("port", "same.example", "192.0.2.1:5062"),
        ("domain", "other.example", "192.0.2.1:5060"),
        ("both", "other.example", "192.0.2.1:5062"),
    ] {
        let other = home.tenant(name, domain).await;
        home.number(other, "2001").await.unwrap();
        conflict(home.trunk(other, address, "192.0.2.0/24").await, "2001");
    }
}

#[tokio::test]
async fn source_or_number_tell_tenants_apart() {
    let mut home = Home::new().await;
    let one = home.tenant("one", "same.example").await;
    home.number(one, "2001").await.unwrap();
    home.trunk(one, "192.0.2.1:5060", "192.0.2.0/24")
        .await
        .unwrap();
    for (name, number, accept_from) in [
        ("source", "2001", "192.0.3.0/24"),
        ("number", "2002", "192.0.2.0/24"),
    ] {
        let other = home.tenant(name, "same.example").await;
        home.number(other, number).await.unwrap();
        home.trunk(other, "192.0.2.1:5060", accept_from)
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn a_line_where_another_tenants_trunk_calls_from_is_refused() {
    let mut home = Home::new().await;
    let acme = home.tenant("acme", "acme.example").await;
    let evil = home.tenant("evil", "evil.example").await;
    home.trunk(acme, "192.0.2.1:5060", "192.0.2.0/24")
        .await
        .unwrap();
    for address in [
        "192.0.2.1:5060",
        "192.0.2.7:9999",
        "[::ffff:192.0.2.7]:5060",
    ] {
        conflict(home.line(evil, "1009", address).await, "another tenant");
    }
    home.line(evil, "1009", "192.0.3.1:5060").await.unwrap();
    home.line(acme, "1001", "192.0.2.9:5060").await.unwrap();
}

#[tokio::test]
async fn a_trunk_around_another_tenants_line_is_refused() {
    let mut home = Home::new().await;
    let acme = home.tenant("acme", "acme.example").await;
    let evil = home.tenant("evil", "evil.example").await;
    home.line(acme, "1001", "192.0.2.9:5060").await.unwrap();
    for accept_from in ["192.0.2.9/32", "192.0.0.0/16"] {
        let refused = home.trunk(evil, "198.51.100.1:5060", accept_from).await;
        conflict(refused, accept_from);
    }
    home.trunk(evil, "198.51.100.1:5060", "198.51.100.0/24")
        .await
        .unwrap();
    home.trunk(acme, "192.0.2.9:5062", "192.0.2.0/24")
        .await
        .unwrap();
}

/// As on a developer's machine: everything on one address, told apart by port.
#[tokio::test]
async fn lines_of_several_tenants_share_an_address() {
    let mut home = Home::new().await;
    for (name, port) in [("one", 5071), ("two", 5072), ("three", 5073)] {
        let tenant = home.tenant(name, &format!("{name}.example")).await;
        home.number(tenant, "2001").await.unwrap();
        home.line(tenant, "1001", &format!("127.0.0.1:{port}"))
            .await
            .unwrap();
    }
    let other = home.tenant("other", "other.example").await;
    let refused = home.trunk(other, "127.0.0.1:5070", "127.0.0.1/32").await;
    conflict(refused, "another tenant's phone");
}

/// Who is in a trunk's block is no stranger to the platform.
#[tokio::test]
async fn nobody_opens_the_door_to_everybody() {
    let mut home = Home::new().await;
    let evil = home.tenant("evil", "evil.example").await;
    for (block, least) in [
        ("0.0.0.0/0", 16),
        ("10.0.0.0/15", 16),
        ("2001:db8::/31", 32),
    ] {
        let refused = home.trunk(evil, "198.51.100.1:5060", block).await;
        let Err(store::StoreError::Invalid { field, why }) = refused else {
            panic!("{block}: {refused:?}");
        };
        assert_eq!(field, "accept_from");
        assert_eq!(
            why,
            format!("{block} is wider than a block of /{least} may be")
        );
    }
    let widest = home.trunk(evil, "198.51.100.1:5060", "2001:db8::/32").await;
    widest.unwrap();
}
