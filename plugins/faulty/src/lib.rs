//! Policies that misbehave, for the tests of the platform: one component, many faults.
//!
//! The fault is named by the setting `fault`; without one by the verb of a request, or by the called
//! number of a call. Whatever is no fault behaves: a request is answered with 200, a call with 486,
//! so that a test can show that the tenant still works.
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
//! | `drip` | hands the host 60 KiB again and again | the cap on bytes per turn |
//! | `handles` | collects handles of its calls | the cap on handles or host calls |
//! | `chatter` | logs two hundred lines, then behaves | nothing: lines beyond the cap are lost |
//! | `read` | reads sixty keys, then behaves | nothing: waits for the store do not count |
//! | `state` | keeps 17 KiB of state | the SDK, as the host refuses the state |

use std::hint::black_box;

use jackfield_sdk::{Call, CallPhase, Error, Policy, Reply, Request, Result, Session, store};

/// The policy.
pub struct Faulty;

impl Policy for Faulty {
    type State = String;

    fn on_incoming(session: &mut Session<String>, call: &Call, _begin_time: u64) -> Result {
        let fault = session.setting("fault").unwrap_or_else(|| call.to_number());
        misbehave(&fault, session, Some(call))?;
        if call.phase() == CallPhase::Offered {
            call.release(486)
        } else {
            Ok(())
        }
    }

    fn on_request(session: &mut Session<String>, request: Request) -> Result<Reply> {
        let fault = session.setting("fault").unwrap_or(request.verb);
        misbehave(&fault, session, None)?;
        Ok(Reply::ok(&serde_json::json!({ "survived": fault })))
    }
}

jackfield_sdk::export!(Faulty, optional: [request_events]);

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
        "drip" => drip(),
        "handles" => {
            let mut kept = Vec::new();
            loop {
                kept.extend(session.calls());
            }
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

fn drip() -> Result {
    let text = "x".repeat(60 << 10);
    (0..100).try_for_each(|drop| store::put(&format!("drip/{drop}"), &text))
}
