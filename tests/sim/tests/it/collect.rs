//! Collections of digits: what ends one, and that its policy is told once, whole, and in time.

use std::time::Duration;

use expect_test::expect_file;
use model::limits;
use sim::{Options, World, count_errors, scenes, script::Scripts, town};

const SECOND: Duration = Duration::from_secs(1);

fn play(script: &str, scene: impl FnOnce(&mut World)) -> World {
    let (world, errors) = count_errors(|| {
        let mut world = World::new(Options::calm(), Box::new(Scripts));
        world.add_tenant(town::tenant("acme", 1, script));
        scene(&mut world);
        world
    });
    assert_eq!(errors, 0);
    assert_eq!(world.watch().violations(), [""; 0], "{}", world.journal());
    world
}

/// A caller of the keypad keys that, waits, and hangs up. What its policy wrote down.
fn keyed(keys: &'static str, wait: Duration) -> String {
    let world = play("keypad", |world| {
        let alice = world.line(0, "1001");
        world.dial(alice, "2001");
        world.run_for(SECOND);
        world.press(alice, keys);
        world.run_for(wait);
        world.hang_up(alice);
        world.run_to_rest();
    });
    let rows = world.cdrs().into_iter();
    rows.map(|row| row.user_data.as_str()).collect()
}

#[test]
fn each_end_of_a_collection_is_told_once() {
    let world = play("keypad", scenes::collections);
    expect_file!["ladders/collect.txt"].assert_eq(&world.ladders());
    let told: Vec<_> = world.cdrs().iter().map(|row| &*row.user_data).collect();
    assert_eq!(
        told,
        [
            "1[1 23 key #]9[2 4567 finished][3 8 timeout]0[4  timeout][5 1 key *][6  stopped][7  stopped]"
        ]
    );
    // The eighth is stopped by the end of its call, before that is told.
    let ladder = world.ladders();
    let stopped = ladder.rfind("on_digits_collected").unwrap();
    assert!(stopped < ladder.find("on_released").unwrap());
    assert_eq!(ladder.matches("on_digits_collected").count(), 8);
    for key in "0123456789".chars() {
        let alone = format!(" {key} ");
        assert!(!ladder.contains(&alone), "{key} is in the trace");
    }
}

#[test]
fn the_first_digit_may_take_longer_than_the_next() {
    // The keypad waits three seconds for the first, and one for each next.
    assert_eq!(keyed("C", Duration::from_millis(2_900)), "");
    assert_eq!(keyed("C", Duration::from_millis(3_400)), "[1  timeout]");
    assert_eq!(keyed("C12", Duration::from_millis(2_400)), "[1 12 timeout]");
}

#[test]
fn what_is_keyed_while_the_next_collection_is_being_asked_for_is_its_own() {
    let world = play("keypad", |world| {
        let alice = world.line(0, "1001");
        for event in ["on_digit", "on_digits_collected"] {
            world.set_pace(event, Duration::from_millis(1_500));
        }
        world.dial(alice, "2001");
        world.run_for(SECOND);
        // Fourteen keys within three seconds, and three turns of half that time.
        world.press(alice, "C1234567890123#");
        world.run_for(15 * SECOND);
        world.hang_up(alice);
        world.run_to_rest();
    });
    let told: Vec<_> = world.cdrs().iter().map(|row| &*row.user_data).collect();
    assert_eq!(
        told,
        ["[1 1234 finished][2 5678 finished][3 9012 finished][4 3 key #]"]
    );
    assert_eq!(world.digits_lost(), 0);
}

#[test]
fn a_long_collection_loses_no_digit_that_would_not_fit_the_queue() {
    let keys = "1234123412341234123412341234123412341234123412341234123412341234";
    assert!(keys.len() > limits::QUEUED_DIGITS);
    let told = keyed(
        "C1234123412341234123412341234123412341234123412341234123412341234",
        30 * SECOND,
    );
    assert_eq!(told.matches("1234 finished").count(), keys.len() / 4);
}

#[test]
fn so_many_ends_may_wait_and_one_more_releases_the_session_with_503() {
    let most = limits::QUEUED_COMPLETIONS as u64;
    let world = play("collector", |world| {
        let alice = world.line(0, "1001");
        world.dial(alice, "2001");
        world.run_for(SECOND);
        world.run_to_rest();
    });
    assert_eq!(world.ended("1001"), Some(503));
    // All that waited are lost, but nothing of the call itself.
    assert_eq!(world.events_lost(), most + 1);
    assert!(world.ladders().contains("on_released"));
}
