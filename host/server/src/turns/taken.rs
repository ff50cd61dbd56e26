//! A turn that has run, as a shard hands it over: to who writes it, to who runs another version along with it.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use control::TurnRequest;
use model::turn::{Effects, TurnOutcome, Version, Write};
use recorded::{Did, Reads, Seen, Turn};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use crate::{outlets::Losses, records::turns::OCTETS};

/// What a turn, a call of it, a command or a conference counts at the least: about what it is with all that it
/// points to.
const PIECE: usize = 1_024;

/// A turn that has run.
#[derive(Clone, Debug)]
pub struct Taken {
    /// All but what it did.
    pub turn: Turn,
    /// What it did.
    pub outcome: TurnOutcome,
    /// Whether all that it read is there: else nobody can run it again.
    pub is_whole: bool,
}

impl Taken {
    /// What a shard has asked for, what was read, and what came of it.
    pub fn new(request: TurnRequest, notes: &Notes, outcome: TurnOutcome) -> Self {
        let reads = notes.take();
        let is_whole = reads.is_some();
        let turn = Turn {
            number: request.number,
            version: request.version,
            digest: request.digest,
            view: request.view,
            event: request.event,
            ids: request.ids,
            reads: reads.unwrap_or_default(),
            did: Did::default(),
        };
        Self {
            turn,
            outcome,
            is_whole,
        }
    }

    /// That there was such a turn, and nothing of what it saw and did.
    fn counted(mut self) -> Self {
        let view = &mut self.turn.view;
        (view.calls, view.conferences) = (Vec::new(), Vec::new());
        view.state = [].into();
        self.turn.reads.clear();
        self.outcome = TurnOutcome::Done(Box::default());
        self.is_whole = false;
        self
    }

    /// About how many octets of memory it takes.
    fn octets(&self) -> usize {
        let view = &self.turn.view;
        let pieces = 1 + view.calls.len() + view.conferences.len();
        let read = self.turn.reads.iter().map(|(key, seen)| match seen {
            Seen::Value(value, _) => key.len() + value.len(),
            Seen::Nothing | Seen::Unavailable => key.len(),
        });
        let did = match &self.outcome {
            TurnOutcome::Done(effects) => did(effects),
            TurnOutcome::Fault { logs, .. } => logs.iter().map(|it| it.message.len()).sum(),
        };
        pieces * PIECE + view.state.len() + read.sum::<usize>() + did
    }
}

/// About how many octets of memory that takes.
fn did(effects: &Effects) -> usize {
    let wrote = effects.store.writes.iter().map(|(key, write)| match write {
        Write::Put { value, .. } => key.len() + value.len(),
        Write::Remove => key.len(),
    });
    let logs = effects.logs.iter().map(|it| it.message.len());
    let reply = effects.reply.as_ref().map_or(0, |it| it.body.len());
    let state = effects.state.as_ref().map_or(0, Vec::len);
    effects.commands.len() * PIECE + wrote.sum::<usize>() + logs.sum::<usize>() + reply + state
}

/// A turn that waits, and the room that it takes meanwhile.
pub struct Waiting {
    /// The turn.
    pub taken: Taken,
    /// None: there was none, and of the turn only that there was one is known.
    _room: Option<OwnedSemaphorePermit>,
}

/// Where a shard hands turns over. Cheap to clone.
#[derive(Clone)]
pub struct Sink {
    queue: mpsc::Sender<Box<Waiting>>,
    /// Turns that wait whole, at the most; behind them as many are only counted.
    turns: usize,
    /// Octets that there still is room for: a turn may be large, and many of them may.
    room: Arc<Semaphore>,
    losses: Arc<Losses>,
    lost: fn(&Losses) -> &AtomicU64,
}

impl Sink {
    /// One with room for so many turns of so many octets together, and where they come out. Those that find
    /// none are counted there, and as many of them come out without what they saw and did: so that their session
    /// is known to have a gap.
    pub fn new(
        (turns, octets): (usize, usize),
        losses: &Arc<Losses>,
        lost: fn(&Losses) -> &AtomicU64,
    ) -> (Self, mpsc::Receiver<Box<Waiting>>) {
        let (queue, out) = mpsc::channel(turns * 2);
        let losses = Arc::clone(losses);
        let sink = Self {
            queue,
            turns,
            room: Arc::new(Semaphore::new(octets)),
            losses,
            lost,
        };
        (sink, out)
    }

    /// Takes a turn, or counts it.
    pub fn take(&self, taken: Taken) {
        let room = self.room_for(&taken);
        let is_lost = room.is_none();
        let taken = if is_lost { taken.counted() } else { taken };
        let waiting = Waiting { taken, _room: room };
        if self.queue.try_send(Box::new(waiting)).is_err() || is_lost {
            (self.lost)(&self.losses).fetch_add(1, Ordering::Relaxed);
        }
    }

    fn room_for(&self, taken: &Taken) -> Option<OwnedSemaphorePermit> {
        if self.queue.capacity() <= self.turns {
            return None;
        }
        let octets = u32::try_from(taken.octets()).ok()?;
        let room = Arc::clone(&self.room).try_acquire_many_owned(octets);
        room.ok()
    }
}

/// What a turn read, noted as it reads: up to what is kept of a session, for beyond that nothing is. Cheap to
/// clone.
#[derive(Clone, Default)]
pub struct Notes(Arc<Mutex<Noted>>);

#[derive(Default)]
struct Noted {
    reads: Reads,
    octets: usize,
}

impl Notes {
    /// It read that key: a value of that version, or nothing; or the store did not answer.
    pub fn note(&self, key: &str, read: Option<&Option<(Vec<u8>, Version)>>) {
        let mut noted = self.noted();
        let value = read.and_then(Option::as_ref);
        noted.octets += key.len() + value.map_or(0, |(value, _)| value.len());
        if noted.octets > OCTETS {
            noted.reads.clear();
            return;
        }
        let seen = match read {
            Some(Some((value, version))) => Seen::Value(value.clone(), *version),
            Some(None) => Seen::Nothing,
            None => Seen::Unavailable,
        };
        noted.reads.insert(key.to_owned(), seen);
    }

    /// All of it, if it is not too much; from here on there is nothing.
    pub fn take(&self) -> Option<Reads> {
        let noted = std::mem::take(&mut *self.noted());
        (noted.octets <= OCTETS).then_some(noted.reads)
    }

    fn noted(&self) -> MutexGuard<'_, Noted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
