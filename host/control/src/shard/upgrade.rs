//! Live sessions change over to a newly activated version of their policy.
//!
//! A session has the version that began it. When a later one is active, for all new sessions, and that one
//! exports `upgrade`, it is asked before the session's next event to make its state out of the session's: in a
//! turn of its own, so that a refusal or a fault leaves the session, and the event, to the version before.
//! It is asked once for each activation. Nobody goes back: an earlier version does not know the later one's
//! state.

use std::sync::Arc;

use model::{
    ActivePlugin, Event, LogLevel, LogLine, Now, SessionId, TraceItem,
    turn::{Effects, TurnOutcome, Usage},
};

use super::Shard;
use crate::session::Out;

/// The interface of those that can.
const UPGRADE: &str = "upgrade";

impl Shard {
    /// The version that the session is to change over to before its next event.
    pub(super) fn due_version(&mut self, session: SessionId) -> Option<ActivePlugin> {
        let s = self.sessions.get_mut(&session)?;
        let tenant = self.tenants.get(&s.tenant.id)?;
        if Arc::ptr_eq(tenant, &s.tenant) {
            return None;
        }
        let active = tenant.plugins.get(&s.plugin.name)?;
        if active.version == s.asked_version {
            return None;
        }
        let is_able = active.version > s.plugin.version && hears(active, UPGRADE);
        // What waits was told to the version before, which it may have begun; it comes first.
        let all = s.queue.iter().all(|it| hears(active, it.interface()));
        if is_able && !all {
            return None;
        }
        s.asked_version = active.version;
        is_able.then(|| active.clone())
    }

    /// Asks that version to take the session over.
    pub(super) fn begin_upgrade(&mut self, now: Now, session: SessionId, to: ActivePlugin) {
        let Some(mut view) = self.view(now, session, None) else {
            return;
        };
        view.settings = to.settings.clone();
        let from = self.sessions.get(&session).map(|s| s.plugin.version);
        let event = Event::Migrate {
            from: from.unwrap_or_default(),
        };
        self.run(session, view, event, Some(Box::new(to)));
    }

    /// It has answered.
    pub(super) fn upgraded(
        &mut self,
        now: Now,
        session: SessionId,
        (out, to): (&Out, ActivePlugin),
        outcome: TurnOutcome,
    ) {
        let Some(s) = self.sessions.get_mut(&session) else {
            return;
        };
        let (from, version) = (s.plugin.version, to.version);
        let (mut logs, usage, moved) = match outcome {
            TurnOutcome::Done(effects) => {
                let Effects {
                    state, logs, usage, ..
                } = *effects;
                (logs, usage, state.ok_or("refused".to_owned()))
            }
            TurnOutcome::Fault { kind, logs, usage } => {
                let usage = Usage { faults: 1, ..usage };
                (logs, usage, Err(format!("fault: {}", kind.as_str())))
            }
        };
        s.usage.add(usage);
        let decision = match moved {
            Ok(state) => {
                s.state = state.into();
                s.plugin = to;
                format!("version {from} -> {version}")
            }
            Err(why) => {
                let stays = format!("{why}; stays with version {from}");
                logs.push(LogLine {
                    level: LogLevel::Warn,
                    message: format!("{}: {stays}", out.name),
                });
                stays
            }
        };
        let item = TraceItem::Turn {
            event: out.name.to_owned(),
            call: None,
            decisions: vec![decision],
        };
        s.note(now.mono, item);
        self.log_of(now, session, version, logs);
    }
}

/// Whether that version wants to be told what is in that interface.
pub(super) fn hears(plugin: &ActivePlugin, interface: &str) -> bool {
    // A session begins with a call, whose events every policy hears.
    interface == "call-events" || plugin.exports.iter().any(|it| it.contains(interface))
}
