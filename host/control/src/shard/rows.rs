//! What is kept of a session: the rows of its calls, as they are now, and what its policy logs.

use model::{CallId, Cdr, LogLine, Now, SessionId};

use super::{Shard, quality};
use crate::{Output, TenantLog, Ticket, call::State};

impl Shard {
    /// Puts out the row of a call as it is now; the ticket answers when it is durable.
    pub(super) fn record(&mut self, id: CallId) -> Ticket {
        let ticket = self.ticket();
        if let Some(cdr) = self.cdr(id) {
            self.out.push_back(Output::Cdr {
                ticket,
                cdr: Box::new(cdr),
            });
        }
        ticket
    }

    pub(super) fn cdr(&self, id: CallId) -> Option<Cdr> {
        let call = self.calls.get(&id)?;
        let session = self.sessions.get(&call.session)?;
        let end = match &call.state {
            State::Released(end) => Some(*end),
            _ => None,
        };
        Some(Cdr {
            call: id,
            session: session.id,
            tenant: session.tenant.id,
            direction: call.direction,
            from: call.from.clone(),
            to: call.to.clone(),
            begin: call.begin,
            answer: call.answer,
            end: end.map(|end| end.at),
            dropped_by: end.map(|end| end.by),
            cause: end.map(|end| end.cause.code()),
            end_reason: end.map(|end| end.reason),
            user_data: call.user_data.clone(),
            number: call.number.clone(),
            plugin: session.plugin.name.clone(),
            version: session.plugin.version,
            codec: call
                .media
                .agreed
                .as_ref()
                .map(|agreed| agreed.codec.name().to_owned()),
            packets_received: call.media.stats.packets_received,
            packets_sent: call.media.stats.packets_sent,
            packets_lost: call.media.stats.packets_lost,
            quality: quality::of(&call.media.stats),
            usage: session.usage,
        })
    }

    pub(super) fn log(&mut self, now: Now, session: SessionId, lines: Vec<LogLine>) {
        if let Some(version) = self.sessions.get(&session).map(|s| s.plugin.version) {
            self.log_of(now, session, version, lines);
        }
    }

    /// What another version than the session's may have to say.
    pub(super) fn log_of(
        &mut self,
        now: Now,
        session: SessionId,
        version: u32,
        lines: Vec<LogLine>,
    ) {
        let Some(session) = self.sessions.get(&session) else {
            return;
        };
        if lines.is_empty() {
            return;
        }
        self.out.push_back(Output::Log(Box::new(TenantLog {
            tenant: session.tenant.id,
            plugin: session.plugin.name.clone(),
            version,
            session: session.id,
            at: now.unix_ms,
            lines,
        })));
    }
}
