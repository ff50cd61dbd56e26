//! A live session and a later version of its policy, as components.

use sim::{Options, World, count_errors, scenes, town};

use crate::components::components;

/// Version 9 of the keypad is activated while somebody talks to that version: the one in the record of the
/// call, and what was logged.
fn upgraded(from: u32) -> (u32, String) {
    let (world, errors) = count_errors(|| {
        let mut world = World::new(Options::calm(), Box::new(components()));
        world.add_tenant(town::tenant("acme", 1, "keypad"));
        scenes::upgrade(&mut world, from, 9);
        world
    });
    assert_eq!(errors, 0);
    assert_eq!(world.watch().violations(), [""; 0], "{}", world.journal());
    let lines = world.logs().iter().flat_map(|log| &log.lines);
    let lines: Vec<&str> = lines.map(|line| line.message.as_str()).collect();
    let cdr = world.cdrs().remove(0);
    // Whichever version it was: nothing of the call was lost.
    assert_eq!((cdr.user_data.as_str(), cdr.cause), ("12", Some(200)));
    (cdr.version, lines.join("; "))
}

#[test]
fn a_component_takes_a_session_over_or_leaves_it_where_it_is() {
    assert_eq!(upgraded(1), (9, String::new()));
    let refused = "version 7 keyed otherwise; migrate: refused; stays with version 7";
    assert_eq!(upgraded(7), (7, refused.to_owned()));
    let (version, lines) = upgraded(8);
    assert_eq!(version, 8);
    let stays = "migrate: fault: trap; stays with version 8";
    assert!(lines.ends_with(stays), "{lines}");
}
