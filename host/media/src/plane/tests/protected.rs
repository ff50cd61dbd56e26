//! Legs under SRTP: what a peer protects is passed on as the other one wants it, and nobody is believed
//! who does not have its keys.

use super::*;
use crate::srtp::{Agreed, Context, OVERHEAD, Secret, Suite};

/// The keys of a port's leg, as we have them: `seed` tells those of one leg from another's.
fn keys(suite: Suite, seed: u8) -> Agreed {
    Agreed {
        send: Secret::new([seed; 32]).keys(suite),
        receive: Secret::new([seed + 100; 32]).keys(suite),
    }
}

/// The peer's side of it.
fn peer(suite: Suite, seed: u8) -> Context {
    let Agreed { send, receive } = keys(suite, seed);
    let theirs = Agreed {
        send: receive,
        receive: send,
    };
    Context::renewed(None, theirs)
}

fn under(port: PortId, suite: Suite, seed: u8) -> Negotiated {
    Negotiated {
        srtp: Some(Box::new(keys(suite, seed))),
        ..agreed(port)
    }
}

/// What the peer sends, protected.
fn secure(context: &mut Context, plain: &[u8]) -> Vec<u8> {
    let mut packet = plain.to_vec();
    packet.resize(plain.len() + OVERHEAD, 0);
    let len = context.sealer.seal(&mut packet, plain.len()).unwrap();
    packet.truncate(len);
    packet
}

impl Bench {
    /// What the plane has protected and sent, with the protection taken off again.
    fn posted(&mut self, context: &mut Context) -> Vec<Sent> {
        let mut all = Vec::new();
        while let Some((forward, packet)) = self.plane.poll_packet() {
            let mut packet = packet.to_vec();
            assert_eq!(packet.len(), forward.len);
            let len = context.opener.open(&mut packet).unwrap();
            let parsed = rtp::parse(&packet[..len]).unwrap();
            all.push(Sent {
                via: forward.via,
                to: forward.to,
                payload: packet[parsed.payload].to_vec(),
                fixed: parsed.fixed,
            });
        }
        all
    }
}

#[test]
fn a_protected_leg_is_bridged_with_one_that_is_not() {
    for suite in Suite::ALL {
        let mut bench = Bench::bridged();
        let mut party = peer(suite, 1);
        bench.configure(A, under(A, suite, 1));
        let mut to_plain = Vec::new();
        let mut to_secure = Vec::new();
        // Round the end of the sequence.
        for n in 0..20 {
            let payload = [n as u8; 160];
            let packet = secure(&mut party, &rtp::build(nth(first(1), n), &payload));
            to_plain.extend(bench.datagram(A, remote(A), &packet));
            assert!(bench.packet(B, nth(first(2), n), &payload).is_none());
            to_secure.extend(bench.posted(&mut party));
            bench.pass(20);
        }
        for (sent, via) in [(&to_plain, B), (&to_secure, A)] {
            assert_one_stream(sent, &[160; 19]);
            for (n, packet) in sent.iter().enumerate() {
                assert_eq!((packet.via, packet.to), (via, remote(via)));
                assert_eq!(packet.payload, [n as u8; 160]);
            }
        }
        assert_eq!(bench.stats(A).packets_dropped, 0);
    }
}

#[test]
fn two_protected_legs_have_keys_of_their_own() {
    let mut bench = Bench::bridged();
    bench.configure(A, under(A, Suite::AesCm80, 1));
    bench.configure(B, under(B, Suite::AesGcm256, 2));
    let (mut a, mut b) = (peer(Suite::AesCm80, 1), peer(Suite::AesGcm256, 2));
    let packet = secure(&mut a, &rtp::build(first(1), b"hello"));
    assert_eq!(bench.datagram(A, remote(A), &packet), None);
    let sent = bench.posted(&mut b);
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].payload, b"hello");
}

/// RFC 3711 §9.1: a peer that numbers two packets alike gets nothing told of them.
#[test]
fn what_is_numbered_alike_is_protected_once() {
    for suite in Suite::ALL {
        let mut bench = Bench::bridged();
        bench.configure(B, under(B, suite, 1));
        let mut party = peer(suite, 1);
        for fill in [1, 2] {
            assert_eq!(bench.packet(A, first(1), &[fill; 160]), None);
        }
        let sent = bench.posted(&mut party);
        assert_eq!(sent.len(), 1, "{suite}");
        assert_eq!(sent[0].payload, [1; 160]);
    }
}

#[test]
fn nothing_is_passed_on_that_the_peer_has_not_protected() {
    let mut bench = Bench::bridged();
    bench.configure(A, under(A, Suite::AesCm80, 1));
    let mut party = peer(Suite::AesCm80, 1);
    let mut stranger = peer(Suite::AesCm80, 2);
    let plain = rtp::build(first(1), &[7; 160]);
    let packet = secure(&mut party, &plain);
    let mut changed = packet.clone();
    changed[40] ^= 1;
    for wrong in [&plain, &secure(&mut stranger, &plain), &changed] {
        assert_eq!(bench.datagram(A, remote(A), wrong), None);
    }
    assert_eq!(bench.stats(A).packets_dropped, 3);
    assert!(bench.datagram(A, remote(A), &packet).is_some());
    // Somebody plays it to us once more.
    assert_eq!(bench.datagram(A, remote(A), &packet), None);
    assert_eq!(bench.stats(A).packets_dropped, 4);
    assert_eq!(bench.stats(A).packets_received, 1);
}

#[test]
fn nobody_is_latched_without_the_keys() {
    let mut bench = Bench::bridged();
    bench.configure(A, under(A, Suite::AesCm80, 1));
    let elsewhere = SocketAddr::new(remote(A).ip(), 9_999);
    for n in 0..5 {
        let plain = rtp::build(nth(first(1), n), &[7; 160]);
        assert_eq!(bench.datagram(A, elsewhere, &plain), None);
    }
    assert_eq!(bench.outputs(), [""; 0]);
    let mut party = peer(Suite::AesCm80, 1);
    for n in 0..3 {
        let packet = secure(&mut party, &rtp::build(nth(first(1), n), &[7; 160]));
        bench.datagram(A, elsewhere, &packet);
    }
    let latched = bench.outputs().join(" ");
    assert!(latched.contains("Latched"), "{latched}");
}

#[test]
fn a_reinvite_goes_on_under_the_same_keys_and_begins_anew_under_others() {
    let mut bench = Bench::bridged();
    bench.configure(A, under(A, Suite::AesCm80, 1));
    let mut party = peer(Suite::AesCm80, 1);
    for n in 0..10 {
        let packet = secure(&mut party, &rtp::build(nth(first(1), n), &[7; 160]));
        assert!(bench.datagram(A, remote(A), &packet).is_some());
        assert!(bench.packet(B, nth(first(2), n), &[8; 160]).is_none());
        assert_eq!(bench.posted(&mut party).len(), 1);
    }
    bench.configure(A, under(A, Suite::AesCm80, 1));
    let packet = secure(&mut party, &rtp::build(nth(first(1), 10), &[7; 160]));
    assert!(bench.datagram(A, remote(A), &packet).is_some());
    bench.packet(B, nth(first(2), 10), &[8; 160]);
    assert_eq!(bench.posted(&mut party).len(), 1);

    bench.configure(A, under(A, Suite::AesCm80, 3));
    let packet = secure(&mut party, &rtp::build(nth(first(1), 11), &[7; 160]));
    assert_eq!(bench.datagram(A, remote(A), &packet), None);
    let mut party = peer(Suite::AesCm80, 3);
    let packet = secure(&mut party, &rtp::build(nth(first(1), 12), &[7; 160]));
    assert!(bench.datagram(A, remote(A), &packet).is_some());
    bench.packet(B, nth(first(2), 11), &[8; 160]);
    assert_eq!(bench.posted(&mut party).len(), 1);

    bench.configure(A, agreed(A));
    assert!(bench.packet(A, nth(first(1), 13), &[7; 160]).is_some());
}

#[test]
fn what_is_played_and_what_is_keyed_is_protected_too() {
    use crate::command::{Piece, Play};
    let mut bench = Bench::bridged();
    bench.configure(A, under(A, Suite::AesGcm128, 1));
    let mut party = peer(Suite::AesGcm128, 1);
    let play = Play {
        operation: 1,
        pieces: [Piece::Silence { frames: 3 }].into(),
        repeat: 1,
    };
    bench.command(Command::Play { port: A, play });
    let mut played = Vec::new();
    for _ in 0..5 {
        bench.pass(20);
        bench.plane.handle_timeout(bench.now);
        played.extend(bench.posted(&mut party));
    }
    assert_one_stream(&played, &[160; 2]);
    bench.outputs();
    let key = Fixed {
        payload_type: 101,
        marker: true,
        ..first(1)
    };
    let packet = secure(&mut party, &rtp::build(key, &[5, 10, 0, 160]));
    assert!(bench.datagram(A, remote(A), &packet).is_some());
    let told = bench.outputs().join(" ");
    assert!(told.contains("digit: '5'"), "{told}");
}

/// Reports of a call say who talks to whom, and for how long.
#[test]
fn reports_are_protected_with_the_media() {
    let mut bench = Bench::bridged();
    let agreed = Negotiated {
        remote_rtcp: Some(remote(A)),
        ..under(A, Suite::AesCm32, 1)
    };
    bench.configure(A, agreed);
    let mut party = peer(Suite::AesCm32, 1);
    bench.pass(8_000);
    bench.plane.handle_timeout(bench.now);
    let mut report = None;
    while let Some((forward, packet)) = bench.plane.poll_packet() {
        assert_eq!((forward.via, forward.to), (A, remote(A)));
        report = Some(packet.to_vec());
    }
    let mut report = report.unwrap();
    assert!(rtp::is_rtcp(&report));
    let len = party.opener.open_rtcp(&mut report).unwrap();
    assert!(crate::rtcp::read(&report[..len]).is_some());

    let plain = report[..len].to_vec();
    let mut sealed = plain.clone();
    sealed.resize(len + OVERHEAD, 0);
    let end = party.sealer.seal_rtcp(&mut sealed, len).unwrap();
    bench.datagram(A, remote(A), &plain);
    assert_eq!(bench.stats(A).rtcp_received, 0);
    for _ in 0..2 {
        bench.datagram(A, remote(A), &sealed[..end]);
        assert_eq!(bench.stats(A).rtcp_received, 1, "a replay is none");
    }
}
