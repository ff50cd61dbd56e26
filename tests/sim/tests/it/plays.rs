//! What policies play to parties: each end of it is told once, and it is heard.

use std::time::Duration;

use expect_test::expect_file;
use sim::{Options, World, count_errors, menus, script::Scripts, town};

fn play(scene: impl FnOnce(&mut World)) -> World {
    let (world, errors) = count_errors(|| {
        let mut world = World::new(Options::calm(), Box::new(Scripts));
        let tenant = menus::with_prompts(&mut world, town::tenant("acme", 1, "ivr"));
        world.add_tenant(tenant);
        scene(&mut world);
        world
    });
    assert_eq!(errors, 0);
    assert_eq!(world.watch().violations(), [""; 0], "{}", world.journal());
    world
}

/// How the plays of a world ended, in order.
fn ends(world: &World) -> Vec<String> {
    let ladders = world.ladders();
    let told = ladders
        .lines()
        .filter_map(|line| line.split_once("played: "));
    told.map(|(_, how)| how.trim_end_matches(['-', ' ', '|']).to_owned())
        .collect()
}

/// What a telephone heard of its last call: the tone that prevailed, and breaks of the stream.
fn heard(world: &World, user: &str) -> (Option<u16>, u64, u64) {
    let line = &world.lines()[world.line(0, user)];
    let heard = line.heard.last().unwrap();
    (heard.tone, heard.lost, heard.streams)
}

#[test]
fn a_menu_is_heard_before_and_after_the_answer() {
    let world = play(menus::hours);
    expect_file!["ladders/menu-hours.txt"].assert_eq(&world.ladders());
    let expected = [
        "finished",
        "finish-key",
        "finished",
        "finish-key",
        "stopped",
        "finished",
    ];
    assert_eq!(ends(&world), expected);
    let (tone, lost, streams) = heard(&world, "1001");
    assert_eq!(
        (tone, lost, streams),
        (Some(2_730), 0, 1),
        "one stream, and most of it the menu"
    );
    assert_eq!(world.ended("1001"), Some(200));
}

#[test]
fn ringback_gives_way_to_the_operator() {
    let world = play(menus::operator);
    expect_file!["ladders/menu-operator.txt"].assert_eq(&world.ladders());
    assert_eq!(ends(&world), ["finished", "finish-key", "stopped"]);
    let operator = world.lines()[world.line(0, "3001")].tone;
    assert_eq!(heard(&world, "1001"), (Some(operator), 0, 1));
}

#[test]
fn a_busy_operator_is_heard_to_be_busy() {
    let world = play(menus::busy);
    expect_file!["ladders/menu-busy.txt"].assert_eq(&world.ladders());
    assert_eq!(
        ends(&world),
        ["finished", "finish-key", "stopped", "finished"]
    );
}

#[test]
fn what_plays_when_its_call_ends_is_stopped_before_that_is_told() {
    for (scene, ladder) in [
        (
            menus::given_up as fn(&mut World),
            expect_file!["ladders/menu-given-up.txt"],
        ),
        (menus::hung_up, expect_file!["ladders/menu-hung-up.txt"]),
    ] {
        let world = play(scene);
        ladder.assert_eq(&world.ladders());
        let ladder = world.ladders();
        let told = ladder.rfind("on_play_completed").unwrap();
        assert!(told < ladder.find("on_released").unwrap());
        assert_eq!(ends(&world).last().map(String::as_str), Some("stopped"));
    }
}

#[test]
fn a_finish_key_ends_what_plays_and_is_collected_and_not_told_besides() {
    let world = play(menus::hasty);
    expect_file!["ladders/menu-hasty.txt"].assert_eq(&world.ladders());
    let expected = [
        "finished",
        "finish-key",
        "finish-key",
        "finish-key",
        "finished",
    ];
    assert_eq!(ends(&world), expected);
    assert!(!world.ladders().contains("on_digit "));
}

/// A call to a menu of which one prompt's audio is gone.
fn without(prompt: &str) -> World {
    let (world, errors) = count_errors(|| {
        let mut world = World::new(Options::calm(), Box::new(Scripts));
        let mut tenant = menus::with_prompts(&mut world, town::tenant("acme", 1, "ivr"));
        if let Some(gone) = tenant.prompts.get_mut(prompt) {
            gone.digest = "gone".into();
        }
        world.add_tenant(tenant);
        let alice = world.line(0, "1001");
        world.dial(alice, "2001");
        world.run_for(Duration::from_secs(20));
        world.run_to_rest();
        world
    });
    assert_eq!(errors, 0);
    assert_eq!(world.watch().violations(), [""; 0], "{}", world.journal());
    world
}

/// Whether the tenant was told that.
fn told(world: &World, what: &str) -> bool {
    let mut lines = world.logs().iter().flat_map(|log| &log.lines);
    lines.any(|line| line.message.contains(what))
}

#[test]
fn a_prompt_whose_audio_is_gone_fails_its_play_and_the_tenant_is_told() {
    let world = without("menu");
    assert_eq!(ends(&world), ["finished", "failed"]);
    assert_eq!(world.cdrs()[0].cause, Some(500));
    assert!(told(&world, "a prompt cannot be read"));
}

#[test]
fn a_menu_without_its_greeting_is_a_menu() {
    let world = without("welcome");
    assert_eq!(ends(&world), ["failed", "stopped", "finished"]);
    assert_eq!(world.ended("1001"), Some(200));
    assert!(told(&world, "a prompt cannot be read"));
}

/// A hand that makes no offer, with these headers, calls the menu.
fn offerless(world: &mut World, headers: &str) -> usize {
    let alice = world.line(0, "1001");
    let hand = world.by_hand(alice);
    world.hand(hand).be_polite();
    world.hand(hand).adds(headers.to_owned());
    let invite = world.hand(hand).invite("2001", "");
    world.send(hand, invite);
    world.run_for(Duration::from_millis(100));
    hand
}

/// The responses that a hand heard, copies not counted.
fn responses(world: &mut World, hand: usize) -> Vec<String> {
    let heard = world.hand(hand).heard().iter();
    let told = heard.filter_map(|text| {
        let status = text.strip_prefix("SIP/2.0 ")?.get(..3)?;
        let cseq = text.lines().find(|line| line.starts_with("CSeq: "))?;
        let method = cseq.rsplit(' ').next()?;
        let sdp = if text.contains("m=audio") {
            " (SDP)"
        } else {
            ""
        };
        Some(format!("{status} {method}{sdp}"))
    });
    let mut told: Vec<_> = told.collect();
    told.dedup();
    told
}

#[test]
fn a_caller_without_an_offer_is_offered_one_early_and_hears_the_greeting() {
    let world = play(|world| {
        let hand = offerless(world, "Supported: 100rel\r\n");
        let sdp = world.hand(hand).sdp("sendrecv");
        let prack = world.hand(hand).prack(&sdp);
        world.send(hand, prack);
        world.run_for(Duration::from_millis(1_200));
        let ack = world.hand(hand).ack("");
        world.send(hand, ack);
        world.run_for(Duration::from_secs(1));
        // RFC 3262 §5: what the PRACK has answered is not offered again.
        let expected = ["100 INVITE", "183 INVITE (SDP)", "200 PRACK", "200 INVITE"];
        assert_eq!(responses(world, hand), expected);
        let bye = world.hand(hand).bye();
        world.send(hand, bye);
        world.run_to_rest();
    });
    expect_file!["ladders/menu-early-offer.txt"].assert_eq(&world.ladders());
    assert_eq!(ends(&world), ["finished", "stopped"]);
    // A second of the greeting, and one of the menu and more.
    let sent = world.cdrs()[0].packets_sent;
    assert!((100..120).contains(&sent), "{sent}");
}

#[test]
fn a_caller_who_can_hear_nothing_before_the_answer_is_answered_at_once() {
    let world = play(|world| {
        let hand = offerless(world, "");
        let expected = ["100 INVITE", "200 INVITE (SDP)"];
        assert_eq!(responses(world, hand), expected);
        let sdp = world.hand(hand).sdp("sendrecv");
        let ack = world.hand(hand).ack(&sdp);
        world.send(hand, ack);
        world.run_for(Duration::from_secs(2));
        let bye = world.hand(hand).bye();
        world.send(hand, bye);
        world.run_to_rest();
    });
    expect_file!["ladders/menu-no-offer.txt"].assert_eq(&world.ladders());
    assert_eq!(ends(&world), ["failed", "stopped"]);
    let sent = world.cdrs()[0].packets_sent;
    assert!((90..110).contains(&sent), "{sent}");
    assert!(told(&world, "nothing is played before the answer"));
}

#[test]
fn an_early_offer_that_is_not_answered_ends_the_call() {
    for (acknowledges, refusal) in [(true, "488 INVITE"), (false, "504 INVITE")] {
        let world = play(|world| {
            let hand = offerless(world, "Supported: 100rel\r\n");
            if acknowledges {
                let prack = world.hand(hand).prack("");
                world.send(hand, prack);
            }
            world.run_for(Duration::from_secs(40));
            let heard = responses(world, hand);
            assert_eq!(heard.last().map(String::as_str), Some(refusal));
            world.run_to_rest();
        });
        assert_eq!(ends(&world), ["stopped"]);
    }
}

#[test]
fn a_prompt_that_is_replaced_is_played_to_who_is_in_a_call_already() {
    let (world, errors) = count_errors(|| {
        let mut world = World::new(Options::calm(), Box::new(Scripts));
        let new = menus::with_prompts(&mut world, town::tenant("acme", 1, "ivr"));
        let mut old = new.clone();
        // Nobody has played the former audio yet, and it is nowhere any more.
        old.prompts.get_mut("hours").unwrap().digest = "former".into();
        let place = world.add_tenant(old);
        let alice = world.line(0, "1001");
        world.dial(alice, "2001");
        world.run_for(Duration::from_millis(2_500));
        world.change_tenant(place, new);
        world.press(alice, "1");
        world.run_for(Duration::from_secs(4));
        world.hang_up(alice);
        world.run_to_rest();
        world
    });
    assert_eq!(errors, 0);
    assert_eq!(world.watch().violations(), [""; 0], "{}", world.journal());
    let [welcome, menu, hours, ..] = &ends(&world)[..] else {
        panic!("{}", world.ladders());
    };
    let ends = [welcome, menu, hours].map(String::as_str);
    assert_eq!(ends, ["finished", "finish-key", "finished"]);
    assert_eq!(world.ended("1001"), Some(200));
}
