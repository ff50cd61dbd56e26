//! Everything random in SIP: tags, branches, the waiting times of RFC 3261 §14.
//!
//! Only from the seed, so that a simulation can be run again.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::transaction::COOKIE;
use crate::wire::{Partial, Request};

#[derive(Debug)]
pub(super) struct Random {
    rng: ChaCha12Rng,
    salt: u64,
}

impl Random {
    pub(super) fn new(seed: [u8; 32]) -> Self {
        let mut rng = ChaCha12Rng::from_seed(seed);
        Self {
            salt: rng.next_u64(),
            rng,
        }
    }

    /// A tag: 64 bits, twice what RFC 3261 §19.3 asks for.
    pub(super) fn tag(&mut self) -> String {
        format!("{:016x}", self.rng.next_u64())
    }

    /// A branch (RFC 3261 §8.1.1.7). Nobody can guess it, so nobody can forge an answer unseen.
    pub(super) fn branch(&mut self) -> String {
        format!("{COOKIE}{:016x}", self.rng.next_u64())
    }

    /// What nobody can foresee.
    pub(super) fn number(&mut self) -> u64 {
        self.rng.next_u64()
    }

    /// 0 to 10 seconds (RFC 3261 §14.2).
    pub(super) fn retry_after(&mut self) -> u64 {
        self.rng.next_u64() % 11
    }

    /// Below the first RSeq of a call (RFC 3262 §3: at random below 2³¹, and room to grow).
    pub(super) fn sequence(&mut self) -> u32 {
        self.rng.next_u32() >> 2
    }

    /// How long a re-INVITE waits after a glare: 2.1 to 4 s if the Call-ID is ours, else 0 to 2 s, in
    /// steps of 10 ms (RFC 3261 §14.1).
    pub(super) fn glare(&mut self, owner: bool) -> Duration {
        let steps = if owner {
            210 + self.rng.next_u64() % 191
        } else {
            self.rng.next_u64() % 201
        };
        Duration::from_millis(steps * 10)
    }

    /// The tag of an answer without state: the same each time (RFC 3261 §8.2.7), and another one for
    /// another request.
    pub(super) fn stateless_tag(&self, request: &Request) -> String {
        let headers = request.headers();
        let cseq = headers.cseq().number;
        self.hash((
            headers.via().branch(),
            headers.call_id(),
            headers.from_tag(),
            cseq,
        ))
    }

    /// The same for a request that could not be read.
    pub(super) fn broken_tag(&self, partial: &Partial) -> String {
        self.hash((
            partial.via().branch(),
            partial.via().host(),
            partial.via().port(),
        ))
    }

    fn hash(&self, of: impl Hash) -> String {
        let mut hasher = DefaultHasher::new();
        self.salt.hash(&mut hasher);
        of.hash(&mut hasher);
        format!("{:016x}", hasher.finish())
    }
}

#[cfg(test)]
mod tests {
    use super::Random;

    /// RFC 3261 §14.1.
    #[test]
    fn after_a_glare_the_owner_of_the_call_id_waits_longer_than_the_other_in_steps_of_10_ms() {
        for (owner, least, most) in [(true, 2_100, 4_000), (false, 0, 2_000)] {
            let mut random = Random::new([1; 32]);
            let mut waits: Vec<_> = (0..10_000)
                .map(|_| random.glare(owner).as_millis())
                .collect();
            waits.sort_unstable();
            waits.dedup();
            let steps: Vec<_> = (least..=most).step_by(10).collect();
            assert_eq!(waits, steps, "all of them, and nothing else");
        }
    }
}
