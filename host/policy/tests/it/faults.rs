//! Every way to misbehave ends the turn, does nothing, and is told to the tenant.

use std::time::Duration;

use model::turn::{Fault, TurnOutcome};
use model::{Event, LogLevel, LogLine, Origin};
use policy::{Engine, Limits, Policy};

use crate::scene::{Scene, clock, component, faulty, makecall};

/// Runs the fault by a call and by a request; both must end so. The lines of the call's turn.
async fn check(fault: &str, expect: Fault, word: &str) -> Vec<LogLine> {
    let mut scene = Scene::new(faulty());
    let (_, incoming) = scene.incoming("1001", fault);
    let (kind, logs) = scene.fault(incoming).await;
    assert_eq!(kind, expect, "{fault}: {logs:#?}");
    let last = logs.last().unwrap();
    assert_eq!(last.level, LogLevel::Error);
    assert!(last.message.contains(word), "{fault}: {logs:#?}");
    assert!(scene.keys().is_empty(), "{fault}");

    let request = scene.request(Origin::User, fault, "");
    let (kind, logs) = scene.fault(request).await;
    assert_eq!(kind, expect, "{fault}: {logs:#?}");

    // The engine is as good as before.
    let (_, incoming) = scene.incoming("1001", "nothing");
    let effects = scene.turn(incoming).await;
    assert_eq!(scene.words(&effects), ["release b 486"]);
    logs
}

#[tokio::test]
async fn a_panic_undoes_the_turn_and_its_text_reaches_the_log() {
    let logs = check("trap", Fault::Trap, "unreachable").await;
    let texts: Vec<_> = logs.iter().map(|line| line.message.as_str()).collect();
    assert_eq!(texts[0], "about to fail");
    assert!(
        texts[1].starts_with("trapped on purpose (plugins/faulty/src/lib.rs:"),
        "{texts:?}"
    );
}

#[tokio::test]
async fn an_error_of_a_handler_is_a_fault() {
    let logs = check("error", Fault::Trap, "unreachable").await;
    assert!(
        logs.iter()
            .any(|line| line.message.contains("this error, on purpose")),
        "{logs:?}"
    );
}

#[tokio::test]
async fn an_endless_loop_is_stopped_at_its_deadline() {
    check("spin", Fault::Deadline, "50ms").await;
}

#[tokio::test]
async fn spinning_policies_let_others_run() {
    let (mut spinning, mut working) = (Scene::new(faulty()), Scene::new(makecall()));
    let (_, spin) = spinning.incoming("1001", "spin");
    let spin = spinning.outcome(spin);
    let work = async {
        for _ in 0..5 {
            let body = r#"{"caller":"2001","callee":"3001"}"#;
            assert_eq!(
                working.ask(Origin::User, "makecall", body).await.status,
                200
            );
        }
    };
    tokio::pin!(spin, work);
    tokio::select! {
        biased;
        _ = &mut spin => panic!("the loop kept everybody waiting"),
        () = &mut work => {}
    }
    let TurnOutcome::Fault {
        kind: Fault::Deadline,
        usage,
        ..
    } = spin.await
    else {
        panic!("it returned");
    };
    assert!(usage.guest_us > 10_000, "{usage:?}");
}

#[tokio::test]
async fn memory_beyond_the_cap_ends_the_turn() {
    check("hoard", Fault::Memory, "more memory").await;
}

#[tokio::test]
async fn a_stack_that_overflows_ends_the_turn() {
    check("recurse", Fault::Trap, "call stack exhausted").await;
}

#[tokio::test]
async fn a_flood_of_host_calls_ends_the_turn() {
    check("flood", Fault::HostCalls, "256 host calls").await;
}

#[tokio::test]
async fn too_much_for_one_host_call_ends_the_turn() {
    check("bulk", Fault::HostCalls, "too much data").await;
}

#[tokio::test]
async fn too_much_for_all_host_calls_ends_the_turn() {
    check("drip", Fault::HostCalls, "octets in host calls").await;
}

#[tokio::test]
async fn state_beyond_the_cap_ends_the_turn() {
    check("state", Fault::Trap, "unreachable").await;
}

#[tokio::test]
async fn handles_beyond_the_cap_end_the_turn() {
    let mut scene = Scene::new(faulty());
    let mut last = None;
    for _ in 0..30 {
        last = Some(scene.incoming("1001", "handles"));
    }
    let (kind, logs) = scene.fault(last.unwrap().1).await;
    assert_eq!(kind, Fault::HostCalls);
    assert!(
        logs.last().unwrap().message.contains("handle limit"),
        "{logs:?}"
    );
}

#[tokio::test]
async fn lines_beyond_the_cap_are_lost_and_counted() {
    let mut scene = Scene::new(faulty());
    let request = scene.request(Origin::User, "chatter", "");
    let effects = scene.turn(request).await;
    assert_eq!(effects.logs.len(), 65);
    assert_eq!(
        effects.logs[64].message,
        "136 more lines of this turn are lost"
    );
}

#[tokio::test]
async fn the_setting_chooses_the_fault() {
    let mut scene = Scene::new(faulty());
    scene.settings.insert("fault".into(), "trap".into());
    let (_, incoming) = scene.incoming("1001", "nothing");
    assert_eq!(scene.fault(incoming).await.0, Fault::Trap);
}

#[tokio::test]
async fn an_event_without_an_export_is_a_fault_of_the_instance() {
    let mut scene = Scene::new(makecall());
    let (call, _) = scene.incoming("1001", "2001");
    let (kind, logs) = scene.fault(Event::Digit { call, digit: '1' }).await;
    assert_eq!(kind, Fault::Instance);
    assert!(logs[0].message.contains("digit-events"), "{logs:?}");
}

#[tokio::test]
async fn a_turn_whose_store_never_answers_is_given_up() {
    let limits = Limits {
        whole_time: Duration::from_millis(20),
        turns: 1,
        ..Limits::default()
    };
    let engine = Engine::new(limits, clock).unwrap();
    let mut scene = Scene::new(engine.compile(&component("makecall")).unwrap());
    scene.engine = engine;
    scene.store_is_silent();
    let (_, incoming) = scene.incoming("1001", "2001");
    let (kind, logs) = scene.fault(incoming).await;
    assert_eq!(kind, Fault::TooLong);
    assert!(logs[0].message.contains("longer than 20ms"), "{logs:?}");
}

#[tokio::test]
async fn what_is_left_of_a_turns_whole_time_bounds_its_next_run() {
    let mut scene = Scene::new(makecall());
    scene.store_is_silent();
    scene.longest = Duration::from_millis(20);
    let (_, incoming) = scene.incoming("1001", "2001");
    let (kind, logs) = scene.fault(incoming).await;
    assert_eq!(kind, Fault::TooLong);
    assert!(logs[0].message.contains("longer than 20ms"), "{logs:?}");
}

#[tokio::test]
async fn waits_for_the_store_cost_no_guest_time() {
    let mut scene = Scene::new(faulty());
    scene.store_takes(Duration::from_millis(2));
    let request = scene.request(Origin::User, "read", "");
    let effects = scene.turn(request).await;
    assert_eq!(effects.store.reads.len(), 60);
    assert!(effects.usage.guest_us < 50_000, "{:?}", effects.usage);
}

#[tokio::test]
async fn turns_beyond_the_pool_have_no_instance() {
    let limits = Limits {
        turns: 1,
        ..Limits::default()
    };
    let engine = Engine::new(limits, clock).unwrap();
    let policy = engine.compile(&component("faulty")).unwrap();
    let (mut first, mut second) = (Scene::new(policy.clone()), Scene::new(policy));
    (first.engine, second.engine) = (engine.clone(), engine);
    let (_, spin) = first.incoming("1001", "spin");
    let (_, nothing) = second.incoming("1001", "nothing");
    let (spun, refused) = tokio::join!(first.fault(spin), second.fault(nothing.clone()));
    assert_eq!((spun.0, refused.0), (Fault::Deadline, Fault::Instance));
    second.turn(nothing).await;
}

#[test]
fn engines_and_policies_are_shared_by_threads() {
    fn shared<T: Clone + Send + Sync>() {}
    shared::<Engine>();
    shared::<Policy>();
}
