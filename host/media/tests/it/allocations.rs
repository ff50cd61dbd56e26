//! The relay allocates nothing per packet: neither the plane, nor the shard's loop around it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use media::rtp::{self, Fixed};
use media::sdp::Codec;
use media::srtp::{Agreed, Context, Secret, Suite};
use media::{Command, Family, Piece, Plane, Play, PortId, Prompt, plane};

use crate::counting::allocations;
use crate::loopback::{call, relay, start_with};
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
    let (shard, handle, events) = start_with(counted_clock);
    let call = call(&handle, &events);
    // Connecting, and the first use of everything.
    relay(&call, 0..20);
    let before = OF_THE_SHARD.load(Ordering::SeqCst);
    assert_ne!(before, 0, "it is counted");
    relay(&call, 20..520);
    assert_eq!(OF_THE_SHARD.load(Ordering::SeqCst), before);
    shard.stop();
}
