//! Packets that a stranger sends to somebody who expects protected ones, and what becomes of ours on
//! the way.

use media::srtp::{OVERHEAD, Opener, Sealer, Secret, Suite};

/// Panics where it does not hold. The first octet chooses the suite; then each packet: of which kind,
/// where and how it is changed on its way, how long; then its octets.
pub(crate) fn check(input: &[u8]) {
    let Some((first, mut rest)) = input.split_first() else {
        return;
    };
    let suite = Suite::ALL[usize::from(first % 4)];
    let keys = Secret::new([7; 32]).keys(suite);
    let mut sealer = Sealer::new(keys.clone());
    let mut opener = Opener::new(keys);
    while let [kind, at, change, length, tail @ ..] = rest {
        let (plain, tail) = tail.split_at(tail.len().min(usize::from(*length)));
        rest = tail;
        let is_rtcp = kind % 2 == 1;
        let mut stranger = plain.to_vec();
        assert!(open(&mut opener, is_rtcp, &mut stranger).is_none());
        assert_eq!(stranger, plain, "what is refused stays");

        let mut buffer = plain.to_vec();
        buffer.resize(plain.len() + OVERHEAD, 0);
        let sealed = if is_rtcp {
            sealer.seal_rtcp(&mut buffer, plain.len())
        } else {
            sealer.seal(&mut buffer, plain.len())
        };
        let Some(sealed) = sealed else { continue };
        buffer.truncate(sealed);
        assert!(sealed > plain.len(), "no tag");
        if !is_rtcp {
            let mut alike = plain.to_vec();
            alike.resize(plain.len() + OVERHEAD, 0);
            let sealed = sealer.seal(&mut alike, plain.len());
            assert!(sealed.is_none(), "two under one index");
        }
        let mut changed = buffer.clone();
        changed[usize::from(*at) % sealed] ^= change;
        if *change != 0 {
            assert!(open(&mut opener, is_rtcp, &mut changed).is_none());
        }
        let mut again = buffer.clone();
        if let Some(opened) = open(&mut opener, is_rtcp, &mut buffer) {
            assert_eq!(&buffer[..opened], plain);
        }
        assert!(open(&mut opener, is_rtcp, &mut again).is_none(), "twice");
    }
}

fn open(opener: &mut Opener, is_rtcp: bool, packet: &mut [u8]) -> Option<usize> {
    let opened = if is_rtcp {
        opener.open_rtcp(packet)
    } else {
        opener.open(packet)
    };
    opened.ok()
}
