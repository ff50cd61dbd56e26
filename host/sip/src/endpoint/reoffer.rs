//! re-INVITEs of ours: RFC 3261 §14.1. The owner's offers, and refreshes by a peer that takes no UPDATE.
//!
//! One at a time, and none while an exchange of the peer's is under way. A refusal changes nothing; one
//! that says that the dialog is unknown, or no answer at all, ends the call. When the peer's re-INVITE
//! crosses ours, both are refused with 491: the owner hears of it as of any other refusal, since whoever
//! asked it for the change waits as the RFC says; a refresh waits here.

use std::time::Instant;

use bytes::Bytes;

use super::Endpoint;
use super::body::sdp_of;
use super::session::takes_update;
use super::write::{ALLOW, ALLOWED, SDP, written};
use crate::dialog::{By, CachedAck, Established, Exchange, Reinviting};
use crate::event::{DialogId, Event, Flow};
use crate::transaction::{Delivery, Owner, Timer, TransactionId};
use crate::wire::{Builder, Method, Request, Response};

impl Endpoint {
    /// The owner's offer; ignored if the call has ended.
    pub(super) fn order_reoffer(&mut self, now: Instant, id: DialogId, sdp: Bytes) {
        if self.established(id).is_some() && !self.send_reinvite(now, id, sdp, By::Owner) {
            let answer = Err(491);
            self.emit(Event::Reanswered { dialog: id, answer });
        }
    }

    /// Sends a re-INVITE, unless an exchange is under way.
    pub(super) fn send_reinvite(&mut self, now: Instant, id: DialogId, sdp: Bytes, by: By) -> bool {
        let idle = |call: &Established| matches!(call.exchange, Exchange::Idle);
        if !self.established(id).is_some_and(|call| idle(call)) {
            return false;
        }
        let Some((flow, builder)) = self.begin_refresh(id, Method::INVITE) else {
            return false;
        };
        let request = builder.body(SDP, sdp.clone());
        let Some(invite) = self.send_within(now, id, flow, request) else {
            return false;
        };
        self.wait_for_reinvite(now, invite);
        if let Some(call) = self.established(id) {
            call.exchange = Exchange::Reinviting(Reinviting { invite, sdp, by });
        }
        true
    }

    /// So long a re-INVITE of ours may take.
    pub(super) fn wait_for_reinvite(&mut self, now: Instant, invite: TransactionId) {
        let until = now + self.config.timers.patience();
        self.transactions
            .timers
            .start(Owner::Transaction(invite), Timer::ReinviteWait, until);
    }

    /// What re-INVITE and UPDATE have in common, and where it goes.
    pub(super) fn begin_refresh(
        &mut self,
        id: DialogId,
        method: Method,
    ) -> Option<(Flow, Builder)> {
        let dialog = &self.established(id)?.dialog;
        let (flow, target) = (dialog.next_hop(), dialog.target().clone());
        let via = self.fresh_via(flow);
        let contact = self.config.contact(flow, &target);
        let product = self.config.product.clone();
        let call = self.established(id)?;
        let mut builder = call
            .dialog
            .request(method, via)
            .contact(&contact)
            .header("Allow", ALLOW)
            .header("Supported", ALLOWED)
            .header("User-Agent", &product);
        if let Some(session) = Self::asks(call) {
            builder = builder.header("Session-Expires", &session);
        }
        Some((flow, builder))
    }

    /// An answer to a re-INVITE of ours, or to one of a call that has ended meanwhile.
    pub(super) fn reinvite_answered(
        &mut self,
        now: Instant,
        delivery: Delivery,
        response: &Response,
    ) {
        let (id, status) = (delivery.usage, response.status());
        if status < 200 {
            return;
        }
        self.transactions.timers.stop(
            Owner::Transaction(delivery.transaction),
            Timer::ReinviteWait,
        );
        if status < 300 && self.repeat_ack(id, response) {
            return;
        }
        match (self.take_reinviting(id, delivery.transaction), status) {
            (Some(ours), ..300) => self.reinvite_accepted(now, id, ours, response),
            (Some(ours), _) => self.reinvite_refused(now, id, ours.by, response),
            // BYE was faster, and its 2xx still needs an ACK.
            (None, ..300) => self.ack_in_passing(delivery, response),
            (None, _) => {}
        }
    }

    fn reinvite_accepted(
        &mut self,
        now: Instant,
        id: DialogId,
        ours: Reinviting,
        response: &Response,
    ) {
        let headers = response.headers();
        let answer = sdp_of(headers, response.body());
        let Some(call) = self.established(id) else {
            return;
        };
        call.dialog.refresh_target(headers);
        call.takes_update = takes_update(headers).unwrap_or(call.takes_update);
        if answer.is_some() {
            call.sdp = ours.sdp;
        }
        let flow = call.dialog.next_hop();
        let cseq = headers.cseq().number;
        let via = self.fresh_via(flow);
        let product = self.config.product.clone();
        let Some(call) = self.established(id) else {
            return;
        };
        let mut ack = call.dialog.ack(cseq, via).header("User-Agent", &product);
        let remote_tag = call.dialog.remote_tag().to_owned();
        if let Some((invite, _)) = self.transactions.invite(ours.invite) {
            ack = with_proofs_of(ack, invite);
        }
        if let Some(bytes) = written(ack.build()) {
            self.transactions.transmit(flow, bytes.clone());
            if let Some(usage) = self.usages.get_mut(&id) {
                let first = usage.cseq;
                usage.acks.retain(|ack| ack.cseq == first);
                usage.acks.push(CachedAck {
                    remote_tag,
                    cseq,
                    flow,
                    bytes,
                });
            }
        }
        let session = self.granted(headers);
        self.start_session(now, id, session);
        match (ours.by, answer) {
            // Accepted, but without the answer that a 2xx must have.
            (By::Owner, answer) => self.emit(Event::Reanswered {
                dialog: id,
                answer: answer.ok_or(488),
            }),
            (By::Timer, Some(sdp)) => self.emit(Event::Refreshed { dialog: id, sdp }),
            (By::Timer, None) => {}
        }
    }

    fn reinvite_refused(&mut self, now: Instant, id: DialogId, by: By, response: &Response) {
        let status = response.status();
        match (by, status) {
            // The peer knows nothing of this call (RFC 3261 §14.1, §12.2.1.2).
            (_, 408 | 481) => self.lose(now, id, status),
            (By::Owner, _) => self.emit(Event::Reanswered {
                dialog: id,
                answer: Err(status),
            }),
            (By::Timer, _) => self.refresh_refused(now, id, status, response.headers()),
        }
    }

    /// No final answer within 64·T1, whatever else was said: the peer is gone.
    pub(super) fn reinvite_overdue(&mut self, now: Instant, invite: TransactionId) {
        let usage = self.transactions.usage_of(invite);
        self.transactions.abandon(invite);
        if let Some(id) = usage {
            self.close_provable(id, invite);
            self.reinvite_unanswered(now, id, invite, 408);
        }
    }

    /// Nothing came to a re-INVITE of ours.
    pub(super) fn reinvite_unanswered(
        &mut self,
        now: Instant,
        id: DialogId,
        invite: TransactionId,
        status: u16,
    ) {
        let Some(ours) = self.take_reinviting(id, invite) else {
            return;
        };
        let answer = Err(status);
        match (status, ours.by) {
            (408, _) => self.lose(now, id, status),
            // The next one takes another connection.
            (_, By::Owner) => self.emit(Event::Reanswered { dialog: id, answer }),
            (_, By::Timer) => self.refresh_later(now, id),
        }
    }

    /// The ACK of this 2xx once more, if it was sent before.
    pub(super) fn repeat_ack(&mut self, id: DialogId, response: &Response) -> bool {
        let headers = response.headers();
        let tag = headers.to_tag().unwrap_or("");
        let cseq = headers.cseq().number;
        let of = |ack: &&CachedAck| ack.remote_tag == tag && ack.cseq == cseq;
        let usage = self.usages.get(&id);
        let Some(ack) = usage.and_then(|usage| usage.acks.iter().find(of)) else {
            return false;
        };
        let (flow, bytes) = (ack.flow, ack.bytes.clone());
        self.transactions.transmit(flow, bytes);
        true
    }

    /// The ACK of a 2xx when the dialog is no more: made of what was said in it.
    fn ack_in_passing(&mut self, delivery: Delivery, response: &Response) {
        let sent = self.transactions.invite(delivery.transaction);
        let Some(flow) = sent.map(|(_, flow)| flow) else {
            return;
        };
        let via = self.fresh_via(flow);
        let Some((invite, _)) = self.transactions.invite(delivery.transaction) else {
            return;
        };
        let (said, answered) = (invite.headers(), response.headers());
        let ack = Request::builder(Method::ACK, invite.uri().clone())
            .via(via)
            .header("Max-Forwards", "70")
            .routes(&said.routes())
            .from(said.from())
            .to(answered.to())
            .call_id(answered.call_id())
            .cseq(answered.cseq().number);
        if let Some(bytes) = written(with_proofs_of(ack, invite).build()) {
            self.transactions.transmit(flow, bytes);
        }
    }

    /// Ends the exchange of that re-INVITE of ours, if it is still the one.
    fn take_reinviting(&mut self, id: DialogId, invite: TransactionId) -> Option<Reinviting> {
        let call = self.established(id)?;
        if !matches!(&call.exchange, Exchange::Reinviting(ours) if ours.invite == invite) {
            return None;
        }
        match std::mem::replace(&mut call.exchange, Exchange::Idle) {
            Exchange::Reinviting(ours) => Some(ours),
            Exchange::Idle | Exchange::Reoffered(_) | Exchange::Unacked(_) => None,
        }
    }
}

/// The ACK of a 2xx has the credentials of its INVITE (RFC 3261 §22.1).
pub(super) fn with_proofs_of(ack: Builder, invite: &Request) -> Builder {
    ack.copy(invite.headers(), "Authorization")
        .copy(invite.headers(), "Proxy-Authorization")
}
