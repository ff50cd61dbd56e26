//! Recorded sessions against a component: the same turns again, and where it decides otherwise.

use std::fmt;

use policy::{StoreRead, StoreReads, TurnInput, Unavailable};
use recorded::{Course, Did, Divergence, Known, Session, Step, Turn};

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
    /// Behind so many turns that it decides the same, one or more are not recorded.
    Cut(usize),
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Same(turns) => write!(f, "the same in {turns} turns"),
            Self::Differs(it) => it.fmt(f),
            Self::Unknown { turn, event, key } => {
                let turn = turn + 1;
                write!(
                    f,
                    "turn {turn}, {event}: it reads {key:?}, which was not read then"
                )
            }
            Self::Cut(turns) => {
                write!(
                    f,
                    "the same in {turns} turns, behind which not all are recorded"
                )
            }
        }
    }
}

/// Runs the first component on the turns of a session, up to the first difference.
pub fn replay(session: &Session, components: &Components) -> Verdict {
    let mut course = Course::default();
    for (at, turn) in session.turns.iter().enumerate() {
        let known = Known::of(turn);
        let Some(did) = run(turn, &course, &known, components) else {
            return Verdict::Cut(at);
        };
        match course.done(turn, &did, known.unknown()) {
            Step::Same => {}
            Step::Differs(divergence) => return Verdict::Differs(divergence),
            Step::Unknown(key) => {
                let (turn, event) = (turn.number, turn.event.name());
                return Verdict::Unknown { turn, event, key };
            }
        }
    }
    let turns = session.turns.len();
    if session.lost > 0 {
        return Verdict::Cut(turns);
    }
    Verdict::Same(turns)
}

/// What the component does in that turn; none if the turn before it is missing.
fn run(turn: &Turn, course: &Course, known: &Known, components: &Components) -> Option<Did> {
    let view = course.view(turn)?;
    let exports = components.first().map_or(&[][..], |(_, exports)| exports);
    if !recorded::hears(exports, &turn.event) {
        return Some(Did::default());
    }
    let input = TurnInput {
        view,
        event: turn.event.clone(),
        ids: turn.ids.clone(),
    };
    let outcome = components.turn(input, Box::new(Then(known.clone())));
    Some(outcome.map_or_else(Did::default, |it| Did::of(&it)))
}

/// The store as it was read then.
struct Then(Known);

impl StoreReads for Then {
    fn get<'a>(&'a mut self, key: &'a str) -> StoreRead<'a> {
        let found = self.0.get(key).map_err(|_| Unavailable);
        Box::pin(async move { found })
    }
}

#[cfg(test)]
mod tests;
