//! What there is beside a shard's turns: the slow lane, what is recorded of them, and what runs along.

use std::{io, sync::Arc, thread::JoinHandle};

use control::TurnRequest;
use model::turn::TurnOutcome;
use store::Store;
use tokio::{sync::mpsc, task::JoinSet};

use crate::{
    lane::Lane,
    metrics::Metrics,
    outage::Outage,
    outlets::{Losses, Record},
    plugins::Plugins,
    records::turns,
    shadows,
};

use super::taken::{Notes, Sink, Taken, Waiting};

/// Where a turn may go on, and where it is handed over when it has run. Cheap to clone.
#[derive(Clone)]
pub struct Beside {
    /// For turns that are slow.
    pub lane: Arc<Lane<TurnOutcome>>,
    recorded: Sink,
    shadows: Sink,
}

/// Where turns come out that were handed over.
pub struct Ends {
    recorded: mpsc::Receiver<Box<Waiting>>,
    shadows: mpsc::Receiver<Box<Waiting>>,
    losses: Arc<Losses>,
}

impl Beside {
    /// All of it, with that lane; what finds no room is counted.
    pub fn new(lane: Lane<TurnOutcome>, losses: &Arc<Losses>) -> (Self, Ends) {
        let (recorded, turns) = Sink::new(turns::ROOM, losses, |it| &it.turns);
        let (shadows, followed) = Sink::new(shadows::ROOM, losses, |it| &it.shadows);
        let beside = Self {
            lane: Arc::new(lane),
            recorded,
            shadows,
        };
        let ends = Ends {
            recorded: turns,
            shadows: followed,
            losses: Arc::clone(losses),
        };
        (beside, ends)
    }

    /// Where it is noted what that turn reads, if anybody wants to know.
    pub fn notes(request: &TurnRequest) -> Option<Notes> {
        let wanted = request.view.tenant.records_turns || has_shadow(request);
        wanted.then(Notes::default)
    }

    /// A turn has run, and read what was noted.
    pub fn take(&self, request: TurnRequest, notes: &Notes, outcome: &TurnOutcome) {
        let (records, follows) = (request.view.tenant.records_turns, has_shadow(&request));
        let taken = Taken::new(request, notes, outcome.clone());
        if follows && records {
            self.shadows.take(taken.clone());
            self.recorded.take(taken);
        } else if follows {
            self.shadows.take(taken);
        } else {
            self.recorded.take(taken);
        }
    }
}

fn has_shadow(request: &TurnRequest) -> bool {
    let view = &request.view;
    shadows::shadow(&view.tenant, &view.plugin, request.version).is_some()
}

impl Ends {
    /// Starts who writes turns, and the thread that runs along with them. Both end when nothing can be
    /// handed over any more: those that the shards have are the last ones.
    pub fn start(
        self,
        last: Beside,
        plugins: &Arc<Plugins>,
        (store, records, outage): (&Store, mpsc::Sender<Record>, Outage),
        metrics: &Metrics,
        writers: &mut JoinSet<()>,
    ) -> io::Result<JoinHandle<()>> {
        drop(last);
        let metrics = metrics.clone();
        let losses = Arc::clone(&self.losses);
        let writer = turns::write_to(
            store.clone(),
            self.recorded,
            self.losses,
            metrics.clone(),
            outage,
        );
        writers.spawn(writer);
        shadows::start(Arc::clone(plugins), self.shadows, records, losses, metrics)
    }
}
