//! The network: what becomes of a datagram on its way.

use std::time::Duration;

use crate::Random;

/// The way between a telephone and the node, the same in both directions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// How many of a hundred datagrams are lost.
    pub loss: u8,
    /// How many of a hundred arrive twice.
    pub twice: u8,
    /// The least time on the way.
    pub delay: Duration,
    /// How much more it may be. Each datagram has its own luck, so later ones overtake.
    pub jitter: Duration,
}

impl Link {
    /// Nothing is lost, everything takes a millisecond.
    pub const CALM: Link = Link {
        loss: 0,
        twice: 0,
        delay: Duration::from_millis(1),
        jitter: Duration::ZERO,
    };

    /// A link of a bad day: up to 30 % loss, a tenth doubled, half a second of jitter.
    pub fn stormy(random: &mut Random) -> Self {
        Self {
            loss: *random.pick(&[0, 0, 2, 10, 20, 30]),
            twice: *random.pick(&[0, 2, 10]),
            delay: random.millis(80),
            jitter: Duration::from_millis(*random.pick(&[0, 5, 50, 600])),
        }
    }

    /// When a datagram arrives: never, once or twice.
    pub(crate) fn carry(self, random: &mut Random) -> impl Iterator<Item = Duration> {
        let copies = match (random.percent(self.loss), random.percent(self.twice)) {
            (true, _) => 0,
            (false, false) => 1,
            (false, true) => 2,
        };
        let mut arrivals = [Duration::ZERO; 2];
        for arrival in &mut arrivals[..copies] {
            *arrival = self.delay + random.between(Duration::ZERO, self.jitter);
        }
        arrivals.into_iter().take(copies)
    }
}
