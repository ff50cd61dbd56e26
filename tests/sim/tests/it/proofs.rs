//! Which proofs of a telephone count: by an algorithm that was offered, and for the request that bears it.

use std::{net::SocketAddr, time::Duration};

use sim::{Options, World, count_errors, script::Scripts, town};
use sip::Challenges;

const USER: &str = "3009";
const PASSWORD: &str = "correct horse";
const DOMAIN: &str = "acme.example";

/// Plays a scene with a telephone by hand in a world with those challenges.
fn play(challenges: Challenges, scene: impl FnOnce(&mut World, usize)) -> World {
    let (world, errors) = count_errors(|| {
        let options = Options {
            challenges,
            ..Options::calm()
        };
        let mut world = World::new(options, Box::new(Scripts));
        let tenant = town::tenant("acme", 1, "makecall");
        world.add_tenant(town::with_phone(tenant, USER, PASSWORD));
        let desk = SocketAddr::from(([10, 0, 9, 1], 5060));
        let line = world.add_phone(0, USER, desk);
        let hand = world.by_hand(line);
        scene(&mut world, hand);
        world.run_to_rest();
        world
    });
    assert_eq!(errors, 0);
    assert_eq!(world.watch().violations(), [""; 0], "{}", world.journal());
    world
}

/// A REGISTER with these header lines; the answer.
fn register(world: &mut World, hand: usize, headers: &str) -> String {
    let register = world.hand(hand).register(DOMAIN, headers);
    world.send(hand, register);
    world.run_for(Duration::from_millis(200));
    world.hand(hand).heard().last().unwrap().to_owned()
}

fn status(answer: &str) -> &str {
    &answer[8..11]
}

/// The challenge in a 401, whose algorithm is called that.
fn challenge(answer: &str, algorithm: &str) -> String {
    let mut lines = answer.lines();
    let value = lines.find_map(|line| line.strip_prefix("WWW-Authenticate: "));
    let value = value.expect("not challenged");
    let (before, rest) = value.split_once("algorithm=").unwrap();
    let (_, after) = rest.split_once(',').unwrap();
    format!("{before}algorithm={algorithm},{after}")
}

#[test]
fn an_answer_by_what_is_not_offered_is_none_and_no_guess() {
    for (offered, other, right) in [
        (Challenges::Sha256, "MD5", "SHA-256"),
        (Challenges::Md5, "SHA-256", "MD5"),
    ] {
        let world = play(offered, |world, hand| {
            let asked = register(world, hand, "");
            for (algorithm, expect) in [(other, "401"), (right, "200")] {
                world.hand(hand).is_asked(&challenge(&asked, algorithm));
                let uri = format!("sip:{DOMAIN}");
                let proof = world.hand(hand).authorization(PASSWORD, "REGISTER", &uri);
                let answer = register(world, hand, &format!("{proof}Expires: 0\r\n"));
                assert_eq!(status(&answer), expect, "{offered:?} {algorithm}");
            }
        });
        let guesses = world.registrars().into_iter().map(|shard| shard.guesses);
        assert_eq!(guesses.sum::<u64>(), 0);
    }
}

#[test]
fn a_proof_for_another_request_is_refused_whoever_made_it() {
    play(Challenges::Both, |world, hand| {
        for (uri, expect) in [
            ("sip:acme.example", "200"),
            ("sip:ACME.example:5060;transport=udp", "200"),
            // What phones write that know no domain, or name themselves.
            ("sip:10.0.0.1:5060", "200"),
            ("sip:3009@acme.example", "200"),
            ("sip:other.example", "400"),
            ("sip:3009@other.example", "400"),
            ("acme.example", "400"),
        ] {
            register(world, hand, "");
            let proof = world.hand(hand).authorization(PASSWORD, "REGISTER", uri);
            let answer = register(world, hand, &format!("{proof}Expires: 0\r\n"));
            assert_eq!(status(&answer), expect, "{uri}");
        }
        // A call to another number than the proof is for.
        for (uri, expect) in [
            ("sip:2002@acme.example", "400"),
            ("sip:2001@acme.example", "403"),
        ] {
            world.hand(hand).another_call();
            let sdp = world.hand(hand).sdp("sendrecv");
            world.hand(hand).be_polite();
            world.hand(hand).is_at_home_in(DOMAIN);
            let invite = world.hand(hand).invite("2001", &sdp);
            world.send(hand, invite);
            world.run_for(Duration::from_millis(200));
            let proof = world.hand(hand).authorization(PASSWORD, "INVITE", uri);
            world.hand(hand).adds(proof);
            let invite = world.hand(hand).invite("2001", &sdp);
            world.send(hand, invite);
            world.run_for(Duration::from_millis(200));
            let heard = world.hand(hand).heard();
            let answer = heard.iter().rfind(|text| !text.starts_with("SIP/2.0 100"));
            assert_eq!(status(answer.unwrap()), expect, "{uri}");
        }
    });
}
