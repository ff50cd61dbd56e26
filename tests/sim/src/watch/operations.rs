//! The plays, recordings and collections of a call: each end that is told is of one that was begun, and
//! is told once; and of what a media shard was told to begin none is forgotten.
//!
//! A start whose call ended while its turn was out is skipped: then no media shard hears of it, and no end is
//! told. Of collections, which are no media shard's, only ladders show that none is forgotten.

use std::collections::{BTreeMap, BTreeSet};

use model::{CallId, Command, Event};

#[derive(Debug, Default)]
pub(crate) struct Operations(BTreeSet<u32>);

/// What media shards began for a session, less what its policy was told the end of. Operations are numbered
/// by call: what is counted here is of all its calls.
#[derive(Debug, Default)]
pub(crate) struct Carried {
    plays: BTreeMap<u32, i32>,
    recordings: BTreeMap<u32, i32>,
}

impl Carried {
    /// A media shard is told this.
    pub(crate) fn command(&mut self, command: &media::Command) {
        match command {
            media::Command::Play { play, .. } => {
                *self.plays.entry(play.operation).or_default() += 1;
            }
            media::Command::Record { operation, .. } => {
                *self.recordings.entry(*operation).or_default() += 1;
            }
            _ => {}
        }
    }

    /// The policy is told this.
    pub(crate) fn event(&mut self, event: &Event) {
        match event {
            Event::PlayCompleted { operation, .. } => {
                *self.plays.entry(*operation).or_default() -= 1;
            }
            Event::RecordCompleted { operation, .. } => {
                *self.recordings.entry(*operation).or_default() -= 1;
            }
            _ => {}
        }
    }

    /// How many of them were forgotten.
    pub(crate) fn forgotten(&self) -> i32 {
        let all = self.plays.values().chain(self.recordings.values());
        all.map(|count| (*count).max(0)).sum()
    }
}

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
            | Event::ConferencePlayCompleted { operation, .. }
            | Event::ConferenceRecordCompleted { operation, .. }
                if !self.0.remove(operation) =>
            {
                Err("tells the end of what does not run")
            }
            _ => Ok(()),
        }
    }
}

/// What a decision begins in a conference.
pub(crate) fn begun_in_conference(decision: &Command) -> Option<u32> {
    match decision {
        Command::ConfPlayStart { operation, .. } | Command::ConfRecordStart { operation, .. } => {
            Some(*operation)
        }
        _ => None,
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
