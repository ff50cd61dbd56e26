//! What goes into an [`Endpoint`](crate::Endpoint) and what comes out of it.
//!
//! Owns the vocabulary between the endpoint and whoever drives it; knows neither transactions nor
//! the wire. Every value is owned, so that a trace can keep it and a simulation can replay it.

use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::sync::Arc;

use bytes::Bytes;

use crate::digest::Login;
use crate::endpoint::Unproven;
use crate::wire::{Method, Response};
use crate::{Replaces, Uri};

/// How a message travels. RFC 3261 §18, RFC 7118.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transport {
    /// Datagrams; the transaction layer retransmits.
    Udp,
    /// A connection; nothing is retransmitted but the 2xx to an INVITE, which is its user's
    /// (RFC 3261 §13.3.1.4).
    Tcp,
    /// The same, encrypted.
    Tls,
    /// A connection that the peer made as a WebSocket: nobody can be reached so who is not there.
    Ws,
    /// The same, encrypted.
    Wss,
}

impl Transport {
    /// As Via says it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
            Self::Tls => "TLS",
            Self::Ws => "WS",
            Self::Wss => "WSS",
        }
    }

    /// As the `transport` parameter of a URI says it. RFC 7118 §5.2 has one word for both kinds of
    /// WebSocket.
    pub fn param(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::Ws | Self::Wss => "ws",
        }
    }

    /// The port where none is given. RFC 3261 §19.1.2, RFC 7118 §5.2.
    pub fn port(self) -> u16 {
        match self {
            Self::Udp | Self::Tcp => 5060,
            Self::Tls => 5061,
            Self::Ws => 80,
            Self::Wss => 443,
        }
    }

    /// Whether what is sent arrives, or the sender is told ([`Input::Disconnected`]).
    pub fn is_reliable(self) -> bool {
        self != Self::Udp
    }

    /// Whether nobody on the way can read it.
    pub fn is_secure(self) -> bool {
        matches!(self, Self::Tls | Self::Wss)
    }

    /// Whether only the peer can make the connection.
    pub fn is_inbound_only(self) -> bool {
        matches!(self, Self::Ws | Self::Wss)
    }
}

/// The path of a message: one of our sockets and the peer's address. RFC 5626 §3. On a stream it names
/// the connection: whoever carries it out makes one if there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Flow {
    /// How it travels.
    pub transport: Transport,
    /// The address of our listener.
    pub local: SocketAddr,
    /// The address of the peer.
    pub remote: SocketAddr,
    /// The name that the peer's certificate must have, if we make the connection and were given one.
    pub name: Option<PeerName>,
}

/// The number of a name that a peer must prove to have (RFC 5922), as whoever makes connections has given
/// it: a flow is copied often, and is told from another by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerName(pub NonZeroU32);

/// The handle of one INVITE usage: its transaction and whatever dialogs it makes. Unique in one
/// endpoint, never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DialogId(pub u64);

/// The handle of one request of a peer that belongs to no call and whose answer is the owner's. Unique
/// in one endpoint, never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u64);

/// Who a peer has proven to be, by digest authentication.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The realm for which it has a password.
    pub realm: String,
    /// Its user there.
    pub user: String,
}

/// What a source has shown itself to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conduct {
    /// Its request names a program that looks for victims. It was not answered.
    Scanner,
    /// It sent something that is no message.
    Broken,
    /// It began something and was refused or challenged.
    Refused,
    /// It has authenticated, or answered a request of ours that nobody else has seen.
    Proven,
}

/// One thing that happens to the endpoint: from the network, or asked for by its owner.
#[derive(Clone, Debug)]
pub enum Input {
    /// A datagram arrived, or a message on a stream.
    Packet {
        /// Where it came from and which socket took it.
        flow: Flow,
        /// Its bytes.
        bytes: Bytes,
    },
    /// A datagram arrived from a source that the owner does not know. As `Packet`, but a request that
    /// would begin something (an INVITE without To tag, any other request outside a dialog) gets one
    /// 403 without state, or silence where that would be larger than the request, and no event.
    Stranger {
        /// Where it came from and which socket took it.
        flow: Flow,
        /// Its bytes.
        bytes: Bytes,
    },
    /// The sender of this request must prove who it is: 401 without state with these values of
    /// WWW-Authenticate, best first. To a stranger's datagram the answer may not be larger than the
    /// request: then the last one alone, and if that is too large too, silence.
    Challenge {
        /// From [`Event::Unproven`].
        asked: Box<Unproven>,
        /// The values.
        challenges: [String; 2],
    },
    /// This request is refused without state; to a stranger's datagram in silence if the answer would
    /// be larger.
    Refuse {
        /// From [`Event::Unproven`].
        asked: Box<Unproven>,
        /// 400 to 699.
        status: u16,
    },
    /// This INVITE or OPTIONS goes on as one of a source that is known.
    Admit {
        /// From [`Event::Unproven`].
        asked: Box<Unproven>,
        /// Who its sender is: for [`Incoming::proven`].
        proven: Option<Identity>,
    },
    /// This request, no INVITE, is the owner's to answer, by `Answer`: until then its copies are
    /// absorbed. Its sender has proven who it is.
    Begin {
        /// From [`Event::Unproven`].
        asked: Box<Unproven>,
        /// A handle from [`Endpoint::new_request`](crate::Endpoint::new_request).
        request: RequestId,
    },
    /// The final answer to a request of `Begin`.
    Answer {
        /// Which request.
        request: RequestId,
        /// 200 to 699.
        status: u16,
        /// Headers beside those that every answer has.
        headers: Vec<(&'static str, String)>,
    },
    /// A connection ended, or none could be made: what was sent on it may not have arrived. An INVITE
    /// of ours to which nothing has come fails with 503 (RFC 3261 §8.1.3.1, §17.1.4); calls go on, and
    /// what is sent for them next takes a new connection.
    Disconnected {
        /// Which.
        flow: Flow,
    },
    /// Ask a peer something that belongs to no call. The answer is `Told`.
    Ask(Box<Ask>),
    /// Call somebody. The answers are `Provisional`, then `Accepted` or `Failed`.
    Invite(Box<Invite>),
    /// Inbound, unanswered: send 101–199, with SDP as early media.
    Progress {
        /// Which call.
        dialog: DialogId,
        /// 101 to 199.
        status: u16,
        /// The SDP answer, for early media.
        sdp: Option<Bytes>,
    },
    /// Inbound, unanswered: send the 200, retransmitted until its ACK (RFC 3261 §13.3.1.4).
    Accept {
        /// Which call.
        dialog: DialogId,
        /// The SDP answer; an offer if the INVITE had none.
        sdp: Bytes,
    },
    /// Inbound, unanswered: send 302 with this Contact.
    Redirect {
        /// Which call.
        dialog: DialogId,
        /// Where to.
        contact: Uri,
    },
    /// End the call in whatever state it is: inbound and unanswered, `status` is its final answer;
    /// outbound and unanswered, CANCEL, held until the first 1xx (RFC 3261 §9.1), and a 2xx that
    /// crosses it is ACKed and ended with BYE; answered, BYE (inbound: not before the ACK or the end
    /// of its wait). CANCEL and BYE carry `Reason: SIP;cause=status`; with 200 a BYE carries none, and a
    /// CANCEL says that the call was completed elsewhere.
    Release {
        /// Which call.
        dialog: DialogId,
        /// 200, or 400 to 699.
        status: u16,
    },
    /// The cause of the public network (Q.850) with which the other side of this call has ended: whatever
    /// ends this one says it too, in a Reason header (RFC 3326, RFC 6432).
    Because {
        /// Which call.
        dialog: DialogId,
        /// 1 to 127.
        q850: u8,
    },
    /// What was wrong with a description of the peer: the refusal that follows says it in a Warning header
    /// (RFC 3261 §20.43).
    Warn {
        /// Which call.
        dialog: DialogId,
        /// 300 to 399 (RFC 3261 §27.2).
        code: u16,
        /// In words.
        text: String,
    },
    /// Inbound: who we are, if the peer challenges what we ask it within the call (RFC 3261 §22.2, §22.3).
    Login {
        /// Which call.
        dialog: DialogId,
        /// As at the peer's.
        login: Arc<Login>,
    },
    /// The answer to `Reoffer`: an SDP answer (or an offer, if the re-INVITE had none), or a refusal.
    Reanswer {
        /// Which call.
        dialog: DialogId,
        /// The SDP of the 200, or the status that refuses (488).
        answer: Result<Bytes, u16>,
    },
    /// Answered: make a new offer to the peer, by re-INVITE (RFC 3261 §14.1). The answer is
    /// `Reanswered`; while another exchange is under way it is 491 at once.
    Reoffer {
        /// Which call.
        dialog: DialogId,
        /// The offer.
        sdp: Bytes,
    },
    /// Answered: ask the peer to call somebody else (RFC 3515), and to take the place of a dialog there
    /// (RFC 3891). `Transferred` tells how it went.
    Refer {
        /// Which call.
        dialog: DialogId,
        /// Whom it shall call.
        to: Uri,
        /// On whose behalf.
        by: Uri,
        /// Which dialog of `to`.
        replaces: Option<Replaces>,
    },
    /// Answered: tell the peer by INFO that a key is pressed (`application/dtmf-relay`). `Informed` tells
    /// its answer; there is one at a time.
    Info {
        /// Which call.
        dialog: DialogId,
        /// `0` to `9`, `*`, `#`, `A` to `D`.
        key: char,
    },
    /// The answer to `Referred`: 202, or a refusal.
    Referral {
        /// Which call.
        dialog: DialogId,
        /// Or the status that refuses, 300 to 699.
        answer: Result<(), u16>,
    },
    /// How the transfer goes that was accepted: the peer is told, also if its call is over. A final
    /// status is the last one.
    Notify {
        /// Which call.
        dialog: DialogId,
        /// 100 to 699.
        status: u16,
    },
    /// From now on new INVITEs and OPTIONS are answered with 503.
    Drain,
}

/// A request of ours outside any call.
#[derive(Clone, Debug)]
pub struct Ask {
    /// A handle from [`Endpoint::new_request`](crate::Endpoint::new_request).
    pub request: RequestId,
    /// Through which of our sockets, and to which address.
    pub flow: Flow,
    /// OPTIONS or REGISTER.
    pub method: Method,
    /// The Request-URI.
    pub uri: Uri,
    /// The From URI.
    pub from: Uri,
    /// The To URI.
    pub to: Uri,
    /// The user part of our Contact, for a REGISTER.
    pub contact: Option<String>,
    /// The Call-ID, minted by the owner; registrations of one contact keep it (RFC 3261 §10.2).
    pub call_id: String,
    /// The CSeq of the first copy; each time that it is challenged it grows by one.
    pub cseq: u32,
    /// Further headers; CR and LF in them are refused.
    pub headers: Vec<(String, String)>,
    /// Who we are, if we are challenged.
    pub login: Option<Arc<Login>>,
}

/// An outbound INVITE.
#[derive(Clone, Debug)]
pub struct Invite {
    /// A handle from [`Endpoint::new_dialog`](crate::Endpoint::new_dialog).
    pub dialog: DialogId,
    /// Through which of our sockets, and to which address.
    pub flow: Flow,
    /// The Request-URI.
    pub request_uri: Uri,
    /// The route set that the INVITE begins with (RFC 3261 §8.1.2), topmost first; its first is where
    /// `flow` leads, so that nothing is resolved.
    pub routes: Vec<Uri>,
    /// The From URI: who the callee sees.
    pub from: Uri,
    /// The To URI.
    pub to: Uri,
    /// The Call-ID, minted by the owner.
    pub call_id: String,
    /// Max-Forwards, written as given; 70 for a call that begins here (RFC 3261 §8.1.1.6).
    pub max_forwards: u8,
    /// Further headers, already allowed by the owner; CR and LF in them are refused.
    pub headers: Vec<(String, String)>,
    /// The SDP offer.
    pub sdp: Bytes,
    /// Who we are, if we are challenged: a challenge is answered once (RFC 3261 §22.2, §22.3).
    pub login: Option<Arc<Login>>,
}

/// What comes out; drain until `None` after every `handle_*`.
#[derive(Clone, Debug)]
pub enum Output {
    /// Send these bytes.
    Transmit {
        /// Where to.
        flow: Flow,
        /// The datagram.
        bytes: Bytes,
    },
    /// Something happened to a call.
    Event(Event),
}

/// What happened to a call. After the terminal event of a dialog (`Failed`, `Cancelled`, `HungUp`,
/// `Lost`, or the owner's own `Release`) only `Gone` follows.
#[derive(Clone, Debug)]
pub enum Event {
    /// A request that begins something has come, and its sender must prove who it is, or has brought
    /// a proof: any REGISTER, and an INVITE or OPTIONS of a stranger or with credentials. Nothing of it
    /// is kept. What becomes of it is said by `Challenge`, `Refuse`, `Admit` or `Begin`; if nothing is
    /// said it has never been.
    Unproven(Box<Unproven>),
    /// For whoever decides which sources are heard at all: of known ones nothing but proofs is said.
    Conduct {
        /// Who.
        source: IpAddr,
        /// What it has shown itself to be.
        conduct: Conduct,
    },
    /// A new inbound call; 100 was sent.
    Incoming(Box<Incoming>),
    /// Outbound: a provisional answer other than 100.
    Provisional {
        /// Which call.
        dialog: DialogId,
        /// 101 to 199.
        status: u16,
        /// Its SDP, if it has one: early media.
        sdp: Option<Bytes>,
    },
    /// Outbound: a 2xx came; its ACK was sent, and will be again for each retransmission.
    Accepted {
        /// Which call.
        dialog: DialogId,
        /// The SDP answer; `None` if the 2xx had none.
        sdp: Option<Bytes>,
    },
    /// Outbound: the call was refused or never got through.
    Failed {
        /// Which call.
        dialog: DialogId,
        /// Whose failure it is.
        by: FailedBy,
        /// 300 to 699; 408 for Timer B, 503 for a connection that was lost.
        status: u16,
        /// The reason phrase, or the text of a Reason header.
        reason: Option<String>,
        /// The Q.850 cause of a Reason header (RFC 3326).
        q850: Option<u8>,
        /// The first Contact of a 3xx.
        contact: Option<Uri>,
        /// For how many seconds the peer wants to be left alone (Retry-After).
        retry_after: Option<u32>,
    },
    /// Inbound: the ACK of our 200 came, or, before it, the PRACK of a 1xx that held an offer. Either way: the ACK of a `Reanswer` that held an offer, if it
    /// brings the answer.
    Confirmed {
        /// Which call.
        dialog: DialogId,
        /// Its SDP: the answer, if the INVITE had no offer.
        sdp: Option<Bytes>,
    },
    /// Inbound, unanswered: CANCEL, or a BYE before the answer (RFC 3261 §15.1.2), or its Expires is
    /// over (§13.3.1). 487 was sent.
    Cancelled {
        /// Which call.
        dialog: DialogId,
        /// The Q.850 cause of its Reason header.
        q850: Option<u8>,
        /// The text of its Reason header.
        reason: Option<String>,
    },
    /// The peer sent BYE; it was answered.
    HungUp {
        /// Which call.
        dialog: DialogId,
        /// The Q.850 cause of its Reason header.
        q850: Option<u8>,
        /// The text of its Reason header.
        reason: Option<String>,
    },
    /// The peer is gone: no ACK and no answer to a re-INVITE or UPDATE within 64·T1, no refresh
    /// before the session expired, or the dialog is unknown to it (BYE was sent).
    Lost {
        /// Which call.
        dialog: DialogId,
        /// The status that says why: 408 or 481.
        status: u16,
    },
    /// A re-INVITE, or an UPDATE with an offer, came; it waits for `Reanswer`.
    Reoffer {
        /// Which call.
        dialog: DialogId,
        /// The offer; `None` if it had none.
        sdp: Option<Bytes>,
    },
    /// The peer has taken back its re-INVITE by CANCEL; it waits no more.
    Withdrawn {
        /// Which call.
        dialog: DialogId,
    },
    /// The answer to `Input::Reoffer`. If that was refused, what was agreed before stands.
    Reanswered {
        /// Which call.
        dialog: DialogId,
        /// The SDP of the 2xx, or the status that refuses.
        answer: Result<Bytes, u16>,
    },
    /// A refresh of ours repeated our description, and this is what the peer answered.
    Refreshed {
        /// Which call.
        dialog: DialogId,
        /// The SDP of the 2xx.
        sdp: Bytes,
    },
    /// How an INFO of ours was answered; 408: by nobody.
    Informed {
        /// Which call.
        dialog: DialogId,
        /// 200 to 699.
        status: u16,
    },
    /// The peer has pressed a key, and says so by INFO. It was answered.
    Digit {
        /// Which call.
        dialog: DialogId,
        /// `0` to `9`, `*`, `#`, `A` to `D`.
        digit: char,
    },
    /// The peer wants the other side of its conversation to call somebody else (RFC 3515); it waits for
    /// `Referral`, at most as long as a request may wait.
    Referred {
        /// Which call.
        dialog: DialogId,
        /// Whom.
        to: Uri,
        /// In place of which dialog.
        replaces: Option<Replaces>,
    },
    /// How `Refer` went: what the peer said at last, its refusal, or 408 if it said nothing.
    Transferred {
        /// Which call.
        dialog: DialogId,
        /// 200 to 699.
        status: u16,
    },
    /// The final answer to an `Ask`.
    Told {
        /// Which.
        request: RequestId,
        /// 200 to 699; 408: nobody answered; 503: the connection was lost, or there was no room for it.
        status: u16,
        /// The answer, if one came.
        response: Option<Box<Response>>,
    },
    /// Nothing more is said in this dialog: what of its transactions is left has only waited for
    /// repetitions for T4, and whatever of it was in the network has come.
    Gone {
        /// Which call.
        dialog: DialogId,
    },
}

/// Whose failure a [`Event::Failed`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FailedBy {
    /// The peer's: its final answer came.
    Peer,
    /// Nobody's that we know: no answer came within 64·T1 (Timer B), or the connection was lost.
    Nobody,
    /// Ours: over a limit, or an order that cannot be sent. Nothing was.
    Ourselves,
}

/// A new inbound call.
#[derive(Clone, Debug)]
pub struct Incoming {
    /// Its handle.
    pub dialog: DialogId,
    /// Where it came from.
    pub flow: Flow,
    /// Who the sender has proven to be, if the owner asked for it.
    pub proven: Option<Identity>,
    /// The port at which the sender says that it listens: that of its Via, or the
    /// transport's own.
    pub sent_by_port: u16,
    /// The Call-ID.
    pub call_id: String,
    /// The Request-URI.
    pub request_uri: Uri,
    /// The From URI, asserted by nobody.
    pub from: Uri,
    /// The To URI.
    pub to: Uri,
    /// The first URI of P-Asserted-Identity (RFC 3325), if any; whether to trust it is the owner's
    /// decision.
    pub asserted: Option<Uri>,
    /// The dialog that it shall take the place of (RFC 3891).
    pub replaces: Option<Replaces>,
    /// Max-Forwards; 70 if it has none (RFC 3261 §16.6 step 3).
    pub max_forwards: u8,
    /// Every header in order, with its canonical long name and its unfolded value.
    pub headers: Vec<(String, String)>,
    /// The SDP offer.
    pub sdp: Option<Bytes>,
}
