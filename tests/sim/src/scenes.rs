//! The call flows that ladders show: one tenant, one call, everything calm.
//!
//! Each scene plays in a world that somebody else has made, with scripted policies (`tests/sim`) or
//! with the real component (`tests/flows`), and leaves it at rest. So the ladder of the one can be
//! held against that of the other.

use std::time::Duration;

use control::phone::{Behaviour, Input};

use crate::World;

const SECOND: Duration = Duration::from_secs(1);

/// A callee that rings after half a second and answers after two.
pub const ANSWERS: Behaviour = Behaviour::Ring {
    after: Duration::from_millis(500),
    answer: Some(Duration::from_secs(2)),
};

/// 1001 asks for a call to 3001 and dials 2001; 3001 behaves like that. Five seconds pass. The
/// places of caller and callee.
pub fn call(world: &mut World, callee: Behaviour) -> (usize, usize) {
    let (alice, bob) = (world.line(0, "1001"), world.line(0, "3001"));
    world.phone(bob, Input::Behave(callee));
    assert_eq!(world.makecall(0, "1001", "2001", "3001"), 200);
    world.dial(alice, "2001");
    world.run_for(5 * SECOND);
    (alice, bob)
}

/// Somebody hangs up, and everything comes to rest.
fn part(world: &mut World, line: usize) {
    world.hang_up(line);
    world.run_for(SECOND);
    world.run_to_rest();
}

/// The sequence of the phone control seed; the caller hangs up.
pub fn bridged(world: &mut World) {
    let (alice, _) = call(world, ANSWERS);
    part(world, alice);
}

/// The caller of a policy that wants digits keys some, the last of which hangs up.
pub fn keys(world: &mut World) {
    let alice = world.line(0, "1001");
    world.dial(alice, "2001");
    world.run_for(SECOND);
    world.press(alice, "15*D0#");
    world.run_for(5 * SECOND);
    world.run_to_rest();
}

/// The caller of a policy that wants digits keys `1`; then another version of it is active, and the caller
/// keys `2`, and then the one that hangs up.
pub fn upgrade(world: &mut World, from: u32, to: u32) {
    activate(world, from);
    let alice = world.line(0, "1001");
    world.dial(alice, "2001");
    world.run_for(SECOND);
    world.press(alice, "1");
    world.run_for(SECOND);
    activate(world, to);
    world.press(alice, "2#");
    world.run_for(5 * SECOND);
    world.run_to_rest();
}

/// New sessions begin with that version.
fn activate(world: &mut World, version: u32) {
    let mut tenant = (**world.tenant(0)).clone();
    for plugin in tenant.plugins.values_mut() {
        plugin.version = version;
    }
    world.change_tenant(0, tenant);
}

/// Who meets in a conference.
pub const MEMBERS: [&str; 3] = ["1001", "1002", "3002"];

/// Three callers key the PIN of a conference, and talk for a while.
pub fn meet(world: &mut World) {
    for user in MEMBERS {
        let line = world.line(0, user);
        world.dial(line, "2001");
        world.run_for(SECOND);
        world.press(line, if user == "1002" { "1#42#" } else { "42#" });
        world.run_for(2 * SECOND);
    }
    world.run_for(2 * SECOND);
}

/// All of them hang up.
pub fn part_from_conference(world: &mut World) {
    for user in MEMBERS {
        let line = world.line(0, user);
        world.lines_mut()[line].put_down();
    }
    for user in MEMBERS {
        let line = world.line(0, user);
        world.hang_up(line);
    }
    world.run_to_rest();
}

/// The caller of a policy that collects digits ends one collection in each way, keys something between
/// them, and hangs up while the last one runs.
pub fn collections(world: &mut World) {
    let alice = world.line(0, "1001");
    world.dial(alice, "2001");
    world.run_for(SECOND);
    // By a finish key; by as many as may be and then by time, with a digit and without; by another finish
    // key, and then by another collection and a command.
    for (keys, millis) in [
        ("1C23#9", 3_000),
        ("C45678", 4_500),
        ("0C", 4_500),
        ("C1*", 1_500),
    ] {
        world.press(alice, keys);
        world.run_for(Duration::from_millis(millis));
    }
    world.press(alice, "C");
    world.run_for(SECOND);
    world.hang_up(alice);
    world.run_for(SECOND);
    world.run_to_rest();
}

/// The caller of a policy is put on hold by it, and taken back.
pub fn held(world: &mut World) {
    let alice = world.line(0, "1001");
    world.dial(alice, "2001");
    world.run_for(SECOND);
    world.press(alice, "C1#");
    world.run_for(6 * SECOND);
    part(world, alice);
}

/// The caller of a policy is sent digits by it.
pub fn sent_digits(world: &mut World) {
    let alice = world.line(0, "1001");
    world.dial(alice, "2001");
    world.run_for(SECOND);
    world.press(alice, "C2#");
    world.run_for(4 * SECOND);
    part(world, alice);
}

/// The caller of a policy that records ends the recording by a key, calls somebody and begins another,
/// which lasts as long as it may; a third one ends with the call.
pub fn recorded(world: &mut World) {
    let (alice, bob) = (world.line(0, "1001"), world.line(0, "3001"));
    world.phone(bob, Input::Behave(ANSWERS));
    world.dial(alice, "2001");
    world.run_for(5 * SECOND);
    world.press(alice, "#A");
    world.run_for(5 * SECOND);
    world.press(alice, "1");
    world.run_for(5 * SECOND);
    world.press(alice, "1");
    world.run_for(2 * SECOND);
    part(world, alice);
}

/// The callee hangs up.
pub fn callee_hangs_up(world: &mut World) {
    let (_, bob) = call(world, ANSWERS);
    part(world, bob);
}

/// The callee's network speaks before the callee does.
pub fn early_media(world: &mut World) {
    let after = Duration::from_millis(500);
    let answer = Some(3 * SECOND);
    let (alice, _) = call(world, Behaviour::EarlyMedia { after, answer });
    part(world, alice);
}

/// The callee answers without ringing.
pub fn answered_at_once(world: &mut World) {
    let after = Duration::from_millis(100);
    let (alice, _) = call(world, Behaviour::Answer { after });
    part(world, alice);
}

/// The callee is busy.
pub fn busy(world: &mut World) {
    let after = Duration::from_millis(100);
    call(world, Behaviour::Refuse { after, status: 486 });
    world.run_to_rest();
}

/// The callee's phone is there, but its user is not to be disturbed (RFC 3665 §3.11).
pub fn unavailable(world: &mut World) {
    let after = Duration::from_millis(100);
    call(world, Behaviour::Refuse { after, status: 480 });
    world.run_to_rest();
}

/// The callee rings and nobody is at home.
pub fn rings_on(world: &mut World) {
    call(world, Behaviour::default());
    world.run_for(70 * SECOND);
    world.run_to_rest();
}

/// The callee says 100 and no more.
pub fn stalls(world: &mut World) {
    call(world, Behaviour::TryingOnly);
    world.run_for(40 * SECOND);
    world.run_to_rest();
}

/// The callee is not there at all.
pub fn deaf(world: &mut World) {
    call(world, Behaviour::Deaf);
    world.run_for(40 * SECOND);
    world.run_to_rest();
}

/// The caller hangs up while it rings.
pub fn given_up(world: &mut World) {
    let (alice, _) = call(world, Behaviour::default());
    part(world, alice);
}

/// Nobody asked for this call.
pub fn nothing_pending(world: &mut World) {
    let alice = world.line(0, "1001");
    world.dial(alice, "2001");
    world.run_for(SECOND);
    world.run_to_rest();
}

/// The request was cancelled.
pub fn cancelled(world: &mut World) {
    assert_eq!(world.makecall(0, "1001", "2001", "3001"), 200);
    let ask = world.request("1001", "cancelcall", "{}");
    world.answer(0, ask);
    let alice = world.line(0, "1001");
    world.dial(alice, "2001");
    world.run_for(SECOND);
    world.run_to_rest();
}

/// The request was for another private number; it stays, and the right call gets through.
pub fn other_number(world: &mut World) {
    assert_eq!(world.makecall(0, "1001", "2001", "3001"), 200);
    let (alice, bob) = (world.line(0, "1001"), world.line(0, "3001"));
    world.phone(bob, Input::Behave(ANSWERS));
    world.dial(alice, "2002");
    world.run_for(SECOND);
    world.dial(alice, "2001");
    world.run_for(5 * SECOND);
    part(world, alice);
}

/// The request is older than two minutes.
pub fn too_late(world: &mut World) {
    assert_eq!(world.makecall(0, "1001", "2001", "3001"), 200);
    world.run_for(120 * SECOND);
    let alice = world.line(0, "1001");
    world.dial(alice, "2001");
    world.run_for(SECOND);
    world.run_to_rest();
}

/// The second request of a user takes the place of the first.
pub fn second_request_wins(world: &mut World) {
    assert_eq!(world.makecall(0, "1001", "2001", "3003"), 200);
    let (alice, _) = call(world, ANSWERS);
    part(world, alice);
}

/// The callee is nobody whom the tenant may dial.
pub fn not_permitted(world: &mut World) {
    assert_eq!(world.makecall(0, "1001", "2001", "9999"), 200);
    let alice = world.line(0, "1001");
    world.dial(alice, "2001");
    world.run_for(SECOND);
    world.run_to_rest();
}

/// The caller, by hand, puts the callee on hold and takes it back.
pub fn hold(world: &mut World) {
    let (alice, bob) = (world.line(0, "1001"), world.line(0, "3001"));
    world.phone(bob, Input::Behave(ANSWERS));
    assert_eq!(world.makecall(0, "1001", "2001", "3001"), 200);
    let hand = world.by_hand(alice);
    for (direction, millis) in [("sendrecv", 2_100), ("sendonly", 100), ("sendrecv", 100)] {
        let sdp = world.hand(hand).sdp(direction);
        let invite = world.hand(hand).invite("2001", &sdp);
        world.send(hand, invite);
        world.run_for(Duration::from_millis(millis));
        let ack = world.hand(hand).ack("");
        world.send(hand, ack);
        world.run_for(SECOND);
    }
    let bye = world.hand(hand).bye();
    world.send(hand, bye);
    world.run_for(SECOND);
    world.run_to_rest();
}

/// The caller, by hand, sends an INVITE without a session description: it is offered one in the 200
/// and answers in its ACK.
pub fn late_offer(world: &mut World) {
    let (alice, bob) = (world.line(0, "1001"), world.line(0, "3001"));
    world.phone(bob, Input::Behave(ANSWERS));
    assert_eq!(world.makecall(0, "1001", "2001", "3001"), 200);
    let hand = world.by_hand(alice);
    let invite = world.hand(hand).invite("2001", "");
    world.send(hand, invite);
    world.run_for(Duration::from_millis(2_100));
    let sdp = world.hand(hand).sdp("sendrecv");
    let ack = world.hand(hand).ack(&sdp);
    world.send(hand, ack);
    world.run_for(3 * SECOND);
    let bye = world.hand(hand).bye();
    world.send(hand, bye);
    world.run_for(SECOND);
    world.run_to_rest();
}
