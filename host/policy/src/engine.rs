//! The engine: one per process, shared by its shards. Compiles policies and starts turns.
//!
//! It owns wasmtime's configuration, the pool of instances and the epoch ticker, and loads machine code that
//! `compiler` has put out.

use std::sync::Arc;
use std::time::{Duration, Instant};

use model::Manifest;
use model::turn::TurnOutcome;
use wasmtime::component::{Component, HasSelf, InstancePre, Linker};
use wasmtime::{Config, Enabled, InstanceAllocationStrategy, PoolingAllocationConfig};

use crate::artefact::{Artefact, SealKey};
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
/// Core instances of one component: itself and the shims around it; a runtime in pieces has one of each. They are
/// counted and not set aside.
const CORE_INSTANCES: u32 = limits::MODULES;
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

    /// Judges, compiles and links a component in this process: for tools and tests. A node compiles in another
    /// one ([`Compiler`](crate::Compiler)).
    pub fn compile(&self, bytes: &[u8]) -> Result<Policy, Refusal> {
        let manifest = self.validate(bytes)?;
        let component = Component::from_binary(&self.shared.wasmtime, bytes).map_err(not_taken)?;
        self.link(manifest, &component)
    }

    /// Loads and links what the compiler has put out for the component of that manifest. None: it is
    /// damaged or not of this node. An error of what was kept may mean that another version of the platform has
    /// made it, and it is to be compiled anew; one of what was compiled just now is about the component, such as
    /// one that wants more memory than a turn has here.
    pub fn load(
        &self,
        manifest: Manifest,
        artefact: &Artefact,
        key: &SealKey,
    ) -> Option<Result<Policy, Refusal>> {
        let code = artefact.open(key, &manifest.digest)?;
        // SAFETY: what is loaded must be what wasmtime has serialised. The seal says that it is: it was made by
        // `Artefact::seal`, which is called on the compiler's output and on nothing else, with a key that only
        // this node has. That the code is of the same wasmtime and settings is checked by wasmtime itself.
        // docs/adr/0018-components-are-compiled-in-a-child.md says why there is no way around it.
        let component = unsafe { Component::deserialize(&self.shared.wasmtime, code) };
        Some(
            component
                .map_err(not_taken)
                .and_then(|it| self.link(manifest, &it)),
        )
    }

    fn link(&self, manifest: Manifest, component: &Component) -> Result<Policy, Refusal> {
        let instance = self.shared.linker.instantiate_pre(component);
        let instance = instance.map_err(not_taken)?;
        let calls = call_events::GuestIndices::new(&instance).map_err(not_taken)?;
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
            manifest: Arc::new(manifest),
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

fn not_taken(why: wasmtime::Error) -> Refusal {
    Refusal::compile(format_args!("{why:#}"))
}

/// The machine code of a component, for an engine of any [`Limits`].
pub(crate) fn machine_code(component: &[u8]) -> wasmtime::Result<Vec<u8>> {
    wasmtime::Engine::new(&code())?.precompile_component(component)
}

/// What the code depends on. Without the pool, which reserves more address space than a compiler may have.
fn code() -> Config {
    let mut config = Config::new();
    config
        .concurrency_support(false)
        .epoch_interruption(true)
        .max_wasm_stack(GUEST_STACK)
        .async_stack_size(STACK)
        .cranelift_nan_canonicalization(true)
        .wasm_memory64(false)
        // Not for guests, who are judged without it: what wasmtime itself puts between two components of one
        // upload copies from memory to memory, and compiling that panics without.
        .wasm_multi_memory(true)
        .wasm_relaxed_simd(false);
    config
}

fn config(limits: &Limits) -> Config {
    let mut config = code();
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(limits)));
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

#[cfg(test)]
mod tests;
