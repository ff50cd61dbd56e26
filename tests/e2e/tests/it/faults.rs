//! A policy that misbehaves harms nobody but its own calls.

use media::sdp::Codec;
use serde_json::{Value, json};

use crate::bomb;
use crate::handset::Audio;
use crate::node::{Node, component};
use crate::office::{Office, check};
use crate::sipp;

#[test]
fn a_policy_that_spins_is_stopped_while_calls_of_another_tenant_go_on() {
    if !sipp::is_there() {
        return;
    }
    let node = Node::start();
    let office = Office::open(&node, "acme");
    let hostile = Office::open(&node, "hostile");
    hostile.install_faulty("spin");
    let id = office.makecall("2001", "3001");
    let (mut user_audio, mut callee_audio) = (Audio::bind(), Audio::bind());
    let callee = office
        .is_called("uas-answers")
        .with("rtp", callee_audio.port());
    let mut callee = callee.start();
    let user = office.calls("uac-answered", "2001").with("talk", 3_000);
    let mut user = user.with("rtp", user_audio.port()).start();
    callee_audio.start(callee.media(), Codec::Pcma, 970);
    user_audio.start(user.media(), Codec::Pcma, 425);
    let spun = hostile.calls("uac-refused", "9001").with("status", 500);
    spun.calls(20).start().finish();
    user.finish();
    callee.finish();

    let heard = [user_audio.heard(), callee_audio.heard()].map(|it| it.expect("it listened"));
    assert_eq!(heard.map(|it| it.tone), [Some(970), Some(425)], "{heard:?}");
    for heard in heard {
        // Twenty turns of 50 ms took a second of CPU. The bound is wide: the machine may be busy.
        assert!(heard.lost == 0 && heard.longest_gap_ms < 500, "{heard:?}");
    }
    check(
        &office.cdrs(&id, 2)[0],
        &json!({ "cause": 200, "end_reason": "released" }),
    );
    let log = hostile.log_with("faulty", "deadline");
    assert!(!log.contains("survived"), "{log}");
    assert_eq!(office.rest.get("/api/v1/plugins/faulty/logs").status, 404);
    assert_eq!((office.live(), hostile.live()), (0, 0));
}

#[test]
fn a_turn_that_traps_leaves_nothing_but_its_log() {
    if !sipp::is_there() {
        return;
    }
    let node = Node::start();
    let office = Office::open(&node, "acme");
    office.install_faulty("trap");
    // Its handler answers the call before it traps; a 200 would fail the scenario.
    office
        .calls("uac-refused", "9001")
        .with("status", 500)
        .start()
        .finish();
    let cdrs = office.cdrs_where("number=9001", 1);
    check(
        &cdrs[0],
        &json!({ "answer_time": null, "cause": 500, "user_data": "" }),
    );
    check(&cdrs[0], &json!({ "dropped_by": "sys" }));
    let log = office.log_with("faulty", "trapped on purpose");
    assert!(
        log.contains("about to fail"),
        "lines survive a fault: {log}"
    );
    assert_eq!(office.live(), 0);
}

#[test]
fn whatever_policies_do_in_every_event_no_call_of_another_tenant_fails() {
    if !sipp::is_there() {
        return;
    }
    let node = Node::start();
    let office = Office::open(&node, "acme");
    let faults = ["trap", "spin", "hoard", "recurse", "flood"];
    let hostile = faults.map(|fault| {
        let hostile = Office::open(&node, fault);
        hostile.install_faulty(fault);
        hostile.set("faulty", &json!({ "fault": fault, "fault-in": "all" }));
        hostile
    });
    let attacks: Vec<_> = hostile
        .iter()
        .map(|hostile| {
            let refused = hostile.calls("uac-refused", "9001").with("status", 500);
            refused.calls(30).rate(5).start()
        })
        .collect();
    for _ in 0..3 {
        let id = office.makecall("2001", "3001");
        let mut callee = office.is_called("uas-answers").start();
        let user = office.calls("uac-answered", "2001").with("talk", 500);
        user.start().finish();
        callee.finish();
        for cdr in office.cdrs(&id, 2) {
            check(&cdr, &json!({ "cause": 200, "end_reason": "released" }));
            assert_eq!(cdr["usage"]["faults"], 0, "{cdr:#}");
        }
    }
    for mut attack in attacks {
        attack.finish();
    }
    for (fault, hostile) in faults.iter().zip(&hostile) {
        let cdrs = hostile.cdrs_where("number=9001&limit=100", 30);
        let has_faulted = |cdr: &Value| cdr["usage"]["faults"].as_u64() >= Some(1);
        assert!(cdrs.iter().all(has_faulted), "{fault}: {cdrs:#?}");
        assert_eq!(hostile.live(), 0, "{fault}");
        hostile.log_with("faulty", "this turn used");
    }
}

#[test]
fn a_component_that_is_a_bomb_to_compile_is_refused_and_calls_go_on() {
    if !sipp::is_there() {
        return;
    }
    let node = Node::start_with(&[("PLUGINS__COMPILE_TIME", "10s")]);
    let (office, hostile) = (Office::open(&node, "acme"), Office::open(&node, "hostile"));
    std::thread::scope(|all| {
        let upload = all.spawn(|| {
            let bomb = bomb::bomb_in(&component("makecall"));
            hostile.rest.upload("/api/v1/plugins/bomb/versions", bomb)
        });
        let id = office.makecall("2001", "3001");
        let mut callee = office.is_called("uas-answers").start();
        let user = office.calls("uac-answered", "2001").with("talk", 500);
        user.start().finish();
        callee.finish();
        assert_eq!(office.cdrs(&id, 2)[0]["cause"], 200);
        let refused = upload.join().expect("it is answered").expect(422);
        let why = refused["detail"].as_str().unwrap_or_default();
        assert!(why.contains("to compile"), "{refused:#}");
    });
    // What is no bomb is compiled as before.
    hostile.install_faulty("trap");
}
