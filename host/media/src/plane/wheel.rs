//! The tick: when each port that speaks by itself has its turn.
//!
//! Owns 20 phases of 1 ms; a port that joins gets one of them and then a turn every 20 ms, so that the
//! packets of many ports do not all leave at one moment. Ports that have nothing to say are not in here
//! and cost nothing. Knows neither packets nor what a port says.

use std::time::{Duration, Instant};

use crate::command::PortId;
use crate::limits::LATE_TICKS;

/// Phases of a tick.
const PHASES: usize = 20;

/// From one phase to the next.
const STEP: Duration = Duration::from_millis(1);

/// So many more ports a phase may have than another, for those that are to have their turn together: 0.05 ms of
/// mixing and sending them.
const UNEVEN: usize = 8;

/// A turn of the ports of one phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tick {
    /// When it was due; packets are timed by this and not by when it was done.
    pub(super) due: Instant,
    /// Counts the ticks of this phase, those that were left out included.
    pub(super) number: u64,
    phase: usize,
}

/// See the module's header.
#[derive(Debug, Default)]
pub(super) struct Wheel {
    phases: [Vec<PortId>; PHASES],
    /// A bit for each phase with a port.
    used: u32,
    /// When slot 0 was. A slot is one phase at one time; its number modulo the phases is the phase.
    origin: Option<Instant>,
    /// The first slot that was not done yet.
    next: u64,
    /// Slots with ports that came too late to be done at all.
    left_out: u64,
}

/// The place of a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seat(usize);

impl Wheel {
    /// A place in the phase with the fewest ports; of several, in the one whose turn is soonest.
    pub(super) fn join(&mut self, now: Instant, port: PortId) -> Seat {
        if self.used == 0 {
            self.next = self.slot(now) + 1;
        }
        let from = self.next;
        let coming = (from..).take(PHASES).map(phase_of);
        let phase = coming.min_by_key(|&phase| self.phases[phase].len());
        let phase = phase.unwrap_or_default();
        self.phases[phase].push(port);
        self.used |= 1 << phase;
        Seat(phase)
    }

    /// Of these places the one in the phase with the fewest ports; `None` if each of them has many more than the
    /// emptiest phase.
    pub(super) fn emptiest<T>(&self, of: impl Iterator<Item = (T, Seat)>) -> Option<(T, Seat)> {
        let length = |(_, seat): &(T, Seat)| self.phases[seat.0].len();
        let least = self.phases.iter().map(Vec::len).min().unwrap_or_default();
        of.filter(|it| length(it) < least + UNEVEN)
            .min_by_key(length)
    }

    /// The same place as the `mates` of a port have, who have their turn just before it.
    pub(super) fn join_beside(
        &mut self,
        seat: Seat,
        port: PortId,
        is_mate: impl Fn(&PortId) -> bool,
    ) {
        let phase = &mut self.phases[seat.0];
        let last = phase.iter().rposition(is_mate);
        phase.insert(last.map_or(phase.len(), |last| last + 1), port);
    }

    /// The port of this place has its turn behind all others of the phase from now on, and in nobody's midst.
    pub(super) fn step_back(&mut self, seat: Seat, port: PortId) {
        let phase = &mut self.phases[seat.0];
        if let Some(at) = phase.iter().position(|&it| it == port) {
            phase[at..].rotate_left(1);
        }
    }

    /// The port of this place has nothing more to say.
    pub(super) fn leave(&mut self, seat: Seat, port: PortId) {
        let phase = &mut self.phases[seat.0];
        phase.retain(|&it| it != port);
        if phase.is_empty() {
            self.used &= !(1 << seat.0);
        }
    }

    /// The ports that have their turn with a tick.
    pub(super) fn ports(&self, tick: Tick) -> &[PortId] {
        &self.phases[tick.phase]
    }

    /// When the next tick is due; `None` while no port waits for one.
    pub(super) fn due(&self) -> Option<Instant> {
        let ahead = (self.next..)
            .take(PHASES)
            .find(|&slot| self.used & (1 << phase_of(slot)) != 0);
        self.moment(ahead?)
    }

    /// The next tick that is due by `now`. Of those that are late the last [`LATE_TICKS`] of each phase
    /// are done, the others left out.
    pub(super) fn advance(&mut self, now: Instant) -> Option<Tick> {
        if self.used == 0 {
            return None;
        }
        let current = self.slot(now);
        let oldest = (current + 1).saturating_sub(LATE_TICKS * PHASES as u64);
        if self.next < oldest {
            let missed = (oldest - self.next) * u64::from(self.used.count_ones());
            self.left_out += missed / PHASES as u64;
            self.next = oldest;
        }
        while self.next <= current {
            let slot = self.next;
            self.next += 1;
            let phase = phase_of(slot);
            if self.used & (1 << phase) != 0 {
                return Some(Tick {
                    due: self.moment(slot)?,
                    number: slot / PHASES as u64,
                    phase,
                });
            }
        }
        None
    }

    /// Ticks that were left out because they came too late, about.
    pub(super) fn left_out(&self) -> u64 {
        self.left_out
    }

    fn slot(&mut self, now: Instant) -> u64 {
        let origin = *self.origin.get_or_insert(now);
        // A shard that ran for half a billion years would be cut off here.
        now.saturating_duration_since(origin).as_millis() as u64
    }

    fn moment(&self, slot: u64) -> Option<Instant> {
        // `u32` milliseconds are 49 days, so seconds and milliseconds apart.
        let whole = Duration::from_secs(slot / 1_000);
        Some(self.origin? + whole + STEP * (slot % 1_000) as u32)
    }
}

fn phase_of(slot: u64) -> usize {
    (slot % PHASES as u64) as usize
}
