//! Secrets as they are stored: never themselves.

use md5::Md5;
use sha2::{Digest, Sha256};

/// The hash by which an API key is found. Keys are 256 random bits, so a plain hash is enough.
pub(crate) fn key_hash(secret: &str) -> String {
    hex(&Sha256::digest(secret.as_bytes()))
}

/// `H(user:realm:password)` for MD5 and SHA-256 (RFC 7616 §3.4.2).
pub(crate) fn ha1(user: &str, realm: &str, password: &str) -> (String, String) {
    let a1 = format!("{user}:{realm}:{password}");
    let md5 = <Md5 as md5::Digest>::digest(a1.as_bytes());
    (hex(&md5), hex(&Sha256::digest(a1.as_bytes())))
}

fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or_default();
    let digits = bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 0xf)]);
    digits.collect()
}

#[cfg(test)]
mod tests {
    use super::ha1;

    /// A1 of the examples of RFC 2617 §3.5 and RFC 7616 §3.9.1.
    #[test]
    fn ha1_is_that_of_the_rfc() {
        let (md5, _) = ha1("Mufasa", "testrealm@host.com", "Circle Of Life");
        assert_eq!(md5, "939e7578ed9e3c518a452acee763bce9");
        let (md5, sha256) = ha1("Mufasa", "http-auth@example.org", "Circle of Life");
        assert_eq!(md5, "3d78807defe7de2157e2b0b6573a855f");
        assert_eq!(
            sha256,
            "7987c64c30e25f1b74be53f966b49b90f2808aa92faf9a00262392d7b4794232"
        );
    }
}
