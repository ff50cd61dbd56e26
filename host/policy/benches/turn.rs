//! What one turn of the makecall policy costs on a fresh instance, on one thread, and where it goes.
//!
//! The engine reads its clock when the handler is first polled and when it returns, so a clock of
//! ours tells the parts apart without a probe in the engine. What the guest and the host calls cost
//! is told by turns that differ in nothing else: `on_answered` of makecall does nothing, and the
//! policy `chatter` of `plugins/faulty` calls the host two hundred times more than one that behaves.
//! The bare instance is measured on a pooling engine of its own, configured as the host's is.
//! Reads are answered from memory: what the database adds is in the benchmark of the store.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use model::turn::{CallView, Effects, Phase, TurnOutcome, Version, View};
use model::{
    CallDirection, CallId, Event, FaultPolicy, IdSource, Number, NumberId, Origin, Request,
    RequestId, SessionId, TenantConfig, TenantId, Trunk, TrunkId,
};
use policy::{Engine, Limits, Policy, StoreRead, StoreReads, TurnInput};
use wasmtime::component::{Component, Linker};

#[path = "turn/beside.rs"]
mod beside;
#[path = "../../xtask/src/bench/figure.rs"]
mod figure;

use figure::{Aim, Figure, now, option, percentile};

/// The time of every event.
const NOW: u64 = 1_760_000_000_000;
const BODY: &str = r#"{"caller":"2001","callee":"3001"}"#;
/// What a turn of makecall in Rust may take, µs.
const AIM: Option<f64> = Some(30.0);
/// Turns before those that count.
const WARM: u64 = 500;

thread_local! {
    /// When the engine looked at the clock during this turn.
    static LOOKS: RefCell<Vec<Instant>> = const { RefCell::new(Vec::new()) };
}

fn clock() -> Instant {
    let now = now();
    LOOKS.with_borrow_mut(|looks| looks.push(now));
    now
}

fn main() {
    let turns = option("--turns", 10_000);
    // Other languages bring their runtimes along.
    let limits = Limits {
        component: 64 << 20,
        ..Limits::default()
    };
    let engine = Engine::new(limits, clock).expect("the machine is supported");
    let compiled = |name| engine.compile(&component(name)).expect("a good policy");
    let (makecall, faulty) = (compiled("makecall"), compiled("faulty"));
    let mut bench = Bench {
        runtime: tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .expect("a runtime for one thread"),
        engine,
        turns,
        scene: Scene::new(),
    };
    let request = bench.scene.request("makecall", BODY);
    let asked = bench.told("on_request", &makecall, &request, &[], AIM);
    let (stored, touched) = bench.effects(&makecall, &request, &[]);
    let incoming = bench.scene.incoming();
    let came = bench.told("on_incoming", &makecall, &incoming, &stored, AIM);
    let (_, commands) = bench.effects(&makecall, &incoming, &stored);

    let call = bench.scene.call;
    let empty = bench.measure(&makecall, &Event::Answered { call }, &[]);
    let plain = bench.measure(&faulty, &bench.scene.request("nothing", ""), &[]);
    let chatter = bench.measure(&faulty, &bench.scene.request("chatter", ""), &[]);
    let call_us = (chatter.handler - plain.handler) / 200.0;
    let bytes = component("makecall");
    let bare = bare_instance(&bytes, turns, Bare::Plain);

    for (group, parts, usage) in [
        ("on_request", &asked, touched),
        ("on_incoming", &came, commands),
    ] {
        breakdown(group, parts, &empty, bare, call_us, usage);
    }
    for (name, how) in [
        ("on a fiber, as turns are", Bare::Fiber),
        ("on a fiber, pages kept", Bare::FiberKept),
    ] {
        let (make, drop) = bare_instance(&bytes, turns, how);
        let note = "256 KiB of memory, 64 of tables, 32 of stack stay resident";
        let note = if how == Bare::FiberKept { note } else { "" };
        Figure::new("bare instance, made and dropped", name, make + drop, "µs")
            .note(note)
            .print();
    }
    let note = "whole; on_answered of makecall does nothing";
    Figure::new("a turn that does nothing", "p50", empty.whole, "µs")
        .note(note)
        .print();
    beside::sessions(&bench, &makecall, &incoming, &stored);
    beside::languages(&mut bench);
}

/// The parts of a turn add up to its median, as far as medians do.
fn breakdown(
    turn: &str,
    parts: &Parts,
    empty: &Parts,
    (instantiate, drop): (f64, f64),
    call: f64,
    host_calls: u32,
) {
    let group = format!("{turn}: what p50 is made of");
    let host = call * f64::from(host_calls);
    let dispatch = empty.handler - instantiate;
    let guest = parts.handler - empty.handler - host;
    for (name, value, note) in [
        (
            "prepare",
            parts.before,
            "wasmtime's store, its limits, the epoch ticker",
        ),
        (
            "instantiate",
            instantiate,
            "bare instance: memory, tables, globals; start functions",
        ),
        (
            "enter",
            dispatch,
            "exports looked up, fiber, timer, an empty handler",
        ),
        (
            "host calls",
            host,
            "at least: their number by the price of a short log line",
        ),
        (
            "guest",
            guest,
            "JSON, strings and lists across the boundary, the rest",
        ),
        (
            "collect and drop",
            parts.after,
            "effects; the instance back to the pool",
        ),
    ] {
        Figure::new(&group, name, value, "µs").note(note).print();
    }
    let note = "of the bare instance; in \"collect and drop\"";
    Figure::new(&group, "of it: drop", drop, "µs")
        .note(note)
        .print();
    Figure::new(&group, "host calls made", f64::from(host_calls), "").print();
    Figure::new(&group, "price of a host call", call, "µs").print();
}

/// Medians of the parts of a turn, µs.
struct Parts {
    before: f64,
    handler: f64,
    after: f64,
    whole: f64,
}

struct Bench {
    runtime: tokio::runtime::Runtime,
    engine: Engine,
    turns: u64,
    scene: Scene,
}

impl Bench {
    /// Measures a turn and tells its percentiles.
    fn told(
        &self,
        name: &str,
        policy: &Policy,
        event: &Event,
        stored: &Rows,
        aim: Option<f64>,
    ) -> Parts {
        let mut times = Vec::new();
        let parts = self.measured(policy, event, stored, &mut times);
        let p50 = Figure::new(name, "p50", parts.whole, "µs");
        match aim {
            Some(aim) => p50.aim(Aim::AtMost(aim)).print(),
            None => p50.print(),
        }
        for (name_of, share) in [("p99", 0.99), ("worst", 1.0)] {
            Figure::new(name, name_of, percentile(&mut times, share), "µs").print();
        }
        let mean = times.iter().sum::<f64>() / times.len() as f64;
        Figure::new(name, "turns", 1e6 / mean, "/s").print();
        parts
    }

    fn measure(&self, policy: &Policy, event: &Event, stored: &Rows) -> Parts {
        self.measured(policy, event, stored, &mut Vec::new())
    }

    fn measured(
        &self,
        policy: &Policy,
        event: &Event,
        stored: &Rows,
        whole: &mut Vec<f64>,
    ) -> Parts {
        let (mut before, mut handler, mut after) = (Vec::new(), Vec::new(), Vec::new());
        for turn in 0..WARM + self.turns {
            let input = self.scene.input(event);
            let reads = Box::new(Memory(stored.to_vec()));
            LOOKS.with_borrow_mut(Vec::clear);
            let begin = now();
            let outcome = self.runtime.block_on(self.engine.run(policy, input, reads));
            let end = now();
            assert!(matches!(outcome, TurnOutcome::Done(_)), "{outcome:?}");
            if turn >= WARM {
                let looks = LOOKS.with_borrow(|looks| (looks[0], looks[looks.len() - 1]));
                before.push(micros(begin, looks.0));
                handler.push(micros(looks.0, looks.1));
                after.push(micros(looks.1, end));
                whole.push(micros(begin, end));
            }
        }
        let [before, handler, after, whole] =
            [&mut before, &mut handler, &mut after, whole].map(|times| percentile(times, 0.5));
        Parts {
            before,
            handler,
            after,
            whole,
        }
    }

    /// What the turn writes to the store, and how often it calls the host.
    fn effects(&self, policy: &Policy, event: &Event, stored: &Rows) -> (Vec<Row>, u32) {
        let reads = Box::new(Memory(stored.to_vec()));
        let input = self.scene.input(event);
        let outcome = self.runtime.block_on(self.engine.run(policy, input, reads));
        let TurnOutcome::Done(effects) = outcome else {
            panic!("{outcome:?}");
        };
        let Effects { store, usage, .. } = *effects;
        let put = |(key, write)| match write {
            model::turn::Write::Put { value, .. } => Some((key, value, 1)),
            model::turn::Write::Remove => None,
        };
        let rows = store.writes.into_iter().filter_map(put).collect();
        (rows, usage.host_calls)
    }
}

fn micros(from: Instant, to: Instant) -> f64 {
    to.saturating_duration_since(from).as_nanos() as f64 / 1e3
}

type Row = (String, Vec<u8>, Version);
type Rows = [Row];

/// A store that answers at once.
struct Memory(Vec<Row>);

impl StoreReads for Memory {
    fn get<'a>(&'a mut self, key: &'a str) -> StoreRead<'a> {
        let found = self.0.iter().find(|row| row.0 == key);
        let found = found.map(|(_, value, version)| (value.clone(), *version));
        Box::pin(std::future::ready(Ok(found)))
    }
}

/// A tenant with a number and a trunk, and a call of 1001 to 2001.
struct Scene {
    tenant: Arc<TenantConfig>,
    session: SessionId,
    call: CallId,
    request: RequestId,
    seed: [u8; 32],
}

impl Scene {
    fn new() -> Self {
        let seed = [1; 32];
        let ids = &mut IdSource::new(seed, 0, 0);
        let number = Number {
            id: NumberId::mint(ids, NOW),
            number: "2001".into(),
            plugin: "makecall".into(),
        };
        let trunk = Trunk {
            prefixes: vec!["3".into()],
            ..Trunk::new(
                TrunkId::mint(ids, NOW),
                "carrier",
                std::net::SocketAddr::from(([127, 0, 0, 1], 5070)),
            )
        };
        let tenant = TenantConfig {
            id: TenantId::mint(ids, NOW),
            name: "acme".into(),
            domain: "acme.example".into(),
            numbers: BTreeMap::from([("2001".to_owned(), number)]),
            trunks: vec![trunk],
            phones: BTreeMap::new(),
            secrets: BTreeMap::new(),
            plugins: BTreeMap::new(),
            default_plugin: "makecall".into(),
            prompts: BTreeMap::new(),
            fault_policy: FaultPolicy::Release,
            media_timeout: None,
            rollouts: BTreeMap::new(),
            records_turns: true,
        };
        Self {
            tenant: Arc::new(tenant),
            session: SessionId::mint(ids, NOW),
            call: CallId::mint(ids, NOW),
            request: RequestId::mint(ids, NOW),
            seed,
        }
    }

    fn request(&self, verb: &str, body: &str) -> Event {
        Event::Request(Request {
            id: self.request,
            origin: Origin::User,
            user: "1001".into(),
            verb: verb.into(),
            body: body.into(),
        })
    }

    fn incoming(&self) -> Event {
        Event::Incoming {
            call: self.call,
            begin: NOW,
        }
    }

    fn input(&self, event: &Event) -> TurnInput {
        let address = |user: &str| format!("sip:{user}@acme.example").parse();
        let call = CallView {
            id: self.call,
            direction: CallDirection::Inbound,
            phase: Phase::Offered,
            from: address("1001").expect("a good address"),
            to: address("2001").expect("a good address"),
            user_data: String::new(),
            headers: [].into(),
            bridged: None,
            conference: None,
            operations: 0,
        };
        let is_of_call = event.call().is_some();
        let view = View {
            session: self.session,
            now: NOW,
            calls: is_of_call.then_some(call).into_iter().collect(),
            calls_made: 0,
            conferences: vec![],
            gone: None,
            operations: 0,
            asked: None,
            timers: vec![],
            state: [].into(),
            tenant: Arc::clone(&self.tenant),
            plugin: "makecall".into(),
            settings: Arc::default(),
        };
        TurnInput {
            view,
            event: event.clone(),
            ids: IdSource::new(self.seed, 0, 0),
        }
    }
}

/// The component of that plugin crate, as an upload would bring it.
fn component(package: &str) -> Vec<u8> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2);
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("plugins");
    pack::plugin(root.expect("host/policy"), package, &target).expect("the policy builds")
}

/// How a bare instance is made: on the caller's stack, on a fiber as turns run, and on a fiber whose
/// pool keeps pages instead of giving them back to the kernel.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Bare {
    Plain,
    Fiber,
    FiberKept,
}

/// Medians of making an instance and of dropping it, µs. Its imports are traps.
fn bare_instance(component: &[u8], rounds: u64, how: Bare) -> (f64, f64) {
    let engine = bare_engine(how);
    let component = Component::from_binary(&engine, component).expect("it compiled before");
    let mut linker = Linker::new(&engine);
    linker
        .define_unknown_imports_as_traps(&component)
        .expect("functions and resources only");
    let made = linker.instantiate_pre(&component).expect("it is linked");
    let (mut instantiate, mut drops) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let mut store = wasmtime::Store::new(&engine, ());
        store.set_epoch_deadline(u64::MAX / 2);
        let begin = now();
        let instance = if how == Bare::Plain {
            made.instantiate(&mut store)
        } else {
            let mut instance = pin!(made.instantiate_async(&mut store));
            let mut context = Context::from_waker(Waker::noop());
            match instance.as_mut().poll(&mut context) {
                Poll::Ready(instance) => instance,
                Poll::Pending => unreachable!("nothing is waited for"),
            }
        };
        let between = now();
        drop(store);
        instance.expect("the pool has room");
        instantiate.push(micros(begin, between));
        drops.push(micros(between, now()));
    }
    let medians = [&mut instantiate, &mut drops].map(|times| percentile(times, 0.5));
    (medians[0], medians[1])
}

fn bare_engine(how: Bare) -> wasmtime::Engine {
    let mut pool = wasmtime::PoolingAllocationConfig::default();
    pool.max_memory_size(Limits::default().memory);
    if how == Bare::FiberKept {
        pool.linear_memory_keep_resident(256 << 10)
            .table_keep_resident(64 << 10)
            .async_stack_keep_resident(32 << 10);
    }
    let mut config = wasmtime::Config::new();
    config
        .concurrency_support(false)
        .epoch_interruption(true)
        .cranelift_nan_canonicalization(true)
        .allocation_strategy(wasmtime::InstanceAllocationStrategy::Pooling(pool));
    wasmtime::Engine::new(&config).expect("the machine is supported")
}
