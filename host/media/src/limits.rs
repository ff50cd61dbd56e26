//! Every limit of the media plane, each with its reason.

use std::time::Duration;

/// Octets of a session description. A rich browser offer is 5 KiB; more is an attack.
pub const SDP_BYTES: usize = 16 * 1024;

/// Lines of a session description: bounds what one parse may allocate.
pub const SDP_LINES: usize = 256;

/// Media descriptions (`m=` lines) of a session description; each costs a line in our answer.
pub const SDP_MEDIA: usize = 16;

/// Ports of one plane when its owner names no other figure: 5,000 calls of two legs.
pub const PORTS: usize = 10_000;

/// Sockets of a plane with so many ports: of RTP and RTCP, and the one that wakes it.
pub const fn descriptors(ports: usize) -> usize {
    2 * ports + 1
}

/// Octets of an RTP packet: what fits an Ethernet frame. Longer ones are dropped.
pub const PACKET: usize = 1_500;

/// Consecutive valid packets of one source before it is believed.
pub const LATCH_STREAK: u8 = 3;

/// Packets from candidates within which the streak must be complete.
pub const LATCH_PACKETS: u8 = 5;

/// Time within which the streak must be complete.
pub const LATCH_WINDOW: Duration = Duration::from_secs(2);

/// A sequence number so far ahead is not loss but a restarted sender (RFC 3550 §A.1).
pub const MAX_DROPOUT: u16 = 3_000;

/// A sequence number so far behind is not reordering but a restarted sender (RFC 3550 §A.1).
pub const MAX_MISORDER: u16 = 100;

/// Audio whose timestamp is further behind that of the packet before it is of another clock. Senders that put their
/// clock right do so by a packet or a few; where packets are in order of their timestamps so much is not heard.
pub const CLOCK_BACK: Duration = Duration::from_millis(100);

/// While audio of one SSRC came within this, another SSRC is not heard: two packets of 20 ms may be lost or late, and
/// where two send at once the ear does not go to and fro. So much of a new one is lost where it follows without a pause.
pub const SSRC_HEARD: Duration = Duration::from_millis(50);

/// Packets of a stream before its jitter says more than that of the one before: each moves it by a sixteenth
/// (RFC 3550 §A.8).
pub const JITTER_SETTLED: u64 = 16;

/// Ticks of a port that are made up for when its shard was late: 200 ms. What a peer would be sent at once
/// beyond that would overflow its jitter buffer.
pub const LATE_TICKS: u64 = 10;

/// Commands waiting for one media shard: a burst of 250 calls being set up at once.
pub const COMMANDS: usize = 1_024;

/// Presses of a party's keys that are remembered, so that a late packet of one is not another. Of the
/// shortest there are 25 within the packets that may come late ([`MAX_MISORDER`]).
pub const PRESSES_KNOWN: usize = 32;

/// The shortest time from one press to the next: 40 ms of tone and 40 ms of pause (ITU-T Q.24).
/// Whoever keys faster than that for longer is no telephone.
pub const PRESS_SHORTEST: Duration = Duration::from_millis(80);

/// Keys that wait to be pressed towards a peer: ten seconds of them.
pub const KEYS_WAITING: usize = 64;

/// Presses that may come at once all the same: what a network held up for a second and more.
pub const PRESSES_AT_ONCE: u32 = 16;

/// Streams (SSRCs) of a peer under one key of SRTP. Each new one is a change of source at the peer; none is
/// forgotten, or its packets could be played to us once more.
pub const SRTP_STREAMS: usize = 64;

/// Octets of the keys in an `a=crypto` line, with room for those of suites that we do not know.
pub const CRYPTO_OCTETS: usize = 64;

/// Recordings of one plane at one time: each costs its recorder a file and 32 KB/s.
pub const TAPES: usize = 1_024;

/// Octets of a block of a recording: some 22 packets of G.711, a fifth of a second of both sides.
pub const TAPE_BLOCK: usize = 4 * 1024;

/// Blocks that are made for each recording while it is among few: one that fills, and five on their way. Six hundred files
/// that are made at once hold the recorder up for half a second.
pub const TAPE_SHARE: usize = 6;

/// Blocks of one plane, 16 MiB in all. With a hundred recordings the disk may be away for six seconds.
pub const TAPE_BLOCKS: usize = 4 * TAPES;

/// How old a block's first packet may be when the next one comes: what a crash takes with it.
pub const TAPE_HELD: Duration = Duration::from_millis(150);

/// Words of all planes that wait for the recorder, 2 MB: all blocks of a few planes, and the beginnings and
/// ends between.
pub const TAPE_WORDS: usize = 32_768;

/// Recordings that have ended and whose files are not durable yet: as many as a plane has may end at once. A
/// disk needs some seconds for them.
pub const TAPE_ENDS: usize = TAPES;

/// How often the recorder looks for words while it writes.
pub const TAPE_LOOK: Duration = Duration::from_millis(50);

/// How often the header of a recording is made true: with all that is held before, less than a second.
pub const TAPE_TOLD: Duration = Duration::from_millis(400);

/// Rest of a port number after use, so that late packets of the old call do not reach the next.
pub const PORT_REST: Duration = Duration::from_secs(5);

/// Port numbers that are tried before opening a port fails: others on the machine may hold some.
pub const BIND_TRIES: usize = 64;

/// Packets read at once from a socket that was just connected, to see that no stranger's waits.
pub const RECEIVE_BURST: usize = 8;

/// How long a packet that is relayed may wait for others, if several came just before: a shard is woken once for many.
pub const GATHER_RELAYED: Duration = Duration::from_micros(500);

/// The same where none is relayed: it is heard at a tick, which comes each millisecond.
pub const GATHER_HEARD: Duration = Duration::from_millis(1);

/// Packets of a handset that may be sent late; more than these are left out instead.
pub const LATE_FRAMES: u32 = 10;

/// Presses of keys that a handset keeps: more than anybody is told in a call.
pub const RECORDED_DIGITS: usize = 1_024;

/// Samples that a handset records: ten minutes, 10 MB.
pub const RECORDED_SAMPLES: usize = 10 * 60 * 8_000;

/// Pieces of 10 ms that a jitter buffer holds, a power of two: what a network that stood still for over
/// a quarter of a second brings at once, and the last four that were played.
pub const JITTER_PIECES: usize = 32;

/// How long the first packet of a stream waits in a jitter buffer.
pub const JITTER_START: Duration = Duration::from_millis(40);

/// How long a packet may wait in a jitter buffer: more delay than this is worse to talk through than
/// what it would save.
pub const JITTER_MAX: Duration = Duration::from_millis(120);

/// From asking for the second socket of a port to its first report: longer than any driver takes.
pub const SECOND_SOCKET: Duration = Duration::from_millis(20);

/// From one RTCP report to the next, on average (RFC 3550 §6.2).
pub const RTCP_INTERVAL: Duration = Duration::from_secs(5);

/// The longest round trip that is believed: what a peer reports beyond it is a fault of its clock.
pub const ROUND_TRIP: Duration = Duration::from_secs(10);
