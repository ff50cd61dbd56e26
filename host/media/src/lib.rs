//! The media plane: SDP offer and answer, RTP, codecs, and the relay between two ports.
//!
//! Owns everything about a call's audio. [`Plane`] is sans-IO: it takes `now` and packets and is
//! drained by `poll_output`; [`io`] is the loop that owns the sockets, so the simulator can drive
//! the very same plane on a network of its own. Knows no SIP, no call and no tenant.

#![forbid(unsafe_code)]

pub mod codec;
mod command;
pub mod conceal;
pub mod dtmf;
pub mod g711;
pub mod g722;
pub mod handset;
pub mod io;
pub mod limits;
pub mod noise;
#[cfg(feature = "opus")]
pub mod opus;
pub mod plane;
mod port_map;
pub mod prompt;
pub mod quality;
pub mod recorder;
pub mod resample;
pub mod room;
pub mod rtcp;
pub mod rtp;
pub mod sdp;
pub mod srtp;
pub mod tape;
pub mod tone;
pub mod tones;
pub mod wav;

pub use command::{
    Command, Event, Family, Heard, Leaving, Mode, Piece, Play, PortId, Remote, Stats,
};
pub use plane::{Forward, Output, Plane};
pub use prompt::Prompt;
