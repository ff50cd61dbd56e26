//! Telephones that register over connections: they are called over these and nowhere else (RFC 5626 §5.3),
//! and a connection that is lost costs no call that another place can take.

use std::{net::SocketAddr, time::Duration};

use control::phone::{Behaviour, Event, Input};
use expect_test::expect_file;
use model::Transport;
use sim::{Options, World, count_errors, script::Scripts, town};

const SECOND: Duration = Duration::from_secs(1);
const DOMAIN: &str = "acme.example";
const PASSWORD: &str = "correct horse";
const USER: &str = "3009";

fn desk(host: u8) -> SocketAddr {
    SocketAddr::from(([10, 0, 9, host], 5060))
}

/// Plays a scene in the world of a tenant whose telephone 3009 registers.
fn play(scene: impl FnOnce(&mut World)) -> World {
    let (world, errors) = count_errors(|| {
        let mut world = World::new(Options::calm(), Box::new(Scripts));
        let tenant = town::tenant("acme", 1, "makecall");
        world.add_tenant(town::with_phone(tenant, USER, PASSWORD));
        scene(&mut world);
        world.run_to_rest();
        world
    });
    assert_eq!(errors, 0);
    assert_eq!(world.watch().violations(), [""; 0], "{}", world.journal());
    world
}

/// A telephone that registers over this, and answers.
fn registers(world: &mut World, transport: Transport, host: u8) -> usize {
    let line = world.add_phone_over(transport, 0, USER, desk(host));
    world.set_password(line, PASSWORD);
    let answers = Behaviour::Answer { after: SECOND };
    world.phone(line, Input::Behave(answers));
    world.registers(line, 600);
    world.run_for(SECOND);
    line
}

/// 1001 calls it for three seconds; how that ended.
fn call(world: &mut World) -> u16 {
    let caller = world.line(0, "1001");
    assert_eq!(world.makecall(0, "1001", "2001", USER), 200);
    world.dial(caller, "2001");
    world.run_for(3 * SECOND);
    world.hang_up(caller);
    world.run_for(SECOND);
    world.lines()[caller].ended().expect("it is over")
}

fn lost(world: &World) -> Vec<usize> {
    world.registrars().iter().map(|it| it.lost).collect()
}

#[test]
fn a_telephone_with_a_websocket_registers_is_called_and_is_gone_with_its_connection() {
    for transport in [Transport::Ws, Transport::Wss] {
        let world = play(|world| {
            let line = registers(world, transport, 1);
            assert_eq!(call(world), 200);
            assert_eq!(world.lines()[line].heard.len(), 1, "there was audio");
            world.lose_connection(line);
            assert_eq!(call(world), 480);
        });
        expect_file!["ladders/websocket.txt"].assert_eq(&world.ladders());
        assert_eq!(world.sent(USER, "INVITE"), 1);
        assert!(!world.journal().contains("nobody is connected"));
    }
}

#[test]
fn a_telephone_with_a_websocket_calls_and_loses_its_connection_while_it_talks() {
    let world = play(|world| {
        let line = registers(world, Transport::Ws, 1);
        let callee = world.line(0, "3001");
        world.phone(callee, Input::Behave(Behaviour::Answer { after: SECOND }));
        assert_eq!(world.makecall(0, USER, "2001", "3001"), 200);
        world.dial(line, "2001");
        world.run_for(5 * SECOND);
        let answered = |event: &Event| matches!(event, Event::Answered { .. });
        assert!(world.lines()[line].when(answered).is_some());
        world.lose_connection(line);
        // It goes on talking: its BYE comes over another connection.
        world.run_for(5 * SECOND);
        assert_eq!(world.lines()[line].ended(), None);
        world.hang_up(line);
        world.run_for(SECOND);
        assert_eq!(world.ended("3001"), Some(200));
    });
    let causes = world.cdrs().into_iter().map(|row| row.cause);
    assert_eq!(causes.collect::<Vec<_>>(), [Some(200); 2]);
}

#[test]
fn a_lost_connection_makes_a_telephone_unavailable_until_it_registers_again() {
    for transport in [Transport::Tcp, Transport::Tls, Transport::Ws] {
        let world = play(|world| {
            let line = registers(world, transport, 1);
            assert_eq!(lost(world), [0, 0]);
            world.lose_connection(line);
            assert_eq!(lost(world), [1, 1]);
            assert_eq!(call(world), 480);
            world.registers(line, 600);
            world.run_for(SECOND);
            assert_eq!(lost(world), [0, 0]);
            assert_eq!(call(world), 200);
        });
        assert_eq!(world.sent(USER, "INVITE"), 1, "{transport:?}");
    }
}

#[test]
fn a_connection_that_is_lost_under_the_invite_leaves_the_call_to_other_places() {
    let world = play(|world| {
        let line = registers(world, Transport::Tcp, 1);
        world.phone(line, Input::Behave(Behaviour::Deaf));
        let caller = world.line(0, "1001");
        for others in [false, true] {
            if others {
                world.registers(line, 600);
                world.add_phone(0, USER, desk(2));
                let other = world.lines().len() - 1;
                let (after, status) = (SECOND / 10, 486);
                let refuses = Behaviour::Refuse { after, status };
                world.set_password(other, PASSWORD);
                world.phone(other, Input::Behave(refuses));
                world.registers(other, 600);
                world.run_for(SECOND);
                assert_eq!(world.bindings(0, USER).len(), 2);
            }
            assert_eq!(world.makecall(0, "1001", "2001", USER), 200);
            world.dial(caller, "2001");
            world.run_for(SECOND / 5);
            world.lose_connection(line);
            world.run_for(3 * SECOND);
            // Busy is worth more than not there.
            let expected = if others { 486 } else { 480 };
            assert_eq!(world.lines()[caller].ended(), Some(expected));
        }
    });
    assert_eq!(world.cdrs().len(), 4);
}

/// A REGISTER by hand for one of the flows of one telephone.
fn flow(world: &mut World, hand: usize, flow: u8) {
    let contact = format!(
        "Contact: <sip:3009@10.0.9.{flow};transport=tcp>;+sip.instance=\"<urn:uuid:1>\";reg-id={flow}\r\n\
         Supported: path, outbound\r\n"
    );
    let asked = world.hand(hand).register(DOMAIN, &contact);
    world.send(hand, asked);
    world.run_for(SECOND);
    let proof = world
        .hand(hand)
        .authorization(PASSWORD, "REGISTER", &format!("sip:{DOMAIN}"));
    let proven = world
        .hand(hand)
        .register(DOMAIN, &format!("{proof}{contact}"));
    world.send(hand, proven);
    world.run_for(SECOND);
}

#[test]
fn of_two_flows_of_one_telephone_the_other_takes_the_call_when_one_is_lost() {
    let world = play(|world| {
        let lines = [1, 2].map(|n| world.add_phone_over(Transport::Tcp, 0, USER, desk(n)));
        let hands = lines.map(|line| world.by_hand(line));
        for (n, hand) in (1..).zip(hands) {
            flow(world, hand, n);
        }
        assert_eq!(world.bindings(0, USER).len(), 2);
        let caller = world.line(0, "1001");
        assert_eq!(world.makecall(0, "1001", "2001", USER), 200);
        world.dial(caller, "2001");
        world.run_for(SECOND);
        // The latest flow, and only that: both lead to the same bell.
        assert_eq!(world.hand(hands[0]).last("INVITE"), None);
        assert!(world.hand(hands[1]).last("INVITE").is_some());
        world.lose_connection(lines[1]);
        world.run_for(SECOND);
        let hand = world.hand(hands[0]);
        hand.be_polite();
        let invite = hand.last("INVITE").expect("it rings here").to_owned();
        let busy = hand.respond(&invite, "486 Busy Here", "busy", "");
        world.send(hands[0], busy);
        world.run_for(SECOND);
        assert_eq!(world.lines()[caller].ended(), Some(486));
        world.lose_connection(lines[0]);
        assert_eq!(call(world), 480);
    });
    let causes = world.cdrs().into_iter().map(|row| row.cause);
    assert_eq!(causes.collect::<Vec<_>>(), [486, 486, 480, 480].map(Some));
}
