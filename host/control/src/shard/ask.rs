//! What the API asks of live sessions and trunks.

use model::{Answer, Ask, Event, Now, Refusal, Request, TenantId, limits};

use super::{Shard, release::Ending};
use crate::{Output, Ticket, versions};

impl Shard {
    pub(super) fn ask(&mut self, now: Now, ticket: Ticket, tenant: TenantId, ask: Ask) {
        let answer = match ask {
            Ask::Request(request) => match self.request(now, ticket, tenant, *request) {
                // The policy's turn replies.
                Ok(()) => return,
                Err(refusal) => Answer::Refused(refusal),
            },
            Ask::Release { call, cause } => {
                let session = self
                    .calls
                    .get(&call)
                    .filter(|c| !c.is_released())
                    .map(|c| c.session);
                if session.is_some_and(|session| self.belongs(session, tenant)) {
                    let _span = self.span(call);
                    self.end(now, call, Ending::policy(cause));
                    Answer::Done
                } else {
                    Answer::Refused(Refusal::NotFound)
                }
            }
            Ask::Calls => {
                let live = self.calls.values().filter(|call| !call.is_released());
                let own = live.filter(|call| self.belongs(call.session, tenant));
                Answer::Calls(own.map(crate::call::Call::live).collect())
            }
            Ask::Conferences => Answer::Conferences(self.config.conferences.of(tenant)),
            Ask::Trace(session) => match self.sessions.get(&session) {
                Some(s) if s.tenant.id == tenant => Answer::Trace(Box::new(s.trace.clone())),
                _ => Answer::Refused(Refusal::NotFound),
            },
            Ask::Trunk(trunk) => match self.tenants.get(&tenant) {
                Some(config) if config.trunks.iter().any(|it| it.id == trunk) => {
                    Answer::Trunk(self.trunk_status(now, trunk))
                }
                _ => Answer::Refused(Refusal::NotFound),
            },
        };
        self.out.push_back(Output::Reply { ticket, answer });
    }

    fn belongs(&self, session: model::SessionId, tenant: TenantId) -> bool {
        self.sessions
            .get(&session)
            .is_some_and(|s| s.tenant.id == tenant)
    }

    /// Begins a session without calls and lets its policy answer.
    fn request(
        &mut self,
        now: Now,
        ticket: Ticket,
        tenant: TenantId,
        request: Request,
    ) -> Result<(), Refusal> {
        if self.draining {
            return Err(Refusal::Unavailable("the node drains"));
        }
        if self.sessions.len() >= limits::SHARD_SESSIONS {
            return Err(Refusal::Unavailable("too many sessions"));
        }
        if self.has_too_many_sessions(tenant) {
            return Err(Refusal::Unavailable("too many sessions of this tenant"));
        }
        let tenant = self.tenants.get(&tenant).ok_or(Refusal::NotFound)?.clone();
        let id = request.id.to_string();
        let user = Some(request.user.as_str()).filter(|user| !user.is_empty());
        let who = user.unwrap_or(&id);
        let plugin = versions::begins_with(&tenant, &tenant.default_plugin, who);
        let plugin = plugin.ok_or(Refusal::NoHandler)?.clone();
        if !plugin
            .exports
            .iter()
            .any(|export| export.contains("request-events"))
        {
            return Err(Refusal::NoHandler);
        }
        let session = self.begin_session(now, tenant, plugin);
        if let Some(s) = self.sessions.get_mut(&session) {
            s.asked = Some(ticket);
        }
        self.tell(now, session, Event::Request(request));
        Ok(())
    }
}
