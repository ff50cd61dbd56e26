//! How many calls a trunk may have at one time, and begin in one second: counted for all shards of a
//! node in one place (ADR 0011).
//!
//! A lease is taken with a call and given back when that ends, whoever drops it. The lock is held for a
//! look and a step, by calls of capped trunks only.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use model::{Trunk, TrunkId};

/// The meters of a node's trunks; cheap to clone, and every clone is the same.
#[derive(Clone, Debug, Default)]
pub struct Meters(Arc<Mutex<BTreeMap<TrunkId, Meter>>>);

/// One trunk. It is kept as long as the process lives: there are no more than trunks.
#[derive(Debug, Default)]
struct Meter {
    live: u32,
    /// When the bucket of calls is full again (the generic cell rate algorithm).
    full: Option<Instant>,
}

/// The place of one call.
#[derive(Debug)]
pub(crate) struct Lease {
    meters: Meters,
    trunk: TrunkId,
}

/// The trunk has as many calls as it may, or has begun as many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Full;

impl Meters {
    /// A place for a call of this trunk; none is needed if it has no cap.
    pub(crate) fn take(&self, now: Instant, trunk: &Trunk) -> Result<Option<Lease>, Full> {
        if trunk.max_calls.is_none() && trunk.calls_per_second.is_none() {
            return Ok(None);
        }
        let mut meters = self.meters();
        let meter = meters.entry(trunk.id).or_default();
        if trunk.max_calls.is_some_and(|most| meter.live >= most) {
            return Err(Full);
        }
        if let Some(rate) = trunk.calls_per_second.filter(|rate| *rate > 0) {
            // A second's calls may come at once; then one after another.
            let second = Duration::from_secs(1);
            let full = meter.full.map_or(now, |full| full.max(now));
            let after = full + second / rate;
            if after > now + second {
                return Err(Full);
            }
            meter.full = Some(after);
        }
        meter.live += 1;
        Ok(Some(Lease {
            meters: self.clone(),
            trunk: trunk.id,
        }))
    }

    /// Calls that have a place.
    pub fn leases(&self) -> u32 {
        self.meters().values().map(|meter| meter.live).sum()
    }

    fn meters(&self) -> MutexGuard<'_, BTreeMap<TrunkId, Meter>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(meter) = self.meters.meters().get_mut(&self.trunk) {
            meter.live -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::time::{Duration, Instant};

    use model::{IdSource, Trunk, TrunkId};

    use super::{Full, Meters};

    fn trunk(max_calls: Option<u32>, calls_per_second: Option<u32>) -> Trunk {
        let id = TrunkId::mint(&mut IdSource::new([1; 32], 0, 0), 1);
        Trunk {
            max_calls,
            calls_per_second,
            ..Trunk::new(id, "carrier", SocketAddr::from(([192, 0, 2, 1], 5060)))
        }
    }

    #[allow(clippy::disallowed_methods)] // any instant will do
    fn now() -> Instant {
        Instant::now()
    }

    #[test]
    fn a_trunk_has_so_many_calls_and_another_when_one_has_ended() {
        let (meters, trunk, now) = (Meters::default(), trunk(Some(2), None), now());
        // Every shard has a clone of its own.
        let other = meters.clone();
        let first = meters.take(now, &trunk).unwrap();
        let second = other.take(now, &trunk).unwrap();
        assert_eq!(meters.take(now, &trunk).unwrap_err(), Full);
        drop(first);
        assert!(other.take(now, &trunk).is_ok_and(|lease| lease.is_some()));
        drop(second);
        assert_eq!(meters.leases(), 0);
    }

    #[test]
    fn a_trunk_begins_so_many_calls_a_second() {
        let (meters, trunk, start) = (Meters::default(), trunk(None, Some(4)), now());
        let mut begun = 0;
        for millis in (0..3_000).step_by(50) {
            let at = start + Duration::from_millis(millis);
            begun += u32::from(meters.take(at, &trunk).is_ok());
        }
        // Four at once, and four in each second.
        assert_eq!(begun, 4 + 11);
    }

    #[test]
    fn a_trunk_without_caps_needs_no_place() {
        let meters = Meters::default();
        assert!(meters.take(now(), &trunk(None, None)).unwrap().is_none());
    }
}
