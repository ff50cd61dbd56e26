//! A session without a network: a view, a store in memory, and an engine to run turns on them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use model::turn::{CallView, Effects, Fault, Phase, TurnOutcome, Version, View, Write};
use model::{
    CallDirection, CallId, Cause, Command, DialReport, Event, FaultPolicy, IdSource, LogLine,
    Number, NumberId, Origin, ReleaseReport, ReleasedBy, Reply, Request, RequestId, SessionId,
    TenantConfig, TenantId, Trunk, TrunkId,
};
use policy::{Engine, Limits, Policy, StoreRead, StoreReads, TurnInput, Unavailable};

/// The clock of these tests measures usage only.
#[allow(clippy::disallowed_methods)]
pub(crate) fn clock() -> Instant {
    Instant::now()
}

pub(crate) fn engine() -> &'static Engine {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    ENGINE.get_or_init(|| Engine::new(Limits::default(), clock).unwrap())
}

/// The component of that plugin crate.
pub(crate) fn component(package: &str) -> Vec<u8> {
    static BUILT: Mutex<BTreeMap<String, Vec<u8>>> = Mutex::new(BTreeMap::new());
    let mut built = BUILT.lock().unwrap();
    let build = || {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"))
            .ancestors()
            .nth(2)
            .unwrap();
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("plugins");
        pack::plugin(root, package, &target).unwrap()
    };
    built
        .entry(package.to_owned())
        .or_insert_with(build)
        .clone()
}

pub(crate) fn makecall() -> Policy {
    static POLICY: OnceLock<Policy> = OnceLock::new();
    POLICY
        .get_or_init(|| engine().compile(&component("makecall")).unwrap())
        .clone()
}

pub(crate) fn faulty() -> Policy {
    static POLICY: OnceLock<Policy> = OnceLock::new();
    POLICY
        .get_or_init(|| engine().compile(&component("faulty")).unwrap())
        .clone()
}

/// A value, its version, and when it vanishes.
type Row = (Vec<u8>, Version, Option<u64>);

/// A tenant's store in memory.
#[derive(Clone, Default)]
pub(crate) struct Memory {
    rows: Arc<Mutex<BTreeMap<String, Row>>>,
    now: u64,
    is_away: bool,
    is_silent: bool,
    takes: Duration,
}

impl StoreReads for Memory {
    fn get<'a>(&'a mut self, key: &'a str) -> StoreRead<'a> {
        Box::pin(async move {
            // A real store answers later, never at once.
            tokio::task::yield_now().await;
            if !self.takes.is_zero() {
                tokio::time::sleep(self.takes).await;
            }
            if self.is_silent {
                std::future::pending::<()>().await;
            }
            if self.is_away {
                return Err(Unavailable);
            }
            let rows = self.rows.lock().unwrap();
            let live = rows
                .get(key)
                .filter(|row| row.2.is_none_or(|expires| expires > self.now));
            Ok(live.map(|(value, version, _)| (value.clone(), *version)))
        })
    }
}

/// One session and its tenant.
pub(crate) struct Scene {
    pub(crate) engine: Engine,
    policy: Policy,
    pub(crate) calls: Vec<CallView>,
    pub(crate) state: Arc<[u8]>,
    pub(crate) settings: BTreeMap<String, String>,
    pub(crate) now: u64,
    /// What is left of its turns' whole time.
    pub(crate) longest: Duration,
    store: Memory,
    version: Version,
    ids: IdSource,
    tenant: Arc<TenantConfig>,
    session: SessionId,
}

impl Scene {
    pub(crate) fn new(policy: Policy) -> Self {
        let mut ids = IdSource::new([1; 32], 0, 0);
        let tenant = tenant(&mut ids);
        let session = SessionId::mint(&mut ids, 1);
        Self {
            engine: engine().clone(),
            policy,
            calls: vec![],
            state: [].into(),
            settings: BTreeMap::new(),
            now: 1_000_000,
            longest: Duration::MAX,
            store: Memory::default(),
            version: 0,
            ids,
            tenant,
            session,
        }
    }

    pub(crate) fn store_is_away(&mut self) {
        self.store.is_away = true;
    }

    /// From here on each read takes that long.
    pub(crate) fn store_takes(&mut self, time: Duration) {
        self.store.takes = time;
    }

    pub(crate) fn store_is_silent(&mut self) {
        self.store.is_silent = true;
    }

    pub(crate) fn keys(&self) -> Vec<String> {
        self.store.rows.lock().unwrap().keys().cloned().collect()
    }

    /// Runs the turn and commits nothing.
    pub(crate) async fn outcome(&mut self, event: Event) -> TurnOutcome {
        let view = View {
            session: self.session,
            now: self.now,
            calls: self.calls.clone(),
            calls_made: 0,
            conferences: vec![],
            gone: None,
            operations: 0,
            asked: None,
            timers: vec![],
            state: Arc::clone(&self.state),
            tenant: Arc::clone(&self.tenant),
            plugin: "under-test".into(),
            settings: Arc::new(self.settings.clone()),
        };
        self.store.now = self.now;
        let ids = IdSource::new(self.ids.seed(), 0, 0);
        let input = TurnInput { view, event, ids };
        self.engine
            .run_within(
                self.longest,
                &self.policy,
                input,
                Box::new(self.store.clone()),
            )
            .await
    }

    /// Runs the turn, which must return, and commits it.
    pub(crate) async fn turn(&mut self, event: Event) -> Effects {
        match self.outcome(event).await {
            TurnOutcome::Done(effects) => {
                self.commit(&effects);
                *effects
            }
            TurnOutcome::Fault { kind, logs, .. } => panic!("{kind:?}: {logs:#?}"),
        }
    }

    /// Runs the turn, which must fault.
    pub(crate) async fn fault(&mut self, event: Event) -> (Fault, Vec<LogLine>) {
        match self.outcome(event).await {
            TurnOutcome::Done(effects) => panic!("it returned: {effects:#?}"),
            TurnOutcome::Fault { kind, logs, .. } => (kind, logs),
        }
    }

    fn commit(&mut self, effects: &Effects) {
        if let Some(state) = &effects.state {
            self.state = state.clone().into();
        }
        let mut rows = self.store.rows.lock().unwrap();
        for (key, write) in &effects.store.writes {
            self.version += 1;
            match write {
                Write::Put { value, expires } => {
                    rows.insert(key.clone(), (value.clone(), self.version, *expires));
                }
                Write::Remove => {
                    rows.remove(key);
                }
            }
        }
        drop(rows);
        for command in &effects.commands {
            self.apply(command);
        }
    }

    fn apply(&mut self, command: &Command) {
        match command {
            Command::Ring { call } => self.phase(*call, Phase::Ringing),
            Command::Answer { call, .. } => self.phase(*call, Phase::Answered),
            Command::Release { call, .. } => self.phase(*call, Phase::Released),
            Command::SetUserData { call, user_data } => {
                self.view(*call).user_data.clone_from(user_data);
            }
            Command::Construct(made) => self.calls.push(CallView {
                id: made.call,
                direction: CallDirection::Outbound,
                phase: Phase::Dialling,
                from: made.from.clone(),
                to: made.to.clone(),
                user_data: made.user_data.clone(),
                headers: [].into(),
                bridged: None,
                conference: None,
                operations: 0,
            }),
            Command::BridgeStart { a, b } => {
                self.view(*a).bridged = Some(*b);
                self.view(*b).bridged = Some(*a);
            }
            other => panic!("{other:?}"),
        }
    }

    fn view(&mut self, id: CallId) -> &mut CallView {
        self.calls.iter_mut().find(|call| call.id == id).unwrap()
    }

    pub(crate) fn phase(&mut self, id: CallId, phase: Phase) {
        self.view(id).phase = phase;
    }

    /// An inbound call, and its event.
    pub(crate) fn incoming(&mut self, from: &str, to: &str) -> (CallId, Event) {
        let id = CallId::mint(&mut self.ids, self.now);
        self.calls.push(CallView {
            id,
            direction: CallDirection::Inbound,
            phase: Phase::Offered,
            from: format!("sip:{from}@acme.example").parse().unwrap(),
            to: format!("sip:{to}@acme.example").parse().unwrap(),
            user_data: String::new(),
            headers: [].into(),
            bridged: None,
            conference: None,
            operations: 0,
        });
        (
            id,
            Event::Incoming {
                call: id,
                begin: self.now,
            },
        )
    }

    pub(crate) fn request(&mut self, origin: Origin, verb: &str, body: &str) -> Event {
        Event::Request(Request {
            id: RequestId::mint(&mut self.ids, self.now),
            origin,
            user: if origin == Origin::User {
                "1001".into()
            } else {
                String::new()
            },
            verb: verb.into(),
            body: body.into(),
        })
    }

    pub(crate) async fn ask(&mut self, origin: Origin, verb: &str, body: &str) -> Reply {
        let event = self.request(origin, verb, body);
        self.turn(event).await.reply.unwrap()
    }

    pub(crate) fn dial_completed(&mut self, call: CallId, error: Option<u16>) -> Event {
        let answer = error.is_none().then_some(self.now);
        let phase = if error.is_none() {
            Phase::Answered
        } else {
            Phase::Released
        };
        self.phase(call, phase);
        let report = DialReport {
            begin: self.now,
            answer,
            end: self.now,
            error: error.map(Cause::from_network),
            reason: None,
            redirect: None,
        };
        Event::DialCompleted { call, report }
    }

    pub(crate) fn released(&mut self, call: CallId, cause: u16) -> Event {
        self.phase(call, Phase::Released);
        let view = self.view(call).clone();
        let report = ReleaseReport {
            direction: view.direction,
            from: view.from,
            to: view.to,
            begin: self.now,
            answer: None,
            end: self.now,
            dropped_by: ReleasedBy::User,
            cause: Cause::from_network(cause),
            q850: None,
            reason: None,
        };
        Event::Released { call, report }
    }

    /// The commands in words; calls are named by their order: `a`, `b`.
    pub(crate) fn words(&self, effects: &Effects) -> Vec<String> {
        let label = |id: CallId| {
            let at = self.calls.iter().position(|call| call.id == id).unwrap();
            ["a", "b", "c"][at].to_owned()
        };
        effects
            .commands
            .iter()
            .map(|command| command.describe(label))
            .collect()
    }
}

fn tenant(ids: &mut IdSource) -> Arc<TenantConfig> {
    let number = |ids: &mut IdSource, number: &str| {
        let id = NumberId::mint(ids, 1);
        (
            number.to_owned(),
            Number {
                id,
                number: number.into(),
                plugin: "under-test".into(),
            },
        )
    };
    Arc::new(TenantConfig {
        id: TenantId::mint(ids, 1),
        name: "acme".into(),
        domain: "acme.example".into(),
        numbers: BTreeMap::from([number(ids, "2001"), number(ids, "2002")]),
        trunks: vec![Trunk {
            prefixes: vec!["3".into()],
            ..Trunk::new(
                TrunkId::mint(ids, 1),
                "carrier",
                std::net::SocketAddr::from(([127, 0, 0, 1], 5070)),
            )
        }],
        phones: BTreeMap::new(),
        secrets: BTreeMap::new(),
        plugins: BTreeMap::new(),
        default_plugin: "under-test".into(),
        prompts: BTreeMap::new(),
        fault_policy: FaultPolicy::Release,
        media_timeout: None,
        rollouts: BTreeMap::new(),
        records_turns: true,
    })
}
