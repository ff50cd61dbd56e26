//! makecall in other languages than Rust takes live sessions over: from the one in Rust, and from each other.
//!
//! Their tools are no part of this workspace: `cargo xtask test` makes the components and names them in
//! `JACKFIELD_LANGUAGES`, as a search path does. Without it this is left out, and a line says so.

use std::{env, fs, path::PathBuf, thread, time::Duration};

use control::phone::Input;
use kit::Components;
use model::ActivePlugin;
use policy::{Engine, Policy};
use sim::{Options, World, count_errors, scenes, town};

use crate::components::component;

const SECOND: Duration = Duration::from_secs(1);

/// The files, in the order in which they are to take over from each other.
fn others() -> Vec<PathBuf> {
    let all = env::var_os("JACKFIELD_LANGUAGES").unwrap_or_default();
    let named = |path: &PathBuf| !path.as_os_str().is_empty();
    env::split_paths(&all).filter(named).collect()
}

/// They are compiled all at once: a language's engine takes half a minute.
fn compiled(engine: &Engine, components: &[Vec<u8>]) -> Vec<Policy> {
    thread::scope(|scope| {
        let begun = components.iter();
        let begun: Vec<_> = begun
            .map(|it| scope.spawn(|| engine.compile(it).unwrap()))
            .collect();
        let joined = begun.into_iter().map(|it| it.join().unwrap());
        joined.collect()
    })
}

/// Versions of one plugin, from 1 on, and a world that runs them.
struct Versions<'a>(&'a Engine, &'a [&'a Policy]);

impl Versions<'_> {
    /// A tenant whose calls version 1 has.
    fn world(&self) -> World {
        let Self(engine, versions) = self;
        let named = versions
            .iter()
            .map(|it| (it.manifest().digest.clone(), (*it).clone()));
        let components = Components::new((*engine).clone(), named.collect()).unwrap();
        let mut world = World::new(Options::calm(), Box::new(components));
        world.add_tenant(town::tenant("acme", 1, "makecall"));
        self.activate(&mut world, 0);
        world
    }

    /// That one is active from now on, for all new sessions. Whether there is one.
    fn activate(&self, world: &mut World, place: usize) -> bool {
        let Some(policy) = self.1.get(place) else {
            return false;
        };
        let mut tenant = (**world.tenant(0)).clone();
        let plugin = &tenant.plugins["makecall"];
        let version = ActivePlugin {
            version: u32::try_from(place + 1).unwrap(),
            digest: policy.manifest().digest.clone(),
            exports: policy.manifest().exports.iter().cloned().collect(),
            ..plugin.clone()
        };
        tenant.plugins.insert("makecall".to_owned(), version);
        world.change_tenant(0, tenant);
        true
    }
}

/// What was logged, in one line.
fn logged(world: &World) -> String {
    let lines = world.logs().iter().flat_map(|log| &log.lines);
    let lines: Vec<_> = lines.map(|line| line.message.as_str()).collect();
    lines.join("; ")
}

/// A call that version 1 dials is answered by the next one, transferred by the one after, if there is one, and
/// ended: all of it under the one id, by the text in the state that the first has kept.
fn takes_over(versions: &Versions<'_>) {
    let mut world = versions.world();
    let [alice, bob, carol] = ["1001", "3001", "3002"].map(|user| world.line(0, user));
    for line in [bob, carol] {
        world.phone(line, Input::Behave(scenes::ANSWERS));
    }
    assert_eq!(world.makecall(0, "1001", "2001", "3001"), 200);
    world.dial(alice, "2001");
    world.run_for(SECOND);
    assert!(versions.activate(&mut world, 1));
    world.run_for(5 * SECOND);
    versions.activate(&mut world, 2);
    let carol = "sip:3002@acme.example".parse().unwrap();
    world.phone(alice, Input::Transfer(carol));
    world.run_for(5 * SECOND);
    world.hang_up(bob);
    world.run_to_rest();
    assert_eq!(world.watch().violations(), [""; 0], "{}", world.journal());
    assert_eq!(logged(&world), "");
    let last = u32::try_from(versions.1.len()).unwrap();
    let cdrs = world.cdrs();
    let ended: Vec<_> = cdrs.iter().map(|it| (it.version, it.cause)).collect();
    assert_eq!(ended, [(last, Some(200)); 3], "{}", world.ladders());
    let id = &cdrs[0].user_data;
    assert!(id.starts_with("req_"), "{id}");
    assert!(cdrs.iter().all(|it| it.user_data == *id));
}

/// What another policy has kept is none of makecall's: the session stays, and the log says why.
fn leaves(versions: &Versions<'_>) {
    let mut world = versions.world();
    let alice = world.line(0, "1001");
    world.dial(alice, "2001");
    world.run_for(SECOND);
    world.press(alice, "1");
    world.run_for(SECOND);
    versions.activate(&mut world, 1);
    world.hang_up(alice);
    world.run_to_rest();
    assert_eq!(world.watch().violations(), [""; 0], "{}", world.journal());
    let line = logged(&world);
    assert!(line.contains("version 1 is no makecall: "), "{line}");
    let stays = "migrate: refused; stays with version 1";
    assert!(line.ends_with(stays), "{line}");
    assert_eq!(world.cdrs().remove(0).version, 1);
}

#[test]
fn a_makecall_in_another_language_takes_a_session_over_or_leaves_it_where_it_is() {
    let others = others();
    if others.is_empty() {
        println!("left out: JACKFIELD_LANGUAGES names no component");
        return;
    }
    let files = others.iter().map(|file| fs::read(file).unwrap());
    let rust = ["makecall", "conference-room"].map(component).into_iter();
    let engine = Components::engine().unwrap();
    let policies = compiled(&engine, &rust.chain(files).collect::<Vec<_>>());
    let [makecall, room, others @ ..] = policies.as_slice() else {
        unreachable!("there are two more than files")
    };
    let ((), errors) = count_errors(|| {
        let all: Vec<_> = [makecall].into_iter().chain(others).collect();
        takes_over(&Versions(&engine, &all));
        for other in others {
            leaves(&Versions(&engine, &[room, other]));
        }
    });
    assert_eq!(errors, 0);
}
