//! A user agent for the demo, the softphone and the simulator: one line, one call at a time.
//!
//! ```text
//!  outbound  Idle ──Dial──▶ Dialling ──18x──▶ Dialling ──2xx──▶ Talking
//!  inbound   Idle ──INVITE──▶ Offered ──Ring, behaviour──▶ Offered ──Answer──▶ Talking
//!  either    any call ──HangUp, refusal, BYE, CANCEL──▶ Idle
//! ```
//!
//! Owns a telephone's signalling: dialling, ringing, answering, hanging up, and what was agreed about
//! audio. Sans-IO like the shard and with the same four verbs. Refuses to know audio itself: whoever
//! drives it owns a [`media::handset::Handset`] at the RTP address and gives it what was agreed. It
//! speaks to the platform only as any other SIP telephone would, so that it can judge it.

mod behaviour;
mod event;
mod hold;
mod register;
mod signal;
#[cfg(test)]
mod tests;

use std::{collections::VecDeque, net::SocketAddr, time::Instant};

use bytes::Bytes;
use media::sdp::{self, Direction, Negotiated, SessionVersion};
use media::srtp::{Secret, Secrets};
use model::IdSource;
use sip::{DialogId, Endpoint, Flow, Uri};

use behaviour::Act;
pub use behaviour::Behaviour;
pub use event::{EndedBy, Event, Input, Output, PhoneConfig};
use hold::Hold;
use register::Registration;

/// One telephone.
#[derive(Debug)]
pub struct Phone {
    config: PhoneConfig,
    sip: Endpoint,
    ids: IdSource,
    secrets: Secrets,
    /// The keys of its one call are made from it.
    secret: Secret,
    call: Call,
    registration: Option<Registration>,
    /// What the behaviour will do, soonest first.
    plan: VecDeque<(Instant, Act)>,
    out: VecDeque<Output>,
}

/// Where the one call stands.
#[derive(Debug)]
enum Call {
    Idle,
    /// Outbound, not answered.
    Dialling {
        dialog: DialogId,
        offer: Bytes,
        early: Option<Box<Negotiated>>,
    },
    /// Inbound, not answered.
    Offered {
        dialog: DialogId,
        offer: Option<Bytes>,
        /// Our answer, once early media has shown it.
        answer: Option<(Bytes, Box<Negotiated>)>,
    },
    /// Answered.
    Talking {
        dialog: DialogId,
        /// Our last description, and its version.
        local: Bytes,
        version: u64,
        agreed: Option<Box<Negotiated>>,
        hold: Hold,
    },
}

impl Phone {
    /// A phone at rest.
    pub fn new(config: PhoneConfig) -> Self {
        let mut ids = IdSource::new(config.seed, 0, 0);
        let settings = sip::Config {
            contact_user: config.user.clone(),
            product: "Jackfield phone".to_owned(),
            ..sip::Config::default()
        };
        let sip = Endpoint::new(settings, ids.seed());
        let mut secrets = Secrets::new(config.seed);
        Self {
            sip,
            config,
            ids,
            secret: secrets.fresh(),
            secrets,
            call: Call::Idle,
            registration: None,
            plan: VecDeque::new(),
            out: VecDeque::new(),
        }
    }

    /// What it was made with, and behaves by now.
    pub fn config(&self) -> &PhoneConfig {
        &self.config
    }

    /// Whether there is no call.
    pub fn is_idle(&self) -> bool {
        matches!(self.call, Call::Idle)
    }

    /// Whether its call is answered.
    pub fn is_talking(&self) -> bool {
        matches!(self.call, Call::Talking { .. })
    }

    /// What lives in its SIP endpoint: all zero at rest.
    pub fn counts(&self) -> sip::Counts {
        self.sip.counts()
    }

    /// Takes a datagram or a wish of the user. A wish that does not fit the call is ignored.
    pub fn handle_input(&mut self, now: Instant, input: Input) {
        match input {
            Input::Packet { from, bytes } => {
                let deaf = self.config.behaviour == Behaviour::Deaf && !self.is_talking();
                if !(deaf && bytes.starts_with(b"INVITE ")) {
                    let flow = self.flow_to(from);
                    self.sip
                        .handle_input(now, sip::Input::Packet { flow, bytes });
                }
            }
            Input::Disconnected { from } => {
                let flow = self.flow_to(from);
                self.sip
                    .handle_input(now, sip::Input::Disconnected { flow });
            }
            Input::Dial { to, next_hop } => self.dial(now, to, next_hop),
            Input::Register { registrar, seconds } => self.register(now, registrar, seconds),
            Input::Ring => self.act(now, Act::Ring),
            Input::Answer => self.act(now, Act::Answer),
            Input::Refuse(status) => self.act(now, Act::Refuse(status)),
            Input::HangUp => self.hang_up(now),
            Input::Hold(on) => self.hold(now, on),
            Input::Transfer(to) => self.transfer(now, to),
            Input::Behave(behaviour) => self.config.behaviour = behaviour,
        }
        self.settle(now);
    }

    /// Fires every timer that is due at `now`.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.sip.handle_timeout(now);
        self.settle(now);
        self.renew(now);
        self.settle(now);
        while self.plan.front().is_some_and(|(at, _)| *at <= now) {
            if let Some((_, act)) = self.plan.pop_front() {
                self.act(now, act);
                self.settle(now);
            }
        }
    }

    /// The next thing to do; `None` when there is nothing until the next `handle_*`.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    /// When to call [`handle_timeout`](Self::handle_timeout).
    pub fn poll_timeout(&self) -> Option<Instant> {
        let plan = self.plan.front().map(|(at, _)| *at);
        let renewal = self.registration.as_ref().and_then(Registration::due);
        let all = self.sip.poll_timeout().into_iter().chain(plan);
        all.chain(renewal).min()
    }

    fn settle(&mut self, now: Instant) {
        while let Some(output) = self.sip.poll_output() {
            match output {
                sip::Output::Transmit { flow, bytes } => {
                    let to = flow.remote;
                    self.out.push_back(Output::Transmit { to, bytes });
                }
                sip::Output::Event(event) => self.signal(now, event),
            }
        }
    }

    fn dial(&mut self, now: Instant, to: Uri, next_hop: SocketAddr) {
        let Ok(from) = Uri::sip(&self.config.user, &self.config.domain) else {
            return;
        };
        if !self.is_idle() {
            return;
        }
        let dialog = self.sip.new_dialog();
        self.secret = self.secrets.fresh();
        let offer = self.offer();
        self.call = Call::Dialling {
            dialog,
            offer: offer.clone(),
            early: None,
        };
        let invite = sip::Invite {
            dialog,
            flow: self.flow_to(next_hop),
            request_uri: to.clone(),
            login: self.config.login.clone(),
            routes: vec![],
            from,
            to,
            call_id: self.fresh_call_id(),
            max_forwards: 70,
            headers: Vec::new(),
            sdp: offer,
        };
        self.sip
            .handle_input(now, sip::Input::Invite(Box::new(invite)));
    }

    fn fresh_call_id(&mut self) -> String {
        format!("{:016x}{:016x}", self.ids.number(), self.ids.number())
    }

    /// A step of an inbound call that is not answered; otherwise it comes too late.
    fn act(&mut self, now: Instant, act: Act) {
        let Call::Offered { dialog, .. } = self.call else {
            return;
        };
        match act {
            Act::Ring => {
                let (status, sdp) = (180, None);
                let progress = sip::Input::Progress {
                    dialog,
                    status,
                    sdp,
                };
                self.sip.handle_input(now, progress);
            }
            Act::EarlyMedia => self.early_media(now, dialog),
            Act::Answer => self.answer(now, dialog),
            Act::Refuse(status) => self.end(now, dialog, status),
        }
    }

    fn early_media(&mut self, now: Instant, dialog: DialogId) {
        let Some((sdp, agreed)) = self.described(now, dialog) else {
            return;
        };
        let progress = sip::Input::Progress {
            dialog,
            status: 183,
            sdp: Some(sdp),
        };
        self.sip.handle_input(now, progress);
        self.tell(Event::EarlyMedia { agreed });
    }

    fn answer(&mut self, now: Instant, dialog: DialogId) {
        let (local, agreed) = match &self.call {
            Call::Offered { offer: None, .. } => (self.offer(), None),
            _ => match self.described(now, dialog) {
                Some((sdp, agreed)) => (sdp, Some(agreed)),
                None => return,
            },
        };
        self.plan.clear();
        self.sip.handle_input(
            now,
            sip::Input::Accept {
                dialog,
                sdp: local.clone(),
            },
        );
        if let Some(agreed) = agreed.clone() {
            self.tell(Event::Answered { agreed });
        }
        self.call = Call::Talking {
            dialog,
            local,
            version: 1,
            agreed,
            hold: Hold::default(),
        };
    }

    /// Our answer to the offer of an inbound call, the same each time. An offer that cannot be
    /// answered ends the call; one that is missing has no answer yet.
    fn described(&mut self, now: Instant, dialog: DialogId) -> Option<(Bytes, Box<Negotiated>)> {
        let version = self.version(1);
        let side = side(&self.config, &self.secret);
        let Call::Offered { offer, answer, .. } = &mut self.call else {
            return None;
        };
        if let Some(answer) = answer {
            return Some(answer.clone());
        }
        let offered = offer.as_ref()?;
        let (both, rtp) = (Direction::SendRecv, self.config.rtp);
        match sdp::answer_within(offered, rtp, &side, both, version) {
            Ok((ours, agreed)) => {
                let made = (Bytes::from(ours), Box::new(agreed));
                *answer = Some(made.clone());
                Some(made)
            }
            Err(error) => {
                self.end(now, dialog, error.status());
                None
            }
        }
    }

    fn hang_up(&mut self, now: Instant) {
        match self.call {
            Call::Idle => {}
            Call::Dialling { dialog, .. } => self.end(now, dialog, 487),
            Call::Offered { dialog, .. } => self.end(now, dialog, 480),
            Call::Talking { dialog, .. } => self.end(now, dialog, 200),
        }
    }

    fn transfer(&mut self, now: Instant, to: Uri) {
        let Ok(by) = Uri::sip(&self.config.user, &self.config.domain) else {
            return;
        };
        if let Call::Talking { dialog, .. } = self.call {
            let replaces = None;
            let refer = sip::Input::Refer {
                dialog,
                to,
                by,
                replaces,
            };
            self.sip.handle_input(now, refer);
        }
    }

    /// Ends the call from our side.
    fn end(&mut self, now: Instant, dialog: DialogId, status: u16) {
        self.sip
            .handle_input(now, sip::Input::Release { dialog, status });
        self.over(status, EndedBy::Us);
    }

    fn over(&mut self, status: u16, by: EndedBy) {
        self.call = Call::Idle;
        self.plan.clear();
        self.tell(Event::Ended { status, by });
    }

    fn is_current(&self, other: DialogId) -> bool {
        match self.call {
            Call::Idle => false,
            Call::Dialling { dialog, .. }
            | Call::Offered { dialog, .. }
            | Call::Talking { dialog, .. } => dialog == other,
        }
    }

    fn offer(&self) -> Bytes {
        let side = side(&self.config, &self.secret);
        sdp::offer_with(self.config.rtp, &side, self.version(1)).into()
    }

    /// One id per phone is enough: it has one call at a time (RFC 8866 §5.2).
    fn version(&self, version: u64) -> SessionVersion {
        let id = u64::from(self.config.rtp.port());
        SessionVersion { id, version }
    }

    fn flow_to(&self, remote: SocketAddr) -> Flow {
        Flow {
            transport: self.config.transport,
            local: self.config.sip,
            remote,
            name: None,
        }
    }

    fn tell(&mut self, event: Event) {
        self.out.push_back(Output::Event(event));
    }
}

/// What its offers and answers are made of.
fn side<'a>(config: &'a PhoneConfig, secret: &'a Secret) -> sdp::Side<'a> {
    let srtp = match config.srtp {
        model::Srtp::Off => sdp::Srtp::Off,
        model::Srtp::Offer => sdp::Srtp::May(secret),
        model::Srtp::Require => sdp::Srtp::Must(secret),
    };
    sdp::Side {
        events: config.events,
        noise: config.noise,
        ptime_ms: config.ptime_ms,
        ..sdp::Side::new(&config.codecs, srtp)
    }
}
