//! Audio that is encrypted (SRTP, keys by SDP): who is protected from whom, and what is refused.

use std::collections::BTreeSet;
use std::time::Duration;

use control::phone::{Event, Input};
use media::srtp::Suite;
use model::{Srtp, Transport};
use sim::{Options, World, count_errors, scenes, script::Scripts, town};

use crate::descriptions::caller;

const SECOND: Duration = Duration::from_secs(1);

/// A tenant over this, whose line 1001 and whose trunk to 3001 are set so, and telephones there that are
/// set so themselves.
fn play(
    transport: Transport,
    ([line, trunk], phones): ([Srtp; 2], [Srtp; 2]),
    scene: impl FnOnce(&mut World),
) -> World {
    let (world, errors) = count_errors(|| {
        let options = Options {
            audio: true,
            ..Options::calm()
        };
        let mut world = World::new(options, Box::new(Scripts));
        let mut acme = town::over(transport, town::tenant("acme", 1, "makecall"));
        acme.phones.get_mut("1001").unwrap().voice.srtp = line;
        acme.trunks[0].voice.srtp = trunk;
        world.add_tenant(acme);
        for (user, srtp) in ["1001", "3001"].into_iter().zip(phones) {
            let line = world.line(0, user);
            world.set_srtp(line, srtp);
        }
        scene(&mut world);
        world.run_to_rest();
        world
    });
    assert_eq!(errors, 0);
    assert_eq!(world.watch().violations(), [""; 0], "{}", world.journal());
    world
}

fn calls(world: &mut World) {
    let (alice, bob) = (world.line(0, "1001"), world.line(0, "3001"));
    world.phone(bob, Input::Behave(scenes::ANSWERS));
    assert_eq!(world.makecall(0, "1001", "2001", "3001"), 200);
    world.dial(alice, "2001");
    world.run_for(5 * SECOND);
}

fn talks(world: &mut World) {
    calls(world);
    let alice = world.line(0, "1001");
    world.hang_up(alice);
    world.run_for(SECOND);
}

/// Under which suite a telephone spoke at last, in a list of one; none: it did not speak at all.
fn suite(world: &World, user: &str) -> Vec<Option<Suite>> {
    let line = &world.lines()[world.line(0, user)];
    let agreed = line.told.iter().rev().find_map(|(_, event)| match event {
        Event::Answered { agreed } | Event::Changed { agreed } => Some(agreed),
        _ => None,
    });
    let agreed = agreed.into_iter();
    let suite = agreed.map(|it| it.srtp.as_ref().map(|keys| keys.send.suite()));
    suite.collect()
}

/// Both heard the tone of the other, without a gap.
fn assert_heard(world: &World) {
    for (user, other) in [("1001", "3001"), ("3001", "1001")] {
        let heard = world.lines()[world.line(0, user)].heard.last().unwrap();
        let tone = world.lines()[world.line(0, other)].tone;
        assert_eq!(heard.tone, Some(tone), "{user}: {heard:?}");
        assert!(heard.longest_gap_ms <= 60, "{user}: {heard:?}");
    }
}

#[test]
fn every_leg_is_protected_as_its_own_other_end_wants() {
    use Srtp::{Off, Offer, Require};
    for (settings, phones, protected) in [
        ([Require, Require], [Require, Require], [true, true]),
        ([Require, Off], [Require, Off], [true, false]),
        ([Off, Require], [Off, Require], [false, true]),
        ([Offer, Offer], [Require, Offer], [true, true]),
        ([Offer, Offer], [Off, Off], [false, false]),
        ([Offer, Off], [Offer, Offer], [true, false]),
    ] {
        let world = play(Transport::Tls, (settings, phones), talks);
        for (user, protected) in ["1001", "3001"].into_iter().zip(protected) {
            let expected = protected.then_some(Suite::AesGcm128);
            assert_eq!(suite(&world, user), [expected], "{settings:?} {user}");
        }
        assert_heard(&world);
    }
}

#[test]
fn keys_are_not_said_where_others_hear_them() {
    use Srtp::{Off, Offer, Require};
    let world = play(Transport::Tcp, ([Offer, Offer], [Offer, Offer]), talks);
    assert_eq!(suite(&world, "1001"), [None]);
    assert_eq!(suite(&world, "3001"), [None]);
    // A line that requires it may not call, a trunk that does cannot be called.
    for (settings, status) in [([Require, Off], 488), ([Off, Require], 488)] {
        let world = play(Transport::Tcp, (settings, [Off, Off]), calls);
        assert_eq!(world.ended("1001"), Some(status), "{}", world.journal());
        assert_eq!(suite(&world, "3001"), []);
    }
}

#[test]
fn who_insists_on_what_the_other_does_not_want_has_no_call() {
    use Srtp::{Off, Require};
    for (settings, phones, status) in [
        ([Off, Off], [Require, Off], 488),
        ([Require, Off], [Off, Off], 488),
        ([Off, Require], [Off, Off], 488),
        ([Off, Off], [Off, Require], 488),
    ] {
        let world = play(Transport::Tls, (settings, phones), calls);
        assert_eq!(world.ended("1001"), Some(status), "{settings:?} {phones:?}");
    }
}

#[test]
fn who_is_refused_is_told_what_is_missing() {
    use Srtp::{Off, Require};
    for (transport, warning) in [
        (Transport::Tls, "Warning: 303"),
        (Transport::Tcp, "Warning: 399"),
    ] {
        play(transport, ([Require, Off], [Off, Off]), |world| {
            let alice = world.line(0, "1001");
            let hand = world.by_hand(alice);
            world.hand(hand).be_polite();
            let sdp = world.hand(hand).sdp("sendrecv");
            let invite = world.hand(hand).invite("2001", &sdp);
            world.send(hand, invite);
            world.run_for(SECOND);
            let heard = world.hand(hand).heard().iter();
            let refused = heard.rev().find(|it| it.starts_with("SIP/2.0 488"));
            let refused = refused.expect("it is refused");
            assert!(refused.contains(warning), "{refused}");
        });
    }
}

#[test]
fn a_hold_keeps_the_keys_and_the_audio_comes_back() {
    let both = [Srtp::Require; 2];
    let world = play(Transport::Tls, (both, both), |world| {
        calls(world);
        let alice = world.line(0, "1001");
        for on in [true, false] {
            world.phone(alice, Input::Hold(on));
            world.run_for(5 * SECOND);
        }
        world.hang_up(alice);
        world.run_for(SECOND);
    });
    for user in ["1001", "3001"] {
        let line = &world.lines()[world.line(0, user)];
        let keys: Vec<_> = line
            .told
            .iter()
            .filter_map(|(_, event)| match event {
                Event::Answered { agreed } | Event::Changed { agreed } => agreed.srtp.clone(),
                _ => None,
            })
            .collect();
        assert_eq!(keys.len(), 3, "{user}");
        assert!(keys.windows(2).all(|pair| pair[0] == pair[1]), "{user}");
        // About eight seconds of the other's tone, before the hold and after it.
        let heard = line.heard.last().unwrap();
        assert!(heard.tone.is_some() && heard.packets > 350, "{heard:?}");
    }
}

/// The key of the last 200 to an INVITE that a hand has heard, if there is one.
fn answered(world: &mut World, hand: usize) -> Option<String> {
    let is_answer = |it: &&String| it.starts_with("SIP/2.0 200") && it.contains(" INVITE\r\n");
    let answer = world.hand(hand).heard().iter().rfind(is_answer).unwrap();
    let (_, key) = answer.split_once("inline:")?;
    Some(key.split_whitespace().next().unwrap().to_owned())
}

/// What a party's own packets are protected under: 30 octets.
const PARTYS_KEY: &str = "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz";

/// A counter that begins anew under the key of before would protect two packets alike (RFC 3711 §9.1).
#[test]
fn a_key_that_a_leg_has_given_up_is_not_used_again() {
    let (long, short) = ("AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32");
    let offers = [
        Some(long),
        Some(long),
        None,
        Some(long),
        Some(short),
        Some(long),
    ];
    let mut keys = Vec::new();
    let ways = ([Srtp::Offer, Srtp::Off], [Srtp::Off; 2]);
    play(Transport::Tls, ways, |world| {
        let hand = caller(world);
        for offer in offers {
            let plain = world.hand(hand).sdp("sendrecv");
            let sdp = offer.map_or(plain.clone(), |suite| {
                let sdp = plain.replace("RTP/AVP", "RTP/SAVP");
                format!("{sdp}a=crypto:1 {suite} inline:{PARTYS_KEY}\r\n")
            });
            let invite = world.hand(hand).invite("2001", &sdp);
            world.send(hand, invite);
            world.run_for(3 * SECOND);
            let ack = world.hand(hand).ack("");
            world.send(hand, ack);
            world.run_for(SECOND);
            keys.push(answered(world, hand));
        }
        let bye = world.hand(hand).bye();
        world.send(hand, bye);
        world.run_for(SECOND);
    });
    assert_eq!(keys[0], keys[1], "a refresh");
    assert_eq!(keys[2], None);
    let used = [0, 3, 4, 5].map(|at| keys[at].clone().unwrap());
    let different: BTreeSet<_> = used.iter().collect();
    assert_eq!(different.len(), used.len(), "{used:?}");
}

/// The same where we offer and the party answers: it goes over to another suite of ours, and finds the first in no offer
/// any more.
#[test]
fn a_key_that_an_answer_has_given_up_is_not_offered_again() {
    let (long, short) = ("AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32");
    let mut offers: Vec<Vec<String>> = Vec::new();
    let ways = ([Srtp::Offer, Srtp::Off], [Srtp::Off; 2]);
    play(Transport::Tls, ways, |world| {
        let hand = caller(world);
        // Both suites have keys of that length.
        for suite in [long, long, short, long] {
            let invite = world.hand(hand).invite("2001", "");
            world.send(hand, invite);
            world.run_for(3 * SECOND);
            let lines = offered_lines(world, hand);
            // The line's number and suite, with a key of the party's.
            let found = lines.iter().find(|it| it.contains(suite));
            let line = found.or(lines.first()).unwrap();
            let (ours, _) = line.split_once("inline:").unwrap();
            let plain = world.hand(hand).sdp("sendrecv");
            let ack = world
                .hand(hand)
                .ack(&format!("{plain}{ours}inline:{PARTYS_KEY}\r\n"));
            world.send(hand, ack);
            world.run_for(SECOND);
            offers.push(lines);
        }
        let bye = world.hand(hand).bye();
        world.send(hand, bye);
        world.run_for(SECOND);
    });
    assert!(
        offers[1] == offers[0] && offers[2] == offers[0],
        "a refresh"
    );
    let chosen = offers[0].iter().filter(|it| it.contains(short));
    let chosen: Vec<String> = chosen.cloned().collect();
    assert!(chosen.len() == 1 && offers[3] == chosen, "{offers:?}");
}

/// The lines of `a=crypto` in the last 200 with a description that a hand has heard.
fn offered_lines(world: &mut World, hand: usize) -> Vec<String> {
    let mut heard = world.hand(hand).heard().iter();
    let ok = heard.rfind(|it| it.starts_with("SIP/2.0 200") && it.contains("m=audio"));
    let lines = ok.unwrap().lines().filter(|it| it.starts_with("a=crypto"));
    lines.map(str::to_owned).collect()
}

/// The value of the first `a=crypto` line in the last INVITE that a hand has heard.
fn offered(world: &mut World, hand: usize) -> String {
    let invite = world.hand(hand).last("INVITE").unwrap();
    let line = invite.lines().find(|line| line.starts_with("a=crypto:1"));
    line.unwrap_or_else(|| panic!("{invite}")).to_owned()
}

#[test]
fn two_calls_never_have_the_same_key_and_no_trace_shows_one() {
    let mut keys = Vec::new();
    let world = play(
        Transport::Tls,
        ([Srtp::Off, Srtp::Require], [Srtp::Off; 2]),
        |world| {
            let (alice, bob) = (world.line(0, "1001"), world.line(0, "3001"));
            let hand = world.by_hand(bob);
            world.hand(hand).be_polite();
            for _ in 0..2 {
                assert_eq!(world.makecall(0, "1001", "2001", "3001"), 200);
                world.dial(alice, "2001");
                world.run_for(SECOND);
                keys.push(offered(world, hand));
                world.hang_up(alice);
                world.run_for(SECOND);
                let invite = world.hand(hand).last("INVITE").unwrap().to_owned();
                let over = world
                    .hand(hand)
                    .respond(&invite, "487 Request Terminated", "x", "");
                world.send(hand, over);
                world.run_for(SECOND);
            }
        },
    );
    assert_ne!(keys[0], keys[1]);
    let shown = format!("{:?}{:?}", world.traces(), world.journal());
    assert!(!shown.contains("inline:"));
}
