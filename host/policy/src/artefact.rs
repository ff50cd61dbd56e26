//! Machine code of a component, under a seal.
//!
//! Owns the seal: HMAC-SHA256 (RFC 2104) with a key of the node over the component's digest and the code.
//! Loading machine code is as good as running it, so only what this crate's own compiler has put out is
//! ever loaded ([`Engine::load`](crate::Engine::load)); nobody else can make a seal. A file that was
//! damaged, of another node or of another component, is told by it, too.

use sha2::{Digest, Sha256};

/// Octets of a seal.
const SEAL: usize = 32;
/// Octets of a block of SHA-256.
const BLOCK: usize = 64;

/// The key of a node's seals. Whoever knows it could make this node run anything.
#[derive(Clone)]
pub struct SealKey([u8; SEAL]);

impl SealKey {
    /// From random octets.
    pub fn new(octets: [u8; SEAL]) -> Self {
        Self(octets)
    }

    pub(crate) fn octets(&self) -> &[u8; SEAL] {
        &self.0
    }
}

impl std::fmt::Debug for SealKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SealKey")
    }
}

/// A compiled component: its seal, then its machine code.
#[derive(Debug, PartialEq, Eq)]
pub struct Artefact(Vec<u8>);

impl Artefact {
    /// Seals what the compiler has put out for the component of that digest.
    pub(crate) fn seal(key: &SealKey, digest: &str, code: &[u8]) -> Self {
        let mut octets = seal(key, digest, code).to_vec();
        octets.extend_from_slice(code);
        Self(octets)
    }

    /// As it was kept or sent; its seal is judged when it is loaded.
    pub fn from_octets(octets: Vec<u8>) -> Self {
        Self(octets)
    }

    /// To be kept or sent.
    pub fn octets(&self) -> &[u8] {
        &self.0
    }

    /// The machine code, if the seal is that of this node and this component.
    pub(crate) fn open(&self, key: &SealKey, digest: &str) -> Option<&[u8]> {
        let (found, code) = self.0.split_first_chunk::<SEAL>()?;
        let expect = seal(key, digest, code);
        // Without looking at how much of it is right.
        let differ = found
            .iter()
            .zip(expect)
            .fold(0, |all, (a, b)| all | (a ^ b));
        (differ == 0).then_some(code)
    }
}

fn seal(key: &SealKey, digest: &str, code: &[u8]) -> [u8; SEAL] {
    // Digests are all of one length, so that no other pair is the same text.
    hmac(key.octets(), &[digest.as_bytes(), code])
}

/// RFC 2104, with a key no longer than a block.
fn hmac(key: &[u8], parts: &[&[u8]]) -> [u8; SEAL] {
    let mut inner = Sha256::new_with_prefix(padded(key, 0x36));
    for part in parts {
        inner.update(part);
    }
    let mut outer = Sha256::new_with_prefix(padded(key, 0x5c));
    outer.update(inner.finalize());
    outer.finalize().into()
}

fn padded(key: &[u8], with: u8) -> [u8; BLOCK] {
    let mut block = [with; BLOCK];
    for (octet, key) in block.iter_mut().zip(key) {
        *octet ^= key;
    }
    block
}

#[cfg(test)]
mod tests {
    use super::{Artefact, SealKey, hmac};

    /// RFC 4231 §4.2 and §4.3.
    #[test]
    fn seals_are_hmac_sha_256() {
        let hex = |octets: [u8; 32]| {
            octets
                .iter()
                .fold(String::new(), |text, octet| text + &format!("{octet:02x}"))
        };
        assert_eq!(
            hex(hmac(&[0x0b; 20], &[b"Hi ", b"There"])),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
        );
        assert_eq!(
            hex(hmac(b"Jefe", &[b"what do ya want ", b"for nothing?"])),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }

    #[test]
    fn a_seal_holds_for_its_node_its_component_and_its_code_only() {
        let key = SealKey::new([1; 32]);
        let artefact = Artefact::seal(&key, "sha256:a", b"code");
        assert_eq!(artefact.open(&key, "sha256:a"), Some(b"code".as_slice()));
        assert_eq!(artefact.open(&key, "sha256:b"), None);
        assert_eq!(artefact.open(&SealKey::new([2; 32]), "sha256:a"), None);
        for at in 0..artefact.octets().len() {
            let mut octets = artefact.octets().to_vec();
            octets[at] ^= 1;
            let changed = Artefact::from_octets(octets);
            assert_eq!(changed.open(&key, "sha256:a"), None, "{at}");
        }
        let short = Artefact::from_octets(vec![0; 31]);
        assert_eq!(short.open(&key, "sha256:a"), None);
    }
}
