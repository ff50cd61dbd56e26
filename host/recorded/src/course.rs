//! A component's way through the recorded turns of a session: on its own state, up to the first difference.
//!
//! All else that it sees is as it was recorded, so what comes behind a first difference tells nothing. Runs
//! nothing itself: whoever does asks for the view and tells what came of it.

use std::{
    fmt,
    sync::{Arc, OnceLock},
};

use model::{Event, SessionId, turn::View};

use crate::{Did, Difference, Reads, Seen, Turn, difference};

/// How far a component has come.
#[derive(Clone, Debug, Default)]
pub struct Course {
    /// The number of the turn that comes next, and the state for it.
    next: Option<(u32, Arc<[u8]>)>,
}

/// What a turn of it showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// It decides the same.
    Same,
    /// It decides otherwise.
    Differs(Box<Divergence>),
    /// It reads that key, which nobody knows.
    Unknown(String),
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
    /// What differs; parties stand for their calls.
    pub difference: Difference,
}

impl Course {
    /// What the component sees in that turn; none if the turn before it is missing.
    pub fn view(&self, turn: &Turn) -> Option<View> {
        let mut view = turn.view.clone();
        if let Some((next, state)) = &self.next {
            if turn.number != *next {
                return None;
            }
            view.state = Arc::clone(state);
        }
        Some(view)
    }

    /// What it did in that turn, and the first key that it read and nobody knows.
    pub fn done(&mut self, turn: &Turn, did: &Did, unknown: Option<&String>) -> Step {
        if let Some(key) = unknown {
            return Step::Unknown(key.clone());
        }
        // What befell a turn was no decision, nor is the change to another version: nothing of it is kept.
        if !turn.did.is_decided() || matches!(turn.event, Event::Migrate { .. }) {
            self.go_on(turn, None);
            return Step::Same;
        }
        if let Some(difference) = difference(&turn.did, did) {
            return Step::Differs(Box::new(Divergence {
                session: turn.view.session,
                turn: turn.number,
                event: turn.event.name(),
                difference: difference.named(&turn.view),
            }));
        }
        self.go_on(turn, did.state());
        Step::Same
    }

    fn go_on(&mut self, turn: &Turn, state: Option<&[u8]>) {
        let before = match self.next.take() {
            Some((_, state)) => state,
            None => Arc::clone(&turn.view.state),
        };
        let state = state.map_or(before, Arc::from);
        self.next = Some((turn.number.saturating_add(1), state));
    }
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

/// The store as a recorded turn read it. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Known(Arc<(Reads, OnceLock<String>)>);

/// The store did not answer then, or nobody knows what it would have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unanswered;

impl Known {
    /// What that turn read.
    pub fn of(turn: &Turn) -> Self {
        Self(Arc::new((turn.reads.clone(), OnceLock::new())))
    }

    /// What it read under that key.
    pub fn get(&self, key: &str) -> Result<Option<(Vec<u8>, model::turn::Version)>, Unanswered> {
        let (reads, unknown) = &*self.0;
        match reads.get(key) {
            Some(Seen::Value(value, version)) => Ok(Some((value.clone(), *version))),
            Some(Seen::Nothing) => Ok(None),
            Some(Seen::Unavailable) => Err(Unanswered),
            None => {
                // The first one counts.
                let _ = unknown.set(key.to_owned());
                Err(Unanswered)
            }
        }
    }

    /// The first key that was asked for and that the turn had not read.
    pub fn unknown(&self) -> Option<&String> {
        self.0.1.get()
    }
}
