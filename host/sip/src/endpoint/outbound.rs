//! Answers to our INVITEs: RFC 3261 §13.2.2, and the end of CANCEL (§9.1).

use std::time::Instant;

use bytes::Bytes;

use super::Endpoint;
use super::body::sdp_of;
use super::inbound::reasons;
use super::inform::takes_info;
use super::reoffer::with_proofs_of;
use super::session::takes_update;
use super::write::{reason, sound, written};
use crate::dialog::{CachedAck, Cancel, Dialog, Early, Established, Exchange, State};
use crate::event::{DialogId, Event, FailedBy};
use crate::limits;
use crate::transaction::{Delivery, Owner, Timer, TransactionId, cancel_of};
use crate::wire::Response;

/// Why the phones stop ringing that were not the first (RFC 3326 §2): so that none shows a missed call.
const ELSEWHERE: &str = "SIP;cause=200;text=\"Call completed elsewhere\"";

impl Endpoint {
    pub(super) fn invite_answered(
        &mut self,
        now: Instant,
        delivery: Delivery,
        response: &Response,
    ) {
        let calls = match self.state(delivery.usage) {
            Some(State::Calling { invite, .. } | State::Cancelling { invite, .. }) => {
                *invite == delivery.transaction
            }
            // Another fork of the first, unless it was sent within the dialog.
            _ => self
                .transactions
                .invite(delivery.transaction)
                .is_some_and(|(invite, _)| invite.headers().to_tag().is_none()),
        };
        match response.status() {
            _ if !calls => self.reinvite_answered(now, delivery, response),
            100..=199 => self.provisional(now, delivery, response),
            200..=299 => self.success(now, delivery, response),
            401 | 407 | 422 if self.retry_invite(now, delivery.usage, response) => {}
            _ => self.failure(delivery.usage, response),
        }
    }

    /// The INVITE once more, with what the callee wants: a longer session (RFC 4028 §7.4), or a proof of
    /// who we are (RFC 3261 §22.2). False: it was refused for good.
    fn retry_invite(&mut self, now: Instant, id: DialogId, response: &Response) -> bool {
        let Some(usage) = self.usages.get_mut(&id) else {
            return false;
        };
        let account = &mut usage.account;
        let State::Calling {
            attempt, answered, ..
        } = &mut usage.state
        else {
            return false;
        };
        let headers = response.headers();
        let better = match (response.status(), headers.min_se(), attempt.min_se) {
            (422, least @ Some(_), None) => {
                attempt.min_se = least;
                true
            }
            (422, ..) => false,
            (status, ..) => account
                .as_mut()
                .is_some_and(|it| it.proofs.take(&mut attempt.met, status, headers)),
        };
        if !better {
            return false;
        }
        usage.cseq += 1;
        *answered = false;
        let Some(again) = self.send_invite(now, id) else {
            return false;
        };
        if let Some(State::Calling { invite, .. }) = self.usages.get_mut(&id).map(|u| &mut u.state)
        {
            *invite = again;
        }
        true
    }

    /// A request of ours was answered by nobody (408), or its connection was lost (503).
    pub(super) fn unanswered(&mut self, now: Instant, delivery: Delivery, status: u16) {
        let (id, transaction) = (delivery.usage, delivery.transaction);
        self.close_provable(id, transaction);
        self.notify_answered(now, delivery, status);
        self.bye_answered(now, delivery, status);
        self.refer_failed(delivery, status);
        self.info_answered(delivery, status);
        match self.state(id) {
            Some(State::Calling { invite, .. } | State::Cancelling { invite, .. })
                if *invite == transaction =>
            {
                self.invite_unanswered(id, status);
            }
            Some(State::Established(call)) if call.update == Some(transaction) => {
                self.update_unanswered(now, id, status);
            }
            Some(State::Established(_)) => {
                self.reinvite_unanswered(now, id, transaction, status);
            }
            None => self.asked_unanswered(delivery, status),
            _ => {}
        }
    }

    /// Timer B (RFC 3261 §17.1.1.2), or the connection was lost (§17.1.4): nobody answered.
    fn invite_unanswered(&mut self, id: DialogId, status: u16) {
        let calling = self.is_calling(id);
        self.end(id);
        if calling {
            let (reason, q850, contact, retry_after) = (None, None, None, None);
            self.emit(Event::Failed {
                dialog: id,
                by: FailedBy::Nobody,
                status,
                reason,
                q850,
                contact,
                retry_after,
            });
        }
    }

    /// No final answer within 64·T1 of CANCEL: the INVITE counts as cancelled (RFC 3261 §9.1).
    pub(super) fn cancel_unanswered(&mut self, id: DialogId) {
        if let Some(State::Cancelling { invite, .. }) = self.usages.get(&id).map(|u| &u.state) {
            let invite = *invite;
            self.transactions.abandon(invite);
            self.end(id);
        }
    }

    /// Sends CANCEL; from now on only the final answer counts.
    pub(super) fn send_cancel(
        &mut self,
        now: Instant,
        id: DialogId,
        invite: TransactionId,
        status: u16,
    ) {
        let Some((request, flow)) = self.transactions.invite(invite) else {
            return;
        };
        let why = match status {
            200 => Some(ELSEWHERE.to_owned()),
            status => reason(status, self.because(id)),
        };
        let Some(cancel) = sound(cancel_of(request, why.as_deref())) else {
            return;
        };
        self.start_client(now, flow, cancel, id);
        let until = now + self.config.timers.patience();
        self.transactions
            .timers
            .start(Owner::Usage(id), Timer::CancelWait, until);
    }

    fn provisional(&mut self, now: Instant, delivery: Delivery, response: &Response) {
        let id = delivery.usage;
        let Some(usage) = self.usages.get_mut(&id) else {
            return;
        };
        match &mut usage.state {
            State::Calling { answered, .. } => {
                *answered = true;
                let status = response.status();
                let tag = response.headers().to_tag().filter(|_| status != 100);
                if let Some(tag) = tag.filter(|_| usage.remote_tags.len() < limits::FORKS) {
                    usage.meet(tag);
                }
                if status != 100 && self.acknowledge_early(now, delivery, response) {
                    let sdp = sdp_of(response.headers(), response.body());
                    self.emit(Event::Provisional {
                        dialog: id,
                        status,
                        sdp,
                    });
                }
            }
            State::Cancelling {
                invite,
                cancel,
                status,
            } => {
                if *cancel == Cancel::Held {
                    *cancel = Cancel::Sent;
                    let (invite, status) = (*invite, *status);
                    self.send_cancel(now, id, invite, status);
                }
            }
            State::Ringing(_) | State::Established(_) | State::Ended => {}
        }
    }

    fn failure(&mut self, id: DialogId, response: &Response) {
        let calling = self.is_calling(id);
        if !calling && !matches!(self.state(id), Some(State::Cancelling { .. })) {
            return;
        }
        self.end(id);
        if calling {
            let headers = response.headers();
            let status = response.status();
            let (q850, text) = reasons(headers);
            let phrase = Some(response.reason().to_owned()).filter(|text| !text.is_empty());
            let contact = headers.contact().filter(|_| status < 400);
            let reason = text.or(phrase);
            let retry_after = headers.retry_after();
            self.emit(Event::Failed {
                dialog: id,
                by: FailedBy::Peer,
                status,
                reason,
                q850,
                contact,
                retry_after,
            });
        }
    }

    /// A 2xx: the first, again, or that of another fork (RFC 3261 §13.2.2.4).
    fn success(&mut self, now: Instant, delivery: Delivery, response: &Response) {
        let id = delivery.usage;
        if self.repeat_ack(id, response) {
            return;
        }
        let Some(usage) = self.usages.get(&id) else {
            return;
        };
        if usage.acks.len() >= limits::FORKS {
            tracing::debug!("more forks answer than a call can have");
            return;
        }
        let Some((mut dialog, offer)) = self.acknowledge(delivery, response) else {
            return;
        };
        if self.is_calling(id) {
            self.connections.enter(id, dialog.flow());
            let headers = response.headers();
            let call = Established {
                dialog,
                exchange: Exchange::Idle,
                sdp: offer,
                session: None,
                update: None,
                takes_update: takes_update(headers).unwrap_or(false),
                info: None,
                takes_info: takes_info(headers),
            };
            if let Some(usage) = self.usages.get_mut(&id) {
                usage.state = State::Established(Box::new(call));
            }
            let session = self.granted(headers);
            self.start_session(now, id, session);
            let sdp = sdp_of(headers, response.body());
            self.emit(Event::Accepted { dialog: id, sdp });
            return;
        }
        // It crossed our CANCEL, or another fork was faster: it is ended at once.
        let (cancelled, status) = match self.state(id) {
            Some(State::Cancelling { status, .. }) => (true, *status),
            _ => (false, 200),
        };
        self.send_bye(now, id, &mut dialog, status);
        if cancelled {
            self.end(id);
        }
    }

    /// Sends the ACK of a 2xx and keeps it; the dialog that this makes, and what the INVITE offered.
    fn acknowledge(&mut self, delivery: Delivery, response: &Response) -> Option<(Dialog, Bytes)> {
        let flow = self.transactions.flow_of(delivery.transaction)?;
        let (invite, _) = self.transactions.invite(delivery.transaction)?;
        let offer = invite.body().clone();
        let cseq = invite.headers().cseq().number;
        let mut dialog =
            Dialog::of_outbound(invite, response, flow).through(&self.config.listeners);
        let usage = self.usages.get(&delivery.usage)?;
        let same = |early: &&Early| early.dialog.remote_tag() == dialog.remote_tag();
        if let Some(early) = usage.early.iter().find(same) {
            dialog = dialog.after(&early.dialog);
        }
        let flow = dialog.next_hop();
        let via = self.fresh_via(flow);
        let (invite, _) = self.transactions.invite(delivery.transaction)?;
        let ack = with_proofs_of(dialog.ack(cseq, via), invite)
            .header("User-Agent", &self.config.product);
        let bytes = written(ack.build())?;
        self.transactions.transmit(flow, bytes.clone());
        let remote_tag = dialog.remote_tag().to_owned();
        let usage = self.usages.get_mut(&delivery.usage)?;
        usage.meet(&remote_tag);
        usage.acks.push(CachedAck {
            remote_tag,
            cseq,
            flow,
            bytes,
        });
        Some((dialog, offer))
    }

    fn state(&self, id: DialogId) -> Option<&State> {
        self.usages.get(&id).map(|usage| &usage.state)
    }

    fn is_calling(&self, id: DialogId) -> bool {
        matches!(self.state(id), Some(State::Calling { .. }))
    }
}
