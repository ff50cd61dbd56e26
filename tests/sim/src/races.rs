//! Races: messages, hang-ups and turns that cross each other.
//!
//! Each is a call in a world that somebody else has made, as in [`scenes`](crate::scenes), in which
//! one thing comes too early, too late, once more or not at all. In a calm world it is a ladder; with slow
//! turns or in bad weather it is a property: whatever the outcome, the watch must have nothing to say.
//! So a scene asserts nothing itself, and goes on if it is not answered.

use std::time::Duration;

use control::phone::{Behaviour, Input};

use crate::{Fate, World, scenes::ANSWERS};

const SECOND: Duration = Duration::from_secs(1);

/// A race.
pub type Race = fn(&mut World);

/// All races, by the names of their ladders.
pub const ALL: [(&str, Race); 20] = [
    ("cancel-crosses-200", cancel_crosses_200),
    ("cancel-after-our-200", cancel_after_our_200),
    ("cancel-before-1xx", cancel_before_1xx),
    ("cancel-without-1xx", cancel_without_1xx),
    ("cancel-at-once", cancel_at_once),
    ("cancel-crosses-refusal", cancel_crosses_refusal),
    ("bye-before-our-ack", bye_before_our_ack),
    ("bye-overtakes-ack", bye_overtakes_ack),
    ("fork-answers-twice", fork_answers_twice),
    ("lost-200", lost_200),
    ("lost-ack", lost_ack),
    ("lost-bye", lost_bye),
    ("lost-answer-to-bye", lost_answer_to_bye),
    ("lost-cancel", lost_cancel),
    ("invite-again", invite_again),
    ("both-hang-up", both_hang_up),
    ("byes-cross", byes_cross),
    ("cancelled-in-on-incoming", cancelled_in_on_incoming),
    (
        "cancelled-in-on-dial-completed",
        cancelled_in_on_dial_completed,
    ),
    ("hang-up-in-on-answered", hang_up_in_on_answered),
];

const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// 1001 has asked for a call to 3001 and dials 2001.
fn dial(world: &mut World, callee: Behaviour) {
    let (alice, bob) = parties(world);
    world.phone(bob, Input::Behave(callee));
    ask(world);
    world.dial(alice, "2001");
}

fn ask(world: &mut World) {
    let body = r#"{"caller":"2001","callee":"3001"}"#;
    let ask = world.request("1001", "makecall", body);
    world.answer(0, ask);
}

fn parties(world: &World) -> (usize, usize) {
    (world.line(0, "1001"), world.line(0, "3001"))
}

/// After so long the caller hangs up, and everything comes to rest.
fn caller_hangs_up(world: &mut World, after: Duration) {
    let (alice, _) = parties(world);
    world.run_for(after);
    world.hang_up(alice);
    world.run_for(SECOND);
    world.run_to_rest();
}

/// 3001 answers while the CANCEL is on its way to it: its 200 gets ACK and BYE.
pub fn cancel_crosses_200(world: &mut World) {
    let (_, bob) = parties(world);
    world.from_line(bob, "200 INVITE", Fate::Late(millis(300)));
    dial(world, ANSWERS);
    caller_hangs_up(world, millis(2_100));
}

/// 1001 hangs up when our 200 is on its way to it: its CANCEL changes nothing, its BYE does.
pub fn cancel_after_our_200(world: &mut World) {
    let (alice, _) = parties(world);
    world.to_line(alice, "200 INVITE", Fate::Late(millis(300)));
    dial(world, ANSWERS);
    caller_hangs_up(world, millis(2_100));
}

/// 1001 hangs up before 3001 has said anything: our CANCEL waits for the 100 (RFC 3261 §9.1).
pub fn cancel_before_1xx(world: &mut World) {
    let (_, bob) = parties(world);
    world.from_line(bob, "100 INVITE", Fate::Late(millis(300)));
    dial(world, ANSWERS);
    caller_hangs_up(world, millis(100));
}

/// 1001 hangs up, and 3001 never says anything: our CANCEL is never sent.
pub fn cancel_without_1xx(world: &mut World) {
    dial(world, Behaviour::Deaf);
    caller_hangs_up(world, millis(700));
}

/// 1001, by hand, sends its CANCEL right behind its INVITE: the turn of the call is still out.
pub fn cancel_at_once(world: &mut World) {
    let (alice, bob) = parties(world);
    world.phone(bob, Input::Behave(ANSWERS));
    ask(world);
    let hand = world.by_hand(alice);
    world.hand(hand).be_polite();
    let sdp = world.hand(hand).sdp("sendrecv");
    let invite = world.hand(hand).invite("2001", &sdp);
    world.send(hand, invite);
    let cancel = world.hand(hand).cancel();
    world.send(hand, cancel);
    world.run_for(5 * SECOND);
    world.run_to_rest();
}

/// 3001 is busy, and says so while the CANCEL is on its way to it.
pub fn cancel_crosses_refusal(world: &mut World) {
    let (_, bob) = parties(world);
    world.from_line(bob, "486 INVITE", Fate::Late(millis(300)));
    let (after, status) = (millis(100), 486);
    dial(world, Behaviour::Refuse { after, status });
    caller_hangs_up(world, millis(200));
}

/// A telephone by hand that takes the place of 3001, when the INVITE is there.
fn callee_by_hand(world: &mut World) -> usize {
    let (alice, bob) = parties(world);
    ask(world);
    let hand = world.by_hand(bob);
    world.hand(hand).be_polite();
    world.dial(alice, "2001");
    world.run_for(SECOND);
    hand
}

/// The callee by hand answers its INVITE, if it got one; the INVITE.
fn callee_answers(world: &mut World, hand: usize, tag: &str) -> Option<String> {
    let invite = world.hand(hand).last("INVITE")?.to_owned();
    let sdp = world.hand(hand).sdp("sendrecv");
    let ok = world.hand(hand).respond(&invite, "200 OK", tag, &sdp);
    world.send(hand, ok);
    Some(invite)
}

/// 3001, by hand, answers and hangs up at once: its BYE crosses our ACK.
pub fn bye_before_our_ack(world: &mut World) {
    let hand = callee_by_hand(world);
    if let Some(invite) = callee_answers(world, hand, "a") {
        let bye = world.hand(hand).bye_to(&invite, "a");
        world.send(hand, bye);
    }
    world.run_for(SECOND);
    world.run_to_rest();
}

/// 1001 hangs up as soon as it is answered, and its BYE overtakes its ACK.
pub fn bye_overtakes_ack(world: &mut World) {
    let (alice, _) = parties(world);
    world.from_line(alice, "ACK", Fate::Late(millis(300)));
    dial(world, ANSWERS);
    caller_hangs_up(world, millis(2_100));
}

/// 3001, by hand, is two telephones behind a proxy that forks: both answer.
pub fn fork_answers_twice(world: &mut World) {
    let (alice, _) = parties(world);
    let hand = callee_by_hand(world);
    callee_answers(world, hand, "a");
    world.run_for(millis(100));
    callee_answers(world, hand, "b");
    world.run_for(SECOND);
    // What both have answered once may be answered once more.
    callee_answers(world, hand, "b");
    callee_answers(world, hand, "a");
    world.run_for(SECOND);
    world.hang_up(alice);
    world.run_for(SECOND);
    world.run_to_rest();
}

/// The 200 of 3001 is lost, then ours to 1001.
pub fn lost_200(world: &mut World) {
    let (alice, bob) = parties(world);
    world.from_line(bob, "200 INVITE", Fate::Lost);
    world.to_line(alice, "200 INVITE", Fate::Lost);
    dial(world, ANSWERS);
    caller_hangs_up(world, 5 * SECOND);
}

/// Our ACK to 3001 is lost, then that of 1001.
pub fn lost_ack(world: &mut World) {
    let (alice, bob) = parties(world);
    world.to_line(bob, "ACK", Fate::Lost);
    world.from_line(alice, "ACK", Fate::Lost);
    dial(world, ANSWERS);
    caller_hangs_up(world, 5 * SECOND);
}

/// The BYE of 1001 is lost, then ours to 3001.
pub fn lost_bye(world: &mut World) {
    let (alice, bob) = parties(world);
    world.from_line(alice, "BYE", Fate::Lost);
    world.to_line(bob, "BYE", Fate::Lost);
    dial(world, ANSWERS);
    caller_hangs_up(world, 5 * SECOND);
}

/// Our answer to the BYE of 1001 is lost, then that of 3001 to ours.
pub fn lost_answer_to_bye(world: &mut World) {
    let (alice, bob) = parties(world);
    world.to_line(alice, "200 BYE", Fate::Lost);
    world.from_line(bob, "200 BYE", Fate::Lost);
    dial(world, ANSWERS);
    caller_hangs_up(world, 5 * SECOND);
}

/// Our CANCEL is lost, then the 487 of 3001.
pub fn lost_cancel(world: &mut World) {
    let (_, bob) = parties(world);
    world.to_line(bob, "CANCEL", Fate::Lost);
    world.from_line(bob, "487 INVITE", Fate::Lost);
    dial(world, Behaviour::default());
    caller_hangs_up(world, 2 * SECOND);
}

/// The INVITE of 1001, by hand, arrives again at every stage of its call.
pub fn invite_again(world: &mut World) {
    let (alice, bob) = parties(world);
    world.phone(bob, Input::Behave(ANSWERS));
    ask(world);
    let hand = world.by_hand(alice);
    let sdp = world.hand(hand).sdp("sendrecv");
    let invite = world.hand(hand).invite("2001", &sdp);
    // While its turn is out, dialling, ringing, answered.
    for after in [0, 100, 900, 1_200] {
        world.send(hand, invite.clone());
        world.run_for(millis(after));
    }
    let ack = world.hand(hand).ack("");
    world.send(hand, ack);
    world.send(hand, invite.clone());
    world.run_for(SECOND);
    let bye = world.hand(hand).bye();
    world.send(hand, bye);
    world.run_for(millis(100));
    world.send(hand, invite);
    world.run_for(SECOND);
    world.run_to_rest();
}

/// Both hang up at the same instant.
pub fn both_hang_up(world: &mut World) {
    let (_, bob) = parties(world);
    dial(world, ANSWERS);
    world.run_for(5 * SECOND);
    world.at(Duration::ZERO, crate::Deed::Phone(bob, Input::HangUp));
    caller_hangs_up(world, Duration::ZERO);
}

/// 3001 hangs up while the BYE of 1001 is passed on to it.
pub fn byes_cross(world: &mut World) {
    let (alice, bob) = parties(world);
    dial(world, ANSWERS);
    world.run_for(5 * SECOND);
    world.to_line(bob, "BYE", Fate::Late(millis(100)));
    world.hang_up(alice);
    world.run_for(millis(50));
    world.hang_up(bob);
    world.run_for(SECOND);
    world.run_to_rest();
}

/// The turn of the call returns when its caller has hung up: 3001 is not called any more.
pub fn cancelled_in_on_incoming(world: &mut World) {
    world.set_pace("on_incoming", millis(500));
    dial(world, ANSWERS);
    caller_hangs_up(world, millis(100));
}

/// The turn that answers 1001 returns when that has hung up.
pub fn cancelled_in_on_dial_completed(world: &mut World) {
    world.set_pace("on_dial_completed", millis(500));
    dial(world, ANSWERS);
    caller_hangs_up(world, millis(2_200));
}

/// 3001 hangs up while a turn is out that has nothing to decide.
pub fn hang_up_in_on_answered(world: &mut World) {
    let (_, bob) = parties(world);
    world.set_pace("on_answered", millis(500));
    dial(world, ANSWERS);
    world.run_for(millis(2_200));
    world.hang_up(bob);
    world.run_for(SECOND);
    world.run_to_rest();
}
