//! Digits of telephones without telephone events: heard in their audio, and said to them as tones.

use std::time::Duration;

use control::phone::{Event, Input};
use model::{InbandDigits, TenantConfig};
use sim::{Link, Options, World, count_errors, scenes, script::Scripts, town};

const SECOND: Duration = Duration::from_secs(1);

fn play(
    options: Options,
    script: &str,
    set: impl FnOnce(&mut TenantConfig),
    scene: impl FnOnce(&mut World),
) -> World {
    let (world, errors) = count_errors(|| {
        let mut world = World::new(options, Box::new(Scripts));
        let mut acme = town::tenant("acme", 1, script);
        set(&mut acme);
        world.add_tenant(acme);
        scene(&mut world);
        world
    });
    assert_eq!(errors, 0);
    assert_eq!(world.watch().violations(), [""; 0], "{}", world.journal());
    world
}

fn without_events(world: &mut World, user: &str) {
    let line = world.line(0, user);
    world.make(line, |it| it.events = false);
}

/// What the policy was told.
fn told(world: &World) -> String {
    let rows = world.cdrs().into_iter();
    rows.map(|row| row.user_data.as_str()).collect()
}

/// By events or as tones, and by INFO.
fn heard(world: &World, user: &str) -> String {
    let line = &world.lines()[world.line(0, user)];
    let informed = line.told.iter().filter_map(|(_, event)| match event {
        Event::Keyed { key } => Some(*key),
        _ => None,
    });
    line.digits.concat().chars().chain(informed).collect()
}

fn as_set(_: &mut TenantConfig) {}

#[test]
fn the_policy_is_told_each_key_that_is_heard_once_and_in_order() {
    let world = play(Options::calm(), "keypad", as_set, |world| {
        without_events(world, "1001");
        scenes::keys(world);
    });
    assert_eq!(told(&world), "15*D0");
    assert_eq!(world.ended("1001"), Some(200));
}

#[test]
fn two_packets_lost_of_a_hundred_change_no_digit() {
    for seed in 0..20 {
        let options = Options {
            seed,
            ..Options::calm()
        };
        let world = play(options, "keypad", as_set, |world| {
            without_events(world, "1001");
            let alice = world.line(0, "1001");
            world.dial(alice, "2001");
            world.run_for(SECOND);
            world.lines_mut()[alice].link = Link {
                loss: 2,
                twice: 20,
                ..Link::CALM
            };
            world.press(alice, "0011223344556677889900**DD");
            world.run_for(10 * SECOND);
            world.hang_up(alice);
            world.run_to_rest();
        });
        assert_eq!(told(&world), "0011223344556677889900**DD", "seed {seed}");
    }
}

#[test]
fn who_is_set_to_be_heard_is_and_who_is_not_is_not() {
    for (set, events, keys) in [
        (InbandDigits::Off, false, ""),
        (InbandDigits::On, false, "15*D0"),
        // Both ways are open, one is used.
        (InbandDigits::On, true, "15*D0"),
        (InbandDigits::Off, true, "15*D0"),
    ] {
        let inband = |acme: &mut TenantConfig| {
            acme.phones.get_mut("1001").unwrap().voice.inband_digits = set;
        };
        let world = play(Options::calm(), "keypad", inband, |world| {
            let alice = world.line(0, "1001");
            world.make(alice, |it| it.events = events);
            scenes::keys(world);
            if !world.lines()[alice].told.is_empty() && world.ended("1001").is_none() {
                world.hang_up(alice);
            }
            world.run_to_rest();
        });
        assert_eq!(told(&world), keys, "{set:?} {events}");
    }
}

#[test]
fn what_one_side_keys_the_other_hears_the_way_that_it_knows() {
    for without in [vec![], vec!["1001"], vec!["3001"], vec!["1001", "3001"]] {
        let world = play(Options::calm(), "makecall", as_set, |world| {
            for user in &without {
                without_events(world, user);
            }
            let (alice, bob) = scenes::call(world, scenes::ANSWERS);
            world.press(alice, "12#");
            world.press(bob, "334");
            world.run_for(3 * SECOND);
            world.hang_up(alice);
            world.run_to_rest();
        });
        let heard = (heard(&world, "3001"), heard(&world, "1001"));
        assert_eq!(heard, ("12#".into(), "334".into()), "without: {without:?}");
    }
}

#[test]
fn who_takes_info_and_no_events_is_told_by_that() {
    play(Options::calm(), "makecall", as_set, |world| {
        let (alice, bob) = (world.line(0, "1001"), world.line(0, "3001"));
        world.phone(bob, Input::Behave(scenes::ANSWERS));
        assert_eq!(world.makecall(0, "1001", "2001", "3001"), 200);
        let hand = world.by_hand(alice);
        world.hand(hand).be_polite();
        let allow = "Allow: INVITE, ACK, BYE, CANCEL, INFO\r\n";
        world.hand(hand).adds(allow.to_owned());
        let sdp = world.hand(hand).sdp("sendrecv");
        let invite = world.hand(hand).invite("2001", &sdp);
        world.send(hand, invite);
        world.run_for(Duration::from_millis(2_100));
        let ack = world.hand(hand).ack("");
        world.send(hand, ack);
        world.run_for(SECOND);
        world.press(bob, "9");
        world.run_for(SECOND);
        let info = world.hand(hand).last("INFO").unwrap().to_owned();
        assert!(info.contains("Signal=9"), "{info}");
        let answer = world.hand(hand).respond(&info, "200 OK", "", "");
        world.send(hand, answer);
        let bye = world.hand(hand).bye();
        world.send(hand, bye);
        world.run_to_rest();
    });
}
