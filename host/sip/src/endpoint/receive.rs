//! Packets: from bytes to the transaction, the call or the refusal that they lead to.
//!
//! The order of the checks is that of RFC 3261 §8.2. What is refused here gets its answer without
//! state.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use super::Endpoint;
use super::body::screen_body;
use super::refer::REFER;
use super::scanners::is_scanner;
use super::write::{ALLOWED, Answer, REGISTRAR, SERVED, SUPPORTED, abilities, allow};
use crate::Replaces;
use crate::dialog::answer_flow;
use crate::event::{Conduct, DialogId, Event, Flow, Identity};
use crate::transaction::{Arrival, ServerKey};
use crate::wire::{self, Message, Method, ParseError, Request, Response};

/// Whether the owner knows where a packet comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    Known,
    /// It may go on with what there is, but begin nothing.
    Stranger {
        /// The size of its packet.
        octets: usize,
    },
}

impl Source {
    /// Whether it may get this answer: a stranger's address may be forged, so that whoever gets the
    /// answer must not get more than the stranger has sent.
    fn may_get(self, answer: &Bytes) -> bool {
        match self {
            Self::Known => true,
            Self::Stranger { octets } => answer.len() <= octets,
        }
    }
}

/// A request on its way through the endpoint.
#[derive(Clone, Debug)]
pub(super) struct Arrived {
    pub(super) request: Arc<Request>,
    /// Which way it came.
    pub(super) flow: Flow,
    /// Which way its answers go.
    pub(super) back: Flow,
    pub(super) source: Source,
    /// Who its sender has proven to be.
    pub(super) proven: Option<Identity>,
    pub(super) key: ServerKey,
}

/// Why a request is refused.
#[derive(Debug, Default)]
pub(super) struct Refusal {
    status: u16,
    reason: Option<&'static str>,
    headers: Vec<(&'static str, String)>,
}

impl Refusal {
    pub(super) fn new(status: u16) -> Self {
        Self {
            status,
            ..Self::default()
        }
    }

    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(super) fn because(mut self, reason: &'static str) -> Self {
        self.reason = Some(reason);
        self
    }

    /// The answer that says it.
    pub(super) fn answer(self, tag: Option<&str>) -> Answer<'_> {
        Answer {
            status: self.status,
            reason: self.reason,
            tag,
            headers: self.headers,
            ..Answer::default()
        }
    }
}

impl Endpoint {
    pub(super) fn packet(&mut self, now: Instant, flow: Flow, bytes: &Bytes, source: Source) {
        match wire::parse(bytes) {
            Ok(Message::Request(request)) => self.request(now, flow, source, request),
            Ok(Message::Response(response)) => self.response(now, flow, source, &response),
            Err(error) => self.broken(flow, source, error),
        }
    }

    /// Refuses what cannot be read, if it can be told to whom.
    fn broken(&mut self, flow: Flow, source: Source, error: ParseError) {
        tracing::debug!(fault = %error.fault, "a packet is no message");
        self.refusals.broken += 1;
        self.tell_conduct(flow, source, Conduct::Broken);
        let Some(mut partial) = error.partial else {
            return;
        };
        partial.stamp(flow.remote);
        let tag = self.random.broken_tag(&partial);
        let bytes = partial.refuse(error.fault.status(), &error.fault.to_string(), &tag);
        if source.may_get(&bytes) {
            self.transactions
                .transmit(answer_flow(flow, partial.via()), bytes);
        }
    }

    /// Tells that somebody there has proven who it is.
    pub(super) fn tell_proven(&mut self, flow: Flow) {
        let (source, conduct) = (flow.remote.ip(), Conduct::Proven);
        self.emit(Event::Conduct { source, conduct });
    }

    /// Tells what a stranger has shown itself to be.
    pub(super) fn tell_conduct(&mut self, flow: Flow, source: Source, conduct: Conduct) {
        if source != Source::Known {
            let source = flow.remote.ip();
            self.emit(Event::Conduct { source, conduct });
        }
    }

    fn response(&mut self, now: Instant, flow: Flow, source: Source, response: &Response) {
        let Some(delivery) = self.transactions.response(now, response) else {
            tracing::trace!(
                status = response.status(),
                "a response to nothing, or again"
            );
            return;
        };
        // Only who got our request knows its branch.
        self.tell_conduct(flow, source, Conduct::Proven);
        if self.challenged(now, delivery, response) {
            return;
        }
        match response.headers().cseq().method.as_str() {
            "INVITE" => self.invite_answered(now, delivery, response),
            "UPDATE" => self.update_answered(now, delivery, response),
            "BYE" => self.bye_answered(now, delivery, response.status()),
            "NOTIFY" => self.notify_answered(now, delivery, response.status()),
            "REFER" => self.refer_answered(delivery, response),
            "INFO" => self.info_answered(delivery, response.status()),
            "OPTIONS" | "REGISTER" => self.asked_answered(now, delivery, response),
            // Answers to CANCEL change nothing: its INVITE ends the usage.
            _ => {}
        }
    }

    fn request(&mut self, now: Instant, flow: Flow, source: Source, mut request: Request) {
        request.stamp(flow.remote);
        let via = request.headers().via();
        let back = answer_flow(flow, via);
        let key = ServerKey::of_request(&request, via);
        let ack = *request.method() == Method::ACK;
        match self.transactions.request(now, &key, ack) {
            Arrival::Absorbed => {}
            Arrival::Ack => self.ack(now, &request),
            Arrival::New if ack => self.ack(now, &request),
            Arrival::New => {
                let request = Arc::new(request);
                let arrived = Arrived {
                    request,
                    flow,
                    back,
                    source,
                    proven: None,
                    key,
                };
                let done = self.receive_new(now, &arrived);
                self.refuse_unless(&arrived, done);
            }
        }
    }

    /// Refuses, without state, what could not be taken.
    pub(super) fn refuse_unless(&mut self, arrived: &Arrived, done: Result<(), Refusal>) {
        if let Err(refusal) = done {
            self.tell_conduct(arrived.flow, arrived.source, Conduct::Refused);
            *self.refusals.requests.entry(refusal.status).or_default() += 1;
            self.answer_stateless(arrived, refusal);
        }
    }

    fn receive_new(&mut self, now: Instant, arrived: &Arrived) -> Result<(), Refusal> {
        if *arrived.request.method() == Method::CANCEL {
            return self.cancel(now, arrived);
        }
        let headers = arrived.request.headers();
        let tag = headers.to_tag();
        let program = || headers.get("User-Agent").unwrap_or("");
        if tag.is_none() && arrived.source != Source::Known && is_scanner(program()) {
            self.refusals.scanners += 1;
            self.tell_conduct(arrived.flow, arrived.source, Conduct::Scanner);
            return Ok(());
        }
        if tag.is_none() {
            if self.config.registrar && self.needs_proof(arrived) {
                return self.ask_owner(arrived);
            }
            if arrived.source != Source::Known {
                return Err(Refusal::new(403));
            }
        }
        let usage = tag.and_then(|tag| self.usage_of(&arrived.request, tag));
        if let Some(id) = usage.filter(|_| *arrived.request.method() == Method::INVITE) {
            return self.reinvite(now, id, arrived);
        }
        self.receive(now, usage, arrived)
    }

    /// A request of somebody who may send it, in that call or in none.
    pub(super) fn receive(
        &mut self,
        now: Instant,
        usage: Option<DialogId>,
        arrived: &Arrived,
    ) -> Result<(), Refusal> {
        screen(&arrived.request, self.config.registrar)?;
        if *arrived.request.method() != Method::BYE {
            self.room()?;
        }
        match usage {
            Some(id) => self.in_dialog(now, id, arrived),
            None if arrived.request.headers().to_tag().is_some() => Err(Refusal::new(481)),
            None => self.out_of_dialog(now, arrived),
        }
    }

    /// All but INVITE.
    fn in_dialog(&mut self, now: Instant, id: DialogId, arrived: &Arrived) -> Result<(), Refusal> {
        match arrived.request.method().as_str() {
            "BYE" => self.bye(now, id, arrived),
            "PRACK" => self.prack(now, id, arrived),
            "UPDATE" => self.update(now, id, arrived),
            "REFER" => self.referred(now, id, arrived),
            "NOTIFY" => self.notified(now, id, arrived),
            "INFO" => self.info(now, id, arrived),
            _ => self.options_in_dialog(now, id, arrived),
        }
    }

    fn out_of_dialog(&mut self, now: Instant, arrived: &Arrived) -> Result<(), Refusal> {
        match arrived.request.method().as_str() {
            "BYE" | "UPDATE" | "PRACK" | "NOTIFY" | "INFO" => Err(Refusal::new(481)),
            // Only a party of a call has somebody to transfer.
            "REFER" => Err(Refusal::new(603)),
            method if self.draining => {
                let refusal = Refusal::new(503)
                    .with("Retry-After", "10")
                    .because("Draining");
                if method == "INVITE" {
                    self.refuse_for_good(now, arrived, refusal);
                    return Ok(());
                }
                Err(refusal)
            }
            "INVITE" => self.invite(now, arrived),
            _ => {
                self.options(arrived);
                Ok(())
            }
        }
    }

    /// OPTIONS to us: what we can (RFC 3261 §11.2).
    fn options(&mut self, arrived: &Arrived) {
        let tag = self.random.stateless_tag(&arrived.request);
        let answer = Answer {
            tag: Some(&tag),
            headers: abilities(self.config.registrar),
            ..Answer::new(200)
        };
        if let Some(bytes) = self.answer(&arrived.request, answer) {
            self.transactions.transmit(arrived.back, bytes);
        }
    }

    /// Refuses an INVITE by a transaction: a copy of it must get the same answer even if its source is
    /// no longer known by then (RFC 3261 §17.2.1). It belongs to no usage, so the owner hears nothing.
    fn refuse_for_good(&mut self, now: Instant, arrived: &Arrived, refusal: Refusal) {
        let Arrived {
            request, back, key, ..
        } = arrived;
        *self.refusals.requests.entry(refusal.status).or_default() += 1;
        let tag = self.random.stateless_tag(request);
        let nobody = self.new_dialog();
        let invite = self.transactions.start_server(key.clone(), *back, nobody);
        self.respond(now, invite, request, refusal.answer(Some(&tag)));
    }

    /// Answers without state, unless the sender may not get so much; whether it was sent.
    pub(super) fn answer_stateless(&mut self, arrived: &Arrived, refusal: Refusal) -> bool {
        let tag = self.random.stateless_tag(&arrived.request);
        let answer = Answer {
            nameless: arrived.source != Source::Known,
            ..refusal.answer(Some(&tag))
        };
        let bytes = self.answer(&arrived.request, answer);
        let Some(bytes) = bytes.filter(|bytes| arrived.source.may_get(bytes)) else {
            return false;
        };
        self.transactions.transmit(arrived.back, bytes);
        true
    }

    /// The usage that a request means, by our tag in its To, its Call-ID and its From tag.
    pub(super) fn usage_of(&self, request: &Request, local_tag: &str) -> Option<DialogId> {
        let id = *self.by_tag.get(local_tag)?;
        let usage = self.usages.get(&id)?;
        let headers = request.headers();
        let remote_tag = headers.from_tag().unwrap_or("");
        let known = usage.call_id == headers.call_id()
            && usage.remote_tags.iter().any(|tag| tag == remote_tag);
        known.then_some(id)
    }
}

/// The checks that need nothing but the request: RFC 3261 §8.2.1 to §8.2.3.
pub(super) fn screen(request: &Request, registrar: bool) -> Result<(), Refusal> {
    let headers = request.headers();
    let method = request.method();
    let registers = registrar && *method == Method::REGISTER;
    if *method == Method::SUBSCRIBE {
        // There is nothing to subscribe to: what REFER makes is the only subscription.
        return Err(Refusal::new(489).with("Allow-Events", REFER));
    }
    if !SERVED.contains(method) && !registers {
        let status = if method.is_known() { 405 } else { 501 };
        return Err(Refusal::new(status).with("Allow", allow(registrar)));
    }
    if !matches!(request.uri().scheme(), "sip" | "sips" | "tel") {
        return Err(Refusal::new(416));
    }
    let required = headers.require();
    let known = |tag: &str| {
        // Nothing but an INVITE has responses that could be reliable.
        let allowed = match method.as_str() {
            "INVITE" => SUPPORTED,
            "REGISTER" => REGISTRAR,
            _ => ALLOWED,
        };
        allowed
            .split(", ")
            .any(|ours| tag.eq_ignore_ascii_case(ours))
    };
    let unknown: Vec<&str> = required.into_iter().filter(|tag| !known(tag)).collect();
    if !unknown.is_empty() {
        return Err(Refusal::new(420).with("Unsupported", unknown.join(", ")));
    }
    let mut replaces = headers.get_all("Replaces");
    if *method == Method::INVITE
        && let Some(value) = replaces.next()
        && (Replaces::parse(value).is_none() || replaces.next().is_some())
    {
        return Err(Refusal::new(400).because("Bad Replaces"));
    }
    match method.as_str() {
        "INVITE" if headers.contact().is_none() => {
            screen_body(headers, request.body())?;
            Err(Refusal::new(400).because("Missing Contact"))
        }
        "INVITE" | "UPDATE" => screen_body(headers, request.body()),
        _ => Ok(()),
    }
}
