//! What is alive in a shard: gauges, and the invariant that all of it is zero at rest.

use std::collections::BTreeMap;

use super::Shard;

/// What is alive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Sessions, lingering ones included.
    pub sessions: usize,
    /// Calls that are not released.
    pub live_calls: usize,
    /// Calls, those included whose last transaction lingers.
    pub calls: usize,
    /// Media ports that were asked for and are not closed, and attendants of conferences.
    pub ports: usize,
    /// Turns that are out.
    pub turns: usize,
    /// CDRs that somebody waits for.
    pub waiting: usize,
    /// REGISTERs that wait for their bindings to be durable.
    pub registering: usize,
    /// Trunks that end their registration.
    pub leaving: usize,
    /// Timers of calls and policies.
    pub timers: usize,
    /// SIP transactions.
    pub transactions: usize,
    /// SIP dialogs.
    pub dialogs: usize,
    /// Entries of indexes by dialog and Call-ID.
    pub indexed: usize,
}

/// What a shard did for phones that register, since its start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Registrar {
    /// Bindings that it knows, those included that have ended and are not swept.
    pub bindings: usize,
    /// Places of phones whose connection has ended: calls are not tried there until they register again.
    pub lost: usize,
    /// REGISTERs of phones that have proven who they are, by the status of the answer.
    pub answered: BTreeMap<u16, u64>,
    /// Requests with a wrong password, or of no user.
    pub guesses: u64,
    /// Locks of one source for one user.
    pub locks: u64,
    /// Requests that a lock refused.
    pub locked: u64,
}

/// What a shard did not take, since its start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusals {
    /// INVITEs that became no call, by status.
    pub calls: BTreeMap<u16, u64>,
    /// Events that no policy was told of, because too many of its session waited.
    pub events: u64,
    /// Digits that no policy was told of, because they came faster than any telephone sends them, or
    /// too many of their call or session waited.
    pub digits: u64,
    /// Calls that a trunk with a cap had no place for.
    pub capped: u64,
    /// INVITEs with Replaces for dialogs of other shards that found no room, or no more of their source's.
    pub forwards: u64,
    /// What the endpoint refused by itself.
    pub sip: sip::Refusals,
}

impl Shard {
    /// What was not taken, since the start.
    pub fn refusals(&self) -> Refusals {
        Refusals {
            calls: self.refused.clone(),
            events: self.events_lost,
            digits: self.digits_lost,
            capped: self.capped,
            forwards: self.forwarded.refused(),
            sip: self.sip.refusals().clone(),
        }
    }

    /// What it did for phones that register.
    pub fn registrar(&self) -> Registrar {
        let (locks, locked, guesses) = self.door.counts();
        Registrar {
            bindings: self.locations.len(),
            lost: self.locations.lost(),
            answered: self.registrations.clone(),
            guesses,
            locks,
            locked,
        }
    }

    /// What is alive now.
    pub fn counts(&self) -> Counts {
        let sip = self.sip.counts();
        Counts {
            sessions: self.sessions.len(),
            live_calls: self.live_calls.values().sum(),
            calls: self.calls.len(),
            ports: self.by_port.len() + self.attendants.len(),
            turns: self.turns.len(),
            waiting: self.durable.len(),
            registering: self.registering.len(),
            leaving: self.trunks_leaving(),
            timers: self.timers.len() + sip.timers,
            transactions: sip.transactions,
            dialogs: sip.dialogs,
            indexed: self.by_dialog.len() + self.by_sip_call_id.len(),
        }
    }
}
