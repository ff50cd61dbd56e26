//! What we answer to those who challenge requests of ours. RFC 3261 §22, RFC 7616 §3.6.
//!
//! Owns when a request is sent again: a challenge is answered once, and once more if only its nonce was
//! too old. Whoever challenges an answer in any other way has not believed it, and would not the next.
//! What was answered is kept: whatever is sent there next answers it before it is asked, with a count
//! that rises.

use crate::digest::{Challenge, Login};
use crate::wire::Headers;

/// The challenges of one peer that we can answer: of the server, and of a proxy before it.
#[derive(Debug, Default)]
pub(crate) struct Proofs(Vec<Proof>);

#[derive(Debug)]
struct Proof {
    /// Authorization or Proxy-Authorization.
    header: &'static str,
    challenge: Challenge,
}

/// The challenges that one request has met.
#[derive(Debug, Default)]
pub(crate) struct Met(Vec<Once>);

#[derive(Debug)]
struct Once {
    /// The header that answered it.
    header: &'static str,
    /// The nonce is the second.
    renewed: bool,
}

impl Met {
    /// Notes one more challenge. False: it was answered, and that is not believed.
    fn admit(&mut self, header: &'static str, stale: bool) -> bool {
        match self.0.iter_mut().find(|once| once.header == header) {
            None => self.0.push(Once {
                header,
                renewed: false,
            }),
            Some(once) if stale && !once.renewed => once.renewed = true,
            Some(_) => return false,
        }
        true
    }
}

impl Proofs {
    /// Takes the challenge of a refusal. False: it cannot be answered, or was and is not believed.
    pub(crate) fn take(&mut self, met: &mut Met, status: u16, headers: &Headers) -> bool {
        let Some((asks, header)) = Challenge::headers(status) else {
            return false;
        };
        let Some(challenge) = Challenge::choose(headers.get_all(asks)) else {
            return false;
        };
        if !met.admit(header, challenge.stale) {
            return false;
        }
        match self.0.iter_mut().find(|proof| proof.header == header) {
            None => self.0.push(Proof { header, challenge }),
            Some(proof) => proof.challenge = challenge.after(&proof.challenge),
        }
        true
    }

    /// The headers that prove who we are, for the next request with this method and Request-URI.
    pub(crate) fn headers(
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
