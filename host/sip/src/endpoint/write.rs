//! The messages that the endpoint writes: what every one of them carries, and how it leaves.

use std::time::Instant;

use bytes::Bytes;

use super::Endpoint;
use crate::dialog::Dialog;
use crate::event::{DialogId, Flow};
use crate::transaction::TransactionId;
use crate::wire::{self, BuildError, Method, Request, Via};

/// The methods that we serve.
pub(super) static SERVED: [Method; 10] = [
    Method::INVITE,
    Method::ACK,
    Method::CANCEL,
    Method::BYE,
    Method::OPTIONS,
    Method::UPDATE,
    Method::PRACK,
    Method::REFER,
    Method::NOTIFY,
    Method::INFO,
];

/// The same, as Allow says it.
pub(super) const ALLOW: &str =
    "INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, PRACK, REFER, NOTIFY, INFO";

/// The extensions that a registrar knows (RFC 3327, RFC 5626).
pub(super) const REGISTRAR: &str = "path, outbound";

/// The extensions that we know, as Supported says it in our answers and INVITEs.
pub(super) const SUPPORTED: &str = "timer, 100rel, replaces, norefersub";

/// The same, as a REGISTER says it: a Path may stand between its registrar and us (RFC 3327 §5.1).
pub(super) const SUPPORTED_BY_CONTACT: &str = "path, timer, 100rel, replaces, norefersub";

/// Those that make sense in all other requests: nothing but an INVITE that begins a call has responses
/// that we acknowledge.
pub(super) const ALLOWED: &str = "timer, replaces, norefersub";

/// The only body that we understand.
pub(super) const SDP: &str = "application/sdp";

/// An answer in the making.
#[derive(Debug, Default)]
pub(super) struct Answer<'a> {
    pub(super) status: u16,
    pub(super) reason: Option<&'a str>,
    /// Added to To, if the request had none.
    pub(super) tag: Option<&'a str>,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) sdp: Option<Bytes>,
    /// Whether it makes or keeps a dialog: Record-Route, Contact, Allow (RFC 3261 §12.1.1). It holds
    /// our socket.
    pub(super) dialog: Option<Flow>,
    /// Whether it leaves out what we are.
    pub(super) nameless: bool,
}

impl Answer<'_> {
    pub(super) fn new(status: u16) -> Self {
        Self {
            status,
            ..Self::default()
        }
    }
}

impl Endpoint {
    /// The bytes of an answer.
    pub(super) fn answer(&self, request: &Request, answer: Answer<'_>) -> Option<Bytes> {
        let mut reply = match answer.reason {
            Some(reason) => request.respond_because(answer.status, reason, answer.tag),
            None => request.respond(answer.status, answer.tag),
        };
        if let Some(flow) = answer.dialog {
            reply = reply
                .copy("Record-Route")
                .contact(&self.config.contact(flow, request.uri()))
                .header("Allow", ALLOW)
                .header("Supported", SUPPORTED);
        }
        for (name, value) in &answer.headers {
            reply = reply.header(name, value);
        }
        if answer.status != 100 && !answer.nameless {
            reply = reply.header("Server", &self.config.product);
        }
        if let Some(sdp) = answer.sdp {
            reply = reply.body(SDP, sdp);
        }
        sound(reply.build())
    }

    /// Answers through a transaction.
    pub(super) fn respond(
        &mut self,
        now: Instant,
        id: TransactionId,
        request: &Request,
        answer: Answer<'_>,
    ) {
        let status = answer.status;
        if let Some(bytes) = self.answer(request, answer) {
            self.transactions.respond(now, id, status, bytes);
        }
    }

    /// A Via of ours with a fresh branch.
    pub(super) fn fresh_via(&mut self, flow: Flow) -> String {
        let branch = self.random.branch();
        Via::text(flow.transport.name(), self.config.address(flow), &branch)
    }

    /// Sends BYE in a dialog; the usage ends by it, whatever the answer.
    pub(super) fn send_bye(
        &mut self,
        now: Instant,
        id: DialogId,
        dialog: &mut Dialog,
        status: u16,
    ) -> Option<TransactionId> {
        let flow = dialog.next_hop();
        let via = self.fresh_via(flow);
        let mut bye = dialog
            .request(Method::BYE, via)
            .header("User-Agent", &self.config.product);
        if let Some(reason) = reason(status, self.because(id)) {
            bye = bye.header("Reason", &reason);
        }
        self.send_within(now, id, flow, bye)
    }

    /// The Q.850 cause that is passed on when this call ends.
    pub(super) fn because(&self, id: DialogId) -> Option<u8> {
        self.usages.get(&id)?.because
    }
}

/// What an answer to OPTIONS says.
pub(super) fn abilities(registrar: bool) -> Vec<(&'static str, String)> {
    let supported = if registrar {
        [SUPPORTED, REGISTRAR].join(", ")
    } else {
        SUPPORTED.to_owned()
    };
    vec![
        ("Allow", allow(registrar)),
        ("Accept", SDP.to_owned()),
        ("Supported", supported),
    ]
}

/// The methods that we serve outside a dialog.
pub(super) fn allow(registrar: bool) -> String {
    if registrar {
        [ALLOW, "REGISTER"].join(", ")
    } else {
        ALLOW.to_owned()
    }
}

/// The value of Reason that says why we end a call (RFC 3326); a normal end needs none.
pub(super) fn reason(status: u16, q850: Option<u8>) -> Option<String> {
    match (status, q850) {
        (200, None) => None,
        (200, Some(q850)) => Some(q850_reason(q850)),
        (status, None) => Some(format!("SIP;cause={status}")),
        (status, Some(q850)) => Some(format!("SIP;cause={status}, {}", q850_reason(q850))),
    }
}

/// The same in the words of the public network.
pub(super) fn q850_reason(cause: u8) -> String {
    format!("Q.850;cause={cause}")
}

/// The value of Warning (RFC 3261 §20.43). `product` is `Name/version`; its name is the agent, a
/// pseudonym, which must be a token. What a peer wrote may be quoted in the text.
pub(super) fn warning(code: u16, product: &str, text: &str) -> String {
    let name = product.split(['/', ' ']).next().unwrap_or_default();
    let plain = |c: char| !c.is_control() && !matches!(c, '"' | '\\');
    let text: String = text.chars().filter(|&c| plain(c)).collect();
    format!("{code} {name} \"{text}\"")
}

/// The bytes of a message.
pub(super) fn written<M: Into<wire::Message>>(message: Result<M, BuildError>) -> Option<Bytes> {
    Some(wire::write(&sound(message)?.into()))
}

/// A message of which every part was parsed or made by us can be built; if not, it is our bug, and
/// the peer's timers will deal with it.
pub(super) fn sound<M>(message: Result<M, BuildError>) -> Option<M> {
    message
        .inspect_err(|error| tracing::error!(%error, "a message cannot be built"))
        .ok()
}
