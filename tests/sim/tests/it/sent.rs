//! Digits that a policy sends: the way that each party takes them.

use std::time::Duration;

use control::phone::Input;
use expect_test::expect_file;
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

/// A hand without telephone events, which takes these methods, has called the keypad and wants digits.
fn hand(world: &mut World, allow: &str) -> usize {
    let alice = world.line(0, "1001");
    let hand = world.by_hand(alice);
    world.hand(hand).be_polite();
    let sdp = world.hand(hand).sdp("sendrecv");
    world.hand(hand).adds(format!("Allow: {allow}\r\n"));
    let invite = world.hand(hand).invite("2001", &sdp);
    world.send(hand, invite);
    world.run_for(SECOND);
    let ack = world.hand(hand).ack("");
    world.send(hand, ack);
    for key in "C2#".chars() {
        let info = world.hand(hand).info(key);
        world.send(hand, info);
        world.run_for(Duration::from_millis(50));
    }
    hand
}

/// The keys of the INFOs that a hand heard, copies not counted.
fn infos(world: &mut World, hand: usize) -> Vec<String> {
    let heard = world.hand(hand).heard().iter();
    let infos = heard.filter(|text| text.starts_with("INFO "));
    let signal = |text: &String| {
        assert!(text.contains("Content-Type: application/dtmf-relay"));
        let signal = text.lines().find_map(|line| line.strip_prefix("Signal="));
        signal.unwrap().to_owned()
    };
    infos.map(signal).collect()
}

/// The hand answers the last INFO.
fn answer(world: &mut World, hand: usize, status: &str) {
    let info = world.hand(hand).last("INFO").unwrap().to_owned();
    let answer = world.hand(hand).respond(&info, status, "", "");
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
fn who_agreed_to_events_hears_them() {
    let world = play(scenes::sent_digits);
    expect_file!["ladders/sent-digits.txt"].assert_eq(&world.ladders());
    let heard = world.lines()[world.line(0, "1001")].digits.concat();
    assert_eq!(heard, "159*D#");
}

#[test]
fn who_did_not_but_takes_info_is_told_by_that_one_after_another() {
    let world = play(|world| {
        let hand = hand(world, "INVITE, ACK, BYE, CANCEL, INFO");
        for (n, key) in (1..).zip("159*D#".chars()) {
            let heard = infos(world, hand);
            assert_eq!((heard.len(), heard.last()), (n, Some(&key.to_string())));
            answer(world, hand, "200 OK");
        }
        hang_up(world, hand);
    });
    assert_eq!(told(&world), "");
}

#[test]
fn an_info_that_is_refused_is_the_last_and_told() {
    let world = play(|world| {
        let hand = hand(world, "INVITE, ACK, BYE, CANCEL, INFO");
        answer(world, hand, "200 OK");
        answer(world, hand, "415 Unsupported Media Type");
        assert_eq!(infos(world, hand), ["1", "5"]);
        world.run_for(SECOND);
        hang_up(world, hand);
    });
    assert_eq!(told(&world), "(send-digits failed)");
}

#[test]
fn who_takes_neither_hears_tones() {
    let world = play(|world| {
        let hand = hand(world, "INVITE, ACK, BYE, CANCEL");
        world.run_for(3 * SECOND);
        assert_eq!(infos(world, hand), [""; 0]);
        hang_up(world, hand);
    });
    assert_eq!(told(&world), "");
    // Six keys of five frames.
    assert_eq!(world.cdrs()[0].packets_sent, 30);
}

#[test]
fn what_is_keyed_by_info_reaches_the_other_side_of_the_bridge() {
    let (world, errors) = count_errors(|| {
        let mut world = World::new(Options::calm(), Box::new(Scripts));
        world.add_tenant(town::tenant("acme", 1, "makecall"));
        let (alice, bob) = (world.line(0, "1001"), world.line(0, "3001"));
        world.phone(bob, Input::Behave(scenes::ANSWERS));
        assert_eq!(world.makecall(0, "1001", "2001", "3001"), 200);
        let hand = world.by_hand(alice);
        world.hand(hand).be_polite();
        let sdp = world.hand(hand).sdp("sendrecv");
        let invite = world.hand(hand).invite("2001", &sdp);
        world.send(hand, invite);
        world.run_for(Duration::from_millis(2_100));
        let ack = world.hand(hand).ack("");
        world.send(hand, ack);
        world.run_for(SECOND);
        for key in "42#".chars() {
            let info = world.hand(hand).info(key);
            world.send(hand, info);
            world.run_for(Duration::from_millis(50));
        }
        world.run_for(2 * SECOND);
        hang_up(&mut world, hand);
        world
    });
    assert_eq!(errors, 0);
    assert_eq!(world.watch().violations(), [""; 0], "{}", world.journal());
    let heard = world.lines()[world.line(0, "3001")].digits.concat();
    assert_eq!(heard, "42#");
}
