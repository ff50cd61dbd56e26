//! The plays, recordings and collections of a call: each end that is told is of one that was begun, and
//! is told once.
//!
//! That none is forgotten only ladders show: a start whose call ended while its turn was out is skipped,
//! which nobody outside sees.

use std::collections::BTreeSet;

use model::{CallId, Command, Event};

#[derive(Debug, Default)]
pub(crate) struct Operations(BTreeSet<u32>);

impl Operations {
    pub(crate) fn begin(&mut self, operation: u32) {
        self.0.insert(operation);
    }

    /// The policy is told this now; an error says why that is wrong.
    pub(crate) fn hear(&mut self, event: &Event) -> Result<(), &'static str> {
        match event {
            Event::DigitsCollected { operation, .. }
            | Event::PlayCompleted { operation, .. }
            | Event::RecordCompleted { operation, .. }
                if !self.0.remove(operation) =>
            {
                Err("tells the end of what does not run")
            }
            _ => Ok(()),
        }
    }
}

/// What a decision begins.
pub(crate) fn begun(decision: &Command) -> Option<(CallId, u32)> {
    match decision {
        Command::CollectStart {
            call, operation, ..
        }
        | Command::PlayStart {
            call, operation, ..
        }
        | Command::RecordStart {
            call, operation, ..
        } => Some((*call, *operation)),
        _ => None,
    }
}
