//! Presses, whatever of their packets arrives.

use proptest::prelude::*;

use super::*;

const SSRC: u32 = 7;

fn now() -> Instant {
    #[allow(
        clippy::disallowed_methods,
        reason = "any instant will do; it is never read again"
    )]
    Instant::now()
}

fn fixed(marker: bool, timestamp: u32) -> Fixed {
    Fixed {
        marker,
        payload_type: 101,
        sequence: 0,
        timestamp,
        ssrc: SSRC,
    }
}

fn payload(digit: char, duration: u16, ended: bool) -> [u8; 4] {
    let report = Report {
        digit,
        ended,
        duration,
    };
    report.payload().unwrap()
}

#[test]
fn a_report_that_is_written_is_read_again() {
    for (code, digit) in (0..).zip("0123456789*#ABCD".chars()) {
        for (ended, duration) in [(false, 160), (true, 0xffff)] {
            let payload = payload(digit, duration, ended);
            assert_eq!(payload[0], code);
            let report = Report {
                digit,
                ended,
                duration,
            };
            assert_eq!(Report::parse(&payload), Some(report));
        }
    }
    let none = Report {
        digit: 'E',
        ended: false,
        duration: 0,
    };
    assert_eq!(none.payload(), None);
}

#[test]
fn what_is_no_key_is_no_press() {
    let mut presses = Presses::default();
    // A flash hook, a fax tone, and what is too short to be a report.
    let others: [&[u8]; 4] = [&[16, 0, 0, 160], &[36, 0, 0, 160], &[5, 0, 0], &[]];
    for (n, payload) in (0..).zip(others) {
        let heard = presses.hear(now(), &fixed(true, n), payload);
        assert_eq!(heard, Heard::Nothing);
    }
}

#[test]
fn a_press_over_eight_seconds_is_one() {
    // RFC 4733 §2.5.1.3: three segments, of which only the first has a marker and the last an end.
    let mut presses = Presses::default();
    let now = now();
    let first = 0xffff_f000_u32;
    let segments = [0, 1, 2].map(|n| first.wrapping_add(n * SEGMENT));
    let five = |presses: &mut Presses, marker, timestamp| {
        presses.hear(now, &fixed(marker, timestamp), &payload('5', 160, false))
    };
    assert_eq!(five(&mut presses, true, segments[0]), Heard::Press('5'));
    assert_eq!(five(&mut presses, false, segments[1]), Heard::Nothing);
    assert_eq!(five(&mut presses, false, segments[2]), Heard::Nothing);
    // A press of another key just then is another press, and so is one with a marker.
    let after = segments[2].wrapping_add(SEGMENT);
    let six = presses.hear(now, &fixed(false, after), &payload('6', 160, false));
    assert_eq!(six, Heard::Press('6'));
    let again = after.wrapping_add(SEGMENT);
    let six = presses.hear(now, &fixed(true, again), &payload('6', 160, false));
    assert_eq!(six, Heard::Press('6'));
}

#[test]
fn another_sender_may_use_the_same_timestamp() {
    let mut presses = Presses::default();
    for ssrc in [1, 2] {
        let fixed = Fixed {
            ssrc,
            ..fixed(true, 80)
        };
        let heard = presses.hear(now(), &fixed, &payload('1', 160, false));
        assert_eq!(heard, Heard::Press('1'));
    }
}

#[test]
fn no_more_presses_are_told_than_a_machine_can_key() {
    let mut presses = Presses::default();
    let mut now = now();
    let press = |presses: &mut Presses, now, n: u32| {
        let heard = presses.hear(now, &fixed(true, n * 800), &payload('1', 160, true));
        heard == Heard::Press('1')
    };
    let told = (0..1_000).filter(|&n| press(&mut presses, now, n)).count();
    assert_eq!(told, PRESSES_AT_ONCE as usize);
    // What was too much once is not told later, and the next press is once there is room.
    now += PRESS_SHORTEST;
    assert!(!press(&mut presses, now, 999));
    assert!(press(&mut presses, now, 1_000));
    assert!(!press(&mut presses, now, 1_001));
}

/// A packet on its way: when it arrives, and what it is.
type Flying = (u64, Fixed, [u8; 4]);

/// The packets of these keys as RFC 4733 §2.5.1 has them sent: one each 20 ms, the end three times.
fn packets(keys: &[(usize, u64)]) -> Vec<Vec<Flying>> {
    let mut at = 0;
    let mut sent = Vec::new();
    for &(key, length) in keys {
        let digit = char::from(KEYS[key]);
        let timestamp = (at * 8) as u32;
        let mut press = Vec::new();
        for n in 1..=length + 2 {
            let duration = (n.min(length) * 160) as u16;
            let report = payload(digit, duration, n >= length);
            press.push((at + n * 20, fixed(n == 1, timestamp), report));
        }
        at += (length + 2) * 20 + 60;
        sent.push(press);
    }
    sent
}

proptest! {
    #[test]
    fn a_press_of_which_one_packet_arrives_is_told_once_and_in_its_order(
        keys in prop::collection::vec((0_usize..16, 2_u64..10), 1..20),
        fates in prop::collection::vec((0_u8..4, 0_u64..50, 0_u64..50), 300),
    ) {
        let mut fates = fates.into_iter().cycle();
        let mut flying = Vec::new();
        let mut expected = String::new();
        for (press, &(key, _)) in packets(&keys).iter().zip(&keys) {
            let before = flying.len();
            for &(at, fixed, report) in press {
                let (copies, late, later) = fates.next().unwrap();
                // Half of them are lost; some come twice; each has a delay of its own.
                for late in [late, later].into_iter().take(usize::from(copies.saturating_sub(1))) {
                    flying.push((at + late, fixed, report));
                }
            }
            if flying.len() > before {
                expected.push(char::from(KEYS[key]));
            }
        }
        flying.sort_by_key(|(at, ..)| *at);
        let start = now();
        let mut presses = Presses::default();
        let mut told = String::new();
        for (at, fixed, report) in flying {
            match presses.hear(start + Duration::from_millis(at), &fixed, &report) {
                Heard::Press(digit) => told.push(digit),
                Heard::Flood => prop_assert!(false, "nobody floods here"),
                Heard::Nothing => {}
            }
        }
        prop_assert_eq!(told, expected);
    }
}
