//! Packets at a jitter buffer in any order, of any time and length, and ticks between them.

use std::time::{Duration, Instant};

use media::codec::Codec;
use media::limits::{JITTER_MAX, JITTER_PIECES};
use media::plane::jitter::{Jitter, PIECE};

/// Panics where it does not hold. The clock begins at `start`.
pub(crate) fn check(start: Instant, input: &[u8]) {
    let mut jitter = Jitter::default();
    let (mut now, mut timestamp, mut stream) = (start, 0_u32, 1);
    let (mut put, mut heard) = (0_u64, 0_u64);
    // Each step: what, how much later, how far the timestamp goes, how long it is.
    for step in input.chunks_exact(4) {
        let [what, later, far, length] = step else {
            return;
        };
        now += Duration::from_millis(u64::from(*later));
        if *what < 128 {
            let mut halves = 0;
            jitter.take(now, what % 2 == 0, |pieces| {
                let Some((_, octets)) = pieces else {
                    halves += 1;
                    return;
                };
                for piece in octets.chunks(PIECE) {
                    halves += 1;
                    heard += 1;
                    assert_eq!(piece, [piece[0]; PIECE], "mixed up");
                }
            });
            assert_eq!(halves, 2);
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
