//! Components as the simulator's policies, run on the engine that a node runs them on.

use std::{
    collections::BTreeMap,
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use control::TurnRequest;
use model::turn::TurnOutcome;
use policy::{Engine, EngineError, Limits, Policy, Refusal, StoreRead, StoreReads, TurnInput};
use sim::{Policies, Snapshot, script::Scripts};

/// Ten times what is usual: the ticks of a machine that is busy with other things count too, and in virtual
/// time nobody waits.
const GUEST_TIME: Duration = Duration::from_millis(500);

/// Octets of a component at most. What a node takes is its operator's to say; this is more than any language's
/// runtime has, and bounds what a file that is none may cost.
pub const COMPONENT: usize = 64 << 20;

/// Policies by the digest that worlds know them by. A digest of none is a script's of the simulator. Cheap to
/// clone; of one thread, for it runs turns to their end.
#[derive(Clone)]
pub struct Components {
    compiled: Compiled,
    runtime: Rc<tokio::runtime::Runtime>,
}

/// The same for any thread. Cheap to clone.
#[derive(Clone)]
pub struct Compiled {
    engine: Engine,
    policies: Arc<BTreeMap<String, Policy>>,
}

impl Compiled {
    /// For this thread.
    pub fn here(self) -> Result<Components, ComponentsError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()?;
        Ok(Components {
            compiled: self,
            runtime: Rc::new(runtime),
        })
    }
}

/// Why there are none.
#[derive(Debug, thiserror::Error)]
pub enum ComponentsError {
    /// The engine cannot start.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A component is refused, in the words of an upload.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// No runtime.
    #[error("cannot start a runtime: {0}")]
    Runtime(#[from] std::io::Error),
}

/// Octets of linear memory of a turn. What a node gives is its operator's to say as well, and a turn that was
/// recorded on one that gives more than is usual must not fault here.
const MEMORY: usize = 128 << 20;

impl Components {
    /// An engine as tests want it: with the limits of a node, but for the time and memory of a turn and the size
    /// of a component.
    pub fn engine() -> Result<Engine, EngineError> {
        let limits = Limits {
            guest_time: GUEST_TIME,
            memory: MEMORY,
            component: COMPONENT,
            ..Limits::default()
        };
        Engine::new(limits, clock)
    }

    /// Policies that were compiled by that engine.
    pub fn new(
        engine: Engine,
        policies: BTreeMap<String, Policy>,
    ) -> Result<Self, ComponentsError> {
        let policies = Arc::new(policies);
        Compiled { engine, policies }.here()
    }

    /// For other threads.
    pub fn compiled(&self) -> Compiled {
        self.compiled.clone()
    }

    /// One component, compiled here.
    pub fn of(component: &[u8]) -> Result<Self, ComponentsError> {
        let engine = Self::engine()?;
        let policy = engine.compile(component)?;
        let name = policy.manifest().digest.clone();
        Self::new(engine, [(name, policy)].into())
    }

    /// Runs a turn of the first of them; none if there is none.
    pub(crate) fn turn(&self, input: TurnInput, reads: Box<dyn StoreReads>) -> Option<TurnOutcome> {
        let Compiled { engine, policies } = &self.compiled;
        let (_, policy) = policies.first_key_value()?;
        Some(self.runtime.block_on(engine.run(policy, input, reads)))
    }

    /// What a world must know of the first of them: its digest, and what it exports.
    pub(crate) fn first(&self) -> Option<(&str, &[String])> {
        let (digest, policy) = self.compiled.policies.first_key_value()?;
        Some((digest, &policy.manifest().exports))
    }
}

impl Policies for Components {
    fn run(&mut self, turn: &TurnRequest, store: &Snapshot) -> TurnOutcome {
        let Compiled { engine, policies } = &self.compiled;
        let Some(policy) = policies.get(turn.digest.as_str()) else {
            return Scripts.run(turn, store);
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

/// It measures what a turn used, and decides nothing.
#[expect(clippy::disallowed_methods, reason = "the clock of what turns use")]
fn clock() -> Instant {
    Instant::now()
}
