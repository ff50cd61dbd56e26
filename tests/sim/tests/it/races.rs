//! Races: each a ladder in a calm world, and a property with slow turns and in bad weather.

use std::time::Duration;

use expect_test::expect_file;
use model::Cdr;
use sim::{Link, Options, Random, World, count_errors, races, races::Race, script::Scripts, town};

fn play(options: Options, race: impl FnOnce(&mut World)) -> World {
    let (world, errors) = count_errors(|| {
        let mut world = World::new(options, Box::new(Scripts));
        world.add_tenant(town::tenant("acme", 1, "makecall"));
        race(&mut world);
        world
    });
    assert_eq!(errors, 0, "{}", world.journal());
    world
}

#[test]
fn every_race_has_its_ladder() {
    for (name, race) in races::ALL {
        let world = play(Options::calm(), race);
        expect_file![format!("ladders/race-{name}.txt")].assert_eq(&world.ladders());
        assert_eq!(
            world.watch().violations(),
            [""; 0],
            "{name}\n{}",
            world.journal()
        );
    }
}

/// The events whose turns may be slow.
const EVENTS: [&str; 5] = [
    "on_incoming",
    "on_ringing",
    "on_dial_completed",
    "on_answered",
    "on_released",
];

/// The name of a race, and how it ends.
type Fate = (&'static str, Option<u16>, Option<u16>, [&'static str; 2]);

/// With which status the call of each telephone ended, and what the records say of both calls. A
/// telephone that a test speaks for has no say.
const FATES: [Fate; 20] = [
    ("cancel-crosses-200", Some(487), Some(200), ["487", "487"]),
    (
        "cancel-after-our-200",
        Some(487),
        Some(200),
        ["answered 200", "answered 200"],
    ),
    ("cancel-before-1xx", Some(487), Some(487), ["487", "487"]),
    ("cancel-without-1xx", Some(487), None, ["487", "487"]),
    ("cancel-at-once", None, None, ["487", "487"]),
    (
        "cancel-crosses-refusal",
        Some(487),
        Some(486),
        ["487", "487"],
    ),
    (
        "bye-before-our-ack",
        Some(480),
        None,
        ["480", "answered 200"],
    ),
    (
        "bye-overtakes-ack",
        Some(200),
        Some(200),
        ["answered 200", "answered 200"],
    ),
    (
        "fork-answers-twice",
        Some(200),
        None,
        ["answered 200", "answered 200"],
    ),
    (
        "lost-200",
        Some(200),
        Some(200),
        ["answered 200", "answered 200"],
    ),
    (
        "lost-ack",
        Some(200),
        Some(200),
        ["answered 200", "answered 200"],
    ),
    (
        "lost-bye",
        Some(200),
        Some(200),
        ["answered 200", "answered 200"],
    ),
    (
        "lost-answer-to-bye",
        Some(200),
        Some(200),
        ["answered 200", "answered 200"],
    ),
    ("lost-cancel", Some(487), Some(487), ["487", "487"]),
    (
        "invite-again",
        None,
        Some(200),
        ["answered 200", "answered 200"],
    ),
    (
        "both-hang-up",
        Some(200),
        Some(200),
        ["answered 200", "answered 200"],
    ),
    (
        "byes-cross",
        Some(200),
        Some(200),
        ["answered 200", "answered 200"],
    ),
    ("cancelled-in-on-incoming", Some(487), None, ["487", "487"]),
    (
        "cancelled-in-on-dial-completed",
        Some(487),
        Some(200),
        ["487", "answered 487"],
    ),
    (
        "hang-up-in-on-answered",
        Some(200),
        Some(200),
        ["answered 200", "answered 200"],
    ),
];

#[test]
fn every_race_ends_as_it_must() {
    for ((name, race), (of, caller, callee, records)) in races::ALL.into_iter().zip(FATES) {
        assert_eq!(name, of);
        let world = play(Options::calm(), race);
        let ended = |user| world.lines()[world.line(0, user)].ended();
        let fate = |row: &&Cdr| {
            let answered = if row.answer.is_some() {
                "answered "
            } else {
                ""
            };
            format!("{answered}{}", row.cause.unwrap_or_default())
        };
        let rows: Vec<String> = world.cdrs().iter().map(fate).collect();
        assert_eq!((ended("1001"), ended("3001")), (caller, callee), "{name}");
        assert_eq!(rows, records, "{name}");
    }
}

/// How often the node sent a message that begins like that to a user.
fn sent(world: &World, user: &str, start: &str) -> Vec<usize> {
    let to = format!("> {}: {start}", world.lines()[world.line(0, user)].sip());
    let lines = world.journal().lines().enumerate();
    lines
        .filter(|(_, line)| line.contains(&to))
        .map(|(at, _)| at)
        .collect()
}

#[test]
fn a_cancel_waits_for_the_first_1xx_and_is_never_sent_without() {
    let world = play(Options::calm(), races::cancel_before_1xx);
    let bob = world.lines()[world.line(0, "3001")].sip();
    let trying = format!(" {bob} > shard");
    let mut lines = world.journal().lines();
    let trying = lines.position(|line| line.contains(&trying) && line.contains("100 Trying"));
    assert!(trying < sent(&world, "3001", "CANCEL").first().copied());
    let world = play(Options::calm(), races::cancel_without_1xx);
    assert_eq!(sent(&world, "3001", "CANCEL").len(), 0);
    assert_eq!(sent(&world, "3001", "INVITE").len(), 7, "until Timer B");
}

#[test]
fn the_second_fork_is_acknowledged_and_ended_and_the_call_goes_on() {
    let mut world = play(Options::calm(), races::fork_answers_twice);
    let heard = world.hand(0).heard();
    let count = |method: &str, tag: &str| {
        let to = format!(";tag={tag}\r\n");
        let one = |text: &&String| text.starts_with(method) && text.contains(&to);
        heard.iter().filter(one).count()
    };
    assert_eq!((count("ACK", "a"), count("ACK", "b")), (2, 2));
    assert_eq!((count("BYE", "a"), count("BYE", "b")), (1, 1));
}

#[test]
fn a_call_that_is_over_before_its_turn_returns_calls_nobody() {
    for race in [races::cancelled_in_on_incoming, races::cancel_at_once] {
        let world = play(Options::calm(), race);
        assert_eq!(sent(&world, "3001", "INVITE").len(), 0);
    }
}

#[test]
fn an_invite_that_comes_again_is_one_call_on_whichever_shard() {
    let mut world = World::new(Options::calm(), Box::new(Scripts));
    world.add_tenant(town::tenant("acme", 1, "answer"));
    let alice = world.line(0, "1001");
    let hand = world.by_hand(alice);
    let calls = 8;
    for _ in 0..calls {
        world.hand(hand).another_call();
        let sdp = world.hand(hand).sdp("sendrecv");
        let invite = world.hand(hand).invite("2001", &sdp);
        // Unanswered, answered, and after that again.
        for after in [0, 1, 300] {
            world.send(hand, invite.clone());
            world.run_for(Duration::from_millis(after));
        }
        for message in [
            world.hand(hand).ack(""),
            invite.clone(),
            world.hand(hand).bye(),
            invite,
        ] {
            world.send(hand, message);
            world.run_for(Duration::from_millis(100));
        }
    }
    world.run_to_rest();
    assert_eq!(world.watch().violations(), [""; 0], "{}", world.journal());
    assert_eq!(world.cdrs().len(), calls);
    for shard in ["> shard 0: INVITE", "> shard 1: INVITE"] {
        assert!(world.journal().contains(shard), "no call came to {shard}");
    }
    let ok = |text: &&String| text.starts_with("SIP/2.0 200") && text.contains("INVITE");
    assert_eq!(world.hand(hand).heard().iter().filter(ok).count(), calls);
}

#[test]
fn turns_that_take_their_whole_deadline_break_no_race() {
    // The one returns at the last moment, the other faults.
    for millis in [2_000, 2_001] {
        for event in EVENTS {
            for (name, race) in races::ALL {
                let options = Options {
                    audio: false,
                    ..Options::calm()
                };
                let world = play(options, |world| {
                    world.set_pace(event, Duration::from_millis(millis));
                    race(world);
                });
                let said = world.watch().violations();
                assert!(
                    said.is_empty(),
                    "{name}, {event} takes {millis} ms: {said:#?}\n{}",
                    world.journal()
                );
            }
        }
    }
}

fn in_bad_weather(seed: u64, race: Race) -> World {
    let options = Options {
        audio: false,
        ..Options::stormy(seed)
    };
    play(options, |world| {
        let mut random = Random::new(seed ^ 0x7ace);
        for line in world.lines_mut() {
            line.link = Link::stormy(&mut random);
        }
        if random.percent(50) {
            let event = random.pick(&EVENTS);
            world.set_pace(event, random.millis(2_100));
        }
        race(world);
    })
}

#[test]
fn races_in_bad_weather_keep_every_invariant() {
    for (name, race) in races::ALL {
        for seed in 0..20 {
            let world = in_bad_weather(seed, race);
            let said = world.watch().violations();
            assert!(
                said.is_empty(),
                "{name}, seed {seed}: {said:#?}\n{}",
                world.journal()
            );
        }
    }
}
