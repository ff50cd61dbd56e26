//! Whoever sends from a wrong address is never heard: whatever the port does with what its peer says.

use std::sync::Arc;

use super::*;
use crate::command::Mode;
use crate::plane::Output;
use crate::room::Room;
use crate::srtp::{Agreed, Secret, Suite};
use crate::tape::Word;

/// What strangers say: loud, and nothing else is.
const LOUD: [u8; 160] = [0x2a; 160];

/// What the peer says: silence of A-law.
const QUIET: [u8; 160] = [0xd5; 160];

/// Where nobody is expected: another host, before the peer has spoken and later; its own host, on another port,
/// once it has.
fn strangers(has_spoken: bool) -> Vec<SocketAddr> {
    let mut all = vec![
        SocketAddr::new(IpAddr::from([203, 0, 113, 9]), 4_000),
        remote(C),
    ];
    if has_spoken {
        all.push(SocketAddr::new(remote(A).ip(), 4_002));
    }
    all
}

/// What of all that leaves the plane, or goes onto a tape, is loud: none of it may be.
#[derive(Default)]
struct Heard {
    quiet: u32,
    loud: u32,
}

impl Heard {
    fn take(&mut self, payload: &[u8]) {
        let sample = |octet: &u8| crate::g711::decode_sample(crate::g711::Law::A, *octet);
        let samples: Vec<i16> = payload.iter().map(sample).collect();
        if crate::tone::level_db(&samples) > -40.0 {
            self.loud += 1;
        } else {
            self.quiet += 1;
        }
    }
}

/// Strangers talk at port A before its peer does, with it and after it; `bench` is as the call is.
fn besiege(mut bench: Bench, says: impl Fn(u16, &[u8; 160]) -> Vec<u8>) -> Heard {
    let mut heard = Heard::default();
    for n in 0..150_u16 {
        let has_spoken = n >= 60;
        for from in strangers(has_spoken) {
            // The stream of the peer, or one of its own.
            for ssrc in [1, 7] {
                let packet = rtp::build(nth(first(ssrc), n), &LOUD);
                let passed = bench.datagram(A, from, &packet);
                assert_eq!(passed, None, "{from}, packet {n}");
            }
        }
        if (50..100).contains(&n) {
            let packet = says(n, &QUIET);
            let passed = bench.datagram(A, remote(A), &packet);
            if let Some(passed) = passed {
                heard.take(&passed.payload);
            }
        }
        let packed = bench.said();
        for sent in bench.ticks(20).into_iter().chain(packed) {
            if sent.via == B && sent.fixed.payload_type == 8 {
                heard.take(&sent.payload);
            }
        }
        while let Some(output) = bench.plane.poll_output() {
            match output {
                Output::Tape(Word::Block(block)) => {
                    for entry in block.entries() {
                        heard.take(entry.payload);
                    }
                    bench.plane.handle_block(block);
                }
                Output::Event(crate::Event::Latched { from, .. }) => panic!("{from} is believed"),
                _ => {}
            }
        }
    }
    let strangers = 2 * (150 * 2 + 90);
    assert_eq!(bench.stats(A).packets_dropped, strangers);
    assert_eq!(bench.stats(A).packets_received, 50);
    heard
}

fn plain(n: u16, payload: &[u8; 160]) -> Vec<u8> {
    rtp::build(nth(first(1), n), payload)
}

fn assert_only_the_peer(heard: &Heard) {
    assert_eq!(heard.loud, 0);
    assert!(heard.quiet >= 48, "{} of the peer's", heard.quiet);
}

#[test]
fn in_a_bridge() {
    assert_only_the_peer(&besiege(Bench::bridged(), plain));
}

#[test]
fn in_a_bridge_that_transcodes_or_packs_anew() {
    for (codec, ptime) in [(Codec::G722, 20), (Codec::Pcma, 40), (Codec::Pcma, 10)] {
        let mut bench = Bench::bridged();
        let other = Negotiated {
            codec,
            packing: crate::sdp::Packing::new(Some(ptime), None),
            ..agreed(B)
        };
        bench.configure(B, other);
        let heard = besiege(bench, plain);
        // What is loud in one codec is in the other.
        assert!(heard.quiet + heard.loud >= 24, "{codec}");
        if codec == Codec::Pcma {
            assert_eq!(heard.loud, 0);
        }
    }
}

#[test]
fn in_a_conference() {
    let mut bench = Bench::bridged();
    let room = Arc::new(Room::new(7, 1));
    for port in [A, B] {
        bench.command(Command::Confer {
            port,
            room: Arc::clone(&room),
            mode: Mode::TalkAndListen,
        });
    }
    bench.ticks(1_000); // the chimes are over
    assert_only_the_peer(&besiege(bench, plain));
}

#[test]
fn on_a_recording() {
    let mut bench = Bench::bridged();
    bench.command(Command::Unbridge { port: A });
    bench.command(Command::Record {
        port: A,
        operation: 1,
        file: "rec".into(),
    });
    bench.command(Command::Listen {
        port: A,
        to_tones: true,
    });
    let heard = besiege(bench, plain);
    assert_eq!(heard.loud, 0);
    // A block is handed over when it is full or old.
    assert!(heard.quiet >= 30, "{}", heard.quiet);
}

#[test]
fn under_srtp() {
    let secret = |seed| Secret::new([seed; 32]).keys(Suite::AesGcm128);
    let (send, receive) = (secret(1), secret(101));
    let mut bench = Bench::bridged();
    let keys = Agreed {
        send: send.clone(),
        receive: receive.clone(),
    };
    let protected = Negotiated {
        srtp: Some(Box::new(keys)),
        ..agreed(A)
    };
    bench.configure(A, protected);
    let theirs = Agreed {
        send: receive,
        receive: send,
    };
    let peer = std::cell::RefCell::new(crate::srtp::Context::renewed(None, theirs));
    let heard = besiege(bench, |n, payload| {
        let mut packet = plain(n, payload);
        let len = packet.len();
        packet.resize(len + crate::srtp::OVERHEAD, 0);
        let sealed = peer.borrow_mut().sealer.seal(&mut packet, len).unwrap();
        packet.truncate(sealed);
        packet
    });
    assert_only_the_peer(&heard);
}
