//! Reports as they are on the wire, and packets that do not hold together.

use proptest::prelude::*;

use super::*;

const NAME: [u8; CNAME_OCTETS] = *b"abcdefghijklmnop";

const SENT: Sent = Sent {
    ntp: 0x0000_0005_8000_0000,
    rtp: 40_000,
    packets: 250,
    octets: 40_000,
};

const HEARD: Block = Block {
    ssrc: 0x1122_3344,
    fraction: 5,
    lost: -2,
    highest: 0x0001_0042,
    jitter: 17,
    last_report: 0xaabb_ccdd,
    delay: 0x0001_8000,
};

fn written(report: &Report<'_>) -> Vec<u8> {
    let mut out = [0; LONGEST];
    let length = report.write(&mut out);
    out[..length].to_vec()
}

fn report(sent: Option<Sent>, heard: Option<Block>, goodbye: bool) -> Vec<u8> {
    written(&Report {
        ssrc: 0x0a0b_0c0d,
        sent,
        heard,
        cname: &NAME,
        goodbye,
    })
}

#[test]
fn a_report_is_what_rfc_3550_draws() {
    let octets = report(Some(SENT), Some(HEARD), true);
    let expected: &[&[u8]] = &[
        &[0x81, 200, 0, 12, 0x0a, 0x0b, 0x0c, 0x0d],
        &[0, 0, 0, 5, 0x80, 0, 0, 0, 0, 0, 0x9c, 0x40],
        &[0, 0, 0, 250, 0, 0, 0x9c, 0x40],
        &[0x11, 0x22, 0x33, 0x44, 5, 0xff, 0xff, 0xfe],
        &[0, 1, 0, 0x42, 0, 0, 0, 17],
        &[0xaa, 0xbb, 0xcc, 0xdd, 0, 1, 0x80, 0],
        &[0x81, 202, 0, 6, 0x0a, 0x0b, 0x0c, 0x0d, 1, 16],
        b"abcdefghijklmnop\0\0",
        &[0x81, 203, 0, 1, 0x0a, 0x0b, 0x0c, 0x0d],
    ];
    assert_eq!(octets, expected.concat());
    assert_eq!(octets.len(), LONGEST);
}

#[test]
fn what_is_written_is_read() {
    let octets = report(Some(SENT), Some(HEARD), true);
    let parts: Vec<Part<'_>> = read(&octets).expect("it holds").parts().collect();
    let [
        Part::Sender(0x0a0b_0c0d, sent, blocks),
        Part::Other,
        Part::Goodbye(0x0a0b_0c0d),
    ] = parts[..]
    else {
        panic!("{parts:?}")
    };
    assert_eq!(sent, SENT);
    assert_eq!(blocks.each().collect::<Vec<_>>(), [HEARD]);

    let octets = report(None, None, false);
    let parts: Vec<Part<'_>> = read(&octets).expect("it holds").parts().collect();
    let [Part::Receiver(_, blocks), Part::Other] = parts[..] else {
        panic!("{parts:?}")
    };
    assert_eq!(blocks.each().next(), None);
}

/// RFC 3550 §A.2, one fault each.
#[test]
fn a_compound_that_does_not_hold_together_is_not_read_at_all() {
    let whole = report(None, Some(HEARD), true);
    let spoilt = |at: usize, octet: u8| {
        let mut octets = whole.clone();
        octets[at] = octet;
        octets
    };
    let cases: [(&str, Vec<u8>); 9] = [
        ("nothing", Vec::new()),
        ("another version", spoilt(0, 0x41)),
        ("padding of the first", spoilt(0, 0xa1)),
        ("a description first", spoilt(1, 202)),
        ("more blocks than there are", spoilt(0, 0x82)),
        ("a length beyond the end", spoilt(whole.len() - 5, 2)),
        ("another version inside", spoilt(32, 0x01)),
        ("an octet too much", [&whole[..], &[0]].concat()),
        ("an octet too few", whole[..whole.len() - 1].to_vec()),
    ];
    assert!(read(&whole).is_some());
    for (fault, octets) in cases {
        assert!(read(&octets).is_none(), "{fault}");
    }
}

#[test]
fn padding_is_whole_words_at_the_very_end() {
    let padded = |padding: &[u8]| {
        let words = 1 + padding.len() as u8 / 4;
        let head = [0x80 | PADDED, 203, 0, words - 1];
        [&report(None, None, false)[..], &head, padding].concat()
    };
    assert!(read(&padded(&[0, 0, 0, 4])).is_some());
    assert!(read(&padded(&[0, 0, 0, 0, 0, 0, 0, 8])).is_some());
    for wrong in [0, 3, 8] {
        assert!(read(&padded(&[0, 0, 0, wrong])).is_none(), "{wrong}");
    }
}

#[test]
fn what_is_longer_than_a_packet_is_not_read() {
    let mut octets = report(None, None, false);
    while octets.len() + 8 <= limits::PACKET {
        octets.extend([0x81, 203, 0, 1, 0, 0, 0, 1]);
    }
    assert!(read(&octets).is_some());
    octets.extend([0x81, 203, 0, 1, 0, 0, 0, 1]);
    assert!(read(&octets).is_none());
}

proptest! {
    #[test]
    fn no_octets_make_it_panic(octets in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Some(compound) = read(&octets) {
            prop_assert!(compound.parts().count() > 0);
        }
    }

    #[test]
    fn any_loss_within_24_bits_survives(lost in -(1_i32 << 23)..1 << 23, fraction: u8) {
        let block = Block { fraction, lost, ..HEARD };
        let octets = report(None, Some(block), false);
        let first = read(&octets).and_then(|it| it.parts().next());
        let Some(Part::Receiver(_, blocks)) = first else {
            panic!("{first:?}")
        };
        prop_assert_eq!(blocks.each().next(), Some(block));
    }
}
