//! The slow lane: threads that have what is idle, on which turns go on that have had their share of a session
//! shard's time.
//!
//! A turn begins on its shard and is as good as always done there within a tenth of a millisecond. One that
//! is not after [`QUICK`] of being run goes on here, where it takes from calls only what they leave. Its tenant is
//! then known to be slow, and for [`SLOW`] its turns begin here at once: else their first milliseconds
//! alone would take a shard's time from others. Tenants share the time of this lane evenly, a millisecond each in
//! turn.
//!
//! Owns those threads and who is slow; knows nothing of what a turn does. A turn here keeps its place among
//! those of its shard, so there are never more than they may have out.

#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    future::{Future, poll_fn},
    hash::{DefaultHasher, Hash, Hasher},
    pin::Pin,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::Poll,
    thread::JoinHandle,
    time::{Duration, Instant},
};

use anyhow::Context;
use futures_util::{StreamExt, stream::FuturesUnordered};
use metrics::Counter;
use model::TenantId;
use rustix::process::setpriority_process;
use thread_priority::{
    NormalThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy,
    set_thread_priority_and_policy, thread_native_id,
};
use tokio::sync::{mpsc, oneshot};
use tracing::Instrument;

use crate::{clock, fair::Fair, vital::Part};

/// Processor time of a turn on its shard: so long it keeps the calls there waiting.
const QUICK: Duration = Duration::from_millis(2);
/// What a turn can have run before it is polled a second time: then a tick of the epoch has gone by.
const FIRST: Duration = Duration::from_millis(1);
/// How long the turns of a tenant begin here after one that was slow.
const SLOW: Duration = Duration::from_millis(500);
/// Tenants that are known to be slow, at the most; the turns of further ones begin on their shards.
const SLOW_TENANTS: usize = 1_024;
/// Where threads cannot be given what is idle only: about a fiftieth of what anybody else has who wants it, and all
/// that nobody wants.
const NICE: i32 = 19;
/// Tenants that one thread serves in turns, with one turn each; others wait until one of these has ended.
const TENANTS: usize = 32;

type Work<T> = Pin<Box<dyn Future<Output = T> + Send>>;

struct Job<T> {
    tenant: TenantId,
    work: Work<T>,
    reply: oneshot::Sender<Done<T>>,
}

/// What work came to, and how long it was run in the lane.
type Done<T> = (T, Duration);

/// The lane, for work that comes to a `T`.
pub struct Lane<T> {
    threads: Vec<Thread<T>>,
    slow: Mutex<BTreeMap<TenantId, Instant>>,
    /// Whether `slow` has a row: so that usually no turn needs its lock.
    is_any_slow: AtomicBool,
    moved: Counter,
    begun: Counter,
}

struct Thread<T> {
    /// None once it is to end.
    jobs: Option<mpsc::Sender<Job<T>>>,
    thread: Option<JoinHandle<()>>,
}

impl<T: Send + 'static> Lane<T> {
    /// Starts a thread for each of those parts. `room`: works that are not done, at the most.
    pub fn start(
        parts: impl IntoIterator<Item = Part>,
        room: usize,
        [moved, begun]: [Counter; 2],
    ) -> anyhow::Result<Self> {
        let threads = parts.into_iter().map(|part| Thread::start(part, room));
        let threads: anyhow::Result<_> = threads.collect();
        Ok(Self {
            threads: threads.context("cannot start the slow lane")?,
            slow: Mutex::default(),
            is_any_slow: AtomicBool::new(false),
            moved,
            begun,
        })
    }

    /// Runs that work of the tenant: on this thread as long as it is quick. None: the lane has ended.
    pub async fn run(
        &self,
        tenant: TenantId,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Option<T> {
        let mut work: Work<T> = Box::pin(work);
        if self.is_slow(tenant) {
            self.begun.increment(1);
        } else {
            if let Some(done) = quickly(&mut work).await {
                return Some(done);
            }
            self.moved.increment(1);
            self.note(tenant);
        }
        let work = Box::pin(work.instrument(tracing::Span::current()));
        let (reply, done) = oneshot::channel();
        let job = Job {
            tenant,
            work,
            reply,
        };
        self.thread_of(tenant)?.send(job).await.ok()?;
        let (done, took) = done.await.ok()?;
        if took >= QUICK {
            self.note(tenant);
        }
        Some(done)
    }

    /// All works of a tenant meet on one thread.
    fn thread_of(&self, tenant: TenantId) -> Option<&mpsc::Sender<Job<T>>> {
        let mut hasher = DefaultHasher::new();
        tenant.hash(&mut hasher);
        let thread = hasher.finish() as usize % self.threads.len().max(1);
        let thread = self.threads.get(thread)?;
        thread.jobs.as_ref()
    }

    fn is_slow(&self, tenant: TenantId) -> bool {
        if !self.is_any_slow.load(Ordering::Relaxed) {
            return false;
        }
        let mut slow = self.slow();
        match slow.get(&tenant) {
            Some(until) if *until > clock::instant() => true,
            Some(_) => {
                slow.remove(&tenant);
                self.is_any_slow.store(!slow.is_empty(), Ordering::Relaxed);
                false
            }
            None => false,
        }
    }

    fn note(&self, tenant: TenantId) {
        let now = clock::instant();
        let mut slow = self.slow();
        if slow.len() >= SLOW_TENANTS {
            slow.retain(|_, until| *until > now);
        }
        if slow.len() < SLOW_TENANTS {
            slow.insert(tenant, now + SLOW);
            self.is_any_slow.store(true, Ordering::Relaxed);
        }
    }

    fn slow(&self) -> MutexGuard<'_, BTreeMap<TenantId, Instant>> {
        self.slow.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Send + 'static> Thread<T> {
    fn start(part: Part, room: usize) -> anyhow::Result<Self> {
        let (jobs, received) = mpsc::channel(room);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()?;
        let life = move || {
            // Dropped last, also by a panic.
            let _part = part;
            give_way();
            runtime.block_on(serve(received));
        };
        let thread = std::thread::Builder::new().name("slow lane".into());
        Ok(Self {
            jobs: Some(jobs),
            thread: Some(thread.spawn(life)?),
        })
    }
}

/// This thread has what is idle (`SCHED_IDLE`): whoever else wants a processor has it at once. One of a low priority
/// goes on for a part of a millisecond, in which audio waits. Where it is refused, turns here are as urgent as others.
fn give_way() {
    let idle = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle);
    if set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, idle).is_err() {
        let _ = setpriority_process(None, NICE);
    }
}

impl<T> Drop for Thread<T> {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // Its part has told if it panicked.
            let _ = thread.join();
        }
    }
}

/// Polls that work until it has been run for [`QUICK`] and is not done: then there is nothing. Whatever else the
/// machine does meanwhile is not held against it.
async fn quickly<T>(work: &mut Work<T>) -> Option<T> {
    let (mut spent, mut is_first) = (Duration::ZERO, true);
    poll_fn(|context| {
        let poll = if std::mem::take(&mut is_first) {
            // Usually there is no second time, and processor time is not worth its price.
            let begun = clock::instant();
            let poll = work.as_mut().poll(context);
            let took = clock::instant().saturating_duration_since(begun);
            spent += took.min(FIRST);
            poll
        } else {
            timed(&mut spent, || work.as_mut().poll(context))
        };
        match poll {
            Poll::Ready(done) => Poll::Ready(Some(done)),
            Poll::Pending if spent >= QUICK => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// Does what comes until nobody is left who could send.
async fn serve<T: Send>(mut jobs: mpsc::Receiver<Job<T>>) {
    let mut waiting = Fair::new(TENANTS, 1);
    let mut running = FuturesUnordered::new();
    loop {
        tokio::select! {
            job = jobs.recv() => match job {
                Some(job) => waiting.push(job.tenant, job),
                None => return,
            },
            Some(tenant) = running.next(), if !running.is_empty() => waiting.ended(tenant),
        }
        while let Some((tenant, job)) = waiting.pop() {
            running.push(async move {
                job.done().await;
                tenant
            });
        }
    }
}

impl<T> Job<T> {
    /// Runs it, unless nobody waits for it any more.
    async fn done(self) {
        let (mut work, mut reply) = (self.work, self.reply);
        let mut spent = Duration::ZERO;
        let done = poll_fn(|context| {
            if reply.poll_closed(context).is_ready() {
                return Poll::Ready(None);
            }
            timed(&mut spent, || work.as_mut().poll(context)).map(Some)
        });
        if let Some(done) = done.await {
            // Whoever gave up just now needs no answer.
            let _ = reply.send((done, spent));
        }
    }
}

/// Adds what that takes of a processor.
fn timed<R>(spent: &mut Duration, what: impl FnOnce() -> R) -> R {
    let begun = clock::processor();
    let result = what();
    *spent += clock::processor().saturating_sub(begun);
    result
}
