//! Requests of ours that belong to no call: OPTIONS and REGISTER to trunks.
//!
//! Each is asked until there is a final answer: again with credentials if it is challenged (§22), and
//! told. Knows nothing of what it is for.

use std::sync::Arc;
use std::time::Instant;

use super::Endpoint;
use super::proofs::{Met, Proofs};
use super::write::{ALLOW, SDP, SUPPORTED_BY_CONTACT};
use crate::digest::Login;
use crate::event::{Ask, DialogId, Event, RequestId};
use crate::transaction::Delivery;
use crate::wire::{NameAddr, Request, Response};

/// A request that waits for its answer.
#[derive(Debug)]
pub(super) struct Asked {
    ask: Ask,
    tag: String,
    cseq: u32,
    proofs: Proofs,
    met: Met,
}

impl Endpoint {
    pub(super) fn order_ask(&mut self, now: Instant, ask: Ask) {
        let id = ask.request;
        if id.0 == 0 || id.0 > self.last_dialog || self.asked.contains_key(&id) {
            tracing::error!(?id, "a request with a handle that is not fresh");
            return;
        }
        if !self.has_transaction() {
            return self.heard(id, 503, None);
        }
        let asked = Asked {
            cseq: ask.cseq,
            tag: self.random.tag(),
            proofs: Proofs::default(),
            met: Met::default(),
            ask,
        };
        self.send(now, asked);
    }

    /// Sends it for the first time, or once more.
    fn send(&mut self, now: Instant, mut asked: Asked) {
        let (id, flow) = (asked.ask.request, asked.ask.flow);
        let proofs = match asked.ask.login.clone() {
            Some(login) => self.prove(&mut asked, &login),
            None => Vec::new(),
        };
        let ask = &asked.ask;
        let via = self.fresh_via(flow);
        let mut builder = Request::builder(ask.method.clone(), ask.uri.clone())
            .via(via)
            .header("Max-Forwards", "70")
            .from(NameAddr::new(ask.from.clone()).with_tag(&asked.tag))
            .to(NameAddr::new(ask.to.clone()))
            .call_id(&ask.call_id)
            .cseq(asked.cseq)
            .header("User-Agent", &self.config.product);
        if let Some(user) = &ask.contact {
            let contact = self.config.contact(flow, &ask.uri).with_user(user);
            // A registrar that does not know us answers with no more octets than it was sent, if it is
            // careful: who says all that it can has room for a challenge.
            builder = builder
                .contact(&contact)
                .header("Allow", ALLOW)
                .header("Accept", SDP)
                .header("Supported", SUPPORTED_BY_CONTACT);
        }
        for (name, value) in &ask.headers {
            builder = builder.header(name, value);
        }
        for (name, value) in &proofs {
            builder = builder.header(name, value);
        }
        let request = builder.build().ok();
        let sent = request.and_then(|r| self.start_client(now, flow, r, DialogId(id.0)));
        if sent.is_none() {
            tracing::error!(?id, "a request cannot be sent");
            return self.heard(id, 500, None);
        }
        self.asked.insert(id, asked);
    }

    fn prove(&mut self, asked: &mut Asked, login: &Arc<Login>) -> Vec<(&'static str, String)> {
        let (method, uri) = (asked.ask.method.as_str(), asked.ask.uri.to_string());
        let random = &mut self.random;
        asked
            .proofs
            .headers(login, method, &uri, || random.number())
    }

    /// A response to one.
    pub(super) fn asked_answered(&mut self, now: Instant, delivery: Delivery, response: &Response) {
        let id = RequestId(delivery.usage.0);
        let status = response.status();
        if status < 200 {
            return;
        }
        let Some(mut asked) = self.asked.remove(&id) else {
            return;
        };
        let known = asked.ask.login.is_some();
        let Asked { proofs, met, .. } = &mut asked;
        if known && proofs.take(met, status, response.headers()) {
            asked.cseq += 1;
            self.send(now, asked);
        } else {
            self.heard(id, status, Some(Box::new(response.clone())));
        }
    }

    /// Nobody has answered one, or its connection was lost.
    pub(super) fn asked_unanswered(&mut self, delivery: Delivery, status: u16) {
        let id = RequestId(delivery.usage.0);
        if self.asked.remove(&id).is_some() {
            self.heard(id, status, None);
        }
    }

    fn heard(&mut self, request: RequestId, status: u16, response: Option<Box<Response>>) {
        self.emit(Event::Told {
            request,
            status,
            response,
        });
    }
}
