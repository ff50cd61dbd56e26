//! Secure RTP and RTCP (RFC 3711; AES-GCM: RFC 7714): packets that nobody else can hear or make.
//!
//! Owns suites, keys and what becomes of one packet: [`Sealer`] protects what we send, [`Opener`]
//! takes the protection off what arrives, both in place and without allocating. Knows no SDP and no
//! port; who agreed on which keys is [`crate::sdp`]'s. Keys are shown nowhere: [`Keys`] and
//! [`Secret`] print as what they are, not as what they hold.
//!
//! Left out, and refused where a peer asks for it: MKI, key derivation rates, unencrypted or
//! unauthenticated sessions.

mod context;
mod session;
#[cfg(test)]
mod tests;

use std::fmt;

pub use context::{Context, Opener, Refused, Sealer};

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// Octets that protection adds to a packet at most: a tag of AES-GCM, and the index of SRTCP.
pub const OVERHEAD: usize = 16 + 4;

/// Octets of the longest master key.
const KEY: usize = 32;

/// Octets of the longest master salt.
const SALT: usize = 14;

/// How packets are protected (RFC 4568 §6.2, RFC 7714 §14.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Suite {
    /// AES in counter mode with 128 bits, HMAC-SHA1 cut to 80 bits: what everybody knows.
    AesCm80,
    /// The same, cut to 32 bits for RTP and to 80 for RTCP.
    AesCm32,
    /// AES-GCM with 128 bits.
    AesGcm128,
    /// AES-GCM with 256 bits.
    AesGcm256,
}

impl Suite {
    /// All suites, in our own order of preference: one pass over a packet costs less than two, and a
    /// tag of 32 bits is the last resort.
    pub const ALL: [Suite; 4] = [
        Suite::AesGcm128,
        Suite::AesCm80,
        Suite::AesGcm256,
        Suite::AesCm32,
    ];

    /// Its name in SDP.
    pub const fn name(self) -> &'static str {
        match self {
            Suite::AesCm80 => "AES_CM_128_HMAC_SHA1_80",
            Suite::AesCm32 => "AES_CM_128_HMAC_SHA1_32",
            Suite::AesGcm128 => "AEAD_AES_128_GCM",
            Suite::AesGcm256 => "AEAD_AES_256_GCM",
        }
    }

    /// The suite of that name.
    pub fn named(name: &str) -> Option<Self> {
        Suite::ALL.into_iter().find(|suite| suite.name() == name)
    }

    /// Octets of its master key.
    const fn key(self) -> usize {
        match self {
            Suite::AesGcm256 => 32,
            _ => 16,
        }
    }

    /// Octets of its master salt.
    const fn salt(self) -> usize {
        match self {
            Suite::AesCm80 | Suite::AesCm32 => 14,
            Suite::AesGcm128 | Suite::AesGcm256 => 12,
        }
    }
}

impl fmt::Display for Suite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Master key and master salt of one way, for one suite. Never used for two legs, nor for both ways
/// of one (RFC 4568 §6.1).
#[derive(Clone, PartialEq, Eq)]
pub struct Keys {
    suite: Suite,
    /// Key and salt, one behind the other; zero behind them.
    material: [u8; KEY + SALT],
}

impl Keys {
    /// Keys of a suite: its master key and, behind it, its master salt. `None` if it is too long or
    /// too short for the suite.
    pub fn new(suite: Suite, material: &[u8]) -> Option<Self> {
        let mut all = [0; KEY + SALT];
        let wanted = all.get_mut(..suite.key() + suite.salt())?;
        (wanted.len() == material.len()).then(|| wanted.copy_from_slice(material))?;
        Some(Keys {
            suite,
            material: all,
        })
    }

    /// For which suite they are.
    pub const fn suite(&self) -> Suite {
        self.suite
    }

    /// Key and salt as [`Keys::new`] takes them. For SDP, and for nothing that is kept or logged.
    pub fn material(&self) -> &[u8] {
        &self.material[..self.suite.key() + self.suite.salt()]
    }

    fn key(&self) -> &[u8] {
        &self.material[..self.suite.key()]
    }

    /// Shorter salts are made as long as the longest with zeros behind them (RFC 7714 §11).
    fn salt(&self) -> [u8; SALT] {
        let mut salt = [0; SALT];
        let own = self.suite.salt();
        salt[..own].copy_from_slice(&self.material[self.suite.key()..][..own]);
        salt
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keys({})", self.suite)
    }
}

/// What the keys of one leg are made from: 32 octets of the system's randomness, fresh for each leg.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret([u8; 32]);

impl Secret {
    /// From randomness that nobody can guess and nobody has used.
    pub const fn new(randomness: [u8; 32]) -> Self {
        Secret(randomness)
    }

    /// Our keys for a suite: always the same, and of each suite others, since an offer names keys for
    /// all of them and one must not tell the next.
    pub fn keys(&self, suite: Suite) -> Keys {
        let mut random = ChaCha20Rng::from_seed(self.0);
        random.set_stream(suite as u64);
        let mut material = [0; KEY + SALT];
        random.fill_bytes(&mut material[..suite.key() + suite.salt()]);
        Keys { suite, material }
    }
}

/// Where the secrets of legs come from: seeded, so that a simulation draws the same ones again.
pub struct Secrets(ChaCha20Rng);

impl Secrets {
    /// From randomness that nobody can guess. Ids may be made of it as well: by another cipher, and what
    /// is drawn here is of a stream of its own.
    pub fn new(seed: [u8; 32]) -> Self {
        let mut random = ChaCha20Rng::from_seed(seed);
        random.set_stream(u64::MAX);
        Secrets(random)
    }

    /// One that no leg has had.
    pub fn fresh(&mut self) -> Secret {
        let mut randomness = [0; 32];
        self.0.fill_bytes(&mut randomness);
        Secret(randomness)
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets")
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// What two sides agreed on: the keys of either way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agreed {
    /// Ours.
    pub send: Keys,
    /// The peer's.
    pub receive: Keys,
}
