//! Calls through trunks with several gateways: failover, and what it remembers.

use std::time::Duration;

use control::Named;
use control::phone::{Behaviour, Event, Input};
use expect_test::{ExpectFile, expect_file};
use model::{Health, Login, PeerName, Transport};
use sim::{
    Deed, Options, World, count_errors,
    forks::{self, refuses, rings},
    scenes::{self, ANSWERS},
    script::Scripts,
    town,
};

const SECOND: Duration = Duration::from_secs(1);
/// One that is tried after the first.
const BACKUP: [(u16, u16); 1] = [(10, 1)];
const FIRST: &str = "3001";
const OTHER: &str = "3001-2";

/// Plays a scene in the world of a tenant whose trunk to 3001 has these gateways beside its first.
fn play(gateways: &[(u16, u16)], scene: impl FnOnce(&mut World)) -> World {
    let (world, errors) = count_errors(|| {
        // One shard, so that every call knows what the others have learned.
        let options = Options {
            shards: 1,
            ..Options::calm()
        };
        let mut world = World::new(options, Box::new(Scripts));
        let acme = town::tenant("acme", 1, "makecall");
        world.add_tenant(town::with_gateways(acme, 1, gateways));
        scene(&mut world);
        world
    });
    assert_eq!(errors, 0);
    assert_eq!(world.watch().violations(), [""; 0], "{}", world.journal());
    world
}

fn check(ladder: ExpectFile, scene: impl FnOnce(&mut World)) -> World {
    let world = play(&BACKUP, scene);
    ladder.assert_eq(&world.ladders());
    world
}

fn answers(world: &World, name: &str) -> usize {
    let answers = |event: &Event| matches!(event, Event::Answered { .. });
    let told = &world.lines()[world.line(0, name)].told;
    told.iter().filter(|(_, event)| answers(event)).count()
}

#[test]
fn one_that_does_not_take_the_call_is_followed_by_the_next() {
    let world = check(expect_file!["ladders/failover.txt"], |world| {
        let gateways = [(FIRST, refuses(100, 503)), (OTHER, rings(300, Some(1_000)))];
        forks::call_for(world, "3001", &gateways, 5_000);
    });
    assert_eq!((answers(&world, OTHER), world.cdrs().len()), (1, 2));
}

#[test]
fn what_the_callee_has_decided_is_final_and_what_the_gateway_says_is_not() {
    for (status, tried) in [
        (404, 0),
        (408, 1),
        (480, 0),
        (486, 0),
        (500, 1),
        (502, 1),
        (504, 1),
        (600, 0),
        (603, 0),
    ] {
        let world = play(&BACKUP, |world| {
            let gateways = [(FIRST, refuses(100, status)), (OTHER, refuses(100, 486))];
            forks::call_for(world, "3001", &gateways, 5_000);
        });
        assert_eq!(world.sent(OTHER, "INVITE"), tried, "{status}");
        let expect = if tried == 0 { status } else { 486 };
        assert_eq!(world.ended("1001"), Some(expect), "{status}");
    }
}

#[test]
fn one_that_has_rung_is_not_followed_by_another() {
    let world = play(&BACKUP, |world| {
        let alice = forks::call(world, "3001", &[(FIRST, rings(100, None))]);
        world.run_for(SECOND);
        let first = world.line(0, FIRST);
        world.hang_up(first);
        world.run_for(SECOND);
        world.hang_up(alice);
        world.run_to_rest();
    });
    assert_eq!(world.sent(OTHER, "INVITE"), 0);
}

#[test]
fn one_that_says_nothing_is_given_up_after_four_seconds_and_tried_last_for_a_while() {
    let world = check(expect_file!["ladders/failover-silent.txt"], |world| {
        let gateways = [(FIRST, Behaviour::Deaf), (OTHER, rings(300, Some(1_000)))];
        forks::call_for(world, "3001", &gateways, 8_000);
    });
    assert_eq!((answers(&world, FIRST), answers(&world, OTHER)), (0, 1));

    let world = play(&BACKUP, |world| {
        let gateways = [(FIRST, Behaviour::Deaf), (OTHER, rings(300, Some(1_000)))];
        for _ in 0..2 {
            let alice = forks::call(world, "3001", &gateways);
            world.run_for(8 * SECOND);
            world.hang_up(alice);
            world.run_for(SECOND);
        }
        // Half a minute later it is tried first again.
        world.run_for(30 * SECOND);
        let alice = forks::call(world, "3001", &[(FIRST, rings(300, Some(1_000)))]);
        world.run_for(5 * SECOND);
        world.hang_up(alice);
        world.run_for(SECOND);
        world.run_to_rest();
    });
    assert_eq!((answers(&world, FIRST), answers(&world, OTHER)), (1, 2));
    let call_ids = world.journal().lines();
    let first = world.lines()[world.line(0, FIRST)].sip();
    let tried = call_ids.filter(|line| line.contains(&format!("> {first}: INVITE")));
    assert!(tried.count() <= 8, "the second call did not try it");
}

#[test]
fn one_that_wants_to_be_left_alone_is() {
    let rest = |world: &mut World, name: &str| {
        let line = world.line(0, name);
        let hand = world.by_hand(line);
        world.hand(hand).be_polite();
        let alice = forks::call(world, "3001", &[]);
        world.run_for(Duration::from_millis(100));
        let invite = world.hand(hand).last("INVITE").unwrap().to_owned();
        let refusal = "503 Busy\r\nRetry-After: 60";
        let refusal = world.hand(hand).respond(&invite, refusal, "t", "");
        world.send(hand, refusal);
        world.run_for(SECOND);
        world.hang_up(alice);
        world.run_for(SECOND);
    };
    let world = play(&BACKUP, |world| {
        rest(world, FIRST);
        forks::call_for(world, "3001", &[(OTHER, rings(100, Some(1_000)))], 5_000);
    });
    assert_eq!(world.sent(FIRST, "INVITE"), 1);
    assert_eq!(
        (answers(&world, OTHER), world.ended("1001")),
        (1, Some(200))
    );

    // Nobody is left: the call fails at once, and nothing is sent.
    let world = play(&[], |world| {
        rest(world, FIRST);
        forks::call_for(world, "3001", &[], 1_000);
    });
    assert_eq!(world.sent(FIRST, "INVITE"), 1);
    let note = "no trunk that fits takes calls now";
    assert_eq!(
        world.ladders().matches(note).count(),
        1,
        "{}",
        world.ladders()
    );
}

#[test]
fn the_best_of_the_failures_is_told_when_all_gateways_fail() {
    let world = play(&[(10, 1), (20, 1)], |world| {
        let gateways = [
            (FIRST, refuses(100, 503)),
            (OTHER, refuses(100, 408)),
            ("3001-3", refuses(100, 500)),
        ];
        forks::call_for(world, "3001", &gateways, 5_000);
    });
    assert_eq!(world.ended("1001"), Some(408));
}

#[test]
fn a_call_is_set_up_for_32_seconds_at_most_however_many_gateways_are_silent() {
    let world = play(&[(1, 1); 15], |world| {
        let alice = forks::call(world, "3001", &[(FIRST, Behaviour::Deaf)]);
        for nth in 2..=16 {
            let line = world.line(0, &format!("3001-{nth}"));
            world.phone(line, control::phone::Input::Behave(Behaviour::Deaf));
        }
        world.run_for(60 * SECOND);
        world.hang_up(alice);
        world.run_to_rest();
    });
    assert_eq!(world.ended("1001"), Some(408));
    let ended = |event: &Event| matches!(event, Event::Ended { .. });
    let at = world.lines()[world.line(0, "1001")].when(ended).unwrap();
    assert!((32..34).contains(&at.as_secs()), "{at:?}");
}

#[test]
fn a_caller_who_gives_up_takes_back_what_is_under_way() {
    let world = check(expect_file!["ladders/failover-given-up.txt"], |world| {
        let gateways = [(FIRST, refuses(100, 500)), (OTHER, rings(100, None))];
        forks::call_for(world, "3001", &gateways, 3_000);
    });
    assert_eq!(
        (world.sent(FIRST, "CANCEL"), world.sent(OTHER, "CANCEL")),
        (0, 1)
    );
}

#[test]
fn equal_gateways_share_the_calls() {
    let world = play(&[(0, 1)], |world| {
        for _ in 0..20 {
            let answer = rings(100, Some(200));
            let alice = forks::call(world, "3001", &[(FIRST, answer), (OTHER, answer)]);
            world.run_for(SECOND);
            world.hang_up(alice);
            world.run_for(SECOND);
        }
        world.run_to_rest();
    });
    let (first, other) = (answers(&world, FIRST), answers(&world, OTHER));
    assert!(
        first + other == 20 && first >= 4 && other >= 4,
        "{first} {other}"
    );
}

#[test]
fn a_trunk_that_asks_is_told_who_we_are() {
    let mut acme = town::tenant("acme", 1, "makecall");
    acme.trunks[0].auth = Some(Login {
        user: "us".to_owned(),
        password: "secret".to_owned(),
    });
    let mut world = World::new(Options::calm(), Box::new(Scripts));
    world.add_tenant(acme);
    let line = world.line(0, FIRST);
    let hand = world.by_hand(line);
    world.hand(hand).be_polite();
    forks::call(&mut world, "3001", &[]);
    for _ in 0..2 {
        world.run_for(Duration::from_millis(100));
        let invite = world.hand(hand).last("INVITE").unwrap().to_owned();
        let status = if invite.contains("Proxy-Authorization: Digest username=\"us\"") {
            "403 Wrong"
        } else {
            "407 Who\r\nProxy-Authenticate: Digest realm=\"c\",nonce=\"n\",qop=\"auth\""
        };
        let answer = world.hand(hand).respond(&invite, status, "t", "");
        world.send(hand, answer);
    }
    world.run_for(SECOND);
    world.run_to_rest();
    assert_eq!(world.watch().violations(), [""; 0], "{}", world.journal());
    assert_eq!(world.sent(FIRST, "INVITE"), 2);
    assert_eq!(world.ended("1001"), Some(403));
    expect_file!["ladders/challenged.txt"].assert_eq(&world.ladders());
}

/// A world whose trunk to 3001 has a second gateway and is checked every 20 seconds. The first is spoken
/// for by the test.
fn checked(scene: impl FnOnce(&mut World, usize)) -> World {
    let (world, errors) = count_errors(|| {
        let acme = town::tenant("acme", 1, "makecall");
        let mut acme = town::with_gateways(acme, 1, &BACKUP);
        acme.trunks[0].health = Some(Health { interval: 20 });
        let mut world = World::new(Options::calm(), Box::new(Scripts));
        world.add_tenant(acme);
        let line = world.line(0, FIRST);
        let hand = world.by_hand(line);
        scene(&mut world, hand);
        // Checks have no end but that of their trunk.
        world.at(Duration::ZERO, Deed::Forget(0));
        world.run_to_rest();
        world
    });
    assert_eq!(errors, 0);
    assert_eq!(world.watch().violations(), [""; 0], "{}", world.journal());
    world
}

/// The first gateway answers what it has been asked, once a second for so long.
fn answering(world: &mut World, hand: usize, status: &str, seconds: u32) {
    let mut answered = String::new();
    for _ in 0..seconds {
        world.run_for(SECOND);
        let asked = world
            .hand(hand)
            .last("OPTIONS")
            .unwrap_or_default()
            .to_owned();
        if !asked.is_empty() && asked != answered {
            let answer = world.hand(hand).respond(&asked, status, "t", "");
            world.send(hand, answer);
            answered = asked;
        }
    }
}

#[test]
fn a_gateway_that_answers_no_check_is_not_called_on_any_shard_until_it_answers() {
    let call = |world: &mut World| {
        let before = world.sent(FIRST, "INVITE");
        let alice = forks::call(world, "3001", &[(OTHER, rings(100, Some(200)))]);
        world.run_for(SECOND);
        let tried = world.sent(FIRST, "INVITE") > before;
        world.hang_up(alice);
        world.run_for(40 * SECOND);
        tried
    };
    checked(|world, hand| {
        answering(world, hand, "200 OK", 60);
        assert!(world.sent(FIRST, "OPTIONS") >= 3, "every 18 to 22 seconds");
        assert!(world.sent(OTHER, "OPTIONS") >= 3);
        // Three checks without an answer, the second and third sooner.
        world.run_for(120 * SECOND);
        // Whichever shard a call is on: there are two.
        for _ in 0..6 {
            assert!(!call(world), "it is down");
        }
        for _ in 0..6 {
            answering(world, hand, "404 Not Here", 25);
            assert!(call(world), "it is up, and is tried first");
        }
    });
}

#[test]
fn a_gateway_that_says_503_to_its_checks_is_down() {
    checked(|world, hand| {
        answering(world, hand, "503 Later", 90);
        forks::call(world, "3001", &[(OTHER, rings(100, Some(200)))]);
        world.run_for(SECOND);
        assert_eq!(world.sent(FIRST, "INVITE"), 0);
    });
}

#[test]
fn a_trunk_takes_so_many_calls_on_all_shards_and_the_next_goes_elsewhere_or_fails() {
    let (world, errors) = count_errors(|| {
        let mut acme = town::tenant("acme", 1, "makecall");
        acme.trunks[0].max_calls = Some(1);
        let mut world = World::new(Options::calm(), Box::new(Scripts));
        world.add_tenant(acme.clone());
        let answer = rings(100, Some(200));
        let other = world.line(0, "3003");
        world.phone(other, Input::Behave(answer));
        // The same caller speaks to it, whichever shard the next call comes to.
        let alice = forks::call(&mut world, "3001", &[(FIRST, answer)]);
        world.run_for(SECOND);
        for (prefix, status) in [("3003", 500), ("3001", 200)] {
            acme.trunks[1].prefixes = vec![prefix.to_owned()];
            world.change_tenant(0, acme.clone());
            let bob = world.line(0, "1002");
            assert_eq!(world.makecall(0, "1002", "2001", "3001"), 200);
            world.dial(bob, "2001");
            world.run_for(SECOND);
            world.hang_up(bob);
            world.run_for(SECOND);
            assert_eq!(world.ended("1002"), Some(status), "{prefix}");
        }
        world.hang_up(alice);
        world.run_for(SECOND);
        // Its place is free again.
        forks::call_for(&mut world, "3001", &[(FIRST, answer)], 1_000);
        world
    });
    assert_eq!(errors, 0);
    assert_eq!(world.watch().violations(), [""; 0], "{}", world.journal());
    assert_eq!((answers(&world, FIRST), answers(&world, "3003")), (2, 1));
}

#[test]
fn a_gateway_by_name_is_reached_by_tls_only_where_it_proves_that_name() {
    let mut world = World::new(Options::calm(), Box::new(Scripts));
    let mut acme = town::tenant("acme", 1, "makecall");
    acme.trunks[0].address = "sip.carrier.example".parse().unwrap();
    acme.trunks[0].transport = Transport::Tls;
    let peer = acme.trunks[0].address.clone();
    world.add_tenant(acme);
    let address = town::sip_address(1, FIRST);
    world.add_phone_over(Transport::Tls, 0, FIRST, address);
    world.locate(Named {
        peer,
        transport: Transport::Tls,
        certificate: Some(PeerName(7.try_into().unwrap())),
        places: vec![sip::locate::Place {
            address,
            priority: 0,
            weight: 1,
        }],
    });
    let (alice, carrier) = scenes::call(&mut world, ANSWERS);
    world.run_for(5 * SECOND);
    // The BYE needs another connection, and that must be as good.
    world.lose_connection(carrier);
    world.hang_up(alice);
    world.run_for(SECOND);
    world.run_to_rest();
    assert_eq!(world.ended(FIRST), Some(200));
    assert_eq!(world.sent(FIRST, "BYE"), 1);
    // Finding a server changes no Request-URI.
    let asked = "INVITE sip:3001@sip.carrier.example;transport=tls";
    assert_eq!(world.sent(FIRST, asked), 1, "{}", world.journal());
    assert_eq!(world.watch().violations(), [""; 0], "{}", world.journal());
}
