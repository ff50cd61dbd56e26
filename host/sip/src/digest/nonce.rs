//! Nonces that need no memory: what they were made from is in them, and a MAC proves it.

use std::net::IpAddr;

use subtle::ConstantTimeEq;

use super::Bearer;
use super::hash::{Hex, hmac};
use crate::limits;

/// How many octets of the MAC a nonce has: 96 bits.
const MAC: usize = 12;
/// Hex digits of time, randomness, MAC.
const DIGITS: [usize; 3] = [12, 8, MAC * 2];

/// What a nonce was made from. Ordered by age.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Nonce {
    pub(super) unix_ms: u64,
    pub(super) random: u32,
}

impl Nonce {
    /// As it is sent.
    pub(super) fn text(self, key: &[u8; 32], bearer: Bearer<'_>) -> String {
        let Self { unix_ms, random } = self;
        let unix_ms = unix_ms & 0xffff_ffff_ffff;
        let mac = self.mac(key, bearer);
        format!("{unix_ms:012x}{random:08x}{}", Hex::of(&mac).as_str())
    }

    /// One that we made for this realm, this Call-ID and whoever was there.
    pub(super) fn read(text: &str, key: &[u8; 32], bearer: Bearer<'_>) -> Option<Self> {
        let digits = text
            .bytes()
            .all(|octet| matches!(octet, b'0'..=b'9' | b'a'..=b'f'));
        if !digits || text.len() != DIGITS.iter().sum::<usize>() {
            return None;
        }
        let (unix_ms, rest) = text.split_at(DIGITS[0]);
        let (random, mac) = rest.split_at(DIGITS[1]);
        let nonce = Self {
            unix_ms: u64::from_str_radix(unix_ms, 16).ok()?,
            random: u32::from_str_radix(random, 16).ok()?,
        };
        let ours = Hex::of(&nonce.mac(key, bearer));
        bool::from(ours.as_str().as_bytes().ct_eq(mac.as_bytes())).then_some(nonce)
    }

    /// Whether it is neither too old nor of the future.
    pub(super) fn is_fresh(self, unix_ms: u64) -> bool {
        self.unix_ms <= unix_ms && !self.is_over(unix_ms)
    }

    /// Whether it is too old.
    pub(super) fn is_over(self, unix_ms: u64) -> bool {
        unix_ms.saturating_sub(self.unix_ms) > limits::NONCE.as_millis() as u64
    }

    fn mac(self, key: &[u8; 32], bearer: Bearer<'_>) -> [u8; MAC] {
        let source = match bearer.source {
            IpAddr::V4(source) => source.to_ipv6_mapped(),
            IpAddr::V6(source) => source,
        };
        let (realm, call_id) = (bearer.realm, bearer.call_id);
        let (unix_ms, random) = (self.unix_ms.to_be_bytes(), self.random.to_be_bytes());
        let realm_ends = (realm.len() as u64).to_be_bytes();
        let whole = hmac(
            key,
            &[
                b"nonce",
                &unix_ms,
                &random,
                &source.octets(),
                &realm_ends,
                realm.as_bytes(),
                call_id.as_bytes(),
            ],
        );
        let mut mac = [0; MAC];
        mac.copy_from_slice(&whole[..MAC]);
        mac
    }
}
