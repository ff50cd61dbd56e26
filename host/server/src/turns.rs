//! Runs a turn to its commit: the guest, then one transaction of the store.
//!
//! A conflict runs the turn again on a fresh instance with the same ids; the fourth time it holds its
//! tenant's lock from before its first read, and nothing can come between. All of it has one deadline.
//! sqlx lives on the main runtime: a read is a task there, awaited for at most [`READ`].

use std::{
    future::Future,
    sync::Arc,
    time::{Duration, Instant},
};

use control::TurnRequest;
use model::{
    LogLevel, LogLine, TenantId, limits,
    turn::{Effects, Fault, TurnOutcome, Usage},
};
use policy::{Policy, StoreRead, StoreReads, TurnInput, Unavailable};
use store::Store;
use tokio::{runtime::Handle, task::JoinSet};
use tracing::Instrument;

use crate::{
    clock,
    commits::{Commits, NotCommitted},
    metrics::Metrics,
    plugins::Plugins,
};

/// How long a policy's read may take before it is told `unavailable`.
const READ: Duration = Duration::from_millis(250);
/// Runs of a turn; the last one cannot be in conflict.
const RUNS: usize = 4;

/// Runs the turns of one shard.
pub struct TurnRunner {
    plugins: Arc<Plugins>,
    commits: Arc<Commits>,
    desk: Desk,
    metrics: Metrics,
}

impl TurnRunner {
    /// Made on the main runtime, where the store lives.
    pub fn new(
        plugins: Arc<Plugins>,
        store: Store,
        commits: Arc<Commits>,
        metrics: Metrics,
    ) -> Self {
        let runtime = Handle::current();
        Self {
            plugins,
            commits,
            desk: Desk { store, runtime },
            metrics,
        }
    }

    /// Runs one turn and commits what it wrote, within the whole time of a turn; only a commit that
    /// has begun may take longer.
    pub async fn run(&self, request: TurnRequest) -> TurnOutcome {
        let began = clock::instant();
        let span = request.span();
        let outcome = self.run_to_commit(request).instrument(span).await;
        let took = clock::instant().saturating_duration_since(began);
        self.metrics.turn(&outcome, took);
        outcome
    }

    async fn run_to_commit(&self, request: TurnRequest) -> TurnOutcome {
        let until = clock::instant() + limits::TURN_WHOLE;
        let tenant = request.view.tenant.id;
        let Some(policy) = self.policy(tenant, request.digest, until).await else {
            return fault(Fault::Instance, "its component is not there");
        };
        let now = request.view.now;
        let input = TurnInput {
            view: request.view,
            event: request.event,
            ids: request.ids,
        };
        for run in 1..=RUNS {
            let mut held = None;
            if run == RUNS {
                held = self.commits.lock(tenant, until).await;
                if held.is_none() {
                    return fault(Fault::TooLong, "the tenant's store is busy");
                }
            }
            let engine = self.plugins.engine();
            let reads = Box::new(Reads {
                desk: self.desk.clone(),
                metrics: self.metrics.clone(),
                tenant,
                now,
                until,
            });
            let outcome = engine.run_within(left(until), &policy, input.clone(), reads);
            let effects = match outcome.await {
                TurnOutcome::Done(effects) if !effects.store.is_empty() => effects,
                outcome => return outcome,
            };
            let touch = effects.store.clone();
            let work = self.metrics.commit();
            let committed = self.commits.commit(tenant, touch, now, held, until).await;
            work.done(store_answered(&committed));
            match committed {
                Ok(()) => return TurnOutcome::Done(effects),
                Err(NotCommitted::Conflict) if run < RUNS => self.metrics.turn_again(),
                Err(why) => {
                    tracing::warn!(%tenant, %why, "a turn's writes could not be committed");
                    return not_committed(*effects, &why);
                }
            }
        }
        // Every way out is above; the loop's last run never goes on.
        fault(Fault::Store, "its writes were in conflict to the end")
    }

    /// The component; compiled anew if it is no longer there, as for a session that outlived its
    /// version for long.
    async fn policy(
        &self,
        tenant: TenantId,
        digest: String,
        until: Instant,
    ) -> Option<Arc<Policy>> {
        if let Some(policy) = self.plugins.get(&digest) {
            return Some(policy);
        }
        let plugins = Arc::clone(&self.plugins);
        let fetch = async move { plugins.fetch(tenant, &digest).await };
        self.desk.ask(left(until), fetch).await.flatten()
    }
}

fn left(until: Instant) -> Duration {
    until.saturating_duration_since(clock::instant())
}

/// A conflict, or a quota that is used up, is an answer, too.
fn store_answered(committed: &Result<(), NotCommitted>) -> bool {
    matches!(
        committed,
        Ok(()) | Err(NotCommitted::Conflict | NotCommitted::Quota(_))
    )
}

/// A turn that returned, but whose writes are not there. Its lines survive.
fn not_committed(effects: Effects, why: &NotCommitted) -> TurnOutcome {
    let mut logs = effects.logs;
    logs.push(line(&why.to_string()));
    TurnOutcome::Fault {
        kind: Fault::Store,
        logs,
        usage: effects.usage,
    }
}

fn fault(kind: Fault, why: &str) -> TurnOutcome {
    TurnOutcome::Fault {
        kind,
        logs: vec![line(why)],
        usage: Usage::default(),
    }
}

fn line(why: &str) -> LogLine {
    let mut message = format!("nothing of this turn happened: {why}");
    message.truncate(message.floor_char_boundary(limits::LOG_LINE));
    LogLine {
        level: LogLevel::Error,
        message,
    }
}

/// The way from a shard's thread to the runtime where the store lives.
#[derive(Clone)]
struct Desk {
    store: Store,
    runtime: Handle,
}

impl Desk {
    /// Runs `work` on the main runtime; `None` if it takes too long, and then it is cut off.
    async fn ask<T: Send + 'static>(
        &self,
        longest: Duration,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Option<T> {
        // The set owns the task: giving up the wait ends it.
        let mut task = JoinSet::new();
        task.spawn_on(work, &self.runtime);
        tokio::time::timeout(longest, task.join_next())
            .await
            .ok()??
            .ok()
    }
}

struct Reads {
    desk: Desk,
    metrics: Metrics,
    tenant: TenantId,
    /// The event's time: it judges what has expired.
    now: u64,
    /// The end of the turn.
    until: Instant,
}

impl StoreReads for Reads {
    fn get<'a>(&'a mut self, key: &'a str) -> StoreRead<'a> {
        Box::pin(async move {
            let (store, key) = (self.desk.store.clone(), key.to_owned());
            let (tenant, now) = (self.tenant, self.now);
            let read = async move { store.kv_get(tenant, &key, now).await };
            let work = self.metrics.read();
            let read = self.desk.ask(READ.min(left(self.until)), read).await;
            let read = read.and_then(Result::ok);
            work.done(read.is_some());
            read.ok_or(Unavailable)
        })
    }
}
