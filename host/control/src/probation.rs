//! New versions of plugins on probation: which of them fault too often.
//!
//! Owns the counts of turns by version, and the verdict: a version that is new, or on trial, is given up when so
//! many of its turns have faulted within so long, and a larger part of its turns than of the version's before,
//! as this process has seen them. Whoever holds it is told once, and brings the version before back; faults that
//! are not the policy's (the store's, a turn that waited for too long, or had no instance) count for nobody.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Instant,
};

use model::{Now, Probation, TenantConfig, TenantId, turn::Fault};

/// A version that is to be given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Whose.
    pub tenant: TenantId,
    /// The plugin.
    pub plugin: String,
    /// The version, and as what it was judged.
    pub judged: Probation,
    /// Why, in words.
    pub why: String,
}

/// The plugins of all tenants, their turns, and who is on probation.
#[derive(Debug, Default)]
pub struct Probations {
    tenants: BTreeMap<TenantId, BTreeMap<String, Book>>,
}

/// One plugin.
#[derive(Debug, Default)]
struct Book {
    /// The versions that sessions begin with, and the one before.
    tallies: BTreeMap<u32, Tally>,
    probation: Option<Probation>,
    /// When turns of the version on probation faulted: the last ones, oldest first.
    faults: VecDeque<Instant>,
    /// The verdict was told.
    is_over: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    turns: u64,
    faults: u64,
}

impl Probations {
    /// A tenant has this configuration from now on, or is gone.
    pub fn publish(&mut self, tenant: TenantId, config: Option<&TenantConfig>) {
        let Some(config) = config else {
            self.tenants.remove(&tenant);
            return;
        };
        let plugins = self.tenants.entry(tenant).or_default();
        plugins.retain(|name, _| config.plugins.contains_key(name));
        for (name, active) in &config.plugins {
            let rollout = config.rollouts.get(name);
            let trial = rollout.and_then(|it| Some(it.trial.as_ref()?.plugin.version));
            let probation = rollout.and_then(|it| it.probation.clone());
            let before = probation.as_ref().map(|it| it.before);
            let versions = [Some(active.version), trial, before];
            let book = plugins.entry(name.clone()).or_default();
            book.tallies.retain(|it, _| versions.contains(&Some(*it)));
            for version in versions.into_iter().flatten() {
                book.tallies.entry(version).or_default();
            }
            if book.probation != probation {
                // It begins, and what was before it does not count against it.
                if let Some(new) = &probation {
                    book.tallies.insert(new.version, Tally::default());
                }
                book.probation = probation;
                book.faults.clear();
                book.is_over = false;
            }
        }
    }

    /// A turn of that version has ended.
    pub fn turn(
        &mut self,
        now: Now,
        (tenant, plugin, version): (TenantId, &str, u32),
        fault: Option<Fault>,
    ) -> Option<Verdict> {
        let book = self.tenants.get_mut(&tenant)?.get_mut(plugin)?;
        let tally = book.tallies.get_mut(&version)?;
        tally.turns += 1;
        let fault = fault.filter(|fault| is_its_own(*fault))?;
        tally.faults += 1;
        let (judged, why) = book.judge(now, version, fault)?;
        book.is_over = true;
        Some(Verdict {
            tenant,
            plugin: plugin.to_owned(),
            judged,
            why,
        })
    }
}

impl Book {
    /// Why the version is to be given up, if it is.
    fn judge(&mut self, now: Now, version: u32, fault: Fault) -> Option<(Probation, String)> {
        let judged = self.probation.clone()?;
        let Probation {
            version: new,
            before,
            faults,
            within,
            since: _,
            until,
        } = judged;
        if version != new || self.is_over || now.unix_ms >= until {
            return None;
        }
        self.faults.push_back(now.mono);
        while self.faults.len() > faults as usize {
            self.faults.pop_front();
        }
        let first = *self.faults.front()?;
        let took = now.mono.saturating_duration_since(first);
        let [tally, old] = [version, before].map(|it| self.tallies.get(&it).copied());
        let (tally, old) = (tally.unwrap_or_default(), old.unwrap_or_default());
        // As fractions: what has had no turn at all has had no fault.
        let is_worse = u128::from(tally.faults) * u128::from(old.turns.max(1))
            > u128::from(old.faults) * u128::from(tally.turns);
        if self.faults.len() < faults as usize || took > within || !is_worse {
            return None;
        }
        let why = format!(
            "{faults} turns faulted within {} s, the last by {}: {} of its {} turns, and {} of {} of version {before}",
            took.as_secs(),
            fault.as_str(),
            tally.faults,
            tally.turns,
            old.faults,
            old.turns,
        );
        Some((judged, why))
    }
}

/// Whether the policy, and nobody else, is to blame.
fn is_its_own(fault: Fault) -> bool {
    !matches!(fault, Fault::Store | Fault::TooLong | Fault::Instance)
}

#[cfg(test)]
mod tests;
