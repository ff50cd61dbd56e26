//! Which codecs legs are offered and agree on.

use std::time::Duration;

use control::phone::Input;
use media::sdp::Codec;
use sim::{Options, World, scenes, script::Scripts, town};

const SECOND: Duration = Duration::from_secs(1);

/// A world whose line 1001 and whose trunk to 3001 are set to these codecs.
fn world([line, trunk]: [&str; 2]) -> World {
    let mut world = World::new(Options::calm(), Box::new(Scripts));
    let mut acme = town::tenant("acme", 1, "makecall");
    acme.phones.get_mut("1001").unwrap().voice.codecs = line.parse().unwrap();
    acme.trunks[0].voice.codecs = trunk.parse().unwrap();
    world.add_tenant(acme);
    world
}

/// A call between telephones that know these codecs: what each leg speaks, and what each hears.
fn legs(caller: &[Codec], callee: &[Codec]) -> (Vec<String>, bool) {
    let mut world = world(["", ""]);
    let (alice, bob) = (world.line(0, "1001"), world.line(0, "3001"));
    world.set_codecs(alice, caller);
    world.set_codecs(bob, callee);
    scenes::bridged(&mut world);
    assert_eq!(world.watch().violations(), [""; 0], "{}", world.journal());
    let codecs = world
        .cdrs()
        .iter()
        .filter_map(|row| row.codec.clone())
        .collect();
    let lines = world.lines();
    let hears = |a: usize, b: usize| lines[a].heard[0].tone == Some(lines[b].tone);
    (codecs, hears(alice, bob) && hears(bob, alice))
}

#[test]
fn the_callers_answer_prefers_the_codec_of_the_callee() {
    let both = [Codec::Pcma, Codec::Pcmu];
    let (codecs, heard) = legs(&both, &[Codec::Pcmu]);
    assert_eq!((codecs.join(" "), heard), ("PCMU PCMU".to_owned(), true));
}

#[test]
fn the_callee_is_offered_the_callers_codecs_first() {
    let (codecs, heard) = legs(&[Codec::Pcmu], &[Codec::Pcma, Codec::Pcmu]);
    assert!(heard);
    // The callee chooses by its own taste; what it hears is transcoded.
    assert_eq!(codecs.join(" "), "PCMU PCMA");
}

#[test]
fn legs_that_have_no_codec_in_common_are_transcoded() {
    let (codecs, heard) = legs(&[Codec::Pcma], &[Codec::Pcmu]);
    assert_eq!((codecs.join(" "), heard), ("PCMA PCMU".to_owned(), true));
}

#[cfg(feature = "opus")]
#[test]
fn opus_is_relayed_between_two_and_transcoded_for_all_others() {
    let (codecs, heard) = legs(&[Codec::Opus], &[Codec::Opus]);
    assert_eq!((codecs.join(" "), heard), ("opus opus".to_owned(), true));
    for other in [Codec::Pcma, Codec::G722] {
        let (codecs, heard) = legs(&[Codec::Opus], &[other]);
        assert_eq!((codecs.join(" "), heard), (format!("opus {other}"), true));
        let (codecs, heard) = legs(&[other], &[Codec::Opus]);
        assert_eq!((codecs.join(" "), heard), (format!("{other} opus"), true));
    }
    // Who knows both is not made to work.
    let (codecs, heard) = legs(&[Codec::Opus, Codec::Pcma], &[Codec::Pcma]);
    assert_eq!((codecs.join(" "), heard), ("PCMA PCMA".to_owned(), true));
}

/// The formats of the first `m=` line of a message.
fn formats(message: &str) -> &str {
    let line = message.lines().find(|line| line.starts_with("m=audio"));
    line.unwrap().split_once(" RTP/AVP ").unwrap().1
}

#[test]
fn a_trunk_is_offered_what_it_is_set_to_in_that_order() {
    for (set, offered) in [
        ("G722,PCMU", "9 0 101"),
        ("PCMU", "0 101"),
        #[cfg(not(feature = "opus"))]
        ("", "8 0 9 101"),
        // What this program was built without is as if it were not set.
        #[cfg(not(feature = "opus"))]
        ("opus", "8 0 9 101"),
        #[cfg(feature = "opus")]
        ("", "8 0 9 111 101 110"),
        #[cfg(feature = "opus")]
        ("opus", "111 110"),
    ] {
        let mut world = world(["", set]);
        let (alice, bob) = (world.line(0, "1001"), world.line(0, "3001"));
        let hand = world.by_hand(bob);
        assert_eq!(world.makecall(0, "1001", "2001", "3001"), 200);
        world.dial(alice, "2001");
        world.run_for(SECOND);
        let invite = world.hand(hand).last("INVITE").unwrap();
        assert_eq!(formats(invite), offered, "{set}");
    }
}

#[test]
fn a_line_agrees_to_the_first_of_its_codecs_that_it_offers() {
    let mut world = world(["PCMU,PCMA", ""]);
    let (alice, bob) = (world.line(0, "1001"), world.line(0, "3001"));
    world.set_codecs(alice, &[Codec::G722, Codec::Pcma, Codec::Pcmu]);
    world.set_codecs(bob, &[Codec::Pcma]);
    scenes::bridged(&mut world);
    let codecs: Vec<_> = world
        .cdrs()
        .iter()
        .filter_map(|row| row.codec.clone())
        .collect();
    assert_eq!(codecs, ["PCMU", "PCMA"]);
}

#[test]
fn who_has_no_codec_that_is_set_is_refused_and_told_why() {
    let mut world = world(["G722", ""]);
    let alice = world.line(0, "1001");
    let hand = world.by_hand(alice);
    let sdp = world.hand(hand).sdp("sendrecv");
    let invite = world.hand(hand).invite("2001", &sdp);
    world.send(hand, invite);
    world.run_for(SECOND);
    let heard = world.hand(hand).heard().iter();
    let refused = heard
        .rev()
        .find(|it| it.starts_with("SIP/2.0 488"))
        .unwrap();
    let warning = refused
        .lines()
        .find(|line| line.starts_with("Warning: 305"));
    assert!(
        warning.unwrap().contains("no audio codec in common"),
        "{refused}"
    );

    let mut world = self::world(["", "G722"]);
    let (alice, bob) = (world.line(0, "1001"), world.line(0, "3001"));
    world.set_codecs(bob, &[Codec::Pcma]);
    world.phone(bob, Input::Behave(scenes::ANSWERS));
    assert_eq!(world.makecall(0, "1001", "2001", "3001"), 200);
    world.dial(alice, "2001");
    world.run_for(5 * SECOND);
    assert_eq!(world.ended("1001"), Some(488));
}
