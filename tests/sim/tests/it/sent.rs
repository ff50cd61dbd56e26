//! Digits that a policy sends: the way that each party takes them.

use std::time::Duration;

use control::phone::Input;
use expect_test::expect_file;
use media::{dtmf::Report, rtp};
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

/// What the other side of a bridge heard of a hand that keys, whose description is changed so.
fn heard_over_bridge(change: fn(String) -> String, keys: impl FnOnce(&mut World, usize)) -> String {
    let (world, errors) = count_errors(|| {
        let mut world = World::new(Options::calm(), Box::new(Scripts));
        world.add_tenant(town::tenant("acme", 1, "makecall"));
        let (alice, bob) = (world.line(0, "1001"), world.line(0, "3001"));
        world.phone(bob, Input::Behave(scenes::ANSWERS));
        assert_eq!(world.makecall(0, "1001", "2001", "3001"), 200);
        let hand = world.by_hand(alice);
        world.hand(hand).be_polite();
        let sdp = change(world.hand(hand).sdp("sendrecv"));
        let invite = world.hand(hand).invite("2001", &sdp);
        world.send(hand, invite);
        world.run_for(Duration::from_millis(2_100));
        let ack = world.hand(hand).ack("");
        world.send(hand, ack);
        world.run_for(SECOND);
        keys(&mut world, hand);
        world.run_for(2 * SECOND);
        hang_up(&mut world, hand);
        world
    });
    assert_eq!(errors, 0);
    assert_eq!(world.watch().violations(), [""; 0], "{}", world.journal());
    world.lines()[world.line(0, "3001")].digits.concat()
}

fn inform(world: &mut World, hand: usize, key: char) {
    let info = world.hand(hand).info(key);
    world.send(hand, info);
}

/// A press of 200 ms as events (RFC 4733 §2.5.1): ten packets and two copies of the last.
fn press(world: &mut World, hand: usize, digit: char, nth: u16) {
    for k in 1..=12 {
        let report = Report {
            digit,
            ended: k >= 10,
            duration: k.min(10) * 160,
        };
        let fixed = rtp::Fixed {
            marker: k == 1,
            payload_type: 101,
            sequence: 12 * nth + k,
            timestamp: u32::from(nth) * 8_000,
            ssrc: 7,
        };
        world.send_audio(hand, rtp::build(fixed, &report.payload().unwrap()));
        world.run_for(Duration::from_millis(20));
    }
}

fn with_events(sdp: String) -> String {
    let events = "RTP/AVP 8 101\r\na=rtpmap:101 telephone-event/8000\r\n";
    sdp.replace("RTP/AVP 8\r\n", events)
}

#[test]
fn what_is_keyed_by_info_reaches_the_other_side_of_the_bridge() {
    let heard = heard_over_bridge(
        |sdp| sdp,
        |world, hand| {
            for key in "42#".chars() {
                inform(world, hand, key);
                world.run_for(Duration::from_millis(50));
            }
        },
    );
    assert_eq!(heard, "42#");
}

#[test]
fn a_press_by_info_and_as_events_is_one_on_the_other_side_whichever_comes_first() {
    for info_is_first in [true, false] {
        let heard = heard_over_bridge(with_events, |world, hand| {
            for (nth, key) in (1..).zip("4422#".chars()) {
                if info_is_first {
                    inform(world, hand, key);
                }
                world.run_for(Duration::from_millis(20));
                press(world, hand, key, nth);
                if !info_is_first {
                    inform(world, hand, key);
                }
                world.run_for(Duration::from_millis(80));
            }
        });
        assert_eq!(heard, "4422#", "INFO first: {info_is_first}");
    }
}

#[test]
fn a_press_that_comes_one_way_alone_reaches_the_other_side_whatever_was_agreed() {
    let heard = heard_over_bridge(with_events, |world, hand| {
        for key in "4422#".chars() {
            inform(world, hand, key);
            world.run_for(Duration::from_millis(120));
        }
    });
    assert_eq!(heard, "4422#", "by INFO");
    let heard = heard_over_bridge(with_events, |world, hand| {
        for (nth, key) in (1..).zip("4422#".chars()) {
            press(world, hand, key, nth);
            world.run_for(Duration::from_millis(80));
        }
    });
    assert_eq!(heard, "4422#", "as events");
}

#[test]
fn an_event_that_comes_too_late_for_an_info_is_another_press() {
    for (late, expected) in [(190, "4"), (230, "44")] {
        let heard = heard_over_bridge(with_events, |world, hand| {
            inform(world, hand, '4');
            world.run_for(Duration::from_millis(late));
            press(world, hand, '4', 1);
        });
        assert_eq!(heard, expected, "after {late} ms");
    }
}
