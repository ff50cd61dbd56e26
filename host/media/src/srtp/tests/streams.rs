//! Sequences: rollover, replays, several sources (RFC 3711 §3.3).

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::limits;

const SUITE: Suite = Suite::AesCm80;

fn pair() -> (Sealer, Opener) {
    (Sealer::new(keys(SUITE, 1)), Opener::new(keys(SUITE, 1)))
}

#[test]
fn a_sequence_that_begins_anew_is_counted_on_both_sides() {
    let (mut sealer, mut opener) = pair();
    // Three times round, with gaps.
    for at in (0..200_000_u32).step_by(37) {
        let plain = packet(7, at as u16);
        let secure = sealed(&mut sealer, &plain);
        assert_eq!(opened(&mut opener, &secure), Ok(plain), "{at}");
    }
    // Nobody who begins now knows how often that was.
    let secure = sealed(&mut sealer, &packet(7, 199_990_u32 as u16));
    let mut late = Opener::new(keys(SUITE, 1));
    assert_eq!(opened(&mut late, &secure), Err(Refused::Forged));
}

/// RFC 3711 §3.3.1: whoever has heard nothing before the sequence began anew takes it for one that is new.
#[test]
fn a_sequence_whose_first_packets_are_lost_is_opened_from_the_next_round_on() {
    for suite in Suite::ALL {
        let mut sealer = Sealer::new(keys(suite, 1));
        let mut opener = Opener::new(keys(suite, 1));
        let all = [65_530, 65_535, 2, 0, 1, 20_000].map(|at| packet(7, at));
        let secure = all.each_ref().map(|plain| sealed(&mut sealer, plain));
        for at in [2, 3, 1, 4, 0, 5] {
            let plain = Ok(all[at].clone());
            assert_eq!(opened(&mut opener, &secure[at]), plain, "{suite} {at}");
        }
        assert_eq!(opened(&mut opener, &secure[2]), Err(Refused::Replayed));
        // Whoever has no keys is refused by the second try as well, and nothing is changed.
        let strange = sealed(&mut Sealer::new(keys(suite, 2)), &packet(8, 3));
        assert_eq!(opened(&mut opener, &strange), Err(Refused::Forged));
    }
}

#[test]
fn packets_that_overtake_each_other_where_it_begins_anew_are_opened() {
    let (mut sealer, mut opener) = pair();
    for sequence in [65_530, 65_534, 1, 65_535, 0, 3, 65_533, 2] {
        let plain = packet(7, sequence);
        let secure = sealed(&mut sealer, &plain);
        assert_eq!(opened(&mut opener, &secure), Ok(plain), "{sequence}");
    }
}

#[test]
fn a_packet_is_taken_once_and_not_when_it_is_too_late() {
    let (mut sealer, mut opener) = pair();
    let all: Vec<Vec<u8>> = (0..200)
        .map(|at| sealed(&mut sealer, &packet(7, 1_000 + at)))
        .collect();
    assert!(opened(&mut opener, &all[100]).is_ok());
    assert_eq!(opened(&mut opener, &all[36]), Err(Refused::Replayed));
    for packet in &all[37..100] {
        assert!(opened(&mut opener, packet).is_ok());
        assert_eq!(opened(&mut opener, packet), Err(Refused::Replayed));
    }
    assert!(opened(&mut opener, &all[199]).is_ok());
    for packet in &all[..=135] {
        assert_eq!(opened(&mut opener, packet), Err(Refused::Replayed));
    }
    for packet in &all[136..199] {
        assert!(opened(&mut opener, packet).is_ok());
    }
}

#[test]
fn a_forged_packet_moves_nothing() {
    let (mut sealer, mut opener) = pair();
    let first = sealed(&mut sealer, &packet(7, 10));
    opened(&mut opener, &first).unwrap();
    for (ssrc, sequence) in [(7, 11), (7, 20_000), (7, 30_000), (7, 9), (8, 1)] {
        let mut forged = packet(ssrc, sequence);
        forged.extend([0; 10]);
        assert_eq!(opened(&mut opener, &forged), Err(Refused::Forged));
    }
    let next = sealed(&mut sealer, &packet(7, 11));
    assert!(opened(&mut opener, &next).is_ok());
}

/// RFC 3711 §9.1, RFC 7714 §8.1: two packets under one key stream tell both.
#[test]
fn nothing_is_sealed_under_an_index_that_was_taken_or_may_have_been() {
    for suite in Suite::ALL {
        let mut sealer = Sealer::new(keys(suite, 1));
        let mut seal = |sequence: u16, fill: u8| {
            let mut packet = packet(7, sequence);
            packet[rtp::HEADER..].fill(fill);
            let len = packet.len();
            packet.resize(len + OVERHEAD, 0);
            sealer.seal(&mut packet, len).is_some()
        };
        assert!(seal(65_535, 1));
        assert!(!seal(65_535, 2), "{suite}");
        assert!(seal(62, 1));
        assert!(!seal(62, 2));
        // The furthest is 63 after the first: what lies between is free, once.
        assert!(seal(0, 1));
        assert!(!seal(0, 2));
        assert!(!seal(65_535, 3));
        assert!(!seal(65_534, 1), "nobody knows");
        assert!(seal(63, 1));
    }
}

/// A new source begins at 0; one that comes back goes on where it was, and its packets are no news.
#[test]
fn another_source_has_a_sequence_of_its_own() {
    let (mut first, mut opener) = pair();
    let (mut second, _) = pair();
    let sent = [65_535, 0, 1].map(|it| sealed(&mut first, &packet(7, it)));
    for secure in &sent {
        assert!(opened(&mut opener, secure).is_ok());
    }
    let other = sealed(&mut second, &packet(8, 400));
    assert!(opened(&mut opener, &other).is_ok());
    for secure in &sent {
        assert_eq!(opened(&mut opener, secure), Err(Refused::Replayed));
    }
    let next = sealed(&mut first, &packet(7, 2));
    assert!(opened(&mut opener, &next).is_ok());
}

#[test]
fn sources_have_a_limit_and_those_known_go_on() {
    let (_, mut opener) = pair();
    let most = limits::SRTP_STREAMS as u32;
    let of = |ssrc, sequence| sealed(&mut pair().0, &packet(ssrc, sequence));
    for ssrc in 0..most {
        assert!(opened(&mut opener, &of(ssrc, 1)).is_ok(), "{ssrc}");
    }
    assert_eq!(opened(&mut opener, &of(most, 1)), Err(Refused::Stream));
    assert!(opened(&mut opener, &of(0, 2)).is_ok());
}

#[test]
fn reports_are_sealed_under_an_index_of_their_own() {
    for suite in Suite::ALL {
        let mut sealer = Sealer::new(keys(suite, 1));
        let mut opener = Opener::new(keys(suite, 1));
        let plain = octets("80c90001 00000007 0badf00d");
        let mut before = Vec::new();
        for _ in 0..3 {
            let mut report = plain.clone();
            report.resize(plain.len() + OVERHEAD, 0);
            let len = sealer.seal_rtcp(&mut report, plain.len()).unwrap();
            report.truncate(len);
            assert_ne!(report, before);
            before.clone_from(&report);
            let mut forged = report.clone();
            *forged.last_mut().unwrap() ^= 1;
            assert!(opener.open_rtcp(&mut forged).is_err());
            let len = opener.open_rtcp(&mut report).unwrap();
            assert_eq!(report[..len], plain);
            let again = opener.open_rtcp(&mut before.clone());
            assert_eq!(again, Err(Refused::Replayed));
        }
    }
}

#[test]
fn a_new_agreement_goes_on_where_its_keys_are_the_same() {
    let agreed = |send, receive| Agreed {
        send: keys(SUITE, send),
        receive: keys(SUITE, receive),
    };
    let mut ours = Context::renewed(None, agreed(1, 2));
    let mut theirs = Context::renewed(None, agreed(2, 1));
    for sequence in [65_535, 0] {
        let secure = sealed(&mut ours.sealer, &packet(7, sequence));
        assert!(opened(&mut theirs.opener, &secure).is_ok());
        let secure = sealed(&mut theirs.sealer, &packet(8, sequence));
        assert!(opened(&mut ours.opener, &secure).is_ok());
    }
    // They say the same again, but for their key: ours goes on, theirs begins anew.
    let mut ours = Context::renewed(Some(ours), agreed(1, 3));
    let mut theirs = Context::renewed(Some(theirs), agreed(3, 1));
    let secure = sealed(&mut ours.sealer, &packet(7, 1));
    assert!(opened(&mut theirs.opener, &secure).is_ok());
    let secure = sealed(&mut theirs.sealer, &packet(8, 1));
    assert!(opened(&mut ours.opener, &secure).is_ok());
    let fresh = sealed(&mut Sealer::new(keys(SUITE, 3)), &packet(8, 2));
    assert!(opened(&mut ours.opener, &fresh).is_ok());
}

proptest! {
    /// Whatever order packets come in, each is opened once if it is not too late, and nothing else is.
    #[test]
    fn nothing_is_opened_twice(
        start in any::<u16>(),
        order in prop::collection::vec(0_u16..48, 1..150),
    ) {
        let (mut sealer, mut opener) = pair();
        let all: Vec<_> = (0..48)
            .map(|at| sealed(&mut sealer, &packet(7, start.wrapping_add(at))))
            .collect();
        // The first tells where the sequence is; of what came before nobody can know it.
        prop_assert!(opened(&mut opener, &all[0]).is_ok());
        let mut seen = BTreeSet::from([0]);
        for at in order {
            let taken = opened(&mut opener, &all[usize::from(at)]);
            prop_assert_eq!(taken.is_ok(), seen.insert(at));
        }
    }

    #[test]
    fn no_octets_make_it_panic(
        octets in prop::collection::vec(any::<u8>(), 0..100),
        suite in 0_usize..4,
    ) {
        let suite = Suite::ALL[suite];
        let mut opener = Opener::new(keys(suite, 1));
        let mut sealer = Sealer::new(keys(suite, 1));
        prop_assert!(opener.open(&mut octets.clone()).is_err());
        prop_assert!(opener.open_rtcp(&mut octets.clone()).is_err());
        let mut room = octets.clone();
        room.resize(octets.len() + OVERHEAD, 0);
        let _ = sealer.seal(&mut room.clone(), octets.len());
        let _ = sealer.seal_rtcp(&mut room, octets.len());
    }
}
