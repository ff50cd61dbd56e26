//! Digits that a party keys: what its policy is told of them, and that they go on to the other party.

use std::time::Duration;

use control::phone::{Behaviour, Input};
use expect_test::expect_file;
use media::{dtmf::Report, rtp};
use model::limits;
use sim::{Deed, Link, Options, World, count_errors, scenes, script::Scripts, town};

const SECOND: Duration = Duration::from_secs(1);

fn play(script: &str, scene: impl FnOnce(&mut World)) -> World {
    let (world, errors) = count_errors(|| {
        let mut world = World::new(Options::calm(), Box::new(Scripts));
        world.add_tenant(town::tenant("acme", 1, script));
        scene(&mut world);
        world
    });
    assert_eq!(errors, 0);
    assert_eq!(world.watch().violations(), [""; 0], "{}", world.journal());
    world
}

/// What the policy wrote down of each call, oldest first.
fn told(world: &World) -> Vec<&str> {
    let rows = world.cdrs().into_iter();
    rows.map(|row| row.user_data.as_str()).collect()
}

#[test]
fn the_policy_is_told_each_key_once_and_in_order() {
    let world = play("keypad", scenes::keys);
    expect_file!["ladders/keys.txt"].assert_eq(&world.ladders());
    assert_eq!(told(&world), ["15*D0"]);
    assert_eq!(world.ended("1001"), Some(200));
    let ladders = world.ladders();
    assert_eq!(ladders.matches("a key is pressed").count(), 6);
}

#[test]
fn a_network_that_loses_doubles_and_delays_changes_no_digit() {
    for seed in 0..20 {
        let options = Options {
            seed,
            ..Options::calm()
        };
        let mut world = World::new(options, Box::new(Scripts));
        world.add_tenant(town::tenant("acme", 1, "keypad"));
        let alice = world.line(0, "1001");
        world.dial(alice, "2001");
        world.run_for(SECOND);
        world.lines_mut()[alice].link = Link {
            loss: 20,
            twice: 20,
            jitter: Duration::from_millis(30),
            ..Link::CALM
        };
        world.press(alice, "0011223344556677889900**DD");
        world.run_for(10 * SECOND);
        world.hang_up(alice);
        world.run_to_rest();
        assert_eq!(told(&world), ["0011223344556677889900**DD"], "seed {seed}");
        assert_eq!(world.watch().violations(), [""; 0], "{}", world.journal());
    }
}

#[test]
fn digits_cross_the_bridge_and_a_policy_that_does_not_want_them_has_no_turn() {
    let world = play("makecall", |world| {
        let (alice, bob) = scenes::call(world, scenes::ANSWERS);
        world.press(alice, "12#");
        world.press(bob, "34");
        world.run_for(3 * SECOND);
        world.hang_up(alice);
        world.run_to_rest();
    });
    let heard = |user| world.lines()[world.line(0, user)].digits.concat();
    assert_eq!((heard("3001"), heard("1001")), ("12#".into(), "34".into()));
    assert!(!world.journal().contains("on_digit"));
    assert_eq!(world.digits_lost(), 0);
}

#[test]
fn thirty_two_digits_of_a_party_may_wait_and_the_next_are_lost_and_counted() {
    let world = play("keypad", |world| {
        let alice = world.line(0, "1001");
        world.set_pace("on_digit", Duration::from_millis(1_900));
        world.dial(alice, "2001");
        world.run_for(SECOND);
        world.press(alice, "12345678901234567890123456789012345678901234567890");
        world.run_for(100 * SECOND);
        assert_eq!(world.ended("1001"), None);
        world.hang_up(alice);
        world.run_to_rest();
    });
    let told = told(&world)[0].len() as u64;
    assert!(world.digits_lost() > 5, "{}", world.digits_lost());
    assert_eq!(told + world.digits_lost(), 50);
    assert_eq!(world.events_lost(), 0);
}

#[test]
fn digits_of_three_parties_give_way_before_the_session_does() {
    let keys = "123456789012345678901234567890123456789012345";
    let world = play("keypad", |world| {
        let [alice, bob, carol] = ["1001", "3001", "3002"].map(|user| world.line(0, user));
        for line in [bob, carol] {
            let after = Duration::from_millis(100);
            world.phone(line, Input::Behave(Behaviour::Answer { after }));
        }
        world.dial(alice, "2001");
        world.run_for(SECOND);
        world.press(alice, "AB");
        world.run_for(3 * SECOND);
        world.set_pace("on_digit", Duration::from_millis(1_900));
        for line in [alice, bob, carol] {
            world.at(Duration::ZERO, Deed::Key(line, keys.into()));
        }
        world.run_for(200 * SECOND);
        for user in ["1001", "3001", "3002"] {
            assert_eq!(world.ended(user), None, "{user}");
        }
        world.hang_up(alice);
        world.run_to_rest();
    });
    let told: usize = told(&world).iter().map(|digits| digits.len()).sum();
    // Each party has 32 places, and all have 64.
    assert!(
        world.digits_lost() > 3 * (45 - 32),
        "{}",
        world.digits_lost()
    );
    assert_eq!(told as u64 + world.digits_lost(), 3 * 45);
    assert_eq!(world.events_lost(), 0);
}

/// A hand that has called a policy which wants digits, and agreed to telephone events.
fn hand_in_call(world: &mut World) -> usize {
    let alice = world.line(0, "1001");
    let hand = world.by_hand(alice);
    world.hand(hand).be_polite();
    let sdp = world.hand(hand).sdp("sendrecv");
    let events = "RTP/AVP 8 101\r\na=rtpmap:101 telephone-event/8000\r\n";
    let sdp = sdp.replace("RTP/AVP 8\r\n", events);
    let invite = world.hand(hand).invite("2001", &sdp);
    world.send(hand, invite);
    world.run_for(SECOND);
    let ack = world.hand(hand).ack("");
    world.send(hand, ack);
    world.run_for(SECOND);
    hand
}

fn by_info(world: &mut World, hand: usize, key: char) {
    let info = world.hand(hand).info(key);
    world.send(hand, info);
    world.run_for(Duration::from_millis(100));
}

fn by_rtp(world: &mut World, hand: usize, digit: char, nth: u16) {
    let report = Report {
        digit,
        ended: true,
        duration: 800,
    };
    let fixed = rtp::Fixed {
        marker: true,
        payload_type: 101,
        sequence: nth,
        timestamp: u32::from(nth) * 4_000,
        ssrc: 7,
    };
    world.send_audio(hand, rtp::build(fixed, &report.payload().unwrap()));
    world.run_for(Duration::from_millis(100));
}

fn hang_up(world: &mut World, hand: usize) {
    let bye = world.hand(hand).bye();
    world.send(hand, bye);
    world.run_to_rest();
}

#[test]
fn digits_by_info_reach_the_policy_too() {
    let world = play("keypad", |world| {
        let hand = hand_in_call(world);
        for key in "1*D".chars() {
            by_info(world, hand, key);
        }
        by_info(world, hand, '#');
        assert!(world.hand(hand).last("BYE").is_some());
        world.run_to_rest();
    });
    assert_eq!(told(&world), ["1*D"]);
    expect_file!["ladders/keys-info.txt"].assert_eq(&world.ladders());
}

#[test]
fn a_telephone_that_says_it_both_ways_keys_each_digit_once() {
    let pause = limits::DIGIT_COPY;
    let world = play("keypad", |world| {
        let hand = hand_in_call(world);
        // As most do: RTP while the key is down, INFO when it is up.
        for (nth, digit) in (1..).zip("1123".chars()) {
            by_rtp(world, hand, digit, nth);
            by_info(world, hand, digit);
        }
        world.run_for(pause);
        // The other way round, and one that comes one way only.
        for (nth, digit) in (5..).zip("45".chars()) {
            by_info(world, hand, digit);
            by_rtp(world, hand, digit, nth);
        }
        by_info(world, hand, '6');
        world.run_for(pause);
        by_rtp(world, hand, '7', 7);
        hang_up(world, hand);
    });
    assert_eq!(told(&world), ["11234567"]);
}
