//! Which shard a Call-ID belongs to: a keyed hash, so that no peer can aim its calls at one shard.

use std::hash::Hasher;

use model::TrunkId;
use siphasher::sip::SipHasher13;

/// The key of a process, drawn at its start, and the number of its shards.
#[derive(Clone, Copy, Debug)]
pub struct Placement {
    key: [u8; 16],
    shards: u8,
}

impl Placement {
    /// A placement over 1 to 64 shards.
    pub fn new(key: [u8; 16], shards: u8) -> Self {
        Self {
            key,
            shards: shards.clamp(1, 64),
        }
    }

    /// The shard of a Call-ID.
    pub fn shard_of(&self, call_id: &[u8]) -> u8 {
        let mut hasher = SipHasher13::new_with_key(&self.key);
        hasher.write(call_id);
        (hasher.finish() % u64::from(self.shards)) as u8
    }

    /// The shard that looks after a trunk.
    pub fn shard_of_trunk(&self, trunk: TrunkId) -> u8 {
        self.shard_of(trunk.to_string().as_bytes())
    }

    /// How many shards there are.
    pub fn shards(&self) -> u8 {
        self.shards
    }
}

#[cfg(test)]
mod tests {
    use super::Placement;

    #[test]
    fn call_ids_spread_over_the_shards_and_stay_there() {
        let placement = Placement::new([5; 16], 4);
        let mut held = [0; 4];
        for n in 0..4_000 {
            let id = format!("{n}@example");
            let shard = placement.shard_of(id.as_bytes());
            assert_eq!(shard, placement.shard_of(id.as_bytes()));
            held[usize::from(shard)] += 1;
        }
        assert!(held.iter().all(|&n| (850..1150).contains(&n)), "{held:?}");
    }
}
