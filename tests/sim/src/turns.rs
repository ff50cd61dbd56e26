//! Turns: who runs them. When they end, and that their writes commit, is the world's.

use control::TurnRequest;
use model::turn::TurnOutcome;

use crate::Snapshot;

/// Whoever decides: scripted policies here, the real components in `tests/flows`.
pub trait Policies {
    /// Runs one event of one session. The digest of the request tells which policy; it may be called
    /// again with the same request, when another turn has changed what this one read.
    fn run(&mut self, turn: &TurnRequest, store: &Snapshot) -> TurnOutcome;
}
