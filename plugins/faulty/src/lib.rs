//! Policies that misbehave, for the tests of the platform: one component, many faults.
//!
//! The fault is named by the setting `fault`; without one by the verb of a request, or by the called
//! number of a call. Whatever is no fault behaves: a request is answered with 200, a call with 486,
//! so that a test can show that the tenant still works. The setting `fault-in` names the one event in which it
//! misbehaves instead, such as `on_timer`, or `all`.
//!
//! | fault | what it does | what should stop it |
//! |---|---|---|
//! | `trap` | answers the call, writes to the store, then panics | the panic; nothing of it may remain |
//! | `error` | the same, but its handler returns an error | the SDK, as a panic |
//! | `spin` | loops for ever | the deadline |
//! | `hoard` | keeps allocating memory | the memory cap |
//! | `recurse` | calls itself for ever | the stack |
//! | `flood` | calls the host for ever | the cap on host calls |
//! | `bulk` | hands the host a text of 1 MiB | the cap on bytes per host call |
//! | `huge` | hands the host a text of 48 MiB | the memory cap, or that on bytes per host call |
//! | `drip` | hands the host 60 KiB again and again | the cap on bytes per turn |
//! | `handles` | collects handles of its calls | the cap on handles or host calls |
//! | `rooms` | asks for conferences without end | the cap on conferences, then that on host calls |
//! | `chatter` | logs two hundred lines, then behaves | nothing: lines beyond the cap are lost |
//! | `shout` | logs three lines of 60 KiB, then behaves | nothing: lines are cut |
//! | `read` | reads sixty keys, then behaves | nothing: waits for the store do not count |
//! | `state` | keeps 17 KiB of state | the SDK, as the host refuses the state |
//! | `forge` | asks for what is named in the body of its request, whoever it belongs to; the reply says what it got | there must be nothing |

use std::hint::black_box;

use jackfield_sdk::{
    Call, CallPhase, Completion, Conference, Dial, DialReport, Error, Policy, ReleaseReport, Reply,
    Request, Result, Session, store,
};
use serde_json::json;

/// The policy.
pub struct Faulty;

impl Policy for Faulty {
    type State = String;

    fn on_incoming(session: &mut Session<String>, call: &Call, _begin_time: u64) -> Result {
        let fault = chosen(session, "on_incoming", || call.to_number());
        misbehave(&fault, session, Some(call))?;
        if call.phase() == CallPhase::Offered {
            call.release(486)
        } else {
            Ok(())
        }
    }

    fn on_request(session: &mut Session<String>, request: Request) -> Result<Reply> {
        let fault = chosen(session, "on_request", || request.verb.clone());
        if fault == "forge" {
            return forge(session, &request.body);
        }
        misbehave(&fault, session, None)?;
        Ok(Reply::ok(&json!({ "survived": fault })))
    }

    fn on_ringing(session: &mut Session<String>, call: &Call, _early_media: bool) -> Result {
        strike(session, "on_ringing", Some(call))
    }

    fn on_dial_completed(session: &mut Session<String>, call: &Call, _: DialReport) -> Result {
        strike(session, "on_dial_completed", Some(call))
    }

    fn on_answered(session: &mut Session<String>, call: &Call) -> Result {
        strike(session, "on_answered", Some(call))
    }

    fn on_released(session: &mut Session<String>, _: &Call, _: ReleaseReport) -> Result {
        strike(session, "on_released", None)
    }

    fn on_play_completed(
        session: &mut Session<String>,
        call: &Call,
        _operation: u32,
        _how: Completion,
    ) -> Result {
        strike(session, "on_play_completed", Some(call))
    }

    fn on_record_completed(
        session: &mut Session<String>,
        call: &Call,
        _operation: u32,
        _how: Completion,
        _duration: u32,
    ) -> Result {
        strike(session, "on_record_completed", Some(call))
    }

    fn on_conference_play_completed(
        session: &mut Session<String>,
        _: &Conference,
        _operation: u32,
        _how: Completion,
    ) -> Result {
        strike(session, "on_conference_play_completed", None)
    }

    fn on_conference_record_completed(
        session: &mut Session<String>,
        _: &Conference,
        _operation: u32,
        _how: Completion,
        _duration: u32,
    ) -> Result {
        strike(session, "on_conference_record_completed", None)
    }

    fn on_digit(session: &mut Session<String>, call: &Call, _digit: char) -> Result {
        strike(session, "on_digit", Some(call))
    }

    fn on_digits_collected(
        session: &mut Session<String>,
        call: &Call,
        _operation: u32,
        _digits: String,
        _how: Completion,
    ) -> Result {
        strike(session, "on_digits_collected", Some(call))
    }

    fn on_command_failed(
        session: &mut Session<String>,
        call: &Call,
        _command: String,
        _why: Error,
    ) -> Result {
        strike(session, "on_command_failed", Some(call))
    }

    fn on_transfer_requested(
        session: &mut Session<String>,
        call: &Call,
        _target: String,
        _replaces: Option<String>,
    ) -> Result {
        strike(session, "on_transfer_requested", Some(call))?;
        // A wish may be over by now.
        call.transfer_refuse(603).or(Ok(()))
    }

    fn on_transfer_completed(session: &mut Session<String>, call: &Call, _status: u16) -> Result {
        strike(session, "on_transfer_completed", Some(call))
    }

    fn on_timer(session: &mut Session<String>, _name: String) -> Result {
        strike(session, "on_timer", None)
    }
}

jackfield_sdk::export!(Faulty, optional: [
    media_events,
    conference_events,
    digit_events,
    command_events,
    transfer_events,
    timer_events,
    request_events,
]);

/// The fault for this event, if the settings name one: `fault-in` says which event that is.
fn set_for(session: &Session<String>, event: &str) -> Option<String> {
    let place = session.setting("fault-in")?;
    let fault = || session.setting("fault");
    [event, "all"].contains(&place.as_str()).then(fault)?
}

/// The fault for an event that a session can begin with.
fn chosen(session: &Session<String>, event: &str, named: impl Fn() -> String) -> String {
    if session.setting("fault-in").is_some() {
        return set_for(session, event).unwrap_or_default();
    }
    session.setting("fault").unwrap_or_else(named)
}

/// Misbehaves in an event if it is told to.
fn strike(session: &mut Session<String>, event: &str, call: Option<&Call>) -> Result {
    match set_for(session, event) {
        Some(fault) => misbehave(&fault, session, call),
        None => Ok(()),
    }
}

/// What it gets of what is somebody else's, named in `body`: a JSON object of texts.
fn forge(session: &Session<String>, body: &str) -> Result<Reply> {
    let named: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
    let name = |what: &str| named[what].as_str().unwrap_or_default().to_owned();
    let dial = |to: &str| {
        let made = session.construct(&Dial {
            from: "2001",
            to,
            ..Dial::default()
        });
        made.map_or_else(|why| format!("{why:?}"), |_| "constructed".to_owned())
    };
    let mine = session.conference(&name("conference"))?;
    Ok(Reply::ok(&json!({
        "call": session.call(&name("call")).is_some(),
        "calls": session.calls().len(),
        "user": dial(&name("user")),
        "conference": mine.id() == name("conference-id"),
        "members": mine.size(),
        "play": mine.play_start(&[name("prompt")], 1).is_ok(),
        "key": store::get::<serde_json::Value>(&name("key"))?,
        "setting": session.setting(&name("setting")),
    })))
}

fn misbehave(fault: &str, session: &mut Session<String>, call: Option<&Call>) -> Result {
    match fault {
        "trap" => {
            leave_traces(session, call)?;
            panic!("trapped on purpose");
        }
        "error" => {
            leave_traces(session, call)?;
            Err(Error::NotFound("this error, on purpose".to_owned()))
        }
        "spin" => spin(),
        "hoard" => hoard(),
        "recurse" => {
            black_box(recurse(1));
            Ok(())
        }
        "flood" => loop {
            black_box(session.now());
        },
        "bulk" => store::put("bulk", &"x".repeat(1 << 20)),
        "huge" => store::put("huge", &"x".repeat(48 << 20)),
        "drip" => drip(),
        "handles" => {
            let mut kept = Vec::new();
            loop {
                kept.extend(session.calls());
            }
        }
        "rooms" => rooms(session),
        "shout" => {
            (0..3).for_each(|_| session.info(&"shout ".repeat(10_000)));
            Ok(())
        }
        "chatter" => {
            (0..200).for_each(|line| session.info(&format!("line {line}")));
            Ok(())
        }
        "read" => {
            for key in 0..60 {
                store::get::<String>(&format!("read/{key}"))?;
            }
            Ok(())
        }
        "state" => {
            session.state = "x".repeat(17 << 10);
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Everything that a turn can leave behind, so that a test can look for it afterwards.
fn leave_traces(session: &mut Session<String>, call: Option<&Call>) -> Result {
    session.info("about to fail");
    store::put("traces", &"of a turn that never happened")?;
    "of a turn that never happened".clone_into(&mut session.state);
    call.map_or(Ok(()), |call| call.answer("never answered"))
}

fn spin() -> ! {
    let mut turns = 0_u64;
    loop {
        turns = black_box(turns.wrapping_add(1));
    }
}

fn hoard() -> ! {
    let mut hoard = Vec::new();
    loop {
        hoard.push(black_box(vec![1_u8; 1 << 20]));
    }
}

/// Its frames hold no memory of the guest, so that it is the host that must stop it, and no
/// optimiser makes a loop of it.
fn recurse(depth: u64) -> u64 {
    if depth == u64::MAX {
        0
    } else {
        recurse(depth + 1).rotate_left(1) ^ depth
    }
}

fn rooms(session: &Session<String>) -> ! {
    let mut kept = Vec::new();
    let mut number = 0_u64;
    loop {
        kept.extend(session.conference(&number.to_string()));
        number += 1;
    }
}

fn drip() -> Result {
    let text = "x".repeat(60 << 10);
    (0..100).try_for_each(|drop| store::put(&format!("drip/{drop}"), &text))
}
