//! The host's side of one turn: what the guest's calls work on.
//!
//! It owns the plan, the store's overlay and the log lines of the turn, and counts what the guest
//! asks for. Handles are numbers into a list of this turn's own calls, so a guest can reach no other.

mod call;
mod conference;
mod session;
mod store;

use model::turn::{Effects, Fault, Plan, Usage, View};
use model::{CallId, ConferenceId, IdSource, LogLevel, LogLine, Reply};
use wasmtime::ResourceLimiter;

use crate::bindings::jackfield::policy::types;
use crate::limits::Limits;
pub use store::{StoreRead, StoreReads, Unavailable};

/// Why the host ended the turn.
#[derive(Clone, Debug)]
pub(crate) struct Stop {
    pub(crate) kind: Fault,
    pub(crate) text: String,
}

/// The data of a wasmtime store: one turn.
pub(crate) struct Host {
    plan: Plan,
    state: Option<Vec<u8>>,
    overlay: store::Overlay,
    logs: Vec<LogLine>,
    lines_lost: u32,
    lent: Vec<CallId>,
    lent_conferences: Vec<ConferenceId>,
    limits: Limits,
    calls_made: u32,
    bytes: usize,
    stop: Option<Stop>,
    wanted_memory: bool,
    /// Octets of its linear memory.
    memory: usize,
}

impl Host {
    pub(crate) fn new(
        view: View,
        ids: IdSource,
        reads: Box<dyn StoreReads>,
        limits: Limits,
    ) -> Self {
        let overlay = store::Overlay::new(reads, view.now);
        Self {
            plan: Plan::new(view, ids),
            state: None,
            overlay,
            logs: Vec::new(),
            lines_lost: 0,
            lent: Vec::new(),
            lent_conferences: Vec::new(),
            limits,
            calls_made: 0,
            bytes: 0,
            stop: None,
            wanted_memory: false,
            memory: 0,
        }
    }

    /// The number by which the guest knows that call in this turn.
    pub(crate) fn lend(&mut self, id: CallId) -> u32 {
        let known = self.lent.iter().position(|lent| *lent == id);
        let at = known.unwrap_or_else(|| {
            self.lent.push(id);
            self.lent.len() - 1
        });
        at as u32
    }

    /// Notes why the turn ends here; the first reason counts.
    pub(crate) fn stop(&mut self, kind: Fault, text: String) {
        self.stop.get_or_insert(Stop { kind, text });
    }

    pub(crate) fn stopped(&self) -> Option<&Stop> {
        self.stop.as_ref()
    }

    /// Whether it was refused memory. It was told so and may have gone on well without.
    pub(crate) fn wanted_memory(&self) -> bool {
        self.wanted_memory
    }

    /// Whether it has waited for the store since this was last asked.
    pub(crate) fn take_has_waited(&mut self) -> bool {
        self.overlay.take_has_waited()
    }

    pub(crate) fn calls_made(&self) -> u32 {
        self.calls_made
    }

    /// Octets of linear memory that it came to have: memory is never given back.
    pub(crate) fn memory_used(&self) -> usize {
        self.memory
    }

    /// The log lines of a turn that faulted, and why it did.
    pub(crate) fn into_logs(self, fault: &str) -> Vec<LogLine> {
        let mut logs = all_lines(self.logs, self.lines_lost);
        let message = one_line(&format!("nothing of this turn happened: {fault}"));
        logs.push(LogLine {
            level: LogLevel::Error,
            message,
        });
        logs
    }

    /// Everything that a turn did which returned.
    pub(crate) fn into_effects(self, reply: Option<Reply>, usage: Usage) -> Effects {
        Effects {
            commands: self.plan.into_commands(),
            state: self.state,
            reply,
            logs: all_lines(self.logs, self.lines_lost),
            store: self.overlay.into_touch(),
            usage,
        }
    }

    /// Counts one host call that brings that many octets.
    fn enter(&mut self, bytes: usize) -> wasmtime::Result<()> {
        self.calls_made += 1;
        self.bytes = self.bytes.saturating_add(bytes);
        let Limits {
            host_calls,
            turn_bytes,
            ..
        } = self.limits;
        let text = if self.calls_made > host_calls {
            format!("more than {host_calls} host calls")
        } else if self.bytes > turn_bytes {
            format!("more than {turn_bytes} octets in host calls")
        } else {
            return Ok(());
        };
        self.stop(Fault::HostCalls, text.clone());
        Err(wasmtime::Error::msg(text))
    }

    fn log(&mut self, level: LogLevel, message: &str) {
        if self.logs.len() >= model::limits::LOG_LINES {
            self.lines_lost += 1;
            return;
        }
        self.logs.push(LogLine {
            level,
            message: one_line(message),
        });
    }
}

impl types::Host for Host {}

impl ResourceLimiter for Host {
    fn memory_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let is_allowed = desired <= self.limits.memory;
        self.wanted_memory |= !is_allowed;
        if is_allowed {
            self.memory = self.memory.max(desired);
        }
        Ok(is_allowed)
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(desired as u64 <= crate::limits::TABLE_ELEMENTS)
    }
}

/// The lines that were kept, and how many were not.
fn all_lines(mut logs: Vec<LogLine>, lines_lost: u32) -> Vec<LogLine> {
    if lines_lost > 0 {
        let message = format!("{lines_lost} more lines of this turn are lost");
        logs.push(LogLine {
            level: LogLevel::Warn,
            message,
        });
    }
    logs
}

/// One line of at most the model's length.
fn one_line(message: &str) -> String {
    let end = message.floor_char_boundary(model::limits::LOG_LINE.min(message.len()));
    message[..end]
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}
