//! Recordings: what a policy is told of their ends, and what is on the tapes.

use std::time::Duration;

use control::{TurnRequest, phone::Input};
use expect_test::expect_file;
use media::{codec::Rate, sdp::Codec};
use model::{Command, Keys, RecordingState, turn::TurnOutcome};
use sim::{Deed, Options, Policies, Snapshot, World, count_errors, scenes, script::Scripts, town};

const SECOND: Duration = Duration::from_secs(1);

fn play(scene: impl FnOnce(&mut World)) -> World {
    let (world, errors) = count_errors(|| {
        let mut world = World::new(Options::calm(), Box::new(Scripts));
        world.add_tenant(town::tenant("acme", 1, "memo"));
        scene(&mut world);
        world
    });
    assert_eq!(errors, 0);
    assert_eq!(world.watch().violations(), [""; 0], "{}", world.journal());
    world
}

/// 1001 calls, and is recorded.
fn call(world: &mut World) -> usize {
    let alice = world.line(0, "1001");
    world.dial(alice, "2001");
    world.run_for(2 * SECOND);
    alice
}

fn part(world: &mut World, line: usize) {
    world.hang_up(line);
    world.run_to_rest();
}

/// What the policy was told of the recordings of the first call.
fn told(world: &World) -> String {
    world.cdrs()[0].user_data.clone()
}

#[test]
fn a_recording_ends_by_a_key_by_its_time_and_with_its_call() {
    let world = play(scenes::recorded);
    expect_file!["ladders/recorded.txt"].assert_eq(&world.ladders());
    assert_eq!(told(&world), "1 key 5 s;2 timeout 3 s;");
    let takes = world.takes();
    let seconds = takes
        .iter()
        .map(|it| it.lasted.as_secs_f64().round() as u64);
    let rows: Vec<_> = world.recordings().iter().collect();
    assert_eq!(
        (seconds.collect::<Vec<_>>(), rows.len()),
        (vec![5, 3, 2], 3)
    );
    for (row, take) in rows.iter().zip(takes) {
        assert_eq!(
            (row.name.as_str(), row.id.to_string()),
            ("memo", take.file.clone())
        );
        assert_eq!(row.call, world.cdrs()[0].call);
    }
}

#[test]
fn both_sides_of_a_bridge_are_on_the_tape() {
    let world = play(scenes::recorded);
    let [alone, bridged, _] = world.takes() else {
        panic!("{:?}", world.takes());
    };
    let full = |packets: usize, seconds: usize| packets.abs_diff(seconds * 50) <= 20;
    assert!(
        full(alone.packets[0], 5) && alone.packets[1] == 0,
        "{alone:?}"
    );
    assert!(
        full(bridged.packets[0], 3) && full(bridged.packets[1], 3),
        "{bridged:?}"
    );
}

#[test]
fn a_command_stops_a_recording_and_another_start_replaces_it() {
    let world = play(|world| {
        let alice = call(world);
        world.press(alice, "1*");
        world.run_for(2 * SECOND);
        part(world, alice);
    });
    assert_eq!(told(&world), "1 stopped 2 s;2 stopped 0 s;");
    assert_eq!(world.takes().len(), 2);
}

#[test]
fn a_disk_that_is_full_fails_the_recording_and_the_call_goes_on() {
    let world = play(|world| {
        world.fill_disk();
        let alice = call(world);
        world.run_for(5 * SECOND);
        part(world, alice);
    });
    assert_eq!(told(&world), "1 failed 0 s;");
    assert_eq!((world.takes().len(), world.ended("1001")), (0, Some(200)));
}

#[test]
fn a_recording_that_the_recorder_does_not_take_has_failed_and_so_has_its_row() {
    let world = play(|world| {
        world.keep_recorder_busy();
        let alice = call(world);
        world.run_for(2 * SECOND);
        part(world, alice);
    });
    assert_eq!(told(&world), "1 failed 0 s;");
    let states: Vec<_> = world.recordings().iter().map(|row| row.state).collect();
    assert_eq!(states, [RecordingState::Failed]);
}

#[test]
fn a_call_that_ends_before_its_port_is_there_was_recorded_for_no_time() {
    let mut options = Options::calm();
    options.ports.fails = 100;
    let mut world = World::new(options, Box::new(Scripts));
    world.add_tenant(town::tenant("acme", 1, "memo"));
    call(&mut world);
    world.run_to_rest();
    assert_eq!(world.watch().violations(), [""; 0], "{}", world.journal());
    assert_eq!(world.ended("1001"), Some(503));
    assert!(world.ladders().contains("on_record_completed"));
    assert_eq!((world.recordings().len(), world.takes().len()), (0, 0));
}

/// The policies of all, and whoever is called is recorded from the first moment.
struct Recorded(Scripts);

impl Policies for Recorded {
    fn run(&mut self, turn: &TurnRequest, store: &Snapshot) -> TurnOutcome {
        let mut outcome = self.0.run(turn, store);
        if let TurnOutcome::Done(effects) = &mut outcome {
            let constructed = |it: &Command| match it {
                Command::Construct(made) => Some(made.call),
                _ => None,
            };
            let called: Vec<_> = effects.commands.iter().filter_map(constructed).collect();
            let record = |call| Command::RecordStart {
                call,
                operation: 1,
                name: "callee".to_owned(),
                finish_keys: Keys::default(),
                max_seconds: 60,
            };
            effects.commands.extend(called.into_iter().map(record));
        }
        outcome
    }
}

#[test]
fn who_is_recorded_before_it_answers_is_recorded_as_it_speaks() {
    for (codec, rate) in [(Codec::Pcma, Rate::Narrow), (Codec::G722, Rate::Wide)] {
        let mut world = World::new(Options::calm(), Box::new(Recorded(Scripts)));
        world.add_tenant(town::tenant("acme", 1, "memo"));
        let bob = world.line(0, "3001");
        world.phone(bob, Input::Behave(scenes::ANSWERS));
        world.set_codecs(bob, &[codec]);
        let alice = call(&mut world);
        world.press(alice, "A");
        world.run_for(6 * SECOND);
        part(&mut world, alice);
        assert_eq!(world.watch().violations(), [""; 0], "{}", world.journal());
        let rows: Vec<_> = world.recordings().iter().collect();
        let row = rows.iter().find(|row| row.name == "callee").unwrap();
        let mut takes = world.takes().iter();
        let take = takes.find(|it| it.file == row.id.to_string()).unwrap();
        assert_eq!(take.rate, rate);
        assert!(take.packets[0] > 100, "{take:?}");
    }
}

#[test]
fn recordings_that_a_release_of_all_ends_are_told_before_their_calls_are_over() {
    let world = play(|world| {
        call(world);
        world.at(world.now() + SECOND, Deed::ReleaseAll);
        world.run_to_rest();
    });
    let ladders = world.ladders();
    let completed = ladders.find("on_record_completed").unwrap();
    assert!(
        completed < ladders.find("on_released").unwrap(),
        "{ladders}"
    );
    assert_eq!(world.takes().len(), 1);
}
