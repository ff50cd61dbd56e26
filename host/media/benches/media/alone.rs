//! The plane without sockets: what its own work costs.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use media::room::Room;
use media::{Command, Family, Mode, Plane, PortId, plane};

use crate::{configure, cpu, load, now};

/// Frames of 20 ms.
const FRAMES: u32 = 200;
const FRAME: Duration = Duration::from_millis(20);
/// Moments within a frame at which packets come and members have their turn.
const MOMENTS: u64 = 20;
/// From one port to the next, in such moments: a port's packet and its turn are in no relation. While ports were taken in
/// the order in which they had come in, and had their turns in it, too, a packet had come just before its turn, which then
/// found all of it in the cache.
const APART: u64 = 7;
/// Packets that the plane is told of before they are handed in, as the loop of a shard tells it.
const AT_ONCE: usize = 16;

/// A relayed packet, µs: every port in turn.
pub(crate) fn relay(calls: u64) -> f64 {
    let mut plane = Plane::new([1; 32], plane::Limits::default());
    let ports: Vec<u64> = (0..calls * 2).collect();
    let begin = now();
    for &port in &ports {
        open(&mut plane, begin, port, peer(port));
    }
    bridge(&mut plane, begin, calls);
    let mut packet = load::packet();
    let before = cpu();
    for round in 0..FRAMES {
        for &port in &ports {
            load::stamp(&mut packet, round);
            let now = begin + FRAME * round;
            let forward = plane.handle_packet(now, PortId(port), peer(port), &mut packet);
            assert!(forward.is_some(), "it is bridged");
        }
    }
    (cpu() - before) * 1e6 / (f64::from(FRAMES) * ports.len() as f64)
}

/// One conference of so many: its share of a core, all of the plane's work from packet to packet.
pub(crate) fn conference(parties: u64) -> f64 {
    let mut plane = Plane::new([1; 32], plane::Limits::default());
    let room = Arc::new(Room::new(1, 2));
    let begin = now();
    let moment = |round: u32, at: u64| begin + FRAME * round + FRAME / MOMENTS as u32 * at as u32;
    for port in 0..parties {
        open(&mut plane, begin, port, peer(port));
        let (room, mode) = (Arc::clone(&room), Mode::TalkAndListen);
        let port = PortId(port);
        plane.handle_input(begin, Command::Confer { port, room, mode });
    }
    let at = |moment| (0..parties).filter(move |port| port * APART % MOMENTS == moment);
    let talking: Vec<Vec<_>> = (0..MOMENTS)
        .map(|it| at(it).map(PortId).collect())
        .collect();
    let fresh = load::packet();
    let mut packet = fresh.clone();
    let (mut before, mut heard) = (cpu(), 0);
    let warm = FRAMES / 4;
    for round in 0..FRAMES + warm {
        if round == warm {
            (before, heard) = (cpu(), 0);
        }
        for at in 0..MOMENTS {
            let now = moment(round, at);
            for ports in talking[at as usize].chunks(AT_ONCE) {
                plane.expect(ports.iter().copied(), |_| {});
                for &port in ports {
                    packet.copy_from_slice(&fresh);
                    load::stamp(&mut packet, round);
                    let forward = plane.handle_packet(now, port, peer(port.0), &mut packet);
                    assert!(forward.is_none(), "it is mixed");
                }
            }
            plane.handle_timeout(now);
            while plane.poll_packet().is_some() {
                heard += 1;
            }
            while plane.poll_output().is_some() {}
        }
    }
    assert_eq!(
        heard,
        u64::from(FRAMES) * parties,
        "every member hears every frame"
    );
    (cpu() - before) / (FRAME * FRAMES).as_secs_f64()
}

/// Opens a port of a plane that has no driver, and agrees with its peer.
pub(crate) fn open(plane: &mut Plane, now: Instant, port: u64, peer: SocketAddr) {
    let port = PortId(port);
    let family = Family::V4;
    plane.handle_input(now, Command::Open { port, family });
    while plane.poll_output().is_some() {}
    plane.handle_bound(port, Ok(SocketAddr::from(([127, 0, 0, 1], 20_000))));
    plane.handle_input(now, configure(port, peer));
    while plane.poll_output().is_some() {}
}

/// Bridges port 0 to 1, 2 to 3, and so on.
pub(crate) fn bridge(plane: &mut Plane, now: Instant, calls: u64) {
    for call in 0..calls {
        let (a, b) = (PortId(2 * call), PortId(2 * call + 1));
        plane.handle_input(now, Command::Bridge { a, b });
    }
    while plane.poll_output().is_some() {}
}

fn peer(port: u64) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1], 10_000 + port as u16))
}
