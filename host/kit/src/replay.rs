//! Recorded sessions against a component: the same turns again, and where it decides otherwise.
//!
//! A component goes on with its own state, for another version may spell that otherwise; all else that it
//! sees is as it was recorded. So what comes behind a first difference tells nothing, and is not run. A key
//! of the store that the recorded turn did not read is known to nobody.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, OnceLock},
};

use model::SessionId;
use policy::{StoreRead, StoreReads, TurnInput, Unavailable};
use tape::{Did, Difference, Reads, Seen, Session, Turn};

use crate::Components;

/// How a component went through a recorded session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It decides the same in all of so many turns.
    Same(usize),
    /// It decides otherwise.
    Differs(Box<Divergence>),
    /// In that turn it reads a key which nobody knows.
    Unknown {
        /// The turn.
        turn: u32,
        /// The handler.
        event: &'static str,
        /// The key.
        key: String,
    },
    /// Behind so many turns that it decides the same, one was not recorded.
    Cut(usize),
}

/// The first decision that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Divergence {
    /// The session.
    pub session: SessionId,
    /// How many turns went before.
    pub turn: u32,
    /// The handler.
    pub event: &'static str,
    /// What differs, in which parties stand for their calls.
    pub difference: Difference,
}

impl fmt::Display for Divergence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Difference {
            what,
            recorded,
            now,
        } = &self.difference;
        let (turn, event) = (self.turn + 1, self.event);
        writeln!(f, "turn {turn}, {event}: {what} differs")?;
        writeln!(f, "    recorded:  {recorded}")?;
        write!(f, "    now:       {now}")
    }
}

/// Runs the first component on the turns of a session, up to the first difference.
pub fn replay(session: &Session, components: &Components) -> Verdict {
    let mut state: Option<Arc<[u8]>> = None;
    let first = session.turns.first().map_or(0, |turn| turn.number);
    for (at, turn) in session.turns.iter().enumerate() {
        if turn.number as usize != first as usize + at {
            return Verdict::Cut(at);
        }
        let own = state.unwrap_or_else(|| turn.view.state.clone());
        let (did, unknown) = run(turn, own.clone(), components);
        let event = turn.event.name();
        if let Some(key) = unknown {
            let turn = turn.number;
            return Verdict::Unknown { turn, event, key };
        }
        if turn.did.is_decided()
            && let Some(difference) = tape::difference(&turn.did, &did)
        {
            return Verdict::Differs(Box::new(Divergence {
                session: session.id,
                turn: turn.number,
                event,
                difference: named(difference, turn),
            }));
        }
        // Nothing of a turn that befell something was kept then, and nothing is now.
        let kept = did.state().filter(|_| turn.did.is_decided());
        state = Some(kept.map_or(own, Arc::from));
    }
    Verdict::Same(session.turns.len())
}

/// What the component does in that turn, and the first key that it reads and nobody knows.
fn run(turn: &Turn, state: Arc<[u8]>, components: &Components) -> (Did, Option<String>) {
    let exports = components.first().map_or(&[][..], |(_, exports)| exports);
    if !tape::hears(exports, &turn.event) {
        return (Did::default(), None);
    }
    let mut view = turn.view.clone();
    view.state = state;
    let input = TurnInput {
        view,
        event: turn.event.clone(),
        ids: turn.ids.clone(),
    };
    let unknown = Arc::new(OnceLock::new());
    let reads = Recorded {
        reads: turn.reads.clone(),
        unknown: Arc::clone(&unknown),
    };
    let did = components.turn(input, Box::new(reads));
    let key = unknown.get().cloned();
    (did.map_or_else(Did::default, |it| Did::of(&it)), key)
}

/// The store as it was read then.
struct Recorded {
    reads: Reads,
    unknown: Arc<OnceLock<String>>,
}

impl StoreReads for Recorded {
    fn get<'a>(&'a mut self, key: &'a str) -> StoreRead<'a> {
        let found = match self.reads.get(key) {
            Some(Seen::Value(value, version)) => Ok(Some((value.clone(), *version))),
            Some(Seen::Nothing) => Ok(None),
            Some(Seen::Unavailable) => Err(Unavailable),
            None => {
                // The first one counts.
                let _ = self.unknown.set(key.to_owned());
                Err(Unavailable)
            }
        };
        Box::pin(async move { found })
    }
}

/// The same difference with parties in place of their calls' ids.
fn named(difference: Difference, turn: &Turn) -> Difference {
    let calls = turn.view.calls.iter();
    let parties: BTreeMap<String, &str> = calls
        .map(|call| {
            let party = match call.direction {
                model::CallDirection::Inbound => &call.from,
                model::CallDirection::Outbound => &call.to,
            };
            (call.id.to_string(), party.user())
        })
        .collect();
    let name = |text: String| {
        let named = |text: String, (id, party): (&String, &&str)| text.replace(id, party);
        parties.iter().fold(text, named)
    };
    Difference {
        what: difference.what,
        recorded: name(difference.recorded),
        now: name(difference.now),
    }
}
