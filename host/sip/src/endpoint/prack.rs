//! PRACK of ours: RFC 3262 §4. Callees may say a 1xx reliably, since our INVITEs say that we know how.
//!
//! Each fork has an early dialog of its own with a numbering of its own. A reliable 1xx is told once
//! and in order: one that comes again was acknowledged, and one that comes too early will come again.

use std::time::Instant;

use super::Endpoint;
use super::reliable::RELIABLE;
use crate::dialog::{Dialog, Early};
use crate::event::DialogId;
use crate::limits;
use crate::transaction::Delivery;
use crate::wire::{Headers, Method, Response};

impl Endpoint {
    /// Acknowledges a 1xx if it is reliable; whether the owner shall hear of it.
    pub(super) fn acknowledge_early(
        &mut self,
        now: Instant,
        delivery: Delivery,
        response: &Response,
    ) -> bool {
        let Some(sequence) = sequence(response.headers()) else {
            return true;
        };
        let id = delivery.usage;
        let Some(place) = self.early_dialog(delivery, response) else {
            return false;
        };
        let Some(early) = self.early(id, place) else {
            return false;
        };
        if early
            .sequence
            .is_some_and(|last| last.checked_add(1) != Some(sequence))
        {
            return false;
        }
        early.sequence = Some(sequence);
        self.send_prack(
            now,
            id,
            place,
            &format!("{sequence} {}", response.headers().cseq()),
        );
        true
    }

    /// The place of the early dialog that a 1xx belongs to; it is made by the first one. `None`: it has
    /// no tag, or there are too many.
    fn early_dialog(&mut self, delivery: Delivery, response: &Response) -> Option<usize> {
        let tag = response.headers().to_tag()?;
        let known = &self.usages.get(&delivery.usage)?.early;
        let same = |early: &Early| early.dialog.remote_tag() == tag;
        if let Some(place) = known.iter().position(same) {
            return Some(place);
        }
        if known.len() >= limits::FORKS {
            tracing::debug!("more forks ring than a call can have");
            return None;
        }
        let flow = self.transactions.flow_of(delivery.transaction)?;
        let (invite, _) = self.transactions.invite(delivery.transaction)?;
        let dialog = Dialog::of_outbound(invite, response, flow).through(&self.config.listeners);
        let usage = self.usages.get_mut(&delivery.usage)?;
        usage.meet(tag);
        usage.early.push(Early {
            dialog,
            sequence: None,
        });
        Some(usage.early.len() - 1)
    }

    /// Sends PRACK; whatever its answer is, the callee's own timers see to the rest.
    fn send_prack(&mut self, now: Instant, id: DialogId, place: usize, rack: &str) {
        let Some(flow) = self.early(id, place).map(|early| early.dialog.next_hop()) else {
            return;
        };
        let via = self.fresh_via(flow);
        let product = self.config.product.clone();
        let Some(early) = self.early(id, place) else {
            return;
        };
        let prack = early
            .dialog
            .request(Method::PRACK, via)
            .header("RAck", rack)
            .header("User-Agent", &product);
        self.send_within(now, id, flow, prack);
    }

    fn early(&mut self, id: DialogId, place: usize) -> Option<&mut Early> {
        self.usages.get_mut(&id)?.early.get_mut(place)
    }
}

/// The RSeq of a reliable 1xx.
fn sequence(headers: &Headers) -> Option<u32> {
    let required = headers.require();
    let reliable = required
        .iter()
        .any(|tag| tag.eq_ignore_ascii_case(RELIABLE));
    headers.get("RSeq").filter(|_| reliable)?.parse().ok()
}
