//! One outbound stream, whatever feeds it.

use super::*;

#[test]
fn a_new_bridge_goes_on_with_the_stream_of_the_old() {
    let mut bench = Bench::bridged();
    let mut sent = bench.stream(B, first(1), 3);
    bench.pass(80);
    bench.command(Command::Bridge { a: A, b: C });
    sent.extend(bench.stream(C, first(2), 3));
    // 20 ms after the third packet the clock stood at 20; 80 more passed.
    assert_one_stream(&sent, &[160, 160, 800, 160, 160]);
    assert!(sent[3].fixed.marker && !sent[4].fixed.marker);
    assert!(sent.iter().all(|s| s.via == A && s.to == remote(A)));
    assert_eq!(bench.packet(B, nth(first(1), 3), &[0; 160]), None);
}

#[test]
fn two_sources_at_the_same_moment_do_not_share_a_timestamp() {
    let mut bench = Bench::bridged();
    let before = bench.packet(B, first(1), &[0; 160]).unwrap();
    bench.command(Command::Bridge { a: A, b: C });
    let after = bench.packet(C, first(2), &[0; 160]).unwrap();
    assert_one_stream(&[before, after], &[160]);
}

#[test]
fn unbridge_ends_the_route_of_both() {
    let mut bench = Bench::bridged();
    bench.command(Command::Unbridge { port: B });
    assert_eq!(bench.packet(A, first(1), &[0; 160]), None);
    assert_eq!(bench.packet(B, first(2), &[0; 160]), None);
    bench.command(Command::Bridge { a: A, b: B });
    assert!(bench.packet(A, nth(first(1), 1), &[0; 160]).is_some());
}

#[test]
fn a_sender_that_starts_again_is_believed_at_its_second_packet() {
    let mut bench = Bench::bridged();
    let mut sent = bench.stream(A, first(1), 2);
    let again = Fixed {
        sequence: 30_000,
        timestamp: 77,
        ..first(1)
    };
    sent.extend(bench.stream(A, again, 2));
    assert_one_stream(&sent, &[160, 320]);
    // A single packet out of the way changes nothing.
    let stray = Fixed {
        sequence: 5,
        ..again
    };
    assert_eq!(bench.packet(A, stray, &[0; 160]), None);
    sent.extend(bench.packet(A, nth(again, 2), &[0; 160]));
    assert_one_stream(&sent[1..], &[320, 160]);
}

/// Its nth packet, of a clock that goes back by so many milliseconds at the third.
fn back_at_the_third(ms: u32, n: u16) -> Fixed {
    let fixed = nth(first(1), n);
    let back = if n < 3 { 0 } else { 8 * ms };
    Fixed {
        marker: n == 3,
        timestamp: fixed.timestamp.wrapping_sub(back),
        ..fixed
    }
}

#[test]
fn a_clock_that_goes_back_is_another_source_of_one_stream() {
    // RFC 3550 §5.1: a timestamp may wrap and begin anywhere, but goes on within a source.
    let mut bench = Bench::bridged();
    let mut sent = Vec::new();
    for n in [0, 1, 3, 2, 4, 5] {
        sent.extend(bench.packet(A, back_at_the_third(10_000, n), &[0; 160]));
        bench.pass(20);
    }
    // What is late from before has no place any more.
    assert_one_stream(&sent, &[160; 4]);
    assert!(sent[2].fixed.marker && !sent[3].fixed.marker);
    let stats = bench.stats(A);
    assert_eq!((stats.packets_lost, stats.packets_dropped), (0, 1));
    assert!(stats.jitter < Duration::from_millis(3), "{stats:?}");
}

#[test]
fn a_clock_that_is_put_right_by_a_few_packets_stays_the_same() {
    let mut bench = Bench::bridged();
    let packets = (0..6).map(|n| {
        bench
            .packet(A, back_at_the_third(100, n), &[0; 160])
            .unwrap()
    });
    let sent: Vec<_> = packets.collect();
    let back = 160_u32.wrapping_sub(800);
    assert_one_stream(&sent, &[160, 160, back, 160, 160]);
}

#[test]
fn hold_stops_what_was_agreed_and_resumes_without_a_gap() {
    let mut bench = Bench::bridged();
    let mut sent = bench.stream(A, first(1), 2);
    bench.configure(
        B,
        Negotiated {
            direction: Direction::RecvOnly,
            ..agreed(B)
        },
    );
    assert!(bench.stream(A, nth(first(1), 2), 50).is_empty());
    assert_eq!(
        bench.stream(B, first(2), 1).len(),
        1,
        "music on hold is heard"
    );
    bench.configure(B, agreed(B));
    sent.extend(bench.stream(A, nth(first(1), 53), 2));
    assert_one_stream(&sent, &[160, 52 * 160, 160]);
    assert!(sent[2].fixed.marker);
}

#[test]
fn a_side_that_does_not_receive_is_not_heard() {
    let mut bench = Bench::bridged();
    for direction in [Direction::SendOnly, Direction::Inactive] {
        bench.configure(
            A,
            Negotiated {
                direction,
                ..agreed(A)
            },
        );
        assert_eq!(bench.packet(A, first(1), &[0; 160]), None);
    }
    assert_eq!(bench.stats(A).packets_dropped, 2);
}

#[test]
fn the_hold_of_old_sends_nothing_to_address_zero() {
    let mut bench = Bench::bridged();
    let nowhere = SocketAddr::new(IpAddr::from([0, 0, 0, 0]), 4_000);
    bench.configure(
        B,
        Negotiated {
            remote: nowhere,
            ..agreed(B)
        },
    );
    assert_eq!(bench.packet(A, first(1), &[0; 160]), None);
}

#[test]
fn loss_before_a_new_agreement_stays_counted() {
    let mut bench = Bench::bridged();
    bench.packet(A, first(1), &[0; 160]);
    bench.packet(A, nth(first(1), 4), &[0; 160]);
    bench.configure(A, with_noise(A));
    bench.packet(A, nth(first(1), 40), &[0; 160]);
    bench.packet(A, nth(first(1), 42), &[0; 160]);
    assert_eq!(bench.stats(A).packets_lost, 4);
}

/// RFC 3550 §6.4.1 is about sources: what was lost and measured of one does not end with an agreement.
#[test]
fn jitter_before_a_new_agreement_is_not_forgotten() {
    for ssrc in [1, 2] {
        let mut bench = Bench::bridged();
        for n in 0..100 {
            bench.packet(A, nth(first(1), n), &[0; 160]);
            bench.pass(if n % 2 == 0 { 10 } else { 30 });
        }
        let before = bench.stats(A).jitter;
        assert!(before >= Duration::from_millis(8), "{before:?}");
        for agreed in [with_noise(A), agreed(A)] {
            bench.configure(A, agreed);
            assert_eq!(bench.stats(A).jitter, before);
            bench.packet(A, nth(first(ssrc), 100), &[0; 160]);
            assert_eq!(bench.stats(A).jitter, before, "source {ssrc}");
        }
        // What comes then on time counts.
        bench.pass(20);
        bench.stream(A, nth(first(ssrc), 101), 100);
        assert!(bench.stats(A).jitter < before / 4);
    }
}

/// An agreement that knows comfort noise, too.
fn with_noise(port: PortId) -> Negotiated {
    Negotiated {
        noise: Some(Types {
            send: 13,
            receive: 13,
        }),
        ..agreed(port)
    }
}
