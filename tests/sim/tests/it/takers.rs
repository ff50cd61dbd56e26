//! Races of policies: many takers of one request, and more events than may wait.

use std::{collections::BTreeSet, time::Duration};

use control::phone::{Behaviour, Input};
use model::{Answer, CallDirection, limits};
use sim::{Deed, Options, Pace, Random, World, scenes, script::Scripts, town};

fn world(options: Options, script: &str) -> World {
    let mut world = World::new(options, Box::new(Scripts));
    world.add_tenant(town::tenant("acme", 1, script));
    world
}

fn check_at_rest(world: &mut World) {
    world.run_to_rest();
    assert_eq!(world.watch().violations(), [""; 0], "{}", world.journal());
}

#[test]
fn of_several_takers_exactly_one_gets_the_request() {
    let options = Options {
        turns: Pace::always(20),
        ..Options::calm()
    };
    let mut world = world(options, "makecall");
    assert_eq!(world.makecall(0, "1001", "2001", "3001"), 200);
    let body = r#"{"from":"1001","to":"2001"}"#;
    let mut tickets = Vec::new();
    for _ in 0..8 {
        let ask = world.request("", "callin", body);
        tickets.push(world.ask(0, ask));
    }
    let (alice, bob) = (world.line(0, "1001"), world.line(0, "3001"));
    world.phone(bob, Input::Behave(scenes::ANSWERS));
    world.dial(alice, "2001");
    world.run_for(Duration::from_secs(1));
    let got = |ticket: &&u64| match world.replied(**ticket) {
        Some(Answer::Reply(reply)) => reply.body.contains("bridge"),
        other => panic!("{other:?}"),
    };
    assert_eq!(tickets.iter().filter(got).count(), 1);
    assert_eq!(
        world.lines()[alice].ended(),
        Some(403),
        "the call came last"
    );
    check_at_rest(&mut world);
}

/// A thousand requests, and calls and takers among them; the tickets of the requests and of the
/// takers.
fn a_thousand(world: &mut World, hand: usize) -> (BTreeSet<u64>, Vec<u64>) {
    let mut random = Random::new(3);
    let (mut requests, mut bridges) = (BTreeSet::new(), Vec::new());
    for n in 0..1_000 {
        let ask = world.request("1001", "makecall", r#"{"caller":"2001","callee":"3001"}"#);
        requests.insert(world.ask(0, ask));
        if n % 3 == 0 {
            world.hand(hand).another_call();
            let sdp = world.hand(hand).sdp("sendrecv");
            let invite = world.hand(hand).invite("2001", &sdp);
            world.send(hand, invite);
        }
        if n % 4 == 0 {
            let ask = world.request("", "callin", r#"{"from":"1001","to":"2001"}"#);
            bridges.push(world.ask(0, ask));
        }
        world.run_for(random.millis(10));
    }
    (requests, bridges)
}

#[test]
fn of_a_thousand_requests_that_race_with_calls_each_is_taken_at_most_once() {
    let options = Options {
        audio: false,
        turns: Pace {
            most: Duration::from_millis(40),
            ..Pace::always(1)
        },
        ..Options::calm()
    };
    let mut world = world(options, "makecall");
    let (alice, bob) = (world.line(0, "1001"), world.line(0, "3001"));
    let (after, status) = (Duration::ZERO, 486);
    world.phone(bob, Input::Behave(Behaviour::Refuse { after, status }));
    let hand = world.by_hand(alice);
    world.hand(hand).be_polite();
    let (requests, bridges) = a_thousand(&mut world, hand);
    world.run_for(Duration::from_secs(1));
    check_at_rest(&mut world);

    let reply = |ticket: &u64| match world.replied(*ticket) {
        Some(Answer::Reply(reply)) => reply.body.clone(),
        other => panic!("{other:?}"),
    };
    let asked: BTreeSet<String> = requests.iter().map(reply).collect();
    assert_eq!(asked.len(), 1_000);
    let taken = |direction| {
        let rows = world
            .cdrs()
            .into_iter()
            .filter(move |row| row.direction == direction);
        let taken = rows.filter(|row| !row.user_data.is_empty());
        taken.map(|row| row.user_data.clone()).collect::<Vec<_>>()
    };
    let calls = taken(CallDirection::Inbound);
    let ids: BTreeSet<&String> = calls.iter().collect();
    assert_eq!(ids.len(), calls.len(), "two calls took one request");
    let dialled = taken(CallDirection::Outbound);
    assert_eq!(ids, dialled.iter().collect(), "each was dialled once");
    assert_eq!(dialled.len(), calls.len());
    assert!(
        ids.iter()
            .all(|id| asked.iter().any(|body| body.contains(*id)))
    );
    let bridges = bridges
        .iter()
        .filter(|ticket| reply(ticket).contains("bridge"))
        .count();
    assert!(
        calls.len() > 50 && bridges > 50,
        "{} calls, {bridges} bridges",
        calls.len()
    );
    assert!(calls.len() + bridges < 1_000);
    // Conflicts run again, and end at the fourth run, which has the store to itself.
    let commits = world.commits();
    let runs: Vec<u32> = commits.keys().copied().collect();
    assert_eq!(runs, [1, 2, 3, 4], "{commits:?}");
}

/// A session with so many events that wait for a turn, all its timers among them.
fn crowd(waiting: usize) -> World {
    let mut world = world(Options::calm(), "crowd");
    let (alice, bob) = (world.line(0, "1001"), world.line(0, "3001"));
    let hand = world.by_hand(bob);
    world.hand(hand).be_polite();
    world.set_pace("on_timer", Duration::from_secs(1));
    world.dial(alice, "2001");
    world.run_for(Duration::from_millis(150));
    let heard = world.hand(hand).heard().iter();
    let invites: Vec<String> = heard.filter(|m| m.starts_with("INVITE")).cloned().collect();
    assert_eq!(invites.len(), limits::SESSION_CALLS - 1);
    // One timer's turn is out, the others wait. Each callee rings, then there is early media.
    let mut waits = limits::SESSION_TIMERS - 1;
    for status in ["180 Ringing", "183 Session Progress"] {
        for (n, invite) in invites.iter().enumerate() {
            if waits < waiting {
                let sdp = world.hand(hand).sdp("sendrecv");
                let sdp = if status.starts_with("183") { &sdp } else { "" };
                let said = world
                    .hand(hand)
                    .respond(invite, status, &format!("t{n}"), sdp);
                world.send(hand, said);
                waits += 1;
            }
        }
    }
    assert_eq!(waits, waiting);
    world.run_for(Duration::from_millis(100));
    world
}

#[test]
fn sixty_four_events_may_wait_and_one_more_releases_the_session_with_503() {
    let mut world = crowd(limits::QUEUED_EVENTS);
    let alice = world.line(0, "1001");
    assert_eq!(world.lines()[alice].ended(), None);
    assert_eq!(world.events_lost(), 0);
    world.at(Duration::ZERO, Deed::Phone(alice, Input::HangUp));
    check_at_rest(&mut world);

    let mut world = crowd(limits::QUEUED_EVENTS + 1);
    assert_eq!(world.lines()[alice].ended(), Some(503));
    assert_eq!(world.events_lost(), limits::QUEUED_EVENTS as u64 + 1);
    check_at_rest(&mut world);
    let rows = world.cdrs();
    assert_eq!(rows.len(), limits::SESSION_CALLS);
    assert!(rows.iter().all(|row| row.cause == Some(503)));
    let ladder = world.ladders();
    assert!(
        ladder.contains("! too many events wait for the policy"),
        "{ladder}"
    );
}
