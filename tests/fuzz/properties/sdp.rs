//! A session description, as an offer and as the answer to ours.

use std::net::{IpAddr, SocketAddr};

use media::Family;
use media::sdp::{self, Codec, Direction, SessionVersion, Side, Srtp};
use media::srtp::Secret;

const VERSION: SessionVersion = SessionVersion { id: 1, version: 1 };

const NEXT: SessionVersion = SessionVersion { id: 1, version: 2 };

/// Panics where it does not hold.
pub(crate) fn check(description: &[u8]) {
    let secret = Secret::new([7; 32]);
    for srtp in [Srtp::Off, Srtp::May(&secret), Srtp::Must(&secret)] {
        let side = Side {
            noise: true,
            ..Side::new(&Codec::ALL, srtp)
        };
        check_offer(description, &side);
        let ours = sdp::offer_with(local(Family::V4), &side, VERSION);
        if let Ok(agreed) = sdp::accept(&ours, description) {
            assert!(Codec::ALL.contains(&agreed.codec));
            assert!(!agreed.remote.ip().is_multicast());
            check_keys(srtp, agreed.srtp.is_some());
        }
    }
}

fn check_offer(offer: &[u8], side: &Side<'_>) {
    let family = sdp::family(offer, side);
    assert_eq!(sdp::check(offer, side).is_ok(), family.is_some());
    let ours = local(family.unwrap_or(Family::V4));
    let made = sdp::answer_within(offer, ours, side, Direction::SendRecv, VERSION);
    // Over a socket of that family there is an answer, if there is one at all.
    assert_eq!(made.is_ok(), family.is_some());
    let Ok((answer, agreed)) = made else { return };
    let ip = agreed.remote.ip();
    assert!(ip.is_unspecified() || ip.is_ipv4() == ours.is_ipv4());
    check_keys(side.srtp, agreed.srtp.is_some());
    assert_eq!(streams(&answer), streams(offer));
    let offered = sdp::offered_codecs(offer);
    assert!(offered.is_ok_and(|codecs| codecs.contains(&agreed.codec)));
    assert_eq!(sdp::offered_codecs(&answer), Ok(vec![agreed.codec]));
    // Only their own offer may be in the way: an address of ours that nobody can send to.
    if let Ok(theirs) = sdp::accept(offer, &answer) {
        assert_eq!(theirs.codec, agreed.codec);
        assert_eq!(theirs.direction, agreed.direction.reversed());
    }
    let held = sdp::redirected(&answer, Direction::Inactive, NEXT).expect("it is ours");
    assert_eq!(sdp::offered_direction(&held), Ok(Direction::Inactive));
    let again = sdp::offer_again(&answer, &Codec::ALL, Direction::SendRecv, NEXT);
    let again = again.expect("it is ours");
    assert_eq!(streams(&again), streams(offer));
    let codecs = sdp::offered_codecs(&again).expect("it is an offer");
    assert!(Codec::ALL.iter().all(|codec| codecs.contains(codec)));
    // Every payload type keeps its meaning, so whoever answers as before agrees on the same.
    let theirs = sdp::accept(&again, &answer).expect("it fits");
    assert_eq!(theirs.payload_type, agreed.payload_type);
}

/// Whether packets are protected is as the side wants.
fn check_keys(srtp: Srtp<'_>, are_there: bool) {
    match srtp {
        Srtp::Off => assert!(!are_there),
        Srtp::May(_) => {}
        Srtp::Must(_) => assert!(are_there),
    }
}

/// How many streams a description has.
fn streams(description: &[u8]) -> usize {
    let lines = description.split(|&octet| octet == b'\n');
    lines.filter(|line| line.starts_with(b"m=")).count()
}

fn local(family: Family) -> SocketAddr {
    let ip: IpAddr = match family {
        Family::V4 => [192, 0, 2, 1].into(),
        Family::V6 => [0x2001, 0xdb8, 0, 0, 0, 0, 0, 1].into(),
    };
    SocketAddr::new(ip, 20_000)
}
