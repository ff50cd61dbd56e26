//! Hashes as digest authentication wants them: lower-case hex. And the one keyed hash.

use md5::Md5;
use sha2::{Digest, Sha256};

use super::Algorithm;

/// A hash in lower-case hex; no allocation.
#[derive(Clone, Copy)]
pub(super) struct Hex {
    digits: [u8; 64],
    len: usize,
}

impl Hex {
    /// Of at most 32 octets.
    pub(super) fn of(octets: &[u8]) -> Self {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut digits = [0; 64];
        for (pair, octet) in digits.chunks_exact_mut(2).zip(octets) {
            pair[0] = DIGITS[usize::from(octet >> 4)];
            pair[1] = DIGITS[usize::from(octet & 0xf)];
        }
        let len = octets.len().min(32) * 2;
        Self { digits, len }
    }

    pub(super) fn as_str(&self) -> &str {
        // Digits are ASCII.
        str::from_utf8(&self.digits[..self.len]).unwrap_or("")
    }
}

/// `H(part:part:…)`. RFC 7616 §3.3.
pub(super) fn joined(algorithm: Algorithm, parts: &[&str]) -> Hex {
    let colons = parts.iter().enumerate();
    let pieces = colons.flat_map(|(at, part)| [if at == 0 { "" } else { ":" }, part]);
    match algorithm {
        Algorithm::Md5 => {
            let mut hash = <Md5 as md5::Digest>::new();
            pieces.for_each(|piece| md5::Digest::update(&mut hash, piece));
            Hex::of(&md5::Digest::finalize(hash))
        }
        Algorithm::Sha256 => {
            let mut hash = Sha256::new();
            pieces.for_each(|piece| hash.update(piece));
            Hex::of(&hash.finalize())
        }
    }
}

/// HMAC-SHA-256 (RFC 2104) of the parts in a row.
pub(super) fn hmac(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    let mut block = [0; 64];
    block[..32].copy_from_slice(key);
    let mut inner = Sha256::new_with_prefix(block.map(|octet| octet ^ 0x36));
    for part in parts {
        inner.update(part);
    }
    let mut outer = Sha256::new_with_prefix(block.map(|octet| octet ^ 0x5c));
    outer.update(inner.finalize());
    outer.finalize().into()
}
