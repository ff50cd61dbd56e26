//! A session description, as an offer and as the answer to ours.

use std::net::{Ipv4Addr, SocketAddr};

use media::sdp::{self, Codec, SessionVersion};

/// Panics where it does not hold.
pub(crate) fn check(description: &[u8]) {
    let local = SocketAddr::from((Ipv4Addr::new(192, 0, 2, 1), 20_000));
    let version = SessionVersion { id: 1, version: 1 };
    let offered = sdp::offered_codecs(description);
    if let Ok((answer, agreed)) = sdp::answer(description, local, &Codec::ALL, version) {
        assert!(offered.is_ok_and(|codecs| codecs.contains(&agreed.codec)));
        assert_eq!(sdp::offered_codecs(&answer), Ok(vec![agreed.codec]));
        let theirs = sdp::accept(description, &answer);
        // Only their own offer may be in the way: an address of ours that nobody can send to.
        if let Ok(theirs) = theirs {
            assert_eq!(theirs.codec, agreed.codec);
            assert_eq!(theirs.direction, agreed.direction.reversed());
        }
    }
    let ours = sdp::offer(local, &Codec::ALL, version);
    if let Ok(agreed) = sdp::accept(&ours, description) {
        assert!(Codec::ALL.contains(&agreed.codec));
        assert!(!agreed.remote.ip().is_multicast());
    }
}
