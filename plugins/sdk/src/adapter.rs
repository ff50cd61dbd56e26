//! Between the generated exports and [`Policy`]: what happens around every event.
//!
//! Panics are hooked first, then the state is loaded, the handler runs, the state is kept. Whatever
//! fails on this way is a panic, so that there is one way for an event not to have happened.

use std::marker::PhantomData;

use crate::bindings::base::exports::jackfield::policy::call_events;
use crate::bindings::base::jackfield::policy::session::Session as Host;
use crate::bindings::command::exports::jackfield::policy::command_events;
use crate::bindings::conference::exports::jackfield::policy::conference_events;
use crate::bindings::digit::exports::jackfield::policy::digit_events;
use crate::bindings::media::exports::jackfield::policy::media_events;
use crate::bindings::request::exports::jackfield::policy::request_events;
use crate::bindings::timer::exports::jackfield::policy::timer_events;
use crate::bindings::transfer::exports::jackfield::policy::transfer_events;
use crate::bindings::upgrading::exports::jackfield::policy::upgrade;
use crate::{Call, Completion, Conference, DialReport, Error, Policy, ReleaseReport, Reply};
use crate::{Request, Result, Session, panics, session};

/// Carries the generated traits for a policy.
pub struct Adapter<P>(PhantomData<P>);

/// Compiles only for a policy.
pub const fn is_policy<P: Policy>() {}

fn run<P: Policy, T>(
    event: &str,
    host: &Host,
    handler: impl FnOnce(&mut Session<'_, P::State>) -> Result<T>,
) -> T {
    panics::report_to(host);
    let outcome = Session::load(host).and_then(|mut session| {
        let answer = handler(&mut session)?;
        session.save()?;
        Ok(answer)
    });
    outcome.unwrap_or_else(|why| panic!("{event}: {why}"))
}

impl<P: Policy> call_events::Guest for Adapter<P> {
    fn on_incoming(host: &Host, call: &Call, begin_time: u64) {
        run::<P, _>("on-incoming", host, |session| {
            P::on_incoming(session, call, begin_time)
        });
    }

    fn on_ringing(host: &Host, call: &Call, early_media: bool) {
        run::<P, _>("on-ringing", host, |session| {
            P::on_ringing(session, call, early_media)
        });
    }

    fn on_dial_completed(host: &Host, call: &Call, report: DialReport) {
        run::<P, _>("on-dial-completed", host, |session| {
            P::on_dial_completed(session, call, report)
        });
    }

    fn on_answered(host: &Host, call: &Call) {
        run::<P, _>("on-answered", host, |session| P::on_answered(session, call));
    }

    fn on_released(host: &Host, call: &Call, report: ReleaseReport) {
        run::<P, _>("on-released", host, |session| {
            P::on_released(session, call, report)
        });
    }
}

impl<P: Policy> media_events::Guest for Adapter<P> {
    fn on_play_completed(host: &Host, call: &Call, operation: u32, how: Completion) {
        run::<P, _>("on-play-completed", host, |session| {
            P::on_play_completed(session, call, operation, how)
        });
    }

    fn on_record_completed(
        host: &Host,
        call: &Call,
        operation: u32,
        how: Completion,
        duration: u32,
    ) {
        run::<P, _>("on-record-completed", host, |session| {
            P::on_record_completed(session, call, operation, how, duration)
        });
    }
}

impl<P: Policy> conference_events::Guest for Adapter<P> {
    fn on_conference_play_completed(
        host: &Host,
        conference: &Conference,
        operation: u32,
        how: Completion,
    ) {
        run::<P, _>("on-conference-play-completed", host, |session| {
            P::on_conference_play_completed(session, conference, operation, how)
        });
    }

    fn on_conference_record_completed(
        host: &Host,
        conference: &Conference,
        operation: u32,
        how: Completion,
        duration: u32,
    ) {
        run::<P, _>("on-conference-record-completed", host, |session| {
            P::on_conference_record_completed(session, conference, operation, how, duration)
        });
    }
}

impl<P: Policy> digit_events::Guest for Adapter<P> {
    fn on_digit(host: &Host, call: &Call, digit: char) {
        run::<P, _>("on-digit", host, |session| {
            P::on_digit(session, call, digit)
        });
    }

    fn on_digits_collected(
        host: &Host,
        call: &Call,
        operation: u32,
        digits: String,
        how: Completion,
    ) {
        run::<P, _>("on-digits-collected", host, |session| {
            P::on_digits_collected(session, call, operation, digits, how)
        });
    }
}

impl<P: Policy> command_events::Guest for Adapter<P> {
    fn on_command_failed(host: &Host, call: &Call, command: String, why: Error) {
        run::<P, _>("on-command-failed", host, |session| {
            P::on_command_failed(session, call, command, why)
        });
    }
}

impl<P: Policy> transfer_events::Guest for Adapter<P> {
    fn on_transfer_requested(host: &Host, call: &Call, target: String, replaces: Option<String>) {
        run::<P, _>("on-transfer-requested", host, |session| {
            P::on_transfer_requested(session, call, target, replaces)
        });
    }

    fn on_transfer_completed(host: &Host, call: &Call, status: u16) {
        run::<P, _>("on-transfer-completed", host, |session| {
            P::on_transfer_completed(session, call, status)
        });
    }
}

impl<P: Policy> timer_events::Guest for Adapter<P> {
    fn on_timer(host: &Host, name: String) {
        run::<P, _>("on-timer", host, |session| P::on_timer(session, name));
    }
}

impl<P: Policy> request_events::Guest for Adapter<P> {
    fn on_request(host: &Host, request: Request) -> Reply {
        run::<P, _>("on-request", host, |session| {
            P::on_request(session, request)
        })
    }
}

impl<P: Policy> upgrade::Guest for Adapter<P> {
    fn migrate(from_version: String, state: Vec<u8>) -> core::result::Result<Vec<u8>, String> {
        let old = if state.is_empty() {
            serde_json::Value::Null
        } else {
            serde_json::from_slice(&state).map_err(|why| why.to_string())?
        };
        let new = P::migrate(&from_version, old)?;
        session::encode(&new).map_err(|why| why.to_string())
    }
}
