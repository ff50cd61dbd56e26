//! What we answer to those who challenge requests of ours. RFC 3261 §22.
//!
//! Owns when a request is sent again: a challenge is answered once, and once more if only its nonce was
//! too old. Whoever challenges an answer in any other way has not believed it, and would not the next.

use crate::digest::{Challenge, Login};
use crate::wire::Headers;

/// The answers to the challenges that one request has met: to that of a server and that of a proxy.
#[derive(Debug, Default)]
pub(crate) struct Proofs(Vec<Proof>);

#[derive(Debug)]
struct Proof {
    /// Authorization or Proxy-Authorization.
    header: &'static str,
    challenge: Challenge,
    /// The nonce is the second.
    renewed: bool,
}

impl Proofs {
    /// Takes the challenge of a refusal. False: it cannot be answered, or was and is not believed.
    pub(super) fn take(&mut self, status: u16, headers: &Headers) -> bool {
        let Some((asks, header)) = Challenge::headers(status) else {
            return false;
        };
        let Some(challenge) = Challenge::choose(headers.get_all(asks)) else {
            return false;
        };
        match self.0.iter_mut().find(|proof| proof.header == header) {
            None => self.0.push(Proof {
                header,
                challenge,
                renewed: false,
            }),
            Some(proof) if challenge.stale && !proof.renewed => {
                proof.challenge = challenge;
                proof.renewed = true;
            }
            Some(_) => return false,
        }
        true
    }

    /// The headers that prove who we are, for the next request with this method and Request-URI.
    pub(super) fn headers(
        &mut self,
        login: &Login,
        method: &str,
        uri: &str,
        mut random: impl FnMut() -> u64,
    ) -> Vec<(&'static str, String)> {
        let answer = |proof: &mut Proof| {
            let value = proof.challenge.answer(login, method, uri, random());
            (proof.header, value)
        };
        self.0.iter_mut().map(answer).collect()
    }
}
