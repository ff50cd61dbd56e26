//! What the owner asks for. An order for a call that has ended, or that crosses an event of it, is
//! ignored: the event that the owner has not yet seen says the rest.

use std::time::Instant;

use bytes::Bytes;

use super::Endpoint;
use super::inform::takes_info;
use super::proofs::Met;
use super::reliable::accepts_with;
use super::session::{says, takes_update};
use super::write::{ALLOW, Answer, SDP, SUPPORTED, warning};
use crate::Uri;
use crate::dialog::{self, Account, Attempt, Cancel, Established, Exchange, Refers, State, Usage};
use crate::event::{DialogId, Event, FailedBy, Invite};
use crate::transaction::{Owner, Timer, TransactionId};
use crate::wire::{Method, NameAddr, Request};

/// Headers that are the endpoint's to write; an owner that wants one of them is refused.
pub const OWN_HEADERS: [&str; 27] = [
    "via",
    "v",
    "from",
    "f",
    "to",
    "t",
    "call-id",
    "i",
    "cseq",
    "contact",
    "m",
    "max-forwards",
    "route",
    "record-route",
    "content-type",
    "c",
    "content-length",
    "l",
    "allow",
    "supported",
    "k",
    "session-expires",
    "x",
    "min-se",
    "user-agent",
    "authorization",
    "proxy-authorization",
];

impl Endpoint {
    pub(super) fn order_invite(&mut self, now: Instant, order: Invite) {
        let id = order.dialog;
        if id.0 == 0 || id.0 > self.last_dialog || self.usages.contains_key(&id) {
            tracing::error!(?id, "an INVITE with a handle that is not fresh");
            return;
        }
        if !self.has_dialog() || !self.has_transaction() {
            return self.stillborn(id, 503, "too many calls");
        }
        let local_tag = self.random.tag();
        let attempt = Box::new(Attempt {
            order,
            min_se: None,
            met: Met::default(),
        });
        let login = attempt.order.login.clone();
        let account = login.map(|login| Box::new(Account::new(login)));
        let request = match self.build_invite(&attempt, None, &local_tag, 1) {
            Ok(request) => request,
            Err(reason) => return self.stillborn(id, 500, &reason),
        };
        let Some(invite) = self.start_client(now, attempt.order.flow, request, id) else {
            return;
        };
        self.by_tag.insert(local_tag.clone(), id);
        let usage = Usage {
            call_id: attempt.order.call_id.clone(),
            local_tag,
            remote_tags: vec![],
            cseq: 1,
            state: State::Calling {
                invite,
                answered: false,
                attempt,
            },
            acks: vec![],
            early: vec![],
            refers: Refers::default(),
            because: None,
            warning: None,
            account,
            quiet: false,
            gone: false,
        };
        self.usages.insert(id, usage);
    }

    /// Sends the INVITE of a usage that calls once more, with its present number.
    pub(super) fn send_invite(&mut self, now: Instant, id: DialogId) -> Option<TransactionId> {
        let usage = self.usages.get_mut(&id)?;
        let (local_tag, cseq) = (usage.local_tag.clone(), usage.cseq);
        // It is put back at once; nothing in between looks at it.
        let state = std::mem::replace(&mut usage.state, State::Ended);
        let State::Calling {
            invite,
            answered,
            attempt,
        } = state
        else {
            usage.state = state;
            return None;
        };
        let mut account = usage.account.take();
        let flow = attempt.order.flow;
        let request = self.build_invite(&attempt, account.as_deref_mut(), &local_tag, cseq);
        if let Some(usage) = self.usages.get_mut(&id) {
            usage.account = account;
            usage.state = State::Calling {
                invite,
                answered,
                attempt,
            };
        }
        self.start_client(now, flow, request.ok()?, id)
    }

    fn build_invite(
        &mut self,
        attempt: &Attempt,
        account: Option<&mut Account>,
        local_tag: &str,
        cseq: u32,
    ) -> Result<Request, String> {
        let Attempt { order, min_se, .. } = attempt;
        for (name, _) in &order.headers {
            if OWN_HEADERS
                .iter()
                .any(|ours| name.eq_ignore_ascii_case(ours))
            {
                return Err(format!("header {} is not the owner's", name.escape_debug()));
            }
        }
        let via = self.fresh_via(order.flow);
        let expires = self.config.session_expires.max(min_se.unwrap_or(0));
        let target = order.request_uri.clone().without_headers();
        let proven = account.map(|account| self.prove_with(account, &Method::INVITE, &target));
        let routes: Vec<NameAddr> = order.routes.iter().cloned().map(NameAddr::new).collect();
        let mut builder = Request::builder(Method::INVITE, target)
            .via(via)
            .header("Max-Forwards", &order.max_forwards.to_string())
            .routes(&routes)
            .from(NameAddr::new(order.from.clone()).with_tag(local_tag))
            .to(NameAddr::new(order.to.clone()))
            .call_id(&order.call_id)
            .cseq(cseq)
            .contact(&self.config.contact(order.flow, &order.request_uri))
            .header("Allow", ALLOW)
            .header("Supported", SUPPORTED)
            .header("Session-Expires", &expires.to_string())
            .header("User-Agent", &self.config.product);
        if let Some(least) = min_se {
            builder = builder.header("Min-SE", &least.to_string());
        }
        for (name, value) in &order.headers {
            builder = builder.header(name, value);
        }
        for (name, value) in proven.iter().flatten() {
            builder = builder.header(name, value);
        }
        if !order.sdp.is_empty() {
            builder = builder.body(SDP, order.sdp.clone());
        }
        builder.build().map_err(|error| error.to_string())
    }

    /// An order that cannot be carried out.
    fn stillborn(&mut self, id: DialogId, status: u16, reason: &str) {
        let reason = Some(reason.to_owned());
        self.emit(Event::Failed {
            dialog: id,
            by: FailedBy::Ourselves,
            status,
            reason,
            q850: None,
            contact: None,
            retry_after: None,
        });
        self.emit(Event::Gone { dialog: id });
    }

    pub(super) fn order_progress(
        &mut self,
        now: Instant,
        id: DialogId,
        status: u16,
        sdp: Option<Bytes>,
    ) {
        if !(101..=199).contains(&status) {
            tracing::error!(status, "not a provisional status");
            return;
        }
        if self.progress_reliably(now, id, status, sdp.as_ref()) {
            return;
        }
        let Some(bytes) = self.answer_ringing(id, status, sdp, vec![]) else {
            return;
        };
        let Some(State::Ringing(ringing)) = self.usages.get_mut(&id).map(|u| &mut u.state) else {
            return;
        };
        ringing.progress = Some(bytes.clone());
        let invite = ringing.invite;
        self.transactions.respond(now, invite, status, bytes);
        self.restart_progress(now, id);
    }

    /// The last 1xx once more, so that no proxy gives up (RFC 3261 §13.3.1.1).
    pub(super) fn repeat_progress(&mut self, now: Instant, id: DialogId) {
        let Some(State::Ringing(ringing)) = self.usages.get(&id).map(|u| &u.state) else {
            return;
        };
        let (invite, bytes) = (ringing.invite, ringing.progress.clone());
        if let Some(bytes) = bytes {
            self.transactions.respond(now, invite, 180, bytes);
        }
        self.restart_progress(now, id);
    }

    fn restart_progress(&mut self, now: Instant, id: DialogId) {
        let at = now + self.config.timers.progress;
        self.transactions
            .timers
            .start(Owner::Usage(id), Timer::Progress, at);
    }

    pub(super) fn order_accept(&mut self, now: Instant, id: DialogId, sdp: Bytes) {
        if self.accept_later(id, &sdp) {
            return;
        }
        let Some(State::Ringing(ringing)) = self.usages.get(&id).map(|usage| &usage.state) else {
            return;
        };
        let session = self.grant(ringing.request.headers());
        let says_sdp = accepts_with(ringing, &sdp);
        let answer = self.answer_ringing(id, 200, says_sdp, says(session));
        let Some(response) = answer else {
            return;
        };
        let Some(usage) = self.usages.get_mut(&id) else {
            return;
        };
        let state = std::mem::replace(&mut usage.state, State::Ended);
        let State::Ringing(ringing) = state else {
            return;
        };
        for timer in [Timer::Progress, Timer::Expires] {
            self.transactions.timers.stop(Owner::Usage(id), timer);
        }
        let cseq = ringing.request.headers().cseq().number;
        let of = dialog::Answered::Call;
        let unacked = self.send_2xx(now, id, ringing.invite, cseq, response, of);
        if let Some(usage) = self.usages.get_mut(&id) {
            let exchange = Exchange::Unacked(unacked);
            let call = Established {
                dialog: ringing.dialog,
                exchange,
                sdp,
                session: None,
                update: None,
                takes_update: takes_update(ringing.request.headers()).unwrap_or(false),
                info: None,
                takes_info: takes_info(ringing.request.headers()),
            };
            usage.state = State::Established(Box::new(call));
        }
        self.start_session(now, id, session);
    }

    pub(super) fn order_redirect(&mut self, now: Instant, id: DialogId, contact: &Uri) {
        let headers = vec![("Contact", format!("<{contact}>"))];
        let Some(State::Ringing(ringing)) = self.usages.get(&id).map(|u| &u.state) else {
            return;
        };
        let invite = ringing.invite;
        let tag = self.usages.get(&id).map(|usage| usage.local_tag.as_str());
        let answer = Answer {
            tag,
            headers,
            ..Answer::new(302)
        };
        if let Some(bytes) = self.answer(&ringing.request, answer) {
            self.transactions.respond(now, invite, 302, bytes);
        }
        self.end(id);
    }

    pub(super) fn order_because(&mut self, id: DialogId, q850: u8) {
        if let Some(usage) = self.usages.get_mut(&id) {
            usage.because = Some(q850);
        }
    }

    pub(super) fn order_warn(&mut self, id: DialogId, code: u16, text: &str) {
        let agent = &self.config.product;
        if let Some(usage) = self.usages.get_mut(&id) {
            usage.warning = Some(warning(code, agent, text).into());
        }
    }

    pub(super) fn order_release(&mut self, now: Instant, id: DialogId, status: u16) {
        let Some(usage) = self.usages.get_mut(&id) else {
            return;
        };
        match &mut usage.state {
            State::Ringing(_) => {
                // A normal end is no answer to an INVITE.
                let status = if (400..=699).contains(&status) {
                    status
                } else {
                    480
                };
                self.refuse_ringing(now, id, status);
            }
            State::Calling {
                invite, answered, ..
            } => {
                let (invite, answered) = (*invite, *answered);
                let cancel = if answered { Cancel::Sent } else { Cancel::Held };
                usage.state = State::Cancelling {
                    invite,
                    cancel,
                    status,
                };
                if answered {
                    self.send_cancel(now, id, invite, status);
                }
            }
            State::Established(call) => match &mut call.exchange {
                Exchange::Unacked(unacked) if unacked.of == dialog::Answered::Call => {
                    unacked.of = dialog::Answered::ReleasedCall { status };
                }
                Exchange::Unacked(unacked) if unacked.is_released() => {}
                _ => {
                    self.hang_up(now, id, status);
                }
            },
            State::Cancelling { .. } | State::Ended => {}
        }
    }

    /// The bytes of an answer to an inbound call that is unanswered.
    pub(super) fn answer_ringing(
        &self,
        id: DialogId,
        status: u16,
        sdp: Option<Bytes>,
        headers: Vec<(&'static str, String)>,
    ) -> Option<Bytes> {
        let usage = self.usages.get(&id)?;
        let State::Ringing(ringing) = &usage.state else {
            return None;
        };
        let tag = Some(usage.local_tag.as_str());
        let dialog = Some(ringing.dialog.flow());
        self.answer(
            &ringing.request,
            Answer {
                tag,
                headers,
                sdp,
                dialog,
                ..Answer::new(status)
            },
        )
    }
}
