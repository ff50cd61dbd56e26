//! Which version of a policy a session has: at its begin, and while it lives.

use std::time::Duration;

use control::phone::Input;
use model::{ActivePlugin, Cdr, Rollout, TenantConfig, Trial};
use sim::{Options, World, count_errors, scenes, script::Scripts, town};

const SECOND: Duration = Duration::from_secs(1);

fn world(shards: u8, tenant: TenantConfig) -> World {
    let options = Options {
        shards,
        ..Options::calm()
    };
    let mut world = World::new(options, Box::new(Scripts));
    world.add_tenant(tenant);
    world
}

/// Version 2 of a tenant's policy.
fn second(tenant: &TenantConfig) -> ActivePlugin {
    ActivePlugin {
        version: 2,
        ..tenant.plugins["makecall"].clone()
    }
}

/// The same tenant, which tries version 2.
fn trying(mut tenant: TenantConfig, percent: u8) -> TenantConfig {
    let plugin = second(&tenant);
    let trial = Some(Trial { plugin, percent });
    let rollout = Rollout {
        trial,
        ..Rollout::default()
    };
    tenant.rollouts.insert("makecall".to_owned(), rollout);
    tenant
}

/// That user asks for a call to 3001 and makes it; they talk.
fn call(world: &mut World, user: &str) {
    let bob = world.line(0, "3001");
    world.phone(bob, Input::Behave(scenes::ANSWERS));
    assert_eq!(world.makecall(0, user, "2001", "3001"), 200);
    let line = world.line(0, user);
    world.dial(line, "2001");
    world.run_for(10 * SECOND);
}

/// Who called hangs up.
fn part(world: &mut World, user: &str) {
    let line = world.line(0, user);
    world.hang_up(line);
    world.run_to_rest();
}

/// The versions of the calls of that user, in their order.
fn versions(world: &World, user: &str) -> Vec<u32> {
    let of_user = |cdr: &&&Cdr| cdr.from.user() == user;
    let cdrs = world.cdrs();
    cdrs.iter().filter(of_user).map(|it| it.version).collect()
}

#[test]
fn a_caller_meets_the_same_version_at_each_call_on_each_shard_and_after_a_restart() {
    let ((), errors) = count_errors(|| {
        let tenant = || town::tenant("acme", 1, "makecall");
        let mut before = [1; 2];
        for percent in [10, 30, 50, 70, 90] {
            let met = [1, 4].map(|shards| {
                let mut world = world(shards, trying(tenant(), percent));
                for user in [0, 1, 0, 1, 0, 1].map(|at| town::CALLERS[at]) {
                    call(&mut world, user);
                    part(&mut world, user);
                }
                assert_eq!(world.watch().violations(), [""; 0]);
                town::CALLERS.map(|user| {
                    let versions = versions(&world, user);
                    assert_eq!(versions, [versions[0]; 3], "{user} at {percent} %");
                    versions[0]
                })
            });
            assert_eq!(met[0], met[1], "{percent} %");
            // Who has met it meets it when the share grows.
            assert!(met[0] >= before, "{met:?} after {before:?}");
            before = met[0];
        }
        assert_ne!(before, [1; 2]);
    });
    assert_eq!(errors, 0);
}

#[test]
fn a_trial_ends_for_new_sessions_at_once() {
    let ((), errors) = count_errors(|| {
        let tenant = town::tenant("acme", 1, "makecall");
        let mut world = world(2, trying(tenant.clone(), 99));
        call(&mut world, "1001");
        world.change_tenant(0, tenant);
        // Who talks stays.
        part(&mut world, "1001");
        call(&mut world, "1001");
        part(&mut world, "1001");
        assert_eq!(versions(&world, "1001"), [2, 1]);
        assert_eq!(world.watch().violations(), [""; 0]);
    });
    assert_eq!(errors, 0);
}

#[test]
fn a_live_session_stays_with_its_version_over_an_activation() {
    let ((), errors) = count_errors(|| {
        let tenant = town::tenant("acme", 1, "makecall");
        let mut world = world(2, tenant.clone());
        call(&mut world, "1001");
        // What it would be told of the hang-up, this one has no policy for.
        let mut next = tenant.clone();
        let broken = ActivePlugin {
            digest: "no such policy".to_owned(),
            ..second(&tenant)
        };
        next.plugins.insert("makecall".to_owned(), broken);
        world.change_tenant(0, next);
        part(&mut world, "1001");
        assert_eq!(world.ended("3001"), Some(200));
        assert!(world.cdrs().iter().all(|cdr| cdr.version == 1));
        assert_eq!(world.watch().violations(), [""; 0]);
    });
    assert_eq!(errors, 0);
}

/// A caller of the keypad is in a call while version 9 is activated: the version in its record, what it
/// keyed, and what was logged.
fn upgraded(from: u32) -> (u32, String, Vec<String>) {
    let (world, errors) = count_errors(|| {
        let mut world = world(2, town::tenant("acme", 1, "keypad"));
        scenes::upgrade(&mut world, from, 9);
        world
    });
    assert_eq!(errors, 0);
    assert_eq!(world.watch().violations(), [""; 0], "{}", world.journal());
    assert_eq!(world.ended("1001"), Some(200));
    let lines = world.logs().iter().flat_map(|log| {
        assert_eq!(log.version, 9);
        log.lines.iter().map(|line| line.message.clone())
    });
    let lines = lines.collect();
    let cdr = world.cdrs().remove(0);
    (cdr.version, cdr.user_data.clone(), lines)
}

#[test]
fn a_live_session_goes_on_with_a_later_version_that_takes_it_over() {
    let (version, keyed, lines) = upgraded(1);
    assert_eq!((version, keyed.as_str()), (9, "12"));
    assert_eq!(lines, [""; 0]);
}

#[test]
fn a_version_that_refuses_a_session_or_fails_at_it_leaves_it_where_it_is() {
    let (version, keyed, lines) = upgraded(7);
    assert_eq!((version, keyed.as_str()), (7, "12"));
    let stays = "migrate: refused; stays with version 7";
    assert_eq!(lines, ["version 7 keyed otherwise", stays]);
    let (version, keyed, lines) = upgraded(8);
    assert_eq!((version, keyed.as_str()), (8, "12"));
    let stays = "migrate: fault: trap; stays with version 8";
    assert_eq!(lines.last().map(String::as_str), Some(stays));
}

#[test]
fn nobody_goes_back_to_an_earlier_version() {
    let (version, keyed, lines) = upgraded(10);
    assert_eq!((version, keyed.as_str()), (10, "12"));
    assert_eq!(lines, [""; 0]);
}
