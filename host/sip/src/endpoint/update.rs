//! UPDATE: RFC 3311. The peer's, with an offer or without, and ours, which only refreshes the session.
//!
//! An offer in it is an exchange like that of a re-INVITE, one at a time, but its answer needs no ACK.

use std::sync::Arc;
use std::time::Instant;

use super::Endpoint;
use super::body::sdp_of;
use super::receive::{Arrived, Refusal};
use super::session::{says, takes_update};
use super::write::Answer;
use crate::dialog::{Exchange, Reoffered};
use crate::event::{DialogId, Event};
use crate::transaction::Delivery;
use crate::wire::{Method, Request, Response};

impl Endpoint {
    /// An UPDATE came, in a call that is answered or not.
    pub(super) fn update(
        &mut self,
        now: Instant,
        id: DialogId,
        arrived: &Arrived,
    ) -> Result<(), Refusal> {
        let request = &arrived.request;
        let (transaction, new) = self.enter(id, arrived)?;
        if let Err(refusal) = self.judge_update(id, request, new) {
            self.respond(now, transaction, request, refusal.answer(None));
            return Ok(());
        }
        let sdp = sdp_of(request.headers(), request.body());
        if sdp.is_none() {
            let headers = self.take_refresh(now, id, request);
            let flow = arrived.flow;
            let answer = Answer {
                headers,
                dialog: Some(flow),
                ..Answer::new(200)
            };
            self.respond(now, transaction, request, answer);
            return Ok(());
        }
        if let Some(call) = self.established(id) {
            call.exchange = Exchange::Reoffered(Reoffered {
                invite: transaction,
                request: Arc::clone(request),
            });
        }
        self.emit(Event::Reoffer { dialog: id, sdp });
        Ok(())
    }

    /// A re-INVITE or UPDATE of the peer is accepted: its target and its session timer count. What our
    /// 2xx says of the latter.
    pub(super) fn take_refresh(
        &mut self,
        now: Instant,
        id: DialogId,
        request: &Request,
    ) -> Vec<(&'static str, String)> {
        let headers = request.headers();
        let dialog = self
            .usages
            .get_mut(&id)
            .and_then(|usage| usage.dialog(headers.from_tag().unwrap_or("")));
        if let Some(dialog) = dialog {
            dialog.refresh_target(headers);
        }
        let session = self.grant(headers);
        let Some(call) = self.established(id) else {
            // Unanswered: the 2xx to its INVITE will say it.
            return vec![];
        };
        call.takes_update = takes_update(headers).unwrap_or(call.takes_update);
        self.start_session(now, id, session);
        says(session)
    }

    /// RFC 3311 §5.2.
    fn judge_update(&mut self, id: DialogId, request: &Request, new: bool) -> Result<(), Refusal> {
        if !new {
            return Err(Refusal::new(500));
        }
        self.screen_session(request.headers())?;
        if request.body().is_empty() {
            return Ok(());
        }
        self.may_offer(id)
    }

    /// Refreshes the session.
    pub(super) fn send_update(&mut self, now: Instant, id: DialogId) {
        let Some((flow, update)) = self.begin_refresh(id, Method::UPDATE) else {
            return;
        };
        let transaction = self.send_within(now, id, flow, update);
        if let Some(call) = self.established(id) {
            call.update = transaction;
        }
    }

    /// Nothing came to an UPDATE of ours.
    pub(super) fn update_unanswered(&mut self, now: Instant, id: DialogId, status: u16) {
        if let Some(call) = self.established(id) {
            call.update = None;
        }
        match status {
            408 => self.lose(now, id, status),
            _ => self.refresh_later(now, id),
        }
    }

    /// The answer to an UPDATE of ours.
    pub(super) fn update_answered(
        &mut self,
        now: Instant,
        delivery: Delivery,
        response: &Response,
    ) {
        let id = delivery.usage;
        let Some(call) = self.established(id) else {
            return;
        };
        if call.update != Some(delivery.transaction) || response.status() < 200 {
            return;
        }
        call.update = None;
        let headers = response.headers();
        if response.status() >= 300 {
            return self.refresh_refused(now, id, response.status(), headers);
        }
        call.dialog.refresh_target(headers);
        call.takes_update = takes_update(headers).unwrap_or(true);
        let session = self.granted(headers);
        self.start_session(now, id, session);
    }
}
