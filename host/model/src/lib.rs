//! The nouns of the platform, and [`turn::Plan`], the one validator of commands.
//!
//! Plain data: no socket, no task, no clock, no database and no Wasm. Everything else in the house
//! depends on this crate, and it depends on nothing of ours. What a word means is written in the
//! glossary of `docs/architecture.md`.
#![forbid(unsafe_code)]

mod address;
mod ask;
mod binding;
mod blocks;
mod brief;
mod cause;
mod cdr;
pub mod command;
mod completion;
mod conference;
mod event;
mod headers;
mod id;
mod ladder;
mod ladder_svg;
pub mod limits;
mod log;
mod now;
mod pii;
mod prompt;
mod recording;
mod rewrite;
mod rollout;
mod route;
mod sound;
mod srtp;
mod tenant;
mod trace;
mod trunk;
pub mod turn;
mod voice;
pub mod wall;

pub use address::{Address, AddressError, Scheme};
pub use ask::{Answer, Ask, Failure, LiveCall, Manifest, Refusal, Registration, TrunkStatus};
pub use binding::{Binding, Outbound, ring_order};
pub use blocks::Blocks;
pub use brief::brief;
pub use cause::Cause;
pub use cdr::{Cdr, EndReason, Quality};
pub use command::Command;
pub use completion::{Completion, Keys};
pub use conference::{ConfMode, ConferenceView, is_conference_name};
pub use event::{
    CallDirection, DialReport, Event, Origin, ReleaseReport, ReleasedBy, Reply, Request,
};
pub use headers::{HeaderError, HeaderNames, is_header_name};
pub use id::{
    CallId, ConferenceId, IdError, IdSource, KeyId, NumberId, PhoneId, RecordingId, RequestId,
    SessionId, TenantId, TrunkId,
};
pub use ladder::draw as draw_ladder;
pub use ladder_svg::draw as draw_ladder_svg;
pub use log::{LogLevel, LogLine};
pub use now::Now;
pub use pii::Pii;
pub use prompt::PromptFile;
pub use recording::{Audio, Recording, RecordingState};
pub use rewrite::{NoNumber, Rewrite, Rule, RuleError, Rules, Spelling};
pub use rollout::{Probation, Rollout, Trial};
pub use route::{NoRoute, Route, Target, Via, ring_groups};
pub use sound::{Country, Sound, Tone};
pub use srtp::Srtp;
pub use tenant::{
    ActivePlugin, FaultPolicy, Ha1, Hop, Number, PeerName, Phone, Prefix, TenantConfig, Transport,
};
pub use trace::{Lane, Trace, TraceEntry, TraceItem};
pub use trunk::{Gateway, Health, Login, Peer, Register, Trunk};
pub use voice::{CodecName, Codecs, InbandDigits, Voice};
pub use wall::Wall;
