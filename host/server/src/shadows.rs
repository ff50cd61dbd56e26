//! Shadows: a version of a plugin that runs along on live events, without effects.
//!
//! Behind each turn of a session that began while its plugin had a shadow, the shadow is given the same: the
//! event, the view but for a state of its own, and what was read of the store. Nothing that it decides goes
//! anywhere. Where it decides otherwise is counted, and the first such decision of a session stands in the
//! plugin's log. It has one thread, one turn at a time, and rests after each as long as that took: no live turn
//! waits for it. A full queue loses the turn, and with it what is left of its session.

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, atomic::Ordering},
    thread,
    time::Duration,
};

use control::TenantLog;
use model::{ActivePlugin, LogLevel, LogLine, SessionId, TenantConfig, TenantId, limits};
use policy::{StoreRead, StoreReads, TurnInput, Unavailable};
use recorded::{Course, Did, Known, Step, Turn};
use store::ShadowTally;
use tokio::sync::mpsc;

use crate::{
    clock,
    metrics::Metrics,
    outlets::{Losses, Record},
    plugins::Plugins,
    turns::taken::{Taken, Waiting},
};

/// Room in the queue: a second of a busy node's turns, and their octets.
pub const ROOM: (usize, usize) = (512, 16 << 20);
/// Sessions that are followed at one time, the newest.
const SESSIONS: usize = 4_096;
/// Lines in the log of one plugin within a minute: whoever differs differs often.
const LINES: u32 = 20;
/// How long the thread rests at the most.
const REST: Duration = Duration::from_millis(100);

/// The shadow of a session that version runs: another version of the same plugin.
pub fn shadow<'a>(
    tenant: &'a TenantConfig,
    plugin: &str,
    version: u32,
) -> Option<&'a ActivePlugin> {
    let shadow = tenant.rollouts.get(plugin)?.shadow.as_ref();
    shadow.filter(|shadow| shadow.version != version)
}

/// Starts the thread; it ends with the last sender of turns.
pub fn start(
    plugins: Arc<Plugins>,
    mut turns: mpsc::Receiver<Box<Waiting>>,
    records: mpsc::Sender<Record>,
    losses: Arc<Losses>,
    metrics: Metrics,
) -> io::Result<thread::JoinHandle<()>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()?;
    let run = move || {
        let mut shadows = Shadows::new(Some(records), metrics);
        while let Some(waiting) = turns.blocking_recv() {
            if turns.is_closed() {
                // The node ends, and nobody waits for what was only a question.
                count(*waiting, &mut turns, &losses);
                break;
            }
            let (began, taken) = (clock::instant(), waiting.taken);
            runtime.block_on(shadows.follow(&plugins, taken));
            if turns.is_empty() || shadows.is_full() {
                shadows.tell();
            }
            let took = clock::instant().saturating_duration_since(began);
            thread::sleep(took.min(REST));
        }
        shadows.tell();
    };
    thread::Builder::new().name("shadows".to_owned()).spawn(run)
}

/// Counts a turn that no shadow runs any more, and those behind it; some were counted when they came.
fn count(first: Waiting, turns: &mut mpsc::Receiver<Box<Waiting>>, losses: &Losses) {
    let rest = std::iter::from_fn(|| turns.try_recv().ok());
    let lost = std::iter::once(first).chain(rest.map(|it| *it));
    let lost = lost.filter(|waiting| waiting.taken.is_whole).count();
    losses.shadows.fetch_add(lost as u64, Ordering::Relaxed);
}

/// Whose shadow, and which version of it.
type Whose = (TenantId, String, u32);

/// What is known of the sessions that are followed.
struct Shadows {
    /// None: it is over, by a difference or because nothing can be told any more.
    courses: BTreeMap<SessionId, Option<Course>>,
    tallies: BTreeMap<Whose, ShadowTally>,
    /// Lines of this minute, by shadow.
    lines: (u64, BTreeMap<Whose, u32>),
    records: Option<mpsc::Sender<Record>>,
    metrics: Metrics,
}

impl Shadows {
    fn new(records: Option<mpsc::Sender<Record>>, metrics: Metrics) -> Self {
        Self {
            courses: BTreeMap::new(),
            tallies: BTreeMap::new(),
            lines: (0, BTreeMap::new()),
            records,
            metrics,
        }
    }

    /// Runs the shadow on a turn.
    async fn follow(&mut self, plugins: &Plugins, taken: Taken) {
        let Taken {
            mut turn,
            outcome,
            is_whole,
        } = taken;
        let tenant = Arc::clone(&turn.view.tenant);
        let Some(shadow) = shadow(&tenant, &turn.view.plugin, turn.version) else {
            return;
        };
        turn.did = Did::of(&outcome);
        let Some(mut course) = self.course(&turn, shadow) else {
            return;
        };
        let known = Known::of(&turn);
        let policy = plugins.get(&shadow.digest);
        let view = course.view(&turn).filter(|_| is_whole);
        let (Some(view), Some(policy)) = (view, policy) else {
            return self.step(&turn, shadow, None, course);
        };
        let did = if recorded::hears(&policy.manifest().exports, &turn.event) {
            let input = TurnInput {
                view,
                event: turn.event.clone(),
                ids: turn.ids.clone(),
            };
            let reads = Box::new(Then(known.clone()));
            Did::of(&plugins.engine().run(&policy, input, reads).await)
        } else {
            Did::default()
        };
        let step = course.done(&turn, &did, known.unknown());
        self.step(&turn, shadow, Some(step), course);
    }

    /// How far the shadow has come in that session; none if it is not followed.
    fn course(&mut self, turn: &Turn, shadow: &ActivePlugin) -> Option<Course> {
        let session = turn.view.session;
        if turn.number == 0 {
            self.tally(turn, shadow).sessions += 1;
            self.courses.insert(session, Some(Course::default()));
            if self.courses.len() > SESSIONS {
                self.courses.pop_first();
            }
        }
        self.courses.get_mut(&session)?.take()
    }

    /// Notes what a turn showed; none: it could not be run.
    fn step(&mut self, turn: &Turn, shadow: &ActivePlugin, step: Option<Step>, course: Course) {
        let tally = self.tally(turn, shadow);
        tally.turns += 1;
        let (verdict, told) = match step {
            Some(Step::Same) => {
                self.courses.insert(turn.view.session, Some(course));
                return self.metrics.shadow("same");
            }
            Some(Step::Differs(it)) => {
                tally.differ += 1;
                ("differs", it.to_string())
            }
            Some(Step::Unknown(key)) => {
                tally.unknown += 1;
                let (turn, event) = (turn.number + 1, turn.event.name());
                let told = format!("turn {turn}, {event}: it reads {key:?}, which was not read");
                ("unknown", told)
            }
            None => {
                tally.unknown += 1;
                let turn = turn.number + 1;
                ("unknown", format!("turn {turn} could not be run"))
            }
        };
        self.metrics.shadow(verdict);
        self.log(turn, shadow, &told);
    }

    /// A line in the plugin's log, if it has not too many already.
    fn log(&mut self, turn: &Turn, shadow: &ActivePlugin, told: &str) {
        let minute = turn.view.now / 60_000;
        if self.lines.0 != minute {
            self.lines = (minute, BTreeMap::new());
        }
        let lines = self.lines.1.entry(whose(turn, shadow)).or_default();
        *lines += 1;
        if *lines > LINES {
            return;
        }
        let told: Vec<_> = told.lines().map(str::trim).collect();
        let mut message = format!("shadow of version {}: {}", turn.version, told.join("; "));
        message.truncate(message.floor_char_boundary(limits::LOG_LINE));
        let log = TenantLog {
            tenant: turn.view.tenant.id,
            plugin: turn.view.plugin.clone(),
            version: shadow.version,
            session: turn.view.session,
            at: turn.view.now,
            lines: vec![LogLine {
                level: LogLevel::Warn,
                message,
            }],
        };
        self.put(Record::Log(Box::new(log)));
    }

    fn tally(&mut self, turn: &Turn, shadow: &ActivePlugin) -> &mut ShadowTally {
        self.tallies.entry(whose(turn, shadow)).or_default()
    }

    /// Whether there is so much to be told that it should not wait.
    fn is_full(&self) -> bool {
        self.tallies
            .values()
            .any(|tally| tally.turns >= ROOM.0 as u64)
    }

    /// Tells what was counted.
    fn tell(&mut self) {
        for ((tenant, plugin, version), tally) in std::mem::take(&mut self.tallies) {
            self.put(Record::Shadow {
                tenant,
                plugin,
                version,
                tally,
            });
        }
    }

    fn put(&self, record: Record) {
        if let Some(records) = &self.records
            && records.try_send(record).is_err()
        {
            tracing::warn!("the queue of records is full: what a shadow showed is lost");
        }
    }
}

fn whose(turn: &Turn, shadow: &ActivePlugin) -> Whose {
    let view = &turn.view;
    (view.tenant.id, view.plugin.clone(), shadow.version)
}

/// The store as the live turn read it.
struct Then(Known);

impl StoreReads for Then {
    fn get<'a>(&'a mut self, key: &'a str) -> StoreRead<'a> {
        let found = self.0.get(key).map_err(|_| Unavailable);
        Box::pin(async move { found })
    }
}

#[cfg(test)]
mod tests;
