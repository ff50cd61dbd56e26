//! Recorded turns: from the shards that run them to the rows that keep them.
//!
//! A shard hands over what it has anyway, and its words are found here: a turn costs it a copy of what was
//! decided and of what was read. A full queue loses the turn and counts it, and so does a store that does not
//! take it; nothing waits. A session has [`TURNS`] turns and [`OCTETS`] octets at the most; what is more is
//! counted in its row, so that a replay knows where it ends.

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use model::{SessionId, TenantId};
use recorded::Did;
use store::{RecordedTurn, Store, admin};
use tokio::sync::mpsc;

use crate::{metrics::Metrics, outage::Outage, outlets::Losses, turns::taken::Taken};

/// Room in the queue: some seconds of a busy node.
pub const QUEUE: usize = 2_048;
/// Turns of one session: a menu that is walked for half an hour.
const TURNS: u32 = 200;
/// Octets of one session's turns: those of one that keeps a state of several kilobytes.
const OCTETS: usize = 256 * 1024;
/// Sessions whose octets are counted at one time, the newest: others count anew.
const SESSIONS: usize = 16_384;
/// Turns of one commit at most.
const GROUP: usize = 64;
/// How long turns gather: nobody waits for them.
const RELAXED: Duration = Duration::from_millis(250);
/// New sessions of a tenant after which its oldest are removed.
const TRIM: u32 = 250;

/// Writes turns until every sender is gone. What the store does not take is lost.
pub async fn write(
    store: Store,
    mut turns: mpsc::Receiver<Box<Taken>>,
    losses: Arc<Losses>,
    metrics: Metrics,
    outage: Outage,
) {
    let (mut spool, mut waiting) = (Spool::default(), Vec::with_capacity(GROUP));
    while turns.recv_many(&mut waiting, GROUP).await > 0 {
        let rows: Vec<RecordedTurn> = waiting.drain(..).map(|taken| spool.row(*taken)).collect();
        let work = metrics.recorded();
        let written = admin::record(&store, rows.as_slice()).await;
        work.done(written.is_ok());
        match written {
            Ok(()) => outage.over(),
            Err(error) => {
                losses.turns.fetch_add(rows.len() as u64, Ordering::Relaxed);
                outage.noticed("recorded turns are lost", &error);
            }
        }
        for tenant in spool.due(&rows) {
            trim(&store, tenant).await;
        }
        if !turns.is_closed() {
            tokio::time::sleep(RELAXED).await;
        }
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
    octets: BTreeMap<SessionId, usize>,
    begun: BTreeMap<TenantId, u32>,
}

impl Spool {
    /// The row of a turn; beyond the limits of its session one that is only counted.
    fn row(&mut self, taken: Taken) -> RecordedTurn {
        let Taken { mut turn, outcome } = taken;
        turn.did = Did::of(&outcome);
        let session = turn.view.session;
        let has = self.octets.get(&session).copied().unwrap_or(0);
        // A turn that cannot be written is one that is too large; it is counted likewise.
        let body = turn
            .write()
            .ok()
            .filter(|body| turn.number < TURNS && has + body.len() <= OCTETS);
        // Behind a turn that is missing nothing can be replayed.
        let now = body.as_ref().map_or(OCTETS, |body| has + body.len());
        self.octets.insert(session, now);
        if self.octets.len() > SESSIONS {
            self.octets.pop_first();
        }
        RecordedTurn {
            tenant: turn.view.tenant.id,
            session,
            number: turn.number,
            plugin: turn.view.plugin,
            version: turn.version,
            digest: turn.digest,
            at: turn.view.now,
            body,
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
