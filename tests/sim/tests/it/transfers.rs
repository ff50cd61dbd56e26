//! Transfers of calls that makecall has made: RFC 5359 §2.4 and §2.5, and what may come between.

use std::{net::SocketAddr, time::Duration};

use control::phone::{Behaviour, Event, Input};
use expect_test::expect_file;
use media::sdp::Direction;
use model::{IdSource, TrunkId};
use sim::{
    Options, World, count_errors,
    script::Scripts,
    town,
    transfers::{self, calls, refers, town_of_three},
};

const SECOND: Duration = Duration::from_secs(1);

fn play(shards: u8, scene: impl FnOnce(&mut World)) -> World {
    let (world, errors) = count_errors(|| {
        let options = Options {
            shards,
            ..Options::calm()
        };
        let mut world = World::new(options, Box::new(Scripts));
        world.add_tenant(town::tenant("acme", 1, "makecall"));
        scene(&mut world);
        world
    });
    assert_eq!(errors, 0);
    assert_eq!(world.watch().violations(), [""; 0], "{}", world.journal());
    world
}

/// How long a telephone heard the tone of another, in milliseconds.
fn heard(world: &World, user: &str, other: &str) -> u64 {
    let tone = world.lines()[world.line(0, other)].tone;
    let line = &world.lines()[world.line(0, user)];
    let of = line.heard.iter().filter(|heard| heard.tone == Some(tone));
    of.map(|heard| heard.audio_ms).sum()
}

#[test]
fn who_transfers_is_released_when_the_other_answers() {
    let world = play(2, transfers::unattended);
    expect_file!["ladders/transfer-unattended.txt"].assert_eq(&world.ladders());
    // Both hear each other, and 3002 sees the number that 3001 has seen.
    for (user, other) in [("3001", "3002"), ("3002", "3001")] {
        assert!(heard(&world, user, other) > 1_500, "{user}");
        assert_eq!(world.ended(user), Some(200));
    }
    let from = world.lines()[world.line(0, "3002")]
        .told
        .iter()
        .find_map(|(_, it)| match it {
            Event::Incoming { from, .. } => Some(from.to_string()),
            _ => None,
        });
    assert_eq!(from.as_deref(), Some("sip:2001@acme.example"));
    assert_eq!(world.cdrs().len(), 3);
}

#[test]
fn nothing_changes_if_nobody_may_be_called_or_nobody_answers() {
    let world = play(2, transfers::refused);
    expect_file!["ladders/transfer-refused.txt"].assert_eq(&world.ladders());
    assert_eq!(world.ended("3001"), Some(200));
}

#[test]
fn who_hangs_up_at_once_has_transferred_all_the_same() {
    for answers in [true, false] {
        let world = play(2, |world| {
            let hand = town_of_three(world);
            if !answers {
                let carol = world.line(0, "3002");
                let (after, status) = (SECOND, 486);
                world.phone(carol, Input::Behave(Behaviour::Refuse { after, status }));
            }
            calls(world, hand, "3001", &["sendrecv"]);
            let refer = world.hand(hand).refer("sip:3002@acme.example");
            world.send(hand, refer);
            world.run_for(Duration::from_millis(300));
            let bye = world.hand(hand).bye();
            world.send(hand, bye);
            world.run_for(5 * SECOND);
            let last = world.hand(hand).last("NOTIFY").unwrap().to_owned();
            let status = if answers {
                "SIP/2.0 200"
            } else {
                "SIP/2.0 486"
            };
            assert!(last.contains(status), "{last}");
            let bob = world.line(0, "3001");
            world.hang_up(bob);
            world.run_to_rest();
        });
        let together = heard(&world, "3001", "3002") > 1_500;
        assert_eq!(together, answers);
        let end = if answers { 200 } else { 486 };
        let causes: Vec<_> = world.cdrs().iter().filter_map(|row| row.cause).collect();
        assert!(causes.contains(&end), "{causes:?}");
    }
}

#[test]
fn who_was_to_be_transferred_hangs_up_and_nobody_is_called_any_more() {
    let world = play(2, |world| {
        let hand = town_of_three(world);
        calls(world, hand, "3001", &["sendrecv"]);
        let refer = world.hand(hand).refer("sip:3002@acme.example");
        world.send(hand, refer);
        world.run_for(SECOND);
        let bob = world.line(0, "3001");
        world.hang_up(bob);
        world.run_for(SECOND);
        let last = world.hand(hand).last("NOTIFY").unwrap().to_owned();
        assert!(last.contains("SIP/2.0 480"), "{last}");
        world.run_to_rest();
    });
    assert_eq!(world.ended("3002"), Some(487));
}

#[test]
fn whom_it_has_asked_first_is_given_to_the_other() {
    for shards in [1, 2, 3, 4] {
        let world = play(shards, transfers::attended);
        // The way between two shards is seen by nobody.
        expect_file!["ladders/transfer-attended.txt"].assert_eq(&world.ladders());
        for (user, other) in [("3001", "3002"), ("3002", "3001")] {
            assert!(
                heard(&world, user, other) > 3_000,
                "{user}, {shards} shards"
            );
            assert_eq!(world.ended(user), Some(200));
        }
    }
}

#[test]
fn who_asks_somebody_else_first_may_go_back() {
    // RFC 5359 §2.2: consultation hold.
    let world = play(2, |world| {
        let hand = town_of_three(world);
        calls(world, hand, "3001", &["sendrecv", "sendonly"]);
        let first = world.hand(hand).put_aside();
        calls(world, hand, "3002", &["sendrecv"]);
        let bye = world.hand(hand).bye();
        world.send(hand, bye);
        world.run_for(SECOND);
        world.hand(hand).take_up(first);
        let sdp = world.hand(hand).sdp("sendrecv");
        let invite = world.hand(hand).invite("2001", &sdp);
        world.send(hand, invite);
        world.run_for(SECOND);
        let ack = world.hand(hand).ack("");
        world.send(hand, ack);
        world.run_for(SECOND);
        let bye = world.hand(hand).bye();
        world.send(hand, bye);
        world.run_to_rest();
    });
    expect_file!["ladders/hold-consultation.txt"].assert_eq(&world.ladders());
    let line = &world.lines()[world.line(0, "3001")];
    let changed = line.told.iter().filter_map(|(_, event)| match event {
        Event::Changed { agreed } => Some(agreed.direction),
        _ => None,
    });
    let held = [Direction::RecvOnly, Direction::SendRecv];
    assert_eq!(changed.collect::<Vec<_>>(), held);
    assert_eq!(
        (world.ended("3001"), world.ended("3002")),
        (Some(200), Some(200))
    );
}

#[test]
fn a_place_that_is_not_there_cannot_be_taken() {
    for shards in [1, 3] {
        let world = play(shards, |world| {
            let hand = town_of_three(world);
            calls(world, hand, "3001", &["sendrecv"]);
            let nobody = "Replaces=x%3Bto-tag%3D1%3Bfrom-tag%3D2";
            let told = refers(world, hand, &format!("sip:3002@acme.example?{nobody}"));
            assert_eq!(told[..2], ["SIP/2.0 202", "told 100 Trying"]);
            assert!(told[2].starts_with("told 481"), "{told:?}");
            let bye = world.hand(hand).bye();
            world.send(hand, bye);
            world.run_to_rest();
        });
        assert_eq!(world.ended("3001"), Some(200));
        assert_eq!(world.ended("3002"), None);
    }
}

/// Somebody at another telephone calls in the place of a party.
fn takes_the_place(world: &mut World, hand: usize, other: usize) -> String {
    let replaces = world
        .hand(hand)
        .replaces()
        .replace("Replaces=", "Replaces: ");
    let replaces = replaces.replace("%3B", ";").replace("%3D", "=");
    let sdp = world.hand(other).sdp("sendrecv");
    let invite = world.hand(other).invite("jackfield", &sdp);
    let invite = String::from_utf8_lossy(&invite).into_owned();
    let line = format!("{replaces}\r\nMax-Forwards");
    world.send(other, invite.replace("Max-Forwards", &line).into());
    world.run_for(SECOND);
    let mut answers = world.hand(other).heard().iter();
    let answer = answers.rfind(|it| it.starts_with("SIP/2.0 "));
    answer.unwrap()[8..11].to_owned()
}

#[test]
fn a_telephone_of_the_tenant_takes_over_a_call_and_a_strangers_does_not() {
    for shards in [1, 2, 3, 4] {
        take_over(shards);
    }
}

fn take_over(shards: u8) {
    let (world, errors) = count_errors(|| {
        let options = Options {
            shards,
            ..Options::calm()
        };
        let mut world = World::new(options, Box::new(Scripts));
        for (name, n) in [("acme", 1), ("other", 2)] {
            world.add_tenant(town::tenant(name, n, "makecall"));
        }
        let hand = town_of_three(&mut world);
        calls(&mut world, hand, "3001", &["sendrecv", "sendonly"]);
        let stranger = world.line(1, "3002");
        let stranger = world.by_hand(stranger);
        world.hand(stranger).be_polite();
        assert_eq!(takes_the_place(&mut world, hand, stranger), "481");
        let friend = world.line(0, "1002");
        let friend = world.by_hand(friend);
        world.hand(friend).be_polite();
        assert_eq!(takes_the_place(&mut world, hand, friend), "200");
        let ack = world.hand(friend).ack("");
        world.send(friend, ack);
        world.run_for(SECOND);
        assert!(world.hand(hand).last("BYE").is_some());
        let bye = world.hand(friend).bye();
        world.send(friend, bye);
        world.run_to_rest();
        world
    });
    assert_eq!((errors, world.ended("3001")), (0, Some(200)));
    assert_eq!(world.watch().violations(), [""; 0], "{}", world.journal());
    expect_file!["ladders/replaces.txt"].assert_eq(&world.ladders());
}

#[test]
fn a_policy_sends_its_caller_away_and_hears_how_that_went() {
    let (world, errors) = count_errors(|| {
        let mut world = World::new(Options::calm(), Box::new(Scripts));
        world.add_tenant(town::tenant("acme", 1, "sender"));
        let hand = town_of_three(&mut world);
        let sdp = world.hand(hand).sdp("sendrecv");
        let invite = world.hand(hand).invite("2001", &sdp);
        world.send(hand, invite);
        world.run_for(Duration::from_millis(100));
        let ack = world.hand(hand).ack("");
        world.send(hand, ack);
        world.run_for(4 * SECOND);
        let refer = world.hand(hand).last("REFER").unwrap().to_owned();
        let told = |name: &str| {
            let line = refer.lines().find(|line| line.starts_with(name)).unwrap();
            line.to_owned()
        };
        let to = told("Refer-To: ");
        assert!(
            to.starts_with("Refer-To: <sip:3002@acme.example?Replaces="),
            "{to}"
        );
        assert_eq!(
            told("Referred-By: "),
            "Referred-By: <sip:2001@10.0.0.1:5060>"
        );
        let ok = world.hand(hand).respond(&refer, "202 Accepted", "", "");
        world.send(hand, ok);
        let notify = world.hand(hand).notify("200 OK");
        world.send(hand, notify);
        world.run_for(SECOND);
        world.run_to_rest();
        world
    });
    assert_eq!((errors, world.ended("3002")), (0, Some(200)));
    assert_eq!(world.watch().violations(), [""; 0], "{}", world.journal());
    expect_file!["ladders/transfer-by-policy.txt"].assert_eq(&world.ladders());
    assert_eq!(world.cdrs()[0].user_data, "told 200");
}

#[test]
fn a_trunk_that_leads_to_a_hatch_leads_nowhere() {
    for hatch in 1..=2 {
        let (world, errors) = count_errors(|| {
            let mut world = World::new(Options::calm(), Box::new(Scripts));
            let mut tenant = town::tenant("acme", 1, "makecall");
            let mut everywhere = tenant.trunks[1].clone();
            everywhere.id = TrunkId::mint(&mut IdSource::new([9; 32], 0, 0), 1);
            everywhere.address = SocketAddr::from(([0, 0, 0, 0], hatch)).into();
            everywhere.accept_from = vec!["0.0.0.0/0".parse().unwrap()];
            everywhere.prefixes = vec!["2".to_owned()];
            tenant.trunks.push(everywhere);
            world.add_tenant(tenant);
            assert_eq!(world.makecall(0, "1001", "2001", "2002"), 200);
            let alice = world.line(0, "1001");
            world.dial(alice, "2001");
            world.run_for(40 * SECOND);
            world.run_to_rest();
            world
        });
        // Who waits for a word from there waits in vain.
        assert_eq!((errors, world.ended("1001")), (0, Some(408)));
        assert_eq!(world.watch().violations(), [""; 0]);
    }
}

#[test]
fn without_a_policy_that_knows_transfers_they_are_refused() {
    let (world, errors) = count_errors(|| {
        let mut world = World::new(Options::calm(), Box::new(Scripts));
        let mut tenant = town::tenant("acme", 1, "makecall");
        let plugin = tenant.plugins.get_mut("makecall").unwrap();
        plugin.exports.retain(|export| !export.contains("transfer"));
        world.add_tenant(tenant);
        let hand = town_of_three(&mut world);
        calls(&mut world, hand, "3001", &["sendrecv"]);
        let told = refers(&mut world, hand, "sip:3002@acme.example");
        assert_eq!(told, ["SIP/2.0 603"]);
        let bye = world.hand(hand).bye();
        world.send(hand, bye);
        world.run_to_rest();
        world
    });
    assert_eq!((errors, world.ended("3002")), (0, None));
    assert_eq!(world.watch().violations(), [""; 0]);
}
