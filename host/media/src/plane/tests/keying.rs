//! Keys that are pressed towards a peer.

use super::*;
use crate::dtmf::{Report, tones};
use crate::g711::{Law, decode_sample};
use crate::limits::KEYS_WAITING;

impl Bench {
    /// Presses keys towards A.
    fn key(&mut self, keys: &str) {
        let keys = keys.into();
        self.command(Command::Key { port: A, keys });
    }

    /// The time of each packet that is said in so many milliseconds, from now, and the packet.
    fn keyed(&mut self, milliseconds: u64) -> Vec<(u64, Sent)> {
        let begin = self.now;
        let mut sent = Vec::new();
        for _ in 0..milliseconds {
            let said = self.ticks(1);
            let at = self.now.duration_since(begin).as_millis() as u64;
            sent.extend(said.into_iter().map(|it| (at, it)));
        }
        sent
    }
}

#[test]
fn a_key_is_an_event_of_100_ms_whose_end_is_said_three_times() {
    let mut bench = Bench::bridged();
    bench.key("1#");
    let sent = bench.keyed(400);
    let event = agreed(A).telephone_event.unwrap().send;
    let expected = [1, 2, 3, 4, 5, 5, 5];
    let times = [0, 20, 40, 60, 80, 100, 120];
    assert_eq!(sent.len(), 14);
    for (key, press) in "1#".chars().zip(sent.chunks(7)) {
        for ((at, packet), (frames, time)) in press.iter().zip(expected.into_iter().zip(times)) {
            let report = Report::parse(&packet.payload).unwrap();
            let ended = frames == 5;
            let duration = frames * 160;
            assert_eq!(
                (report.digit, report.ended, report.duration),
                (key, ended, duration)
            );
            assert_eq!(packet.fixed.marker, frames == 1);
            assert_eq!(packet.fixed.payload_type, event);
            assert_eq!(packet.fixed.timestamp, press[0].1.fixed.timestamp);
            assert_eq!(*at, press[0].0 + time);
        }
    }
    // 100 ms of tone and 60 of pause.
    let (first, second) = (&sent[0], &sent[7]);
    assert_eq!(second.0 - first.0, 160);
    assert_eq!(
        second
            .1
            .fixed
            .timestamp
            .wrapping_sub(first.1.fixed.timestamp),
        1_280
    );
    let numbers = sent.iter().map(|(_, it)| it.fixed.sequence);
    let from = first.1.fixed.sequence;
    assert!(
        numbers
            .enumerate()
            .all(|(n, it)| it == from.wrapping_add(n as u16))
    );
    assert_eq!(bench.plane.poll_timeout(), None);
}

#[test]
fn nothing_else_is_heard_meanwhile_and_one_stream_goes_on() {
    let mut bench = Bench::bridged();
    let before = bench.stream(B, first(1), 3);
    bench.key("5");
    let mut keyed = Vec::new();
    for i in 3..11 {
        assert_eq!(bench.packet(B, nth(first(1), i), &[0; 160]), None);
        keyed.extend(bench.ticks(20));
    }
    bench.ticks(20);
    let after = bench.stream(B, nth(first(1), 12), 2);
    let all: Vec<_> = before.iter().chain(&keyed).chain(&after).collect();
    assert_eq!((before.len(), keyed.len(), after.len()), (3, 7, 2));
    for pair in all.windows(2) {
        let [one, two] = [pair[0].fixed, pair[1].fixed];
        assert_eq!(
            (two.ssrc, two.sequence),
            (one.ssrc, one.sequence.wrapping_add(1))
        );
    }
    assert!(after[0].fixed.marker && !after[1].fixed.marker);
    // Twelve frames were there between the first packet and that one.
    let passed = after[0]
        .fixed
        .timestamp
        .wrapping_sub(before[0].fixed.timestamp);
    assert!(
        (12 * 160 - 80..=12 * 160 + 80).contains(&passed),
        "{passed}"
    );
}

#[test]
fn a_press_has_one_timestamp_though_the_port_is_bridged_and_configured_meanwhile() {
    let mut bench = Bench::bridged();
    bench.key("9");
    let mut sent = bench.ticks(40);
    bench.command(Command::Unbridge { port: A });
    sent.extend(bench.ticks(20));
    bench.configure(A, agreed(A));
    bench.command(Command::Bridge { a: A, b: C });
    sent.extend(bench.ticks(200));
    let stamps = sent.iter().map(|it| it.fixed.timestamp);
    assert!(stamps.clone().all(|it| it == sent[0].fixed.timestamp));
    assert_eq!(stamps.len(), 7);
}

#[test]
fn a_peer_that_knows_no_events_hears_the_tones() {
    let mut bench = Bench::bridged();
    let plain = Negotiated {
        telephone_event: None,
        ..agreed(A)
    };
    bench.configure(A, plain);
    bench.key("7D");
    let sent = bench.ticks(400);
    assert_eq!(sent.len(), 10);
    for (key, press) in "7D".chars().zip(sent.chunks(5)) {
        let octets = press.iter().flat_map(|it| &it.payload);
        let heard = octets.map(|&octet| i32::from(decode_sample(Law::A, octet)));
        let meant = tones::of(key, 800).into_iter().map(i32::from);
        // A-law is exact to one part in 32.
        let off = heard.zip(meant).map(|(a, b)| (a - b).abs()).max();
        assert!(off < Some(600), "{key}: {off:?}");
        assert!(press[0].fixed.payload_type == 8 && press[0].fixed.marker == (key == '7'));
    }
    let [one, two] = [0, 5].map(|at: usize| sent[at].fixed.timestamp);
    assert_eq!(two.wrapping_sub(one), 1_280);
}

#[test]
fn so_many_keys_may_wait_and_no_more() {
    let mut bench = Bench::bridged();
    bench.key(&"1".repeat(KEYS_WAITING));
    assert!(bench.outputs().is_empty());
    bench.key("2");
    assert_eq!(bench.outputs(), ["Event(Unkeyed { port: PortId(1) })"]);
    let sent = bench.ticks(60_000);
    assert_eq!(sent.len(), 7 * KEYS_WAITING);
    bench.command(Command::Close { port: A });
    assert_eq!(bench.plane.poll_timeout(), None);
}
