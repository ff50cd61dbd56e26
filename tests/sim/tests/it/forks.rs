//! Calls that ring at several telephones: RFC 3261 §16.7 as a user agent that forks.

use std::time::Duration;

use control::phone::{Behaviour, Event};
use expect_test::{ExpectFile, expect_file};
use sim::{
    Options, World, count_errors,
    forks::{self, refuses, rings},
    script::Scripts,
    town,
};

const BOTH: [(&str, u16); 2] = [("desk", 1_000), ("mobile", 1_000)];
const DESK_FIRST: [(&str, u16); 2] = [("desk", 1_000), ("mobile", 500)];

/// Plays a scene in the world of a tenant whose phone 3002 has registered these.
fn play(telephones: &[(&str, u16)], scene: impl FnOnce(&mut World)) -> World {
    let (world, errors) = count_errors(|| {
        let mut world = World::new(Options::calm(), Box::new(Scripts));
        let acme = town::tenant("acme", 1, "makecall");
        let acme = world.add_tenant(town::with_phone(acme, "3002", "secret"));
        let bindings = town::bindings(1, model::Transport::Udp, telephones);
        world.has_registered(acme, "3002", bindings);
        scene(&mut world);
        world
    });
    assert_eq!(errors, 0);
    assert_eq!(world.watch().violations(), [""; 0], "{}", world.journal());
    world
}

fn check(telephones: &[(&str, u16)], ladder: ExpectFile, scene: impl FnOnce(&mut World)) -> World {
    let world = play(telephones, scene);
    ladder.assert_eq(&world.ladders());
    world
}

fn answered(world: &World, name: &str) -> bool {
    let answers = |event: &Event| matches!(event, Event::Answered { .. });
    world.lines()[world.line(0, name)].when(answers).is_some()
}

#[test]
fn the_first_that_answers_has_the_call_and_the_others_stop_ringing() {
    let world = check(&BOTH, expect_file!["ladders/fork.txt"], |world| {
        let telephones = [
            ("desk", rings(300, None)),
            ("mobile", rings(500, Some(2_000))),
        ];
        forks::call_for(world, "3002", &telephones, 5_000);
    });
    assert!(answered(&world, "mobile") && !answered(&world, "desk"));
    assert_eq!(
        (world.ended("desk"), world.ended("mobile")),
        (Some(487), Some(200))
    );
    assert_eq!(world.cdrs().len(), 2, "a fork is one call");
    let mobile = &world.lines()[world.line(0, "mobile")];
    let alice = &world.lines()[world.line(0, "1001")];
    assert_eq!(alice.heard[0].tone, Some(mobile.tone));
    let ringing = alice
        .told
        .iter()
        .filter(|(_, event)| *event == Event::Ringing);
    assert_eq!(ringing.count(), 1, "ringing is told once");
}

#[test]
fn two_that_answer_at_once_are_one_call() {
    let world = check(
        &BOTH,
        expect_file!["ladders/fork-crossing-200.txt"],
        |world| {
            let telephones = [
                ("desk", rings(300, Some(2_000))),
                ("mobile", rings(300, Some(2_000))),
            ];
            forks::call_for(world, "3002", &telephones, 5_000);
        },
    );
    // The second one is told by BYE.
    assert!(answered(&world, "desk") && answered(&world, "mobile"));
    let told = world.lines()[world.line(0, "mobile")]
        .told
        .last()
        .map(|(at, _)| *at);
    assert!(told < Some(Duration::from_secs(3)), "{told:?}");
    assert_eq!(world.cdrs().len(), 2);
}

#[test]
fn media_follows_the_one_that_answers() {
    let world = check(
        &BOTH,
        expect_file!["ladders/fork-early-media.txt"],
        |world| {
            let early = Behaviour::EarlyMedia {
                after: Duration::from_millis(300),
                answer: None,
            };
            let telephones = [("desk", early), ("mobile", rings(500, Some(2_000)))];
            forks::call_for(world, "3002", &telephones, 5_000);
        },
    );
    let [alice, mobile] = ["1001", "mobile"].map(|name| &world.lines()[world.line(0, name)]);
    assert_eq!(mobile.heard[0].tone, Some(alice.tone));
    assert!(mobile.heard[0].audio_ms > 2_500, "{:?}", mobile.heard);
}

#[test]
fn early_media_of_another_is_heard_when_the_first_gives_up() {
    let world = check(
        &BOTH,
        expect_file!["ladders/fork-early-media-fails.txt"],
        |world| {
            let early = |after, answer| Behaviour::EarlyMedia {
                after: Duration::from_millis(after),
                answer,
            };
            let answer = Some(Duration::from_secs(3));
            let telephones = [("desk", early(300, None)), ("mobile", early(500, answer))];
            let alice = forks::call(world, "3002", &telephones);
            world.run_for(Duration::from_secs(1));
            let desk = world.line(0, "desk");
            world.hang_up(desk);
            world.run_for(Duration::from_secs(4));
            world.hang_up(alice);
            world.run_for(Duration::from_secs(1));
            world.run_to_rest();
        },
    );
    assert!(!answered(&world, "desk") && answered(&world, "mobile"));
}

#[test]
fn the_best_of_the_failures_is_the_answer() {
    // RFC 3261 §16.7 step 6: 6xx, else the lowest class; a reason that helps before any other.
    for (desk, mobile, expect) in [
        (refuses(300, 404), refuses(100, 486), 486),
        (refuses(100, 404), refuses(300, 486), 404),
        (refuses(100, 503), refuses(300, 486), 486),
        (refuses(100, 486), refuses(300, 484), 484),
        (Behaviour::Deaf, refuses(300, 480), 480),
        (Behaviour::TryingOnly, refuses(300, 603), 603),
        (refuses(100, 480), refuses(300, 600), 600),
    ] {
        let world = play(&BOTH, |world| {
            forks::call_for(world, "3002", &[("desk", desk), ("mobile", mobile)], 40_000);
        });
        assert_eq!(world.ended("1001"), Some(expect), "{desk:?} {mobile:?}");
    }
}

#[test]
fn a_6xx_of_one_ends_the_call_at_all() {
    let world = check(&BOTH, expect_file!["ladders/fork-declined.txt"], |world| {
        let telephones = [("desk", rings(100, None)), ("mobile", refuses(1_000, 603))];
        forks::call_for(world, "3002", &telephones, 5_000);
    });
    assert_eq!(
        (world.ended("1001"), world.ended("desk")),
        (Some(603), Some(487))
    );
}

#[test]
fn a_caller_who_gives_up_takes_it_back_from_all() {
    let world = check(&BOTH, expect_file!["ladders/fork-given-up.txt"], |world| {
        // The CANCEL of the one that is deaf is never sent (RFC 3261 §9.1).
        let telephones = [("desk", rings(100, None)), ("mobile", Behaviour::Deaf)];
        forks::call_for(world, "3002", &telephones, 2_000);
    });
    assert_eq!(world.ended("desk"), Some(487));
    assert_eq!(
        (world.sent("desk", "CANCEL"), world.sent("mobile", "CANCEL")),
        (1, 0)
    );
}

#[test]
fn who_is_less_preferred_rings_when_the_first_does_not() {
    let world = check(
        &DESK_FIRST,
        expect_file!["ladders/fork-next.txt"],
        |world| {
            let telephones = [
                ("desk", refuses(100, 486)),
                ("mobile", rings(300, Some(1_000))),
            ];
            forks::call_for(world, "3002", &telephones, 5_000);
        },
    );
    assert!(answered(&world, "mobile"));
    assert_eq!(world.cdrs().len(), 2);
}

#[test]
fn who_says_nothing_is_given_up_for_the_next_after_four_seconds() {
    let world = check(
        &DESK_FIRST,
        expect_file!["ladders/fork-silent.txt"],
        |world| {
            let telephones = [
                ("desk", Behaviour::Deaf),
                ("mobile", rings(300, Some(1_000))),
            ];
            forks::call_for(world, "3002", &telephones, 8_000);
        },
    );
    assert!(answered(&world, "mobile"));
}

#[test]
fn who_has_rung_has_the_last_word() {
    let world = play(&DESK_FIRST, |world| {
        let telephones = [
            ("desk", rings(100, None)),
            ("mobile", rings(300, Some(1_000))),
        ];
        forks::call(world, "3002", &telephones);
        world.run_for(Duration::from_secs(10));
        let desk = world.line(0, "desk");
        world.hang_up(desk);
        world.run_for(Duration::from_secs(1));
        world.run_to_rest();
    });
    assert_eq!(world.ended("1001"), Some(480));
    assert_eq!(world.sent("mobile", "INVITE"), 0);
}

#[test]
fn who_has_said_100_is_waited_for() {
    let world = play(&DESK_FIRST, |world| {
        let telephones = [
            ("desk", Behaviour::TryingOnly),
            ("mobile", rings(300, None)),
        ];
        forks::call_for(world, "3002", &telephones, 20_000);
    });
    assert_eq!(
        (world.sent("desk", "CANCEL"), world.sent("mobile", "INVITE")),
        (1, 0)
    );
}
