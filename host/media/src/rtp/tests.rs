use proptest::prelude::*;

use super::*;

const FIXED: Fixed = Fixed {
    marker: true,
    payload_type: 101,
    sequence: 0xfffe,
    timestamp: 0x0102_0304,
    ssrc: 0xdead_beef,
};

#[test]
fn build_and_parse_are_inverse() {
    let packet = build(FIXED, &[1, 2, 3]);
    let expected = [
        0x80, 0xe5, 0xff, 0xfe, 1, 2, 3, 4, 0xde, 0xad, 0xbe, 0xef, 1, 2, 3,
    ];
    assert_eq!(packet, expected);
    assert_eq!(
        parse(&packet),
        Some(Packet {
            fixed: FIXED,
            payload: 12..15
        })
    );
}

#[test]
fn rewrite_leaves_behind_what_was_agreed_with_the_other_side() {
    // One contributing source, a header extension of one word, two octets of padding.
    let mut packet = build(FIXED, &[]);
    packet[0] |= 0x20 | 0x10 | 1;
    packet.extend([9, 9, 9, 9, 0xbe, 0xde, 0, 1, 7, 7, 7, 7, 1, 2, 3, 0, 2]);
    let read = parse(&packet).unwrap();
    assert_eq!(&packet[read.payload.clone()], [1, 2, 3]);
    let fixed = Fixed {
        marker: false,
        payload_type: 8,
        sequence: 1,
        timestamp: 2,
        ssrc: 3,
    };
    let length = rewrite(&mut packet, read.payload, fixed);
    assert_eq!(packet[..length], build(fixed, &[1, 2, 3]));
}

#[test]
fn rtcp_on_the_same_port_is_told_by_its_second_octet() {
    assert!(is_rtcp(&[0x80, 200, 0, 6]));
    assert!(is_rtcp(&[0x81, 223]));
    assert!(!is_rtcp(&build(FIXED, &[])));
    assert!(!is_rtcp(&[0x80]));
}

#[test]
fn packets_beyond_the_limit_are_none() {
    let longest = build(FIXED, &vec![0; limits::PACKET - HEADER]);
    assert!(parse(&longest).is_some());
    assert!(parse(&build(FIXED, &vec![0; limits::PACKET - HEADER + 1])).is_none());
}

proptest! {
    #[test]
    fn no_octets_make_it_panic(mut octets in proptest::collection::vec(any::<u8>(), 0..80)) {
        if let Some(first) = octets.first_mut() {
            *first = *first & 0x3f | 0x80; // version 2, or nothing is ever read
        }
        if let Some(packet) = parse(&octets) {
            let payload = octets[packet.payload.clone()].to_vec();
            let length = rewrite(&mut octets, packet.payload, FIXED);
            prop_assert_eq!(&octets[..length], &build(FIXED, &payload));
        }
    }
}
