//! The main flows with the real makecall: ladder for ladder those of its scripted twin.

use expect_test::{ExpectFile, expect_file};
use sim::{
    Options, World, chaos, count_errors, menus, races, rooms, scenes, script::Scripts, town,
    transfers,
};

use crate::components::components;

fn check(scene: fn(&mut World), ladder: ExpectFile) {
    check_of("makecall", scene, ladder);
}

fn check_of(policy: &str, scene: fn(&mut World), ladder: ExpectFile) {
    let (world, errors) = count_errors(|| {
        let mut world = World::new(Options::calm(), Box::new(components()));
        let tenant = menus::with_prompts(&mut world, town::tenant("acme", 1, policy));
        world.add_tenant(tenant);
        scene(&mut world);
        world
    });
    assert_eq!(errors, 0);
    assert_eq!(world.watch().violations(), [""; 0], "{}", world.journal());
    ladder.assert_eq(&world.ladders());
}

/// The file that the simulator's own tests hold their ladder against.
macro_rules! ladder {
    ($name:literal) => {
        expect_file![concat!("../../../sim/tests/it/ladders/", $name, ".txt")]
    };
}

#[test]
fn the_sequence_of_the_phone_control_seed() {
    check(scenes::bridged, ladder!("bridged"));
}

#[test]
fn a_call_is_recorded_until_a_key_the_time_or_its_end() {
    check_of("memo", scenes::recorded, ladder!("recorded"));
}

#[test]
fn the_callee_may_hang_up_first() {
    check(scenes::callee_hangs_up, ladder!("callee-hangs-up"));
}

#[test]
fn early_media_is_passed_on_before_the_answer() {
    check(scenes::early_media, ladder!("early-media"));
}

#[test]
fn a_callee_may_answer_without_ringing() {
    check(scenes::answered_at_once, ladder!("answered-at-once"));
}

#[test]
fn temporarily_unavailable_is_passed_on() {
    check(scenes::unavailable, ladder!("unavailable"));
}

#[test]
fn busy_is_passed_on() {
    check(scenes::busy, ladder!("busy"));
}

#[test]
fn a_callee_that_does_not_answer_is_given_up() {
    check(scenes::rings_on, ladder!("rings-on"));
    check(scenes::stalls, ladder!("stalls"));
    check(scenes::deaf, ladder!("deaf"));
}

#[test]
fn a_caller_that_hangs_up_cancels_the_callee() {
    check(scenes::given_up, ladder!("given-up"));
}

#[test]
fn a_call_without_a_request_is_refused() {
    check(scenes::nothing_pending, ladder!("nothing-pending"));
    check(scenes::cancelled, ladder!("cancelled"));
    check(scenes::too_late, ladder!("too-late"));
    check(scenes::not_permitted, ladder!("not-permitted"));
}

#[test]
fn a_call_to_another_private_number_is_refused_and_the_request_stays() {
    check(scenes::other_number, ladder!("other-number"));
}

#[test]
fn the_second_request_wins() {
    check(scenes::second_request_wins, ladder!("second-request-wins"));
}

#[test]
fn hold_and_late_offers_are_answered_in_place() {
    check(scenes::hold, ladder!("hold"));
    check(scenes::late_offer, ladder!("late-offer"));
}

#[test]
fn digits_reach_the_policy_that_wants_them() {
    check_of("keypad", scenes::keys, ladder!("keys"));
    check_of("keypad", scenes::collections, ladder!("collect"));
    check_of("keypad", scenes::held, ladder!("held"));
    check_of("keypad", scenes::sent_digits, ladder!("sent-digits"));
}

#[test]
fn the_menu_plays_as_its_twin_does() {
    check_of("ivr", menus::hours, ladder!("menu-hours"));
    check_of("ivr", menus::operator, ladder!("menu-operator"));
    check_of("ivr", menus::busy, ladder!("menu-busy"));
    check_of("ivr", menus::given_up, ladder!("menu-given-up"));
    check_of("ivr", menus::hung_up, ladder!("menu-hung-up"));
    check_of("ivr", menus::hasty, ladder!("menu-hasty"));
}

#[test]
fn messages_are_taken_as_its_twin_takes_them() {
    check_of("voicemail", menus::message, ladder!("message"));
    check_of("voicemail", menus::brief_message, ladder!("message-brief"));
    check_of("voicemail", menus::lost_message, ladder!("message-lost"));
}

#[test]
fn callers_meet_as_those_of_its_twin() {
    let meet = |world: &mut World| {
        scenes::meet(world);
        scenes::part_from_conference(world);
    };
    check_of("conference-room", meet, ladder!("conference"));
}

#[test]
fn conferences_are_played_into_and_recorded_as_those_of_its_twin() {
    for (scene, ladder) in [
        (rooms::announced as fn(&mut World), ladder!("rooms")),
        (rooms::alone, ladder!("rooms-alone")),
    ] {
        let (world, errors) = count_errors(|| {
            let mut world = World::new(Options::calm(), Box::new(components()));
            let tenant = rooms::tenant(&mut world, "conference-room");
            world.add_tenant(tenant);
            scene(&mut world);
            world
        });
        assert_eq!(errors, 0);
        assert_eq!(world.watch().violations(), [""; 0], "{}", world.journal());
        ladder.assert_eq(&world.ladders());
    }
}

#[test]
fn transfers_go_as_those_of_its_twin() {
    check(transfers::unattended, ladder!("transfer-unattended"));
    check(transfers::attended, ladder!("transfer-attended"));
    check(transfers::refused, ladder!("transfer-refused"));
}

#[test]
fn races_end_as_those_of_its_twin() {
    for (name, race) in races::ALL {
        let ladder = format!("../../../sim/tests/it/ladders/race-{name}.txt");
        check(race, expect_file![ladder]);
    }
}

#[test]
fn the_component_and_its_twin_decide_alike_in_bad_weather() {
    for seed in 0..10 {
        let real = chaos::play(Options::stormy(seed), Box::new(components()));
        assert_eq!(real.watch().violations(), [""; 0], "seed {seed}");
        let twin = chaos::play(Options::stormy(seed), Box::new(Scripts));
        let mut lines = real.journal().lines().zip(twin.journal().lines());
        assert_eq!(lines.find(|(real, twin)| real != twin), None, "seed {seed}");
        assert_eq!(real.journal().len(), twin.journal().len(), "seed {seed}");
    }
}
