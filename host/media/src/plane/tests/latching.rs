//! Who is believed to be the peer.

use super::*;

const NAT: [u8; 4] = [203, 0, 113, 5];

fn nat(port: u16) -> SocketAddr {
    SocketAddr::new(IpAddr::from(NAT), port)
}

/// A's SDP names a private address; its signalling comes from the NAT.
fn behind_nat() -> Bench {
    let mut bench = Bench::bridged();
    rearm(&mut bench, remote(A));
    bench.outputs();
    bench
}

fn rearm(bench: &mut Bench, remote: SocketAddr) {
    rearm_from(bench, remote, NAT);
}

/// The same by signalling that comes from there. In any case something of it is new: comfort noise, or none.
fn rearm_from(bench: &mut Bench, remote: SocketAddr, signalling: [u8; 4]) {
    let before = bench.plane.ports[&A].leg.as_ref();
    let noise = before.and_then(|leg| leg.agreed.noise);
    let types = Types {
        send: 13,
        receive: 13,
    };
    let agreed = Box::new(Negotiated {
        remote,
        noise: noise.xor(Some(types)),
        ..agreed(A)
    });
    bench.command(Command::Configure {
        port: A,
        agreed,
        signalling: IpAddr::from(signalling),
    });
}

/// Packets of these numbers from that address; whether each was passed on.
fn send(bench: &mut Bench, from: SocketAddr, numbers: &[u16]) -> Vec<bool> {
    let passed = numbers.iter().map(|&n| {
        bench.pass(20);
        bench
            .datagram(A, from, &rtp::build(nth(first(1), n), &[0; 160]))
            .is_some()
    });
    passed.collect()
}

fn target(bench: &mut Bench) -> SocketAddr {
    bench.packet(B, first(9), &[0; 160]).unwrap().to
}

#[test]
fn three_packets_from_the_signalling_address_are_believed() {
    let mut bench = behind_nat();
    assert_eq!(target(&mut bench), remote(A));
    assert_eq!(send(&mut bench, nat(61_000), &[0, 1]), [false, false]);
    assert!(bench.outputs().is_empty());
    assert_eq!(send(&mut bench, nat(61_000), &[2, 3]), [true, true]);
    assert_eq!(
        bench.outputs(),
        [
            "Connect { port: PortId(1), peer: 203.0.113.5:61000 }",
            "Event(Latched { port: PortId(1), from: 203.0.113.5:61000 })"
        ]
    );
    assert_eq!(target(&mut bench), nat(61_000));
    assert_eq!(bench.stats(A).packets_dropped, 2);
}

#[test]
fn after_latching_nobody_else_is_heard() {
    let mut bench = behind_nat();
    send(&mut bench, nat(61_000), &[0, 1, 2]);
    for stranger in [nat(61_002), remote(A), remote(C)] {
        assert_eq!(send(&mut bench, stranger, &[3, 4, 5, 6]), [false; 4]);
    }
    assert_eq!(target(&mut bench), nat(61_000));
}

#[test]
fn the_address_of_the_sdp_is_believed_at_once_and_then_alone() {
    let mut bench = behind_nat();
    assert_eq!(send(&mut bench, remote(A), &[0, 1, 2]), [true; 3]);
    assert_eq!(send(&mut bench, nat(61_000), &[3, 4, 5, 6]), [false; 4]);
    assert_eq!(target(&mut bench), remote(A));
}

#[test]
fn strangers_are_never_latched() {
    let mut bench = behind_nat();
    let numbers: Vec<u16> = (0..50).collect();
    assert_eq!(send(&mut bench, remote(C), &numbers), [false; 50]);
    assert_eq!(bench.stats(A).packets_dropped, 50);
    assert!(bench.outputs().is_empty());
}

#[test]
fn broken_streaks_are_not_believed() {
    let mut bench = behind_nat();
    // Gaps in the sequence.
    assert_eq!(send(&mut bench, nat(61_000), &[0, 2, 4, 6, 8]), [false; 5]);
    // Two who take turns.
    for n in 10..20 {
        assert_eq!(send(&mut bench, nat(61_000 + n % 2), &[n]), [false]);
    }
    // Another payload type than was agreed.
    let wrong = Fixed {
        payload_type: 18,
        ..first(1)
    };
    for n in 20..25 {
        assert_eq!(
            bench.datagram(A, nat(61_000), &rtp::build(nth(wrong, n), &[0])),
            None
        );
    }
    assert!(bench.outputs().is_empty());
}

#[test]
fn a_streak_within_five_packets_is_believed() {
    let mut bench = behind_nat();
    send(&mut bench, nat(61_000), &[0]);
    send(&mut bench, nat(62_000), &[0]);
    assert_eq!(
        send(&mut bench, nat(61_000), &[1, 2, 3]),
        [false, false, true]
    );
}

#[test]
fn a_streak_across_the_end_of_the_window_is_not_believed() {
    let mut bench = behind_nat();
    send(&mut bench, nat(61_000), &[0, 1]);
    bench.pass(2_000);
    assert_eq!(
        send(&mut bench, nat(61_000), &[2, 3, 4]),
        [false, false, true]
    );
}

#[test]
fn a_new_agreement_arms_it_again() {
    let mut bench = behind_nat();
    send(&mut bench, nat(61_000), &[0, 1, 2]);
    let moved = SocketAddr::new(remote(A).ip(), 4_002);
    rearm(&mut bench, moved);
    assert_eq!(target(&mut bench), moved);
    assert_eq!(
        send(&mut bench, nat(62_000), &[3, 4, 5]),
        [false, false, true]
    );
}

/// RFC 3264 §8.3.1: the old port is in use until our answer is there.
#[test]
fn a_peer_that_moves_is_not_held_to_where_its_late_packets_come_from() {
    let mut bench = behind_nat();
    let (old, new) = (nat(61_000), nat(61_002));
    rearm(&mut bench, old);
    assert_eq!(send(&mut bench, old, &[0, 1, 2, 3]), [true; 4]);
    rearm(&mut bench, new);
    bench.outputs();
    assert_eq!(send(&mut bench, old, &[4, 5, 6, 7]), [false; 4]);
    assert!(bench.outputs().is_empty());
    assert_eq!(target(&mut bench), new);
    assert_eq!(send(&mut bench, new, &[8, 9]), [true; 2]);
    assert_eq!(send(&mut bench, old, &[8, 9, 10, 11]), [false; 4]);
    assert_eq!(send(&mut bench, new, &[10]), [true]);
    assert_eq!(
        bench.outputs(),
        ["Connect { port: PortId(1), peer: 203.0.113.5:61002 }"]
    );
}

#[test]
fn late_packets_do_not_break_the_streak_of_a_peer_that_moved_behind_nat() {
    let mut bench = behind_nat();
    send(&mut bench, nat(61_000), &[0, 1, 2]);
    rearm(&mut bench, SocketAddr::new(remote(A).ip(), 4_002));
    for n in 0..2 {
        assert_eq!(send(&mut bench, nat(61_000), &[3 + n]), [false]);
        assert_eq!(send(&mut bench, nat(62_000), &[n]), [false]);
    }
    assert_eq!(send(&mut bench, nat(61_000), &[5]), [false]);
    assert_eq!(send(&mut bench, nat(62_000), &[2, 3]), [true; 2]);
}

#[test]
fn who_was_replaced_is_not_heard_also_after_the_next_agreement() {
    let mut bench = behind_nat();
    let (gone, other) = (nat(61_000), nat(62_000));
    rearm(&mut bench, gone);
    send(&mut bench, gone, &[0, 1, 2]);
    for _ in 0..2 {
        rearm(&mut bench, other);
        assert_eq!(send(&mut bench, gone, &[3, 4, 5, 6]), [false; 4]);
    }
    assert_eq!(send(&mut bench, other, &[0, 1, 2]), [true; 3]);
}

/// Whoever says that it has moved, and sends from where it did, all the same.
#[test]
fn an_address_that_was_left_may_be_found_again_after_two_seconds() {
    let mut bench = behind_nat();
    send(&mut bench, nat(61_000), &[0, 1, 2]);
    rearm(&mut bench, SocketAddr::new(remote(A).ip(), 4_002));
    let numbers: Vec<u16> = (3..110).collect();
    let passed = send(&mut bench, nat(61_000), &numbers);
    let silent = passed.iter().take_while(|passed| !**passed).count();
    assert_eq!(
        silent,
        99 + 2,
        "99 within two seconds, and two that prove it"
    );
    assert_eq!(target(&mut bench), nat(61_000));
}

/// Two telephones behind NAT may have one private address.
#[test]
fn where_a_peer_was_found_is_not_where_another_is_whose_signalling_comes_from_elsewhere() {
    let mut bench = behind_nat();
    send(&mut bench, nat(61_000), &[0, 1, 2]);
    let other = [203, 0, 113, 6];
    rearm_from(&mut bench, remote(A), other);
    assert_eq!(target(&mut bench), remote(A));
    assert_eq!(send(&mut bench, nat(61_000), &[3, 4, 5, 6]), [false; 4]);
    let found = SocketAddr::new(IpAddr::from(other), 4_000);
    assert_eq!(send(&mut bench, found, &[0, 1, 2]), [false, false, true]);
}

/// RFC 4028 §7.4: a session is kept alive by an offer that changes nothing.
#[test]
fn a_refresh_leaves_the_door_shut() {
    let mut bench = behind_nat();
    send(&mut bench, nat(61_000), &[0, 1, 2]);
    bench.outputs();
    let agreed = bench.plane.ports[&A].leg.as_ref().unwrap().agreed.clone();
    bench.command(Command::Configure {
        port: A,
        agreed,
        signalling: IpAddr::from(NAT),
    });
    assert_eq!(send(&mut bench, nat(62_000), &[3, 4, 5, 6]), [false; 4]);
    assert!(bench.outputs().is_empty());
    assert_eq!(send(&mut bench, nat(61_000), &[3]), [true]);
}

#[test]
fn a_peer_that_did_not_move_is_heard_without_a_break() {
    let mut bench = behind_nat();
    send(&mut bench, nat(61_000), &[0, 1, 2]);
    rearm(&mut bench, remote(A));
    assert_eq!(target(&mut bench), nat(61_000));
    assert_eq!(send(&mut bench, nat(61_000), &[3, 4]), [true, true]);
}

/// The hold of RFC 2543, whose holder plays music: it is heard where it is, and is sent nothing.
#[test]
fn who_holds_by_naming_no_address_is_heard_where_it_was() {
    let nowhere = SocketAddr::new(IpAddr::from([0, 0, 0, 0]), 4_000);
    for from in [remote(A), nat(61_000)] {
        let mut bench = behind_nat();
        send(&mut bench, from, &[0, 1, 2]);
        rearm(&mut bench, nowhere);
        assert_eq!(send(&mut bench, from, &[3, 4, 5, 6]), [true; 4], "{from}");
        let stranger = nat(61_002);
        assert_eq!(send(&mut bench, stranger, &[7, 8, 9, 10]), [false; 4]);
        assert_eq!(bench.packet(B, first(9), &[0; 160]), None);
        rearm(&mut bench, remote(A));
        assert_eq!(send(&mut bench, from, &[7, 8, 9]), [true; 3], "{from}");
        assert_eq!(target(&mut bench), from);
    }
}

#[test]
fn who_names_an_address_only_later_has_left_none() {
    let mut bench = behind_nat();
    bench.command(Command::Close { port: A });
    bench.open(A);
    bench.command(Command::Bridge { a: A, b: B });
    rearm(
        &mut bench,
        SocketAddr::new(IpAddr::from([0, 0, 0, 0]), 4_000),
    );
    let from = nat(61_000);
    assert_eq!(send(&mut bench, from, &[0, 1, 2]), [false, false, true]);
    rearm(&mut bench, remote(A));
    assert_eq!(target(&mut bench), remote(A));
    assert_eq!(send(&mut bench, from, &[3, 4, 5]), [false, false, true]);
}

#[test]
fn a_socket_is_connected_once_and_to_a_peer_that_was_heard_three_times() {
    let mut bench = behind_nat();
    send(&mut bench, remote(A), &[0, 1]);
    assert!(bench.outputs().is_empty());
    send(&mut bench, remote(A), &[2, 3, 4, 5]);
    assert_eq!(
        bench.outputs(),
        ["Connect { port: PortId(1), peer: 198.51.100.1:4000 }"]
    );
}

#[test]
fn a_new_agreement_disconnects_before_the_peer_is_looked_for_again() {
    let mut bench = behind_nat();
    rearm(&mut bench, remote(A));
    assert!(bench.outputs().is_empty(), "it was not connected yet");
    send(&mut bench, remote(A), &[0, 1, 2]);
    bench.outputs();
    rearm(&mut bench, SocketAddr::new(remote(A).ip(), 4_002));
    assert_eq!(bench.outputs(), ["Disconnect { port: PortId(1) }"]);
    rearm(&mut bench, remote(A));
    assert!(bench.outputs().is_empty(), "it is disconnected already");
    send(&mut bench, nat(62_000), &[0, 1, 2]);
    assert_eq!(
        bench.outputs()[0],
        "Connect { port: PortId(1), peer: 203.0.113.5:62000 }"
    );
}
