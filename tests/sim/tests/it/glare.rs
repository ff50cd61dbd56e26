//! How long an offer waits that has crossed one of the party's: RFC 3261 §14.1. Whoever has made the
//! Call-ID of the dialog waits 2.1 to 4 s, the other one up to 2 s.
//!
//! ```text
//!  caller               jackfield              callee
//!    |--INVITE sendonly--->|--INVITE sendonly--->|
//!  friend                  |                     |
//!    |--INVITE Replaces -->|--INVITE sendrecv -->|   it is held no longer
//!    |                     |<------491 ----------|
//!    |                     |      a glare's time |
//!    |                     |--INVITE sendrecv -->|
//! ```

use std::time::Duration;

use sim::{Options, World, count_errors, script::Scripts, town};

const SECOND: Duration = Duration::from_secs(1);
const TICK: Duration = Duration::from_millis(10);
const OWNER: (u64, u64) = (2_100, 4_000);
const OTHER: (u64, u64) = (0, 2_000);

/// The hands of 1001, who has called 3001, and of two telephones beside.
struct Hands {
    caller: usize,
    callee: usize,
    friends: [usize; 2],
}

fn play(seed: u64, scene: impl FnOnce(&mut World, &Hands)) {
    let (world, errors) = count_errors(|| {
        let options = Options {
            seed,
            shards: 1,
            ..Options::calm()
        };
        let mut world = World::new(options, Box::new(Scripts));
        world.add_tenant(town::tenant("acme", 1, "makecall"));
        let [caller, callee, a, b] = ["1001", "3001", "1002", "3002"].map(|user| {
            let line = world.line(0, user);
            let hand = world.by_hand(line);
            world.hand(hand).be_polite();
            hand
        });
        let friends = [a, b];
        let hands = Hands {
            caller,
            callee,
            friends,
        };
        assert_eq!(world.makecall(0, "1001", "2001", "3001"), 200);
        let sdp = world.hand(caller).sdp("sendrecv");
        let invite = world.hand(caller).invite("2001", &sdp);
        world.send(caller, invite);
        world.run_for(SECOND);
        answers(&mut world, callee, "200 OK", "bob", "sendrecv");
        world.run_for(SECOND);
        acknowledges(&mut world, caller);
        scene(&mut world, &hands);
        world.run_to_rest();
        world
    });
    assert_eq!(errors, 0);
    assert_eq!(world.watch().violations(), [""; 0], "{}", world.journal());
}

/// A hand answers the last INVITE that it heard.
fn answers(world: &mut World, hand: usize, status: &str, tag: &str, direction: &str) {
    let invite = world.hand(hand).last("INVITE").expect("it is called");
    let invite = invite.to_owned();
    let sdp = world.hand(hand).sdp(direction);
    let sdp = if direction.is_empty() { "" } else { &sdp };
    let answer = world.hand(hand).respond(&invite, status, tag, sdp);
    world.send(hand, answer);
    world.run_for(TICK);
}

fn acknowledges(world: &mut World, hand: usize) {
    let ack = world.hand(hand).ack("");
    world.send(hand, ack);
    world.run_for(SECOND);
}

/// One holds, the other agrees.
fn holds(world: &mut World, holder: usize, held: usize) {
    let sdp = world.hand(holder).sdp("sendonly");
    let invite = world.hand(holder).invite("", &sdp);
    world.send(holder, invite);
    world.run_for(SECOND / 10);
    answers(world, held, "200 OK", "", "recvonly");
    world.run_for(SECOND / 10);
    acknowledges(world, holder);
}

/// What names the dialog that a hand has begun.
fn begun_by(world: &mut World, hand: usize) -> String {
    let replaces = world.hand(hand).replaces().replace("Replaces=", "");
    replaces.replace("%3B", ";").replace("%3D", "=")
}

/// What names the dialog of the callee.
fn of_callee(world: &mut World, hands: &Hands) -> String {
    let invite = world.hand(hands.callee).last("INVITE").unwrap_or_default();
    let header = |name: &str| {
        let mut lines = invite.lines();
        lines
            .find_map(|line| line.strip_prefix(name))
            .unwrap_or_default()
    };
    let (id, from) = (header("Call-ID: "), header("From: "));
    let ours = from.split("tag=").nth(1).unwrap_or_default();
    format!("{id};to-tag={ours};from-tag=bob")
}

fn takes_the_place(world: &mut World, hand: usize, replaces: &str) {
    world
        .hand(hand)
        .adds(format!("Replaces: {replaces}\r\nRequire: replaces\r\n"));
    let sdp = world.hand(hand).sdp("sendrecv");
    let invite = world.hand(hand).invite("jackfield", &sdp);
    world.send(hand, invite);
    world.run_for(TICK);
}

/// A hand refuses every INVITE with 491: after how many milliseconds the next ones came.
fn crosses(world: &mut World, hand: usize) -> Vec<u64> {
    let numbers = |world: &mut World| {
        let heard = world.hand(hand).heard().iter();
        let invites = heard.filter(|text| text.starts_with("INVITE "));
        let number = |text: &String| {
            text.lines()
                .find(|it| it.starts_with("CSeq: "))
                .map(str::to_owned)
        };
        invites
            .filter_map(number)
            .collect::<std::collections::BTreeSet<_>>()
            .len()
    };
    let mut waits = Vec::new();
    loop {
        let (began, before) = (world.now(), numbers(world));
        answers(world, hand, "491 Request Pending", "", "");
        while numbers(world) == before {
            if world.now() > began + 10 * SECOND {
                return waits;
            }
            world.run_for(TICK);
        }
        waits.push(world.now().saturating_sub(began).as_millis() as u64);
    }
}

/// Five offers at most, each after its time. The way there and back takes some of it.
fn check(waits: &[u64], (least, most): (u64, u64)) {
    assert_eq!(waits.len(), 5, "{waits:?}");
    let fits = |wait: &u64| (least..=most + 150).contains(wait);
    assert!(waits.iter().all(fits), "{waits:?}");
}

fn hang_up(world: &mut World, hand: usize) {
    let bye = world.hand(hand).bye();
    world.send(hand, bye);
    world.run_for(SECOND);
}

#[test]
fn who_has_called_waits_for_two_to_four_seconds_after_a_glare() {
    for seed in 0..5 {
        play(seed, |world, hands| {
            let Hands {
                caller,
                callee,
                friends: [friend, _],
            } = *hands;
            holds(world, caller, callee);
            let replaces = begun_by(world, caller);
            takes_the_place(world, friend, &replaces);
            world.run_for(SECOND / 10);
            acknowledges(world, friend);
            check(&crosses(world, callee), OWNER);
            hang_up(world, friend);
        });
    }
}

/// A friend takes the callee's place, one of the two holds the other, and the second friend takes the
/// holder's place: whom it meets did not begin their dialog.
fn check_who_was_called(holder: impl Fn(&Hands) -> [usize; 2]) {
    for seed in 0..5 {
        play(seed, |world, hands| {
            let [friend, other] = hands.friends;
            let replaces = of_callee(world, hands);
            takes_the_place(world, friend, &replaces);
            world.run_for(SECOND / 10);
            acknowledges(world, friend);
            let [holder, held] = holder(hands);
            holds(world, holder, held);
            let replaces = begun_by(world, holder);
            takes_the_place(world, other, &replaces);
            world.run_for(SECOND / 10);
            let ack = world.hand(other).ack("");
            world.send(other, ack);
            check(&crosses(world, held), OTHER);
            hang_up(world, other);
        });
    }
}

#[test]
fn who_was_called_waits_for_two_seconds_at_most_after_a_glare() {
    check_who_was_called(|hands| [hands.friends[0], hands.caller]);
}

/// The call is one of ours still, but its dialog was begun by the telephone.
#[test]
fn who_was_called_by_somebody_in_the_place_of_its_callee_waits_as_one_who_was_called() {
    check_who_was_called(|hands| [hands.caller, hands.friends[0]]);
}
