//! A packet allocates nothing, whatever becomes of it: neither in the plane, nor in the shard's loop around it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use media::room::Room;
use media::rtp::{self, Fixed};
use media::sdp::Codec;
use media::srtp::{Agreed, Context, Secret, Suite};
use media::tape::{Block, Word};
use media::{Command, Family, Mode, Output, Piece, Plane, Play, PortId, Prompt, plane};

use crate::counting::allocations;
use crate::loopback::{call, each, relay, start_with};
use crate::{agreed, clock};

#[test]
fn relaying_and_transcoding_allocate_nothing() {
    let now = clock();
    let (a, b) = (PortId(1), PortId(2));
    let peers = [
        SocketAddr::from(([192, 0, 2, 1], 4_000)),
        SocketAddr::from(([192, 0, 2, 2], 4_000)),
    ];
    let mut plane = Plane::new([1; 32], plane::Limits::default());
    for ((port, peer), codec) in [a, b].into_iter().zip(peers).zip(Codec::ALL) {
        plane.handle_input(
            now,
            Command::Open {
                port,
                family: Family::V4,
            },
        );
        plane.handle_bound(port, Ok(SocketAddr::from(([127, 0, 0, 1], 20_000))));
        let agreed = Box::new(agreed(peer, codec));
        plane.handle_input(
            now,
            Command::Configure {
                port,
                agreed,
                signalling: peer.ip(),
            },
        );
    }
    plane.handle_input(now, Command::Bridge { a, b });
    while plane.poll_output().is_some() {}

    let fixed = Fixed {
        marker: false,
        payload_type: 8,
        sequence: 0,
        timestamp: 0,
        ssrc: 1,
    };
    let packet = rtp::build(fixed, &[0xd5; 160]);
    let mut buffer = packet.clone();
    let before = allocations();
    let mut relayed = 0;
    for n in 0..10_000_u32 {
        buffer.copy_from_slice(&packet);
        buffer[2..4].copy_from_slice(&(n as u16).to_be_bytes());
        buffer[4..8].copy_from_slice(&(n * 160).to_be_bytes());
        let now = now + Duration::from_millis(20) * n;
        relayed += usize::from(plane.handle_packet(now, a, peers[0], &mut buffer).is_some());
    }
    assert_eq!(allocations() - before, 0);
    assert_eq!(relayed, 10_000);
}

#[test]
fn protecting_allocates_nothing_per_packet() {
    for suite in Suite::ALL {
        let keys = |seed| Secret::new([seed; 32]).keys(suite);
        let agreed = |send, receive| Agreed {
            send: keys(send),
            receive: keys(receive),
        };
        let mut ours = Context::renewed(None, agreed(1, 2));
        let mut theirs = Context::renewed(None, agreed(2, 1));
        let fixed = Fixed {
            marker: false,
            payload_type: 8,
            sequence: 0,
            timestamp: 0,
            ssrc: 1,
        };
        let packet = rtp::build(fixed, &[0xd5; 160]);
        let mut buffer = [0; 200];
        let mut opened = 0;
        let mut before = 0;
        for n in 0..1_000_u16 {
            buffer[..packet.len()].copy_from_slice(&packet);
            buffer[2..4].copy_from_slice(&n.to_be_bytes());
            let len = ours.sealer.seal(&mut buffer, packet.len());
            let len = theirs.opener.open(&mut buffer[..len.unwrap_or(0)]);
            opened += usize::from(len == Ok(packet.len()));
            // The first has made room for what is known of its stream.
            before = if n == 0 { allocations() } else { before };
        }
        assert_eq!(allocations() - before, 0, "{suite}");
        assert_eq!(opened, 1_000);
    }
}

#[test]
fn playing_allocates_nothing_per_packet() {
    let mut now = clock();
    let port = PortId(1);
    let peer = SocketAddr::from(([192, 0, 2, 1], 4_000));
    let mut plane = Plane::new([1; 32], plane::Limits::default());
    let family = Family::V4;
    plane.handle_input(now, Command::Open { port, family });
    let agreed = Box::new(agreed(peer, Codec::Pcmu));
    let signalling = peer.ip();
    plane.handle_input(
        now,
        Command::Configure {
            port,
            agreed,
            signalling,
        },
    );
    let prompt = Arc::new(Prompt::from_8khz(&[1_000; 1_600]));
    let play = Play {
        operation: 1,
        pieces: [Piece::Prompt(prompt), Piece::Silence { frames: 10 }].into(),
        repeat: u32::MAX,
    };
    plane.handle_input(now, Command::Play { port, play });
    while plane.poll_output().is_some() {}
    let mut before = 0;
    let mut played = 0;
    for n in 0..1_000 {
        now += Duration::from_millis(20);
        plane.handle_timeout(now);
        while let Some((forward, _)) = plane.poll_packet() {
            played += forward.len;
        }
        // The first packet has made room for all others.
        before = if n == 0 { allocations() } else { before };
    }
    assert_eq!(allocations() - before, 0);
    assert_eq!(played, 1_000 * 172);
}

/// What the shard's thread had asked of the allocator when it last read its clock.
static OF_THE_SHARD: AtomicU64 = AtomicU64::new(0);

fn counted_clock() -> Instant {
    OF_THE_SHARD.store(allocations(), Ordering::SeqCst);
    clock()
}

#[test]
fn a_shard_with_sockets_allocates_nothing_per_packet() {
    each(|backend| {
        OF_THE_SHARD.store(0, Ordering::SeqCst);
        let (shard, handle, events) = start_with(backend, counted_clock);
        let call = call(&handle, &events);
        // Connecting, and the first use of everything.
        relay(&call, 0..20);
        let before = OF_THE_SHARD.load(Ordering::SeqCst);
        assert_ne!(before, 0, "it is counted");
        relay(&call, 20..520);
        assert_eq!(OF_THE_SHARD.load(Ordering::SeqCst), before);
        shard.stop();
    });
}

/// Ports of one plane whose peers speak this codec, with what each has heard last.
struct Floor {
    plane: Plane,
    now: Instant,
    peers: Vec<SocketAddr>,
    sent: usize,
    blocks: usize,
    recorder: [Option<Block>; 2],
}

impl Floor {
    fn of(ports: u16, codec: impl Fn(u16) -> Codec) -> Self {
        let now = clock();
        let mut plane = Plane::new([1; 32], plane::Limits::default());
        let mut peers = Vec::new();
        for number in 0..ports {
            let (port, family) = (PortId(number.into()), Family::V4);
            let peer = SocketAddr::from(([192, 0, 2, 1], 4_000 + number));
            plane.handle_input(now, Command::Open { port, family });
            plane.handle_bound(port, Ok(SocketAddr::from(([127, 0, 0, 1], 20_000))));
            let agreed = Box::new(agreed(peer, codec(number)));
            let signalling = peer.ip();
            plane.handle_input(
                now,
                Command::Configure {
                    port,
                    agreed,
                    signalling,
                },
            );
            peers.push(peer);
        }
        Floor {
            plane,
            now,
            peers,
            sent: 0,
            blocks: 0,
            recorder: [None, None],
        }
    }

    /// 20 ms: a packet from every peer, and whatever the plane says.
    fn frame(&mut self, codec: impl Fn(u16) -> Codec, number: u16) {
        let mut datagram = [0x55; 172];
        for (at, &peer) in (0..).zip(&self.peers) {
            datagram[..2].copy_from_slice(&[0x80, codec(at).payload_type()]);
            datagram[2..4].copy_from_slice(&number.to_be_bytes());
            datagram[4..8].copy_from_slice(&(u32::from(number) * 160).to_be_bytes());
            datagram[8..12].copy_from_slice(&[7; 4]);
            let port = PortId(at.into());
            let forward = self
                .plane
                .handle_packet(self.now, port, peer, &mut datagram);
            self.sent += usize::from(forward.is_some());
        }
        for _ in 0..20 {
            self.now += Duration::from_millis(1);
            self.plane.handle_timeout(self.now);
            while self.plane.poll_packet().is_some() {
                self.sent += 1;
            }
            while let Some(output) = self.plane.poll_output() {
                if let Output::Tape(Word::Block(block)) = output {
                    self.blocks += 1;
                    // The recorder works on one while another waits.
                    let done = self.recorder.iter_mut().find(|it| it.is_none());
                    match done {
                        Some(place) => *place = Some(block),
                        None => self.write(block),
                    }
                }
            }
        }
    }

    /// The recorder takes a block, and gives back the one that it had longest.
    fn write(&mut self, block: Block) {
        self.recorder.rotate_left(1);
        let [.., last] = &mut self.recorder;
        if let Some(done) = last.replace(block) {
            self.plane.handle_block(done);
        }
    }

    /// The first second.
    fn warm(&mut self, codec: impl Fn(u16) -> Codec) -> u16 {
        (0..50).for_each(|number| self.frame(&codec, number));
        50
    }

    /// What is allocated in the next ten seconds; every port was sent every frame.
    fn run(&mut self, codec: impl Fn(u16) -> Codec, first: u16) -> u64 {
        self.sent = 0;
        let before = allocations();
        for number in first..first + 500 {
            self.frame(&codec, number);
        }
        let asked = allocations() - before;
        assert_eq!(self.sent, 500 * self.peers.len());
        asked
    }
}

#[test]
fn mixing_allocates_nothing_per_packet() {
    for codecs in [[Codec::Pcma; 3], [Codec::Pcma, Codec::Pcmu, Codec::G722]] {
        let codec = |port: u16| codecs[usize::from(port)];
        let mut floor = Floor::of(3, codec);
        // Two media shards, of which another one has a member, too.
        let room = Arc::new(Room::new(1, 2));
        let _elsewhere = room.enter();
        for port in [0, 1, 2].map(PortId) {
            let (room, mode) = (Arc::clone(&room), Mode::TalkAndListen);
            let confer = Command::Confer { port, room, mode };
            floor.plane.handle_input(floor.now, confer);
        }
        let next = floor.warm(codec);
        assert_eq!(floor.run(codec, next), 0, "{codecs:?}");
    }
}

#[test]
fn recording_allocates_nothing_per_packet() {
    let codec = |_| Codec::Pcma;
    let mut floor = Floor::of(2, codec);
    let (a, b) = (PortId(0), PortId(1));
    floor
        .plane
        .handle_input(floor.now, Command::Bridge { a, b });
    let next = floor.warm(codec);
    let record = Command::Record {
        port: a,
        operation: 1,
        file: "a".into(),
    };
    floor.plane.handle_input(floor.now, record);
    // From the very first packet: the blocks were made with the tape.
    assert_eq!(floor.run(codec, next), 0);
    assert!(floor.blocks > 50, "{} blocks", floor.blocks);
}
