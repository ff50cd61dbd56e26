//! Telephones that want their packets longer or shorter than others, and such that send no silence.

use std::time::Duration;

use control::phone::PhoneConfig;
use sim::{Options, World, count_errors, scenes, script::Scripts, town};

const SECOND: Duration = Duration::from_secs(1);

/// A call between two telephones that are made so.
fn call(script: &str, alice: impl Fn(&mut PhoneConfig), bob: impl Fn(&mut PhoneConfig)) -> World {
    let (world, errors) = count_errors(|| {
        let mut world = World::new(Options::calm(), Box::new(Scripts));
        world.add_tenant(town::tenant("acme", 1, script));
        let lines = ["1001", "3001"].map(|user| world.line(0, user));
        world.make(lines[0], alice);
        world.make(lines[1], bob);
        scenes::bridged(&mut world);
        world
    });
    assert_eq!(errors, 0);
    assert_eq!(world.watch().violations(), [""; 0], "{}", world.journal());
    world
}

#[test]
fn each_hears_the_other_in_packets_of_the_length_that_it_wants() {
    for (a, b) in [(10, 20), (20, 30), (40, 20), (30, 40), (60, 10), (20, 20)] {
        let world = call("makecall", |it| it.ptime_ms = a, |it| it.ptime_ms = b);
        for (user, other, wants) in [("1001", "3001", a), ("3001", "1001", b)] {
            let lines = world.lines();
            let heard = lines[world.line(0, user)].heard.last().unwrap();
            let tone = lines[world.line(0, other)].tone;
            assert_eq!(
                (heard.tone, heard.lost),
                (Some(tone), 0),
                "{a} {b}: {heard:?}"
            );
            let wants = u64::from(wants);
            assert_eq!(heard.packet_ms, (wants, wants), "{a} and {b}: {heard:?}");
            // Whoever is told 60 ms at a time waits for 60 ms; nothing is missing between.
            let longest = wants + u64::from(a.max(b)) + 10;
            assert!(heard.longest_gap_ms <= longest, "{a} and {b}: {heard:?}");
        }
    }
}

#[test]
fn keys_are_no_loss_to_who_wants_packets_of_another_length() {
    for (a, b) in [(20, 30), (20, 20), (30, 20), (10, 40)] {
        let mut world = World::new(Options::calm(), Box::new(Scripts));
        world.add_tenant(town::tenant("acme", 1, "makecall"));
        for (user, wants) in [("1001", a), ("3001", b)] {
            let line = world.line(0, user);
            world.make(line, |it| it.ptime_ms = wants);
        }
        let (alice, bob) = scenes::call(&mut world, scenes::ANSWERS);
        world.press(alice, "15#");
        world.run_for(3 * SECOND);
        world.hang_up(alice);
        world.run_to_rest();
        assert_eq!(world.watch().violations(), [""; 0], "{}", world.journal());
        let bob = &world.lines()[bob];
        assert_eq!(bob.digits, ["15#"], "{a} and {b}");
        assert_eq!(bob.heard[0].lost, 0, "{a} and {b}: {:?}", bob.heard[0]);
    }
}

/// The formats that a hand in the place of the callee is offered, and those that the caller is answered.
fn formats(offered: &str) -> (String, String) {
    let mut world = World::new(Options::calm(), Box::new(Scripts));
    world.add_tenant(town::tenant("acme", 1, "makecall"));
    let (alice, bob) = (world.line(0, "1001"), world.line(0, "3001"));
    let (caller, callee) = (world.by_hand(alice), world.by_hand(bob));
    assert_eq!(world.makecall(0, "1001", "2001", "3001"), 200);
    let sdp = world.hand(caller).sdp("sendrecv");
    let sdp = sdp.replace("RTP/AVP 8", &format!("RTP/AVP {offered}"));
    let invite = world.hand(caller).invite("2001", &sdp);
    world.send(caller, invite);
    world.run_for(SECOND);
    let invite = world.hand(callee).last("INVITE").unwrap().to_owned();
    let answer = world.hand(callee).sdp("sendrecv");
    let answer = world.hand(callee).respond(&invite, "200 OK", "x", &answer);
    world.send(callee, answer);
    world.run_for(SECOND);
    let heard = world.hand(caller).heard().iter();
    let ok = heard
        .rev()
        .find(|it| it.starts_with("SIP/2.0 200"))
        .unwrap();
    (audio(&invite), audio(ok))
}

fn audio(message: &str) -> String {
    let line = message.lines().find(|line| line.starts_with("m=audio"));
    line.unwrap().split_once(" RTP/AVP ").unwrap().1.to_owned()
}

#[test]
fn comfort_noise_is_answered_and_is_offered_to_whom_its_sender_talks_to() {
    let (offered, answered) = formats("8 13");
    assert_eq!((&*offered, &*answered), ("8 0 9 101 13", "8 13"));
    let (offered, answered) = formats("8");
    assert_eq!((&*offered, &*answered), ("8 0 9 101", "8"));
}

#[test]
fn who_hushes_is_neither_lost_nor_timed_out() {
    let mut world = World::new(Options::calm(), Box::new(Scripts));
    world.add_tenant(town::tenant("acme", 1, "makecall"));
    for user in ["1001", "3001"] {
        let line = world.line(0, user);
        world.make(line, |it| it.noise = true);
    }
    let alice = world.line(0, "1001");
    world.lines_mut()[alice].is_silent = true;
    let (alice, bob) = scenes::call(&mut world, scenes::ANSWERS);
    world.run_for(100 * SECOND);
    assert_eq!(world.lines()[bob].ended(), None);
    world.hang_up(alice);
    world.run_to_rest();
    assert_eq!(world.watch().violations(), [""; 0], "{}", world.journal());
    let heard = world.lines()[bob].heard[0];
    assert_eq!((heard.packets, heard.lost), (0, 0), "{heard:?}");
    let row = &world.cdrs()[0];
    // One packet in 200 ms.
    assert!((490..=530).contains(&row.packets_received), "{row:?}");
    assert_eq!(row.packets_lost, 0);
}
