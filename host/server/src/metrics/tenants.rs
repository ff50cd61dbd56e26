//! What the policies of each tenant use: that is what a tenant costs, and can be asked for.
//!
//! So many tenants have series of their own: those that used something first. All others share one, `other`, so that
//! the page does not grow with the number of tenants.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use metrics::{Counter, counter};
use model::{TenantId, turn::Usage};

/// Tenants with series of their own.
const TENANTS: usize = 100;
/// The label of all others.
const OTHER: &str = "other";

/// The series, by tenant.
pub(super) struct Tenants {
    own: Mutex<BTreeMap<TenantId, Used>>,
    other: Used,
}

/// Counters of one tenant, or of all others.
pub(super) struct Used {
    turns: Counter,
    faults: Counter,
    guest: Counter,
    host_calls: Counter,
}

impl Used {
    /// With that label.
    pub(super) fn of(tenant: String) -> Self {
        let series = |name: &'static str| counter!(name, "tenant" => tenant.clone());
        Self {
            turns: series("jackfield_tenant_turns_total"),
            faults: series("jackfield_tenant_turn_faults_total"),
            guest: series("jackfield_tenant_guest_microseconds_total"),
            host_calls: series("jackfield_tenant_host_calls_total"),
        }
    }

    fn add(&self, usage: Usage) {
        self.turns.increment(usage.turns.into());
        self.faults.increment(usage.faults.into());
        self.guest.increment(usage.guest_us);
        self.host_calls.increment(usage.host_calls.into());
    }
}

impl Tenants {
    /// Nobody has used anything; `make` makes the series of a label.
    pub(super) fn new(make: impl Fn(String) -> Used) -> Self {
        Self {
            own: Mutex::default(),
            other: make(OTHER.to_owned()),
        }
    }

    /// Adds what a turn used; `make` makes the series of a label.
    pub(super) fn add(&self, tenant: TenantId, usage: Usage, make: impl Fn(String) -> Used) {
        let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        if !own.contains_key(&tenant) && own.len() >= TENANTS {
            return self.other.add(usage);
        }
        let own = own.entry(tenant);
        own.or_insert_with(|| make(tenant.to_string())).add(usage);
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use metrics::Counter;
    use model::{IdSource, TenantId, turn::Usage};

    use super::{OTHER, TENANTS, Tenants, Used};

    #[test]
    fn a_hundred_tenants_have_series_of_their_own_and_the_others_share_one() {
        let made = RefCell::new(Vec::new());
        let make = |label| {
            made.borrow_mut().push(label);
            Used {
                turns: Counter::noop(),
                faults: Counter::noop(),
                guest: Counter::noop(),
                host_calls: Counter::noop(),
            }
        };
        let tenants = Tenants::new(make);
        let mut ids = IdSource::new([1; 32], 0, 0);
        let all: Vec<_> = (0..TENANTS + 5)
            .map(|_| TenantId::mint(&mut ids, 1))
            .collect();
        for tenant in all.iter().chain(&all) {
            tenants.add(*tenant, Usage::default(), make);
        }
        let made = made.borrow();
        assert_eq!(made.len(), TENANTS + 1);
        assert_eq!(made[..2], [OTHER.to_owned(), all[0].to_string()]);
    }
}
