//! What callers leave on the answering machine of `plugins/voicemail`.

use expect_test::expect_file;
use sim::{Options, World, count_errors, menus, script::Scripts, town};

fn play(scene: fn(&mut World)) -> World {
    let (world, errors) = count_errors(|| {
        let mut world = World::new(Options::calm(), Box::new(Scripts));
        let tenant = menus::with_prompts(&mut world, town::tenant("acme", 1, "voicemail"));
        world.add_tenant(tenant);
        scene(&mut world);
        world
    });
    assert_eq!(errors, 0);
    assert_eq!(world.watch().violations(), [""; 0], "{}", world.journal());
    world
}

/// How long each message is, in whole seconds, and how many packets of its caller's are on it.
fn messages(world: &World) -> Vec<(u64, usize)> {
    let takes = world.takes().iter();
    let told = takes.map(|it| (it.lasted.as_secs_f64().round() as u64, it.packets[0]));
    told.collect()
}

#[test]
fn a_message_begins_after_the_beep_and_ends_by_a_key() {
    let world = play(menus::message);
    expect_file!["ladders/message.txt"].assert_eq(&world.ladders());
    let [(seconds, packets)] = messages(&world)[..] else {
        panic!("{:?}", world.takes());
    };
    assert!(seconds == 3 && packets > 140, "{seconds} s, {packets}");
    let row = world.recordings().iter().next().unwrap();
    assert_eq!(row.name, "voicemail");
    assert_eq!(world.cdrs()[0].user_data, "3 s");
    assert_eq!(world.ended("1001"), Some(200));
}

#[test]
fn who_knows_the_greeting_skips_it_and_who_hangs_up_has_left_a_message() {
    let world = play(menus::brief_message);
    expect_file!["ladders/message-brief.txt"].assert_eq(&world.ladders());
    assert_eq!(messages(&world).len(), 1);
    assert_eq!(messages(&world)[0].0, 3);
}

#[test]
fn a_message_ends_when_its_time_is_over() {
    let world = play(menus::endless_message);
    assert_eq!(messages(&world)[0].0, 120);
    assert_eq!(world.cdrs()[0].user_data, "120 s");
}

#[test]
fn a_caller_is_told_that_its_message_is_lost() {
    let world = play(menus::lost_message);
    expect_file!["ladders/message-lost.txt"].assert_eq(&world.ladders());
    assert_eq!(messages(&world), []);
    let lines = world.logs().iter().flat_map(|log| &log.lines);
    let mut lines = lines.map(|it| it.message.as_str());
    assert!(lines.any(|it| it == "the message of 1001 could not be recorded"));
    assert_eq!(world.cdrs()[0].cause, Some(500));
}
