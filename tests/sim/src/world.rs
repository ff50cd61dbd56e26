//! The world: a node, its telephones and what is due when, in one thread and virtual time.

mod drive;
mod outside;
mod play;
mod registers;
mod turns;

use std::{
    borrow::Cow,
    collections::BTreeMap,
    fmt::Write as _,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use control::{Seat, TenantLog, Ticket, TurnRequest, phone};
use media::PortId;
use model::{
    Answer, Ask, Cdr, ConferenceId, IdSource, Now, Recording, TenantConfig, Trace, Wall,
    turn::TurnOutcome,
};
use registers::Registering;

use crate::{
    Hand, Line, Options, Policies, Random, Sabotage, Store, Watch, agenda::Agenda, mishap::Mishap,
    node::Node, records::Records, registrar::Registrar, tapes::Tapes,
};

/// 2026-01-01T00:00:00Z, when every world begins.
const DAWN: Duration = Duration::from_secs(1_767_225_600);

/// A whole node and its telephones. See the module `scenes` for how one is played.
pub struct World {
    options: Options,
    /// The instant at which it began; only differences to it mean anything.
    start: Instant,
    now: Duration,
    /// What the machine's wall clock says at `now`; people set it.
    machine: Duration,
    /// The node's wall clock, and what it says at `now`.
    wall: Wall,
    unix_ms: u64,
    agenda: Agenda<Happening>,
    node: Node,
    lines: Vec<Line>,
    hands: Vec<Hand>,
    /// Which connections the node made to somebody who has to prove a name.
    named: BTreeMap<SocketAddr, sip::PeerName>,
    /// When the last message of each connection arrives, in one direction: none overtakes another.
    pipes: BTreeMap<(SocketAddr, SocketAddr), Duration>,
    tenants: Vec<Arc<TenantConfig>>,
    policies: Box<dyn Policies>,
    store: Store,
    records: Records,
    tapes: Tapes,
    recordings: Vec<Recording>,
    registrar: Registrar,
    /// The audio of prompts, by digest.
    prompts: BTreeMap<Arc<str>, Arc<media::Prompt>>,
    watch: Watch,
    answers: BTreeMap<u64, Answer>,
    asked: u64,
    traces: Vec<Trace>,
    logs: Vec<TenantLog>,
    journal: String,
    mishaps: Vec<Mishap>,
    /// How long the turns of an event take, where the options are not to decide it.
    paces: BTreeMap<&'static str, Duration>,
    /// How often each run of a turn committed: the first, the second, …
    commits: BTreeMap<u32, u32>,
    network: Random,
    chance: Random,
}

/// Something that a person does.
#[derive(Clone, Debug)]
pub enum Deed {
    /// A telephone does that.
    Phone(usize, phone::Input),
    /// The user of a telephone presses these keys, one after another.
    Key(usize, Cow<'static, str>),
    /// The API asks a shard on behalf of a tenant, by its place in the world.
    Ask(usize, Ask),
    /// The API releases one of a tenant's calls, live or not: the nth that there ever was.
    ReleaseAny(usize, u64),
    /// The tenant is deleted.
    Forget(usize),
    /// The disk of recordings is full from now on.
    FillDisk,
    /// The node takes nothing new any more.
    Drain,
    /// The node releases all calls.
    ReleaseAll,
    /// The machine's wall clock is set, so many seconds forward or back.
    SetClock(i64),
}

/// Something that is due.
enum Happening {
    /// A datagram arrives.
    Arrive {
        from: SocketAddr,
        to: SocketAddr,
        bytes: Bytes,
    },
    /// A shard hears what another has said to it.
    Sibling {
        shard: usize,
        flow: sip::Flow,
        bytes: Bytes,
    },
    /// A turn ends and wants to commit.
    Commit {
        shard: usize,
        request: Box<TurnRequest>,
        outcome: TurnOutcome,
        attempt: u32,
    },
    /// A row is durable.
    Durable {
        shard: usize,
        ticket: Ticket,
        cdr: Box<Cdr>,
    },
    /// A REGISTER is written, or cannot be.
    Register { due: Box<Registering>, fails: bool },
    /// A media shard takes a command.
    Command {
        plane: usize,
        command: media::Command,
    },
    /// A media shard has tried to bind a socket.
    Bind {
        plane: usize,
        port: PortId,
        family: media::Family,
    },
    /// The audio of prompts was read.
    Prompts {
        shard: usize,
        ticket: Ticket,
        digests: Vec<Arc<str>>,
    },
    /// A media shard reports.
    Report { shard: usize, event: media::Event },
    /// A person does something.
    Deed(Deed),
}

impl World {
    /// An empty world with these policies.
    // The one place where the simulator reads a clock: an instant cannot be had otherwise, and only
    // differences to this one are used.
    #[allow(clippy::disallowed_methods)]
    pub fn new(options: Options, policies: Box<dyn Policies>) -> Self {
        let mut random = Random::new(options.seed);
        let start = Instant::now();
        Self {
            start,
            now: Duration::ZERO,
            machine: DAWN,
            wall: Wall::new(start, DAWN),
            unix_ms: DAWN.as_millis() as u64,
            agenda: Agenda::new(),
            node: Node::new(&options, &mut random, start),
            lines: Vec::new(),
            hands: Vec::new(),
            named: BTreeMap::new(),
            pipes: BTreeMap::new(),
            tenants: Vec::new(),
            policies,
            store: Store::default(),
            records: Records::new(&options, random.fork()),
            tapes: Tapes::default(),
            recordings: Vec::new(),
            registrar: Registrar::default(),
            prompts: BTreeMap::new(),
            watch: Watch::default(),
            answers: BTreeMap::new(),
            asked: 0,
            traces: Vec::new(),
            logs: Vec::new(),
            journal: String::new(),
            mishaps: Vec::new(),
            paces: BTreeMap::new(),
            commits: BTreeMap::new(),
            network: random.fork(),
            chance: random.fork(),
            options,
        }
    }

    /// What it is like.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// How much time has passed.
    pub fn now(&self) -> Duration {
        self.now
    }

    /// The unix time, as the node has it.
    pub fn unix_ms(&self) -> u64 {
        self.unix_ms
    }

    /// Milliseconds from the world's beginning to a unix time of its.
    pub fn since_dawn(&self, unix_ms: u64) -> u64 {
        unix_ms.saturating_sub(DAWN.as_millis() as u64)
    }

    /// Time goes on until then.
    fn pass(&mut self, until: Duration) {
        self.machine += until.saturating_sub(self.now);
        self.now = self.now.max(until);
        let now = self.wall.read(self.start + self.now, self.machine);
        self.unix_ms = if self.options.bare_clock {
            self.machine.as_millis() as u64
        } else {
            now.unix_ms
        };
    }

    /// The telephones.
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// The telephones, to change their links.
    pub fn lines_mut(&mut self) -> &mut [Line] {
        &mut self.lines
    }

    /// The rows that are durable, oldest call first.
    pub fn cdrs(&self) -> Vec<&Cdr> {
        let mut rows: Vec<&Cdr> = self.records.all().collect();
        rows.sort_by_key(|row| row.begin);
        rows
    }

    /// The traces of the sessions that ended, in the order in which those began.
    pub fn traces(&self) -> Vec<&Trace> {
        let mut traces: Vec<&Trace> = self.traces.iter().collect();
        traces.sort_by_key(|trace| trace.begin);
        traces
    }

    /// The rows of recordings, oldest first.
    pub fn recordings(&self) -> &[Recording] {
        &self.recordings
    }

    /// What became of recordings, in the order of their ends.
    pub fn takes(&self) -> &[crate::Take] {
        &self.tapes.takes
    }

    /// From now on no recording can be written.
    pub fn fill_disk(&mut self) {
        self.tapes.disk_full = true;
    }

    /// From now on the recorder takes no new recording.
    pub fn keep_recorder_busy(&mut self) {
        self.tapes.is_busy = true;
    }

    /// What stands in the tenants' logs.
    pub fn logs(&self) -> &[TenantLog] {
        &self.logs
    }

    /// The tenants' keys.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// A tenant, by its place.
    pub fn tenant(&self, place: usize) -> &Arc<TenantConfig> {
        &self.tenants[place]
    }

    /// The books.
    pub fn watch(&self) -> &Watch {
        &self.watch
    }

    /// Events that no policy was told of.
    pub fn events_lost(&self) -> u64 {
        let shards = self.node.shards.iter();
        shards.map(|shard| shard.refusals().events).sum()
    }

    /// Digits that no policy was told of.
    pub fn digits_lost(&self) -> u64 {
        let shards = self.node.shards.iter();
        shards.map(|shard| shard.refusals().digits).sum()
    }

    /// Media shards that have a member of a conference.
    pub fn planes_in_conference(&self) -> usize {
        let planes = self.node.planes.iter();
        planes.filter(|it| it.conferences() > 0).count()
    }

    /// Others take every seat that is left in the tenant's conference of that name. They hold it as long
    /// as what is returned is kept, and have no calls.
    pub fn crowd(&mut self, tenant: usize, name: &str) -> Vec<Seat> {
        let tenant = self.tenants[tenant].id;
        let id = ConferenceId::mint(&mut IdSource::new([0; 32], 0, 0), 0);
        let seats = std::iter::from_fn(|| self.node.conferences.enter(tenant, name, id).ok());
        seats.collect()
    }

    /// How many turns committed at their first run, at their second, and so on.
    pub fn commits(&self) -> &BTreeMap<u32, u32> {
        &self.commits
    }

    /// A scenario has seen something that must not be.
    pub fn violated(&mut self, what: String) {
        self.watch.violated(what);
    }

    /// How the call of a telephone of the first tenant ended, if it has.
    pub fn ended(&self, user: &str) -> Option<u16> {
        self.lines[self.line(0, user)].ended()
    }

    /// How often the node sent a telephone of the first tenant what begins like that.
    pub fn sent(&self, user: &str, start: &str) -> usize {
        let to = format!("> {}: {start}", self.lines[self.line(0, user)].sip());
        let lines = self.journal.lines();
        lines.filter(|line| line.contains(&to)).count()
    }

    /// Everything that happened, a line each: the same for the same seed.
    pub fn journal(&self) -> &str {
        &self.journal
    }

    fn note(&mut self, what: std::fmt::Arguments<'_>) {
        let _ = writeln!(self.journal, "{:>12} {what}", self.now.as_micros());
    }

    fn clock(&self) -> Now {
        Now {
            mono: self.start + self.now,
            unix_ms: self.unix_ms,
        }
    }

    fn is_sabotaged(&self, by: Sabotage) -> bool {
        self.options.sabotage == Some(by)
    }
}
