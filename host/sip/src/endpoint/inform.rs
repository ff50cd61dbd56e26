//! INFO of ours: a key that the owner presses towards the peer (`application/dtmf-relay`).
//!
//! One at a time, which is the owner's to keep: it hears of each how it was answered.

use std::time::Instant;

use super::Endpoint;
use super::write::ALLOW;
use crate::dialog::{Established, State};
use crate::event::{DialogId, Event};
use crate::info::{self, Form};
use crate::transaction::{Delivery, TransactionId};
use crate::wire::{Headers, Method};

/// How long a key is pressed, ms; nobody waits for it.
const DURATION: u32 = 100;

impl Endpoint {
    /// Sends a key; `Informed` with 481 at once if there is no answered call.
    pub(super) fn order_info(&mut self, now: Instant, id: DialogId, key: char) {
        let transaction = self.send_info(now, id, key);
        match self.established(id) {
            Some(call) if transaction.is_some() => call.info = transaction,
            _ => self.emit(Event::Informed {
                dialog: id,
                status: 481,
            }),
        }
    }

    fn send_info(&mut self, now: Instant, id: DialogId, key: char) -> Option<TransactionId> {
        let call = self.established(id)?;
        let (flow, peer) = (call.dialog.next_hop(), call.dialog.target().clone());
        let via = self.fresh_via(flow);
        let contact = self.config.contact(flow, &peer);
        let product = self.config.product.clone();
        let body = info::body(key, DURATION);
        let info = self
            .established(id)?
            .dialog
            .request(Method::INFO, via)
            .contact(&contact)
            .header("Allow", ALLOW)
            .header("User-Agent", &product)
            .body(Form::Relay.media_type(), body.into());
        self.send_within(now, id, flow, info)
    }

    /// The answer to an INFO of ours, or that there is none.
    pub(super) fn info_answered(&mut self, delivery: Delivery, status: u16) {
        let waits = |call: &&mut Established| call.info == Some(delivery.transaction);
        let Some(call) = self.established(delivery.usage).filter(waits) else {
            return;
        };
        if status < 200 {
            return;
        }
        call.info = None;
        self.emit(Event::Informed {
            dialog: delivery.usage,
            status,
        });
    }

    /// Whether the peer of an answered call says that it takes INFO.
    pub fn takes_info(&self, id: DialogId) -> bool {
        let state = self.usages.get(&id).map(|usage| &usage.state);
        matches!(state, Some(State::Established(call)) if call.takes_info)
    }
}

/// Whether a message says that its sender takes INFO.
pub(super) fn takes_info(headers: &Headers) -> bool {
    headers.allow().contains(&Method::INFO.as_str())
}
