//! The vectors of RFC 5769, and that nothing can be got out of us by other octets.

use std::net::SocketAddr;

use proptest::prelude::{any, prop, prop_assert, proptest};

use super::{FINGERPRINT, answer, fingerprint, is_stun};

/// The transaction of RFC 5769 §2.
const ID: [u8; 12] = [
    0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae,
];
const SOFTWARE: u16 = 0x8022;
const CHANGE_REQUEST: u16 = 0x0003;

/// A binding request with these attributes, and a fingerprint if wanted.
fn request(attributes: &[(u16, &[u8])], with_fingerprint: bool) -> Vec<u8> {
    let mut message = super::Message::new(super::BINDING_REQUEST, &ID);
    for (kind, value) in attributes {
        message.attribute(*kind, value);
    }
    message.finish(with_fingerprint)
}

fn from(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

#[test]
fn fingerprints_are_those_of_rfc_5769() {
    // §2.1, up to its FINGERPRINT.
    let mut sample = vec![0x00, 0x01, 0x00, 0x58, 0x21, 0x12, 0xa4, 0x42];
    sample.extend(ID);
    sample.extend([0x80, 0x22, 0x00, 0x10]);
    sample.extend(b"STUN test client");
    sample.extend([0x00, 0x24, 0x00, 0x04, 0x6e, 0x00, 0x01, 0xff]);
    sample.extend([0x80, 0x29, 0x00, 0x08, 0x93, 0x2f, 0xf9, 0xb1]);
    sample.extend([0x51, 0x26, 0x3b, 0x36, 0x00, 0x06, 0x00, 0x09]);
    sample.extend(b"evtj:h6vY   ");
    sample.extend([0x00, 0x08, 0x00, 0x14, 0x9a, 0xea, 0xa7, 0x0c]);
    sample.extend([0xbf, 0xd8, 0xcb, 0x56, 0x78, 0x1e, 0xf2, 0xb5]);
    sample.extend([0xb2, 0xd3, 0xf2, 0x49, 0xc1, 0xb5, 0x71, 0xa2]);
    assert_eq!(fingerprint(&sample), 0xe57a_3bcf);
}

#[test]
fn a_request_is_told_where_it_came_from_as_in_rfc_5769() {
    // §2.2 and §2.3.
    let ipv4 = [0x00, 0x01, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43];
    let ipv6 = [
        0x00, 0x02, 0xa1, 0x47, 0x01, 0x13, 0xa9, 0xfa, 0xa5, 0xd3, 0xf1, 0x79, 0xbc, 0x25, 0xf4,
        0xb5, 0xbe, 0xd2, 0xb9, 0xd9,
    ];
    let rows = [
        ("192.0.2.1:32853", &ipv4[..]),
        ("[2001:db8:1234:5678:11:2233:4455:6677]:32853", &ipv6[..]),
        ("[::ffff:192.0.2.1]:32853", &ipv4[..]),
    ];
    for (source, mapped) in rows {
        let answer = answer(&request(&[], false), from(source)).unwrap();
        assert_eq!(answer[..2], [0x01, 0x01]);
        assert_eq!(usize::from(answer[3]), answer.len() - 20);
        assert_eq!(answer[8..20], ID);
        assert_eq!(answer[20..24], [0x00, 0x20, 0x00, mapped.len() as u8]);
        assert_eq!(&answer[24..], mapped);
    }
}

#[test]
fn who_sends_a_fingerprint_gets_one_and_a_wrong_one_gets_nothing() {
    let asked = request(&[(SOFTWARE, b"phone")], true);
    let answered = answer(&asked, from("192.0.2.1:5060")).unwrap();
    let at = answered.len() - 8;
    assert_eq!(answered[at..at + 2], FINGERPRINT.to_be_bytes());
    let sum = fingerprint(&answered[..at]);
    assert_eq!(answered[at + 4..], sum.to_be_bytes());
    let mut broken = asked;
    *broken.last_mut().unwrap() ^= 1;
    assert_eq!(answer(&broken, from("192.0.2.1:5060")), None);
}

#[test]
fn what_must_be_understood_and_is_not_is_refused_by_its_name() {
    let attributes: [(u16, &[u8]); 3] = [
        (CHANGE_REQUEST, &[0, 0, 0, 6]),
        (super::USERNAME, b"a"),
        (0x7fff, b""),
    ];
    let answered = answer(&request(&attributes, false), from("192.0.2.1:5060")).unwrap();
    assert_eq!(answered[..2], [0x01, 0x11]);
    assert_eq!(answered[20..28], [0x00, 0x09, 0x00, 0x04, 0, 0, 4, 20]);
    assert_eq!(
        answered[28..],
        [0x00, 0x0a, 0x00, 0x04, 0x00, 0x03, 0x7f, 0xff]
    );
    // More than a reader needs are not named.
    let many = [(CHANGE_REQUEST, &[0_u8; 4][..]); 9];
    let answered = answer(&request(&many, false), from("192.0.2.1:5060")).unwrap();
    assert_eq!(answered[28..32], [0x00, 0x0a, 0x00, 0x08]);
}

#[test]
fn what_is_no_binding_request_is_not_answered() {
    let good = request(&[(SOFTWARE, b"abcd")], false);
    assert!(is_stun(&good));
    let check = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut octets = good.clone();
        change(&mut octets);
        assert_eq!(answer(&octets, from("192.0.2.1:5060")), None, "{octets:x?}");
    };
    // An indication, an answer, another method.
    for (octet, value) in [(1, 0x11), (0, 0x01), (1, 0x03), (4, 0), (3, 4), (23, 8)] {
        check(&|octets| octets[octet] = value);
    }
    check(&|octets| octets.truncate(19));
    check(&|octets| octets.extend([0; 4]));
    check(&|octets| octets.clear());
    assert!(!is_stun(b"OPTIONS sip:a@example.com SIP/2.0\r\n"));
}

proptest! {
    #[test]
    fn no_octets_break_it_and_no_answer_is_much_larger(
        mut octets in prop::collection::vec(any::<u8>(), 20..200),
        is_plausible in any::<bool>(),
    ) {
        if is_plausible {
            octets.truncate(octets.len() / 4 * 4);
            let length = (octets.len() - 20) as u8;
            octets[..8].copy_from_slice(&[0, 1, 0, length, 0x21, 0x12, 0xa4, 0x42]);
        }
        if let Some(answer) = answer(&octets, from("[2001:db8::1]:5060")) {
            prop_assert!(answer.len() <= octets.len() + 32);
            prop_assert!(is_stun(&answer));
        }
    }
}
