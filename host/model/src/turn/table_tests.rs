//! Every function of a call, and of a conference that it is in, in every phase of either direction: what
//! `call.wit` says of it.

use super::plan_tests::plan_of;
use super::*;
use crate::{ConfMode, PromptFile};

/// `+`: it is taken; `s`: `wrong-state`; `d`: `wrong-direction`. A wish to transfer is open in none of them.
const TABLE: &str = "                   inbound                                outbound
                   offered  ringing  answered  released  dialling  ringing  answered  released
ring               +        +        s         s         d         d        d         s
answer             +        +        s         s         d         d        d         s
release            +        +        +         s         +         +        +         s
redirect           +        +        s         s         d         d        d         s
set-user-data      +        +        +         s         +         +        +         s
transfer           s        s        +         s         s         s        +         s
transfer-accept    s        s        s         s         s         s        s         s
transfer-refuse    s        s        s         s         s         s        s         s
play-start         +        +        +         s         s         s        +         s
play-stop          +        +        +         s         +         +        +         s
record-start       +        +        +         s         +         +        +         s
record-stop        +        +        +         s         +         +        +         s
collect-start      +        +        +         s         +         +        +         s
collect-stop       +        +        +         s         +         +        +         s
send-digits        s        +        +         s         s         +        +         s
bridge-start       +        +        +         s         +         +        +         s
bridge-stop        +        +        +         s         +         +        +         s
conf-enter         s        s        +         s         s         s        +         s
conf-exit          s        s        +         s         s         s        +         s
conf-play-start    s        s        +         s         s         s        +         s
conf-play-stop     s        s        +         s         s         s        +         s
conf-record-start  s        s        +         s         s         s        +         s
conf-record-stop   s        s        +         s         s         s        +         s
hold               s        s        +         s         s         s        +         s
resume             s        s        +         s         s         s        +         s
";

/// What a function says to a call.
type Function = fn(&mut Plan, CallId, CallId) -> Result<(), CommandError>;

const FUNCTIONS: [(&str, Function); 25] = [
    ("ring", |plan, call, _| plan.ring(call)),
    ("answer", |plan, call, _| plan.answer(call, "")),
    ("release", |plan, call, _| plan.release(call, 487)),
    ("redirect", |plan, call, _| {
        plan.redirect(call, "sip:3002@there.example")
    }),
    ("set-user-data", |plan, call, _| {
        plan.set_user_data(call, "text")
    }),
    ("transfer", |plan, call, _| {
        plan.transfer(call, "sip:3002@there.example", None)
    }),
    ("transfer-accept", |plan, call, _| {
        plan.transfer_accept(call)
    }),
    ("transfer-refuse", |plan, call, _| {
        plan.transfer_refuse(call, 603)
    }),
    ("play-start", |plan, call, _| {
        plan.play_start(call, &["welcome".to_owned()], 1, "")
            .map(|_| ())
    }),
    ("play-stop", |plan, call, _| plan.play_stop(call)),
    ("record-start", |plan, call, _| {
        plan.record_start(call, "memo", "#", 60).map(|_| ())
    }),
    ("record-stop", |plan, call, _| plan.record_stop(call)),
    ("collect-start", |plan, call, _| {
        plan.collect_start(call, 4, "#", 1_000, 1_000).map(|_| ())
    }),
    ("collect-stop", |plan, call, _| plan.collect_stop(call)),
    ("send-digits", |plan, call, _| plan.send_digits(call, "1")),
    ("bridge-start", |plan, call, other| {
        plan.bridge_start(call, other)
    }),
    ("bridge-stop", |plan, call, other| {
        // Of what another turn has bridged.
        plan.bridge_start(call, other)?;
        plan.bridge_stop(call)
    }),
    ("conf-enter", |plan, call, _| enter(plan, call).map(|_| ())),
    ("conf-exit", |plan, call, _| {
        let conference = enter(plan, call)?;
        plan.conf_exit(call, conference)
    }),
    ("conf-play-start", |plan, call, _| {
        let conference = enter(plan, call)?;
        plan.conf_play_start(conference, &["welcome".to_owned()], 1)
            .map(|_| ())
    }),
    ("conf-play-stop", |plan, call, _| {
        let conference = enter(plan, call)?;
        plan.conf_play_stop(conference)
    }),
    ("conf-record-start", |plan, call, _| {
        let conference = enter(plan, call)?;
        plan.conf_record_start(conference, "minutes", 60)
            .map(|_| ())
    }),
    ("conf-record-stop", |plan, call, _| {
        let conference = enter(plan, call)?;
        plan.conf_record_stop(conference)
    }),
    ("hold", |plan, call, _| plan.hold(call)),
    ("resume", |plan, call, _| plan.resume(call)),
];

fn enter(plan: &mut Plan, call: CallId) -> Result<ConferenceId, CommandError> {
    let conference = plan.conference("team")?;
    plan.conf_enter(call, conference, ConfMode::TalkAndListen)?;
    Ok(conference)
}

/// What each function says to a call in that phase, whose neighbour is answered.
fn said(function: Function, inbound: bool, phase: Phase) -> char {
    let phases = if inbound {
        (phase, Phase::Answered)
    } else {
        (Phase::Answered, phase)
    };
    let (mut plan, a, b) = plan_of(phases.0, phases.1, |tenant| {
        let file = PromptFile {
            digest: "welcome".into(),
            duration_ms: 1_000,
        };
        tenant.prompts.insert("welcome".into(), file);
    });
    let (call, other) = if inbound { (a, b) } else { (b, a) };
    let before = plan.view().calls.clone();
    let result = function(&mut plan, call, other);
    match result {
        Ok(()) => {
            assert!(!plan.into_commands().is_empty());
            '+'
        }
        Err(error) => {
            assert_eq!(
                plan.view().calls,
                before,
                "a refused command has had no effect"
            );
            assert_eq!(plan.into_commands().len(), 0);
            match error {
                CommandError::WrongState => 's',
                CommandError::WrongDirection => 'd',
                other => panic!("{other}"),
            }
        }
    }
}

#[test]
fn every_function_in_every_phase_of_either_direction() {
    use Phase::{Answered, Dialling, Offered, Released, Ringing};
    let states = [
        (true, Offered),
        (true, Ringing),
        (true, Answered),
        (true, Released),
        (false, Dialling),
        (false, Ringing),
        (false, Answered),
        (false, Released),
    ];
    let widths = [9, 9, 10, 10, 10, 9, 10, 8];
    let mut table: Vec<String> = TABLE.lines().take(2).map(str::to_owned).collect();
    for (name, function) in FUNCTIONS {
        let cells = states.into_iter().zip(widths);
        let cells = cells.map(|((inbound, phase), width)| {
            let said = said(function, inbound, phase);
            format!("{said:width$}")
        });
        let line = format!("{name:19}{}", cells.collect::<String>());
        table.push(line.trim_end().to_owned());
    }
    let table = table.join("\n") + "\n";
    assert_eq!(table, TABLE, "\n{table}");
}
