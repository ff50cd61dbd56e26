//! Policies in Rust, through the one validator of commands.
//!
//! Each makes the decisions of a policy that exists as a component, so that a ladder of the one must
//! be that of the other, byte for byte. The digest of a plugin is the name of its script here.
//!
//! | digest | what it does |
//! |---|---|
//! | `makecall` | the twin of `plugins/makecall` |
//! | `trap` | on a call it writes to the store, answers, and traps, as `plugins/faulty` does |
//! | `answer` | answers every call |
//! | `collector` | begins to collect digits 300 times at once |
//! | `crier` | brings every caller into the conference of its number; at a key it plays there and lets the caller go |
//! | `crowd` | calls 3001 as often as a session may, and starts as many timers |
//! | `click` | calls two parties at a request, and joins them |
//! | `hunt` | calls everybody at once |
//! | `conference` | the twin of `plugins/conference-room` |
//! | `ivr` | the twin of `plugins/ivr` |
//! | `keypad` | the twin of `plugins/keypad` |
//! | `memo` | the twin of `plugins/memo` |
//! | `patient` | rings, answers after a while and hangs up after another, by timers |
//! | `forward` | forwards always, when busy and when nobody answers |
//! | `sender` | asks every caller to call 3002 instead |
//! | `voicemail` | the twin of `plugins/voicemail` |
//! | `silent` | nothing at all |
//! | `redirect` | sends every caller to 3001 |

mod click;
mod conference;
mod forward;
mod hunt;
mod ivr;
mod keypad;
mod makecall;
mod memo;
mod sender;
mod voicemail;

use std::collections::BTreeMap;

use control::TurnRequest;
use model::{
    Event, LogLevel, LogLine, Reply, limits,
    turn::{
        CommandError, Dial, Effects, Fault, Phase, Plan, StoreTouch, TurnOutcome, Usage, Version,
        Write,
    },
};

use crate::{Policies, Snapshot};

/// All scripts.
#[derive(Clone, Copy, Debug, Default)]
pub struct Scripts;

/// How a handler ends: with an error nothing of the turn happens, as in the SDK.
type Handled = Result<(), CommandError>;

impl Policies for Scripts {
    fn run(&mut self, turn: &TurnRequest, store: &Snapshot) -> TurnOutcome {
        let mut desk = Desk::new(turn, store);
        let handled = match turn.digest.as_str() {
            "makecall" => makecall::handle(&mut desk, &turn.event),
            "trap" => trap(&mut desk, &turn.event),
            "sender" => sender::handle(&mut desk, &turn.event),
            "forward" => forward::handle(&mut desk, &turn.event),
            "redirect" => redirect(&mut desk, &turn.event),
            "click" => click::handle(&mut desk, &turn.event),
            "hunt" => hunt::handle(&mut desk, &turn.event),
            "conference" => conference::handle(&mut desk, &turn.event),
            "ivr" => ivr::handle(&mut desk, &turn.event),
            "keypad" => keypad::handle(&mut desk, &turn.event),
            "memo" => memo::handle(&mut desk, &turn.event),
            "voicemail" => voicemail::handle(&mut desk, &turn.event),
            "patient" => patient(&mut desk, &turn.event),
            "answer" => answer(&mut desk, &turn.event),
            "collector" => collector(&mut desk, &turn.event),
            "crier" => conference::cry(&mut desk, &turn.event),
            "crowd" => crowd(&mut desk, &turn.event),
            _ => Ok(()),
        };
        desk.outcome(handled)
    }
}

fn trap(desk: &mut Desk<'_>, event: &Event) -> Handled {
    if let Event::Incoming { call, .. } = event {
        desk.put("traces", b"of a turn that never happened".to_vec(), None);
        desk.log(LogLevel::Info, "about to fail");
        desk.plan.answer(*call, "never answered")?;
        return Err(CommandError::NotFound("this error, on purpose".to_owned()));
    }
    Ok(())
}

fn redirect(desk: &mut Desk<'_>, event: &Event) -> Handled {
    match event {
        Event::Incoming { call, .. } => desk.plan.redirect(*call, "3001"),
        _ => Ok(()),
    }
}

fn answer(desk: &mut Desk<'_>, event: &Event) -> Handled {
    match event {
        Event::Incoming { call, .. } => desk.plan.answer(*call, ""),
        _ => Ok(()),
    }
}

fn collector(desk: &mut Desk<'_>, event: &Event) -> Handled {
    if let Event::Incoming { call, .. } = event {
        for _ in 0..300 {
            desk.plan.collect_start(*call, 1, "", 1_000, 1_000)?;
        }
    }
    Ok(())
}

fn crowd(desk: &mut Desk<'_>, event: &Event) -> Handled {
    if let Event::Incoming { .. } = event {
        for n in 0..limits::SESSION_TIMERS {
            desk.plan.timer_start(&n.to_string(), 100)?;
        }
        for _ in 1..limits::SESSION_CALLS {
            desk.plan.construct(&Dial {
                from: "2001",
                to: "3001",
                ..Dial::default()
            })?;
        }
    }
    Ok(())
}

fn patient(desk: &mut Desk<'_>, event: &Event) -> Handled {
    let call = desk.plan.calls().next().map(|call| call.id);
    match (event, call) {
        (Event::Incoming { call, .. }, _) => {
            desk.plan.ring(*call)?;
            // So close to each other that the later may expire while the turn of the other is out.
            desk.plan.timer_start("answer", 890)?;
            desk.plan.timer_start("end", 900)
        }
        (Event::Timer { name }, Some(call)) if name == "answer" => {
            desk.plan.timer_start("end", 4_000)?;
            desk.plan.answer(call, "")
        }
        (Event::Timer { .. }, Some(call)) => match desk.plan.call(call).map(|call| call.phase) {
            Some(Phase::Answered) => desk.plan.release(call, 200),
            _ => desk.plan.timer_start("end", 2_000),
        },
        (Event::Released { .. }, _) => {
            desk.plan.timer_stop("answer");
            desk.plan.timer_stop("end");
            Ok(())
        }
        _ => Ok(()),
    }
}

/// What a handler works with: the plan, and the store with its own writes in it.
struct Desk<'a> {
    plan: Plan,
    seen: &'a Snapshot,
    touch: StoreTouch,
    /// What the store looks like with this turn's writes.
    own: BTreeMap<String, Option<Vec<u8>>>,
    state: Option<Vec<u8>>,
    reply: Option<Reply>,
    logs: Vec<LogLine>,
}

impl<'a> Desk<'a> {
    fn new(turn: &TurnRequest, seen: &'a Snapshot) -> Self {
        Self {
            plan: Plan::new(turn.view.clone(), turn.ids.clone()),
            seen,
            touch: StoreTouch::default(),
            own: BTreeMap::new(),
            state: None,
            reply: None,
            logs: Vec::new(),
        }
    }

    fn get(&mut self, key: &str) -> Option<Vec<u8>> {
        if let Some(own) = self.own.get(key) {
            return own.clone();
        }
        let seen = self.seen.get(key);
        let version: Version = seen.map_or(0, |(_, version)| version);
        self.touch.reads.insert(key.to_owned(), version);
        seen.map(|(value, _)| value.to_vec())
    }

    fn put(&mut self, key: &str, value: Vec<u8>, seconds: Option<u64>) {
        self.own.insert(key.to_owned(), Some(value.clone()));
        let expires = seconds.map(|seconds| self.plan.view().now + seconds * 1_000);
        let write = Write::Put { value, expires };
        self.touch.writes.insert(key.to_owned(), write);
    }

    fn remove(&mut self, key: &str) {
        self.own.insert(key.to_owned(), None);
        self.touch.writes.insert(key.to_owned(), Write::Remove);
    }

    fn log(&mut self, level: LogLevel, message: &str) {
        let message = message.to_owned();
        self.logs.push(LogLine { level, message });
    }

    fn outcome(mut self, handled: Handled) -> TurnOutcome {
        let usage = Usage {
            turns: 1,
            ..Usage::default()
        };
        if let Err(why) = handled {
            self.log(LogLevel::Error, &why.to_string());
            return TurnOutcome::Fault {
                kind: Fault::Trap,
                logs: self.logs,
                usage,
            };
        }
        TurnOutcome::Done(Box::new(Effects {
            commands: self.plan.into_commands(),
            state: self.state,
            reply: self.reply,
            logs: self.logs,
            store: self.touch,
            usage,
        }))
    }
}
