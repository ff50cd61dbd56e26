//! Ids: a prefix that tells the noun, and a ULID that tells the time and the place.
//!
//! Of a ULID's 80 random bits the first 10 hold the node and the next 6 the shard that minted it, so
//! that a command for a call finds its shard without a table.

use std::{fmt, str::FromStr};

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use ulid::Ulid;

/// Why a text is no id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an id of the form {prefix}_…: {text:?}")]
pub struct IdError {
    prefix: &'static str,
    text: String,
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Ulid);

        impl $name {
            /// What every id of this noun begins with.
            pub const PREFIX: &'static str = $prefix;

            /// The next id of this source.
            pub fn mint(source: &mut IdSource, unix_ms: u64) -> Self {
                Self(source.next(unix_ms))
            }

            /// The first id of that time, Unix milliseconds: none of an earlier time is behind it, and
            /// none of a later one before it.
            pub fn first_of(unix_ms: u64) -> Self {
                Self(Ulid::from_parts(unix_ms, 0))
            }

            /// All of it, 16 octets.
            pub fn octets(self) -> [u8; 16] {
                self.0.to_bytes()
            }

            /// The shard that minted it.
            pub fn shard(self) -> u8 {
                ((self.0.random() >> 64) & 0x3f) as u8
            }

            /// The node that minted it.
            pub fn node(self) -> u16 {
                ((self.0.random() >> 70) & 0x3ff) as u16
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "_{}"), self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{self}")
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                let wrong = || IdError { prefix: $prefix, text: text.chars().take(64).collect() };
                let ulid = text.strip_prefix(concat!($prefix, "_")).ok_or_else(wrong)?;
                let parsed = Ulid::from_string(ulid).map_err(|_| wrong())?;
                // One spelling per id: lower case and overflowing texts are other texts.
                if parsed.to_string() == ulid { Ok(Self(parsed)) } else { Err(wrong()) }
            }
        }
    )*};
}

ids! {
    /// A call resource: the `res_id` of the call module.
    CallId "call";
    /// A service session: one run of a policy.
    SessionId "ses";
    /// A customer.
    TenantId "ten";
    /// A telephone number of a tenant.
    NumberId "num";
    /// A SIP peer to the network.
    TrunkId "trk";
    /// A SIP user agent of a tenant.
    PhoneId "phn";
    /// An API key.
    KeyId "key";
    /// A recording of a call; its file has this name.
    RecordingId "rec";
    /// A request to a policy; makecall answers with it as `callid`.
    RequestId "req";
    /// A conference of a tenant.
    ConferenceId "conf";
}

/// Where ids come from: seeded, so that a simulation mints the same ones again.
#[derive(Clone, Debug)]
pub struct IdSource {
    random: ChaCha8Rng,
    place: u128,
}

impl IdSource {
    /// A source for one shard (0 to 63) of one node (0 to 1023).
    pub fn new(seed: [u8; 32], node: u16, shard: u8) -> Self {
        let place = (u128::from(node & 0x3ff) << 6) | u128::from(shard & 0x3f);
        Self {
            random: ChaCha8Rng::from_seed(seed),
            place: place << 64,
        }
    }

    /// The seed, the node and the shard that [`IdSource::new`] makes it of again, as it was before the first
    /// was drawn.
    pub fn origin(&self) -> ([u8; 32], u16, u8) {
        let place = self.place >> 64;
        let (node, shard) = ((place >> 6) as u16, (place & 0x3f) as u8);
        (self.random.get_seed(), node, shard)
    }

    /// 32 octets of randomness, to seed another source.
    pub fn seed(&mut self) -> [u8; 32] {
        let mut seed = [0; 32];
        self.random.fill_bytes(&mut seed);
        seed
    }

    /// One of the same seed and place that draws from a stream of its own: neither what is drawn of this one nor
    /// what is drawn of that one changes the other.
    #[must_use]
    pub fn beside(&self) -> Self {
        let (seed, place) = (self.random.get_seed(), self.place);
        let mut random = ChaCha8Rng::from_seed(seed);
        random.set_stream(1);
        Self { random, place }
    }

    /// A random number.
    pub fn number(&mut self) -> u64 {
        self.random.next_u64()
    }

    fn next(&mut self, unix_ms: u64) -> Ulid {
        let random = u128::from(self.random.next_u64());
        Ulid::from_parts(unix_ms, self.place | random)
    }
}

#[cfg(test)]
mod tests {
    use super::{CallId, IdSource, SessionId};

    #[test]
    fn an_id_tells_its_node_and_shard_and_reads_back() {
        let mut source = IdSource::new([7; 32], 513, 42);
        let id = CallId::mint(&mut source, 1_700_000_000_000);
        assert_eq!((id.node(), id.shard()), (513, 42));
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_ne!(CallId::mint(&mut source, 1_700_000_000_000), id);
    }

    #[test]
    fn an_id_of_another_noun_or_spelling_is_refused() {
        let mut source = IdSource::new([7; 32], 0, 0);
        let id = CallId::mint(&mut source, 1).to_string();
        assert!(id.replace("call_", "ses_").parse::<CallId>().is_err());
        assert!(id.parse::<SessionId>().is_err());
        assert!(id.to_lowercase().parse::<CallId>().is_err());
        assert!("call_".parse::<CallId>().is_err());
    }

    #[test]
    fn the_same_seed_mints_the_same_ids() {
        let mint = || CallId::mint(&mut IdSource::new([9; 32], 1, 2), 5);
        assert_eq!(mint(), mint());
        let mut source = IdSource::new([9; 32], 1_023, 63);
        source.number();
        assert_eq!(source.origin(), ([9; 32], 1_023, 63));
    }

    #[test]
    fn a_source_beside_draws_the_same_whatever_was_drawn_of_the_first() {
        let mut source = IdSource::new([9; 32], 1, 2);
        let (first, beside) = (source.number(), source.beside().number());
        assert_ne!(first, beside);
        assert_eq!(source.beside().number(), beside);
        assert_eq!(IdSource::new([9; 32], 1, 2).number(), first);
    }
}
