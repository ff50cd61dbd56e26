//! Packets of telephone events in any order and of any time, from several senders.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use media::dtmf::{Heard, Presses, Report};
use media::limits::{PRESS_SHORTEST, PRESSES_AT_ONCE};
use media::rtp::Fixed;

/// Panics where it does not hold. The clock begins at `start`.
pub(crate) fn check(start: Instant, input: &[u8]) {
    let mut presses = Presses::default();
    let (mut now, mut timestamp) = (start, 0_u32);
    let mut told = 0_u32;
    let mut places = BTreeSet::new();
    // Each packet: whose and which way in time, how far, how much later; then its four octets.
    for packet in input.chunks(7) {
        let [what, far, later, payload @ ..] = packet else {
            return;
        };
        now += Duration::from_millis(u64::from(*later));
        timestamp = match what % 4 {
            0 => timestamp,
            1 => timestamp.wrapping_add(u32::from(*far) * 0x0101),
            2 => timestamp.wrapping_add(0xffff),
            _ => timestamp.wrapping_sub(u32::from(*far)),
        };
        let fixed = Fixed {
            marker: what & 0x10 != 0,
            payload_type: 101,
            sequence: 0,
            timestamp,
            ssrc: u32::from(what >> 6),
        };
        let report = Report::parse(payload);
        if let Some(report) = report {
            let written = report.payload().expect("it is a key");
            assert_eq!(Report::parse(&written), Some(report));
        }
        match presses.hear(now, &fixed, payload) {
            Heard::Press(digit) => {
                assert_eq!(Some(digit), report.map(|it| it.digit));
                told += 1;
                places.insert((fixed.ssrc, timestamp));
            }
            Heard::Flood => assert!(report.is_some()),
            Heard::Nothing => {}
        }
        // The same once more says nothing new.
        assert_eq!(presses.hear(now, &fixed, payload), Heard::Nothing);
        let passed = now.duration_since(start).as_millis() / PRESS_SHORTEST.as_millis();
        assert!(
            u128::from(told) <= passed + 1 + u128::from(PRESSES_AT_ONCE),
            "too fast"
        );
    }
    assert!(places.len() <= told as usize);
}
