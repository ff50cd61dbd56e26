//! The two messages that are made from an INVITE that was sent, and travel in its wake.

use bytes::Bytes;

use crate::wire::{self, BuildError, Method, Request, Response};

/// The ACK of a refusal: RFC 3261 §17.1.1.3. Same branch, To of the response.
pub(crate) fn ack_of_refusal(invite: &Request, response: &Response) -> Result<Bytes, BuildError> {
    let ack = in_the_wake(Method::ACK, invite)
        .copy(response.headers(), "To")
        .build()?;
    Ok(wire::write(&ack.into()))
}

/// The CANCEL of an INVITE: RFC 3261 §9.1. Same branch, everything else as in the INVITE.
pub(crate) fn cancel_of(invite: &Request, reason: Option<&str>) -> Result<Request, BuildError> {
    let mut cancel = in_the_wake(Method::CANCEL, invite).copy(invite.headers(), "To");
    if let Some(reason) = reason {
        cancel = cancel.header("Reason", reason);
    }
    cancel.build()
}

fn in_the_wake(method: Method, invite: &Request) -> wire::Builder {
    let headers = invite.headers();
    Request::builder(method, invite.uri().clone())
        .via(headers.via().to_string())
        .header("Max-Forwards", "70")
        .copy(headers, "Route")
        .copy(headers, "From")
        .call_id(headers.call_id())
        .cseq(headers.cseq().number)
}
