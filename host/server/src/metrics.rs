//! What the node counts and times, and the page that shows it to Prometheus.
//!
//! Owns the names, their help and the handles through which everything else counts. A counter or a
//! histogram is fed where its fact happens and costs an atomic addition; a gauge is asked for when
//! the page is read ([`Sources`]). No label names a number or a call: whoever can create those could create series
//! without end; so many tenants have series of their own, and the others share one ([`tenants`]). Nothing is global: the demo's node is one of its process,
//! and tests may have several.

mod calls;
mod catalogue;
mod page;
mod process;
mod sound;
mod sources;
mod tenants;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context;
pub use calls::Calls;
use metrics::{Counter, Gauge, Histogram, NoopRecorder, counter, gauge, histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusRecorder};
use model::{
    CallDirection, EndReason, TenantId,
    turn::{TurnOutcome, Usage},
};
pub use page::serve;
use sound::Sound;
pub use sources::Sources;
use tenants::{Tenants, Used};

use crate::clock;

/// What everything counts with. Cheap to clone; without a page everything goes nowhere.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

struct Inner {
    recorder: Option<PrometheusRecorder>,
    set_up: Histogram,
    sound: Sound,
    guest: Histogram,
    memory: Histogram,
    tenants: Tenants,
    turn: Histogram,
    turn_reruns: Counter,
    slow_turns: [Counter; 2],
    given_up: Counter,
    reads: Timed,
    commits: Timed,
    cdr_commits: Timed,
    traces: Timed,
    logs: Timed,
    recorded: Timed,
    shadows: [Counter; 3],
    cdr_rows: Counter,
    cdrs_kept: Gauge,
    asks_under_way: Gauge,
    asks_refused: Counter,
    changes: Gauge,
    connections: Gauge,
    connections_closed: Counter,
}

/// What a turn of a shadow shows.
const VERDICTS: [&str; 3] = ["same", "differs", "unknown"];

/// How long one kind of work on the store takes, and how often it fails.
pub struct Timed {
    seconds: Histogram,
    failures: Counter,
}

/// Work on the store that has begun.
pub struct Running<'a> {
    began: Instant,
    timed: &'a Timed,
}

impl Metrics {
    /// With a page to be read.
    pub fn new() -> anyhow::Result<Self> {
        let mut builder = PrometheusBuilder::new();
        for (name, buckets) in catalogue::BUCKETS {
            builder = builder
                .set_buckets_for_metric(Matcher::Full((*name).to_owned()), buckets)
                .context("the buckets of a histogram")?;
        }
        Ok(Self::with(Some(builder.build_recorder())))
    }

    /// Without one: nothing is kept.
    pub fn off() -> Self {
        Self::with(None)
    }

    fn with(recorder: Option<PrometheusRecorder>) -> Self {
        let inner = on(recorder.as_ref(), || {
            catalogue::describe();
            Inner {
                recorder: None,
                set_up: histogram!("jackfield_call_set_up_seconds"),
                sound: Sound::new(),
                guest: histogram!("jackfield_turn_guest_seconds"),
                memory: histogram!("jackfield_turn_memory_bytes"),
                tenants: Tenants::new(Used::of),
                turn: histogram!("jackfield_turn_seconds"),
                turn_reruns: counter!("jackfield_turn_reruns_total"),
                slow_turns: ["moved", "begun"]
                    .map(|how| counter!("jackfield_turns_slow_total", "how" => how)),
                given_up: counter!("jackfield_plugin_rollbacks_total"),
                reads: Timed::of("read"),
                commits: Timed::of("commit"),
                cdr_commits: Timed::of("cdrs"),
                traces: Timed::of("trace"),
                logs: Timed::of("log"),
                recorded: Timed::of("turns"),
                shadows: VERDICTS
                    .map(|verdict| counter!("jackfield_shadow_turns_total", "verdict" => verdict)),
                cdr_rows: counter!("jackfield_cdr_rows_total"),
                cdrs_kept: gauge!("jackfield_cdrs_kept"),
                asks_under_way: gauge!("jackfield_requests_under_way"),
                asks_refused: counter!(
                    "jackfield_queue_lost_total",
                    "queue" => "requests-under-way"
                ),
                changes: gauge!("jackfield_tenants_unpublished"),
                connections: gauge!("jackfield_http_connections"),
                connections_closed: counter!(
                    "jackfield_queue_lost_total",
                    "queue" => "connections"
                ),
            }
        });
        let metrics = Self(Arc::new(Inner { recorder, ..inner }));
        metrics.begin_at_zero();
        metrics
    }

    /// A series that first appears with a 1 looks to Prometheus as if nothing had happened, and most
    /// of these should never happen.
    fn begin_at_zero(&self) {
        for direction in [CallDirection::Inbound, CallDirection::Outbound] {
            self.begun(direction, 0);
            for reason in [EndReason::Released, EndReason::Limit, EndReason::StoreLost] {
                for cause in [200, 300, 400, 500, 600] {
                    self.ended(direction, reason, Some(cause), 0);
                }
            }
        }
        self.turned("done", 0);
        for fault in catalogue::FAULTS {
            self.turned(fault.as_str(), 0);
        }
    }

    /// A turn ended, its commit included.
    pub fn turn(&self, tenant: TenantId, outcome: &TurnOutcome, took: Duration) {
        self.0.turn.record(took.as_secs_f64());
        let (name, usage) = match outcome {
            TurnOutcome::Done(effects) => ("done", effects.usage),
            TurnOutcome::Fault { kind, usage, .. } => (kind.as_str(), *usage),
        };
        self.turned(name, 1);
        // A fault of the platform may come before the guest did.
        if usage.turns > 0 {
            let guest = Duration::from_micros(usage.guest_us);
            self.0.guest.record(guest.as_secs_f64());
            self.0.memory.record(usage.memory as f64);
            let faults = u32::from(matches!(outcome, TurnOutcome::Fault { .. }));
            self.used(tenant, Usage { faults, ..usage });
        }
    }

    /// What a turn of that tenant used.
    fn used(&self, tenant: TenantId, usage: Usage) {
        let Some(recorder) = &self.0.recorder else {
            return;
        };
        let make = |label| on(Some(recorder), || Used::of(label));
        self.0.tenants.add(tenant, usage, make);
    }

    /// A turn was in conflict and runs again.
    pub fn turn_again(&self) {
        self.0.turn_reruns.increment(1);
    }

    /// Turns that went on in the slow lane, and those that began there.
    pub fn slow_turns(&self) -> [Counter; 2] {
        self.0.slow_turns.clone()
    }

    /// A version of a plugin was given up because its turns faulted.
    pub fn given_up(&self) {
        self.0.given_up.increment(1);
    }

    /// A policy's read.
    pub fn read(&self) -> Running<'_> {
        self.0.reads.begin()
    }

    /// The commit of a turn.
    pub fn commit(&self) -> Running<'_> {
        self.0.commits.begin()
    }

    /// The commit of a group of CDRs.
    pub fn cdr_commit(&self, rows: usize) -> Running<'_> {
        self.0.cdr_rows.increment(rows as u64);
        self.0.cdr_commits.begin()
    }

    /// The writing of a trace.
    pub fn trace(&self) -> Running<'_> {
        self.0.traces.begin()
    }

    /// The writing of log lines.
    pub fn log(&self) -> Running<'_> {
        self.0.logs.begin()
    }

    /// The writing of recorded turns.
    pub fn recorded(&self) -> Running<'_> {
        self.0.recorded.begin()
    }

    /// A shadow ran a turn, or could not: one of [`VERDICTS`].
    pub fn shadow(&self, verdict: &str) {
        let all = VERDICTS.iter().zip(&self.0.shadows);
        for (_, counter) in all.filter(|(known, _)| **known == verdict) {
            counter.increment(1);
        }
    }

    /// What counts and times the calls of one shard.
    pub fn calls(&self) -> Calls {
        Calls::new(self.clone())
    }

    /// Rows of CDRs that are kept until the store is back.
    pub fn cdrs_kept(&self) -> &Gauge {
        &self.0.cdrs_kept
    }

    /// Requests of the API that were refused because too many, or too many of their tenant, were
    /// under way.
    pub fn asks_refused(&self) -> &Counter {
        &self.0.asks_refused
    }

    /// How many requests of the API the shards have not answered.
    pub fn asks_under_way(&self) -> &Gauge {
        &self.0.asks_under_way
    }

    /// Tenants whose last change not every shard has.
    pub fn changes(&self) -> Gauge {
        self.0.changes.clone()
    }

    /// Connections of the API.
    pub fn connections(&self) -> Gauge {
        self.0.connections.clone()
    }

    /// Connections that were closed because their address had its share.
    pub fn connections_closed(&self) -> Counter {
        self.0.connections_closed.clone()
    }

    fn set_up(&self, took: Duration) {
        self.0.set_up.record(took.as_secs_f64());
    }

    fn sound(&self) -> &Sound {
        &self.0.sound
    }

    fn begun(&self, direction: CallDirection, by: u64) {
        self.on(|| {
            counter!("jackfield_calls_begun_total", "direction" => name_of(direction))
                .increment(by);
        });
    }

    fn ended(&self, direction: CallDirection, reason: EndReason, cause: Option<u16>, by: u64) {
        self.on(|| {
            counter!(
                "jackfield_calls_ended_total",
                "direction" => name_of(direction),
                "end_reason" => reason.as_str(),
                "cause" => class(cause)
            )
            .increment(by);
        });
    }

    fn turned(&self, outcome: &'static str, by: u64) {
        self.on(|| counter!("jackfield_turns_total", "outcome" => outcome).increment(by));
    }

    fn on<T>(&self, work: impl FnOnce() -> T) -> T {
        on(self.0.recorder.as_ref(), work)
    }
}

impl Timed {
    fn of(work: &'static str) -> Self {
        Self {
            seconds: histogram!("jackfield_store_seconds", "work" => work),
            failures: counter!("jackfield_store_failures_total", "work" => work),
        }
    }

    fn begin(&self) -> Running<'_> {
        let began = clock::instant();
        Running { began, timed: self }
    }
}

impl Running<'_> {
    /// It is over; the store did what was asked of it, or not.
    pub fn done(self, well: bool) {
        let took = clock::instant().saturating_duration_since(self.began);
        self.timed.seconds.record(took.as_secs_f64());
        if !well {
            self.timed.failures.increment(1);
        }
    }
}

fn on<T>(recorder: Option<&PrometheusRecorder>, work: impl FnOnce() -> T) -> T {
    match recorder {
        Some(recorder) => metrics::with_local_recorder(recorder, work),
        None => metrics::with_local_recorder(&NoopRecorder, work),
    }
}

fn name_of(direction: CallDirection) -> &'static str {
    match direction {
        CallDirection::Inbound => "inbound",
        CallDirection::Outbound => "outbound",
    }
}

fn class(cause: Option<u16>) -> &'static str {
    match cause.map(|code| code / 100) {
        Some(2) => "2xx",
        Some(3) => "3xx",
        Some(4) => "4xx",
        Some(5) => "5xx",
        Some(6) => "6xx",
        _ => "none",
    }
}
