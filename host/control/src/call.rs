//! The data of one call resource: one party's dialog and its media.
//!
//! ```text
//!  inbound   Offered ──answer──▶ Accepting ──port, SDP──▶ Accepting{durable} ──▶ Answered
//!  outbound  Opening ──port──▶ Dialling ──18x──▶ Ringing ──2xx──▶ Confirming ──durable──▶ Answered
//!                                                   └──pick-up──────▲
//!  either    any state ──release, refusal, hang-up, limit──▶ Released
//! ```
//!
//! Knows no protocol: `shard` moves it through its states.

use std::{collections::VecDeque, net::IpAddr, net::SocketAddr, sync::Arc, time::Instant};

use bytes::Bytes;
use media::{
    PortId, Stats,
    sdp::{self, Codec, Negotiated},
    srtp::Secret,
};
use model::{
    Address, CallDirection, CallId, Cause, ConfMode, EndReason, LiveCall, ReleasedBy, SessionId,
    Srtp, Voice,
    command::Construct,
    turn::{Asked, CallView, Phase},
};
use sip::DialogId;

use crate::{
    Ticket,
    conferences::Seat,
    meter::Lease,
    shard::{Collecting, Hold, Infos, Legs, Playing, Recorder, Unsure},
};

/// Where a call stands.
#[derive(Debug)]
pub(crate) enum State {
    /// Inbound, not answered by the policy.
    Offered {
        /// 180 was sent.
        rung: bool,
    },
    /// Inbound, answered by the policy; the 200 waits for the port and then for the CDR.
    Accepting {
        /// The CDR with the answer time, once it is on its way.
        durable: Option<Ticket>,
    },
    /// Outbound; the INVITE waits for the port.
    Opening(Box<Construct>),
    /// Outbound; an INVITE is out, no 18x yet.
    Dialling(Box<Legs>),
    /// Outbound; the callee rings.
    Ringing(Box<Legs>),
    /// Outbound; the 2xx came, the CDR with its time is on its way.
    Confirming {
        /// Its ticket.
        durable: Ticket,
        /// Instead of a 2xx somebody else's INVITE came, whose 200 waits.
        picked_up: bool,
    },
    /// Answered, the CDR durable.
    Answered,
    /// Over.
    Released(End),
}

impl State {
    /// Whether a 200 of ours waits for the record.
    pub(crate) fn owes_200(&self) -> bool {
        match self {
            Self::Accepting { .. } => true,
            Self::Confirming { picked_up, .. } => *picked_up,
            _ => false,
        }
    }
}

/// How a call ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct End {
    pub(crate) at: u64,
    pub(crate) by: ReleasedBy,
    pub(crate) cause: Cause,
    pub(crate) reason: EndReason,
    /// The cause of the public network that its Reason header gave.
    pub(crate) q850: Option<u8>,
}

/// The media port of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Port {
    /// Not asked for.
    None,
    /// Asked for.
    Opening(PortId),
    /// Bound.
    Open(PortId, SocketAddr),
    /// Asked to close; its counters are on their way.
    Closing(PortId),
    /// Gone.
    Closed,
}

/// The media side of a call.
#[derive(Debug)]
pub(crate) struct Media {
    pub(crate) port: Port,
    /// The party's offer, if it made one; ours is in `local` otherwise.
    pub(crate) offer: Option<Bytes>,
    /// The description that we sent last, and its version.
    pub(crate) local: Option<Bytes>,
    pub(crate) version: u64,
    /// `local` is an offer that the ACK has to answer.
    pub(crate) offering: bool,
    /// What its audio is to be like.
    pub(crate) terms: Terms,
    /// What both sides agreed on.
    pub(crate) agreed: Option<Negotiated>,
    /// The offer of the bridge peer that this party is being asked about.
    pub(crate) passing: Option<Passing>,
    /// The port is joined with that of the bridge peer.
    pub(crate) relayed: bool,
    /// How often the party was asked to take part in its present bridge, and was busy with an offer of
    /// its own.
    pub(crate) crossed: u8,
    /// Keys are looked for in its audio.
    pub(crate) listens: bool,
    /// Digits that wait until the party can hear them.
    pub(crate) to_send: String,
    /// Those that go by INFO.
    pub(crate) infos: Option<Infos>,
    /// Digits that came by INFO, and that the bridge may carry besides.
    pub(crate) unsure: VecDeque<Unsure>,
    /// Whether the policy holds the party.
    pub(crate) hold: Hold,
    pub(crate) recorder: Option<Recorder>,
    pub(crate) stats: Stats,
}

/// How the audio of a leg is to be: as its peer is set, and with keys of its own if it may be protected.
#[derive(Clone, Debug, Default)]
pub(crate) struct Terms {
    pub(crate) voice: Voice,
    pub(crate) secret: Option<Box<Secret>>,
}

impl Terms {
    /// For offers and answers of ours, in these codecs.
    pub(crate) fn side<'a>(&'a self, codecs: &'a [Codec]) -> sdp::Side<'a> {
        let srtp = match (self.voice.srtp, &self.secret) {
            (Srtp::Offer, Some(secret)) => sdp::Srtp::May(secret),
            (Srtp::Require, Some(secret)) => sdp::Srtp::Must(secret),
            _ => sdp::Srtp::Off,
        };
        // Who offers to suppress silence may.
        sdp::Side {
            noise: true,
            ..sdp::Side::new(codecs, srtp)
        }
    }
}

/// An offer that was passed on to the other side of a bridge: hold, resume. Kept by the side that was
/// asked.
#[derive(Debug)]
pub(crate) struct Passing {
    /// Our offer to it.
    pub(crate) ours: Bytes,
    /// What stands if it is to be taken back.
    pub(crate) before: Bytes,
    pub(crate) asker: Asker,
}

/// Who waits for the answer of a party that was asked.
#[derive(Debug)]
pub(crate) enum Asker {
    /// The other side of its bridge.
    Party(Holder),
    /// Nobody any more.
    Nobody,
    /// We do: it was bridged anew.
    Platform,
    /// Its policy, which holds it or takes it back.
    Policy,
}

/// Whoever made an offer that was passed on.
#[derive(Debug)]
pub(crate) struct Holder {
    pub(crate) call: CallId,
    pub(crate) offer: Bytes,
}

/// One call.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) id: CallId,
    pub(crate) session: SessionId,
    pub(crate) direction: CallDirection,
    pub(crate) state: State,
    pub(crate) from: Address,
    pub(crate) to: Address,
    pub(crate) number: String,
    pub(crate) user_data: String,
    pub(crate) headers: Arc<[(String, String)]>,
    /// The dialog that counts: outbound, that of the leg which answered.
    pub(crate) dialog: Option<DialogId>,
    /// How many dialogs it has in all: those of legs that lost linger.
    pub(crate) dialogs: usize,
    pub(crate) sip_call_id: String,
    /// Where its signalling comes from.
    pub(crate) signalling: IpAddr,
    /// Where else it was tried.
    pub(crate) elsewhere: Vec<IpAddr>,
    pub(crate) media: Media,
    pub(crate) bridged: Option<CallId>,
    pub(crate) conference: Option<Conferring>,
    /// Its place on a trunk with a cap, until it ends.
    pub(crate) lease: Option<Lease>,
    pub(crate) begin: u64,
    pub(crate) answer: Option<u64>,
    /// Seconds that it may ring and stay answered; 0: the limit.
    pub(crate) max_ring: u32,
    pub(crate) max_answer: u32,
    pub(crate) progress: Told,
    /// How many plays, recordings and collections of digits it has had.
    pub(crate) operations: u32,
    /// What the party hears, by its policy's wish.
    pub(crate) playing: Option<Box<Playing>>,
    /// Where its digits go, while they do not go to the policy one by one.
    pub(crate) collecting: Option<Box<Collecting>>,
    /// Which way its last digit came, and when.
    pub(crate) keyed: Option<(Way, Instant)>,
    /// The party's wish to transfer, while its policy thinks about it.
    pub(crate) asked: Option<Asked>,
    /// Whose wish to transfer this call fulfils, until that party was told the end of it.
    pub(crate) fulfils: Option<CallId>,
    /// The Call-IDs of dialogs that took its place.
    pub(crate) later_ids: Vec<String>,
    pub(crate) record: Record,
    /// The monotonic time of `begin`: later times are counted from it, so that a wall clock which is set
    /// back cannot end a call before its answer.
    pub(crate) began: Instant,
}

/// A call's part in a conference, until it leaves it or ends.
#[derive(Debug)]
pub(crate) struct Conferring {
    pub(crate) seat: Seat,
    pub(crate) mode: ConfMode,
    /// Its port is in it.
    pub(crate) mixed: bool,
}

/// Where the final row of a call stands. The call is kept until it is durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Record {
    /// The call lives, or its counters are not there yet.
    Open,
    /// On its way, for so many times.
    Final(Ticket, u32),
    /// Safe.
    Durable,
}

/// Which way a digit comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// As RTP (RFC 4733).
    Media,
    /// As tones in the audio.
    Tones,
    /// By INFO.
    Signalling,
}

/// What the policy was told of a call.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Told {
    pub(crate) ringing: bool,
    pub(crate) early_media: bool,
    pub(crate) dial_completed: bool,
    pub(crate) released: bool,
}

impl Call {
    pub(crate) fn is_released(&self) -> bool {
        matches!(self.state, State::Released(_))
    }

    /// Nothing of it can happen any more: told, recorded, its dialog and port gone.
    pub(crate) fn is_done(&self) -> bool {
        self.progress.released && self.record == Record::Durable && self.dialogs == 0
    }

    /// The wall-clock time of a moment of this call, Unix milliseconds.
    pub(crate) fn unix_ms(&self, at: Instant) -> u64 {
        self.begin + at.saturating_duration_since(self.began).as_millis() as u64
    }

    pub(crate) fn phase(&self) -> Phase {
        match self.state {
            State::Offered { rung: false } => Phase::Offered,
            State::Opening(_) | State::Dialling(_) => Phase::Dialling,
            State::Offered { rung: true } | State::Ringing(_) => Phase::Ringing,
            State::Accepting { .. } | State::Confirming { .. } | State::Answered => Phase::Answered,
            State::Released(_) => Phase::Released,
        }
    }

    /// Whether its signalling may come from there.
    pub(crate) fn is_from(&self, ip: IpAddr) -> bool {
        self.signalling == ip || self.elsewhere.contains(&ip)
    }

    /// Where it is being tried, while it is.
    pub(crate) fn legs(&mut self) -> Option<&mut Legs> {
        match &mut self.state {
            State::Dialling(legs) | State::Ringing(legs) => Some(legs),
            _ => None,
        }
    }

    pub(crate) fn port(&self) -> Option<(PortId, SocketAddr)> {
        match self.media.port {
            Port::Open(port, addr) => Some((port, addr)),
            _ => None,
        }
    }

    /// The number of the party on this call.
    pub(crate) fn party(&self) -> &str {
        match self.direction {
            CallDirection::Inbound => self.from.user(),
            CallDirection::Outbound => self.to.user(),
        }
    }

    pub(crate) fn view(&self) -> CallView {
        CallView {
            id: self.id,
            direction: self.direction,
            phase: self.phase(),
            from: self.from.clone(),
            to: self.to.clone(),
            user_data: self.user_data.clone(),
            headers: self.headers.clone(),
            bridged: self.bridged,
            conference: self.conference.as_ref().map(|it| it.seat.id()),
            operations: self.operations,
        }
    }

    pub(crate) fn live(&self) -> LiveCall {
        LiveCall {
            call: self.id,
            session: self.session,
            direction: self.direction,
            phase: self.phase(),
            from: self.from.clone(),
            to: self.to.clone(),
            begin: self.begin,
            answer: self.answer,
            user_data: self.user_data.clone(),
        }
    }
}

impl Media {
    pub(crate) fn new(offer: Option<Bytes>) -> Self {
        Self {
            port: Port::None,
            offer,
            local: None,
            version: 0,
            offering: false,
            terms: Terms::default(),
            listens: false,
            agreed: None,
            passing: None,
            relayed: false,
            crossed: 0,
            to_send: String::new(),
            infos: None,
            unsure: VecDeque::new(),
            hold: Hold::default(),
            recorder: None,
            stats: Stats::default(),
        }
    }
}
