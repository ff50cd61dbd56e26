//! Transfers that a party asks for: RFC 5359 §2.4 and §2.5, played with one hand.
//!
//! 1001 is a telephone by hand, since none of ours transfers; 3001 and 3002 ring and answer.

use std::time::Duration;

use control::phone::{Behaviour, Input};

use crate::{World, scenes};

const SECOND: Duration = Duration::from_secs(1);

/// 1001 holds 3001 and transfers it to 3002, which answers.
pub fn unattended(world: &mut World) {
    let hand = town_of_three(world);
    calls(world, hand, "3001", &["sendrecv", "sendonly"]);
    let told = refers(world, hand, "sip:3002@acme.example");
    let bye = "BYE sip:1001@10.0.1.1:5060";
    let all = [
        "SIP/2.0 202",
        "told 100 Trying",
        "told 180 Ringing",
        "told 200 OK",
        bye,
    ];
    assert_eq!(told, all);
    part(world);
}

/// 1001 holds 3001, calls 3002, holds it too, and puts them together.
pub fn attended(world: &mut World) {
    let hand = town_of_three(world);
    calls(world, hand, "3001", &["sendrecv", "sendonly"]);
    let first = world.hand(hand).put_aside();
    calls(world, hand, "3002", &["sendrecv", "sendonly"]);
    let replaces = world.hand(hand).replaces();
    world.hand(hand).take_up(first);
    let told = refers(
        world,
        hand,
        &format!("sip:jackfield@10.0.0.1:5060?{replaces}"),
    );
    let bye = |line: &&String| line.starts_with("BYE");
    assert_eq!(told.iter().filter(bye).count(), 2, "{told:?}");
    let told: Vec<_> = told.iter().filter(|line| !bye(line)).collect();
    assert_eq!(told, ["SIP/2.0 202", "told 100 Trying", "told 200 OK"]);
    part(world);
}

/// 1001 wants 3001 transferred to somebody whom the tenant may not call, and to 3002, which is busy.
pub fn refused(world: &mut World) {
    let hand = town_of_three(world);
    let carol = world.line(0, "3002");
    let (after, status) = (SECOND, 486);
    world.phone(carol, Input::Behave(Behaviour::Refuse { after, status }));
    calls(world, hand, "3001", &["sendrecv"]);
    let told = refers(world, hand, "sip:9999@acme.example");
    assert_eq!(told, ["SIP/2.0 603"]);
    let told = refers(world, hand, "sip:3002@acme.example");
    let all = ["SIP/2.0 202", "told 100 Trying", "told 486 Busy Here"];
    assert_eq!(told, all);
    let bye = world.hand(hand).bye();
    world.send(hand, bye);
    world.run_to_rest();
}

fn part(world: &mut World) {
    let bob = world.line(0, "3001");
    world.hang_up(bob);
    world.run_to_rest();
}

/// A telephone of 1001 by hand, and 3001 and 3002 which answer.
pub fn town_of_three(world: &mut World) -> usize {
    for user in ["3001", "3002"] {
        let line = world.line(0, user);
        world.phone(line, Input::Behave(scenes::ANSWERS));
    }
    let alice = world.line(0, "1001");
    let hand = world.by_hand(alice);
    world.hand(hand).be_polite();
    hand
}

/// The hand calls somebody, and says these directions in one INVITE each.
pub fn calls(world: &mut World, hand: usize, callee: &str, directions: &[&str]) {
    assert_eq!(world.makecall(0, "1001", "2001", callee), 200);
    for direction in directions {
        let sdp = world.hand(hand).sdp(direction);
        let invite = world.hand(hand).invite("2001", &sdp);
        world.send(hand, invite);
        world.run_for(Duration::from_millis(2_200));
        let ack = world.hand(hand).ack("");
        world.send(hand, ack);
        world.run_for(SECOND);
    }
}

/// The hand wants its partner to call somebody else; what it heard of it after five seconds.
pub fn refers(world: &mut World, hand: usize, to: &str) -> Vec<String> {
    let before = world.hand(hand).heard().len();
    let refer = world.hand(hand).refer(to);
    world.send(hand, refer);
    world.run_for(5 * SECOND);
    let heard = &world.hand(hand).heard()[before..];
    let line = |text: &String| {
        let first = text.lines().next().unwrap_or("");
        match text.lines().find(|line| line.starts_with("SIP/2.0 ")) {
            Some(told) if first.starts_with("NOTIFY") => told.replace("SIP/2.0", "told"),
            _ => first.split(' ').take(2).collect::<Vec<_>>().join(" "),
        }
    };
    heard.iter().map(line).collect()
}
