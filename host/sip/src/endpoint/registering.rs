//! Requests outside any call that the owner answers: REGISTER (RFC 3261 §10.3).

use std::sync::Arc;
use std::time::Instant;

use super::Endpoint;
use super::unproven::Unproven;
use super::write::Answer;
use crate::event::RequestId;
use crate::transaction::TransactionId;
use crate::wire::Request;

/// A request that waits for the owner's answer.
#[derive(Debug)]
pub(super) struct Open {
    transaction: TransactionId,
    request: Arc<Request>,
}

impl Endpoint {
    pub(super) fn order_begin(&mut self, asked: Unproven, id: RequestId) {
        if id.0 == 0 || id.0 > self.last_dialog || self.requests.contains_key(&id) {
            tracing::error!(?id, "a request with a handle that is not fresh");
            return;
        }
        let arrived = asked.arrived;
        self.tell_proven(arrived.flow);
        let nobody = crate::DialogId(id.0);
        let transaction = self
            .transactions
            .start_server(arrived.key, arrived.back, nobody);
        let request = arrived.request;
        self.requests.insert(
            id,
            Open {
                transaction,
                request,
            },
        );
    }

    pub(super) fn order_answer(
        &mut self,
        now: Instant,
        id: RequestId,
        status: u16,
        headers: Vec<(&'static str, String)>,
    ) {
        let Some(open) = self.requests.remove(&id) else {
            return;
        };
        let tag = self.random.stateless_tag(&open.request);
        let answer = Answer {
            tag: Some(&tag),
            headers,
            ..Answer::new(status)
        };
        self.respond(now, open.transaction, &open.request, answer);
    }
}
