//! Calls of several sessions in one conference: who hears whom, and that nothing is left of it.

use std::time::Duration;

use expect_test::expect_file;
use media::{sdp::Codec, tone};
use model::{Answer, Ask, limits};
use sim::{Options, World, count_errors, scenes, script::Scripts, town};

const SECOND: Duration = Duration::from_secs(1);

fn play(seed: u64, script: &str, scene: impl FnOnce(&mut World)) -> World {
    let (world, errors) = count_errors(|| {
        let options = Options {
            seed,
            ..Options::calm()
        };
        let mut world = World::new(options, Box::new(Scripts));
        world.add_tenant(town::tenant("acme", 1, script));
        for line in world.lines_mut() {
            line.records = true;
        }
        scene(&mut world);
        world
    });
    assert_eq!(errors, 0);
    assert_eq!(world.watch().violations(), [""; 0], "{}", world.journal());
    world
}

/// How loud each of the callers heard each of them in the second before it hung up.
fn levels(world: &World) -> Vec<Vec<f32>> {
    let lines = scenes::MEMBERS.map(|user| &world.lines()[world.line(0, user)]);
    let hears = |line: &&sim::Line| {
        let heard = line.recordings.last().map_or(&[][..], Vec::as_slice);
        let last = &heard[heard.len().saturating_sub(8_000)..];
        lines.map(|it| tone::level_of(last, it.tone)).to_vec()
    };
    lines.iter().map(hears).collect()
}

fn assert_mixed(world: &World) {
    for (who, heard) in levels(world).iter().enumerate() {
        for (whom, level) in heard.iter().enumerate() {
            // They speak at −12 dB.
            let fits = if who == whom {
                *level < -50.0
            } else {
                (-14.0..-10.0).contains(level)
            };
            assert!(fits, "{who} hears {whom} at {level} dB");
        }
    }
}

#[test]
fn three_sessions_meet_in_one_conference_whichever_shards_they_are_on() {
    let mut planes = [0; 3];
    for seed in 0..6 {
        let world = play(seed, "conference", |world| {
            let carol = world.line(0, "3002");
            world.set_codecs(carol, &[Codec::G722]);
            scenes::meet(world);
            planes[world.planes_in_conference()] += 1;
            scenes::part_from_conference(world);
        });
        assert_mixed(&world);
    }
    assert!(planes[1] > 0 && planes[2] > 0, "{planes:?}");
}

#[test]
fn a_conference_is_entered_by_its_pin_and_left_by_hanging_up() {
    let world = play(0, "conference", |world| {
        scenes::meet(world);
        scenes::part_from_conference(world);
    });
    expect_file!["ladders/conference.txt"].assert_eq(&world.ladders());
}

#[test]
fn the_third_wrong_pin_is_the_last() {
    let world = play(0, "conference", |world| {
        let alice = world.line(0, "1001");
        world.dial(alice, "2001");
        world.run_for(SECOND);
        world.press(alice, "1#2#4#");
        world.run_for(5 * SECOND);
        world.run_to_rest();
    });
    let causes = world.cdrs().into_iter().map(|row| row.cause);
    assert_eq!(causes.collect::<Vec<_>>(), [Some(403)]);
    assert_eq!(world.planes_in_conference(), 0);
}

#[test]
fn who_turns_its_voice_off_is_not_heard_and_hears_on() {
    let world = play(0, "conference", |world| {
        scenes::meet(world);
        let alice = world.line(0, "1001");
        world.press(alice, "*");
        world.run_for(3 * SECOND);
        scenes::part_from_conference(world);
    });
    let levels = levels(&world);
    assert!(levels[1][0] < -50.0 && levels[2][0] < -50.0, "{levels:?}");
    assert!(levels[0][1] > -14.0 && levels[0][2] > -14.0, "{levels:?}");
}

#[test]
fn the_api_is_told_the_conferences_of_its_tenant_and_of_no_other() {
    play(0, "conference", |world| {
        world.add_tenant(town::tenant("other", 2, "conference"));
        scenes::meet(world);
        let Answer::Conferences(all) = world.answer(0, Ask::Conferences) else {
            panic!("conferences");
        };
        let all: Vec<_> = all.iter().map(|it| (it.name.as_str(), it.size)).collect();
        assert_eq!(all, [("2001", 3)]);
        let Answer::Conferences(none) = world.answer(1, Ask::Conferences) else {
            panic!("conferences");
        };
        assert_eq!(none, []);
        scenes::part_from_conference(world);
    });
}

#[test]
fn who_is_granted_the_last_seat_that_another_takes_meanwhile_is_told() {
    let world = play(0, "conference", |world| {
        world.set_pace("on_digit", SECOND);
        let alice = world.line(0, "1001");
        world.dial(alice, "2001");
        world.run_for(SECOND);
        world.press(alice, "42#");
        // The turn of the last digit has begun, and saw the conference empty.
        world.run_for(Duration::from_millis(2_700));
        let others = world.crowd(0, "2001");
        assert_eq!(others.len(), limits::CONFERENCE_CALLS);
        world.run_for(5 * SECOND);
        drop(others);
        world.run_to_rest();
    });
    expect_file!["ladders/conference-full.txt"].assert_eq(&world.ladders());
}
