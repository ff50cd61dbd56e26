//! Packets at a jitter buffer in any order, of any time and length, and ticks between them.

use std::time::{Duration, Instant};

use media::codec::Codec;
use media::limits::{JITTER_MAX, JITTER_PIECES};
use media::plane::jitter::{Jitter, PIECE, PLAYED};

/// Panics where it does not hold. The clock begins at `start`.
pub(crate) fn check(start: Instant, input: &[u8]) {
    let mut jitter = Jitter::default();
    let (mut now, mut timestamp, mut stream) = (start, 0_u32, 1);
    let (mut put, mut heard) = (0_u64, 0_u64);
    // What was played without a gap.
    let mut played = Vec::new();
    // Each step: what, how much later, how far the timestamp goes, how long it is.
    for step in input.chunks_exact(4) {
        let [what, later, far, length] = step else {
            return;
        };
        now += Duration::from_millis(u64::from(*later));
        if *what < 128 {
            let (mut halves, before) = (Vec::new(), jitter.counts().left_out);
            let quiet = what % 2 == 0;
            let each = |octets: &[u8]| -> Vec<_> {
                octets.chunks(PIECE).map(|it| Some(one(it))).collect()
            };
            if let Some(octets) = jitter.take_whole(now, quiet, Codec::Pcma) {
                halves = each(octets);
            } else {
                jitter.take(now, quiet, |pieces| match pieces {
                    Some((_, octets)) => halves.extend(each(octets)),
                    None => halves.push(None),
                });
            }
            assert_eq!(halves.len(), 2);
            heard += halves.iter().flatten().count() as u64;
            if jitter.counts().left_out > before {
                played.clear();
            }
            for half in halves {
                match half {
                    Some(octet) => played.push(octet),
                    None => played.clear(),
                }
            }
        } else {
            stream += u64::from(*what == 255);
            // Near, far ahead, or far back.
            let step = match what % 4 {
                0 => u32::from(*far).wrapping_mul(0x0101_0101),
                1 => 0_u32.wrapping_sub(u32::from(*far)),
                _ => u32::from(*far) * 8,
            };
            timestamp = timestamp.wrapping_add(step);
            let payload = [*far; 6 * PIECE];
            let payload = &payload[..usize::from(*length).min(payload.len())];
            put += (payload.len() / PIECE) as u64;
            jitter.put(now, stream, timestamp, Codec::Pcma, payload);
        }
        assert!(heard <= put, "more was heard than came");
        let known = played.len().min(PLAYED);
        let last: Vec<u8> = jitter.last(known).map(one).collect();
        assert_eq!(last, played[played.len() - known..], "forgotten");
        let most = JITTER_MAX + Duration::from_millis(10 * (JITTER_PIECES as u64 + 2));
        assert!(
            jitter.delay().is_none_or(|delay| delay <= most),
            "{:?}",
            jitter.delay()
        );
    }
    let counts = jitter.counts();
    assert_eq!(counts.played, heard);
}

/// The octet that a piece is filled with.
fn one(piece: &[u8]) -> u8 {
    assert_eq!(piece, [piece[0]; PIECE], "mixed up");
    piece[0]
}
