//! The real components as the simulator's policies: built once, run on wasmtime. A digest that is no
//! component of ours is a script's.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::OnceLock,
    time::{Duration, Instant},
};

use control::TurnRequest;
use model::turn::TurnOutcome;
use policy::{Engine, Limits, Policy, StoreRead, StoreReads, TurnInput};
use sim::{Policies, Snapshot, script::Scripts};

/// What a plugin's digest says here, and the crate that it is.
const PLUGINS: [&str; 7] = [
    "makecall",
    "faulty",
    "keypad",
    "ivr",
    "memo",
    "voicemail",
    "conference-room",
];

/// Ten times what is usual: the ticks of a machine that is busy with other tests count too, and here
/// nobody waits.
const GUEST_TIME: Duration = Duration::from_millis(500);

pub(crate) struct Components {
    runtime: tokio::runtime::Runtime,
    scripts: Scripts,
}

impl Components {
    pub(crate) fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build();
        Self {
            runtime: runtime.unwrap(),
            scripts: Scripts,
        }
    }
}

impl Policies for Components {
    fn run(&mut self, turn: &TurnRequest, store: &Snapshot) -> TurnOutcome {
        let (engine, policies) = built();
        let Some(policy) = policies.get(turn.digest.as_str()) else {
            return self.scripts.run(turn, store);
        };
        let input = TurnInput {
            view: turn.view.clone(),
            event: turn.event.clone(),
            ids: turn.ids.clone(),
        };
        let reads = Box::new(Reads(store.clone()));
        self.runtime.block_on(engine.run(policy, input, reads))
    }
}

struct Reads(Snapshot);

impl StoreReads for Reads {
    fn get<'a>(&'a mut self, key: &'a str) -> StoreRead<'a> {
        let found = self.0.get(key);
        let found = found.map(|(value, version)| (value.to_vec(), version));
        Box::pin(async move { Ok(found) })
    }
}

/// The engine and the components, once for all tests.
fn built() -> &'static (Engine, BTreeMap<&'static str, Policy>) {
    static BUILT: OnceLock<(Engine, BTreeMap<&str, Policy>)> = OnceLock::new();
    BUILT.get_or_init(|| {
        let limits = Limits {
            guest_time: GUEST_TIME,
            ..Limits::default()
        };
        let engine = Engine::new(limits, clock).unwrap();
        let root = Path::new(env!("CARGO_MANIFEST_DIR"))
            .ancestors()
            .nth(2)
            .unwrap();
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("plugins");
        let policies = PLUGINS.map(|package| {
            let component = pack::plugin(root, package, &target).unwrap();
            (package, engine.compile(&component).unwrap())
        });
        (engine, policies.into())
    })
}

/// It measures what a turn used, and decides nothing.
#[allow(clippy::disallowed_methods)]
fn clock() -> Instant {
    Instant::now()
}
