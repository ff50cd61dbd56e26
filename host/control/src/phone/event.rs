//! What goes into a [`Phone`](super::Phone) and what comes out of it.

use std::{net::SocketAddr, sync::Arc};

use bytes::Bytes;
use media::sdp::{Codec, Negotiated, PTIME_MS};
use model::Srtp;
use sip::{Transport, Uri, digest::Login};

use super::Behaviour;

/// What a phone is told once.
#[derive(Clone, Debug)]
pub struct PhoneConfig {
    /// Its user: the telephone number that it shows when it calls.
    pub user: String,
    /// The domain of its own address: it is `sip:user@domain`.
    pub domain: String,
    /// Where it takes SIP.
    pub sip: SocketAddr,
    /// How; UDP if nothing is said.
    pub transport: Transport,
    /// Where it takes RTP: the address in its session descriptions.
    pub rtp: SocketAddr,
    /// Its codecs, best first.
    pub codecs: Vec<Codec>,
    /// Whether it knows telephone events.
    pub events: bool,
    /// Whether it knows comfort noise: it sends it instead of silence.
    pub noise: bool,
    /// The milliseconds of a packet that it asks for.
    pub ptime_ms: u16,
    /// What it does with inbound calls.
    pub behaviour: Behaviour,
    /// Whether its audio is encrypted.
    pub srtp: Srtp,
    /// Who it is when it is challenged.
    pub login: Option<Arc<Login>>,
    /// Seeds tags, branches, Call-IDs and keys.
    pub seed: [u8; 32],
}

impl PhoneConfig {
    /// A phone with all codecs of ours that rings until somebody says [`Input::Answer`].
    pub fn new(user: &str, domain: &str, sip: SocketAddr, rtp: SocketAddr, seed: [u8; 32]) -> Self {
        Self {
            user: user.to_owned(),
            domain: domain.to_owned(),
            sip,
            transport: Transport::Udp,
            rtp,
            codecs: Codec::ALL.to_vec(),
            events: true,
            noise: false,
            ptime_ms: PTIME_MS,
            behaviour: Behaviour::default(),
            srtp: Srtp::Off,
            login: None,
            seed,
        }
    }
}

/// One thing that happens to a phone: from the network, or by its user's hand.
#[derive(Clone, Debug)]
pub enum Input {
    /// A SIP datagram.
    Packet {
        /// Where it came from.
        from: SocketAddr,
        /// Its bytes.
        bytes: Bytes,
    },
    /// The connection with this peer ended, or could not be made.
    Disconnected {
        /// The peer.
        from: SocketAddr,
    },
    /// Call somebody. Ignored while there is a call.
    Dial {
        /// Whom: the Request-URI and the To header.
        to: Uri,
        /// Where the INVITE is sent.
        next_hop: SocketAddr,
    },
    /// Register, and again when half of what was granted is over; with 0 seconds end it.
    Register {
        /// Where.
        registrar: SocketAddr,
        /// For how long, in seconds, as it is asked for.
        seconds: u32,
    },
    /// Ring: send 180. Inbound, unanswered.
    Ring,
    /// Answer. Inbound, unanswered.
    Answer,
    /// Refuse with this status (400 to 699). Inbound, unanswered.
    Refuse(u16),
    /// End the call in whatever state it is: CANCEL, 480 or BYE.
    HangUp,
    /// Put the other side on hold, or take it back. Answered, and no other change under way; the answer
    /// is `Changed`, and nothing if it is refused.
    Hold(bool),
    /// Ask that the other side be led to somebody else (REFER). Answered; the answer is `Transferred`.
    Transfer(Uri),
    /// Change what the phone does with inbound calls from the next one on.
    Behave(Behaviour),
}

/// What a phone wants done; drain until `None` after every `handle_*`.
#[derive(Clone, Debug)]
pub enum Output {
    /// Send this datagram from the phone's SIP address.
    Transmit {
        /// Where to.
        to: SocketAddr,
        /// Its bytes.
        bytes: Bytes,
    },
    /// Tell the user.
    Event(Event),
}

/// What the user of a phone is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Somebody calls.
    Incoming {
        /// Who.
        from: Box<Uri>,
        /// Whom: the Request-URI.
        to: Box<Uri>,
    },
    /// It has registered, or renewed it; for 0 seconds: it is registered no more.
    Registered {
        /// For how long, in seconds.
        seconds: u32,
    },
    /// It could not register, and tries again if that may help.
    NotRegistered {
        /// Why: 408 if nobody answered.
        status: u16,
    },
    /// The other side rings: 180, or a 183 without audio.
    Ringing,
    /// Audio flows before the answer; `agreed` is for the handset.
    EarlyMedia {
        /// What was agreed.
        agreed: Box<Negotiated>,
    },
    /// The call is answered; `agreed` is for the handset.
    Answered {
        /// What was agreed.
        agreed: Box<Negotiated>,
    },
    /// The other side changed the audio (hold, resume, another address).
    Changed {
        /// What was agreed.
        agreed: Box<Negotiated>,
    },
    /// The other side says by INFO that a key was pressed.
    Keyed {
        /// `0` to `9`, `*`, `#`, `A` to `D`.
        key: char,
    },
    /// What became of a transfer; the call goes on until the other side ends it.
    Transferred {
        /// The final status.
        status: u16,
    },
    /// The call is over.
    Ended {
        /// The final status; 200 for the normal end of an answered call.
        status: u16,
        /// Who ended it.
        by: EndedBy,
    },
}

/// Who ended a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndedBy {
    /// The user of this phone, or the phone itself.
    Us,
    /// The other side.
    Peer,
}
