//! The INVITE usage: one call, from its INVITE to the last transaction that lingers after it.
//!
//! ```text
//!  Input::Invite                                              an INVITE came
//!       │                                                           │
//!  ┌────▼────┐ 300–699, B: Failed            ┌─────────┐ CANCEL:    │
//!  │ Calling ├───────────────┐               │ Ringing │◄───────────┘
//!  └─┬────┬──┘               │  Redirect, ┌──┤         │ Cancelled
//!    │    │ Release:         │  Release   │  └──┬──────┘
//!    │    │ CANCEL           │            │     │ Accept: 200
//!    │  ┌─▼─────────┐        │            │  ┌──▼──────────┐ no ACK: BYE, Lost
//!    │  │ Cancelling├─────┐  │            │  │ Established ├───────┐
//!    │  └─┬─────────┘     │  │            │  └──────▲──────┘       │
//!    │    └ 2xx: ACK, BYE │  │            │         │  BYE from either
//!    │                    ▼  ▼            ▼         │              │
//!    │                  ┌─────────────────────┐     │              │
//!    │                  │        Ended        │◄────┼──────────────┘
//!    │                  └──────────┬──────────┘     │
//!    │ 2xx: ACK, Accepted          │ only waiting,  │
//!    └─────────────────────────────┼────────────────┘
//!                                  ▼ for T4: Gone
//! ```
//!
//! Owns what is known of the call in each state. Sends nothing: the endpoint does.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::{Account, Dialog, Refers, Session};
use crate::endpoint::proofs::Met;
use crate::event::{Flow, Invite};
use crate::transaction::TransactionId;
use crate::wire::Request;

/// One INVITE usage (RFC 5057 §2).
#[derive(Debug)]
pub(crate) struct Usage {
    pub(crate) call_id: String,
    /// Our tag, in every dialog of this usage.
    pub(crate) local_tag: String,
    /// The tags of the peers that have a dialog with us, be it early, or had one. Inbound it is one.
    pub(crate) remote_tags: Vec<String>,
    /// The sequence number of the INVITE that began it.
    pub(crate) cseq: u32,
    pub(crate) state: State,
    /// The ACK of every 2xx that came to an INVITE of ours: one for each fork of the first
    /// (RFC 3261 §13.2.2.4), and that of the last re-INVITE.
    pub(crate) acks: Vec<CachedAck>,
    /// Outbound: the early dialogs in which something was said reliably, one for each fork.
    pub(crate) early: Vec<Early>,
    /// Transfers.
    pub(crate) refers: Refers,
    /// The Q.850 cause with which the other side has ended.
    pub(crate) because: Option<u8>,
    /// The Warning of the next refusal.
    pub(crate) warning: Option<Box<str>>,
    /// Who we are, if the peer asks.
    pub(crate) account: Option<Box<Account>>,
    /// It has ended and its transactions only linger.
    pub(crate) quiet: bool,
    /// Its owner was told that it is gone.
    pub(crate) gone: bool,
}

impl Usage {
    /// A peer has a dialog with us.
    pub(crate) fn meet(&mut self, tag: &str) {
        if !self.remote_tags.iter().any(|known| known == tag) {
            self.remote_tags.push(tag.to_owned());
        }
    }
}

/// An early dialog of ours (RFC 3261 §12.1.2, RFC 3262 §4).
#[derive(Debug)]
pub(crate) struct Early {
    pub(crate) dialog: Dialog,
    /// The RSeq of the last 1xx that was acknowledged.
    pub(crate) sequence: Option<u32>,
}

/// The ACK of a 2xx; it is sent again whenever the 2xx is.
#[derive(Clone, Debug)]
pub(crate) struct CachedAck {
    pub(crate) remote_tag: String,
    /// The number of the INVITE that it belongs to.
    pub(crate) cseq: u32,
    pub(crate) flow: Flow,
    pub(crate) bytes: Bytes,
}

/// Where the usage is.
#[derive(Debug)]
pub(crate) enum State {
    /// Outbound, unanswered.
    Calling {
        invite: TransactionId,
        /// Whether a 1xx came, so that CANCEL may be sent.
        answered: bool,
        /// What the owner asked for, and what was learned since.
        attempt: Box<Attempt>,
    },
    /// Outbound, unanswered, released by its owner.
    Cancelling {
        invite: TransactionId,
        cancel: Cancel,
        /// The status of the release.
        status: u16,
    },
    /// Inbound, unanswered.
    Ringing(Box<Ringing>),
    /// Answered.
    Established(Box<Established>),
    /// Nothing more is said of it; its transactions linger.
    Ended,
}

/// An INVITE of ours, as it may have to be sent again.
#[derive(Debug)]
pub(crate) struct Attempt {
    pub(crate) order: Invite,
    /// The Min-SE that a 422 asked for.
    pub(crate) min_se: Option<u32>,
    /// The challenges that it has met.
    pub(crate) met: Met,
}

/// RFC 3261 §9.1: no CANCEL before the first provisional response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cancel {
    /// Nothing came yet.
    Held,
    /// Sent.
    Sent,
}

/// An inbound call that waits for its answer.
#[derive(Debug)]
pub(crate) struct Ringing {
    pub(crate) invite: TransactionId,
    /// Every response is made from it.
    pub(crate) request: Arc<Request>,
    pub(crate) dialog: Dialog,
    /// The last 1xx but 100, said again from time to time.
    pub(crate) progress: Option<Bytes>,
    /// What became of the reliable ones, if the caller requires them, or takes an offer of ours in one.
    pub(crate) reliable: Option<Reliable>,
}

/// Reliable provisional responses (RFC 3262 §3).
#[derive(Debug)]
pub(crate) struct Reliable {
    /// Whether all 1xx are, or only one that holds an offer of ours.
    pub(crate) required: bool,
    /// The offer, before the answer.
    pub(crate) offer: EarlyOffer,
    /// The RSeq of the last one.
    pub(crate) sequence: u32,
    /// The one that waits for its PRACK.
    pub(crate) unsettled: Option<Unsettled>,
    /// What is to be said after it: the last order counts.
    pub(crate) next: Option<(u16, Option<Bytes>)>,
    /// The 200 that waits as well.
    pub(crate) accept: Option<Bytes>,
}

/// Who makes the first offer of an unanswered call, and how far it is (RFC 3262 §5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EarlyOffer {
    /// The INVITE holds it.
    Theirs,
    /// We may, in a reliable 1xx, or else in the 200.
    Ours,
    /// A reliable 1xx holds it, whose PRACK answers it.
    Out,
    /// It is answered.
    Answered,
}

/// A reliable provisional response that waits for its PRACK.
#[derive(Debug)]
pub(crate) struct Unsettled {
    pub(crate) status: u16,
    pub(crate) response: Bytes,
    /// The present interval of its retransmission.
    pub(crate) interval: Duration,
}

/// An answered call.
#[derive(Debug)]
pub(crate) struct Established {
    pub(crate) dialog: Dialog,
    pub(crate) exchange: Exchange,
    /// Our description that stands: a re-INVITE that only refreshes says it again.
    pub(crate) sdp: Bytes,
    /// The session timer, if both sides agreed on one.
    pub(crate) session: Option<Session>,
    /// The UPDATE of ours that is under way: it has no description, so it is no exchange.
    pub(crate) update: Option<TransactionId>,
    /// Whether the peer's last Allow names UPDATE.
    pub(crate) takes_update: bool,
    /// The INFO of ours that waits for its answer.
    pub(crate) info: Option<TransactionId>,
    /// Whether the peer's first Allow names INFO.
    pub(crate) takes_info: bool,
}

/// The offer that is being answered, or the INVITE that is: one at a time (RFC 3264 §4).
#[derive(Debug)]
pub(crate) enum Exchange {
    /// None.
    Idle,
    /// A re-INVITE waits for the owner's answer.
    Reoffered(Reoffered),
    /// A 2xx waits for its ACK.
    Unacked(Unacked),
    /// A re-INVITE of ours waits for its final answer.
    Reinviting(Reinviting),
}

/// A re-INVITE of ours that waits.
#[derive(Debug)]
pub(crate) struct Reinviting {
    pub(crate) invite: TransactionId,
    /// Its offer.
    pub(crate) sdp: Bytes,
    pub(crate) by: By,
}

/// Who wanted a re-INVITE of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    /// The owner, who hears how it ends.
    Owner,
    /// The session timer; the owner hears of it only if the peer describes itself anew.
    Timer,
}

/// A re-INVITE, or an UPDATE with an offer, that waits.
#[derive(Debug)]
pub(crate) struct Reoffered {
    pub(crate) invite: TransactionId,
    pub(crate) request: Arc<Request>,
}

/// A 2xx that waits for its ACK (RFC 3261 §13.3.1.4).
#[derive(Debug)]
pub(crate) struct Unacked {
    pub(crate) invite: TransactionId,
    /// The sequence number that the ACK must have.
    pub(crate) cseq: u32,
    pub(crate) response: Bytes,
    /// The present interval of its retransmission.
    pub(crate) interval: Duration,
    pub(crate) of: Answered,
}

/// What the 2xx answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answered {
    /// The first INVITE.
    Call,
    /// The first INVITE, and the owner has released the call since: BYE once the wait is over.
    ReleasedCall {
        /// The status of the release.
        status: u16,
    },
    /// A re-INVITE.
    Reoffer {
        /// Whether it had no offer, so that our 2xx makes one and the ACK answers it.
        offerless: bool,
    },
}

impl Usage {
    pub(crate) fn is_ended(&self) -> bool {
        matches!(self.state, State::Ended)
    }

    /// The dialog with that peer in which it may send requests, early ones included.
    pub(crate) fn dialog(&mut self, remote_tag: &str) -> Option<&mut Dialog> {
        let theirs = |dialog: &&mut Dialog| dialog.remote_tag() == remote_tag;
        if let State::Calling { .. } = self.state {
            return self.early.iter_mut().map(|it| &mut it.dialog).find(theirs);
        }
        self.state.dialog().filter(theirs)
    }
}

impl State {
    /// The dialog that there is, or will be whatever the answer.
    pub(crate) fn dialog(&mut self) -> Option<&mut Dialog> {
        match self {
            Self::Ringing(ringing) => Some(&mut ringing.dialog),
            Self::Established(call) => Some(&mut call.dialog),
            Self::Calling { .. } | Self::Cancelling { .. } | Self::Ended => None,
        }
    }
}

impl Established {
    /// Whether the owner has released the call, and its BYE waits for the ACK.
    pub(crate) fn is_released(&self) -> bool {
        matches!(&self.exchange, Exchange::Unacked(unacked) if unacked.is_released())
    }
}

impl Unacked {
    pub(crate) fn is_released(&self) -> bool {
        matches!(self.of, Answered::ReleasedCall { .. })
    }
}
