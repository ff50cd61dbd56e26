//! The engine: one per process, shared by its shards. Compiles policies and starts turns.
//!
//! It owns wasmtime's configuration, the pool of instances and the epoch ticker. Compiling runs on
//! the caller's thread and may take seconds for a component that is hostile within the caps of
//! `validate`; the caller keeps it off the shards.

use std::sync::Arc;
use std::time::{Duration, Instant};

use model::Manifest;
use model::turn::TurnOutcome;
use wasmtime::component::{Component, HasSelf, InstancePre, Linker};
use wasmtime::{Config, Enabled, InstanceAllocationStrategy, PoolingAllocationConfig};

use crate::bindings::FullPolicy;
use crate::bindings::exports::jackfield::policy::{
    call_events, command_events, conference_events, digit_events, media_events, request_events,
    timer_events, transfer_events, upgrade,
};
use crate::host::{Host, StoreReads};
use crate::limits::{self, Limits};
use crate::refusal::Refusal;
use crate::ticker::Ticker;
use crate::turn::{self, TurnInput};
use crate::validate::validate;

/// Octets of the stack of one turn, and how much of it the guest may use.
const STACK: usize = 1 << 20;
const GUEST_STACK: usize = 512 << 10;
/// Core instances of one component: itself and the shims around it.
const CORE_INSTANCES: u32 = 8;
/// Tables of one component at run time.
const TABLES: u32 = 4;

/// Why there is no engine.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The pool does not fit into the machine's address space, or the machine is not supported.
    #[error("cannot start the Wasm engine: {0}")]
    Wasmtime(String),
    /// The ticker's thread could not be started.
    #[error("cannot start the epoch ticker: {0}")]
    Ticker(#[from] std::io::Error),
}

/// A policy that is ready to run: cheap to clone.
#[derive(Clone)]
pub struct Policy {
    pub(crate) manifest: Arc<Manifest>,
    pub(crate) instance: InstancePre<Host>,
    pub(crate) calls: call_events::GuestIndices,
    pub(crate) timers: Option<timer_events::GuestIndices>,
    pub(crate) requests: Option<request_events::GuestIndices>,
    pub(crate) media: Option<media_events::GuestIndices>,
    pub(crate) conferences: Option<conference_events::GuestIndices>,
    pub(crate) digits: Option<digit_events::GuestIndices>,
    pub(crate) commands: Option<command_events::GuestIndices>,
    pub(crate) transfers: Option<transfer_events::GuestIndices>,
    pub(crate) upgrade: Option<upgrade::GuestIndices>,
}

impl Policy {
    /// What it is.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }
}

impl std::fmt::Debug for Policy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Policy")
            .field("manifest", &self.manifest)
            .finish_non_exhaustive()
    }
}

/// Octets of linear memory that stay mapped between turns: what a small policy touches.
const RESIDENT_MEMORY: usize = 256 * 1024;
/// Likewise of tables.
const RESIDENT_TABLES: usize = 64 * 1024;
/// Likewise of the stack.
const RESIDENT_STACK: usize = 64 * 1024;

/// The engine: cheap to clone.
#[derive(Clone)]
pub struct Engine {
    pub(crate) shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub(crate) limits: Limits,
    pub(crate) clock: fn() -> Instant,
    pub(crate) wasmtime: wasmtime::Engine,
    pub(crate) ticker: Ticker,
    linker: Linker<Host>,
}

impl Engine {
    /// An engine with those limits. `clock` measures what a turn used; nothing is decided by it.
    pub fn new(limits: Limits, clock: fn() -> Instant) -> Result<Self, EngineError> {
        let failed = |why: wasmtime::Error| EngineError::Wasmtime(format!("{why:#}"));
        let wasmtime = wasmtime::Engine::new(&config(&limits)).map_err(failed)?;
        let mut linker = Linker::new(&wasmtime);
        FullPolicy::add_to_linker::<_, HasSelf<Host>>(&mut linker, |host| host).map_err(failed)?;
        let ticker = Ticker::start(wasmtime.clone())?;
        let shared = Shared {
            limits,
            clock,
            wasmtime,
            ticker,
            linker,
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// Judges an upload without compiling it.
    pub fn validate(&self, bytes: &[u8]) -> Result<Manifest, Refusal> {
        validate(bytes, &self.shared.limits)
    }

    /// Judges, compiles and links a component.
    pub fn compile(&self, bytes: &[u8]) -> Result<Policy, Refusal> {
        let manifest = Arc::new(self.validate(bytes)?);
        let failed = |why: wasmtime::Error| Refusal::compile(format_args!("{why:#}"));
        let component = Component::from_binary(&self.shared.wasmtime, bytes).map_err(failed)?;
        let instance = self
            .shared
            .linker
            .instantiate_pre(&component)
            .map_err(failed)?;
        let calls = call_events::GuestIndices::new(&instance).map_err(failed)?;
        // Which interfaces it exports was judged above, so here an error can only mean "has none".
        let timers = timer_events::GuestIndices::new(&instance).ok();
        let requests = request_events::GuestIndices::new(&instance).ok();
        let media = media_events::GuestIndices::new(&instance).ok();
        let conferences = conference_events::GuestIndices::new(&instance).ok();
        let digits = digit_events::GuestIndices::new(&instance).ok();
        let commands = command_events::GuestIndices::new(&instance).ok();
        let transfers = transfer_events::GuestIndices::new(&instance).ok();
        let upgrade = upgrade::GuestIndices::new(&instance).ok();
        Ok(Policy {
            manifest,
            instance,
            calls,
            timers,
            requests,
            media,
            conferences,
            digits,
            commands,
            transfers,
            upgrade,
        })
    }

    /// Runs one turn on a fresh instance, in a tokio runtime with its timer on. Dropping the future
    /// gives the turn up.
    pub async fn run(
        &self,
        policy: &Policy,
        input: TurnInput,
        reads: Box<dyn StoreReads>,
    ) -> TurnOutcome {
        let longest = self.shared.limits.whole_time;
        self.run_within(longest, policy, input, reads).await
    }

    /// As [`run`](Self::run), but gives the turn up after `longest`, if that is less than its whole
    /// time: what is left to a turn that is run again.
    pub async fn run_within(
        &self,
        longest: Duration,
        policy: &Policy,
        input: TurnInput,
        reads: Box<dyn StoreReads>,
    ) -> TurnOutcome {
        turn::run(&self.shared, policy, input, reads, longest).await
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine")
            .field("limits", &self.shared.limits)
            .finish_non_exhaustive()
    }
}

fn config(limits: &Limits) -> Config {
    let mut config = Config::new();
    config
        .concurrency_support(false)
        .epoch_interruption(true)
        .max_wasm_stack(GUEST_STACK)
        .async_stack_size(STACK)
        .cranelift_nan_canonicalization(true)
        .wasm_memory64(false)
        .wasm_multi_memory(false)
        .wasm_relaxed_simd(false)
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool(limits)));
    config
}

fn pool(limits: &Limits) -> PoolingAllocationConfig {
    let turns = limits.turns;
    let mut pool = PoolingAllocationConfig::default();
    pool.total_component_instances(turns)
        .total_core_instances(turns.saturating_mul(CORE_INSTANCES))
        .max_core_instances_per_component(CORE_INSTANCES)
        .total_memories(turns)
        .max_memories_per_component(1)
        .max_memory_size(limits.memory)
        .total_tables(turns.saturating_mul(TABLES))
        .max_tables_per_component(TABLES)
        .table_elements(limits::TABLE_ELEMENTS as usize)
        .total_stacks(turns)
        // What a turn touched stays mapped and is cleared for the next one: cheaper than to give the
        // pages back and to fault them in again (docs/benchmarks.md).
        .linear_memory_keep_resident(RESIDENT_MEMORY)
        .table_keep_resident(RESIDENT_TABLES)
        .async_stack_keep_resident(RESIDENT_STACK)
        // Of the pages that a turn may have touched the kernel names those that it did (Linux 6.7): without it
        // the pages of the memory's image are given back and faulted in again, which interrupts every core.
        .pagemap_scan(Enabled::Auto);
    pool
}
