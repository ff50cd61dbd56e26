//! What of makecall only the wire shows: an emergency call says what it is, and who calls.

use std::time::Duration;

use model::HeaderNames;
use sim::{Options, World, town};

use crate::components::components;

const SECOND: Duration = Duration::from_secs(1);

/// The INVITE that a trunk marked for emergencies gets when 1001 has itself called to that number.
fn called(number: &str) -> String {
    let mut world = World::new(Options::calm(), Box::new(components()));
    let mut acme = town::tenant("acme", 1, "makecall");
    acme.trunks[0].prefixes = vec![number.to_owned()];
    acme.trunks[0].headers_out = HeaderNames::new(vec!["Priority".to_owned()]).unwrap();
    world.add_tenant(acme);
    let trunk = world.line(0, number);
    let trunk = world.by_hand(trunk);
    assert_eq!(world.makecall(0, "1001", "2001", number), 200);
    let alice = world.line(0, "1001");
    world.dial(alice, "2001");
    world.run_for(SECOND);
    let invite = world.hand(trunk).last("INVITE").unwrap().to_owned();
    let busy = world.hand(trunk).respond(&invite, "486 Busy Here", "t", "");
    world.send(trunk, busy);
    world.run_for(SECOND);
    world.run_to_rest();
    invite
}

#[test]
fn an_emergency_call_says_so_and_shows_the_callers_own_number() {
    let invite = called("112");
    assert!(invite.contains("\r\nPriority: emergency\r\n"), "{invite}");
    assert!(invite.contains("\r\nFrom: <sip:1001@"), "{invite}");
}

#[test]
fn any_other_call_through_the_same_trunk_does_not() {
    let invite = called("113");
    assert!(!invite.contains("Priority:"), "{invite}");
    assert!(invite.contains("\r\nFrom: <sip:2001@"), "{invite}");
}
