//! A turn: one event handled by one policy instance. Event in; commands, state and writes out.
//!
//! Owns the data of it: what the policy sees ([`View`]), what it may do ([`Plan`]) and how it went
//! ([`TurnOutcome`]). Knows neither Wasm nor SQL; `policy` runs turns, the server commits them.

mod attendant;
mod conference;
mod digits;
mod hold;
mod identity;
mod plan;
#[cfg(test)]
pub(crate) mod plan_tests;
mod play;
mod record;
#[cfg(test)]
mod table_tests;
mod transfer;

use std::{collections::BTreeMap, fmt, sync::Arc};

pub use digits::Collect;
pub use plan::{CommandError, Dial, Plan};
pub use play::Play;
pub use transfer::{Asked, Join};

use crate::{
    Address, CallDirection, CallId, Command, ConferenceId, ConferenceView, LogLine, Reply,
    SessionId, TenantConfig,
};

/// Where a call stands (`call-phase` of `types.wit`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Inbound: the INVITE arrived, nothing but 100 was sent.
    Offered,
    /// Outbound: the INVITE was sent, no ringing heard.
    Dialling,
    /// Ringing, at the callee or shown to the caller.
    Ringing,
    /// Answered.
    Answered,
    /// Over.
    Released,
}

/// One call as a policy sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallView {
    /// Its id.
    pub id: CallId,
    /// Which way it was set up.
    pub direction: CallDirection,
    /// Where it stands.
    pub phase: Phase,
    /// The calling party.
    pub from: Address,
    /// The called party.
    pub to: Address,
    /// The policy's text.
    pub user_data: String,
    /// Headers of its INVITE that the tenant may see.
    pub headers: Arc<[(String, String)]>,
    /// The call that it is bridged to.
    pub bridged: Option<CallId>,
    /// The conference that it is in.
    pub conference: Option<ConferenceId>,
    /// How many plays, recordings and collections of digits it has had.
    pub operations: u32,
}

/// What a policy sees of its session when an event begins.
#[derive(Clone, Debug)]
pub struct View {
    /// The session.
    pub session: SessionId,
    /// The event's time, Unix milliseconds.
    pub now: u64,
    /// The session's calls, oldest first; a released one only while its last event is handled.
    pub calls: Vec<CallView>,
    /// How many calls it has had in all, released ones included.
    pub calls_made: usize,
    /// The conferences of its tenant, by name.
    pub conferences: Vec<ConferenceView>,
    /// The conference that this event is about, if there is none of that id any more.
    pub gone: Option<ConferenceView>,
    /// How many plays into conferences and recordings of them it has had.
    pub operations: u32,
    /// The wish to transfer that this event is about.
    pub asked: Option<Asked>,
    /// Names of the running timers.
    pub timers: Vec<String>,
    /// The policy's memory of the session.
    pub state: Arc<[u8]>,
    /// The tenant: what it owns and may dial.
    pub tenant: Arc<TenantConfig>,
    /// The plugin that runs.
    pub plugin: String,
    /// The tenant's settings for it.
    pub settings: Arc<BTreeMap<String, String>>,
}

/// How a turn ended.
#[derive(Clone, Debug)]
pub enum TurnOutcome {
    /// The handler returned.
    Done(Box<Effects>),
    /// It did not: nothing of it happened.
    Fault {
        /// Why.
        kind: Fault,
        /// What it logged; lines survive a fault.
        logs: Vec<LogLine>,
        /// What it used.
        usage: Usage,
    },
}

/// Everything that a turn did.
#[derive(Clone, Debug, Default)]
pub struct Effects {
    /// Commands in their order.
    pub commands: Vec<Command>,
    /// The new state; none: unchanged.
    pub state: Option<Vec<u8>>,
    /// The answer to a request.
    pub reply: Option<Reply>,
    /// Lines for the tenant's log.
    pub logs: Vec<LogLine>,
    /// What it read and wrote in the store. The server commits it before the rest.
    pub store: StoreTouch,
    /// What it used.
    pub usage: Usage,
}

/// The version of a key's value; absence is version 0.
pub type Version = i64;

/// What a turn read and wrote in the tenant's store: one transaction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoreTouch {
    /// Each key that was read, with the version that was seen.
    pub reads: BTreeMap<String, Version>,
    /// Each key that changes: its last write.
    pub writes: BTreeMap<String, Write>,
}

impl StoreTouch {
    /// Whether there is nothing to commit.
    pub fn is_empty(&self) -> bool {
        self.reads.is_empty() && self.writes.is_empty()
    }
}

/// A change of one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Write {
    /// A new value.
    Put {
        /// The value.
        value: Vec<u8>,
        /// When it vanishes, Unix milliseconds.
        expires: Option<u64>,
    },
    /// No value any more.
    Remove,
}

/// Why a handler did not return.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It trapped: a panic, an out-of-bounds access, an unreachable.
    Trap,
    /// It ran longer than its deadline of guest run time.
    Deadline,
    /// The turn took longer than its whole time.
    TooLong,
    /// It wanted more memory than it may have.
    Memory,
    /// It called the host too often, or passed too much to it.
    HostCalls,
    /// The export is missing, or the instance could not be made.
    Instance,
    /// Its store writes were in conflict to the end, or the store is away.
    Store,
}

impl Fault {
    /// The word for logs, metrics and traces.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Trap => "trap",
            Self::Deadline => "deadline",
            Self::TooLong => "too-long",
            Self::Memory => "memory",
            Self::HostCalls => "host-calls",
            Self::Instance => "instance",
            Self::Store => "store",
        }
    }
}

/// What turns used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Turns.
    pub turns: u32,
    /// Guest run time, microseconds of a processor.
    pub guest_us: u64,
    /// Host calls.
    pub host_calls: u32,
    /// Octets of linear memory that one of them had at the most.
    pub memory: u64,
    /// Those of them that faulted.
    pub faults: u32,
}

impl Usage {
    /// Adds another turn's.
    pub fn add(&mut self, other: Usage) {
        self.turns = self.turns.saturating_add(other.turns);
        self.guest_us = self.guest_us.saturating_add(other.guest_us);
        self.host_calls = self.host_calls.saturating_add(other.host_calls);
        self.memory = self.memory.max(other.memory);
        self.faults = self.faults.saturating_add(other.faults);
    }
}

/// For logs: `0.031 ms, 4 host calls, 1152 KiB`.
impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (ms, kib) = (self.guest_us as f64 / 1_000.0, self.memory.div_ceil(1_024));
        write!(f, "{ms} ms, {} host calls, {kib} KiB", self.host_calls)
    }
}
