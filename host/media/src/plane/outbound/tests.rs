//! Timestamps between two clocks. Those of one clock are told by the plane's own tests.

use std::time::Duration;

use rand_chacha::rand_core::SeedableRng;

use super::*;

/// Sends packets of 20 ms of a source with that clock; the steps of our timestamps.
fn steps(ours: u32, theirs: u32, packets: u32, first: u32) -> Vec<u32> {
    let mut outbound = Outbound::new(&mut ChaCha8Rng::from_seed([1; 32]));
    outbound.set_clock(ours);
    let mut now = now();
    let mut last = None;
    let mut steps = Vec::new();
    for n in 0..packets {
        let sent = place(&mut outbound, now, (1, i64::from(n)), first, n, theirs);
        steps.extend(last.map(|last| sent.wrapping_sub(last)));
        last = Some(sent);
        now += Duration::from_millis(20);
    }
    steps
}

fn place(
    outbound: &mut Outbound,
    now: Instant,
    (stream, index): (u64, i64),
    first: u32,
    n: u32,
    per_ms: u32,
) -> u32 {
    let fixed = Fixed {
        marker: false,
        payload_type: 8,
        sequence: 0,
        timestamp: first.wrapping_add(n.wrapping_mul(20 * per_ms)),
        ssrc: 1,
    };
    let length = Length {
        per_ms,
        units: 20 * per_ms,
    };
    let slot = outbound.place(now, Order { stream, index }, &fixed, length);
    slot.expect("it is in order").timestamp
}

#[allow(
    clippy::disallowed_methods,
    reason = "any instant will do; it is never read again"
)]
fn now() -> Instant {
    Instant::now()
}

#[test]
fn a_source_of_another_clock_is_brought_to_ours_over_every_wrap() {
    for first in [0, u32::MAX - 5_000, i32::MAX as u32 - 5_000] {
        assert!(steps(8, 48, 200, first).iter().all(|it| *it == 160));
        assert!(steps(48, 8, 200, first).iter().all(|it| *it == 960));
        assert!(steps(48, 48, 200, first).iter().all(|it| *it == 960));
    }
    // A day of a clock of 48,000 Hz is more than 2^31.
    assert!(steps(8, 48, 24 * 3_600 * 50, 0).iter().all(|it| *it == 160));
}

#[test]
fn a_late_packet_of_another_clock_keeps_its_place() {
    let mut outbound = Outbound::new(&mut ChaCha8Rng::from_seed([1; 32]));
    let now = now();
    let mut at = |n: u32| place(&mut outbound, now, (1, i64::from(n)), 77, n, 48);
    let (first, third, second) = (at(0), at(2), at(1));
    assert_eq!(third.wrapping_sub(first), 320);
    assert_eq!(second.wrapping_sub(first), 160);
}

#[test]
fn our_clock_may_become_another_between_two_sources() {
    let mut outbound = Outbound::new(&mut ChaCha8Rng::from_seed([1; 32]));
    let before = now();
    let old = place(&mut outbound, before, (1, 0), 0, 0, 8);
    outbound.set_clock(48);
    let after = before + Duration::from_millis(100);
    let new = place(&mut outbound, after, (2, 0), 9, 0, 48);
    assert_eq!(new.wrapping_sub(old), 4_800, "100 ms by the new clock");
    let soon = place(&mut outbound, after, (3, 0), 9, 0, 8);
    assert_eq!(soon.wrapping_sub(new), 960, "and never less than a packet");
}

#[test]
fn what_quick_switches_put_before_the_clock_is_taken_off_when_there_is_room() {
    let mut outbound = Outbound::new(&mut ChaCha8Rng::from_seed([1; 32]));
    let begin = now();
    let mut at = |ms: u64, stream: u64| {
        let now = begin + Duration::from_millis(ms);
        place(&mut outbound, now, (stream, 0), 9, 0, 8)
    };
    let begun = at(0, 1);
    let mut told = |ms, stream| at(ms, stream).wrapping_sub(begun) / 8;
    assert_eq!(
        [told(5, 2), told(10, 3)],
        [20, 40],
        "never less than a packet"
    );
    assert_eq!(told(50, 4), 60, "40 ms have passed, 20 of them taken off");
    assert_eq!(told(100, 5), 100, "and the last 10");
    assert_eq!(told(200, 6), 200);
}
