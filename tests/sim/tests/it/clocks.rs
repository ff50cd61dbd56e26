//! The machine's wall clock is set, an hour forward or back, at every point of a call: no timer and no
//! time to live misfires, and records tell how long things took.

use std::time::Duration;

use control::phone::{Behaviour, Input};
use sim::{Deed, Options, World, count_errors, scenes, script::Scripts, town};

const HOUR: i64 = 3_600;
const SECOND: Duration = Duration::from_secs(1);

type Scene = fn(&mut World);

/// Plays in a world whose clock is set by so many seconds at that moment.
fn play(options: Options, script: &str, set: (u64, i64), scene: impl FnOnce(&mut World)) -> World {
    let (world, errors) = count_errors(|| {
        let mut world = World::new(options, Box::new(Scripts));
        world.add_tenant(town::tenant("acme", 1, script));
        world.at(Duration::from_millis(set.0), Deed::SetClock(set.1));
        scene(&mut world);
        world
    });
    assert_eq!(errors, 0, "{set:?}");
    let said = world.watch().violations();
    assert_eq!(said, [""; 0], "{set:?}\n{}", world.journal());
    world
}

/// Of each call: milliseconds from its begin to its answer, if there was one, and to its end.
fn spans(world: &World) -> Vec<(Option<u64>, Option<u64>)> {
    let rows = world.cdrs().into_iter();
    let since = |begin: u64, at: Option<u64>| at.map(|at| at - begin);
    rows.map(|row| (since(row.begin, row.answer), since(row.begin, row.end)))
        .collect()
}

/// Whether each is off by one part in so many at most.
fn are_near(spans: &[(Option<u64>, Option<u64>)], to: &[(Option<u64>, Option<u64>)]) -> bool {
    let near = |a: Option<u64>, b: Option<u64>| match (a, b) {
        (Some(a), Some(b)) => a.abs_diff(b) <= b / 10 + 1,
        (a, b) => a == b,
    };
    let pairs = spans.iter().zip(to);
    spans.len() == to.len() && { pairs }.all(|(a, b)| near(a.0, b.0) && near(a.1, b.1))
}

/// Asked for, dialled, ringing after half a second, talking after two, over after five.
const POINTS: [u64; 6] = [0, 1, 300, 1_000, 3_500, 6_500];

#[test]
fn a_call_is_the_same_call_whenever_the_clock_is_set() {
    let calm = play(Options::calm(), "makecall", (0, 0), scenes::bridged);
    for at in POINTS {
        for by in [HOUR, -HOUR] {
            let world = play(Options::calm(), "makecall", (at, by), scenes::bridged);
            assert_eq!(world.ladders(), calm.ladders(), "set by {by} s at {at} ms");
            assert_eq!(spans(&world), spans(&calm), "set by {by} s at {at} ms");
        }
    }
}

#[test]
fn the_core_keeps_its_timers_and_its_records_in_order_though_its_wall_clock_jumps() {
    let bare = || Options {
        bare_clock: true,
        ..Options::calm()
    };
    let scenes: [(&str, Scene); 5] = [
        ("makecall", scenes::bridged),
        ("makecall", scenes::callee_hangs_up),
        ("makecall", scenes::rings_on),
        ("makecall", scenes::stalls),
        ("patient", patience),
    ];
    for (script, scene) in scenes {
        let calm = play(bare(), script, (0, 0), scene);
        // Both calls have begun by then: what is taken out of the store is another matter.
        for at in [300, 1_000, 3_500, 6_500, 30_000] {
            for by in [HOUR, -HOUR] {
                let world = play(bare(), script, (at, by), scene);
                assert_eq!(world.ladders(), calm.ladders(), "set by {by} s at {at} ms");
                assert_eq!(spans(&world), spans(&calm), "set by {by} s at {at} ms");
            }
        }
    }
}

/// A policy that answers and hangs up by its timers.
fn patience(world: &mut World) {
    let alice = world.line(0, "1001");
    world.dial(alice, "2001");
    world.run_for(60 * SECOND);
    world.run_to_rest();
}

#[test]
fn a_callee_rings_for_its_minute_whenever_the_clock_is_set() {
    for (at, by) in [(1_000, HOUR), (30_000, -HOUR), (59_000, HOUR)] {
        let world = play(Options::calm(), "makecall", (at, by), scenes::rings_on);
        let alice = &world.lines()[world.line(0, "1001")];
        let refused = |event: &control::phone::Event| {
            matches!(event, control::phone::Event::Ended { status: 408, .. })
        };
        let at = alice.when(refused).unwrap();
        assert!(at > 60 * SECOND && at < 61 * SECOND, "{at:?}");
    }
}

/// 1001 asks; the clock is set; after so long 1001 dials. The status with which its call ended, having
/// talked for a while if it could.
fn dials_after(seconds: u64, set: (u64, i64), bare_clock: bool) -> Option<u16> {
    let options = Options {
        bare_clock,
        ..Options::calm()
    };
    let world = play(options, "makecall", set, |world| {
        let (alice, bob) = (world.line(0, "1001"), world.line(0, "3001"));
        world.phone(bob, Input::Behave(scenes::ANSWERS));
        assert_eq!(world.makecall(0, "1001", "2001", "3001"), 200);
        world.run_for(Duration::from_secs(seconds));
        world.dial(alice, "2001");
        world.run_for(5 * SECOND);
        world.hang_up(alice);
        world.run_to_rest();
    });
    world.lines()[world.line(0, "1001")].ended()
}

#[test]
fn a_request_lives_for_two_minutes_though_the_clock_is_set_by_an_hour() {
    // At 1/20 two minutes are six seconds off at most, whichever way the clock is made up for.
    for by in [HOUR, -HOUR, 60, -60] {
        for at in [500, 60_000, 110_000] {
            let ended = |seconds| dials_after(seconds, (at, by), false);
            assert_eq!(ended(113), Some(200), "set by {by} s at {at} ms");
            assert_eq!(ended(127), Some(403), "set by {by} s at {at} ms");
        }
    }
    // What a node with the machine's own clock would do: a request that is killed, and one that lives on.
    assert_eq!(dials_after(10, (500, HOUR), true), Some(403));
    assert_eq!(dials_after(600, (500, -HOUR), true), Some(200));
}

#[test]
fn a_request_that_has_expired_is_not_revived() {
    for seconds in [130, 600, 3_599] {
        let set = (seconds * 1_000 - 1, -HOUR);
        assert_eq!(dials_after(seconds, set, false), Some(403));
    }
}

#[test]
fn calls_that_begin_after_each_other_are_recorded_in_that_order() {
    let world = play(Options::calm(), "makecall", (8_000, -HOUR), |world| {
        for _ in 0..3 {
            let (alice, _) = scenes::call(world, scenes::ANSWERS);
            world.hang_up(alice);
            world.run_for(SECOND);
        }
        world.run_to_rest();
    });
    // By its id, which is minted by the clock, and by its begin.
    let begun: Vec<_> = world
        .cdrs()
        .iter()
        .map(|row| (row.begin, row.call))
        .collect();
    assert_eq!(begun.len(), 6);
    let mut by_id = begun.clone();
    by_id.sort_by_key(|(_, call)| *call);
    assert!(by_id.is_sorted_by_key(|(begin, _)| *begin), "{by_id:?}");
    let mut talked = spans(&world);
    talked.sort_unstable();
    assert!(are_near(&talked[..3], &[talked[0]; 3]), "{talked:?}");
    assert!(are_near(&talked[3..], &[talked[3]; 3]), "{talked:?}");
}

#[test]
fn the_clock_may_be_set_again_and_again() {
    let world = play(Options::calm(), "makecall", (0, 0), |world| {
        for n in 0..100 {
            let by = if n % 2 == 0 { HOUR } else { -HOUR };
            world.at(Duration::from_millis(n * 97), Deed::SetClock(by));
        }
        let after = Duration::from_millis(100);
        let (alice, _) = scenes::call(world, Behaviour::Answer { after });
        world.hang_up(alice);
        world.run_for(SECOND);
        world.run_to_rest();
    });
    let calm = play(
        Options::calm(),
        "makecall",
        (0, 0),
        scenes::answered_at_once,
    );
    assert!(are_near(&spans(&world), &spans(&calm)));
}
