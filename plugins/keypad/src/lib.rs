//! A policy that does what is keyed, for the tests of the platform.
//!
//! It answers every call. Each digit is added to the user data of its call, so that the CDR tells what
//! arrived; `#` hangs up, `A` calls 3001 and `B` 3002. `C` collects up to four digits that `#` or `*` ends, and begins
//! to collect the next four whenever as many have come; after `*` it begins twice, and stops. The
//! digit 1 alone, with `#`, puts the party on hold for two seconds, and 2 sends it digits. It takes sessions over from
//! other versions, but refuses those of version 7, and fails on those of version 8. Its twin for the simulator is `tests/sim/src/script/keypad.rs`.

use std::time::Duration;

use jackfield_sdk::{
    Call, CallPhase, Completion, Dial, Error, Policy, ReleaseReport, Result, Session,
};

/// How long a party is on hold.
const HELD: Duration = Duration::from_secs(2);

/// The policy.
pub struct Keypad;

impl Policy for Keypad {
    type State = ();

    fn on_incoming(_: &mut Session<()>, call: &Call, _begin_time: u64) -> Result {
        call.answer("")
    }

    fn on_digit(session: &mut Session<()>, call: &Call, digit: char) -> Result {
        match digit {
            '#' => call.release(200),
            'A' => dial(session, "3001"),
            'B' => dial(session, "3002"),
            'C' => collect(call),
            _ => call.set_user_data(&format!("{}{digit}", call.user_data())),
        }
    }

    fn on_digits_collected(
        session: &mut Session<()>,
        call: &Call,
        operation: u32,
        digits: String,
        how: Completion,
    ) -> Result {
        if call.phase() == CallPhase::Released {
            return Ok(());
        }
        let how = match how {
            Completion::Finished => {
                collect(call)?;
                "finished".to_owned()
            }
            Completion::FinishKey('#') if digits == "1" => {
                call.hold()?;
                return session.timer_start(&call.id(), HELD);
            }
            Completion::FinishKey('#') if digits == "2" => return call.send_digits("159*D#"),
            Completion::FinishKey(key) => {
                if key == '*' {
                    collect(call)?;
                    collect(call)?;
                    call.collect_stop()?;
                }
                format!("key {key}")
            }
            Completion::Timeout => "timeout".to_owned(),
            Completion::Stopped => "stopped".to_owned(),
            Completion::Failed => "failed".to_owned(),
        };
        call.set_user_data(&format!("{}[{operation} {digits} {how}]", call.user_data()))
    }

    fn on_timer(session: &mut Session<()>, id: String) -> Result {
        session.call(&id).map_or(Ok(()), |call| call.resume())
    }

    fn on_command_failed(_: &mut Session<()>, call: &Call, command: String, _: Error) -> Result {
        call.set_user_data(&format!("{}({command} failed)", call.user_data()))
    }

    fn on_released(session: &mut Session<()>, _: &Call, _: ReleaseReport) -> Result {
        let left = session.calls();
        left.iter().try_for_each(|other| match other.phase() {
            CallPhase::Answered => other.release(200),
            _ => other.release(487),
        })
    }

    fn migrate(
        from_version: &str,
        _: serde_json::Value,
    ) -> core::result::Result<Self::State, String> {
        match from_version {
            "7" => Err("version 7 keyed otherwise".to_owned()),
            "8" => panic!("on purpose"),
            _ => Ok(()),
        }
    }
}

fn collect(call: &Call) -> Result {
    call.collect_start(4, "#*", 3_000, 1_000).map(|_| ())
}

fn dial(session: &mut Session<()>, to: &str) -> Result {
    let dial = Dial {
        from: "2001",
        to,
        ..Dial::default()
    };
    session.construct(&dial).map(|_| ())
}

jackfield_sdk::export!(Keypad, optional: [command_events, digit_events, timer_events, upgrade]);
