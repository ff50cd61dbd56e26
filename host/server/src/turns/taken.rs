//! A turn that has run, as a shard hands it over: to who writes it, to who runs another version along with it.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use control::TurnRequest;
use model::turn::{TurnOutcome, Version};
use recorded::{Did, Reads, Seen, Turn};
use tokio::sync::mpsc;

use crate::outlets::Losses;

/// A turn that has run.
#[derive(Clone, Debug)]
pub struct Taken {
    /// All but what it did.
    pub turn: Turn,
    /// What it did.
    pub outcome: TurnOutcome,
}

impl Taken {
    /// What a shard has asked for, what was read, and what came of it.
    pub fn new(request: TurnRequest, notes: &Notes, outcome: TurnOutcome) -> Box<Self> {
        let turn = Turn {
            number: request.number,
            version: request.version,
            digest: request.digest,
            view: request.view,
            event: request.event,
            ids: request.ids,
            reads: notes.take(),
            did: Did::default(),
        };
        Box::new(Self { turn, outcome })
    }
}

/// Where a shard hands turns over. Cheap to clone.
#[derive(Clone)]
pub struct Sink {
    queue: mpsc::Sender<Box<Taken>>,
    losses: Arc<Losses>,
    lost: fn(&Losses) -> &AtomicU64,
}

impl Sink {
    /// One with so much room, and where its turns come out. Those that find none are counted there.
    pub fn new(
        room: usize,
        losses: &Arc<Losses>,
        lost: fn(&Losses) -> &AtomicU64,
    ) -> (Self, mpsc::Receiver<Box<Taken>>) {
        let (queue, turns) = mpsc::channel(room);
        let losses = Arc::clone(losses);
        let sink = Self {
            queue,
            losses,
            lost,
        };
        (sink, turns)
    }

    /// Takes a turn, or counts it.
    pub fn take(&self, taken: Box<Taken>) {
        if self.queue.try_send(taken).is_err() {
            (self.lost)(&self.losses).fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// What a turn read, noted as it reads. Cheap to clone.
#[derive(Clone, Default)]
pub struct Notes(Arc<Mutex<Reads>>);

impl Notes {
    /// It read that key: a value of that version, or nothing; or the store did not answer.
    pub fn note(&self, key: &str, read: Option<&Option<(Vec<u8>, Version)>>) {
        let seen = match read {
            Some(Some((value, version))) => Seen::Value(value.clone(), *version),
            Some(None) => Seen::Nothing,
            None => Seen::Unavailable,
        };
        self.reads().insert(key.to_owned(), seen);
    }

    /// All of it; from here on there is nothing.
    pub fn take(&self) -> Reads {
        std::mem::take(&mut self.reads())
    }

    fn reads(&self) -> MutexGuard<'_, Reads> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
