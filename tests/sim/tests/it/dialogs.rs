//! What happens inside dialogs, and between the two of a bridge: a telephone by hand says what none of
//! ours would.

use std::time::Duration;

use control::phone::{Event, Input};
use expect_test::expect_file;
use media::sdp::Direction;
use sim::{Options, World, count_errors, scenes, script::Scripts, town};

const SECOND: Duration = Duration::from_secs(1);

fn play(scene: impl FnOnce(&mut World)) -> World {
    let (world, errors) = count_errors(|| {
        let mut world = World::new(Options::calm(), Box::new(Scripts));
        world.add_tenant(town::tenant("acme", 1, "makecall"));
        scene(&mut world);
        world
    });
    assert_eq!(errors, 0);
    assert_eq!(world.watch().violations(), [""; 0], "{}", world.journal());
    world
}

/// The telephone of 3001, by hand, is called by 1001; its place and that of the caller.
fn called_by_hand(world: &mut World) -> (usize, usize) {
    let (alice, bob) = (world.line(0, "1001"), world.line(0, "3001"));
    assert_eq!(world.makecall(0, "1001", "2001", "3001"), 200);
    let hand = world.by_hand(bob);
    world.hand(hand).be_polite();
    world.dial(alice, "2001");
    world.run_for(SECOND);
    (alice, hand)
}

/// The hand answers the last INVITE, with further header lines.
fn answer(world: &mut World, hand: usize, status: &str, headers: &str, sdp: &str) {
    let invite = world.hand(hand).last("INVITE").unwrap().to_owned();
    let answer = world.hand(hand).respond(&invite, status, "bob", sdp);
    let answer =
        String::from_utf8_lossy(&answer).replace("Contact:", &format!("{headers}Contact:"));
    world.send(hand, answer.into());
    world.run_for(SECOND);
}

fn part(world: &mut World, line: usize) {
    world.hang_up(line);
    world.run_for(SECOND);
    world.run_to_rest();
}

#[test]
fn a_callee_may_ring_reliably_and_its_early_media_outlives_a_bare_180() {
    let world = play(|world| {
        let (alice, hand) = called_by_hand(world);
        let sdp = world.hand(hand).sdp("sendrecv");
        let reliable = |n: u32| format!("Require: 100rel\r\nRSeq: {n}\r\n");
        answer(world, hand, "183 Session Progress", &reliable(41), &sdp);
        answer(world, hand, "180 Ringing", &reliable(42), "");
        answer(world, hand, "200 OK", "", "");
        part(world, alice);
    });
    expect_file!["ladders/reliable-callee.txt"].assert_eq(&world.ladders());
}

/// The Reason of the last message that begins so.
fn reason(world: &mut World, hand: usize, start: &str) -> Option<String> {
    let mut heard = world.hand(hand).heard().iter();
    let message = heard.rfind(|it| it.starts_with(start)).unwrap();
    let line = message.lines().find(|line| line.starts_with("Reason: "));
    line.map(|line| line["Reason: ".len()..].to_owned())
}

#[test]
fn what_the_network_says_of_one_side_the_other_hears() {
    // A callee that is busy, or hangs up; a caller that gives up.
    play(|world| {
        let alice = world.line(0, "1001");
        let caller = world.by_hand(alice);
        world.hand(caller).be_polite();
        let bob = world.line(0, "3001");
        let callee = world.by_hand(bob);
        world.hand(callee).be_polite();
        let call = |world: &mut World| {
            assert_eq!(world.makecall(0, "1001", "2001", "3001"), 200);
            let sdp = world.hand(caller).sdp("sendrecv");
            let invite = world.hand(caller).invite("2001", &sdp);
            world.send(caller, invite);
            world.run_for(SECOND);
        };
        call(world);
        answer(
            world,
            callee,
            "486 Busy Here",
            "Reason: Q.850;cause=17\r\n",
            "",
        );
        let busy = reason(world, caller, "SIP/2.0 486");
        assert_eq!(busy.as_deref(), Some("Q.850;cause=17"));
        world.hand(caller).another_call();
        call(world);
        answer(world, callee, "180 Ringing", "", "");
        let cancel = String::from_utf8_lossy(&world.hand(caller).cancel()).into_owned();
        let why = "Reason: Q.850;cause=16;text=\"enough\"\r\nMax-Forwards";
        world.send(caller, cancel.replace("Max-Forwards", why).into());
        world.run_for(SECOND);
        let cancelled = reason(world, callee, "CANCEL");
        assert_eq!(cancelled.as_deref(), Some("SIP;cause=487, Q.850;cause=16"));
        answer(world, callee, "487 Request Terminated", "", "");
        world.hand(caller).another_call();
        call(world);
        let sdp = world.hand(callee).sdp("sendrecv");
        answer(world, callee, "200 OK", "", &sdp);
        let ack = world.hand(caller).ack("");
        world.send(caller, ack);
        world.run_for(SECOND);
        let invite = world.hand(callee).last("INVITE").unwrap().to_owned();
        let bye = world.hand(callee).bye_to(&invite, "bob");
        let bye = String::from_utf8_lossy(&bye).into_owned();
        let why = "Reason: Q.850;cause=31\r\nMax-Forwards";
        world.send(callee, bye.replace("Max-Forwards", why).into());
        world.run_for(SECOND);
        let over = reason(world, caller, "BYE");
        assert_eq!(over.as_deref(), Some("Q.850;cause=31"));
        world.run_to_rest();
    });
}

/// The caller, by hand, is in a call with 3001; it has said `directions` in one INVITE each.
fn calls_by_hand(world: &mut World, directions: &[&str]) -> usize {
    let (alice, bob) = (world.line(0, "1001"), world.line(0, "3001"));
    world.phone(bob, Input::Behave(scenes::ANSWERS));
    assert_eq!(world.makecall(0, "1001", "2001", "3001"), 200);
    let hand = world.by_hand(alice);
    world.hand(hand).be_polite();
    for direction in directions {
        let sdp = world.hand(hand).sdp(direction);
        let invite = world.hand(hand).invite("2001", &sdp);
        world.send(hand, invite);
        world.run_for(3 * SECOND);
        let ack = world.hand(hand).ack("");
        world.send(hand, ack);
        world.run_for(SECOND);
    }
    hand
}

/// The hand sends an INVITE without a description, and answers the offer in its 200 in that direction.
fn asks_for_an_offer(world: &mut World, hand: usize, direction: &str) -> String {
    let invite = world.hand(hand).invite("2001", "");
    world.send(hand, invite);
    world.run_for(SECOND);
    let sdp = world.hand(hand).sdp(direction);
    let ack = world.hand(hand).ack(&sdp);
    world.send(hand, ack);
    world.run_for(SECOND);
    let mut answers = world.hand(hand).heard().iter();
    let ok = answers.rfind(|it| it.starts_with("SIP/2.0 200") && it.contains("m=audio"));
    let way = ok.unwrap().lines().find(|line| line.starts_with("a=send"));
    way.unwrap().to_owned()
}

/// What 3001 was told that it may do, after it was answered.
fn changes(world: &World) -> Vec<Direction> {
    let line = &world.lines()[world.line(0, "3001")];
    let changed = line.told.iter().filter_map(|(_, event)| match event {
        Event::Changed { agreed } => Some(agreed.direction),
        _ => None,
    });
    changed.collect()
}

#[test]
fn a_reinvite_without_an_offer_resumes_what_its_sender_held() {
    let world = play(|world| {
        let hand = calls_by_hand(world, &["sendrecv", "sendonly"]);
        assert_eq!(asks_for_an_offer(world, hand, "sendrecv"), "a=sendrecv");
        let bye = world.hand(hand).bye();
        world.send(hand, bye);
        world.run_to_rest();
    });
    expect_file!["ladders/late-offer-resumes.txt"].assert_eq(&world.ladders());
    let told = [Direction::RecvOnly, Direction::SendRecv];
    assert_eq!(changes(&world), told);
}

#[test]
fn a_reinvite_without_an_offer_resumes_nothing_that_the_other_side_holds() {
    let world = play(|world| {
        let bob = world.line(0, "3001");
        let hand = calls_by_hand(world, &["sendrecv"]);
        world.phone(bob, Input::Hold(true));
        world.run_for(SECOND);
        let held = world.hand(hand).last("INVITE").unwrap().to_owned();
        let sdp = world.hand(hand).sdp("recvonly");
        let ok = world.hand(hand).respond(&held, "200 OK", "", &sdp);
        world.send(hand, ok);
        world.run_for(SECOND);
        assert_eq!(asks_for_an_offer(world, hand, "recvonly"), "a=sendonly");
        let bye = world.hand(hand).bye();
        world.send(hand, bye);
        world.run_to_rest();
    });
    // Its own wish, and nothing after it.
    assert_eq!(changes(&world), [Direction::SendOnly]);
}
