//! Requests that begin or end a call of the peer's making: INVITE, ACK, CANCEL, BYE, and OPTIONS
//! within a call.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Endpoint;
use super::body::sdp_of;
use super::receive::{Arrived, Refusal};
use super::write::{Answer, abilities, q850_reason};
use crate::Replaces;
use crate::dialog::{self, Dialog, Established, Exchange, Refers, Ringing, State, Usage};
use crate::event::{DialogId, Event, Incoming};
use crate::transaction::{Owner, Timer};
use crate::wire::{Headers, Request};

impl Endpoint {
    /// A new call: RFC 3261 §13.3.1.
    pub(super) fn invite(&mut self, now: Instant, arrived: &Arrived) -> Result<(), Refusal> {
        let headers = arrived.request.headers();
        let call_id = headers.call_id().to_owned();
        let remote_tag = headers.from_tag().unwrap_or("").to_owned();
        let cseq = headers.cseq().number;
        let place = (call_id.clone(), remote_tag.clone());
        let known = self.inbound.get(&place).and_then(|id| self.usages.get(id));
        if known.is_some_and(|usage| cseq <= usage.cseq) {
            // The same INVITE by another way (RFC 3261 §8.2.2.2), or long after its transaction.
            return Err(Refusal::new(482));
        }
        self.screen_session(headers)?;
        self.room_for_dialog()?;
        let local_tag = self.random.tag();
        let Some(dialog) = Dialog::of_inbound(&arrived.request, arrived.flow, &local_tag) else {
            return Err(Refusal::new(400));
        };
        let dialog = dialog.through(&self.config.listeners);
        let id = self.new_dialog();
        let Some(incoming) = incoming(id, arrived) else {
            return Err(Refusal::new(400));
        };
        let Arrived {
            request, back, key, ..
        } = arrived;
        let invite = self.transactions.start_server(key.clone(), *back, id);
        self.respond(now, invite, request, Answer::new(100));
        let request = Arc::clone(request);
        let reliable = self.reliability(&request);
        let state = State::Ringing(Box::new(Ringing {
            invite,
            request,
            dialog,
            progress: None,
            reliable,
        }));
        self.by_tag.insert(local_tag.clone(), id);
        self.inbound.insert(place, id);
        self.connections.enter(id, arrived.flow);
        let usage = Usage {
            call_id,
            local_tag,
            remote_tags: vec![remote_tag],
            cseq,
            state,
            acks: vec![],
            early: vec![],
            refers: Refers::default(),
            because: None,
            warning: None,
            account: None,
            quiet: false,
            gone: false,
        };
        self.usages.insert(id, usage);
        if let Some(seconds) = arrived.request.headers().expires() {
            let at = now + Duration::from_secs(seconds.into());
            self.transactions
                .timers
                .start(Owner::Usage(id), Timer::Expires, at);
        }
        self.emit(Event::Incoming(Box::new(incoming)));
        Ok(())
    }

    /// Expires is over, and nobody has answered: RFC 3261 §13.3.1.
    pub(super) fn invite_expired(&mut self, now: Instant, id: DialogId) {
        self.refuse_ringing(now, id, 487);
        let (q850, reason) = (None, None);
        self.emit(Event::Cancelled {
            dialog: id,
            q850,
            reason,
        });
    }

    /// CANCEL: RFC 3261 §9.2. It is answered with 200 if its INVITE is known, and changes nothing if
    /// that was answered.
    pub(super) fn cancel(&mut self, now: Instant, arrived: &Arrived) -> Result<(), Refusal> {
        let Some((invite, id)) = self.transactions.server(&arrived.key.cancelled()) else {
            return Err(Refusal::new(481));
        };
        let Arrived {
            request, back, key, ..
        } = arrived;
        let Some(usage) = self.usages.get(&id) else {
            // It was refused before there was a call: nothing changes, so nothing needs to be
            // remembered. Its answer had the same tag.
            let tag = self.random.stateless_tag(request);
            let ok = Answer {
                tag: Some(&tag),
                ..Answer::new(200)
            };
            if let Some(bytes) = self.answer(request, ok) {
                self.transactions.transmit(*back, bytes);
            }
            return Ok(());
        };
        let tag = usage.local_tag.clone();
        // Not a second INVITE, which came too early and was refused.
        let ringing = matches!(&usage.state, State::Ringing(ringing) if ringing.invite == invite);
        let transaction = self.transactions.start_server(key.clone(), *back, id);
        let ok = Answer {
            tag: Some(&tag),
            ..Answer::new(200)
        };
        self.respond(now, transaction, request, ok);
        if ringing {
            self.refuse_ringing(now, id, 487);
            let (q850, reason) = reasons(request.headers());
            self.emit(Event::Cancelled {
                dialog: id,
                q850,
                reason,
            });
        } else {
            self.cancel_reinvite(now, id, invite);
        }
        Ok(())
    }

    /// Gives an unanswered inbound call its final answer and ends it.
    pub(super) fn refuse_ringing(&mut self, now: Instant, id: DialogId, status: u16) {
        let Some(usage) = self.usages.get_mut(&id) else {
            return;
        };
        let tag = usage.local_tag.clone();
        let because = usage.because;
        let warning = usage.warning.take();
        let state = std::mem::replace(&mut usage.state, State::Ended);
        if let State::Ringing(ringing) = state {
            // RFC 6432.
            let reason = because.map(|q850| ("Reason", q850_reason(q850)));
            let warning = warning.map(|text| ("Warning", text.into_string()));
            let answer = Answer {
                tag: Some(&tag),
                headers: reason.into_iter().chain(warning).collect(),
                ..Answer::new(status)
            };
            self.respond(now, ringing.invite, &ringing.request, answer);
        }
        self.end(id);
    }

    /// ACK: that of a 2xx, since the transaction takes those of refusals (RFC 3261 §13.3.1.4).
    pub(super) fn ack(&mut self, now: Instant, request: &Request) {
        let headers = request.headers();
        let Some(id) = headers.to_tag().and_then(|tag| self.usage_of(request, tag)) else {
            return;
        };
        let Some(State::Established(call)) = self.usages.get_mut(&id).map(|usage| &mut usage.state)
        else {
            return;
        };
        let awaited = matches!(
            &call.exchange,
            Exchange::Unacked(unacked) if unacked.cseq == headers.cseq().number
        );
        if !awaited {
            return;
        }
        let exchange = std::mem::replace(&mut call.exchange, Exchange::Idle);
        let Exchange::Unacked(unacked) = exchange else {
            return;
        };
        self.transactions
            .timers
            .stop(Owner::Usage(id), Timer::Retransmit2xx);
        self.transactions
            .timers
            .stop(Owner::Usage(id), Timer::AckWait);
        let sdp = sdp_of(headers, request.body());
        match unacked.of {
            dialog::Answered::Call => self.emit(Event::Confirmed { dialog: id, sdp }),
            dialog::Answered::ReleasedCall { status } => self.hang_up(now, id, status),
            dialog::Answered::Reoffer { offerless } => {
                // Our 200 held the offer, so this is its answer; otherwise nobody waits for it.
                if offerless && sdp.is_some() {
                    self.emit(Event::Confirmed { dialog: id, sdp });
                }
            }
        }
    }

    /// BYE: RFC 3261 §15.1.2.
    pub(super) fn bye(
        &mut self,
        now: Instant,
        id: DialogId,
        arrived: &Arrived,
    ) -> Result<(), Refusal> {
        let Some(usage) = self.usages.get(&id) else {
            return Err(Refusal::new(481));
        };
        let cseq = arrived.request.headers().cseq().number;
        let remote_tag = arrived.request.headers().from_tag().unwrap_or("");
        let dialog = match &usage.state {
            State::Ringing(ringing) => Some(&ringing.dialog),
            State::Established(call) => Some(&call.dialog),
            State::Ended => None,
            State::Calling { .. } | State::Cancelling { .. } => return Err(Refusal::new(481)),
        };
        let Some(dialog) = dialog.filter(|dialog| dialog.remote_tag() == remote_tag) else {
            // It crosses our own BYE, in this call or in a fork that we ended: nothing changes, so
            // nothing needs to be remembered.
            if let Some(bytes) = self.answer(&arrived.request, Answer::new(200)) {
                self.transactions.transmit(arrived.back, bytes);
            }
            return Ok(());
        };
        if !dialog.is_in_order(cseq) {
            return Err(Refusal::new(500));
        }
        let Arrived {
            request, back, key, ..
        } = arrived;
        let transaction = self.transactions.start_server(key.clone(), *back, id);
        self.respond(now, transaction, request, Answer::new(200));
        self.hung_up(now, id, request.headers());
        Ok(())
    }

    fn hung_up(&mut self, now: Instant, id: DialogId, headers: &Headers) {
        let (q850, reason) = reasons(headers);
        let Some(usage) = self.usages.get_mut(&id) else {
            return;
        };
        match &usage.state {
            // The caller may end an early dialog by BYE too; its INVITE still needs an answer.
            State::Ringing(_) => {
                self.refuse_ringing(now, id, 487);
                self.emit(Event::Cancelled {
                    dialog: id,
                    q850,
                    reason,
                });
            }
            State::Established(call) => {
                let (released, dialog) = (call.is_released(), call.dialog.clone());
                self.refuse_reoffer(now, id, 487);
                self.part_referral(now, id, &dialog);
                self.end(id);
                if !released {
                    self.emit(Event::HungUp {
                        dialog: id,
                        q850,
                        reason,
                    });
                }
            }
            State::Calling { .. } | State::Cancelling { .. } | State::Ended => {}
        }
    }

    /// OPTIONS within a call: it lives, and this is what we can.
    pub(super) fn options_in_dialog(
        &mut self,
        now: Instant,
        id: DialogId,
        arrived: &Arrived,
    ) -> Result<(), Refusal> {
        let request = &arrived.request;
        let (transaction, new) = self.enter(id, arrived)?;
        if !new {
            self.respond(now, transaction, request, Answer::new(500));
            return Ok(());
        }
        let answer = Answer {
            headers: abilities(false),
            ..Answer::new(200)
        };
        self.respond(now, transaction, request, answer);
        Ok(())
    }

    /// Ends an answered call by BYE.
    pub(super) fn hang_up(&mut self, now: Instant, id: DialogId, status: u16) {
        self.refuse_reoffer(now, id, 487);
        let Some(usage) = self.usages.get_mut(&id) else {
            return;
        };
        let state = std::mem::replace(&mut usage.state, State::Ended);
        if let State::Established(call) = state {
            let Established { mut dialog, .. } = *call;
            let bye = self.send_bye(now, id, &mut dialog, status);
            self.part_referral(now, id, &dialog);
            if let Some(usage) = self.usages.get_mut(&id) {
                usage.refers.bye = bye;
            }
        }
        self.end(id);
    }
}

/// The Q.850 cause and the text of the Reason headers (RFC 3326).
pub(super) fn reasons(headers: &Headers) -> (Option<u8>, Option<String>) {
    let reasons = headers.reasons();
    let q850 = reasons
        .iter()
        .find(|reason| reason.protocol.eq_ignore_ascii_case("Q.850"));
    let cause = q850
        .and_then(|reason| reason.cause)
        .and_then(|cause| cause.try_into().ok());
    let text = q850.and_then(|reason| reason.text.clone());
    (
        cause,
        text.or_else(|| reasons.iter().find_map(|reason| reason.text.clone())),
    )
}

/// `None` if From or To has no URI, which the parser would have refused.
fn incoming(id: DialogId, arrived: &Arrived) -> Option<Incoming> {
    let request = &arrived.request;
    let headers = request.headers();
    Some(Incoming {
        dialog: id,
        flow: arrived.flow,
        proven: arrived.proven.clone(),
        sent_by_port: headers
            .via()
            .port()
            .unwrap_or(arrived.flow.transport.port()),
        call_id: headers.call_id().to_owned(),
        request_uri: request.uri().clone(),
        from: headers.from().uri()?,
        to: headers.to().uri()?,
        asserted: headers.asserted(),
        replaces: headers.get("Replaces").and_then(Replaces::parse),
        max_forwards: headers.max_forwards().unwrap_or(70),
        headers: headers
            .iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
        sdp: sdp_of(headers, request.body()),
    })
}
