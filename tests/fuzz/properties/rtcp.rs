//! Reports of a peer: what holds together is understood whole, and what is written again is the same.

use media::rtcp::{self, Block, CNAME_OCTETS, LONGEST, Part, Report, Sent};

/// Panics where it does not hold.
pub(crate) fn check(input: &[u8]) {
    let Some(compound) = rtcp::read(input) else {
        return;
    };
    let parts: Vec<Part<'_>> = compound.parts().collect();
    let first = parts.first().expect("a compound has a part");
    match *first {
        Part::Sender(ssrc, sent, blocks) => again(ssrc, Some(sent), blocks.each().next()),
        Part::Receiver(ssrc, blocks) => again(ssrc, None, blocks.each().next()),
        Part::Goodbye(_) | Part::Other => panic!("it begins with {first:?}"),
    }
}

/// A report of the same content is read as such.
fn again(ssrc: u32, sent: Option<Sent>, heard: Option<Block>) {
    let report = Report {
        ssrc,
        sent,
        heard,
        cname: &[b'x'; CNAME_OCTETS],
        goodbye: true,
    };
    let mut out = [0; LONGEST];
    let length = report.write(&mut out);
    let compound = rtcp::read(&out[..length]).expect("ours holds together");
    let parts: Vec<Part<'_>> = compound.parts().collect();
    let (read, blocks) = match parts[..] {
        [
            Part::Sender(by, sent, blocks),
            Part::Other,
            Part::Goodbye(_),
        ] if by == ssrc => (Some(sent), blocks),
        [Part::Receiver(by, blocks), Part::Other, Part::Goodbye(_)] if by == ssrc => (None, blocks),
        _ => panic!("another report: {parts:?}"),
    };
    let mut blocks = blocks.each();
    assert_eq!((read, blocks.next(), blocks.next()), (sent, heard, None));
}
