//! The main flows as ladders, compared whole, with the facts that matter asserted beside them.

use std::time::Duration;

use control::phone::{EndedBy, Event};
use expect_test::{ExpectFile, expect_file};
use model::EndReason;
use sim::{Options, World, count_errors, scenes, script::Scripts, town};

/// Plays a scene in a world of one tenant.
fn play(options: Options, script: &str, scene: impl FnOnce(&mut World)) -> World {
    let (world, errors) = count_errors(|| {
        let mut world = World::new(options, Box::new(Scripts));
        world.add_tenant(town::tenant("acme", 1, script));
        scene(&mut world);
        world
    });
    assert_eq!(errors, 0);
    assert_eq!(world.watch().violations(), [""; 0], "{}", world.journal());
    world
}

/// Plays a scene in a calm world with makecall, and compares its ladder.
fn check(scene: impl FnOnce(&mut World), ladder: ExpectFile) -> World {
    let world = play(Options::calm(), "makecall", scene);
    ladder.assert_eq(&world.ladders());
    world
}

/// The status and the end of each call's record.
fn causes(world: &World) -> Vec<(Option<u16>, Option<EndReason>)> {
    let rows = world.cdrs();
    rows.iter().map(|row| (row.cause, row.end_reason)).collect()
}

#[test]
fn the_sequence_of_the_phone_control_seed() {
    let world = check(scenes::bridged, expect_file!["ladders/bridged.txt"]);
    let (alice, bob) = (
        &world.lines()[world.line(0, "1001")],
        &world.lines()[world.line(0, "3001")],
    );
    let from = bob.told.iter().find_map(|(_, event)| match event {
        Event::Incoming { from, .. } => Some(from.to_string()),
        _ => None,
    });
    assert_eq!(from.as_deref(), Some("sip:2001@acme.example"));
    let answered = |event: &Event| matches!(event, Event::Answered { .. });
    assert!(
        alice.when(|event| *event == Event::Ringing)
            > bob.when(|e| matches!(e, Event::Incoming { .. }))
    );
    assert!(alice.when(answered) > bob.when(answered));
    assert_eq!((alice.ended(), bob.ended()), (Some(200), Some(200)));
    // Two seconds of the other's tone, and nothing lost.
    for (line, other) in [(alice, bob), (bob, alice)] {
        let heard = line.heard[0];
        assert_eq!((heard.tone, heard.lost), (Some(other.tone), 0));
        assert!(heard.audio_ms > 2_500, "{heard:?}");
    }
    let rows = world.cdrs();
    assert_eq!(rows.len(), 2);
    for row in rows {
        assert_eq!(
            (row.cause, row.end_reason),
            (Some(200), Some(EndReason::Released))
        );
        assert!(
            row.answer.is_some() && row.packets_received > 100,
            "{row:?}"
        );
        assert_eq!(row.codec.as_deref(), Some("PCMA"));
        assert!(row.user_data.starts_with("req_"));
    }
}

#[test]
fn the_callee_may_hang_up_first() {
    let world = check(
        scenes::callee_hangs_up,
        expect_file!["ladders/callee-hangs-up.txt"],
    );
    let told = &world.lines()[world.line(0, "1001")].told;
    let end = Event::Ended {
        status: 200,
        by: EndedBy::Peer,
    };
    assert_eq!(told.last().map(|(_, event)| event), Some(&end));
}

#[test]
fn early_media_is_passed_on_before_the_answer() {
    let world = check(scenes::early_media, expect_file!["ladders/early-media.txt"]);
    let alice = &world.lines()[world.line(0, "1001")];
    let early = alice
        .when(|event| matches!(event, Event::EarlyMedia { .. }))
        .unwrap();
    let answered = alice
        .when(|event| matches!(event, Event::Answered { .. }))
        .unwrap();
    assert!(answered > early + Duration::from_secs(2));
    let agreed: Vec<_> = alice
        .told
        .iter()
        .filter_map(|(_, event)| match event {
            Event::EarlyMedia { agreed } | Event::Answered { agreed } => Some(agreed),
            _ => None,
        })
        .collect();
    assert_eq!(agreed[0], agreed[1], "the 200 says what the 183 said");
    assert!(alice.heard[0].audio_ms > 4_000);
}

#[test]
fn a_callee_may_answer_without_ringing() {
    check(
        scenes::answered_at_once,
        expect_file!["ladders/answered-at-once.txt"],
    );
}

#[test]
fn busy_is_passed_on() {
    let world = check(scenes::busy, expect_file!["ladders/busy.txt"]);
    assert_eq!(world.ended("1001"), Some(486));
}

#[test]
fn temporarily_unavailable_is_passed_on_as_in_rfc_3665_3_11() {
    let world = check(scenes::unavailable, expect_file!["ladders/unavailable.txt"]);
    assert_eq!(world.ended("1001"), Some(480));
    let each = (Some(480), Some(EndReason::Released));
    assert_eq!(causes(&world), [each; 2]);
}

#[test]
fn a_callee_rings_for_a_minute_at_most() {
    let world = check(scenes::rings_on, expect_file!["ladders/rings-on.txt"]);
    assert_eq!(world.ended("1001"), Some(408));
    assert_eq!(world.ended("3001"), Some(487));
}

#[test]
fn a_callee_that_says_100_and_stalls_is_given_up() {
    let world = check(scenes::stalls, expect_file!["ladders/stalls.txt"]);
    assert_eq!(world.ended("1001"), Some(408));
}

#[test]
fn a_callee_that_is_not_there_is_given_up() {
    let world = check(scenes::deaf, expect_file!["ladders/deaf.txt"]);
    assert_eq!(world.ended("1001"), Some(408));
}

#[test]
fn a_caller_that_hangs_up_cancels_the_callee() {
    let world = check(scenes::given_up, expect_file!["ladders/given-up.txt"]);
    assert_eq!(world.ended("1001"), Some(487));
    assert_eq!(world.ended("3001"), Some(487));
}

#[test]
fn a_call_without_a_request_is_refused() {
    for (scene, file, cause) in [
        (
            scenes::nothing_pending as fn(&mut World),
            expect_file!["ladders/nothing-pending.txt"],
            403,
        ),
        (
            scenes::cancelled,
            expect_file!["ladders/cancelled.txt"],
            403,
        ),
        (scenes::too_late, expect_file!["ladders/too-late.txt"], 403),
        (
            scenes::not_permitted,
            expect_file!["ladders/not-permitted.txt"],
            603,
        ),
    ] {
        let world = check(scene, file);
        assert_eq!(world.ended("1001"), Some(cause));
        assert_eq!(causes(&world), [(Some(cause), Some(EndReason::Released))]);
    }
}

#[test]
fn a_call_to_another_private_number_is_refused_and_the_request_stays() {
    check(
        scenes::other_number,
        expect_file!["ladders/other-number.txt"],
    );
}

#[test]
fn the_second_request_wins() {
    let world = check(
        scenes::second_request_wins,
        expect_file!["ladders/second-request-wins.txt"],
    );
    assert!(world.lines()[world.line(0, "3003")].told.is_empty());
}

#[test]
fn a_hold_is_passed_on_and_its_answer_back() {
    let mut world = check(scenes::hold, expect_file!["ladders/hold.txt"]);
    let heard = world.hand(0).heard();
    let answers = heard
        .iter()
        .filter(|text| text.contains("INVITE") && text.contains("m=audio"));
    let directions: Vec<&str> = answers
        .filter_map(|text| {
            text.lines()
                .find(|line| ["a=sendrecv", "a=recvonly"].contains(line))
        })
        .collect();
    assert_eq!(directions, ["a=sendrecv", "a=recvonly", "a=sendrecv"]);
    assert_eq!(world.ended("3001"), Some(200));
}

#[test]
fn a_late_offer_is_answered_in_the_ack() {
    let world = check(scenes::late_offer, expect_file!["ladders/late-offer.txt"]);
    assert!(
        world
            .cdrs()
            .iter()
            .all(|row| row.codec.as_deref() == Some("PCMA"))
    );
}

#[test]
fn a_policy_that_traps_ends_its_call_with_500_and_nothing_else_happens() {
    let world = play(Options::calm(), "trap", scenes::nothing_pending);
    expect_file!["ladders/trap.txt"].assert_eq(&world.ladders());
    assert_eq!(world.ended("1001"), Some(500));
    let acme = world.tenant(0).id;
    assert_eq!(
        world.store().snapshot(acme, world.unix_ms()).get("traces"),
        None
    );
    let rows = world.cdrs();
    assert_eq!(
        (rows.len(), rows[0].answer, rows[0].user_data.as_str()),
        (1, None, "")
    );
    let lines: Vec<&str> = world.logs()[0]
        .lines
        .iter()
        .map(|l| l.message.as_str())
        .collect();
    assert_eq!(lines[0], "about to fail", "lines survive a fault");
    assert!(
        lines.last().unwrap().contains("on_incoming faulted: trap"),
        "{lines:?}"
    );
}

#[test]
fn a_call_whose_record_is_never_durable_ends_with_503() {
    let options = Options {
        stall: Some((Duration::ZERO, Duration::from_secs(60))),
        ..Options::calm()
    };
    let world = play(options.clone(), "answer", |world| {
        let alice = world.line(0, "1001");
        world.dial(alice, "2001");
        world.run_for(Duration::from_secs(3));
        world.run_to_rest();
    });
    expect_file!["ladders/never-durable.txt"].assert_eq(&world.ladders());
    assert_eq!(world.ended("1001"), Some(503));
    assert_eq!(causes(&world), [(Some(503), Some(EndReason::StoreLost))]);
    assert_eq!(world.cdrs()[0].answer, None, "nobody was answered");

    // The callee's answer waits for its record too, and the caller hears of it as of any 503.
    let world = play(options, "makecall", scenes::bridged);
    expect_file!["ladders/never-durable-callee.txt"].assert_eq(&world.ladders());
    assert_eq!(world.ended("1001"), Some(500));
    let told = &world.lines()[world.line(0, "1001")].told;
    assert!(
        !told
            .iter()
            .any(|(_, event)| matches!(event, Event::Answered { .. }))
    );
    let reasons: Vec<_> = world.cdrs().iter().map(|row| row.end_reason).collect();
    assert!(reasons.contains(&Some(EndReason::StoreLost)), "{reasons:?}");
}

#[test]
fn a_policy_that_forgets_its_call_loses_it() {
    let world = play(Options::calm(), "silent", |world| {
        let alice = world.line(0, "1001");
        world.dial(alice, "2001");
        world.run_for(Duration::from_secs(200));
        world.run_to_rest();
    });
    expect_file!["ladders/forgotten.txt"].assert_eq(&world.ladders());
    assert_eq!(causes(&world), [(Some(480), Some(EndReason::Limit))]);
}

#[test]
fn a_policy_may_send_the_caller_elsewhere() {
    let world = play(Options::calm(), "redirect", scenes::nothing_pending);
    expect_file!["ladders/redirect.txt"].assert_eq(&world.ladders());
    assert_eq!(world.ended("1001"), Some(302));
}
