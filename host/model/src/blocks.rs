//! Address blocks, and what each stands for: found by an address without looking at all of them.
//!
//! Blocks of one length are apart from one another, so that an address is in one of them at most: there
//! is one look-up for each length that there is, of which there are seldom more than four.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::Prefix;

/// Blocks with something for each; one may stand for several.
#[derive(Clone, Debug)]
pub struct Blocks<T> {
    /// By their first address and their length.
    all: BTreeMap<(IpAddr, u8), BTreeSet<T>>,
    /// The lengths that there are of IPv4, and of IPv6.
    lengths: [BTreeSet<u8>; 2],
}

impl<T> Default for Blocks<T> {
    fn default() -> Self {
        Self {
            all: BTreeMap::new(),
            lengths: Default::default(),
        }
    }
}

impl<T: Ord> Blocks<T> {
    /// Adds a block.
    pub fn insert(&mut self, block: Prefix, what: T) {
        let (address, length) = block.parts();
        self.lengths[usize::from(address.is_ipv6())].insert(length);
        let block = (first(address, length), length);
        self.all.entry(block).or_default().insert(what);
    }

    /// What the blocks stand for that hold this address, those of the widest block first.
    pub fn holding(&self, ip: IpAddr) -> impl Iterator<Item = &T> {
        let ip = ip.to_canonical();
        let lengths = self.lengths[usize::from(ip.is_ipv6())].iter();
        let found = lengths.filter_map(move |length| self.all.get(&(first(ip, *length), *length)));
        found.flatten()
    }

    /// Whether one of them holds this address.
    pub fn hold(&self, ip: IpAddr) -> bool {
        self.holding(ip).next().is_some()
    }
}

/// The first address of the block of that length that an address is in.
fn first(ip: IpAddr, length: u8) -> IpAddr {
    match ip {
        IpAddr::V4(ip) => {
            let mask = u32::MAX
                .checked_shl(32 - u32::from(length))
                .unwrap_or_default();
            Ipv4Addr::from_bits(ip.to_bits() & mask).into()
        }
        IpAddr::V6(ip) => {
            let mask = u128::MAX
                .checked_shl(128 - u32::from(length))
                .unwrap_or_default();
            Ipv6Addr::from_bits(ip.to_bits() & mask).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::Blocks;
    use crate::Prefix;

    #[test]
    fn an_address_is_found_in_the_blocks_that_hold_it_as_if_all_were_looked_at() {
        let texts = [
            "0.0.0.0/0",
            "10.0.0.0/8",
            "10.1.2.3/8",
            "10.1.0.0/16",
            "10.1.2.3/32",
            "192.0.2.128/25",
            "::/0",
            "2001:db8::/32",
            "2001:db8:1::1/48",
            "2001:db8::1",
            "::ffff:10.1.2.3/128",
        ];
        let all: Vec<Prefix> = texts.iter().map(|text| text.parse().unwrap()).collect();
        for (without, left_out) in texts.iter().enumerate() {
            let some = all.iter().enumerate().filter(|(at, _)| *at != without);
            let mut blocks = Blocks::default();
            for (at, block) in some.clone() {
                blocks.insert(*block, at);
            }
            for ip in [
                "10.1.2.3",
                "10.1.2.4",
                "10.2.0.0",
                "11.0.0.0",
                "192.0.2.127",
                "192.0.2.255",
                "2001:db8::1",
                "2001:db8:1::",
                "2001:db9::",
                "::ffff:10.1.2.3",
                "::1",
            ] {
                let ip: IpAddr = ip.parse().unwrap();
                let holding = some.clone().filter(|(_, block)| block.contains(ip));
                let expect: Vec<_> = holding.map(|(at, _)| at).collect();
                let mut found: Vec<_> = blocks.holding(ip).copied().collect();
                found.sort_unstable();
                assert_eq!(found, expect, "{ip} without {left_out}");
                assert_eq!(blocks.hold(ip), !expect.is_empty());
            }
        }
    }
}
