//! Hold and resume across a bridge (RFC 5359 §2.1), re-INVITEs of a party that moves (RFC 3665 §3.7), and sessions that somebody must refresh.

use std::time::Duration;

use control::phone::{Event, Input};
use expect_test::expect_file;
use media::sdp::Direction;
use sim::{Fate, Link, Options, World, count_errors, scenes, script::Scripts, town};

const SECOND: Duration = Duration::from_secs(1);

fn play(scene: impl FnOnce(&mut World)) -> World {
    play_with(Options::calm(), scene)
}

fn play_with(options: Options, scene: impl FnOnce(&mut World)) -> World {
    let (world, errors) = count_errors(|| {
        let mut world = World::new(options, Box::new(Scripts));
        world.add_tenant(town::tenant("acme", 1, "makecall"));
        scene(&mut world);
        world
    });
    assert_eq!(errors, 0);
    assert_eq!(world.watch().violations(), [""; 0], "{}", world.journal());
    world
}

/// What a telephone was told that it may do, after it was answered.
fn changes(world: &World, user: &str) -> Vec<Direction> {
    let line = &world.lines()[world.line(0, user)];
    let changed = line.told.iter().filter_map(|(_, event)| match event {
        Event::Changed { agreed } => Some(agreed.direction),
        _ => None,
    });
    changed.collect()
}

fn part(world: &mut World, line: usize) {
    world.hang_up(line);
    world.run_for(SECOND);
    world.run_to_rest();
}

/// A call of 1001, with 3001 by hand, which answers.
fn callee_by_hand(world: &mut World) -> (usize, usize) {
    let (alice, bob) = (world.line(0, "1001"), world.line(0, "3001"));
    assert_eq!(world.makecall(0, "1001", "2001", "3001"), 200);
    let hand = world.by_hand(bob);
    world.hand(hand).be_polite();
    world.dial(alice, "2001");
    world.run_for(SECOND);
    answer(world, hand, "200 OK", "bob", "sendrecv");
    world.run_for(SECOND);
    (alice, hand)
}

/// The hand answers the last INVITE.
fn answer(world: &mut World, hand: usize, status: &str, tag: &str, direction: &str) {
    let invite = world.hand(hand).last("INVITE").unwrap().to_owned();
    let sdp = if status.starts_with('2') {
        world.hand(hand).sdp(direction)
    } else {
        String::new()
    };
    let answer = world.hand(hand).respond(&invite, status, tag, &sdp);
    world.send(hand, answer);
}

/// The description in the last INVITE that the hand heard: the version in its o= line, its direction.
fn offered(world: &mut World, hand: usize) -> (u64, String) {
    let invite = world.hand(hand).last("INVITE").unwrap();
    let origin = invite.lines().find(|line| line.starts_with("o=")).unwrap();
    let version = origin.split(' ').nth(2).unwrap().parse().unwrap();
    let ways = ["a=sendrecv", "a=sendonly", "a=recvonly", "a=inactive"];
    let way = invite.lines().find(|line| ways.contains(line)).unwrap();
    (version, way.to_owned())
}

#[test]
fn either_side_may_hold_the_other_and_take_it_back() {
    let world = play(|world| {
        let (alice, bob) = scenes::call(world, scenes::ANSWERS);
        for (line, on) in [(bob, true), (bob, false), (alice, true), (alice, false)] {
            world.phone(line, Input::Hold(on));
            world.run_for(SECOND);
        }
        part(world, alice);
    });
    expect_file!["ladders/hold-both-ways.txt"].assert_eq(&world.ladders());
    use Direction::{RecvOnly, SendOnly, SendRecv};
    let all = [RecvOnly, SendRecv, SendOnly, SendRecv];
    assert_eq!(changes(&world, "1001"), all);
    assert_eq!(changes(&world, "3001"), all.map(Direction::reversed));
    // Who is held hears whoever holds it, who hears nothing meanwhile.
    for user in ["1001", "3001"] {
        let heard = world.lines()[world.line(0, user)].heard[0].audio_ms;
        let shortest = 5_500;
        assert!((shortest..6_500).contains(&heard), "{user}: {heard} ms");
    }
}

#[test]
fn each_description_has_a_version_of_its_own() {
    play(|world| {
        let (alice, hand) = callee_by_hand(world);
        let mut seen = vec![offered(world, hand)];
        for (on, way) in [(true, "recvonly"), (false, "sendrecv")] {
            world.phone(alice, Input::Hold(on));
            world.run_for(SECOND);
            seen.push(offered(world, hand));
            answer(world, hand, "200 OK", "", way);
            world.run_for(SECOND);
        }
        let ways = [(1, "a=sendrecv"), (2, "a=sendonly"), (3, "a=sendrecv")];
        assert_eq!(seen, ways.map(|(n, way)| (n, way.to_owned())));
        part(world, alice);
    });
}

#[test]
fn a_refusal_of_the_other_side_is_the_holders_and_nothing_has_changed() {
    let world = play(|world| {
        let (alice, hand) = callee_by_hand(world);
        world.phone(alice, Input::Hold(true));
        world.run_for(SECOND);
        answer(world, hand, "488 Not Acceptable Here", "", "");
        world.run_for(SECOND);
        part(world, alice);
    });
    expect_file!["ladders/hold-refused.txt"].assert_eq(&world.ladders());
    assert!(changes(&world, "1001").is_empty());
}

#[test]
fn who_holds_is_not_kept_waiting_by_a_party_that_says_nothing() {
    let world = play(|world| {
        let (alice, hand) = callee_by_hand(world);
        world.phone(alice, Input::Hold(true));
        world.run_for(7 * SECOND);
        assert!(changes(world, "1001").is_empty());
        world.run_for(2 * SECOND);
        assert_eq!(changes(world, "1001"), [Direction::SendOnly]);
        // A late answer is one all the same.
        answer(world, hand, "200 OK", "", "recvonly");
        world.run_for(SECOND);
        world.phone(alice, Input::Hold(false));
        world.run_for(SECOND);
        answer(world, hand, "200 OK", "", "sendrecv");
        world.run_for(SECOND);
        part(world, alice);
    });
    expect_file!["ladders/hold-unanswered.txt"].assert_eq(&world.ladders());
    let told = [Direction::SendOnly, Direction::SendRecv];
    assert_eq!(changes(&world, "1001"), told);
}

#[test]
fn the_old_hold_of_address_zero_is_one_too() {
    let world = play(|world| {
        let (alice, bob) = (world.line(0, "1001"), world.line(0, "3001"));
        world.phone(bob, Input::Behave(scenes::ANSWERS));
        assert_eq!(world.makecall(0, "1001", "2001", "3001"), 200);
        let hand = world.by_hand(alice);
        for address in ["10.0.1.1", "0.0.0.0", "10.0.1.1"] {
            let sdp = world.hand(hand).sdp("sendrecv");
            let sdp = sdp.replace("c=IN IP4 10.0.1.1", &format!("c=IN IP4 {address}"));
            let invite = world.hand(hand).invite("2001", &sdp);
            world.send(hand, invite);
            world.run_for(3 * SECOND);
            let ack = world.hand(hand).ack("");
            world.send(hand, ack);
            world.run_for(SECOND);
        }
        let bye = world.hand(hand).bye();
        world.send(hand, bye);
        world.run_for(SECOND);
        world.run_to_rest();
    });
    let told = [Direction::RecvOnly, Direction::SendRecv];
    assert_eq!(changes(&world, "3001"), told);
}

/// RFC 3665 §3.7.
#[test]
fn a_party_that_moves_is_answered_here_and_the_other_side_hears_nothing_of_it() {
    let world = play(|world| {
        let (alice, bob) = (world.line(0, "1001"), world.line(0, "3001"));
        world.phone(bob, Input::Behave(scenes::ANSWERS));
        assert_eq!(world.makecall(0, "1001", "2001", "3001"), 200);
        let hand = world.by_hand(alice);
        for (address, wait) in [("10.0.1.1", 2_200), ("10.0.1.77", 100)] {
            let sdp = world.hand(hand).sdp("sendrecv");
            let sdp = sdp.replace("c=IN IP4 10.0.1.1", &format!("c=IN IP4 {address}"));
            let invite = world.hand(hand).invite("2001", &sdp);
            world.send(hand, invite);
            world.run_for(Duration::from_millis(wait));
            let ack = world.hand(hand).ack("");
            world.send(hand, ack);
            world.run_for(SECOND);
        }
        let bye = world.hand(hand).bye();
        world.send(hand, bye);
        world.run_for(SECOND);
        world.run_to_rest();
    });
    expect_file!["ladders/moved.txt"].assert_eq(&world.ladders());
    assert!(changes(&world, "3001").is_empty());
}

#[test]
fn two_holds_that_cross_each_other_are_refused_and_the_call_goes_on() {
    let world = play(|world| {
        let (alice, bob) = scenes::call(world, scenes::ANSWERS);
        for line in [alice, bob] {
            world.phone(line, Input::Hold(true));
        }
        world.run_for(5 * SECOND);
        world.phone(alice, Input::Hold(true));
        world.run_for(SECOND);
        part(world, bob);
    });
    expect_file!["ladders/hold-glare.txt"].assert_eq(&world.ladders());
    assert_eq!(changes(&world, "1001"), [Direction::SendOnly]);
    assert_eq!(changes(&world, "3001"), [Direction::RecvOnly]);
}

#[test]
fn a_caller_that_requires_it_is_told_reliably_that_it_rings() {
    let world = play(|world| {
        let (alice, bob) = (world.line(0, "1001"), world.line(0, "3001"));
        world.phone(bob, Input::Behave(scenes::ANSWERS));
        assert_eq!(world.makecall(0, "1001", "2001", "3001"), 200);
        let hand = world.by_hand(alice);
        let sdp = world.hand(hand).sdp("sendrecv");
        let invite = text(world.hand(hand).invite("2001", &sdp));
        let invite = invite.replace("Max-Forwards", "Require: 100rel\r\nMax-Forwards");
        world.send(hand, invite.into());
        // The callee rings after 0.5 s, and answers before PRACK comes.
        world.run_for(3 * SECOND);
        let heard = world.hand(hand).heard();
        let ringing = heard
            .iter()
            .find(|it| it.starts_with("SIP/2.0 180"))
            .unwrap();
        let field = |name: &str| {
            let line = ringing.lines().find(|line| line.starts_with(name)).unwrap();
            line.split_once(": ").unwrap().1.to_owned()
        };
        let (to, sequence) = (field("To:"), field("RSeq:"));
        let prack = text(world.hand(hand).bye()).replace("BYE", "PRACK");
        let prack = prack.replace("To: <sip:2001@10.0.0.1:5060>", &format!("To: {to}"));
        let rack = format!("RAck: {sequence} 1 INVITE\r\nMax-Forwards");
        world.send(hand, prack.replace("Max-Forwards", &rack).into());
        world.run_for(Duration::from_millis(100));
        let ack = text(world.hand(hand).ack("")).replace("CSeq: 2", "CSeq: 1");
        world.send(hand, ack.into());
        world.run_for(SECOND);
        let bye = world.hand(hand).bye();
        world.send(hand, bye);
        world.run_for(SECOND);
        world.run_to_rest();
    });
    expect_file!["ladders/reliable-ringing.txt"].assert_eq(&world.ladders());
}

fn text(message: impl AsRef<[u8]>) -> String {
    String::from_utf8_lossy(message.as_ref()).into_owned()
}

#[test]
fn a_hold_that_is_taken_back_is_taken_back_on_the_other_side_too() {
    let world = play(|world| {
        let (alice, bob) = (world.line(0, "1001"), world.line(0, "3001"));
        world.phone(bob, Input::Behave(scenes::ANSWERS));
        assert_eq!(world.makecall(0, "1001", "2001", "3001"), 200);
        let hand = world.by_hand(alice);
        world.hand(hand).be_polite();
        let sdp = world.hand(hand).sdp("sendrecv");
        let invite = world.hand(hand).invite("2001", &sdp);
        world.send(hand, invite);
        world.run_for(3 * SECOND);
        let ack = world.hand(hand).ack("");
        world.send(hand, ack);
        world.run_for(SECOND);
        let late = Duration::from_millis(300);
        world.from_line(bob, "200 INVITE", Fate::Late(late));
        let sdp = world.hand(hand).sdp("sendonly");
        let invite = world.hand(hand).invite("2001", &sdp);
        world.send(hand, invite);
        world.run_for(late / 2);
        let cancel = world.hand(hand).cancel();
        world.send(hand, cancel);
        world.run_for(2 * SECOND);
        let bye = world.hand(hand).bye();
        world.send(hand, bye);
        world.run_for(SECOND);
        world.run_to_rest();
    });
    expect_file!["ladders/hold-taken-back.txt"].assert_eq(&world.ladders());
    let told = [Direction::RecvOnly, Direction::SendRecv];
    assert_eq!(changes(&world, "3001"), told);
}

#[test]
fn a_party_that_hangs_up_instead_of_an_answer_keeps_nobody_waiting() {
    let world = play(|world| {
        let (alice, hand) = callee_by_hand(world);
        let first = world.hand(hand).last("INVITE").unwrap().to_owned();
        world.phone(alice, Input::Hold(true));
        world.run_for(SECOND);
        let bye = world.hand(hand).bye_to(&first, "bob");
        world.send(hand, bye);
        world.run_for(SECOND);
        answer(world, hand, "487 Request Terminated", "", "");
        world.run_for(SECOND);
        part(world, alice);
    });
    expect_file!["ladders/hold-hung-up.txt"].assert_eq(&world.ladders());
}

#[test]
fn a_call_of_hours_is_refreshed_and_one_whose_phone_is_gone_ends() {
    for user in ["1001", "3001"] {
        let options = Options {
            audio: false,
            ..Options::calm()
        };
        let world = play_with(options, |world| {
            let (alice, bob) = scenes::call(world, scenes::ANSWERS);
            world.run_for(3_600 * SECOND);
            for line in [alice, bob] {
                assert_eq!(world.lines()[line].ended(), None);
            }
            let gone = world.line(0, user);
            world.lines_mut()[gone].link = Link {
                loss: 100,
                ..Link::CALM
            };
            world.run_for(1_800 * SECOND);
            for line in [alice, bob] {
                assert!(world.lines()[line].ended().is_some(), "{user}");
            }
            world.run_to_rest();
        });
        let causes: Vec<_> = world.cdrs().iter().map(|row| row.cause).collect();
        assert!(causes.contains(&Some(408)), "{user}: {causes:?}");
    }
}
