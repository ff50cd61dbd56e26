//! What happens inside dialogs, and between the two of a bridge: a telephone by hand says what none of
//! ours would.

use std::time::Duration;

use expect_test::expect_file;
use sim::{Options, World, count_errors, script::Scripts, town};

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
