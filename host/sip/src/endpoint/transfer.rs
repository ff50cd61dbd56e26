//! REFER of ours: RFC 3515 §2.4.1. The owner asks a party to call somebody else and hears how that went.

use std::time::Instant;

use super::Endpoint;
use super::receive::{Arrived, Refusal};
use super::refer::{REFER, SIPFRAG};
use super::write::{ALLOW, ALLOWED, Answer};
use crate::dialog::{Asking, Exchange, State};
use crate::event::{DialogId, Event};
use crate::limits;
use crate::transaction::{Delivery, Owner, Timer};
use crate::wire::{Headers, Method, Response};
use crate::{Replaces, Uri};

impl Endpoint {
    /// Sends REFER; at once `Transferred` with 491 if one is under way, and nothing if the call has ended.
    pub(super) fn order_refer(
        &mut self,
        now: Instant,
        id: DialogId,
        to: Uri,
        by: &Uri,
        replaces: Option<&Replaces>,
    ) {
        let Some(call) = self.established(id) else {
            return;
        };
        let (flow, peer) = (call.dialog.next_hop(), call.dialog.target().clone());
        let unacked = |exchange: &Exchange| matches!(exchange, Exchange::Unacked(_));
        let busy = self
            .established(id)
            .is_some_and(|call| unacked(&call.exchange))
            || self
                .usages
                .get(&id)
                .is_none_or(|usage| usage.refers.ours.is_some());
        if busy {
            return self.transferred(id, 491);
        }
        let via = self.fresh_via(flow);
        let contact = self.config.contact(flow, &peer);
        let product = self.config.product.clone();
        let (Some(target), Some(call)) = (Replaces::refer_to(replaces, to), self.established(id))
        else {
            return self.transferred(id, 500);
        };
        let refer = call
            .dialog
            .request(Method::REFER, via)
            .contact(&contact)
            .header("Refer-To", &target.to_string())
            .header("Referred-By", &format!("<{by}>"))
            .header("Allow", ALLOW)
            .header("Supported", ALLOWED)
            .header("User-Agent", &product);
        let number = call.dialog.number();
        let Some(transaction) = self.send_within(now, id, flow, refer) else {
            return;
        };
        if let Some(usage) = self.usages.get_mut(&id) {
            usage.refers.ours = Some(Asking {
                transaction,
                number,
            });
        }
        let until = now + limits::TRANSFER;
        self.transactions
            .timers
            .start(Owner::Usage(id), Timer::Transfer, until);
    }

    /// The answer to a REFER of ours.
    pub(super) fn refer_answered(&mut self, delivery: Delivery, response: &Response) {
        if response.status() >= 300 {
            self.refer_failed(delivery, response.status());
        }
    }

    /// A REFER of ours was refused, or nobody answered it.
    pub(super) fn refer_failed(&mut self, delivery: Delivery, status: u16) {
        let usage = self.usages.get(&delivery.usage);
        let ours = usage.and_then(|usage| usage.refers.ours.as_ref());
        if ours.is_some_and(|ours| ours.transaction == delivery.transaction) {
            self.transferred(delivery.usage, status);
        }
    }

    /// NOTIFY in a call: how a transfer of ours goes.
    pub(super) fn notified(
        &mut self,
        now: Instant,
        id: DialogId,
        arrived: &Arrived,
    ) -> Result<(), Refusal> {
        let request = &arrived.request;
        let (transaction, new) = self.enter(id, arrived)?;
        let headers = request.headers();
        let status = self.judge_notify(id, headers, new).err();
        let mut answer = Answer::new(status.unwrap_or(200));
        if status == Some(489) {
            answer.headers.push(("Allow-Events", REFER.to_owned()));
        }
        self.respond(now, transaction, request, answer);
        if status.is_some() {
            return Ok(());
        }
        let said = fragment(headers, request.body());
        let over = state(headers).eq_ignore_ascii_case("terminated");
        match said {
            Some(status @ 200..) => self.transferred(id, status),
            // It ends without having said how: as if nothing had come.
            _ if over => self.transferred(id, 408),
            _ => {}
        }
        Ok(())
    }

    /// RFC 6665 §4.1.3.
    fn judge_notify(&self, id: DialogId, headers: &Headers, new: bool) -> Result<(), u16> {
        if !new {
            return Err(500);
        }
        let mut event = headers.get("Event").unwrap_or("").split(';').map(str::trim);
        if !event
            .next()
            .is_some_and(|package| package.eq_ignore_ascii_case(REFER))
        {
            return Err(489);
        }
        if state(headers).is_empty() {
            return Err(400);
        }
        let number = event.find_map(|param| param.strip_prefix("id="));
        let usage = self.usages.get(&id);
        let ours = usage.and_then(|usage| usage.refers.ours.as_ref());
        let is = |number: &str, ours: &Asking| number.parse() == Ok(ours.number);
        match ours {
            Some(ours) if number.is_none_or(|number| is(number, ours)) => Ok(()),
            _ => Err(481),
        }
    }

    /// The call whose dialog, be it early, a Replaces header names (RFC 3891 §3). Of an answered one only
    /// that which answered is there.
    pub fn replaced(&self, replaces: &Replaces) -> Option<DialogId> {
        let id = *self.by_tag.get(&replaces.to_tag)?;
        let usage = self.usages.get(&id)?;
        let same = match &usage.state {
            State::Established(call) => call.dialog.remote_tag() == replaces.from_tag,
            _ => usage.remote_tags.contains(&replaces.from_tag),
        };
        (same && usage.call_id == replaces.call_id).then_some(id)
    }

    /// What names the dialog of an answered call to its peer.
    pub fn replaces(&self, id: DialogId) -> Option<Replaces> {
        let usage = self.usages.get(&id)?;
        let State::Established(call) = &usage.state else {
            return None;
        };
        Some(Replaces {
            call_id: usage.call_id.clone(),
            to_tag: call.dialog.remote_tag().to_owned(),
            from_tag: usage.local_tag.clone(),
            early_only: false,
        })
    }

    /// A transfer of ours is over.
    pub(super) fn transferred(&mut self, id: DialogId, status: u16) {
        self.transactions
            .timers
            .stop(Owner::Usage(id), Timer::Transfer);
        if let Some(usage) = self.usages.get_mut(&id) {
            usage.refers.ours = None;
        }
        self.emit(Event::Transferred { dialog: id, status });
    }
}

/// What Subscription-State says, without its parameters.
fn state(headers: &Headers) -> &str {
    let state = headers.get("Subscription-State").unwrap_or("");
    state.split(';').next().unwrap_or("").trim()
}

/// The status in a fragment (RFC 3420).
fn fragment(headers: &Headers, body: &[u8]) -> Option<u16> {
    if !headers.is_content(SIPFRAG) {
        return None;
    }
    let status = body.strip_prefix(b"SIP/2.0 ")?.get(..3)?;
    let status = std::str::from_utf8(status).ok()?.parse().ok()?;
    (100..=699).contains(&status).then_some(status)
}
