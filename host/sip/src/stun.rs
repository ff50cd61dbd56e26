//! STUN on the port of SIP: who asks from where we see it come is told. RFC 5389, RFC 5626 §3.5.2.
//!
//! Phones behind NAT send binding requests to keep their mapping open and to notice when it has
//! changed. Owns the few octets of that. Refuses to authenticate, to keep anything, and to answer
//! anywhere else than where the request came from: an answer is at most 32 octets longer than its
//! request, so that there is nothing to gain by forging the source.

#[cfg(test)]
mod tests;

use std::net::{IpAddr, SocketAddr};

const COOKIE: u32 = 0x2112_a442;
const HEADER: usize = 20;

const BINDING_REQUEST: u16 = 0x0001;
const BINDING_SUCCESS: u16 = 0x0101;
const BINDING_ERROR: u16 = 0x0111;

const USERNAME: u16 = 0x0006;
const MESSAGE_INTEGRITY: u16 = 0x0008;
const ERROR_CODE: u16 = 0x0009;
const UNKNOWN_ATTRIBUTES: u16 = 0x000a;
const REALM: u16 = 0x0014;
const NONCE: u16 = 0x0015;
const XOR_MAPPED_ADDRESS: u16 = 0x0020;
const FINGERPRINT: u16 = 0x8028;
/// From here on an attribute need not be understood.
const OPTIONAL: u16 = 0x8000;
/// What is mixed into a fingerprint, so that it differs from other checksums.
const FINGERPRINT_XOR: u32 = 0x5354_554e;
/// Unknown attributes that an error names: enough to find the fault.
const UNKNOWN_NAMED: usize = 4;

/// Whether a datagram is STUN and no SIP: its first two bits are zero, which begin no method
/// (RFC 5389 §6, §8).
pub fn is_stun(datagram: &[u8]) -> bool {
    datagram.len() >= HEADER
        && datagram[0] < 0x40
        && read_u32(datagram, 4) == Some(COOKIE)
        && read_u16(datagram, 2).map(usize::from) == Some(datagram.len() - HEADER)
        && datagram.len().is_multiple_of(4)
}

/// The answer to a binding request from there; `None` for everything else, which is not answered
/// (RFC 5389 §7.3).
pub fn answer(datagram: &[u8], from: SocketAddr) -> Option<Vec<u8>> {
    if !is_stun(datagram) || read_u16(datagram, 0) != Some(BINDING_REQUEST) {
        return None;
    }
    let asked = Asked::read(datagram)?;
    let id = &datagram[8..HEADER];
    let mut answer = Message::new(
        if asked.unknown.is_empty() {
            BINDING_SUCCESS
        } else {
            BINDING_ERROR
        },
        id,
    );
    if asked.unknown.is_empty() {
        answer.attribute(XOR_MAPPED_ADDRESS, &mapped(from, id));
    } else {
        // 420 Unknown Attribute, without a phrase.
        answer.attribute(ERROR_CODE, &[0, 0, 4, 20]);
        answer.attribute(UNKNOWN_ATTRIBUTES, &asked.unknown.concat());
    }
    Some(answer.finish(asked.has_fingerprint))
}

/// What a request holds that matters.
struct Asked {
    has_fingerprint: bool,
    /// Attributes that must be understood and are not.
    unknown: Vec<[u8; 2]>,
}

impl Asked {
    /// `None` if the attributes do not fill the message, or its fingerprint is another's.
    fn read(datagram: &[u8]) -> Option<Self> {
        let mut asked = Self {
            has_fingerprint: false,
            unknown: Vec::new(),
        };
        let mut at = HEADER;
        while at < datagram.len() {
            if asked.has_fingerprint {
                // It is the last one.
                return None;
            }
            let (kind, octets) = (read_u16(datagram, at)?, read_u16(datagram, at + 2)?);
            let value = at + 4;
            let end = value + usize::from(octets).next_multiple_of(4);
            if end > datagram.len() {
                return None;
            }
            match kind {
                FINGERPRINT => {
                    let said = read_u32(datagram, value).filter(|_| octets == 4)?;
                    if said != fingerprint(&datagram[..at]) {
                        return None;
                    }
                    asked.has_fingerprint = true;
                }
                // Who we are to it need not be proven.
                USERNAME | MESSAGE_INTEGRITY | REALM | NONCE | OPTIONAL.. => {}
                _ if asked.unknown.len() < UNKNOWN_NAMED => asked.unknown.push(kind.to_be_bytes()),
                _ => {}
            }
            at = end;
        }
        Some(asked)
    }
}

/// A message in the making.
struct Message(Vec<u8>);

impl Message {
    fn new(kind: u16, id: &[u8]) -> Self {
        let mut octets = Vec::with_capacity(HEADER + 32);
        octets.extend_from_slice(&kind.to_be_bytes());
        octets.extend_from_slice(&[0, 0]);
        octets.extend_from_slice(&COOKIE.to_be_bytes());
        octets.extend_from_slice(id);
        Self(octets)
    }

    fn attribute(&mut self, kind: u16, value: &[u8]) {
        self.0.extend_from_slice(&kind.to_be_bytes());
        self.0
            .extend_from_slice(&(value.len() as u16).to_be_bytes());
        self.0.extend_from_slice(value);
        self.0.resize(self.0.len().next_multiple_of(4), 0);
        self.measure(0);
    }

    /// Says how long it is, and will be.
    fn measure(&mut self, more: usize) {
        let octets = (self.0.len() - HEADER + more) as u16;
        self.0[2..4].copy_from_slice(&octets.to_be_bytes());
    }

    fn finish(mut self, with_fingerprint: bool) -> Vec<u8> {
        if with_fingerprint {
            // The length counts it (RFC 5389 §15.5).
            self.measure(8);
            let sum = fingerprint(&self.0);
            self.attribute(FINGERPRINT, &sum.to_be_bytes());
        }
        self.0
    }
}

/// The value of XOR-MAPPED-ADDRESS (RFC 5389 §15.2): not as it is, since some NATs rewrite every
/// address that they find.
fn mapped(from: SocketAddr, id: &[u8]) -> Vec<u8> {
    let port = from.port() ^ (COOKIE >> 16) as u16;
    let mut value = vec![0, 0];
    value.extend_from_slice(&port.to_be_bytes());
    let mask = COOKIE.to_be_bytes().into_iter().chain(id.iter().copied());
    let mut put = |family: u8, address: &[u8]| {
        value[1] = family;
        value.extend(
            address
                .iter()
                .zip(mask.clone())
                .map(|(octet, mask)| octet ^ mask),
        );
    };
    match from.ip().to_canonical() {
        IpAddr::V4(ip) => put(1, &ip.octets()),
        IpAddr::V6(ip) => put(2, &ip.octets()),
    }
    value
}

/// CRC-32 of ITU V.42, of what stands before the attribute. It is too rare for a table.
fn fingerprint(octets: &[u8]) -> u32 {
    let mut sum = u32::MAX;
    for octet in octets {
        sum ^= u32::from(*octet);
        for _ in 0..8 {
            let carry = sum & 1;
            sum = sum >> 1 ^ (0xedb8_8320 & carry.wrapping_neg());
        }
    }
    !sum ^ FINGERPRINT_XOR
}

fn read_u16(octets: &[u8], at: usize) -> Option<u16> {
    let two = octets.get(at..at + 2)?;
    Some(u16::from_be_bytes(two.try_into().ok()?))
}

fn read_u32(octets: &[u8], at: usize) -> Option<u32> {
    let four = octets.get(at..at + 4)?;
    Some(u32::from_be_bytes(four.try_into().ok()?))
}
