//! Policies that misbehave: their tenant hears of it, and nobody else does.

use std::{sync::Arc, time::Duration};

use control::phone::Event;
use model::{Cdr, TenantConfig};
use sim::{Options, World, count_errors, scenes, town};

use crate::components::components;

/// A second tenant, whose policy does that with every call.
fn faulty(fault: &str) -> TenantConfig {
    let mut tenant = town::tenant("bell", 2, "faulty");
    for plugin in tenant.plugins.values_mut() {
        plugin.settings = Arc::new([("fault".to_owned(), fault.to_owned())].into());
    }
    tenant
}

/// Two tenants: 1001 of the first is in the middle of its call when 1001 of the second calls the
/// policy that faults.
fn play(fault: &str) -> World {
    let (world, errors) = count_errors(|| {
        let mut world = World::new(Options::calm(), Box::new(components()));
        world.add_tenant(town::tenant("acme", 1, "makecall"));
        let bell = world.add_tenant(faulty(fault));
        let victim = world.line(bell, "1001");
        world.at(
            Duration::from_millis(1_900),
            sim::Deed::Phone(victim, World::dialling("2001")),
        );
        scenes::bridged(&mut world);
        world
    });
    assert_eq!(errors, 0);
    assert_eq!(world.watch().violations(), [""; 0], "{}", world.journal());
    world
}

fn check(fault: &str, word: &str) {
    let world = play(fault);
    let (acme, bell) = (world.tenant(0).id, world.tenant(1).id);
    let alice = &world.lines()[world.line(0, "1001")];
    assert!(
        alice
            .when(|event| matches!(event, Event::Answered { .. }))
            .is_some()
    );
    assert_eq!(alice.ended(), Some(200));
    assert_eq!(world.lines()[world.line(1, "1001")].ended(), Some(500));

    let rows: Vec<&Cdr> = world
        .cdrs()
        .into_iter()
        .filter(|row| row.tenant == bell)
        .collect();
    assert_eq!(
        (rows.len(), rows[0].cause, rows[0].answer),
        (1, Some(500), None)
    );
    assert_eq!(
        world.store().snapshot(bell, world.unix_ms()).get("traces"),
        None
    );
    assert!(world.logs().iter().all(|log| log.tenant != acme));
    let lines = world.logs().iter().flat_map(|log| &log.lines);
    let told = format!("on_incoming faulted: {word}");
    let lines: Vec<&str> = lines.map(|line| line.message.as_str()).collect();
    assert!(lines.iter().any(|line| line.contains(&told)), "{lines:?}");
}

#[test]
fn a_policy_that_traps_ends_its_own_call_only() {
    check("trap", "trap");
}

#[test]
fn a_policy_that_spins_is_stopped_and_other_calls_go_on() {
    check("spin", "deadline");
}

#[test]
fn a_policy_that_hoards_memory_is_stopped() {
    check("hoard", "memory");
}

#[test]
fn a_policy_that_floods_the_host_is_stopped() {
    check("flood", "host-calls");
}
