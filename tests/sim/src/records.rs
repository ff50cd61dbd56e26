//! The writer of CDRs: rows become durable in order, after a while; it keeps all of them.

use std::{collections::BTreeMap, time::Duration};

use model::{CallId, Cdr};

use crate::{Options, Pace, Random};

#[derive(Debug)]
pub(crate) struct Records {
    pace: Pace,
    stall: Option<(Duration, Duration)>,
    random: Random,
    last: Duration,
    written: BTreeMap<CallId, Cdr>,
}

impl Records {
    pub(crate) fn new(options: &Options, random: Random) -> Self {
        Self {
            pace: options.records,
            stall: options.stall,
            random,
            last: Duration::ZERO,
            written: BTreeMap::new(),
        }
    }

    /// When a row that comes now is durable: not before those that came earlier. `None`: never, and
    /// nobody will say so.
    pub(crate) fn due(&mut self, now: Duration) -> Option<Duration> {
        if self.random.percent(self.pace.fails) {
            return None;
        }
        let mut at = self.last.max(now + self.pace.draw(&mut self.random));
        if let Some((from, until)) = self.stall
            && (from..until).contains(&at)
        {
            at = until;
        }
        self.last = at;
        Some(at)
    }

    /// The row is durable.
    pub(crate) fn keep(&mut self, row: Cdr) {
        self.written.insert(row.call, row);
    }

    /// The durable row of a call.
    pub(crate) fn get(&self, call: CallId) -> Option<&Cdr> {
        self.written.get(&call)
    }

    /// All durable rows, by call.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Cdr> {
        self.written.values()
    }
}
