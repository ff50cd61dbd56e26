//! Runs a turn to its commit: the guest, then one transaction of the store.
//!
//! A conflict runs the turn again on a fresh instance with the same ids; the fourth time it holds its
//! tenant's lock from before its first read, and nothing can come between. All of it has one deadline.
//! A read is a message to the database's thread and one back, awaited for at most [`READ`].

mod beside;
pub mod taken;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use control::TurnRequest;
use model::{
    LogLevel, LogLine, Now, TenantId, limits,
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
    outage::Outage,
    plugins::Plugins,
    turns::taken::Notes,
};

pub use beside::Beside;

/// How long a policy's read may take before it is told `unavailable`.
const READ: Duration = Duration::from_millis(250);
/// Runs of a turn; the last one cannot be in conflict.
const RUNS: usize = 4;

/// Runs the turns of one shard.
pub struct TurnRunner {
    plugins: Arc<Plugins>,
    commits: Arc<Commits>,
    store: Store,
    /// The main runtime: what is compiled, is compiled there.
    runtime: Handle,
    metrics: Metrics,
    outage: Outage,
    beside: Beside,
}

impl TurnRunner {
    /// Made on the main runtime.
    pub fn new(
        plugins: Arc<Plugins>,
        store: Store,
        commits: Arc<Commits>,
        metrics: Metrics,
        outage: Outage,
        beside: Beside,
    ) -> Self {
        Self {
            plugins,
            commits,
            store,
            runtime: Handle::current(),
            metrics,
            outage,
            beside,
        }
    }

    /// Runs one turn and commits what it wrote, within the whole time of a turn; only a commit that
    /// has begun may take longer.
    pub async fn run(&self, request: TurnRequest) -> TurnOutcome {
        let began = clock::instant();
        let (span, tenant) = (request.span(), request.view.tenant.id);
        let notes = Beside::notes(&request);
        let run = self.run_to_commit(&request, notes.as_ref());
        let mut outcome = run.instrument(span).await;
        let ended = Now {
            mono: clock::instant(),
            unix_ms: request.view.now,
        };
        let took = ended.mono.saturating_duration_since(began);
        self.metrics.turn(tenant, &outcome, took);
        let fault = match &outcome {
            TurnOutcome::Done(_) => None,
            TurnOutcome::Fault { kind, .. } => Some(*kind),
        };
        let whose = (tenant, request.view.plugin.as_str(), request.version);
        self.plugins.judge().turned(ended, whose, fault);
        if let Some(notes) = notes {
            self.beside.take(request, &notes, &outcome);
        }
        if let TurnOutcome::Fault { logs, usage, .. } = &mut outcome
            && usage.turns > 0
        {
            logs.push(LogLine {
                level: LogLevel::Info,
                message: format!("this turn used {usage}"),
            });
        }
        outcome
    }

    /// The outcome of the last run, with what all of them used.
    async fn run_to_commit(&self, request: &TurnRequest, notes: Option<&Notes>) -> TurnOutcome {
        let mut again = Usage::default();
        let mut outcome = self.last_run(request, notes, &mut again).await;
        let usage = match &mut outcome {
            TurnOutcome::Done(effects) => &mut effects.usage,
            TurnOutcome::Fault { usage, .. } => usage,
        };
        // However often it ran, it is one turn; and none if it never did.
        let turns = usage.turns.max(again.turns);
        usage.add(again);
        usage.turns = turns;
        outcome
    }

    /// Runs it until there is an outcome; what the runs before that one used is added up in `again`.
    async fn last_run(
        &self,
        request: &TurnRequest,
        notes: Option<&Notes>,
        again: &mut Usage,
    ) -> TurnOutcome {
        let until = clock::instant() + limits::TURN_WHOLE;
        let (tenant, now) = (request.view.tenant.id, request.view.now);
        let policy = match self.policy(tenant, &request.digest, until).await {
            Ok(policy) => policy,
            Err(why) => {
                let why = format!("its component is not there: {why}");
                return fault(Fault::Instance, &why);
            }
        };
        for run in 1..=RUNS {
            let mut held = None;
            if run == RUNS {
                held = self.commits.lock(tenant, until).await;
                if held.is_none() {
                    return fault(Fault::TooLong, "the tenant's store is busy");
                }
            }
            if let Some(notes) = notes {
                // Those of the run before are not this one's.
                let _ = notes.take();
            }
            let reads = Box::new(Reads {
                store: self.store.clone(),
                metrics: self.metrics.clone(),
                tenant,
                now,
                until,
                notes: notes.cloned(),
            });
            let input = TurnInput {
                view: request.view.clone(),
                event: request.event.clone(),
                ids: request.ids.clone(),
            };
            let effects = match self.guest(&policy, input, reads).await {
                TurnOutcome::Done(effects) if !effects.store.is_empty() => effects,
                outcome => return outcome,
            };
            let touch = effects.store.clone();
            let work = self.metrics.commit();
            let committed = self.commits.commit(tenant, touch, now, held, until).await;
            work.done(store_answered(&committed));
            match committed {
                Ok(()) => {
                    self.outage.over();
                    return TurnOutcome::Done(effects);
                }
                Err(NotCommitted::Conflict) if run < RUNS => {
                    self.metrics.turn_again();
                    again.add(effects.usage);
                }
                Err(why) => {
                    self.tell(tenant, &why);
                    return not_committed(*effects, &why);
                }
            }
        }
        // Every way out is above; the loop's last run never goes on.
        fault(Fault::Store, "its writes were in conflict to the end")
    }

    /// Runs the guest, here or in the slow lane.
    async fn guest(
        &self,
        policy: &Arc<Policy>,
        input: TurnInput,
        reads: Box<Reads>,
    ) -> TurnOutcome {
        let (engine, policy) = (self.plugins.engine().clone(), Arc::clone(policy));
        let (tenant, until) = (reads.tenant, reads.until);
        let turn = async move {
            // It may have waited for its turn in the lane.
            let longest = left(until);
            engine.run_within(longest, &policy, input, reads).await
        };
        let outcome = self.beside.lane.run(tenant, turn).await;
        outcome.unwrap_or_else(|| fault(Fault::Instance, "the node ends"))
    }

    /// A crowd and a quota are the tenant's affair, and stand in its log; an outage is ours.
    fn tell(&self, tenant: TenantId, why: &NotCommitted) {
        let what = "a turn's writes were not committed";
        match why {
            NotCommitted::Refused(_) | NotCommitted::Unknown => self.outage.noticed(what, why),
            _ => tracing::debug!(%tenant, %why, what),
        }
    }

    /// The component; compiled anew if it is no longer there, as for a session that outlived its
    /// version for long. Or why it is not to be had.
    async fn policy(
        &self,
        tenant: TenantId,
        digest: &str,
        until: Instant,
    ) -> Result<Arc<Policy>, String> {
        if let Some(policy) = self.plugins.get(digest) {
            return Ok(policy);
        }
        let digest = digest.to_owned();
        let plugins = Arc::clone(&self.plugins);
        // The set owns the task: giving up the wait ends it.
        let mut task = JoinSet::new();
        task.spawn_on(
            async move { plugins.fetch(tenant, &digest).await },
            &self.runtime,
        );
        match tokio::time::timeout(left(until), task.join_next()).await {
            Ok(Some(Ok(fetched))) => fetched,
            Ok(_) => Err("the node ends".to_owned()),
            Err(_) => Err("it is still to be compiled".to_owned()),
        }
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

struct Reads {
    store: Store,
    metrics: Metrics,
    tenant: TenantId,
    /// The event's time: it judges what has expired.
    now: u64,
    /// The end of the turn.
    until: Instant,
    /// Where it is noted what was read, if the turn is recorded.
    notes: Option<Notes>,
}

impl StoreReads for Reads {
    fn get<'a>(&'a mut self, key: &'a str) -> StoreRead<'a> {
        Box::pin(async move {
            let longest = READ.min(left(self.until));
            let work = self.metrics.read();
            let read = self.store.kv_get(self.tenant, key, self.now);
            let read = tokio::time::timeout(longest, read).await;
            let read = read.ok().and_then(Result::ok);
            work.done(read.is_some());
            if let Some(notes) = &self.notes {
                notes.note(key, read.as_ref());
            }
            read.ok_or(Unavailable)
        })
    }
}

#[cfg(test)]
mod tests;
