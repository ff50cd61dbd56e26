//! A map by [`PortId`], for what is looked up twice per packet.
//!
//! Port ids are our own, counted one by one, so the hash need not withstand an attacker: one
//! multiplication spreads them. Not for anything that is iterated: it has no order worth having.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use crate::command::PortId;

/// See the module's header.
pub(crate) type PortMap<V> = HashMap<PortId, V, BuildHasherDefault<PortHasher>>;

/// 2⁶⁴ divided by the golden ratio, made odd: Knuth's multiplicative hashing.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

/// Hashes one number.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct PortHasher(u64);

impl Hasher for PortHasher {
    fn write_u64(&mut self, id: u64) {
        self.0 = (self.0 ^ id).wrapping_mul(SPREAD);
    }

    /// What a `PortId` is not made of; right for any key all the same.
    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(u64::from(byte));
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::hash::BuildHasher;

    use super::*;

    /// As `control` counts them: the shard above, a counter below.
    fn ids(shard: u64) -> impl Iterator<Item = u64> {
        (0..1_024).map(move |n| shard << 56 | n)
    }

    #[test]
    fn ids_that_are_counted_share_no_place() {
        let hash = BuildHasherDefault::<PortHasher>::default();
        for shard in [0, 1, 255] {
            // The map takes the place from the low bits and a tag from the highest seven.
            let hashes: Vec<u64> = ids(shard).map(|id| hash.hash_one(PortId(id))).collect();
            let places: BTreeSet<u64> = hashes.iter().map(|it| it % 1_024).collect();
            let tags: BTreeSet<u64> = hashes.iter().map(|it| it >> 57).collect();
            assert_eq!((places.len(), tags.len()), (1_024, 128));
        }
    }
}
