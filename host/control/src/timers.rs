//! When what is due: one ordered set, and one entry per owner.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Instant,
};

use model::{CallId, Hop, SessionId, TrunkId};

/// Whose timer it is. A call has one deadline at a time; what it means follows from its state.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Due {
    /// The deadline of a call's state.
    Call(CallId),
    /// This party was asked about an offer of the other one, and has not answered.
    Asked(CallId),
    /// The other side of a bridge is told anew what it may do.
    Align(CallId),
    /// A party whose digits are collected has taken too long.
    Collect(CallId),
    /// A digit of a party by INFO comes in no other way: it is the other side's.
    Digit(CallId),
    /// The legs of a call that have said nothing are given up, as it can be tried elsewhere.
    Legs(CallId),
    /// The recording of a call is as long as it may be.
    Record(CallId),
    /// A gateway is to be checked.
    Probe(TrunkId, Hop),
    /// A trunk is to be registered, or its registrar has had its time.
    Enrol(TrunkId),
    /// A timer of a policy.
    Policy(SessionId, String),
}

#[derive(Debug, Default)]
pub(crate) struct Timers {
    queue: BTreeSet<(Instant, Due)>,
    at: BTreeMap<Due, Instant>,
}

impl Timers {
    /// Sets, or sets anew.
    pub(crate) fn set(&mut self, due: Due, at: Instant) {
        self.stop(&due);
        self.queue.insert((at, due.clone()));
        self.at.insert(due, at);
    }

    pub(crate) fn stop(&mut self, due: &Due) {
        if let Some(at) = self.at.remove(due) {
            self.queue.remove(&(at, due.clone()));
        }
    }

    /// The next one that is due at `now`, taken out.
    pub(crate) fn fire(&mut self, now: Instant) -> Option<Due> {
        if self.queue.first()?.0 > now {
            return None;
        }
        let (_, due) = self.queue.pop_first()?;
        self.at.remove(&due);
        Some(due)
    }

    pub(crate) fn next(&self) -> Option<Instant> {
        self.queue.first().map(|(at, _)| *at)
    }

    pub(crate) fn len(&self) -> usize {
        self.queue.len()
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use model::{CallId, IdSource, SessionId};

    use super::{Due, Timers};

    #[test]
    #[allow(clippy::disallowed_methods)] // any instant will do
    fn an_owner_has_one_timer_and_the_earliest_fires_first() {
        let mut ids = IdSource::new([1; 32], 0, 0);
        let call = Due::Call(CallId::mint(&mut ids, 1));
        let policy = Due::Policy(SessionId::mint(&mut ids, 1), "t".into());
        let start = Instant::now();
        let at = |s| start + Duration::from_secs(s);

        let mut timers = Timers::default();
        timers.set(call.clone(), at(1));
        timers.set(policy.clone(), at(2));
        timers.set(call.clone(), at(3));
        assert_eq!((timers.next(), timers.len()), (Some(at(2)), 2));
        assert_eq!(timers.fire(at(1)), None);
        assert_eq!(timers.fire(at(9)), Some(policy));
        timers.stop(&call);
        assert_eq!((timers.fire(at(9)), timers.len()), (None, 0));
    }
}
