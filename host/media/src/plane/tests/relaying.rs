//! What becomes of a packet between two ports.

use proptest::prelude::*;

use super::*;
use crate::codec::{Decoder, Encoder, Rate, snr_db};
use crate::g711::{self, Law};
use crate::tone::Tone;

#[test]
fn same_codec_passes_the_payload_untouched_both_ways() {
    let mut bench = Bench::bridged();
    let payload: Vec<u8> = (0..160).collect();
    let there = bench.packet(A, first(1), &payload).unwrap();
    assert_eq!(
        (there.via, there.to, &there.payload),
        (B, remote(B), &payload)
    );
    let back = bench.packet(B, first(2), &payload).unwrap();
    assert_eq!((back.via, back.to, &back.payload), (A, remote(A), &payload));
}

#[test]
fn nothing_of_the_peers_header_is_copied() {
    let mut bench = Bench::bridged();
    let sent = bench.packet(A, first(1), &[0; 160]).unwrap().fixed;
    assert_ne!(sent.ssrc, 1);
    assert_ne!(sent.sequence, first(1).sequence);
    assert_ne!(sent.timestamp, first(1).timestamp);
}

#[test]
fn one_stream_goes_on_over_the_wrap_of_its_numbers() {
    let mut bench = Bench::bridged();
    let sent = bench.stream(A, first(1), 100);
    assert_one_stream(&sent, &[160; 99]);
    assert!(sent[0].fixed.marker && sent[1..].iter().all(|s| !s.fixed.marker));
    assert_eq!(bench.stats(A).packets_lost, 0);
}

#[test]
fn different_codecs_are_transcoded_under_the_payload_types_of_each_leg() {
    let mut bench = Bench::bridged();
    let ulaw = Negotiated {
        codec: Codec::Pcmu,
        payload_type: 96,
        receive: vec![(97, Codec::Pcmu)],
        ..agreed(B)
    };
    bench.configure(B, ulaw);
    let alaw: Vec<u8> = (0..=255).collect();
    let there = bench.packet(A, first(1), &alaw).unwrap();
    let mut expected = alaw.clone();
    g711::transcode(Law::A, Law::U, &mut expected);
    assert_eq!(
        (there.fixed.payload_type, there.payload),
        (96, expected.clone())
    );
    let back = bench
        .packet(
            B,
            Fixed {
                payload_type: 97,
                ..first(2)
            },
            &expected,
        )
        .unwrap();
    g711::transcode(Law::U, Law::A, &mut expected);
    assert_eq!((back.fixed.payload_type, back.payload), (8, expected));
}

/// What B hears in 20 ms packets when A speaks a tone and the legs have these codecs.
fn through_a_bridge(from: Codec, to: Codec, original: &[i16]) -> Vec<i16> {
    let mut bench = Bench::bridged();
    for (port, codec) in [(A, from), (B, to)] {
        let payload_type = codec.payload_type();
        let agreed = Negotiated {
            codec,
            payload_type,
            receive: vec![(payload_type, codec)],
            ..agreed(port)
        };
        bench.configure(port, agreed);
    }
    let mut encoder = Encoder::new(from, Rate::Narrow);
    let mut decoder = Decoder::new(to, Rate::Narrow);
    let mut heard = Vec::new();
    for (at, samples) in original.chunks(160).enumerate() {
        let mut payload = [0; 160];
        encoder.encode(samples, &mut payload);
        let fixed = Fixed {
            payload_type: from.payload_type(),
            ..nth(first(1), at as u16)
        };
        let sent = bench.packet(A, fixed, &payload).unwrap();
        assert_eq!(sent.fixed.payload_type, to.payload_type());
        let mut samples = [0; 160];
        assert_eq!(decoder.decode(&sent.payload, &mut samples), 160);
        heard.extend(samples);
    }
    heard
}

#[test]
fn a_tone_keeps_its_distance_to_the_noise_through_a_bridge_of_any_codecs() {
    let mut original = vec![0; 16_000];
    Tone::new(1_004, -10.0).fill(&mut original);
    let even = || Codec::ALL.into_iter().filter(|codec| codec.is_even());
    for from in even() {
        for to in even() {
            let heard = through_a_bridge(from, to, &original);
            // Filters delay; the distance is that at the delay that fits best.
            let snr = (0..64)
                .map(|delay| snr_db(&original[8_000..15_000], &heard[8_000 + delay..]))
                .fold(f64::MIN, f64::max);
            let least = match (from == to, [from, to].contains(&Codec::G722)) {
                (_, true) => 20.0,
                (true, false) => 35.0,
                (false, false) => 33.0,
            };
            assert!(snr >= least, "{from} to {to}: {snr}");
        }
    }
}

#[test]
fn a_telephone_event_keeps_its_duration_and_one_timestamp() {
    let mut bench = Bench::bridged();
    let event = Some(Types {
        send: 120,
        receive: 121,
    });
    bench.configure(
        B,
        Negotiated {
            telephone_event: event,
            ..agreed(B)
        },
    );
    let audio = bench.stream(A, first(1), 2);
    let start = nth(first(1), 2);
    let mut events = Vec::new();
    for (i, duration) in [160_u16, 320, 480].into_iter().enumerate() {
        let fixed = Fixed {
            marker: i == 0,
            payload_type: 101,
            sequence: start.sequence.wrapping_add(i as u16),
            ..start
        };
        let [high, low] = duration.to_be_bytes();
        events.extend(bench.packet(A, fixed, &[5, 10, high, low]));
        bench.pass(20);
    }
    let payloads: Vec<&[u8]> = events.iter().map(|e| e.payload.as_slice()).collect();
    assert_eq!(payloads, [[5, 10, 0, 160], [5, 10, 1, 64], [5, 10, 1, 224]]);
    assert!(events.iter().all(|e| e.fixed.payload_type == 120));
    assert_eq!(
        events.iter().map(|e| e.fixed.marker).collect::<Vec<_>>(),
        [true, false, false]
    );
    let after = bench.packet(A, nth(first(1), 5), &[0; 160]);
    let sent: Vec<Sent> = audio.into_iter().chain(events).chain(after).collect();
    assert_one_stream(&sent, &[160, 160, 0, 0, 480]);
}

#[test]
fn what_the_peer_cannot_have_is_dropped_without_a_gap() {
    let mut bench = Bench::bridged();
    bench.configure(
        B,
        Negotiated {
            telephone_event: None,
            ..agreed(B)
        },
    );
    let mut sent = Vec::new();
    for (n, payload_type) in [8, 101, 13, 8].into_iter().enumerate() {
        let fixed = Fixed {
            payload_type,
            ..nth(first(1), n as u16)
        };
        sent.extend(bench.packet(A, fixed, &[0; 4]));
        bench.pass(20);
    }
    assert_one_stream(&sent, &[480]);
    let stats = bench.stats(A);
    // The event was agreed with A, so it was received; comfort noise was agreed with nobody.
    assert_eq!(
        (
            stats.packets_received,
            stats.packets_dropped,
            stats.packets_lost
        ),
        (3, 1, 0)
    );
}

#[test]
fn gaps_stay_gaps_and_late_packets_stay_late() {
    let mut bench = Bench::bridged();
    let mut sequences = Vec::new();
    for n in [10, 11, 14, 12, 15] {
        sequences.push(
            bench
                .packet(A, nth(first(1), n), &[0; 160])
                .unwrap()
                .fixed
                .sequence,
        );
    }
    let base = sequences[0];
    let offsets: Vec<u16> = sequences.iter().map(|s| s.wrapping_sub(base)).collect();
    assert_eq!(offsets, [0, 1, 4, 2, 5]);
    assert_eq!(bench.stats(A).packets_lost, 1);
    // Late from before the first: it has no place in our stream.
    assert_eq!(bench.packet(A, nth(first(1), 9), &[0; 160]), None);
}

#[test]
fn header_extensions_and_padding_stay_on_their_leg() {
    let mut bench = Bench::bridged();
    let mut datagram = rtp::build(first(1), &[]);
    datagram[0] |= 0x30;
    datagram.extend([0xbe, 0xde, 0, 1, 9, 9, 9, 9, 1, 2, 3, 0, 2]);
    let sent = bench.datagram(A, remote(A), &datagram).unwrap();
    assert_eq!(sent.payload, [1, 2, 3]);
}

#[test]
fn what_is_no_rtp_is_dropped_and_rtcp_too_where_nobody_agreed_to_it() {
    let mut bench = Bench::bridged();
    assert_eq!(bench.datagram(A, remote(A), b"hello"), None);
    assert_eq!(bench.datagram(A, remote(A), &[]), None);
    assert_eq!(
        bench.datagram(A, remote(A), &[0x80, 200, 0, 1, 0, 0, 0, 0]),
        None
    );
    let stats = bench.stats(A);
    assert_eq!((stats.packets_dropped, stats.rtcp_received), (3, 0));
}

#[test]
fn a_port_without_agreement_or_route_sends_nothing() {
    let mut bench = Bench::new();
    bench.open(A);
    assert_eq!(bench.packet(A, first(1), &[0; 160]), None);
    assert_eq!(bench.stats(A).packets_dropped, 1);
    bench.configure(A, agreed(A));
    assert_eq!(bench.packet(A, first(1), &[0; 160]), None);
    bench.open(B);
    bench.command(Command::Bridge { a: A, b: B });
    assert_eq!(bench.packet(A, nth(first(1), 1), &[0; 160]), None);
    assert_eq!(bench.stats(A).packets_received, 2);
}

#[test]
fn counters_count_packets_octets_and_jitter() {
    let mut bench = Bench::bridged();
    for n in 0..200 {
        // Every other packet is 5 ms late: |D| is 40 units throughout.
        let late = u64::from(n % 2) * 5;
        bench.pass(late);
        bench.packet(A, nth(first(1), n), &[0; 160]);
        bench.pass(20 - late);
    }
    let (a, b) = (bench.stats(A), bench.stats(B));
    assert_eq!((a.packets_received, a.octets_received), (200, 32_000));
    assert_eq!((b.packets_sent, b.octets_sent), (200, 32_000));
    let jitter = a.jitter.as_micros() * 8 / 1_000;
    assert!((38..=41).contains(&jitter), "{jitter}");
}

proptest! {
    #[test]
    fn no_datagram_makes_it_panic(
        datagrams in proptest::collection::vec(
            (0_u64..4, proptest::collection::vec(any::<u8>(), 0..40)), 0..60)
    ) {
        let mut bench = Bench::bridged();
        for (port, mut octets) in datagrams {
            if let [first, second, ..] = octets.as_mut_slice() {
                (*first, *second) = (*first & 0x3f | 0x80, *second & 0x80 | 8);
            }
            bench.datagram(PortId(port), remote(PortId(port)), &octets);
            bench.pass(7);
        }
    }
}
