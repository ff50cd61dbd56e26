//! Whatever asks for its address by STUN: no panic, no answer but to a binding request, none that is much
//! longer than that, and in it the address of whoever asked. The first octet of the input says from where
//! it came.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use sip::stun::{answer, is_stun};

/// Panics if that does not hold.
pub(crate) fn check(input: &[u8]) {
    let Some((from, datagram)) = input.split_first() else {
        return;
    };
    let from = source(*from);
    let Some(answer) = answer(datagram, from) else {
        return;
    };
    assert!(is_stun(datagram), "only STUN is answered");
    assert_eq!(datagram[..2], [0, 1], "only a binding request is answered");
    assert!(is_stun(&answer), "an answer is STUN");
    assert!(answer.len() <= datagram.len() + 32, "it is much longer");
    assert_eq!(answer[8..20], datagram[8..20], "of another transaction");
    match answer[..2] {
        [1, 1] => assert_eq!(mapped(&answer), Some(from), "another's address"),
        [1, 0x11] => assert_eq!(mapped(&answer), None, "a refusal tells an address"),
        _ => panic!("no answer to a binding request"),
    }
    assert_eq!(self::answer(&answer, from), None, "answers are answered");
}

fn source(octet: u8) -> SocketAddr {
    let ip = if octet.is_multiple_of(2) {
        IpAddr::V4(Ipv4Addr::new(192, 0, 2, octet))
    } else {
        IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, octet.into()))
    };
    SocketAddr::new(ip, u16::from(octet) << 8 | 0x55)
}

/// What an answer says, read as a phone does (RFC 5389 §15.2).
fn mapped(answer: &[u8]) -> Option<SocketAddr> {
    let (mut at, id) = (20, &answer[4..20]);
    while at < answer.len() {
        let length = usize::from(u16::from_be_bytes([answer[at + 2], answer[at + 3]]));
        let value = &answer[at + 4..at + 4 + length];
        if answer[at..at + 2] == [0, 0x20] {
            let port = u16::from_be_bytes([value[2] ^ id[0], value[3] ^ id[1]]);
            let octets: Vec<u8> = value[4..].iter().zip(id).map(|(a, b)| a ^ b).collect();
            let ip = match value[1] {
                1 => IpAddr::from(<[u8; 4]>::try_from(octets).ok()?),
                _ => IpAddr::from(<[u8; 16]>::try_from(octets).ok()?),
            };
            return Some(SocketAddr::new(ip, port));
        }
        at += 4 + length.next_multiple_of(4);
    }
    None
}
