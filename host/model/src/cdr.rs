//! The record of one call.

use crate::{Address, CallDirection, CallId, ReleasedBy, SessionId, TenantId, turn::Usage};

/// Why the platform regards a call as over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndReason {
    /// It was released: `cause` and `dropped_by` say how.
    Released,
    /// The process ended while it was live; nobody saw its end.
    NodeLost,
    /// The store did not make its record durable in time.
    StoreLost,
    /// A limit of the platform or tenant ended it.
    Limit,
    /// The tenant was suspended.
    Suspended,
    /// Nothing was heard of the party any more.
    MediaTimeout,
}

impl EndReason {
    /// The word that CDRs and the API use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Released => "released",
            Self::NodeLost => "node-lost",
            Self::StoreLost => "store-lost",
            Self::Limit => "limit",
            Self::Suspended => "suspended",
            Self::MediaTimeout => "media-timeout",
        }
    }

    /// The reason of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        [
            Self::Released,
            Self::NodeLost,
            Self::StoreLost,
            Self::Limit,
            Self::Suspended,
            Self::MediaTimeout,
        ]
        .into_iter()
        .find(|reason| reason.as_str() == name)
    }
}

/// How a call sounded: measured here, and reported by the party (RTCP). `None` where nothing is known: the
/// party sent nothing, or does not report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quality {
    /// Interarrival jitter of what the party sent, in microseconds (RFC 3550 §6.4.1).
    pub jitter_us: Option<u64>,
    /// RTP packets of ours that the party missed.
    pub remote_lost: Option<u64>,
    /// Interarrival jitter of what the party got from us, in microseconds.
    pub remote_jitter_us: Option<u64>,
    /// To the party and back, in microseconds.
    pub rtt_us: Option<u64>,
    /// Mean opinion score, estimated (ITU-T G.107), of the worse direction, in hundredths: 100 to 441.
    pub mos: Option<u16>,
}

/// The record of one call. Times are Unix milliseconds. Written whole at each change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cdr {
    /// The call.
    pub call: CallId,
    /// Its session.
    pub session: SessionId,
    /// Its tenant.
    pub tenant: TenantId,
    /// Which way it was set up.
    pub direction: CallDirection,
    /// The calling party, a full URI.
    pub from: Address,
    /// The called party, a full URI.
    pub to: Address,
    /// When it began.
    pub begin: u64,
    /// When it was answered.
    pub answer: Option<u64>,
    /// When it ended.
    pub end: Option<u64>,
    /// Who ended it; none while it lives, and for calls whose end nobody saw.
    pub dropped_by: Option<ReleasedBy>,
    /// The SIP status of its end; none as for `dropped_by`.
    pub cause: Option<u16>,
    /// Why it is regarded as over; none while it lives.
    pub end_reason: Option<EndReason>,
    /// The policy's text.
    pub user_data: String,
    /// The tenant's number that was called; empty if there is none.
    pub number: String,
    /// The policy that decided.
    pub plugin: String,
    /// Its version.
    pub version: u32,
    /// The codec that was agreed: `PCMA`, `PCMU`.
    pub codec: Option<String>,
    /// RTP packets received from the party.
    pub packets_received: u64,
    /// RTP packets sent to the party.
    pub packets_sent: u64,
    /// RTP packets of the party that never came.
    pub packets_lost: u64,
    /// How it sounded; known when it is over.
    pub quality: Quality,
    /// What the turns of its session used until now.
    pub usage: Usage,
}
