//! Keys in the audio of a peer: told once, whatever is lost, and what the other side of a bridge gets of them.

use super::*;
use crate::codec::{Encoder, Rate};
use crate::dtmf::tones;

/// A port whose peer sends no events, and is listened to.
fn listening(codec: Codec) -> Bench {
    let mut bench = Bench::bridged();
    let plain = Negotiated {
        telephone_event: None,
        codec,
        receive: vec![(8, codec)],
        ..agreed(A)
    };
    bench.configure(A, plain);
    bench.command(Command::Listen {
        port: A,
        to_tones: true,
    });
    bench
}

/// The payloads of keys of 100 ms with as much silence before each, and at the end.
fn keyed(codec: Codec, keys: &str) -> Vec<Vec<u8>> {
    let mut samples = Vec::new();
    for key in keys.chars() {
        samples.resize(samples.len() + 800, 0);
        samples.extend(tones::of(key, 800));
    }
    samples.resize(samples.len() + 800, 0);
    let mut octets = vec![0; samples.len()];
    Encoder::new(codec, Rate::Narrow).encode(&samples, &mut octets);
    octets.chunks(160).map(<[u8]>::to_vec).collect()
}

/// What is told while these packets come, but for those that are lost; and which of them went on.
fn told(
    bench: &mut Bench,
    payloads: &[Vec<u8>],
    lost: impl Fn(usize) -> bool,
) -> (String, Vec<bool>) {
    let (mut told, mut passed) = (String::new(), Vec::new());
    bench.stream(A, first(1), 3);
    bench.outputs();
    for (n, payload) in payloads.iter().enumerate() {
        if !lost(n) {
            let sent = bench.packet(A, nth(first(1), n as u16 + 3), payload);
            passed.push(sent.is_some());
        }
        bench.pass(20);
        for output in bench.outputs() {
            let (_, rest) = output.split_once("digit: '").unwrap();
            assert!(rest.contains("how: Tones"));
            told.push(rest.chars().next().unwrap());
        }
    }
    (told, passed)
}

#[test]
fn keys_of_every_codec_are_told_in_order_and_go_on_as_events_only() {
    // Whoever speaks another one has telephone events.
    for codec in Codec::ALL.into_iter().filter(|codec| codec.is_even()) {
        let mut bench = listening(codec);
        let (told, passed) = told(&mut bench, &keyed(codec, "159D#"), |_| false);
        assert_eq!(told, "159D#", "{codec}");
        // Two packets of a key have gone on before it was sure, the other three have not.
        let stopped = passed.iter().filter(|it| !**it).count();
        assert!((15..=25).contains(&stopped), "{codec}: {stopped}");
        assert!(passed[passed.len() - 3..].iter().all(|it| *it), "{codec}");
    }
}

#[test]
fn towards_who_takes_no_events_the_tones_go_on() {
    let mut bench = listening(Codec::Pcma);
    let plain = Negotiated {
        telephone_event: None,
        ..agreed(B)
    };
    bench.configure(B, plain);
    let (told, passed) = told(&mut bench, &keyed(Codec::Pcma, "159D#"), |_| false);
    assert_eq!(told, "159D#");
    assert!(passed.iter().all(|it| *it));
}

#[test]
fn no_loss_of_one_packet_or_two_makes_one_key_two_or_none() {
    let payloads = keyed(Codec::Pcma, "77");
    for gone in 0..payloads.len() {
        for many in 1..=2 {
            let mut bench = listening(Codec::Pcma);
            let lost = |n: usize| (gone..gone + many).contains(&n);
            let (told, _) = told(&mut bench, &payloads, lost);
            assert_eq!(told, "77", "{many} from {gone}");
        }
    }
}

#[test]
fn a_hole_of_120_ms_in_a_long_press_does_not_make_two_of_it() {
    let mut samples = vec![0; 800];
    samples.extend(tones::of('5', 3_200));
    samples.resize(samples.len() + 800, 0);
    let mut octets = vec![0; samples.len()];
    Encoder::new(Codec::Pcma, Rate::Narrow).encode(&samples, &mut octets);
    let payloads: Vec<_> = octets.chunks(160).map(<[u8]>::to_vec).collect();
    for many in 1..=6 {
        for gone in 0..payloads.len() {
            let mut bench = listening(Codec::Pcma);
            let lost = |n: usize| (gone..gone + many).contains(&n);
            let (told, _) = told(&mut bench, &payloads, lost);
            assert_eq!(told, "5", "{many} from {gone}");
        }
    }
}

#[test]
fn what_comes_behind_such_a_hole_is_told_if_it_is_another_press() {
    // Keys of 100 ms and pauses of 100 ms: four are lost from the last of the first key on.
    for (keys, told_of_them) in [("55", "55"), ("58", "58")] {
        let payloads = keyed(Codec::Pcma, keys);
        let mut bench = listening(Codec::Pcma);
        let (told, _) = told(&mut bench, &payloads, |n| (9..13).contains(&n));
        assert_eq!(told, told_of_them);
    }
}

#[test]
fn packets_that_are_late_or_doubled_change_nothing() {
    let mut bench = listening(Codec::Pcma);
    let payloads = keyed(Codec::Pcma, "4");
    bench.stream(A, first(1), 3);
    bench.outputs();
    let mut order: Vec<usize> = (0..payloads.len()).flat_map(|n| [n, n]).collect();
    order.swap(8, 12);
    for n in order {
        bench.packet(A, nth(first(1), n as u16 + 3), &payloads[n]);
        bench.pass(10);
    }
    assert_eq!(bench.outputs().len(), 1);
}

#[test]
fn keys_are_told_also_after_a_clock_has_gone_back() {
    let mut bench = listening(Codec::Pcma);
    let (mut told, payloads) = (0, keyed(Codec::Pcma, "123456"));
    bench.stream(A, first(1), 3);
    bench.outputs();
    for (n, payload) in payloads.iter().enumerate() {
        let fixed = nth(first(1), n as u16 + 3);
        let back = if n < 30 { 0 } else { 80_000 };
        let timestamp = fixed.timestamp.wrapping_sub(back);
        bench.packet(A, Fixed { timestamp, ..fixed }, payload);
        bench.pass(20);
        told += bench.outputs().len();
    }
    assert_eq!(told, 6);
}

#[test]
fn nobody_listens_unless_told_so_nor_afterwards() {
    let payloads = keyed(Codec::Pcma, "4");
    let mut bench = Bench::bridged();
    assert_eq!(told(&mut bench, &payloads, |_| false).0, "");
    let mut bench = listening(Codec::Pcma);
    bench.command(Command::Listen {
        port: A,
        to_tones: false,
    });
    assert_eq!(told(&mut bench, &payloads, |_| false).0, "");
}

#[test]
fn keys_faster_than_any_telephone_are_counted_and_not_told() {
    let mut bench = listening(Codec::Pcma);
    let payloads = keyed(Codec::Pcma, &"12".repeat(20));
    bench.stream(A, first(1), 3);
    bench.outputs();
    for (n, payload) in payloads.iter().enumerate() {
        bench.packet(A, nth(first(1), n as u16 + 3), payload);
    }
    assert_eq!(
        bench.outputs().len(),
        crate::limits::PRESSES_AT_ONCE as usize
    );
    assert_eq!(bench.stats(A).digits_dropped, 40 - 16);
}
