//! Rules and limits that no ladder shows.

use std::time::Duration;

use model::{Answer, Refusal, limits};
use sim::{Deed, Options, World, script::Scripts, town};

fn world(options: Options, script: &str) -> World {
    let mut world = World::new(options, Box::new(Scripts));
    world.add_tenant(town::tenant("acme", 1, script));
    world
}

fn check_at_rest(world: &mut World) {
    world.run_to_rest();
    assert_eq!(world.watch().violations(), [""; 0], "{}", world.journal());
}

#[test]
fn a_tenant_has_a_thousand_calls_at_most() {
    let options = Options {
        shards: 1,
        ..Options::calm()
    };
    let mut world = world(options, "silent");
    let alice = world.line(0, "1001");
    let hand = world.by_hand(alice);
    for _ in 0..=limits::TENANT_CALLS {
        world.hand(hand).another_call();
        let sdp = world.hand(hand).sdp("sendrecv");
        let invite = world.hand(hand).invite("2001", &sdp);
        world.send(hand, invite);
    }
    world.run_for(Duration::from_millis(100));
    let heard = world.hand(hand).heard();
    let refused = heard
        .iter()
        .filter(|text| text.starts_with("SIP/2.0 503"))
        .count();
    assert_eq!(refused, 1);
    // Nobody acknowledges, and the policy forgets them all.
    world.run_for(limits::OFFER_TIMEOUT);
    check_at_rest(&mut world);
    assert_eq!(world.cdrs().len(), limits::TENANT_CALLS);
}

#[test]
fn an_invite_that_was_refused_while_draining_is_not_answered_anew() {
    // Seed 2226 found it: the copy came when its tenant was gone.
    let mut world = world(Options::calm(), "answer");
    let alice = world.line(0, "1001");
    let hand = world.by_hand(alice);
    world.at(Duration::ZERO, Deed::Drain);
    world.at(Duration::from_secs(1), Deed::Forget(0));
    let sdp = world.hand(hand).sdp("sendrecv");
    let invite = world.hand(hand).invite("2001", &sdp);
    for message in [invite.clone(), invite, world.hand(hand).cancel()] {
        world.send(hand, message);
        world.run_for(Duration::from_secs(2));
    }
    let heard = world.hand(hand).heard();
    let invites = heard.iter().filter(|text| text.contains(" INVITE\r\n"));
    assert!(invites.count() > 1);
    let cancelled =
        |text: &String| text.starts_with("SIP/2.0 200 ") && text.contains(" CANCEL\r\n");
    assert!(heard.iter().any(cancelled), "{heard:#?}");
    check_at_rest(&mut world);
}

#[test]
fn a_tenant_has_a_quarter_of_a_shards_sessions_and_the_shard_has_its_most() {
    let options = Options {
        shards: 1,
        ..Options::calm()
    };
    let tenants = limits::SHARD_SESSIONS / limits::TENANT_SESSIONS;
    let mut world = World::new(options, Box::new(Scripts));
    for n in 0..=tenants {
        world.add_tenant(town::tenant("acme", n as u8 + 1, "makecall"));
    }
    // As long as its turn is out a session is there.
    world.set_pace("on_request", limits::TURN_WHOLE);
    let ask = |world: &mut World, tenant| {
        let ask = world.request("1001", "cancelcall", "{}");
        world.ask(tenant, ask)
    };
    let refused = |world: &World, ticket| match world.replied(ticket) {
        Some(Answer::Refused(Refusal::Unavailable(why))) => Some(*why),
        None => None,
        other => panic!("{other:?}"),
    };
    for tenant in 0..tenants {
        for _ in 0..limits::TENANT_SESSIONS {
            let ticket = ask(&mut world, tenant);
            assert_eq!(refused(&world, ticket), None);
        }
        let ticket = ask(&mut world, tenant);
        let why = refused(&world, ticket).expect("it has its share");
        assert!(why.starts_with("too many sessions"), "{why}");
    }
    let ticket = ask(&mut world, tenants);
    assert_eq!(refused(&world, ticket), Some("too many sessions"));
    world.run_for(limits::TURN_WHOLE);
    let ticket = ask(&mut world, tenants);
    assert_eq!(refused(&world, ticket), None);
    check_at_rest(&mut world);
}
