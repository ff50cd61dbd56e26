//! What is due when: one queue, in which equal times keep the order in which they were entered.

use std::{collections::BTreeMap, time::Duration};

#[derive(Debug)]
pub(crate) struct Agenda<T> {
    queue: BTreeMap<(Duration, u64), T>,
    next: u64,
}

impl<T> Agenda<T> {
    pub(crate) fn new() -> Self {
        Self {
            queue: BTreeMap::new(),
            next: 0,
        }
    }

    pub(crate) fn enter(&mut self, at: Duration, what: T) {
        self.next += 1;
        self.queue.insert((at, self.next), what);
    }

    pub(crate) fn first(&self) -> Option<Duration> {
        self.queue.keys().next().map(|(at, _)| *at)
    }

    /// None of these happens.
    pub(crate) fn forget(&mut self, of: impl Fn(&T) -> bool) {
        self.queue.retain(|_, what| !of(what));
    }

    /// The next thing that is due, taken out.
    pub(crate) fn take(&mut self, now: Duration) -> Option<T> {
        if self.first()? > now {
            return None;
        }
        self.queue.pop_first().map(|(_, what)| what)
    }
}
