//! Digest authentication: of requests to us, and of ours to others. RFC 7616, RFC 8760.
//!
//! Owns the nonces and what was already said with them. Refuses to know who may do what, and where
//! secrets are kept: it is given HA1 and says yes, "again with a fresh nonce", or no.
//!
//! A nonce is stateless: its time, its randomness and a MAC over them, the realm, the Call-ID and the
//! address that was challenged. Since the Call-ID is in the MAC, whatever uses a nonce is with the one
//! shard of that Call-ID, and the [`Replays`] of that shard see every use. Since the address is, whoever
//! forges one never has a nonce that is good there, and cannot guess in another's name. An unknown user costs the same work as a known one
//! and gets the same answer.

use std::net::IpAddr;

mod challenge;
mod credentials;
mod hash;
mod nonce;
mod parameters;
mod replays;
#[cfg(test)]
mod tests;

pub use challenge::{Challenge, Login};
pub use credentials::{Algorithm, Credentials};
use hash::{Hex, hmac};
use nonce::Nonce;
use replays::Replays;
use subtle::ConstantTimeEq;

use crate::limits;

/// What a user's password leaves: `H(user:realm:password)` in lower-case hex. RFC 7616 §3.4.2.
#[derive(Clone, Copy)]
pub struct Secrets<'a> {
    /// By MD5.
    pub md5: &'a str,
    /// By SHA-256.
    pub sha256: &'a str,
}

/// What credentials are checked against: parts of the request that bears them.
#[derive(Clone, Copy, Debug)]
pub struct Bearer<'a> {
    /// The method of the request.
    pub method: &'a str,
    /// Its Call-ID.
    pub call_id: &'a str,
    /// The realm: the domain of the tenant.
    pub realm: &'a str,
    /// The address that it came from.
    pub source: IpAddr,
}

/// Why credentials are not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denied {
    /// The secret may be right, but the nonce is too old, used or not ours: challenge again, with
    /// `stale=true`, and count no failure.
    Stale,
    /// Wrong, or of nobody.
    Wrong,
}

/// Makes challenges and judges what comes back.
#[derive(Debug)]
pub struct Guard {
    key: Key,
    replays: Replays,
}

/// The key of all nonces of a process.
#[derive(Clone)]
struct Key([u8; 32]);

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key")
    }
}

impl Guard {
    /// A guard with the key of the process; every shard has its own guard with the same key.
    pub fn new(key: [u8; 32]) -> Self {
        Self {
            key: Key(key),
            replays: Replays::new(limits::NONCES),
        }
    }

    /// The values of WWW-Authenticate, the better algorithm first (RFC 8760 §2.4). `random` makes
    /// the nonces of one millisecond differ.
    pub fn challenge(
        &self,
        bearer: Bearer<'_>,
        stale: bool,
        unix_ms: u64,
        random: u32,
    ) -> [String; 2] {
        let nonce = Nonce { unix_ms, random }.text(&self.key.0, bearer);
        [Algorithm::Sha256, Algorithm::Md5].map(|algorithm| {
            let realm = bearer.realm;
            let stale = if stale { ",stale=true" } else { "" };
            let name = algorithm.name();
            format!(r#"Digest realm="{realm}",nonce="{nonce}",algorithm={name},qop="auth"{stale}"#)
        })
    }

    /// Whether the bearer knows the secret of the user that it names; `secrets` are that user's, none
    /// if there is no such user.
    pub fn verify(
        &mut self,
        credentials: &Credentials,
        bearer: Bearer<'_>,
        secrets: Option<Secrets<'_>>,
        unix_ms: u64,
    ) -> Result<(), Denied> {
        // Always made, so that a user who is not there takes as long as one who is.
        let nobody = self.nobody(credentials, bearer.realm);
        let nobody = nobody.as_str();
        let fake = Secrets {
            md5: nobody.get(..32).unwrap_or(nobody),
            sha256: nobody,
        };
        let ha1 = match (credentials.algorithm, secrets.unwrap_or(fake)) {
            (Algorithm::Md5, secrets) => secrets.md5,
            (Algorithm::Sha256, secrets) => secrets.sha256,
        };
        let expected = credentials.expected(ha1, bearer.method);
        let same = expected
            .as_str()
            .as_bytes()
            .ct_eq(credentials.response.as_bytes());
        let proven = bool::from(same) && secrets.is_some() && credentials.realm == bearer.realm;
        let nonce = Nonce::read(&credentials.nonce, &self.key.0, bearer);
        let fresh = nonce.filter(|nonce| nonce.is_fresh(unix_ms));
        // Nobody learns by an old nonce whether a guess was right: a fresh one must prove it.
        match fresh {
            Some(_) if !proven => Err(Denied::Wrong),
            Some(nonce) if self.replays.admit(nonce, credentials.count, unix_ms) => Ok(()),
            None | Some(_) => Err(Denied::Stale),
        }
    }

    /// The HA1 of nobody: the same each time it is asked for, as a real one would be.
    fn nobody(&self, credentials: &Credentials, realm: &str) -> Hex {
        let user = credentials.username.as_bytes();
        Hex::of(&hmac(
            &self.key.0,
            &[b"nobody", user, &[0], realm.as_bytes()],
        ))
    }
}
