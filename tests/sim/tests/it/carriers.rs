//! What carriers want of those who call through them: proofs, numbers as they spell them.

use std::time::Duration;

use control::phone::Input;
use expect_test::expect_file;
use model::{Login, TenantConfig};
use sim::{Options, World, count_errors, forks, script::Scripts, town};

/// Long enough for a message and its answer, too short for a second copy.
const WHILE: Duration = Duration::from_millis(200);
const FIRST: &str = "3001";
const ASKS: &str = "407 Who\r\nProxy-Authenticate: Digest realm=\"c\",nonce=\"n\",qop=\"auth\"";

/// Plays a scene in a world of that tenant, whose trunk leads to 3001.
fn play(acme: TenantConfig, scene: impl FnOnce(&mut World)) -> World {
    let (world, errors) = count_errors(|| {
        let mut world = World::new(Options::calm(), Box::new(Scripts));
        world.add_tenant(acme);
        scene(&mut world);
        world.run_to_rest();
        world
    });
    assert_eq!(errors, 0);
    assert_eq!(world.watch().violations(), [""; 0], "{}", world.journal());
    world
}

/// The hand answers the last request of that method.
fn answer(world: &mut World, hand: usize, method: &str, status: &str, tag: &str) {
    let request = world.hand(hand).last(method).unwrap().to_owned();
    let sdp = if method == "INVITE" && status.starts_with('2') {
        world.hand(hand).sdp("sendrecv")
    } else {
        String::new()
    };
    let answer = world.hand(hand).respond(&request, status, tag, &sdp);
    world.send(hand, answer);
    world.run_for(WHILE);
}

#[test]
fn a_carrier_may_ask_for_a_proof_of_each_request_within_a_call() {
    let mut acme = town::tenant("acme", 1, "makecall");
    acme.trunks[0].auth = Some(Login {
        user: "us".to_owned(),
        password: "secret".to_owned(),
    });
    let world = play(acme, |world| {
        let line = world.line(0, FIRST);
        let hand = world.by_hand(line);
        let alice = forks::call(world, "3001", &[]);
        world.run_for(WHILE);
        for (status, tag) in [(ASKS, "a"), ("200 OK", "bob")] {
            answer(world, hand, "INVITE", status, tag);
        }
        world.phone(alice, Input::Hold(true));
        world.run_for(WHILE);
        for status in [ASKS, "200 OK"] {
            answer(world, hand, "INVITE", status, "");
        }
        world.hang_up(alice);
        world.run_for(WHILE);
        for status in [ASKS, "200 OK"] {
            answer(world, hand, "BYE", status, "");
        }
        let heard = world.hand(hand).heard();
        let proven = heard.iter().filter_map(|text| {
            let (method, _) = text.split_once(' ')?;
            let (_, count) = text.split_once(",nc=0000000")?;
            Some(format!("{method} {}", &count[..1]))
        });
        let proven: Vec<_> = proven.collect();
        let expect = "INVITE 1, ACK 1, INVITE 2, INVITE 3, ACK 3, BYE 4, BYE 5";
        assert_eq!(proven.join(", "), expect);
    });
    expect_file!["ladders/challenged-within.txt"].assert_eq(&world.ladders());
    let cdrs = world.cdrs();
    assert!(cdrs.iter().all(|row| row.cause == Some(200)), "{cdrs:#?}");
}
