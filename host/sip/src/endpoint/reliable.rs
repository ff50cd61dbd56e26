//! Reliable provisional responses: RFC 3262 §3. All of them to callers that require them; to a caller that has
//! made no offer, and says that it knows how, the one that holds ours, which its PRACK answers (§5).
//!
//! ```text
//!            Progress                    PRACK
//!  Settled ────────────▶ Unsettled ────────────────▶ Settled, or the next one
//!                         │ T1, 2·T1, 4·T1 …: the same again
//!                         │ 64·T1: the INVITE is refused with 504
//! ```
//!
//! One at a time, and the last order counts: what is said meanwhile waits, and so does the 200, since
//! the answer in an unsettled one may not have come (§3). To all others 1xx are said as ever.

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::Endpoint;
use super::body::sdp_of;
use super::receive::{Arrived, Refusal};
use super::write::Answer;
use crate::dialog::{EarlyOffer, Reliable, Ringing, State, Unsettled};
use crate::event::{DialogId, Event};
use crate::transaction::{Owner, Timer};
use crate::wire::Request;

/// The option tag.
pub(super) const RELIABLE: &str = "100rel";

impl Endpoint {
    /// What a call that has just come is told reliably, if anything.
    pub(super) fn reliability(&mut self, invite: &Request) -> Option<Reliable> {
        let headers = invite.headers();
        let wanted = |tag: &&str| tag.eq_ignore_ascii_case(RELIABLE);
        let required = headers.require().iter().any(wanted);
        let offer = match sdp_of(headers, invite.body()) {
            Some(_) => EarlyOffer::Theirs,
            None => EarlyOffer::Ours,
        };
        let takes_offers = offer == EarlyOffer::Ours && headers.supported().iter().any(wanted);
        (required || takes_offers).then(|| Reliable {
            required,
            offer,
            sequence: self.random.sequence(),
            unsettled: None,
            next: None,
            accept: None,
        })
    }

    /// Whether an unanswered caller, which has made no offer, takes one before the answer.
    pub fn takes_early_offer(&self, id: DialogId) -> bool {
        let state = self.usages.get(&id).map(|usage| &usage.state);
        let Some(State::Ringing(ringing)) = state else {
            return false;
        };
        let reliable = ringing.reliable.as_ref();
        reliable.is_some_and(|it| it.offer == EarlyOffer::Ours)
    }

    /// Says a 1xx reliably, or keeps it until it may be said; whether this call wants that.
    pub(super) fn progress_reliably(
        &mut self,
        now: Instant,
        id: DialogId,
        status: u16,
        sdp: Option<&Bytes>,
    ) -> bool {
        let Some(ringing) = self.ringing(id) else {
            return false;
        };
        let Some(reliable) = &mut ringing.reliable else {
            return false;
        };
        if reliable.unsettled.is_some() {
            // A description is said sooner or later, whatever else is.
            let sdp = sdp.cloned();
            let kept = reliable.next.take().and_then(|(_, kept)| kept);
            reliable.next = Some((status, sdp.or(kept)));
            return true;
        }
        if !reliable.required && sdp.is_none() {
            return false;
        }
        if reliable.offer == EarlyOffer::Ours && sdp.is_some() {
            reliable.offer = EarlyOffer::Out;
        }
        reliable.sequence += 1;
        let (invite, sequence) = (ringing.invite, reliable.sequence);
        let headers = vec![
            ("Require", RELIABLE.to_owned()),
            ("RSeq", sequence.to_string()),
        ];
        let Some(bytes) = self.answer_ringing(id, status, sdp.cloned(), headers) else {
            return true;
        };
        let interval = self.config.timers.t1;
        let until = now + self.config.timers.patience();
        if let Some(reliable) = self.reliable(id) {
            reliable.unsettled = Some(Unsettled {
                status,
                response: bytes.clone(),
                interval,
            });
        }
        self.transactions.respond(now, invite, status, bytes);
        let (owner, timers) = (Owner::Usage(id), &mut self.transactions.timers);
        timers.start(owner, Timer::Retransmit1xx, now + interval);
        timers.start(owner, Timer::PrackWait, until);
        true
    }

    /// Keeps the 200 until nothing is unsettled; whether it has to.
    pub(super) fn accept_later(&mut self, id: DialogId, sdp: &Bytes) -> bool {
        let unsettled = self.reliable(id).filter(|it| it.unsettled.is_some());
        let Some(reliable) = unsettled else {
            return false;
        };
        reliable.accept = Some(sdp.clone());
        true
    }

    /// PRACK: RFC 3262 §3.
    pub(super) fn prack(
        &mut self,
        now: Instant,
        id: DialogId,
        arrived: &Arrived,
    ) -> Result<(), Refusal> {
        let Arrived {
            request, back, key, ..
        } = arrived;
        let headers = request.headers();
        let Some(ringing) = self.ringing(id) else {
            return Err(Refusal::new(481));
        };
        let invite = ringing.request.headers().cseq().number;
        let settles = ringing.reliable.as_ref().is_some_and(|reliable| {
            let rack = format!("{} {invite} INVITE", reliable.sequence);
            let said = headers.get("RAck").unwrap_or("").split_ascii_whitespace();
            reliable.unsettled.is_some() && said.eq(rack.split(' '))
        });
        if !ringing.dialog.saw(headers.cseq().number) {
            return Err(Refusal::new(500));
        }
        if !settles {
            return Err(Refusal::new(481));
        }
        let answers = self.reliable(id).is_some_and(|reliable| {
            let answers = reliable.offer == EarlyOffer::Out;
            if answers {
                reliable.offer = EarlyOffer::Answered;
            }
            answers
        });
        // A second offer before the first call is answered is more than we do; the 1xx is settled.
        let status = if answers || request.body().is_empty() {
            200
        } else {
            488
        };
        let transaction = self.transactions.start_server(key.clone(), *back, id);
        self.respond(now, transaction, request, Answer::new(status));
        let owner = Owner::Usage(id);
        self.transactions.timers.stop(owner, Timer::Retransmit1xx);
        self.transactions.timers.stop(owner, Timer::PrackWait);
        let Some(reliable) = self.reliable(id) else {
            return Ok(());
        };
        reliable.unsettled = None;
        let (next, accept) = (reliable.next.take(), reliable.accept.take());
        if answers {
            let sdp = sdp_of(headers, request.body());
            self.emit(Event::Confirmed { dialog: id, sdp });
        }
        match (accept, next) {
            (Some(sdp), _) => self.order_accept(now, id, sdp),
            (None, Some((status, sdp))) => self.order_progress(now, id, status, sdp),
            (None, None) => {}
        }
        Ok(())
    }

    /// The same 1xx once more, after twice the time.
    pub(super) fn repeat_1xx(&mut self, now: Instant, id: DialogId) {
        let Some(ringing) = self.ringing(id) else {
            return;
        };
        let invite = ringing.invite;
        let unsettled = ringing.reliable.as_mut();
        let Some(unsettled) = unsettled.and_then(|it| it.unsettled.as_mut()) else {
            return;
        };
        unsettled.interval *= 2;
        let after: Duration = unsettled.interval;
        let (status, bytes) = (unsettled.status, unsettled.response.clone());
        self.transactions.respond(now, invite, status, bytes);
        self.transactions
            .timers
            .start(Owner::Usage(id), Timer::Retransmit1xx, now + after);
    }

    /// No PRACK within 64·T1 (RFC 3262 §3: a 5xx).
    pub(super) fn prack_missing(&mut self, now: Instant, id: DialogId) {
        let status = 504;
        self.refuse_ringing(now, id, status);
        self.emit(Event::Lost { dialog: id, status });
    }

    fn ringing(&mut self, id: DialogId) -> Option<&mut Ringing> {
        match &mut self.usages.get_mut(&id)?.state {
            State::Ringing(ringing) => Some(ringing),
            _ => None,
        }
    }

    fn reliable(&mut self, id: DialogId) -> Option<&mut Reliable> {
        self.ringing(id)?.reliable.as_mut()
    }
}

/// What our 200 says of the session, which may be agreed on already.
pub(super) fn accepts_with(ringing: &Ringing, sdp: &Bytes) -> Option<Bytes> {
    let is_agreed = |it: &Reliable| it.offer == EarlyOffer::Answered;
    let is_agreed = ringing.reliable.as_ref().is_some_and(is_agreed);
    (!is_agreed).then(|| sdp.clone())
}
