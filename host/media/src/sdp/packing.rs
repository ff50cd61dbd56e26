//! How much audio is in a packet: what a side asks for and the most that it takes (RFC 8866 §6.4, §6.5).

use super::PTIME_MS;

/// The longest packet that we send, in ms: what fits an Ethernet frame with room.
const LONGEST_MS: u16 = 120;

/// Octets of a millisecond, in every codec of ours.
const OCTETS: usize = 8;

/// What a peer says of the packets that it is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Packing {
    /// Milliseconds that it asks for.
    asked: Option<u16>,
    /// The most that it takes.
    most: Option<u16>,
}

impl Packing {
    /// Of these milliseconds, 10 to 200 each; what is not is as if it were not said.
    pub fn new(asked: Option<u16>, most: Option<u16>) -> Self {
        let sound = |it: &u16| (10..=200).contains(it);
        Packing {
            asked: asked.filter(sound),
            most: most.filter(sound),
        }
    }

    /// The octets of a packet that we make: as it asks, or of 20 ms, and no more than it takes.
    pub fn octets(self) -> usize {
        let asked = self.asked.unwrap_or(PTIME_MS);
        let most = self.most.unwrap_or(LONGEST_MS).min(LONGEST_MS);
        usize::from(asked.min(most)) * OCTETS
    }

    /// Whether a packet of so many octets may go on as it is. Who asks for a length gets it; who does not takes
    /// all (RFC 3551 §4.2) up to its most.
    pub fn takes(self, octets: usize) -> bool {
        match (self.asked, self.most) {
            (Some(_), _) => octets == self.octets(),
            (None, Some(most)) => octets <= usize::from(most) * OCTETS,
            (None, None) => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_gets_what_it_asks_for_and_no_more_than_it_takes() {
        for (asked, most, ms, takes) in [
            (None, None, 20, [true, true, true, true]),
            (Some(20), None, 20, [false, true, false, false]),
            (Some(30), Some(150), 30, [false, false, true, false]),
            (Some(10), Some(10), 10, [true, false, false, false]),
            (Some(60), Some(20), 20, [false, true, false, false]),
            (None, Some(20), 20, [true, true, false, false]),
            (None, Some(10), 10, [true, false, false, false]),
            (None, Some(30), 20, [true, true, true, false]),
            (Some(200), None, 120, [false, false, false, false]),
            // No length of a packet.
            (Some(5), Some(3_000), 20, [true, true, true, true]),
        ] {
            let packing = Packing::new(asked, most);
            assert_eq!(packing.octets(), ms * 8, "{asked:?} {most:?}");
            let taken = [80, 160, 240, 320].map(|octets| packing.takes(octets));
            assert_eq!(taken, takes, "{asked:?} {most:?}");
        }
    }
}
