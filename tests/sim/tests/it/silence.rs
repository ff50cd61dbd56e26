//! Parties that are heard no more: whose call ends, when, and whose does not.

use std::time::Duration;

use control::phone::Input;
use media::rtp::{self, Fixed};
use model::{EndReason, TenantConfig, TraceItem};
use sim::{Link, Options, World, count_errors, scenes, script::Scripts, town};

const SECOND: Duration = Duration::from_secs(1);

/// A bridged call of 1001 to 3001, and what becomes of it.
fn play(scene: impl FnOnce(&mut World, usize, usize)) -> World {
    play_with(None, scene)
}

/// The same in a tenant that has set for how long a party may be silent.
fn play_with(
    media_timeout: Option<Duration>,
    scene: impl FnOnce(&mut World, usize, usize),
) -> World {
    let (world, errors) = count_errors(|| {
        let mut world = World::new(Options::calm(), Box::new(Scripts));
        world.add_tenant(TenantConfig {
            media_timeout,
            ..town::tenant("acme", 1, "makecall")
        });
        let (alice, bob) = scenes::call(&mut world, scenes::ANSWERS);
        scene(&mut world, alice, bob);
        world.run_to_rest();
        world
    });
    assert_eq!(errors, 0);
    assert_eq!(world.watch().violations(), [""; 0], "{}", world.journal());
    world
}

/// Nothing of this telephone comes any more, and nothing reaches it.
fn unplug(world: &mut World, line: usize) {
    world.lines_mut()[line].link = Link {
        loss: 100,
        ..Link::CALM
    };
}

fn reasons(world: &World) -> Vec<Option<EndReason>> {
    world.cdrs().iter().map(|row| row.end_reason).collect()
}

#[test]
fn the_call_of_a_telephone_without_power_ends_after_a_minute_and_frees_the_other_party() {
    let world = play(|world, alice, bob| {
        unplug(world, alice);
        world.run_for(55 * SECOND);
        assert_eq!(world.lines()[bob].ended(), None);
        world.run_for(10 * SECOND);
        assert!(world.lines()[bob].ended().is_some(), "{}", world.journal());
    });
    let reasons = reasons(&world);
    assert!(
        reasons.contains(&Some(EndReason::MediaTimeout)),
        "{reasons:?}"
    );
    assert!(reasons.contains(&Some(EndReason::Released)), "{reasons:?}");
    assert!(world.ladders().contains("nothing is heard of the party"));
}

#[test]
fn a_tenant_waits_as_long_as_it_has_set_and_no_longer_than_the_node() {
    for (set, lasts, ended) in [(20, 15, 25), (600, 55, 65)] {
        play_with(Some(set * SECOND), |world, alice, bob| {
            unplug(world, alice);
            world.run_for(lasts * SECOND);
            assert_eq!(world.lines()[bob].ended(), None, "{set} s");
            world.run_for((ended - lasts) * SECOND);
            assert!(world.lines()[bob].ended().is_some(), "{set} s");
        });
    }
}

#[test]
fn a_call_in_which_both_talk_lasts() {
    let world = play(|world, alice, _| {
        world.run_for(300 * SECOND);
        world.hang_up(alice);
    });
    assert_eq!(reasons(&world), [Some(EndReason::Released); 2]);
}

#[test]
fn who_is_on_hold_owes_no_audio() {
    let mut world = World::new(Options::calm(), Box::new(Scripts));
    world.add_tenant(town::tenant("acme", 1, "makecall"));
    let (alice, bob) = (world.line(0, "1001"), world.line(0, "3001"));
    world.phone(bob, Input::Behave(scenes::ANSWERS));
    assert_eq!(world.makecall(0, "1001", "2001", "3001"), 200);
    let hand = world.by_hand(alice);
    for direction in ["sendrecv", "inactive"] {
        let sdp = world.hand(hand).sdp(direction);
        let invite = world.hand(hand).invite("2001", &sdp);
        world.send(hand, invite);
        world.run_for(3 * SECOND);
        let ack = world.hand(hand).ack("");
        world.send(hand, ack);
    }
    world.run_for(300 * SECOND);
    assert_eq!(world.lines()[bob].ended(), None);
    let bye = world.hand(hand).bye();
    world.send(hand, bye);
    world.run_to_rest();
    assert_eq!(reasons(&world), [Some(EndReason::Released); 2]);
}

/// An announcement was heard before the answer, and nothing after it.
#[test]
fn who_answers_has_all_of_its_time_to_be_heard() {
    let mut world = World::new(Options::calm(), Box::new(Scripts));
    world.add_tenant(TenantConfig {
        media_timeout: Some(20 * SECOND),
        ..town::tenant("acme", 1, "makecall")
    });
    let (alice, bob) = (world.line(0, "1001"), world.line(0, "3001"));
    assert_eq!(world.makecall(0, "1001", "2001", "3001"), 200);
    let hand = world.by_hand(bob);
    world.hand(hand).be_polite();
    world.dial(alice, "2001");
    world.run_for(SECOND);
    let invite = world.hand(hand).last("INVITE").unwrap().to_owned();
    let sdp = world.hand(hand).sdp("sendrecv");
    for (status, lasts) in [("183 Session Progress", 18), ("200 OK", 18)] {
        let answer = world.hand(hand).respond(&invite, status, "bob", &sdp);
        world.send(hand, answer);
        world.run_for(SECOND);
        if status.starts_with('1') {
            let fixed = Fixed {
                marker: true,
                payload_type: 8,
                sequence: 1,
                timestamp: 1,
                ssrc: 7,
            };
            world.send_audio(hand, rtp::build(fixed, &[0xd5; 160]));
        }
        world.run_for(lasts * SECOND);
        assert_eq!(world.lines()[alice].ended(), None, "{status}");
    }
    world.run_for(2 * SECOND);
    assert!(world.lines()[alice].ended().is_some());
    world.run_to_rest();
    assert!(reasons(&world).contains(&Some(EndReason::MediaTimeout)));
}

/// How the parties of the last session were heard, by its trace.
fn told(world: &World) -> Vec<&str> {
    let trace = world.traces().pop().expect("there was a session");
    let told = trace.entries.iter().filter_map(|entry| match &entry.item {
        TraceItem::Quality { what, .. } => Some(what.as_str()),
        _ => None,
    });
    told.collect()
}

#[test]
fn a_trace_tells_of_a_party_that_was_never_heard_but_of_none_with_which_nothing_was_agreed() {
    let mut world = World::new(Options::calm(), Box::new(Scripts));
    world.add_tenant(town::tenant("acme", 1, "makecall"));
    let (alice, bob) = (world.line(0, "1001"), world.line(0, "3001"));
    world.phone(bob, Input::Behave(scenes::ANSWERS));
    assert_eq!(world.makecall(0, "1001", "2001", "3001"), 200);
    // It knows SIP, and no RTP.
    let hand = world.by_hand(alice);
    world.hand(hand).be_polite();
    let sdp = world.hand(hand).sdp("sendrecv");
    let invite = world.hand(hand).invite("2001", &sdp);
    world.send(hand, invite);
    world.run_for(3 * SECOND);
    let ack = world.hand(hand).ack("");
    world.send(hand, ack);
    world.run_for(10 * SECOND);
    let bye = world.hand(hand).bye();
    world.send(hand, bye);
    world.run_to_rest();
    let lines = told(&world);
    let starts = ["was not heard: nothing came; ", "was heard: 0.0 % lost"];
    assert_eq!(lines.len(), 2, "{lines:?}");
    for start in starts {
        let is_there = lines.iter().any(|line| line.starts_with(start));
        assert!(is_there, "{start} in {lines:?}");
    }

    let mut world = World::new(Options::calm(), Box::new(Scripts));
    world.add_tenant(town::tenant("acme", 1, "makecall"));
    scenes::busy(&mut world);
    world.run_to_rest();
    assert_eq!(told(&world), [""; 0]);
}
