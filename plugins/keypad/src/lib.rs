//! A policy that does what is keyed, for the tests of the platform.
//!
//! It answers every call. Each digit is added to the user data of its call, so that the CDR tells what
//! arrived; `#` hangs up, `A` calls 3001 and `B` 3002. Its twin for the simulator is `tests/sim/src/script/keypad.rs`.

use jackfield_sdk::{Call, CallPhase, Dial, Policy, ReleaseReport, Result, Session};

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
            _ => call.set_user_data(&format!("{}{digit}", call.user_data())),
        }
    }

    fn on_released(session: &mut Session<()>, _: &Call, _: ReleaseReport) -> Result {
        let left = session.calls();
        left.iter().try_for_each(|other| match other.phase() {
            CallPhase::Answered => other.release(200),
            _ => other.release(487),
        })
    }
}

fn dial(session: &mut Session<()>, to: &str) -> Result {
    let dial = Dial {
        from: "2001",
        to,
        ..Dial::default()
    };
    session.construct(&dial).map(|_| ())
}

jackfield_sdk::export!(Keypad, optional: [digit_events]);
