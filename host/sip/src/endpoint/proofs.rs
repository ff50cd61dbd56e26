//! What we answer to those who challenge requests of ours. RFC 3261 §22, RFC 7616 §3.6.
//!
//! Owns when a request is sent again: a challenge is answered once, and once more if only its nonce was
//! too old. Each server and proxy on the way may have a realm of its own, and asks when the one before it
//! was content. Whoever challenges an answer in any other way has not believed it, and would not the next.
//! What was answered is kept: whatever is sent there next answers it before it is asked, with a count
//! that rises.

use crate::digest::{Challenge, Login};
use crate::limits;
use crate::wire::Headers;

/// The challenges on the way to one peer that we can answer: of the server, and of the proxies before it.
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
    realm: String,
    /// The nonce is the second.
    renewed: bool,
}

impl Met {
    /// Notes one more challenge. False: it was answered, and that is not believed; or there are too many.
    fn admit(&mut self, header: &'static str, challenge: &Challenge) -> bool {
        let realm = challenge.realm();
        let known = |once: &&mut Once| once.header == header && once.realm == realm;
        let room = self.0.len() < limits::REALMS;
        match self.0.iter_mut().find(known) {
            None if room => self.0.push(Once {
                header,
                realm: realm.to_owned(),
                renewed: false,
            }),
            Some(once) if challenge.stale && !once.renewed => once.renewed = true,
            None | Some(_) => return false,
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
        let challenges = Challenge::choose_each(headers.get_all(asks));
        let mut answerable = challenges.iter();
        if challenges.is_empty() || !answerable.all(|it| met.admit(header, it)) {
            return false;
        }
        for challenge in challenges {
            self.learn(header, challenge);
        }
        true
    }

    fn learn(&mut self, header: &'static str, challenge: Challenge) {
        let asked =
            |it: &&mut Proof| it.header == header && it.challenge.realm() == challenge.realm();
        if let Some(proof) = self.0.iter_mut().find(asked) {
            proof.challenge = challenge.after(&proof.challenge);
            return;
        }
        // Who asks under ever new names has forgotten the first.
        if self.0.len() == limits::REALMS {
            self.0.remove(0);
        }
        self.0.push(Proof { header, challenge });
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
