//! Keys that a peer presses: told once, and sent on as they came.

use super::*;

/// The packets of a press after those of a stream, the first of which has the place `at`.
fn press(stream: Fixed, at: u16, event: u8) -> Vec<(Fixed, [u8; 4])> {
    let start = nth(stream, at);
    (0..5_u16)
        .map(|n| {
            let fixed = Fixed {
                marker: n == 0,
                payload_type: 101,
                sequence: start.sequence.wrapping_add(n),
                ..start
            };
            let lasted = 160 * (n.min(2) + 1);
            let [high, low] = lasted.to_be_bytes();
            (fixed, [event, u8::from(n >= 2) << 7 | 0x0a, high, low])
        })
        .collect()
}

fn digit(digit: char) -> String {
    format!("Event(Digit {{ port: PortId(1), digit: {digit:?}, how: Event }})")
}

#[test]
fn a_press_is_told_once_and_goes_on_whole() {
    let mut bench = Bench::bridged();
    bench.stream(A, first(1), 3);
    bench.outputs();
    let mut passed = 0;
    for (fixed, payload) in press(first(1), 3, 11) {
        let sent = bench.packet(A, fixed, &payload).unwrap();
        assert_eq!(sent.payload, payload);
        passed += 1;
        bench.pass(20);
    }
    assert_eq!(bench.outputs(), [digit('#')]);
    assert_eq!(passed, 5);
    assert_eq!(bench.stats(A).digits_dropped, 0);
}

/// RFC 4028 §7.4: an offer that changes nothing comes at any time, of either side.
#[test]
fn a_refresh_in_the_midst_of_a_press_does_not_make_two_of_it() {
    let mut bench = Bench::bridged();
    bench.stream(A, first(1), 3);
    bench.outputs();
    let mut sent = Vec::new();
    for (n, (fixed, payload)) in press(first(1), 3, 11).into_iter().enumerate() {
        bench.configure([A, B][n % 2], agreed([A, B][n % 2]));
        sent.extend(bench.packet(A, fixed, &payload));
        bench.pass(20);
    }
    assert_one_stream(&sent, &[0; 4]);
    let marked = sent.iter().filter(|it| it.fixed.marker);
    assert_eq!(marked.count(), 1, "{sent:?}");
    assert_eq!(bench.outputs(), [digit('#')]);
}

#[test]
fn a_press_is_told_whichever_of_its_packets_arrives_alone() {
    for arrives in 0..5 {
        let mut bench = Bench::bridged();
        bench.command(Command::Unbridge { port: A });
        bench.stream(A, first(1), 3);
        bench.outputs();
        let (fixed, payload) = press(first(1), 3, 9)[arrives];
        assert_eq!(bench.packet(A, fixed, &payload), None, "nobody is there");
        assert_eq!(bench.packet(A, fixed, &payload), None, "a copy");
        assert_eq!(bench.outputs(), [digit('9')], "packet {arrives}");
    }
}

#[test]
fn what_was_not_agreed_or_comes_from_a_stranger_is_no_press() {
    let mut bench = Bench::bridged();
    bench.stream(A, first(1), 3);
    bench.outputs();
    let (fixed, payload) = press(first(1), 3, 1)[0];
    let stranger = SocketAddr::new(IpAddr::from([203, 0, 113, 9]), 4_000);
    let datagram = rtp::build(fixed, &payload);
    assert_eq!(bench.datagram(A, stranger, &datagram), None);
    bench.configure(
        A,
        Negotiated {
            telephone_event: None,
            ..agreed(A)
        },
    );
    bench.outputs();
    assert_eq!(bench.packet(A, fixed, &payload), None);
    assert!(bench.outputs().is_empty());
}

#[test]
fn presses_faster_than_any_telephone_are_counted_and_not_told() {
    let mut bench = Bench::bridged();
    bench.stream(A, first(1), 3);
    bench.outputs();
    for n in 0..100 {
        let fixed = Fixed {
            payload_type: 101,
            ..nth(first(1), 3 + n)
        };
        bench.packet(A, fixed, &[1, 10, 0, 160]);
    }
    let told = limits::PRESSES_AT_ONCE as usize;
    assert_eq!(bench.outputs().len(), told);
    assert_eq!(bench.stats(A).digits_dropped, 100 - told as u64);
}
