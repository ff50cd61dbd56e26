//! What is played into conferences and recorded of them: who hears it, how it ends, and who is told.

use std::time::Duration;

use expect_test::expect_file;
use media::{sdp::Codec, tone};
use model::{RecordingState, TenantConfig};
use sim::{Options, World, count_errors, rooms, script::Scripts};

const SECOND: Duration = Duration::from_secs(1);

fn play(options: Options, scene: impl FnOnce(&mut World)) -> World {
    let (world, errors) = count_errors(|| {
        let mut world = World::new(options, Box::new(Scripts));
        let tenant = rooms::tenant(&mut world, "conference");
        world.add_tenant(tenant);
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

fn seeded(seed: u64) -> Options {
    Options {
        seed,
        ..Options::calm()
    }
}

/// How often a line of the ladders says that.
fn count(world: &World, what: &str) -> usize {
    world
        .ladders()
        .lines()
        .filter(|it| it.contains(what))
        .count()
}

/// How loud each member hears the announcement and each of them, in the last second.
fn levels(world: &World) -> Vec<(f32, Vec<f32>)> {
    let lines = rooms::MEMBERS.map(|user| &world.lines()[world.line(0, user)]);
    let hears = |line: &&sim::Line| {
        let heard = line.recordings.last().map_or(&[][..], Vec::as_slice);
        let last = &heard[heard.len().saturating_sub(8_000)..];
        let members = lines.map(|it| tone::level_of(last, it.tone));
        (tone::level_of(last, rooms::ANNOUNCED.1), members.to_vec())
    };
    lines.iter().map(hears).collect()
}

#[test]
fn everybody_hears_who_is_announced_and_each_other_and_nobody_itself() {
    let mut planes = [0; 3];
    for seed in 0..6 {
        let world = play(seeded(seed), |world| {
            let carol = world.line(0, "3002");
            world.set_codecs(carol, &[Codec::G722]);
            for user in rooms::MEMBERS {
                rooms::come(world, user);
                world.run_for(2 * SECOND);
            }
            planes[world.planes_in_conference()] += 1;
            // The last announcement is not over.
            for user in rooms::MEMBERS {
                rooms::go(world, user);
            }
            world.run_to_rest();
        });
        for (who, (announced, members)) in levels(&world).iter().enumerate() {
            // Prompts and members are of −12 dB.
            assert!((-14.0..-10.0).contains(announced), "{who}: {announced} dB");
            for (whom, level) in members.iter().enumerate() {
                let fits = if who == whom {
                    *level < -50.0
                } else {
                    (-14.0..-10.0).contains(level)
                };
                assert!(fits, "{who} hears {whom} at {level} dB");
            }
        }
    }
    assert!(planes[2] > 0, "{planes:?}");
}

#[test]
fn a_later_announcement_takes_the_place_of_the_one_before() {
    let world = play(Options::calm(), rooms::announced);
    expect_file!["ladders/rooms.txt"].assert_eq(&world.ladders());
    assert_eq!(count(&world, "played into conference 2001: stopped"), 2);
    assert_eq!(count(&world, "played into conference 2001: finished"), 1);
    assert_eq!(count(&world, "on_conference_play_completed"), 3);
}

#[test]
fn a_recording_goes_on_without_who_began_it_and_ends_with_the_conference() {
    for seed in 0..6 {
        let world = play(seeded(seed), rooms::announced);
        let ([row], [take]) = (world.recordings(), world.takes()) else {
            panic!("{:?} {:?}", world.recordings(), world.takes());
        };
        assert_eq!(count(&world, "recorded conference"), 0, "it is gone");
        let first = world.cdrs().into_iter().min_by_key(|row| row.begin);
        assert_eq!(row.name, "conference-2001");
        assert_eq!(Some(row.call), first.map(|row| row.call));
        assert_eq!(take.file, row.id.to_string());
        // Ten seconds of arrivals and two more until the last has gone.
        let seconds = take.lasted.as_secs_f64();
        assert!((11.0..13.0).contains(&seconds), "{seconds}");
        let [said, heard] = take.packets;
        let expected = (seconds * 50.0) as usize;
        assert!(said == 0 && heard.abs_diff(expected) <= 5, "{take:?}");
    }
}

#[test]
fn whoever_is_alone_because_the_first_left_while_it_came_begins_the_recording_anew() {
    let mut anew = 0;
    for millis in 0..30 {
        let world = play(Options::calm(), |world| {
            // The turn of the second begins while the first is there, and is carried out when it has left.
            rooms::come(world, "1001");
            world.run_for(2 * SECOND);
            world.set_pace("on_incoming", Duration::from_millis(30));
            rooms::come(world, "1002");
            world.run_for(Duration::from_millis(2 * millis));
            rooms::go(world, "1001");
            world.run_for(5 * SECOND);
            rooms::go(world, "1002");
            world.run_to_rest();
        });
        let later = |take: &&sim::Take| take.lasted > 4 * SECOND;
        let last = world.takes().iter().filter(later).count();
        assert_eq!(last, 1, "{millis}: {:?}", world.takes());
        anew += world.takes().len() - 1;
    }
    assert!(anew > 0, "nobody was alone");
}

#[test]
fn whoever_ends_a_conference_is_told_what_it_began_before_the_end_of_its_call() {
    let world = play(Options::calm(), rooms::alone);
    expect_file!["ladders/rooms-alone.txt"].assert_eq(&world.ladders());
    assert_eq!(count(&world, "recorded conference 2001: finished"), 1);
}

#[test]
fn whenever_somebody_hangs_up_each_end_is_told_once() {
    for seed in 0..24 {
        let world = play(seeded(seed), |world| {
            for (n, user) in rooms::MEMBERS.into_iter().enumerate() {
                rooms::come(world, user);
                world.run_for(Duration::from_millis(20 + 37 * seed * n as u64));
            }
            for user in rooms::MEMBERS {
                rooms::go(world, user);
                world.run_for(Duration::from_millis(seed * 11));
            }
            world.run_to_rest();
        });
        for (began, told) in [
            ("play-start", "on_conference_play_completed"),
            ("record-start", "on_conference_record_completed"),
        ] {
            let (began, told) = (count(&world, began), count(&world, told));
            assert!(told <= began, "seed {seed}: {began} began, {told} ended");
        }
        let takes = world.takes().len();
        assert_eq!(takes, world.recordings().len(), "seed {seed}");
    }
}

/// Two meet; the second plays and is let go before the prompt was read, the first hears it.
fn cry(world: &mut World) {
    for user in ["1001", "1002"] {
        rooms::come(world, user);
        world.run_for(SECOND);
    }
    let bob = world.line(0, "1002");
    world.press(bob, "1");
    world.run_for(2 * SECOND);
    rooms::go(world, "1001");
    world.run_to_rest();
}

/// That, with these prompts.
fn cried(change: impl FnOnce(&mut TenantConfig)) -> World {
    let mut world = World::new(Options::calm(), Box::new(Scripts));
    let mut tenant = rooms::tenant(&mut world, "crier");
    change(&mut tenant);
    world.add_tenant(tenant);
    for line in world.lines_mut() {
        line.records = true;
    }
    cry(&mut world);
    assert_eq!(world.watch().violations(), [""; 0], "{}", world.journal());
    world
}

#[test]
fn a_play_goes_on_without_who_began_it_though_its_prompt_was_not_there_yet() {
    let world = cried(|_| {});
    let alice = &world.lines()[world.line(0, "1001")];
    let heard = alice.recordings.last().expect("it was in a call");
    let last = &heard[heard.len() - 8_000..];
    let announced = tone::level_of(last, rooms::ANNOUNCED.1);
    assert!((-14.0..-10.0).contains(&announced), "{announced} dB");
    let told = count(&world, "on_conference_play_completed");
    assert_eq!(told, 0, "whoever began it is gone");
}

#[test]
fn whoever_was_let_go_is_told_that_its_prompt_cannot_be_read() {
    let world = cried(|tenant| {
        for prompt in tenant.prompts.values_mut() {
            prompt.digest = "not there".into();
        }
    });
    assert_eq!(count(&world, "played into conference 2001: failed"), 1);
    assert_eq!(count(&world, "on_conference_play_completed"), 1);
}

#[test]
fn bad_weather_leaves_nothing_behind() {
    for seed in 0..12 {
        play(Options::stormy(seed), |world| {
            for user in rooms::MEMBERS {
                rooms::come(world, user);
                world.run_for(Duration::from_millis(300 * (seed % 5)));
            }
            world.run_for(4 * SECOND);
            for user in rooms::MEMBERS {
                rooms::go(world, user);
            }
            world.run_to_rest();
        });
    }
}

#[test]
fn a_disk_that_is_full_fails_the_recording_and_the_conference_goes_on() {
    let world = play(Options::calm(), |world| {
        world.fill_disk();
        rooms::announced(world);
    });
    assert_eq!(count(&world, "recorded conference 2001: failed"), 1);
    assert_eq!(count(&world, "on_conference_record_completed"), 1);
    let all = world.cdrs();
    assert_eq!(all.len(), 3);
    assert!(all.iter().all(|row| row.cause == Some(200)), "{all:?}");
}

#[test]
fn a_recording_that_fails_when_its_session_is_gone_has_failed_all_the_same() {
    for millis in 0..40 {
        let world = play(Options::calm(), |world| {
            world.keep_recorder_busy();
            rooms::come(world, "1001");
            world.run_for(Duration::from_millis(10 * millis));
            rooms::go(world, "1001");
            world.run_to_rest();
        });
        let failed = |row: &model::Recording| row.state == RecordingState::Failed;
        assert!(world.recordings().iter().all(failed), "{millis}");
    }
}

#[test]
fn an_announcement_that_cannot_be_read_fails_and_nobody_is_kept_out() {
    let mut world = World::new(Options::calm(), Box::new(Scripts));
    let mut tenant = rooms::tenant(&mut world, "conference");
    for prompt in tenant.prompts.values_mut() {
        prompt.digest = "not there".into();
    }
    world.add_tenant(tenant);
    rooms::announced(&mut world);
    assert_eq!(world.watch().violations(), [""; 0], "{}", world.journal());
    assert_eq!(count(&world, "played into conference 2001: failed"), 3);
    assert_eq!(count(&world, "on_conference_play_completed"), 3);
    assert_eq!(count(&world, "in conference 2001,"), 3);
}
