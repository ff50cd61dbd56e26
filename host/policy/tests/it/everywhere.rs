//! A fault in each event, and hands stretched out for what is somebody else's.

use std::collections::BTreeSet;
use std::time::Duration;

use model::turn::{CommandError, Fault, TurnOutcome};
use model::{CallId, Completion, ConferenceId, Event, IdSource, Origin};
use policy::{Engine, Limits};
use serde_json::{Value, json};

use crate::scene::{Scene, clock, component, faulty};

/// One event of each kind, about calls of that scene.
fn events(scene: &mut Scene) -> Vec<Event> {
    let (call, incoming) = scene.incoming("1001", "2001");
    let conference = ConferenceId::mint(&mut IdSource::new([5; 32], 0, 0), 1);
    let (how, operation, duration_ms) = (Completion::Finished, 1, 1_000);
    let mut events = vec![
        incoming,
        Event::Ringing {
            call,
            early_media: false,
        },
        Event::Answered { call },
        Event::Digit { call, digit: '5' },
        Event::PlayCompleted {
            call,
            operation,
            how,
        },
        Event::DigitsCollected {
            call,
            operation,
            digits: "12".into(),
            how,
        },
        Event::CommandFailed {
            call,
            command: "hold",
            why: CommandError::WrongState,
        },
        Event::RecordCompleted {
            call,
            operation,
            how,
            duration_ms,
        },
        Event::ConferencePlayCompleted {
            conference,
            name: "room".into(),
            operation,
            how,
        },
        Event::ConferenceRecordCompleted {
            conference,
            name: "room".into(),
            operation,
            how,
            duration_ms,
        },
        Event::TransferRequested {
            call,
            target: "sip:3002@acme.example".parse().unwrap(),
            replaces: None,
        },
        Event::TransferCompleted { call, status: 200 },
        Event::Timer { name: "t".into() },
        scene.request(Origin::User, "nothing", ""),
    ];
    let (dialled, _) = scene.incoming("2001", "3001");
    events.push(scene.dial_completed(dialled, Some(486)));
    events.push(scene.released(dialled, 486));
    events
}

/// Time enough: to fill its memory takes a guest a while on a machine that is busy.
fn patient() -> Scene {
    let limits = Limits {
        guest_time: Duration::from_secs(5),
        ..Limits::default()
    };
    let engine = Engine::new(limits, clock).unwrap();
    let mut scene = Scene::new(engine.compile(&component("faulty")).unwrap());
    scene.engine = engine;
    scene
}

#[tokio::test]
async fn a_trap_a_loop_and_a_bomb_in_any_event_undo_that_event_and_nothing_else() {
    let mut slow = patient();
    let mut scene = Scene::new(faulty());
    // Ids of both are drawn alike.
    assert_eq!(events(&mut slow).len(), 16);
    let all = events(&mut scene);
    let names: BTreeSet<&str> = all.iter().map(Event::name).collect();
    assert_eq!(names.len(), 16, "each kind of event is here: {names:?}");
    for event in all {
        let faults = [
            ("trap", Fault::Trap),
            ("spin", Fault::Deadline),
            ("hoard", Fault::Memory),
        ];
        for (fault, expect) in faults {
            let scene = match expect {
                Fault::Deadline => &mut scene,
                _ => &mut slow,
            };
            scene.settings.insert("fault".into(), fault.into());
            scene
                .settings
                .insert("fault-in".into(), event.name().into());
            let (kind, logs) = scene.fault(event.clone()).await;
            assert_eq!(kind, expect, "{fault} in {}: {logs:#?}", event.name());
            assert!(scene.keys().is_empty() && scene.state.is_empty());
        }
        // Any other event is as it should be.
        scene
            .settings
            .insert("fault-in".into(), "on_nothing".into());
        let outcome = scene.outcome(event).await;
        assert!(matches!(outcome, TurnOutcome::Done(_)), "{outcome:?}");
    }
}

#[tokio::test]
async fn a_text_of_48_mib_ends_the_turn_however_much_memory_there_is() {
    let mut scene = Scene::new(faulty());
    let request = scene.request(Origin::User, "huge", "");
    assert_eq!(scene.fault(request.clone()).await.0, Fault::Memory);

    let limits = Limits {
        // The SDK gives nothing back within a turn, and a text grows by doubling.
        memory: 512 << 20,
        guest_time: Duration::from_secs(2),
        turns: 1,
        ..Limits::default()
    };
    let roomy = Engine::new(limits, clock).unwrap();
    let mut scene = Scene::new(roomy.compile(&component("faulty")).unwrap());
    scene.engine = roomy;
    assert_eq!(scene.fault(request).await.0, Fault::HostCalls);
}

#[tokio::test]
async fn conferences_without_end_end_the_turn() {
    let mut scene = Scene::new(faulty());
    let request = scene.request(Origin::User, "rooms", "");
    assert_eq!(scene.fault(request).await.0, Fault::HostCalls);
}

#[tokio::test]
async fn long_lines_are_cut() {
    let mut scene = Scene::new(faulty());
    let request = scene.request(Origin::User, "shout", "");
    let effects = scene.turn(request).await;
    let lengths = effects.logs.iter().map(|line| line.message.len());
    assert_eq!(lengths.collect::<Vec<_>>(), [model::limits::LOG_LINE; 3]);
}

/// Asks for that, and says what it got.
async fn forge(scene: &mut Scene, named: &Value) -> Value {
    let reply = scene.ask(Origin::User, "forge", &named.to_string()).await;
    serde_json::from_str(&reply.body).unwrap()
}

#[tokio::test]
async fn whoever_names_what_is_not_its_own_gets_nothing() {
    let (mut theirs, mut mine) = (Scene::new(faulty()), Scene::new(faulty()));
    let mut ids = IdSource::new([6; 32], 0, 0);
    // Ids of both scenes are drawn alike: the first of one is also one of the other's.
    theirs.incoming("1001", "2001");
    let (call, _) = theirs.incoming("1001", "2001");
    theirs.settings.insert("pin".into(), "1234".into());
    mine.incoming("1001", "2001");
    let elsewhere = CallId::mint(&mut ids, 9);
    for call in [
        call.to_string(),
        elsewhere.to_string(),
        "call_1".into(),
        "\0".into(),
    ] {
        let named = json!({
            "call": call,
            "user": "sip:1001@other.example",
            "conference": "room",
            "conference-id": ConferenceId::mint(&mut ids, 9).to_string(),
            "prompt": "../../etc/passwd",
            "key": "ten_01/pending/1001",
            "setting": "pin",
        });
        let got = forge(&mut mine, &named).await;
        let user = got["user"].as_str().unwrap();
        assert!(user.contains("Error::"), "{user}");
        let mut got = got.clone();
        got.as_object_mut().unwrap().remove("user");
        let nothing = json!({
            "call": false, "calls": 1, "conference": false, "members": 0, "play": false,
            "key": null, "setting": null,
        });
        assert_eq!(got, nothing, "{call:?}");
    }
}

#[tokio::test]
async fn a_turn_tells_what_it_used() {
    let mut scene = patient();
    let request = scene.request(Origin::User, "nothing", "");
    let modest = scene.turn(request).await.usage;
    assert_eq!((modest.turns, modest.faults), (1, 0));
    assert!(modest.host_calls > 0 && modest.guest_us > 0, "{modest}");
    assert!((1..=4 << 20).contains(&modest.memory), "{modest}");
    let request = scene.request(Origin::User, "hoard", "");
    let TurnOutcome::Fault { usage, .. } = scene.outcome(request).await else {
        panic!("it returned");
    };
    // Up to the cap, of which it wants another mebibyte.
    assert!((15 << 20..=16 << 20).contains(&usage.memory), "{usage}");
}
