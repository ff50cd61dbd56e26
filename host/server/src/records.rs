//! The writers of records: CDRs, traces and logs; those of [recordings] and [turns] are beside them.
//!
//! The only writer of CDRs. A row is durable when its group's transaction is; then its shard is told.
//! The answer of a call is waited for by two people, so it is written at once; nobody waits for a
//! beginning, an end or a trace, and they gather for [`RELAXED`]. A call that is answered sooner than
//! that has one row less to be written.

pub mod recordings;
pub mod turns;

use std::{
    collections::{BTreeMap, VecDeque, btree_map::Entry},
    pin::pin,
    sync::Arc,
    time::Duration,
};

use control::{TenantLog, Ticket};
use metrics::Gauge;
use model::{CallId, Cdr, Trace};
use store::{Store, StoreError, admin};
use tokio::{
    sync::{Notify, mpsc},
    time::Instant,
};

use crate::{
    metrics::Metrics,
    outage::Outage,
    outlets::{CdrJob, Record},
    shard::Mail,
};

/// Rows of one commit at most.
const GROUP: usize = 128;
/// Traces of one commit at most: each is a few kilobytes.
const TRACES: usize = 32;
/// How long rows that nobody waits for wait for others: what a crash can lose of calls that are not
/// answered yet.
const RELAXED: Duration = Duration::from_millis(200);
/// Room in the queue of CDRs: three rows a call, some seconds of a busy node.
pub const CDRS: usize = 8_192;
/// Room in the queue of traces and logs.
pub const RECORDS: usize = 4_096;

/// Rows that wait here while the store is away, beside those of the queue.
const BACKLOG: usize = 8_192;
/// Tickets of one row: whoever holds an older one has long given up.
const TICKETS: usize = 64;
/// How long the first retry waits; each further one twice as long.
const RETRY: Duration = Duration::from_millis(50);
/// How long a retry waits at most.
const RETRY_LONGEST: Duration = Duration::from_secs(2);
/// Failed commits after the last row came, before the rest is given up.
const LAST_TRIES: u32 = 8;

/// Writes CDRs until every sender is gone. `commit` makes rows durable, all or none of them.
///
/// What could not be written is kept, the newest row of each call, and written when the store is
/// back; only those who wait for it give up meanwhile. `kept` shows how many rows that are.
pub async fn write_cdrs(
    commit: impl AsyncFn(Vec<Cdr>) -> Result<(), StoreError>,
    mut jobs: mpsc::Receiver<CdrJob>,
    shards: Vec<mpsc::Sender<Mail>>,
    urgent: Arc<Notify>,
    kept: Gauge,
    outage: Outage,
) {
    let mut backlog = Backlog::default();
    let mut waited: Option<Duration> = None;
    let mut last_tries = 0;
    while let Some(group) = backlog.gather(&mut jobs, &urgent).await {
        let written = backlog.write(group, &commit, &shards).await;
        kept.set(backlog.rows.len() as f64);
        let Err(error) = written else {
            waited = None;
            outage.over();
            continue;
        };
        outage.noticed("CDRs are kept and tried again", &error);
        if jobs.is_closed() && jobs.is_empty() {
            last_tries += 1;
            if last_tries >= LAST_TRIES {
                tracing::warn!(rows = backlog.rows.len(), "CDRs are lost: the node ends");
                return;
            }
        }
        let pause = waited.map_or(RETRY, |pause| (pause * 2).min(RETRY_LONGEST));
        waited = Some(pause);
        backlog.pause(pause, &mut jobs).await;
    }
}

/// Rows that are not durable yet, one for each call.
#[derive(Default)]
struct Backlog {
    /// In the order in which they are written: by haste, then as their calls came.
    order: BTreeMap<(Haste, u64), CallId>,
    rows: BTreeMap<CallId, Row>,
    /// When those that nobody waits for have gathered for long enough; then they go with the others.
    due: Option<Instant>,
    last: u64,
}

/// Whether somebody waits for a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Haste {
    Urgent,
    Relaxed,
}

/// Where rows begin that nobody waits for.
const RELAXED_FIRST: (Haste, u64) = (Haste::Relaxed, 0);

/// The newest row of a call, and who waits for it or an older one.
struct Row {
    cdr: Box<Cdr>,
    place: (Haste, u64),
    tickets: VecDeque<(u8, Ticket)>,
}

impl Backlog {
    fn add(&mut self, job: CdrJob) {
        let (call, urgent) = (job.cdr.call, job.is_urgent());
        let haste = if urgent {
            Haste::Urgent
        } else {
            Haste::Relaxed
        };
        let row = match self.rows.entry(call) {
            Entry::Occupied(entry) => {
                let row = entry.into_mut();
                row.cdr = job.cdr;
                if haste < row.place.0 {
                    self.order.remove(&row.place);
                    row.place.0 = haste;
                    self.order.insert(row.place, call);
                }
                row
            }
            Entry::Vacant(entry) => {
                if haste == Haste::Relaxed && self.order.range(RELAXED_FIRST..).next().is_none() {
                    self.due = Some(Instant::now() + RELAXED);
                }
                self.last += 1;
                let place = (haste, self.last);
                self.order.insert(place, call);
                entry.insert(Row {
                    cdr: job.cdr,
                    place,
                    tickets: VecDeque::new(),
                })
            }
        };
        if row.tickets.len() == TICKETS {
            row.tickets.pop_front();
        }
        row.tickets.push_back((job.shard, job.ticket));
    }

    /// Waits until rows are to be written, and tells which; `None`: there are none and none will come.
    async fn gather(
        &mut self,
        jobs: &mut mpsc::Receiver<CdrJob>,
        urgent: &Notify,
    ) -> Option<Vec<CallId>> {
        loop {
            while self.rows.len() < BACKLOG
                && let Ok(job) = jobs.try_recv()
            {
                self.add(job);
            }
            if self.rows.is_empty() {
                let job = jobs.recv().await?;
                self.add(job);
                continue;
            }
            let due = self.due.filter(|_| !jobs.is_closed());
            let all = due.is_none_or(|due| due <= Instant::now());
            let first = self
                .order
                .iter()
                .take_while(|((haste, _), _)| all || *haste == Haste::Urgent);
            let group: Vec<CallId> = first.take(GROUP).map(|(_, call)| *call).collect();
            if !group.is_empty() {
                return Some(group);
            }
            // Rows that come meanwhile wait in their queue: nobody is woken for each of them.
            tokio::select! {
                () = tokio::time::sleep_until(due.unwrap_or_else(Instant::now)) => {}
                () = urgent.notified() => {}
            }
        }
    }

    /// Takes rows for so long, so that their queue does not overflow.
    async fn pause(&mut self, pause: Duration, jobs: &mut mpsc::Receiver<CdrJob>) {
        let mut end = pin!(tokio::time::sleep(pause));
        loop {
            tokio::select! {
                () = &mut end => return,
                Some(job) = jobs.recv(), if self.rows.len() < BACKLOG => self.add(job),
            }
        }
    }

    /// Writes a group and tells who waited for it. An error: nothing that is still here was written.
    async fn write(
        &mut self,
        group: Vec<CallId>,
        commit: &impl AsyncFn(Vec<Cdr>) -> Result<(), StoreError>,
        shards: &[mpsc::Sender<Mail>],
    ) -> Result<(), StoreError> {
        let rows = group.iter().filter_map(|call| self.rows.get(call));
        match commit(rows.map(|row| (*row.cdr).clone()).collect()).await {
            Ok(()) => {
                for call in group {
                    self.settle(call, shards).await;
                }
                Ok(())
            }
            Err(error @ StoreError::Unavailable(_)) => Err(error),
            // One row is at fault: it must not keep the others.
            Err(_) => self.write_singly(group, commit, shards).await,
        }
    }

    async fn write_singly(
        &mut self,
        group: Vec<CallId>,
        commit: &impl AsyncFn(Vec<Cdr>) -> Result<(), StoreError>,
        shards: &[mpsc::Sender<Mail>],
    ) -> Result<(), StoreError> {
        for call in group {
            let Some(row) = self.rows.get(&call) else {
                continue;
            };
            match commit(vec![(*row.cdr).clone()]).await {
                Ok(()) => self.settle(call, shards).await,
                Err(error @ StoreError::Unavailable(_)) => return Err(error),
                Err(error) => {
                    tracing::error!(%call, %error, "a CDR cannot be written");
                    self.take(call);
                }
            }
        }
        Ok(())
    }

    /// The row of that call is durable.
    async fn settle(&mut self, call: CallId, shards: &[mpsc::Sender<Mail>]) {
        for (shard, ticket) in self.take(call) {
            if let Some(mailbox) = shards.get(usize::from(shard)) {
                // A shard that has ended waits for nothing.
                let _ = mailbox.send(Mail::Durable(ticket)).await;
            }
        }
    }

    fn take(&mut self, call: CallId) -> VecDeque<(u8, Ticket)> {
        let Some(row) = self.rows.remove(&call) else {
            return VecDeque::new();
        };
        self.order.remove(&row.place);
        row.tickets
    }
}

/// Writes traces and logs until every sender is gone. What the store does not take is lost.
pub async fn write_records(
    store: Store,
    mut records: mpsc::Receiver<Record>,
    metrics: Metrics,
    outage: Outage,
) {
    let mut traces = Vec::<Trace>::new();
    while let Some(record) = records.recv().await {
        let mut next = Some(record);
        if !records.is_closed() {
            tokio::time::sleep(RELAXED).await;
        }
        while let Some(record) = next {
            match record {
                Record::Trace(trace) => traces.push(*trace),
                Record::Shadow {
                    tenant,
                    plugin,
                    version,
                    tally,
                } => {
                    let added = store.add_shadow(tenant, &plugin, version, tally).await;
                    told(&outage, "what a shadow showed is lost", added);
                }
                Record::Log(log) => {
                    let work = metrics.log();
                    let written = write_log(&store, *log).await;
                    work.done(written.is_ok());
                    told(&outage, "lines of a log are lost", written);
                }
            }
            next = if traces.len() < TRACES {
                records.try_recv().ok()
            } else {
                None
            };
        }
        if !traces.is_empty() {
            let work = metrics.trace();
            let written = admin::record(&store, traces.as_slice()).await;
            work.done(written.is_ok());
            told(&outage, "traces are lost", written);
            traces.clear();
        }
    }
}

async fn write_log(store: &Store, log: TenantLog) -> Result<(), StoreError> {
    let TenantLog {
        tenant,
        plugin,
        version,
        session,
        at,
        lines,
    } = log;
    store
        .append_logs(tenant, &plugin, version, Some(session), at, &lines)
        .await
}

fn told(outage: &Outage, what: &str, written: Result<(), StoreError>) {
    match written {
        Ok(()) => outage.over(),
        Err(error @ StoreError::Unavailable(_)) => outage.noticed(what, &error),
        Err(error) => tracing::warn!(%error, what),
    }
}

#[cfg(test)]
pub(crate) mod tests;
