//! Runs a turn to its commit: the guest, then one transaction of the store.
//!
//! A conflict runs the turn again on a fresh instance with the same ids; the fourth time it runs under
//! the writer's lock, where nothing can come between. sqlx lives on the main runtime: a read is a task
//! there, awaited for at most [`READ`].

use std::{future::Future, sync::Arc, time::Duration};

use control::TurnRequest;
use model::{
    TenantId,
    turn::{Fault, StoreTouch, TurnOutcome, Usage},
};
use policy::{StoreRead, StoreReads, TurnInput, Unavailable};
use store::{CommitError, Exclusive, Store};
use tokio::{runtime::Handle, sync::Mutex, task::JoinSet};

use crate::plugins::Plugins;

/// How long a policy's read may take before it is told `unavailable`.
const READ: Duration = Duration::from_millis(250);
/// How long a commit may take before the turn faults.
const COMMIT: Duration = Duration::from_secs(2);
/// Runs without the writer's lock.
const FREE_RUNS: usize = 3;

/// Runs the turns of one shard.
pub struct TurnRunner {
    plugins: Arc<Plugins>,
    store: Store,
    runtime: Handle,
}

impl TurnRunner {
    /// Made on the main runtime, where the store lives.
    pub fn new(plugins: Arc<Plugins>, store: Store) -> Self {
        Self {
            plugins,
            store,
            runtime: Handle::current(),
        }
    }

    /// Runs one turn and commits what it wrote.
    pub async fn run(&self, request: TurnRequest) -> TurnOutcome {
        let Some(policy) = self.plugins.get(&request.digest) else {
            return fault(Fault::Instance);
        };
        let tenant = request.view.tenant.id;
        let now = request.view.now;
        let input = TurnInput {
            view: request.view,
            event: request.event,
            ids: request.ids,
        };
        for _ in 0..FREE_RUNS {
            let reads = Box::new(Reads {
                desk: self.desk(),
                tenant,
                now,
            });
            let outcome = self
                .plugins
                .engine()
                .run(&policy, input.clone(), reads)
                .await;
            let Some(touch) = touched(&outcome) else {
                return outcome;
            };
            let store = self.store.clone();
            let committed = self
                .desk()
                .ask(
                    COMMIT,
                    async move { store.kv_commit(tenant, &touch, now).await },
                )
                .await;
            match committed {
                Some(Ok(())) => return outcome,
                Some(Err(CommitError::Conflict)) => {}
                Some(Err(error)) => {
                    tracing::warn!(%error, "a turn's writes could not be committed");
                    return fault(Fault::Store);
                }
                None => return fault(Fault::Store),
            }
        }
        self.run_locked(&policy, input, tenant, now).await
    }

    /// The run that cannot be in conflict: it holds the writer from before its first read.
    async fn run_locked(
        &self,
        policy: &policy::Policy,
        input: TurnInput,
        tenant: TenantId,
        now: u64,
    ) -> TurnOutcome {
        let store = self.store.clone();
        let locked = self
            .desk()
            .ask(COMMIT, async move { store.exclusive(tenant).await })
            .await;
        let Some(Ok(exclusive)) = locked else {
            return fault(Fault::Store);
        };
        let shared = Arc::new(Mutex::new(Some(exclusive)));
        let reads = Box::new(LockedReads {
            desk: self.desk(),
            now,
            exclusive: Arc::clone(&shared),
        });
        let outcome = self.plugins.engine().run(policy, input, reads).await;
        let exclusive = shared.lock().await.take();
        let Some(touch) = touched(&outcome) else {
            return outcome;
        };
        let Some(exclusive) = exclusive else {
            return fault(Fault::Store);
        };
        let committed = self
            .desk()
            .ask(COMMIT, async move { exclusive.commit(&touch, now).await })
            .await;
        if matches!(committed, Some(Ok(()))) {
            outcome
        } else {
            fault(Fault::Store)
        }
    }

    fn desk(&self) -> Desk {
        Desk {
            store: self.store.clone(),
            runtime: self.runtime.clone(),
        }
    }
}

/// What the turn read and wrote, if there is anything to commit.
fn touched(outcome: &TurnOutcome) -> Option<StoreTouch> {
    match outcome {
        TurnOutcome::Done(effects) if !effects.store.is_empty() => Some(effects.store.clone()),
        _ => None,
    }
}

fn fault(kind: Fault) -> TurnOutcome {
    TurnOutcome::Fault {
        kind,
        logs: Vec::new(),
        usage: Usage::default(),
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
    tenant: TenantId,
    /// The event's time: it judges what has expired.
    now: u64,
}

impl StoreReads for Reads {
    fn get<'a>(&'a mut self, key: &'a str) -> StoreRead<'a> {
        Box::pin(async move {
            let (store, key) = (self.desk.store.clone(), key.to_owned());
            let (tenant, now) = (self.tenant, self.now);
            let read = async move { store.kv_get(tenant, &key, now).await };
            self.desk
                .ask(READ, read)
                .await
                .and_then(Result::ok)
                .ok_or(Unavailable)
        })
    }
}

struct LockedReads {
    desk: Desk,
    now: u64,
    exclusive: Arc<Mutex<Option<Exclusive>>>,
}

impl StoreReads for LockedReads {
    fn get<'a>(&'a mut self, key: &'a str) -> StoreRead<'a> {
        Box::pin(async move {
            let (exclusive, key) = (Arc::clone(&self.exclusive), key.to_owned());
            let now = self.now;
            let read = async move {
                let mut held = exclusive.lock().await;
                held.as_mut()?.get(&key, now).await.ok()
            };
            self.desk.ask(READ, read).await.flatten().ok_or(Unavailable)
        })
    }
}
