//! What goes into a [`Plane`](crate::Plane) besides packets, and what it reports.
//!
//! Owns the vocabulary between the owner of calls and the media shards; knows no socket.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use crate::prompt::Prompt;
use crate::room::Room;
use crate::sdp::Negotiated;

/// One media port: an RTP socket and its route. The owner chooses ids and never uses one again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PortId(pub u64);

impl PortId {
    /// Set in the name of a port's second socket, the one for RTCP. Owners never set it.
    const RTCP: u64 = 1 << 63;

    /// The name of its second socket, for a peer that does not multiplex RTCP (RFC 5761).
    #[must_use]
    pub const fn rtcp(self) -> PortId {
        PortId(self.0 | PortId::RTCP)
    }

    /// The port itself, whichever of its sockets this names.
    #[must_use]
    pub const fn rtp(self) -> PortId {
        PortId(self.0 & !PortId::RTCP)
    }

    /// Whether this names a second socket.
    pub const fn is_rtcp(self) -> bool {
        self.0 & PortId::RTCP != 0
    }
}

/// The kind of addresses that a socket speaks to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Family {
    /// IPv4.
    #[default]
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// That of an address; of IPv4 in the clothes of IPv6, IPv4.
    pub fn of(address: IpAddr) -> Self {
        if address.to_canonical().is_ipv4() {
            Self::V4
        } else {
            Self::V6
        }
    }
}

/// What a media shard is asked to do. Commands for one port are carried out in order.
#[derive(Clone, Debug)]
pub enum Command {
    /// Bind a socket (even RTP port of the configured range). Answer: `Opened` or `Failed`.
    Open {
        /// The new port.
        port: PortId,
        /// Where its peer is. A shard that has no such address takes one that it has.
        family: Family,
    },
    /// Offer and answer are done (again): codecs, payload types, the peer's address. Re-arms
    /// latching.
    Configure {
        /// Which port.
        port: PortId,
        /// What was agreed.
        agreed: Box<Negotiated>,
        /// The peer's signalling address: the only other address that may be latched.
        signalling: IpAddr,
    },
    /// Relay between two ports, both ways, transcoding where their codecs differ. Replaces the
    /// route that either had.
    Bridge {
        /// One.
        a: PortId,
        /// The other.
        b: PortId,
    },
    /// Tell once, by `Silent`, if the peer has spoken and then says nothing for so long: neither RTP nor
    /// RTCP, and both sides might speak. Begins anew if it is watched already.
    Watch {
        /// Which port.
        port: PortId,
        /// For how long it may be silent.
        patience: Duration,
    },
    /// Whether keys are looked for in the audio of this port's peer: for one that sends no telephone events.
    /// Costs a decoder for each packet.
    Listen {
        /// Which port.
        port: PortId,
        /// Whether.
        to_tones: bool,
    },
    /// End the route of this port and of the one that it is bridged to.
    Unbridge {
        /// Which port.
        port: PortId,
    },
    /// Play to the peer of this port, instead of what plays there. While it is being played nothing is
    /// relayed to that peer; what the peer cannot hear, since it holds us or is not known yet, waits.
    /// `Played` tells the end, unless the port is closed or something else is said before.
    Play {
        /// Which port.
        port: PortId,
        /// What, and how often.
        play: Play,
    },
    /// Play no more.
    StopPlay {
        /// Which port.
        port: PortId,
    },
    /// Mix this port into a conference, in place of the route that it had; in one where it is already its
    /// mode changes.
    Confer {
        /// Which port.
        port: PortId,
        /// Which conference.
        room: Arc<Room>,
        /// What its peer hears and says.
        mode: Mode,
    },
    /// Take this port out of its conference.
    Leave {
        /// Which port.
        port: PortId,
    },
    /// Play into a conference, by a port that has no socket and no peer: all who listen there hear it. While
    /// this port has the room's post [`Speaker`](crate::room::Post::Speaker) and the conference lasts.
    /// `AttendantLeft` tells the end.
    Announce {
        /// The new port.
        port: PortId,
        /// Which conference.
        room: Arc<Room>,
        /// What, and how often.
        play: Play,
    },
    /// Record what is heard in a conference, in one channel, by a port that has no socket and no peer. While
    /// this port has the room's post [`Recorder`](crate::room::Post::Recorder) and the conference lasts.
    /// `AttendantLeft` tells the end, or `RecordFailed`.
    Overhear {
        /// The new port.
        port: PortId,
        /// Which conference.
        room: Arc<Room>,
        /// The owner's number of it.
        operation: u32,
        /// The name of the file, as for `Record`.
        file: Box<str>,
        /// How long at most.
        longest: Duration,
    },
    /// Press keys towards the peer of this port, one after another: as telephone events (RFC 4733) if
    /// those were agreed on, else as tones. Meanwhile nothing else is sent. If too many wait none of
    /// these is pressed: `Unkeyed`.
    Key {
        /// Which port.
        port: PortId,
        /// Each of `0` to `9`, `*`, `#`, `A` to `D`.
        keys: Box<str>,
    },
    /// Record what is received and sent by this port, as the recording of that name; whatever its route
    /// is, and until the port is closed. Ends what records it already. If it cannot go on: `RecordFailed`.
    Record {
        /// Which port.
        port: PortId,
        /// The owner's number of it.
        operation: u32,
        /// The name of the file, without folder and ending. The owner never uses one again.
        file: Box<str>,
    },
    /// End the recording of this port. Nothing happens if there is none.
    StopRecord {
        /// Which port.
        port: PortId,
    },
    /// Close the socket. Answer: `Closed`. An unknown port is ignored.
    Close {
        /// Which port.
        port: PortId,
    },
}

/// What is played.
#[derive(Clone, Debug)]
pub struct Play {
    /// The caller's number for it, which its end is told with.
    pub operation: u32,
    /// One after another; at least one.
    pub pieces: Box<[Piece]>,
    /// How often the whole of them, at least once.
    pub repeat: u32,
}

/// A part of it.
#[derive(Clone, Debug)]
pub enum Piece {
    /// A prompt, or a tone made as one.
    Prompt(Arc<Prompt>),
    /// Silence.
    Silence {
        /// So many frames of 20 ms, at least one.
        frames: usize,
    },
}

impl Piece {
    /// How many frames of 20 ms it has.
    pub(crate) fn frames(&self) -> usize {
        match self {
            Self::Prompt(prompt) => prompt.frames(),
            Self::Silence { frames } => *frames,
        }
    }
}

/// What a member of a conference hears and says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Both.
    TalkAndListen,
    /// It hears and is not heard.
    ListenOnly,
    /// It is heard and hears silence.
    TalkOnly,
    /// Neither.
    Silent,
}

impl Mode {
    /// Whether it is heard.
    pub const fn talks(self) -> bool {
        matches!(self, Mode::TalkAndListen | Mode::TalkOnly)
    }

    /// Whether it hears.
    pub const fn hears(self) -> bool {
        matches!(self, Mode::TalkAndListen | Mode::ListenOnly)
    }
}

/// Why nobody plays into a conference, or records it, any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leaving {
    /// All was played.
    Done,
    /// It took as long as it may.
    TimedOut,
    /// Another has its post, or nobody.
    Relieved,
    /// The conference is over.
    RoomOver,
}

/// What a media shard reports.
#[derive(Clone, Debug)]
pub enum Event {
    /// The socket is bound.
    Opened {
        /// Which port.
        port: PortId,
        /// The address to put into SDP.
        addr: SocketAddr,
    },
    /// No socket could be had.
    Failed {
        /// Which port.
        port: PortId,
        /// Why, in words.
        reason: String,
    },
    /// The peer sends from another address than its SDP said, and was believed.
    Latched {
        /// Which port.
        port: PortId,
        /// The address that it sends from.
        from: SocketAddr,
    },
    /// The peer has pressed a key. Told once for each press: at its first packet, or as soon as its tones
    /// are sure.
    Digit {
        /// Which port.
        port: PortId,
        /// `0` to `9`, `*`, `#`, `A` to `D`.
        digit: char,
        /// How it came.
        how: Heard,
    },
    /// All that was to be played was sent. Not told of what was stopped.
    Played {
        /// Which port.
        port: PortId,
        /// The number that it was started with.
        operation: u32,
    },
    /// The keys of a command were not pressed, because too many wait.
    Unkeyed {
        /// Which port.
        port: PortId,
    },
    /// The peer has been silent for longer than it may be.
    Silent {
        /// Which port.
        port: PortId,
    },
    /// The recording of the port cannot go on, and is over.
    RecordFailed {
        /// Which port.
        port: PortId,
        /// The owner's number of it.
        operation: u32,
        /// Its file, if the recorder never had it: then nobody else tells that it failed.
        unwritten: Option<Box<str>>,
    },
    /// Nobody plays into a conference, or records it, by this port any more.
    AttendantLeft {
        /// Which port.
        port: PortId,
        /// The owner's number of it.
        operation: u32,
        /// Why.
        why: Leaving,
    },
    /// The port is closed, its counters final.
    Closed {
        /// Which port.
        port: PortId,
        /// What went through it.
        stats: Stats,
    },
}

impl Event {
    /// The port that it is about.
    pub fn port(&self) -> PortId {
        match self {
            Self::Opened { port, .. }
            | Self::Failed { port, .. }
            | Self::Latched { port, .. }
            | Self::Silent { port }
            | Self::Digit { port, .. }
            | Self::Played { port, .. }
            | Self::Unkeyed { port }
            | Self::RecordFailed { port, .. }
            | Self::AttendantLeft { port, .. }
            | Self::Closed { port, .. } => *port,
        }
    }
}

/// How a key came that a peer has pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// As packets of its own (RFC 4733).
    Event,
    /// As tones in the audio.
    Tones,
}

/// What a peer reports of the stream that it gets from us (RFC 3550 §6.4.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Remote {
    /// Packets that it missed since the beginning.
    pub lost: u32,
    /// Interarrival jitter.
    pub jitter: Duration,
}

/// Counters of one port, from our point of view.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// RTP packets received and believed.
    pub packets_received: u64,
    /// RTP packets sent.
    pub packets_sent: u64,
    /// Payload octets received.
    pub octets_received: u64,
    /// Payload octets sent.
    pub octets_sent: u64,
    /// Gaps in the received sequence numbers.
    pub packets_lost: u64,
    /// Packets from strangers, of unknown payload type, malformed, or against the agreement.
    pub packets_dropped: u64,
    /// Presses of keys that were not told, because they came faster than any telephone sends them.
    pub digits_dropped: u64,
    /// Interarrival jitter (RFC 3550 §6.4.1).
    pub jitter: Duration,
    /// RTCP packets received and believed.
    pub rtcp_received: u64,
    /// RTCP packets sent.
    pub rtcp_sent: u64,
    /// What the peer has last reported of what we send.
    pub remote: Option<Remote>,
    /// To the peer and back, by its reports; smoothed.
    pub rtt: Option<Duration>,
}
