//! Who may talk to us, and how much: asked of every message before it is read.
//!
//! Owns one row for each source that was heard lately, in a table whose size is fixed. Refuses to know
//! what a message says: what its reading showed is brought back as [`Conduct`]. A source is an IPv4
//! address, or an IPv6 network of 64 bits, since whoever has one address of it has all.
//!
//! ```text
//!              OFFENCES, or a scanner                silence is over
//!  stranger ───────────────────────────▶ silenced ──────────────────▶ stranger
//!     │ it has authenticated, or answered what we asked there      TRUST is over
//!     └───────────────────────────▶ proven ─────────────────────────▶ stranger
//! ```
//!
//! A source that a tenant has named (a line, a trunk) is known whatever its row says: it has
//! a rate of its own and is never silenced, and neither is a proven one. Both could otherwise be cut
//! off by anybody who forges their address.
//!
//! Which rows share a place is decided by a keyed hash. There the row goes that asked least, and none
//! that is silenced or has spent its rate: forged addresses push each other out, not their maker.

mod known;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    hash::Hasher,
    net::{IpAddr, Ipv6Addr},
    time::{Duration, Instant},
};

pub use known::Known;
use sip::Conduct;
use siphasher::sip::SipHasher13;

/// Sources that are remembered: about 2 MB.
pub const SOURCES: usize = 16_384;
/// Rows that share a place in the table.
const WAYS: usize = 4;
/// What a stranger may do wrong at once: unreadable messages, requests that are refused or challenged.
/// One is forgotten each [`FORGIVEN`]. A phone with an old password that tries every five seconds stays
/// below.
pub const OFFENCES: u32 = 60;
/// How long one offence counts.
pub const FORGIVEN: Duration = Duration::from_secs(1);
/// How long a proof holds: a phone that registers proves itself anew at least every hour.
pub const TRUST: Duration = Duration::from_secs(7_200);
/// How often one source is told of in the log.
pub const TOLD: Duration = Duration::from_secs(60);
/// Lines about sources at once; after that one each second.
pub const LINES: u32 = 20;

/// Rates in messages per second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Of a source that nobody knows.
    pub stranger_rate: u32,
    /// How many of it at once.
    pub stranger_burst: u32,
    /// Of a known or proven source.
    pub known_rate: u32,
    /// How long an offender is not heard.
    pub silence: Duration,
}

impl Default for Settings {
    /// A street of phones behind one address comes back after a power failure with two hundred
    /// messages at once; the busiest trunk of a node has a fifth of `known_rate`.
    fn default() -> Self {
        Self {
            stranger_rate: 50,
            stranger_burst: 200,
            known_rate: 50_000,
            silence: Duration::from_secs(300),
        }
    }
}

/// What becomes of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is read.
    Pass,
    /// It never came. `tell`: a line in the log is due.
    Drop {
        /// Why.
        why: Why,
        /// Whether that is to be said.
        tell: bool,
    },
}

/// What comes of a conduct.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Noted {
    /// The source is heard on.
    Heard,
    /// It is not, from now on. `tell`: a line in the log is due.
    Silenced {
        /// Whether that is to be said.
        tell: bool,
    },
}

/// Why a message is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// Its source says too much.
    Rate,
    /// Its source is not heard for a while.
    Silenced,
    /// Its source is new, and so many offenders are remembered that there is no room for it.
    Crowded,
}

/// What was done, since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Messages that were dropped.
    pub dropped: BTreeMap<Why, u64>,
    /// How often a source was silenced.
    pub silenced: u64,
    /// Of these, for the name of its program.
    pub scanners: u64,
}

/// The door-keeper of a node.
#[derive(Debug)]
pub struct Guard {
    settings: Settings,
    key: [u8; 16],
    known: Known,
    /// Of `known`, so that rows can remember what they found there.
    edition: u32,
    rows: Vec<Option<Row>>,
    /// For those who find no room.
    spare: Bucket,
    lines: Bucket,
    counts: Counts,
}

/// One source.
#[derive(Clone, Copy, Debug)]
struct Row {
    network: IpAddr,
    rate: Bucket,
    offences: Bucket,
    standing: Standing,
    /// Whether it is known, and by which edition.
    known: (u32, bool),
    /// When it may be told of again.
    untold: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Stranger,
    Silenced { until: Instant },
    Proven { until: Instant },
}

/// A token bucket, kept as the moment at which it is full again.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    full: Instant,
}

impl Bucket {
    /// Takes a token of which one comes each `each` and so many fit; `false` if there is none.
    fn take(&mut self, now: Instant, each: Duration, fit: u32) -> bool {
        let full = self.full.max(now) + each;
        let has = full - now <= each * fit;
        if has {
            self.full = full;
        }
        has
    }
}

impl Guard {
    /// One that has heard nobody. The key is drawn at start, so that nobody can aim at a row.
    pub fn new(settings: Settings, key: [u8; 16], now: Instant) -> Self {
        Self {
            settings,
            key,
            known: Known::default(),
            edition: 0,
            rows: vec![None; SOURCES],
            spare: Bucket { full: now },
            lines: Bucket { full: now },
            counts: Counts::default(),
        }
    }

    /// Takes whom the tenants name now.
    pub fn know(&mut self, known: Known) {
        self.known = known;
        self.edition += 1;
    }

    /// Whether a message of this source is read.
    pub fn judge(&mut self, now: Instant, source: IpAddr) -> Verdict {
        let settings = self.settings;
        let Some(row) = self.row(now, source) else {
            // Known ones never lose their voice to a crowd.
            let each = Duration::from_secs(1) / settings.stranger_rate.max(1);
            let heard = self.known.has(network(source))
                || self.spare.take(now, each, settings.stranger_burst);
            return if heard {
                Verdict::Pass
            } else {
                self.drop(now, None, Why::Crowded)
            };
        };
        let trusted = row.known.1 || matches!(row.standing, Standing::Proven { .. });
        let (rate, burst) = if trusted {
            (settings.known_rate, settings.known_rate)
        } else {
            (settings.stranger_rate, settings.stranger_burst)
        };
        let each = Duration::from_secs(1) / rate.max(1);
        let why = if matches!(row.standing, Standing::Silenced { .. }) && !trusted {
            Why::Silenced
        } else if row.rate.take(now, each, burst.max(1)) {
            return Verdict::Pass;
        } else {
            Why::Rate
        };
        self.drop(now, Some(source), why)
    }

    fn drop(&mut self, now: Instant, source: Option<IpAddr>, why: Why) -> Verdict {
        *self.counts.dropped.entry(why).or_default() += 1;
        let row = source.and_then(|source| self.row(now, source));
        let due = match row {
            Some(row) if row.untold <= now => {
                row.untold = now + TOLD;
                true
            }
            Some(_) => false,
            None => true,
        };
        let tell = due && self.lines.take(now, Duration::from_secs(1), LINES);
        Verdict::Drop { why, tell }
    }

    /// Takes what a source has shown itself to be; says whether it is silenced for that.
    pub fn note(&mut self, now: Instant, source: IpAddr, conduct: Conduct) -> Noted {
        let silence = self.settings.silence;
        let Some(row) = self.row(now, source) else {
            return Noted::Heard;
        };
        if conduct == Conduct::Proven {
            if !matches!(row.standing, Standing::Proven { .. }) {
                row.forgive(now);
            }
            let until = now + TRUST;
            row.standing = Standing::Proven { until };
            return Noted::Heard;
        }
        if row.known.1 || row.standing != Standing::Stranger || silence.is_zero() {
            return Noted::Heard;
        }
        if conduct != Conduct::Scanner && row.offences.take(now, FORGIVEN, OFFENCES) {
            return Noted::Heard;
        }
        let until = now + silence;
        row.standing = Standing::Silenced { until };
        row.offences.full = now;
        row.untold = now + TOLD;
        self.counts.silenced += 1;
        self.counts.scanners += u64::from(conduct == Conduct::Scanner);
        let tell = self.lines.take(now, Duration::from_secs(1), LINES);
        Noted::Silenced { tell }
    }

    /// What was done.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// The row of a source, as of now; made if there is none. `None`: there is no room.
    fn row(&mut self, now: Instant, source: IpAddr) -> Option<&mut Row> {
        let network = network(source);
        let place = self.place(network);
        let each = Duration::from_secs(1) / self.settings.stranger_rate.max(1);
        let depth = each * self.settings.stranger_burst.max(1);
        let rows = &mut self.rows[place..place + WAYS];
        let is_its = |row: &Option<Row>| row.is_some_and(|row| row.network == network);
        let at = if let Some(at) = rows.iter().position(is_its) {
            at
        } else {
            let weight = |at: &usize| rows[*at].map(|row| row.weight(now, depth));
            let lightest = (0..WAYS).min_by_key(weight)?;
            if weight(&lightest).is_some_and(|(stays, _)| stays) {
                return None;
            }
            rows[lightest] = Some(Row::new(now, network));
            lightest
        };
        let row = rows[at].as_mut()?;
        if let Standing::Silenced { until } | Standing::Proven { until } = row.standing
            && until <= now
        {
            row.standing = Standing::Stranger;
        }
        if row.known.0 != self.edition {
            let known = self.known.has(network);
            if known && !row.known.1 {
                row.forgive(now);
            }
            row.known = (self.edition, known);
        }
        Some(row)
    }

    /// Where the rows of a source may be.
    fn place(&self, network: IpAddr) -> usize {
        let mut hasher = SipHasher13::new_with_key(&self.key);
        match network {
            IpAddr::V4(ip) => hasher.write(&ip.octets()),
            IpAddr::V6(ip) => hasher.write(&ip.octets()),
        }
        let places = (SOURCES / WAYS) as u64;
        (hasher.finish() % places) as usize * WAYS
    }
}

impl Row {
    fn new(now: Instant, network: IpAddr) -> Self {
        Self {
            network,
            rate: Bucket { full: now },
            offences: Bucket { full: now },
            standing: Standing::Stranger,
            // No edition yet: it is looked up at once.
            known: (u32::MAX, false),
            untold: now,
        }
    }

    /// What it said as a stranger is not counted by its new rate.
    fn forgive(&mut self, now: Instant) {
        self.rate.full = now;
        self.offences.full = now;
    }

    /// Whether it must stay, and how much it has asked for: the lightest row goes first.
    fn weight(&self, now: Instant, depth: Duration) -> (bool, Instant) {
        let stays = match self.standing {
            Standing::Silenced { until } => now < until,
            // It would be a stranger again, which it can bear.
            Standing::Stranger | Standing::Proven { .. } => now + depth * 3 / 4 < self.rate.full,
        };
        let trusted = match self.standing {
            Standing::Proven { until } => until,
            _ if self.known.1 => now + TRUST,
            _ => now,
        };
        let asked = self.rate.full.max(self.offences.full).max(trusted);
        (stays, asked)
    }
}

/// What is one source: whoever has one IPv6 address has the 2⁶⁴ of its network.
pub(crate) fn network(source: IpAddr) -> IpAddr {
    match source.to_canonical() {
        IpAddr::V6(ip) => IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() >> 64 << 64)),
        v4 @ IpAddr::V4(_) => v4,
    }
}
