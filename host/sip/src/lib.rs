//! Sans-IO SIP: wire codec, transactions, dialogs, endpoint.
//!
//! Owns everything between the bytes of a SIP message and "a call came, was answered, ended". It
//! refuses to know sockets, clocks, threads, tenants and media: an [`Endpoint`] is given `now`,
//! bytes and randomness, and is drained by `poll_*`, so that a simulator can run a year of calls
//! from a seed.
//!
//! | module | owns |
//! |---|---|
//! | [`wire`] | bytes ↔ messages |
//! | [`Uri`] | `sip:`, `sips:`, `tel:` and what cannot be understood |
//! | [`event`] | the words between the endpoint and its owner |
//! | [`digest`] | challenges, credentials, nonces, replays, and our own answers: RFC 7616 |
//! | [`stun`] | who asks is told where it comes from: RFC 5389 |
//! | `transaction` | RFC 3261 §17 with RFC 6026: retransmission, matching |
//! | `dialog` | RFC 3261 §12: tags, sequence numbers, route set, remote target |
//! | `endpoint` | RFC 3261 §8, §9, §13–§15: what a user agent does with all that |

#![forbid(unsafe_code)]

mod dialog;
pub mod digest;
mod endpoint;
pub mod event;
pub mod info;
pub mod limits;
pub mod locate;
mod replaces;
pub mod stun;
mod transaction;
mod uri;
pub mod wire;

pub use endpoint::{
    Challenges, Config, Counts, Endpoint, Listeners, OWN_HEADERS, Reached, Refusals, Unproven,
};
pub use event::{
    Ask, Conduct, DialogId, Event, FailedBy, Flow, Identity, Incoming, Input, Invite, Output,
    PeerName, RequestId, Transport,
};
pub use replaces::Replaces;
pub use transaction::TimerConfig;
pub use uri::{Uri, UriError};
