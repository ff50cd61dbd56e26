//! Hold and resume by a policy: what the party is offered, what comes of its answers, and glare.

use std::{collections::BTreeSet, time::Duration};

use control::phone::Event;
use expect_test::expect_file;
use media::sdp::Direction;
use sim::{Options, World, count_errors, scenes, script::Scripts, town};

const SECOND: Duration = Duration::from_secs(1);

fn play(scene: impl FnOnce(&mut World)) -> World {
    let (world, errors) = count_errors(|| {
        let mut world = World::new(Options::calm(), Box::new(Scripts));
        world.add_tenant(town::tenant("acme", 1, "keypad"));
        scene(&mut world);
        world
    });
    assert_eq!(errors, 0);
    assert_eq!(world.watch().violations(), [""; 0], "{}", world.journal());
    world
}

/// What the policy wrote down.
fn told(world: &World) -> String {
    let rows = world.cdrs().into_iter();
    rows.map(|row| row.user_data.as_str()).collect()
}

/// A hand has called the keypad, and has asked to be held. The INVITE that says so has come.
fn hand_to_be_held(world: &mut World) -> usize {
    let alice = world.line(0, "1001");
    let hand = world.by_hand(alice);
    world.hand(hand).be_polite();
    let sdp = world.hand(hand).sdp("sendrecv");
    let invite = world.hand(hand).invite("2001", &sdp);
    world.send(hand, invite);
    world.run_for(SECOND);
    let ack = world.hand(hand).ack("");
    world.send(hand, ack);
    for key in "C1#".chars() {
        let info = world.hand(hand).info(key);
        world.send(hand, info);
        world.run_for(Duration::from_millis(50));
    }
    assert_eq!(offered(world, hand), Some("a=sendonly".into()));
    hand
}

/// How audio flows by the last INVITE that the hand heard.
fn offered(world: &mut World, hand: usize) -> Option<String> {
    let invite = world.hand(hand).last("INVITE")?;
    let ways = ["a=sendrecv", "a=sendonly", "a=recvonly", "a=inactive"];
    let way = invite.lines().find(|line| ways.contains(line));
    way.map(ToOwned::to_owned)
}

/// How many INVITEs the hand heard, copies not counted.
fn invites(world: &mut World, hand: usize) -> usize {
    let heard = world.hand(hand).heard().iter();
    let invites = heard.filter(|text| text.starts_with("INVITE"));
    let numbers = invites.filter_map(|text| text.lines().find(|line| line.starts_with("CSeq")));
    numbers.collect::<BTreeSet<_>>().len()
}

fn answer(world: &mut World, hand: usize, status: &str, direction: &str) {
    let invite = world.hand(hand).last("INVITE").unwrap().to_owned();
    let sdp = match direction {
        "" => String::new(),
        direction => world.hand(hand).sdp(direction),
    };
    let answer = world.hand(hand).respond(&invite, status, "", &sdp);
    world.send(hand, answer);
    world.run_for(Duration::from_millis(100));
}

fn hang_up(world: &mut World, hand: usize) {
    let bye = world.hand(hand).bye();
    world.send(hand, bye);
    world.run_for(SECOND);
    world.run_to_rest();
}

#[test]
fn a_party_is_held_and_taken_back() {
    let world = play(scenes::held);
    expect_file!["ladders/held.txt"].assert_eq(&world.ladders());
    let line = &world.lines()[world.line(0, "1001")];
    let changed = line.told.iter().filter_map(|(_, event)| match event {
        Event::Changed { agreed } => Some(agreed.direction),
        _ => None,
    });
    let ways = [Direction::RecvOnly, Direction::SendRecv];
    assert_eq!(changed.collect::<Vec<_>>(), ways);
    assert_eq!(told(&world), "");
}

#[test]
fn a_refusal_is_told_and_the_call_goes_on_as_it_was() {
    let world = play(|world| {
        let hand = hand_to_be_held(world);
        answer(world, hand, "488 Not Acceptable Here", "");
        // There is nothing to take back.
        let before = invites(world, hand);
        world.run_for(5 * SECOND);
        assert_eq!(invites(world, hand), before);
        hang_up(world, hand);
    });
    assert_eq!(told(&world), "(hold failed)");
}

#[test]
fn an_offer_that_crosses_the_partys_own_is_made_again() {
    let world = play(|world| {
        let hand = hand_to_be_held(world);
        answer(world, hand, "200 OK", "recvonly");
        world.run_for(2 * SECOND);
        assert_eq!(offered(world, hand), Some("a=sendrecv".into()));
        let before = invites(world, hand);
        answer(world, hand, "491 Request Pending", "");
        world.run_for(3 * SECOND);
        assert_eq!(invites(world, hand), before + 1);
        assert_eq!(offered(world, hand), Some("a=sendrecv".into()));
        answer(world, hand, "200 OK", "sendrecv");
        hang_up(world, hand);
    });
    assert_eq!(told(&world), "");
}

#[test]
fn who_never_has_time_is_not_asked_for_ever() {
    let world = play(|world| {
        let hand = hand_to_be_held(world);
        answer(world, hand, "200 OK", "recvonly");
        let held = invites(world, hand);
        for _ in 0..12 {
            world.run_for(Duration::from_millis(2_500));
            answer(world, hand, "491 Request Pending", "");
        }
        // The first, and five more.
        assert_eq!(invites(world, hand), held + 6);
        let before = invites(world, hand);
        world.run_for(20 * SECOND);
        assert_eq!(invites(world, hand), before);
        hang_up(world, hand);
    });
    assert_eq!(told(&world), "(resume failed)");
}

#[test]
fn what_a_held_party_offers_is_answered_within_the_hold() {
    let world = play(|world| {
        let hand = hand_to_be_held(world);
        answer(world, hand, "200 OK", "recvonly");
        let sdp = world.hand(hand).sdp("sendrecv");
        let invite = world.hand(hand).invite("2001", &sdp);
        world.send(hand, invite);
        world.run_for(Duration::from_millis(100));
        let mut heard = world.hand(hand).heard().iter();
        let last = heard.rfind(|text| text.starts_with("SIP/2.0 200"));
        assert!(last.unwrap().contains("a=sendonly"), "{last:?}");
        let ack = world.hand(hand).ack("");
        world.send(hand, ack);
        world.run_for(2 * SECOND);
        assert_eq!(offered(world, hand), Some("a=sendrecv".into()));
        answer(world, hand, "200 OK", "sendrecv");
        hang_up(world, hand);
    });
    assert_eq!(told(&world), "");
}

#[test]
fn who_hangs_up_while_being_asked_has_refused_nothing() {
    let world = play(|world| {
        let hand = hand_to_be_held(world);
        hang_up(world, hand);
    });
    assert_eq!(told(&world), "");
}
