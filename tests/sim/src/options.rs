//! What a world is like: its size, its weather, and what is broken in it on purpose.

use std::time::Duration;

use crate::Random;

/// What a world is like.
#[derive(Clone, Debug)]
pub struct Options {
    /// Everything random comes from it.
    pub seed: u64,
    /// Session shards.
    pub shards: u8,
    /// Media shards.
    pub planes: u8,
    /// Whether all telephones speak SIP over connections.
    pub tcp: bool,
    /// Which proofs phones are asked for.
    pub challenges: sip::Challenges,
    /// Seconds after which a session that nobody refreshed is over, as the node wants it.
    pub session_expires: u32,
    /// Whether handsets speak. Signalling does not depend on it, and audio costs time.
    pub audio: bool,
    /// How long turns take.
    pub turns: Pace,
    /// How long CDRs take to be durable.
    pub records: Pace,
    /// How long media ports take to open.
    pub ports: Pace,
    /// How many turns of a hundred fault, whatever their policy did.
    pub faults: u8,
    /// While it lasts, no CDR becomes durable: they wait for its end.
    pub stall: Option<(Duration, Duration)>,
    /// The node has the machine's wall clock with all its jumps, and no [`model::Wall`] before it.
    pub bare_clock: bool,
    /// A rule that is broken on purpose: the test of the tests.
    pub sabotage: Option<Sabotage>,
}

/// How long something takes, and how often it fails.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// The least time.
    pub least: Duration,
    /// The most, nearly always.
    pub most: Duration,
    /// How many of a hundred take up to three seconds, which is longer than anybody waits.
    pub slow: u8,
    /// How many of a hundred fail.
    pub fails: u8,
}

/// A rule that the world breaks, so that a test can see that the watch notices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sabotage {
    /// The final CDRs never reach their writer.
    SwallowCdr,
    /// `on_released` is never told.
    DropReleased,
    /// `on_play_completed` is never told.
    DropPlayCompleted,
    /// `on_dial_completed` is told twice.
    DialCompletedTwice,
    /// Shards are told that a CDR is durable when it is not.
    LieAboutDurability,
    /// A refusal is sent once more with another status.
    RefuseTwice,
    /// Media ports are never closed.
    LeakPort,
    /// A call is shown to the telephones of another tenant.
    CrossTenants,
    /// The store commits whatever a turn has read.
    ForgetConflicts,
    /// Something logs an error.
    LogError,
}

impl Pace {
    /// Always the same.
    pub const fn always(millis: u64) -> Self {
        let at = Duration::from_millis(millis);
        Self {
            least: at,
            most: at,
            slow: 0,
            fails: 0,
        }
    }

    /// This time.
    pub(crate) fn draw(self, random: &mut Random) -> Duration {
        if random.percent(self.slow) {
            random.millis(3_000)
        } else {
            random.between(self.least, self.most)
        }
    }

    fn stormy(random: &mut Random, fails: u8) -> Self {
        Self {
            least: Duration::ZERO,
            most: Duration::from_millis(*random.pick(&[1, 20, 200])),
            slow: *random.pick(&[0, 0, 5, 20]),
            fails,
        }
    }
}

impl Options {
    /// A world where everything goes well: for ladders.
    pub fn calm() -> Self {
        Self {
            seed: 1,
            shards: 2,
            planes: 2,
            tcp: false,
            challenges: sip::Challenges::default(),
            session_expires: 1_800,
            audio: true,
            turns: Pace::always(1),
            records: Pace::always(3),
            ports: Pace::always(1),
            faults: 0,
            stall: None,
            bare_clock: false,
            sabotage: None,
        }
    }

    /// A world of that seed.
    pub fn stormy(seed: u64) -> Self {
        let random = &mut Random::new(seed);
        let stall_from = random.millis(60_000);
        let stall = random.percent(20);
        Self {
            seed,
            shards: 1 + random.below(3) as u8,
            planes: 1 + random.below(2) as u8,
            tcp: false,
            challenges: sip::Challenges::default(),
            session_expires: 90,
            audio: seed.is_multiple_of(20),
            turns: Pace::stormy(random, 0),
            records: {
                let fails = *random.pick(&[0, 0, 0, 3]);
                Pace::stormy(random, fails)
            },
            ports: {
                let fails = *random.pick(&[0, 0, 5]);
                Pace::stormy(random, fails)
            },
            faults: *random.pick(&[0, 0, 2, 10]),
            stall: stall.then(|| (stall_from, stall_from + random.millis(20_000))),
            bare_clock: false,
            sabotage: None,
        }
    }
}
