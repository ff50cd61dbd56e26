//! The tests of the tests: a rule that is broken on purpose is noticed.

use sim::{Options, Sabotage, World, count_errors, scenes, script::Scripts, town};

/// What the watch says of a world in which that is broken.
fn noticed(sabotage: Sabotage, scene: fn(&mut World)) -> String {
    let options = Options {
        sabotage: Some(sabotage),
        ..Options::calm()
    };
    let (violations, errors) = count_errors(|| {
        let mut world = World::new(options, Box::new(Scripts));
        world.add_tenant(town::tenant("acme", 1, "makecall"));
        scene(&mut world);
        world.watch().violations().join("; ")
    });
    format!("{violations}; {errors} errors")
}

#[test]
fn every_broken_rule_is_noticed() {
    for (sabotage, scene, words) in [
        (
            Sabotage::SwallowCdr,
            scenes::bridged as fn(&mut World),
            "has no final CDR",
        ),
        (
            Sabotage::DropReleased,
            scenes::bridged,
            "its policy was never told of its end",
        ),
        (
            Sabotage::DialCompletedTwice,
            scenes::bridged,
            "on_dial_completed came in the wrong order",
        ),
        (
            Sabotage::LieAboutDurability,
            scenes::bridged,
            "was answered before its CDR was durable",
        ),
        (Sabotage::RefuseTwice, scenes::busy, "got {\"486"),
        (Sabotage::LeakPort, scenes::bridged, "at rest: 2 ports"),
        (
            Sabotage::CrossTenants,
            scenes::bridged,
            "was called by acme.example",
        ),
        (Sabotage::LogError, scenes::busy, "1 errors"),
    ] {
        let said = noticed(sabotage, scene);
        assert!(said.contains(words), "{sabotage:?}: {said}");
    }
}
