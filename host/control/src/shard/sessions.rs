//! Sessions and calls of a shard: how they begin, are counted and are forgotten.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use model::{
    ActivePlugin, Answer, Now, Refusal, SessionId, TenantConfig, TenantId, Trace, limits,
    turn::Usage,
};

use super::Shard;
use crate::{Output, call::Call, session::Session};

/// The Max-Forwards of a session that no call began (RFC 3261 §8.1.1.6).
const MAX_FORWARDS: u8 = 70;

impl Shard {
    pub(super) fn begin_session(
        &mut self,
        now: Now,
        tenant: Arc<TenantConfig>,
        plugin: ActivePlugin,
    ) -> SessionId {
        let id = SessionId::mint(&mut self.ids, now.unix_ms);
        let trace = Trace::new(id, tenant.id, now.unix_ms);
        let active = tenant.plugins.get(&plugin.name);
        let asked_version = active.map_or(plugin.version, |it| it.version);
        let session = Session {
            id,
            tenant,
            plugin,
            asked_version,
            state: [].into(),
            calls: Vec::new(),
            timers: BTreeSet::new(),
            operations: 0,
            attendants: Vec::new(),
            queue: VecDeque::new(),
            turn: None,
            asked: None,
            keeps_talking: false,
            began: now.mono,
            turns: 0,
            calls_made: 0,
            max_forwards: MAX_FORWARDS,
            trace,
            usage: Usage::default(),
        };
        *self.sessions_of.entry(session.tenant.id).or_default() += 1;
        self.sessions.insert(id, session);
        id
    }

    /// Adds a call to its session, opens its record.
    pub(super) fn add_call(&mut self, now: Now, call: Call) {
        self.claim(now, &call);
        if let Some(dialog) = call.dialog {
            self.by_dialog.insert(dialog, call.id);
        }
        let Some(session) = self.sessions.get_mut(&call.session) else {
            return;
        };
        tracing::debug!(call = %call.id, "call begins");
        session.calls.push(call.id);
        session.calls_made += 1;
        *self.live_calls.entry(session.tenant.id).or_default() += 1;
        let id = call.id;
        self.calls.insert(id, call);
        self.record(id);
    }

    /// Forgets calls of which nothing is left, then the session when it is its turn.
    pub(super) fn prune(&mut self, session: SessionId) {
        let Some(s) = self.sessions.get_mut(&session) else {
            return;
        };
        let calls = std::mem::take(&mut s.calls);
        let (done, kept): (Vec<_>, Vec<_>) = calls
            .into_iter()
            .partition(|id| self.calls.get(id).is_none_or(Call::is_done));
        s.calls = kept;
        for id in done {
            let Some(call) = self.calls.remove(&id) else {
                continue;
            };
            for id in call.later_ids.into_iter().chain([call.sip_call_id]) {
                let other = |c: &Call| c.sip_call_id == id;
                if self.by_sip_call_id.get(&id).is_some_and(Option::is_some)
                    || !self.calls.values().any(other)
                {
                    self.by_sip_call_id.remove(&id);
                }
            }
        }
        self.forget_attendants(session);
        if !self.sessions.get(&session).is_some_and(Session::is_done) {
            return;
        }
        if let Some(s) = self.sessions.remove(&session) {
            count_down(&mut self.sessions_of, s.tenant.id);
            if let Some(ticket) = s.asked {
                let refusal = Refusal::Unavailable("the policy gave no answer");
                self.out.push_back(Output::Reply {
                    ticket,
                    answer: Answer::Refused(refusal),
                });
            }
            self.out.push_back(Output::Trace(Box::new(s.trace)));
        }
    }

    pub(super) fn flush(&mut self) {
        for session in self.sessions.values() {
            self.out
                .push_back(Output::Trace(Box::new(session.trace.clone())));
        }
    }

    pub(super) fn tenant_is_full(&self, tenant: TenantId) -> bool {
        self.live_calls
            .get(&tenant)
            .is_some_and(|&n| n >= limits::TENANT_CALLS)
    }

    pub(super) fn has_too_many_sessions(&self, tenant: TenantId) -> bool {
        let sessions = self.sessions_of.get(&tenant);
        sessions.is_some_and(|&n| n >= limits::TENANT_SESSIONS)
    }
}

/// One less of that tenant; the last one takes its entry with it.
pub(super) fn count_down(counts: &mut BTreeMap<TenantId, usize>, tenant: TenantId) {
    if let Some(count) = counts.get_mut(&tenant) {
        *count -= 1;
        if *count == 0 {
            counts.remove(&tenant);
        }
    }
}
