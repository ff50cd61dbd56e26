//! Recorded turns: from the shards that run them to the rows that keep them.
//!
//! A shard hands over what it has anyway, and its words are found here: a turn costs it a copy of what was
//! decided and of what was read. A full queue loses the turn and counts it, and so does a store that does not
//! take it; nothing waits. A session has [`TURNS`] turns and [`OCTETS`] octets at the most. Behind a turn that is
//! not kept none of its session is: each is counted in its row, so that a replay knows where it ends.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use model::{SessionId, TenantId};
use recorded::Did;
use store::{RecordedTurn, Store, StoreError, admin};
use tokio::sync::mpsc;

use crate::{
    metrics::Metrics,
    outage::Outage,
    outlets::Losses,
    turns::taken::{Taken, Waiting},
};

/// Room in the queue: some seconds of a busy node; turns, and their octets, of which a large turn takes as many
/// as a hundred usual ones.
pub const ROOM: (usize, usize) = (2_048, 32 << 20);
/// Turns of one session: a menu that is walked for half an hour.
const TURNS: u32 = 200;
/// Octets of one session's turns: those of one that keeps a state of several kilobytes.
pub const OCTETS: usize = 256 * 1024;
/// Sessions whose octets are counted at one time, the newest: others count anew.
const SESSIONS: usize = 16_384;
/// Turns of one commit at most, and as many that are owed.
const GROUP: usize = 64;
/// Turns at most that the store did not take and that are counted later: some seconds of a busy node. Further ones
/// are in no row, only in the metrics.
const OWED: usize = 2_048;
/// How long turns gather: nobody waits for them.
const RELAXED: Duration = Duration::from_millis(250);
/// New sessions of a tenant after which its oldest are removed.
const TRIM: u32 = 250;

/// Writes turns to the store until every sender is gone.
pub async fn write_to(
    store: Store,
    turns: mpsc::Receiver<Box<Waiting>>,
    losses: Arc<Losses>,
    metrics: Metrics,
    outage: Outage,
) {
    let rows = store.clone();
    let commit = async move |turns: Vec<RecordedTurn>| {
        let work = metrics.recorded();
        let written = admin::record(&rows, turns).await;
        work.done(written.is_ok());
        written
    };
    let trim = async move |tenant| trim(&store, tenant).await;
    write(commit, trim, turns, losses, outage).await;
}

/// Writes turns until every sender is gone. `commit` keeps rows, all or none of them, and what it does not take is
/// lost; `trim` removes the oldest sessions of a tenant.
async fn write(
    commit: impl AsyncFn(Vec<RecordedTurn>) -> Result<(), StoreError>,
    trim: impl AsyncFn(TenantId),
    mut turns: mpsc::Receiver<Box<Waiting>>,
    losses: Arc<Losses>,
    outage: Outage,
) {
    let (mut spool, mut waiting) = (Spool::default(), Vec::with_capacity(GROUP));
    while turns.recv_many(&mut waiting, GROUP).await > 0 {
        let is_full = waiting.len() == GROUP;
        let new = waiting.drain(..).map(|waiting| waiting.taken);
        let rows = spool.rows(new);
        let counted: Vec<_> = rows.iter().map(counted).collect();
        let due = spool.due(&counted);
        let kept = rows.iter().filter(|row| row.body.is_some()).count();
        match commit(rows).await {
            Ok(()) => outage.over(),
            Err(error) => {
                losses.turns.fetch_add(kept as u64, Ordering::Relaxed);
                outage.noticed("recorded turns are lost", &error);
                spool.owe(counted);
            }
        }
        for tenant in due {
            trim(tenant).await;
        }
        // A full group tells that there are more.
        if !is_full && !turns.is_closed() {
            tokio::time::sleep(RELAXED).await;
        }
    }
}

/// The same row without the turn.
fn counted(row: &RecordedTurn) -> RecordedTurn {
    RecordedTurn {
        tenant: row.tenant,
        session: row.session,
        number: row.number,
        plugin: row.plugin.clone(),
        version: row.version,
        digest: row.digest.clone(),
        at: row.at,
        body: None,
        missing: row.missing,
    }
}

/// Removes a tenant's oldest sessions, batch by batch.
async fn trim(store: &Store, tenant: TenantId) {
    loop {
        match store.trim_recorded(tenant).await {
            Ok(gone) if gone == store::limits::SWEEP as u64 => {}
            Ok(_) => return,
            Err(error) => {
                tracing::warn!(%tenant, %error, "recorded sessions could not be trimmed");
                return;
            }
        }
    }
}

/// How much there is of each session, and of each tenant since its oldest ones went.
#[derive(Default)]
struct Spool {
    sessions: BTreeMap<SessionId, Kept>,
    /// The newest session that has given way to others.
    gave_way: Option<SessionId>,
    begun: BTreeMap<TenantId, u32>,
    /// Turns that the store did not take: they are to be counted as soon as it does.
    owed: VecDeque<RecordedTurn>,
}

/// What is kept of a session.
#[derive(Clone, Copy, Default)]
struct Kept {
    /// Octets; [`OCTETS`] behind a turn that is not kept.
    octets: usize,
    /// The number of its next turn.
    next: u32,
}

impl Spool {
    /// The rows of these turns, behind some that are owed.
    fn rows(&mut self, turns: impl Iterator<Item = Taken>) -> Vec<RecordedTurn> {
        let owed = self.owed.len().min(GROUP);
        let mut rows: Vec<_> = self.owed.drain(..owed).collect();
        rows.extend(turns.map(|taken| self.row(taken)));
        rows
    }

    /// The row of a turn; beyond the limits of its session, or behind one that is missing, one that is only
    /// counted.
    fn row(&mut self, taken: Taken) -> RecordedTurn {
        let Taken {
            mut turn,
            outcome,
            is_whole,
        } = taken;
        let (session, number) = (turn.view.session, turn.number);
        let Kept {
            octets: has,
            next: expected,
        } = self.kept(session, number);
        let fits = is_whole && number == expected && number < TURNS && has < OCTETS;
        let body = fits.then(|| {
            turn.did = Did::of(&outcome);
            turn.write()
        });
        // A turn that cannot be written is one that is too large; it is counted likewise.
        let body = body.and_then(Result::ok);
        let body = body.filter(|body| has + body.len() <= OCTETS);
        // Behind a turn that is missing nothing can be replayed.
        let octets = body.as_ref().map_or(OCTETS, |body| has + body.len());
        let next = number.saturating_add(1);
        self.sessions.insert(session, Kept { octets, next });
        if self.sessions.len() > SESSIONS {
            let gone = self.sessions.pop_first().map(|(session, _)| session);
            self.gave_way = self.gave_way.max(gone);
        }
        RecordedTurn {
            tenant: turn.view.tenant.id,
            session,
            number,
            plugin: turn.view.plugin,
            version: turn.version,
            digest: turn.digest,
            at: turn.view.now,
            body,
            missing: number.saturating_sub(expected),
        }
    }

    /// What is kept of a session whose turn of that number has come.
    fn kept(&self, session: SessionId, number: u32) -> Kept {
        let unknown = || {
            // Of a session that gave way nobody knows where it was: it counts anew.
            let gave_way = self.gave_way >= Some(session);
            Kept {
                octets: 0,
                next: if gave_way { number } else { 0 },
            }
        };
        self.sessions.get(&session).copied().unwrap_or_else(unknown)
    }

    /// The store did not take these: nothing behind them is kept, and they are counted later.
    fn owe(&mut self, rows: Vec<RecordedTurn>) {
        for row in rows {
            if let Some(kept) = self.sessions.get_mut(&row.session) {
                kept.octets = OCTETS;
            }
            if self.owed.len() < OWED {
                self.owed.push_back(row);
            }
        }
    }

    /// The tenants that have so many new sessions that their oldest may go.
    fn due(&mut self, rows: &[RecordedTurn]) -> Vec<TenantId> {
        for row in rows.iter().filter(|row| row.number == 0) {
            *self.begun.entry(row.tenant).or_default() += 1;
        }
        let full: Vec<_> = self
            .begun
            .iter()
            .filter(|(_, begun)| **begun >= TRIM)
            .map(|(tenant, _)| *tenant)
            .collect();
        for tenant in &full {
            self.begun.remove(tenant);
        }
        full
    }
}

#[cfg(test)]
pub mod tests;
