//! The media of calls: ports, session descriptions, bridges.
//!
//! [`Shard::advance_session`] is the one place that moves calls on when something they waited for is
//! there: a port, the bridge peer's codec, an answer. It can be called at any time.

use ::media::{
    Command, Event, Family, Heard, PortId, Stats,
    sdp::{self, Codec, Direction, SessionVersion},
};
use bytes::Bytes;
use model::{CallId, Cause, Codecs, Completion, EndReason, Now, SessionId, TraceItem, limits};

use super::{Shard, quality, release::Ending, terms::codecs_of};
use crate::{
    Output,
    call::{self, Call, Port, State, Way},
};

/// Why an offer is not answered.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: u16,
    /// The code of the Warning that says why, if it is the peer's to know.
    warning: Option<u16>,
    pub(super) why: String,
}

impl Refusal {
    pub(super) fn new(status: u16, why: impl Into<String>) -> Self {
        Self {
            status,
            warning: None,
            why: why.into(),
        }
    }

    pub(super) fn warning(self, code: u16) -> Self {
        Self {
            warning: Some(code),
            ..self
        }
    }
}

impl From<sdp::SdpError> for Refusal {
    fn from(error: sdp::SdpError) -> Self {
        Self {
            warning: Some(error.warning()),
            ..Self::new(error.status(), error.to_string())
        }
    }
}

impl Shard {
    pub(super) fn media_event(&mut self, now: Now, event: Event) {
        let owner = self.by_port.get(&event.port());
        let _span = owner.and_then(|&call| self.span(call));
        match event {
            Event::Opened { port, addr } => self.port_opened(now, port, addr),
            Event::Failed { port, reason } => {
                let Some(&id) = self.by_port.get(&port) else {
                    return self.attended(now, port, Completion::Failed);
                };
                let Some(call) = self.calls.get_mut(&id) else {
                    return;
                };
                // One that was open has lost a command: it is closed as any other.
                if call.media.port == Port::Opening(port) {
                    call.media.port = Port::Closed;
                    self.by_port.remove(&port);
                }
                let session = call.session;
                self.note(now, session, format!("media failed: {reason}"));
                let cause = Cause::SERVICE_UNAVAILABLE;
                self.end(now, id, Ending::platform(cause, EndReason::Released));
                self.record_final_if_closed(now, id);
                self.prune(session);
            }
            Event::Latched { port, from } => {
                self.remark(now, port, format!("RTP comes from {from}"));
            }
            Event::Digit { port, digit, how } => {
                if let Some(&call) = self.by_port.get(&port) {
                    let way = match how {
                        Heard::Event => Way::Media,
                        Heard::Tones => Way::Tones,
                    };
                    self.keyed(now, call, digit, way);
                }
            }
            Event::Played { port, operation } => self.all_sent(now, port, operation),
            Event::Unkeyed { port } => {
                if let Some(&call) = self.by_port.get(&port) {
                    self.too_many_digits(now, call);
                }
            }
            Event::Silent { port } => self.fell_silent(now, port),
            Event::RecordFailed {
                port,
                operation,
                unwritten,
            } => {
                // Its row has an end also if nobody is left who wants to know.
                let id = unwritten.and_then(|file| file.parse().ok());
                self.out.extend(id.map(Output::RecordingFailed));
                match self.by_port.get(&port) {
                    Some(&call) => self.recording_failed(now, call, operation),
                    None => self.attended(now, port, Completion::Failed),
                }
            }
            Event::AttendantLeft { port, why, .. } => self.attendant_left(now, port, why),
            Event::Closed { port, stats } => self.port_closed(now, port, stats),
        }
    }

    fn port_opened(&mut self, now: Now, port: PortId, addr: std::net::SocketAddr) {
        let Some(&id) = self.by_port.get(&port) else {
            return;
        };
        let Some(call) = self.calls.get_mut(&id) else {
            return;
        };
        // Closed while it was being opened: `Closed` is on its way.
        if call.media.port == Port::Opening(port) {
            call.media.port = Port::Open(port, addr);
            let session = call.session;
            self.advance_session(now, session);
        }
    }

    fn port_closed(&mut self, now: Now, port: PortId, stats: Stats) {
        let Some(id) = self.by_port.remove(&port) else {
            return;
        };
        let Some(call) = self.calls.get_mut(&id) else {
            return;
        };
        call.media.port = Port::Closed;
        call.media.stats = stats;
        self.digits_lost += stats.digits_dropped;
        let (session, is_agreed) = (call.session, call.media.agreed.is_some());
        if is_agreed {
            let what = quality::told(&stats);
            self.trace(now, id, TraceItem::Quality { call: id, what });
        }
        self.record_final(now, id);
        self.prune(session);
    }

    /// Something about a port, for the trace.
    fn remark(&mut self, now: Now, port: PortId, what: String) {
        if let Some(&call) = self.by_port.get(&port) {
            self.trace(now, call, TraceItem::Media { call, what });
        }
    }

    /// Moves on every call of a session that can move on.
    pub(super) fn advance_session(&mut self, now: Now, session: SessionId) {
        let Some(s) = self.sessions.get(&session) else {
            return;
        };
        // Callees first: an inbound answer prefers the codec of its bridge peer.
        let mut calls = s.calls.clone();
        calls.reverse();
        for call in calls {
            self.advance(now, call);
            self.change_hold(now, call);
            self.send_digits(now, call);
            self.begin_recording(now, call);
        }
        self.begin_attending(now, session);
    }

    fn advance(&mut self, now: Now, id: CallId) {
        let Some(call) = self.calls.get(&id) else {
            return;
        };
        let step = match &call.state {
            State::Opening(_) => Shard::dial,
            State::Offered { .. } if self.early_media_waits(id) => Shard::send_early,
            State::Accepting { durable: None } => Shard::accept,
            _ => {
                self.confer(now, id);
                return self.connect(now, id);
            }
        };
        if self.port_is_open(id) {
            step(self, now, id);
        }
        self.connect(now, id);
    }

    /// What a party hears begins, if it can.
    fn connect(&mut self, now: Now, id: CallId) {
        self.relay(now, id);
        self.sound(now, id);
    }

    /// Whether the port of a call is there; asks for it at the first time.
    fn port_is_open(&mut self, id: CallId) -> bool {
        let Some(call) = self.calls.get(&id) else {
            return false;
        };
        match call.media.port {
            Port::Open(..) => true,
            Port::None => {
                let session = call.session;
                // Where the party wants to be sent audio; before it says so, where it is called.
                let terms = &call.media.terms;
                let codecs = codecs_of(terms.voice.codecs);
                let offer = call.media.offer.as_deref();
                let offered = offer.and_then(|it| sdp::family(it, &terms.side(&codecs)));
                let family = offered.unwrap_or(Family::of(call.signalling));
                let port = self.new_port();
                if let Some(call) = self.calls.get_mut(&id) {
                    call.media.port = Port::Opening(port);
                }
                self.by_port.insert(port, id);
                self.out.push_back(Output::Media {
                    session,
                    command: Command::Open { port, family },
                });
                false
            }
            Port::Opening(_) | Port::Closing(_) | Port::Closed => false,
        }
    }

    /// An unanswered caller is bridged to a callee that sends audio, or is played to, and was not told
    /// yet.
    fn early_media_waits(&self, id: CallId) -> bool {
        let Some(call) = self.calls.get(&id) else {
            return false;
        };
        let peer = call.bridged.and_then(|peer| self.calls.get(&peer));
        call.media.local.is_none()
            && self.takes_early_media(call)
            && (peer.is_some_and(|peer| peer.media.agreed.is_some())
                || call.playing.as_ref().is_some_and(|it| it.is_ready()))
    }

    /// Whether a party that was not answered can be told where audio comes from: by an answer to its offer, or by
    /// an offer that it takes in a reliable 183 (RFC 3262 §5).
    pub(super) fn takes_early_media(&self, call: &Call) -> bool {
        let takes_offer = |dialog| self.sip.takes_early_offer(dialog);
        call.media.offer.is_some() || call.dialog.is_some_and(takes_offer)
    }

    fn send_early(&mut self, now: Now, id: CallId) {
        if let Err(refusal) = self.describe(now, id) {
            return self.fail_media(now, id, refusal);
        }
        let Some(call) = self.calls.get(&id) else {
            return;
        };
        if let (Some(dialog), sdp @ Some(_)) = (call.dialog, call.media.local.clone()) {
            let input = sip::Input::Progress {
                dialog,
                status: 183,
                sdp,
            };
            self.sip.handle_input(now.mono, input);
        }
    }

    /// The policy has answered and the port is open: the CDR goes first, the 200 when it is durable.
    fn accept(&mut self, now: Now, id: CallId) {
        if let Err(refusal) = self.describe(now, id) {
            return self.fail_media(now, id, refusal);
        }
        if let Some(call) = self.calls.get_mut(&id) {
            call.answer = Some(call.unix_ms(now.mono));
        }
        let ticket = self.record(id);
        self.durable.insert(ticket, id);
        if let Some(call) = self.calls.get_mut(&id) {
            call.state = State::Accepting {
                durable: Some(ticket),
            };
        }
        self.deadline(id, Some(now.mono + limits::DURABLE));
    }

    fn fail_media(&mut self, now: Now, id: CallId, refusal: Refusal) {
        let cause = Cause::from_network(refusal.status);
        self.warn_party(now, id, &refusal);
        self.trace(now, id, TraceItem::Note { what: refusal.why });
        self.end(now, id, Ending::platform(cause, EndReason::Released));
    }

    /// Lets the refusal that follows say what was wrong.
    pub(super) fn warn_party(&mut self, now: Now, id: CallId, refusal: &Refusal) {
        if let Some(dialog) = self.calls.get(&id).and_then(|call| call.dialog) {
            self.warn(now, dialog, refusal);
        }
    }

    /// The same for whoever has no call yet.
    pub(super) fn warn(&mut self, now: Now, dialog: sip::DialogId, refusal: &Refusal) {
        if let Some(code) = refusal.warning {
            let text = refusal.why.clone();
            let input = sip::Input::Warn { dialog, code, text };
            self.sip.handle_input(now.mono, input);
        }
    }

    /// Writes our description of an inbound call, once: the answer to its offer, or an offer of ours.
    fn describe(&mut self, now: Now, id: CallId) -> Result<(), Refusal> {
        let Some(call) = self.calls.get(&id) else {
            return Ok(());
        };
        if call.media.local.is_some() {
            return Ok(());
        }
        if let Some(offer) = call.media.offer.clone() {
            let answer = self.answer_offer(now, id, &offer, Direction::SendRecv);
            return answer.map(|_| ());
        }
        let Some((_, addr)) = call.port() else {
            return Ok(());
        };
        let version = SessionVersion {
            id: port_number(addr),
            version: 1,
        };
        let codecs = self.preferred(id);
        let side = sdp::Side {
            noise: self.hushes(id),
            ..call.media.terms.side(&codecs)
        };
        let ours = sdp::offer_with(addr, &side, version);
        if let Some(call) = self.calls.get_mut(&id) {
            call.media.local = Some(ours.into());
            call.media.version = 1;
            call.media.offering = true;
        }
        Ok(())
    }

    /// Answers an offer of the party, first or later, and configures the port. `limit`: what we may do,
    /// if whoever we speak for is on hold.
    pub(super) fn answer_offer(
        &mut self,
        now: Now,
        id: CallId,
        offer: &[u8],
        limit: Direction,
    ) -> Result<Bytes, Refusal> {
        let gone = || Refusal::new(481, "the call has no media");
        let preferred = self.preferred(id);
        let call = self.calls.get_mut(&id).ok_or_else(gone)?;
        let (_, addr) = call.port().ok_or_else(gone)?;
        let version = SessionVersion {
            id: port_number(addr),
            version: call.media.version + 1,
        };
        let limit = call.media.within_hold(limit);
        let answer = |media: &call::Media| {
            let side = media.terms.side(&preferred);
            sdp::answer_within(offer, addr, &side, limit, version)
        };
        let (mut ours, mut agreed) = answer(&call.media)?;
        if call.media.changes_suite(&agreed) && agreed.srtp.is_some() {
            call.media.terms.secret = Some(Box::new(self.secrets.fresh()));
            (ours, agreed) = answer(&call.media)?;
        }
        let before = call.media.local.clone();
        let ours = before
            .filter(|before| sdp::same_session(before, &ours))
            .unwrap_or_else(|| {
                call.media.version += 1;
                Bytes::from(ours)
            });
        call.media.local = Some(ours.clone());
        self.configure(now, id, agreed);
        Ok(ours)
    }

    /// A fresh offer for a re-INVITE that has none: whatever this party held before may be resumed by it,
    /// but not what the other side holds. The ACK answers it.
    pub(super) fn offer_anew(&mut self, id: CallId) -> Result<Bytes, Refusal> {
        let gone = || Refusal::new(488, "the call has no media");
        let codecs = self.preferred(id);
        let direction = self.wanted(id);
        let call = self.calls.get_mut(&id).ok_or_else(gone)?;
        let (_, addr) = call.port().ok_or_else(gone)?;
        let version = SessionVersion {
            id: port_number(addr),
            version: call.media.version + 1,
        };
        let before = call.media.local.as_ref().ok_or_else(gone)?;
        let ours = Bytes::from(sdp::offer_again(before, &codecs, direction, version)?);
        call.media.version += 1;
        call.media.local = Some(ours.clone());
        call.media.offering = true;
        Ok(ours)
    }

    /// Takes the answer to an offer of ours and configures the port.
    pub(super) fn accept_answer(
        &mut self,
        now: Now,
        id: CallId,
        answer: &[u8],
    ) -> Result<(), String> {
        let call = self.calls.get_mut(&id).ok_or("the call has ended")?;
        let ours = call.media.local.clone();
        let ours = ours.ok_or("an answer without an offer")?;
        let agreed = sdp::accept(&ours, answer).map_err(|error| error.to_string())?;
        if call.media.changes_suite(&agreed)
            && let Some((_, addr)) = call.port()
        {
            let narrowed = call.media.narrow(port_number(addr), &agreed);
            narrowed.map_err(|error| error.to_string())?;
        }
        if call.media.agreed.as_ref() != Some(&agreed) {
            self.configure(now, id, agreed);
        }
        Ok(())
    }

    fn configure(&mut self, now: Now, id: CallId, agreed: sdp::Negotiated) {
        let Some(call) = self.calls.get_mut(&id) else {
            return;
        };
        let Some((port, _)) = call.port() else { return };
        let (session, signalling) = (call.session, call.signalling);
        let flows = match agreed.direction {
            Direction::SendRecv => "",
            Direction::SendOnly => ", it only hears",
            Direction::RecvOnly => ", it only speaks",
            Direction::Inactive => ", silent",
        };
        let keys = agreed.srtp.as_ref();
        let secure = keys.map_or(String::new(), |it| format!(" under {}", it.send.suite()));
        let what = format!(
            "{} with {}{secure}{flows}",
            agreed.codec.name(),
            agreed.remote
        );
        let is_first = call.media.agreed.is_none();
        call.media.agreed = Some(agreed.clone());
        let events = agreed.telephone_event.is_some();
        let command = Command::Configure {
            port,
            agreed: Box::new(agreed),
            signalling,
        };
        self.out.push_back(Output::Media { session, command });
        if is_first {
            self.watch_silence(session, port);
        }
        self.listen(id, events);
        self.trace(now, id, TraceItem::Media { call: id, what });
    }

    /// The codecs for a description of ours, best first: the call's own if it has one, else the
    /// bridge peer's, else those that a caller of this session offered, then all others. What a
    /// caller offers is taken in its order, but G.711 first: G.722 costs fifty times the work
    /// wherever it has to be decoded.
    ///
    /// Where the party's setting names codecs it is those, in its order, behind the call's own.
    pub(super) fn preferred(&self, id: CallId) -> Vec<Codec> {
        let set = self
            .calls
            .get(&id)
            .map(|call| call.media.terms.voice.codecs);
        self.preferred_of(id, set.unwrap_or_default())
    }

    /// The same for a party of that setting.
    pub(super) fn preferred_of(&self, id: CallId, set: Codecs) -> Vec<Codec> {
        let mut codecs = Vec::new();
        let Some(call) = self.calls.get(&id) else {
            return codecs;
        };
        if !set.is_empty() {
            let own = call.media.agreed.as_ref().map(|it| it.codec);
            let mut set = codecs_of(set);
            set.sort_by_key(|codec| Some(*codec) != own);
            return set;
        }
        let mut add = |codec: Codec| {
            if !codecs.contains(&codec) {
                codecs.push(codec);
            }
        };
        let peer = call.bridged.and_then(|peer| self.calls.get(&peer));
        for one in [Some(call), peer].into_iter().flatten() {
            one.media.agreed.iter().for_each(|agreed| add(agreed.codec));
        }
        let session = self.sessions.get(&call.session);
        let others = session.into_iter().flat_map(|s| s.calls.iter());
        for offer in others.filter_map(|id| self.calls.get(id)?.media.offer.as_ref()) {
            let mut offered = sdp::offered_codecs(offer).unwrap_or_default();
            offered.sort_by_key(|codec| codec.rate());
            offered.into_iter().for_each(&mut add);
        }
        Codec::ALL.into_iter().for_each(&mut add);
        codecs
    }

    /// Joins the ports of two bridged calls when both know where to send.
    fn relay(&mut self, now: Now, id: CallId) {
        let Some(call) = self.calls.get(&id) else {
            return;
        };
        let Some(peer) = call.bridged.and_then(|peer| self.calls.get(&peer)) else {
            return;
        };
        let ready = |call: &crate::call::Call| {
            let ours = call.port().filter(|_| call.media.agreed.is_some());
            ours.map(|(port, _)| port)
        };
        let (Some(a), Some(b), false) = (ready(call), ready(peer), call.media.relayed) else {
            return;
        };
        let (session, other) = (call.session, peer.id);
        for id in [id, other] {
            if let Some(call) = self.calls.get_mut(&id) {
                call.media.relayed = true;
                call.media.crossed = 0;
            }
        }
        self.out.push_back(Output::Media {
            session,
            command: Command::Bridge { a, b },
        });
        let what = "bridged".to_owned();
        self.trace(now, id, TraceItem::Media { call: id, what });
        self.align(now, id);
        self.align(now, other);
    }
}

/// The session id of our descriptions: one per port and process is enough (RFC 8866 §5.2).
pub(super) fn port_number(addr: std::net::SocketAddr) -> u64 {
    u64::from(addr.port())
}
