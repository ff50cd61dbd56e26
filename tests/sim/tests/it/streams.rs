//! Calls over connections, and connections that are lost in the middle of them.

use std::time::Duration;

use control::phone::Behaviour;
use expect_test::expect_file;
use model::{Cdr, Transport};
use sim::{
    Options, World,
    scenes::{self, ANSWERS},
    script::Scripts,
    town,
};

const SECOND: Duration = Duration::from_secs(1);

fn play(scene: impl FnOnce(&mut World)) -> World {
    play_over(Transport::Tcp, scene)
}

fn play_over(transport: Transport, scene: impl FnOnce(&mut World)) -> World {
    let mut world = World::new(Options::calm(), Box::new(Scripts));
    world.add_tenant(town::over(transport, town::tenant("acme", 1, "makecall")));
    scene(&mut world);
    assert_eq!(world.watch().violations(), [""; 0], "{}", world.journal());
    world
}

/// How often a message that begins like that went over the network, in either direction.
fn count(world: &World, start: &str) -> usize {
    let line = format!(": {start}");
    world
        .journal()
        .lines()
        .filter(|it| it.contains(&line))
        .count()
}

#[test]
fn a_call_over_connections_has_the_ladder_of_any_other() {
    for transport in [Transport::Tcp, Transport::Tls] {
        let world = play_over(transport, scenes::bridged);
        expect_file!["ladders/bridged.txt"].assert_eq(&world.ladders());
        let journal = world.journal();
        assert_eq!(count(&world, "INVITE"), 2, "{journal}");
        assert_eq!(count(&world, "BYE"), 2, "{journal}");
    }
}

#[test]
fn telephones_of_both_address_families_are_bridged() {
    for (user, transport) in [
        ("1001", Transport::Udp),
        ("3001", Transport::Udp),
        ("3001", Transport::Tls),
    ] {
        let mut world = World::new(Options::calm(), Box::new(Scripts));
        let acme = town::over(transport, town::tenant("acme", 1, "makecall"));
        world.add_tenant(town::over_ipv6(acme, user));
        scenes::bridged(&mut world);
        assert_eq!(world.watch().violations(), [""; 0], "{}", world.journal());
        let ladders = world.ladders();
        let (theirs, usual) = match user {
            "1001" => ("[2001:db8:0:1::1]", "10.0.1.1"),
            _ => ("[2001:db8:0:1::1f]", "10.0.1.31"),
        };
        assert!(ladders.contains(theirs), "{ladders}");
        let ladders = ladders.replace(theirs, usual);
        expect_file!["ladders/bridged.txt"].assert_eq(&ladders);
    }
}

#[test]
fn a_call_outlives_its_connections_and_is_ended_over_new_ones() {
    let world = play(|world| {
        let (alice, bob) = scenes::call(world, ANSWERS);
        world.lose_connection(alice);
        world.lose_connection(bob);
        world.run_for(60 * SECOND);
        assert!(world.lines()[alice].ended().is_none());
        world.hang_up(alice);
        world.run_for(SECOND);
        world.run_to_rest();
    });
    assert_eq!(
        (world.ended("1001"), world.ended("3001")),
        (Some(200), Some(200))
    );
    let answered = |row: &&Cdr| row.answer.is_some() && row.cause == Some(200);
    assert_eq!(world.cdrs().into_iter().filter(answered).count(), 2);
}

#[test]
fn a_connection_that_is_lost_while_it_rings_costs_nobody_the_call() {
    let world = play(|world| {
        let (alice, bob) = (world.line(0, "1001"), world.line(0, "3001"));
        world.phone(bob, control::phone::Input::Behave(ANSWERS));
        assert_eq!(world.makecall(0, "1001", "2001", "3001"), 200);
        world.dial(alice, "2001");
        world.run_for(SECOND);
        world.lose_connection(alice);
        world.lose_connection(bob);
        world.run_for(5 * SECOND);
        assert!(world.lines()[alice].ended().is_none());
        world.hang_up(alice);
        world.run_for(SECOND);
        world.run_to_rest();
    });
    assert_eq!(
        (world.ended("1001"), world.ended("3001")),
        (Some(200), Some(200))
    );
}

#[test]
fn a_connection_that_is_lost_before_anything_came_fails_the_call_at_once() {
    let world = play(|world| {
        let (_, bob) = scenes::call(world, Behaviour::Deaf);
        world.lose_connection(bob);
        world.run_for(SECOND);
        assert_eq!(world.ended("1001"), Some(500), "503 is not passed on");
        world.run_to_rest();
    });
    assert_eq!(count(&world, "INVITE"), 2);
}
