//! Answering an INVITE: the re-INVITE of an answered call (RFC 3261 §14.2), and the 2xx that is sent
//! until its ACK comes (RFC 3261 §13.3.1.4).
//!
//! One at a time: while a re-INVITE waits for the owner, the next one gets 500 with Retry-After;
//! while one of ours is under way or a 2xx of ours waits for its ACK, it gets 491, since an offer may still be open and the peer
//! will try again.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use super::Endpoint;
use super::body::sdp_of;
use super::receive::{Arrived, Refusal, screen};
use super::write::Answer;
use crate::dialog::{self, Exchange, Reoffered, State, Unacked};
use crate::event::{DialogId, Event};
use crate::transaction::{Owner, Timer, TransactionId};
use crate::wire::{Method, Request};

impl Endpoint {
    /// A re-INVITE came.
    pub(super) fn reinvite(
        &mut self,
        now: Instant,
        id: DialogId,
        arrived: &Arrived,
    ) -> Result<(), Refusal> {
        let request = &arrived.request;
        let (invite, new) = self.enter(id, arrived)?;
        if let Err(refusal) = self.judge(id, request, new) {
            self.respond(now, invite, request, refusal.answer(None));
            return Ok(());
        }
        self.respond(now, invite, request, Answer::new(100));
        let sdp = sdp_of(request.headers(), request.body());
        if let Some(State::Established(call)) = self.usages.get_mut(&id).map(|u| &mut u.state) {
            let request = Arc::clone(request);
            call.exchange = Exchange::Reoffered(Reoffered { invite, request });
        }
        self.emit(Event::Reoffer { dialog: id, sdp });
        Ok(())
    }

    /// Whether the owner shall see a re-INVITE; `new`: its number is.
    fn judge(&mut self, id: DialogId, request: &Request, new: bool) -> Result<(), Refusal> {
        if !new {
            return Err(Refusal::new(500));
        }
        screen(request, false)?;
        self.screen_session(request.headers())?;
        self.may_offer(id)
    }

    /// A request within a dialog gets a transaction, and its number counts even if it is refused: a
    /// late copy of it must not look new (RFC 3261 §12.2.2, §17.2.1). Without a transaction remain those
    /// for which there is no room, and those of a dialog that has ended. Whether its number is new.
    pub(super) fn enter(
        &mut self,
        id: DialogId,
        arrived: &Arrived,
    ) -> Result<(TransactionId, bool), Refusal> {
        let Arrived {
            request, back, key, ..
        } = arrived;
        let headers = request.headers();
        let remote_tag = headers.from_tag().unwrap_or("");
        let dialog = self
            .usages
            .get_mut(&id)
            .and_then(|usage| usage.dialog(remote_tag))
            .ok_or_else(|| Refusal::new(481))?;
        let new = dialog.saw(headers.cseq().number);
        self.room()?;
        let transaction = self.transactions.start_server(key.clone(), *back, id);
        Ok((transaction, new))
    }

    /// Whether the peer may offer now: one exchange at a time (RFC 3264 §4, RFC 3311 §5.2).
    pub(super) fn may_offer(&mut self, id: DialogId) -> Result<(), Refusal> {
        let Some(State::Established(call)) = self.usages.get(&id).map(|usage| &usage.state) else {
            // The offer of its INVITE is not answered yet.
            return Err(self.retry_later());
        };
        match &call.exchange {
            Exchange::Idle => Ok(()),
            Exchange::Unacked(unacked) if unacked.is_released() => Err(Refusal::new(481)),
            Exchange::Unacked(_) | Exchange::Reinviting(_) => Err(Refusal::new(491)),
            Exchange::Reoffered(_) => Err(self.retry_later()),
        }
    }

    /// The owner's answer to a re-INVITE; ignored if none waits any more.
    pub(super) fn order_reanswer(
        &mut self,
        now: Instant,
        id: DialogId,
        answer: Result<Bytes, u16>,
    ) {
        let sdp = match answer {
            Ok(sdp) => sdp,
            Err(status) => {
                let status = if (300..=699).contains(&status) {
                    status
                } else {
                    488
                };
                return self.refuse_reoffer(now, id, status);
            }
        };
        let Some(Reoffered { invite, request }) = self.take_reoffer(id) else {
            return;
        };
        let Some(State::Established(call)) = self.usages.get_mut(&id).map(|u| &mut u.state) else {
            return;
        };
        call.sdp = sdp.clone();
        let flow = call.dialog.flow();
        let headers = self.take_refresh(now, id, &request);
        let offerless = sdp_of(request.headers(), request.body()).is_none();
        let answer = Answer {
            headers,
            sdp: Some(sdp),
            dialog: Some(flow),
            ..Answer::new(200)
        };
        if *request.method() == Method::UPDATE {
            return self.respond(now, invite, &request, answer);
        }
        let Some(response) = self.answer(&request, answer) else {
            return;
        };
        let cseq = request.headers().cseq().number;
        let of = dialog::Answered::Reoffer { offerless };
        let unacked = self.send_2xx(now, id, invite, cseq, response, of);
        if let Some(State::Established(call)) = self.usages.get_mut(&id).map(|u| &mut u.state) {
            call.exchange = Exchange::Unacked(unacked);
        }
    }

    /// Gives a re-INVITE that waits, if one does, its refusal.
    pub(super) fn refuse_reoffer(&mut self, now: Instant, id: DialogId, status: u16) {
        if let Some(Reoffered { invite, request }) = self.take_reoffer(id) {
            let usage = self.usages.get_mut(&id);
            let warning = usage.and_then(|usage| usage.warning.take());
            let answer = Answer {
                headers: warning
                    .map(|text| ("Warning", text.into_string()))
                    .into_iter()
                    .collect(),
                ..Answer::new(status)
            };
            self.respond(now, invite, &request, answer);
        }
    }

    /// CANCEL of a re-INVITE: the call goes on, and the owner's answer will find nothing.
    pub(super) fn cancel_reinvite(&mut self, now: Instant, id: DialogId, cancelled: TransactionId) {
        let Some(State::Established(call)) = self.usages.get(&id).map(|usage| &usage.state) else {
            return;
        };
        if matches!(&call.exchange, Exchange::Reoffered(waits) if waits.invite == cancelled) {
            self.refuse_reoffer(now, id, 487);
            self.emit(Event::Withdrawn { dialog: id });
        }
    }

    /// Sends a 2xx and begins to wait for its ACK.
    pub(super) fn send_2xx(
        &mut self,
        now: Instant,
        id: DialogId,
        invite: TransactionId,
        cseq: u32,
        response: Bytes,
        of: dialog::Answered,
    ) -> Unacked {
        let timers = self.config.timers;
        self.transactions
            .respond(now, invite, 200, response.clone());
        let owner = Owner::Usage(id);
        self.transactions
            .timers
            .start(owner, Timer::Retransmit2xx, now + timers.t1);
        self.transactions
            .timers
            .start(owner, Timer::AckWait, now + timers.patience());
        Unacked {
            invite,
            cseq,
            response,
            interval: timers.t1,
            of,
        }
    }

    /// The same 2xx once more, after twice the time (RFC 3261 §13.3.1.4).
    pub(super) fn repeat_2xx(&mut self, now: Instant, id: DialogId) {
        let timers = self.config.timers;
        let Some(State::Established(call)) = self.usages.get_mut(&id).map(|u| &mut u.state) else {
            return;
        };
        let Exchange::Unacked(unacked) = &mut call.exchange else {
            return;
        };
        unacked.interval = timers.backoff(unacked.interval);
        let (invite, bytes, after) = (unacked.invite, unacked.response.clone(), unacked.interval);
        self.transactions.respond(now, invite, 200, bytes);
        self.transactions
            .timers
            .start(Owner::Usage(id), Timer::Retransmit2xx, now + after);
    }

    /// No ACK within 64·T1: BYE (RFC 3261 §13.3.1.4).
    pub(super) fn ack_missing(&mut self, now: Instant, id: DialogId) {
        let Some(State::Established(call)) = self.usages.get(&id).map(|usage| &usage.state) else {
            return;
        };
        let Exchange::Unacked(unacked) = &call.exchange else {
            return;
        };
        match unacked.of {
            dialog::Answered::ReleasedCall { status } => self.hang_up(now, id, status),
            dialog::Answered::Call | dialog::Answered::Reoffer { .. } => {
                self.hang_up(now, id, 408);
                self.emit(Event::Lost {
                    dialog: id,
                    status: 408,
                });
            }
        }
    }

    pub(super) fn retry_later(&mut self) -> Refusal {
        Refusal::new(500).with("Retry-After", self.random.retry_after().to_string())
    }

    fn take_reoffer(&mut self, id: DialogId) -> Option<Reoffered> {
        let Some(State::Established(call)) = self.usages.get_mut(&id).map(|u| &mut u.state) else {
            return None;
        };
        if !matches!(call.exchange, Exchange::Reoffered(_)) {
            return None;
        }
        match std::mem::replace(&mut call.exchange, Exchange::Idle) {
            Exchange::Reoffered(reoffered) => Some(reoffered),
            Exchange::Idle | Exchange::Unacked(_) | Exchange::Reinviting(_) => None,
        }
    }
}
