//! A policy that records, for the tests of the platform.
//!
//! It answers every call and records it for a minute, or until `#` is keyed. `1` begins another recording, of
//! three seconds; `*` ends it; `A` calls 3001 and joins the two. The user data of the call, and so its CDR,
//! tells how each recording ended. Its twin for the simulator is `tests/sim/src/script/memo.rs`.

use jackfield_sdk::{
    Call, CallDirection, CallPhase, Completion, Dial, DialReport, Policy, ReleaseReport, Result,
    Session,
};

/// The policy.
pub struct Memo;

impl Policy for Memo {
    type State = ();

    fn on_incoming(_: &mut Session<()>, call: &Call, _begin_time: u64) -> Result {
        call.answer("")?;
        record(call, 60)
    }

    fn on_digit(session: &mut Session<()>, call: &Call, digit: char) -> Result {
        match digit {
            '1' => record(call, 3),
            '*' => call.record_stop(),
            'A' => {
                let dial = Dial {
                    from: "2001",
                    to: "3001",
                    ..Dial::default()
                };
                session.construct(&dial).map(|_| ())
            }
            _ => Ok(()),
        }
    }

    fn on_dial_completed(session: &mut Session<()>, call: &Call, report: DialReport) -> Result {
        let calls = session.calls();
        let caller = calls
            .iter()
            .find(|it| it.direction() == CallDirection::Inbound);
        match (report.error, caller) {
            (None, Some(caller)) => caller.bridge_start(call),
            _ => Ok(()),
        }
    }

    fn on_record_completed(
        _: &mut Session<()>,
        call: &Call,
        operation: u32,
        how: Completion,
        duration: u32,
    ) -> Result {
        if call.phase() == CallPhase::Released {
            return Ok(());
        }
        let how = match how {
            Completion::Finished => "finished",
            Completion::FinishKey(_) => "key",
            Completion::Timeout => "timeout",
            Completion::Stopped => "stopped",
            Completion::Failed => "failed",
        };
        let seconds = (duration + 500) / 1_000;
        let told = call.user_data();
        call.set_user_data(&format!("{told}{operation} {how} {seconds} s;"))
    }

    fn on_released(session: &mut Session<()>, _: &Call, _: ReleaseReport) -> Result {
        let left = session.calls();
        left.iter().try_for_each(|other| match other.phase() {
            CallPhase::Answered => other.release(200),
            _ => other.release(487),
        })
    }
}

fn record(call: &Call, seconds: u32) -> Result {
    call.record_start("memo", "#", seconds).map(|_| ())
}

jackfield_sdk::export!(Memo, optional: [digit_events, media_events]);
