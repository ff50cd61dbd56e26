//! How a request leaves: as a datagram, unless it is too large for one. RFC 3261 §18.1.1.

use std::time::Instant;

use bytes::Bytes;
use memchr::memmem;

use super::Endpoint;
use crate::event::{DialogId, Flow, Transport};
use crate::limits;
use crate::transaction::{Datagram, Retry, TransactionId};
use crate::wire::{self, Method, Request, Via};

impl Endpoint {
    /// Sends a request in a new client transaction.
    pub(super) fn start_client(
        &mut self,
        now: Instant,
        flow: Flow,
        request: Request,
        usage: DialogId,
    ) -> Option<TransactionId> {
        let message = request.into();
        let bytes = wire::write(&message);
        let wire::Message::Request(request) = message else {
            return None;
        };
        if flow.transport == Transport::Udp
            && bytes.len() > limits::DATAGRAM
            && let Some((stream, streamed, octets)) = self.streamed(now, flow, &request, &bytes)
        {
            let retry = Retry::Datagram(Box::new(Datagram {
                flow,
                request,
                bytes,
            }));
            return self.transactions.start_client(
                now,
                stream,
                (streamed.into(), octets),
                retry,
                usage,
            );
        }
        let retry = if flow.transport.is_reliable() && *request.method() != Method::INVITE {
            Retry::Again
        } else {
            Retry::Never
        };
        self.transactions
            .start_client(now, flow, (request.into(), bytes), retry, usage)
    }

    /// The same request for a connection to the same place; `None` if we have no listener that it could
    /// come from, or the peer takes none.
    fn streamed(
        &self,
        now: Instant,
        flow: Flow,
        request: &Request,
        bytes: &[u8],
    ) -> Option<(Flow, Request, Bytes)> {
        // What the owner carries without a network has no limit of size.
        let inside = flow.remote.ip().is_unspecified();
        if inside || self.transactions.is_deaf(now, flow.remote) {
            return None;
        }
        let transport = Transport::Tcp;
        let local = self.config.listeners.towards(transport, flow.remote.ip())?;
        let branch = request.headers().via().branch()?;
        let via = |flow: Flow| Via::text(flow.transport.name(), self.config.address(flow), branch);
        let stream = Flow {
            transport,
            local,
            ..flow
        };
        let (before, after) = (via(flow), via(stream));
        // Ours is the first header.
        let at = memmem::find(bytes, before.as_bytes())?;
        let rest = &bytes[at + before.len()..];
        let octets = Bytes::from([&bytes[..at], after.as_bytes(), rest].concat());
        match wire::parse(&octets) {
            Ok(wire::Message::Request(request)) => Some((stream, request, octets)),
            _ => None,
        }
    }
}
