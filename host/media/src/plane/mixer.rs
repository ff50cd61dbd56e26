//! The conferences of a plane: what each member says, and what it hears of the others.
//!
//! ```text
//!  a row's turn:  each member's ear ── said ──▶ sum, with what everybody else said last
//!                 sum − said + chime ──▶ heard, by each member
//! ```
//!
//! Each member has a turn every 20 ms. Those of one conference have it together, a *row* at a time, so far as that
//! puts not too much into one moment: what they have in common is fetched from memory once, and what each says
//! is needed for this turn only. A turn costs the same in a conference of three and of a thousand. Only what a
//! member hears is cut to 16 bits. Owns the part of each [`Room`] that is on this plane, its [`Hall`]. Knows no
//! packet.

mod hall;
mod member;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use super::chime::Chimes;
use super::ear::Ear;
use super::wheel::Seat;
use crate::codec::{Codec, Encoder, FRAME_OCTETS, FRAME_SAMPLES, Rate};
use crate::command::Mode;
use crate::room::{Comings, Room};
use hall::{Hall, ROW, Sum};
use member::Part;
pub(super) use member::{Member, Voice};

/// See the module's header.
#[derive(Debug)]
pub(super) struct Mixer {
    /// By their numbers, which members know: so that the way to one leads through little memory.
    halls: Vec<Option<Box<Hall>>>,
    /// The number of each room's.
    numbers: BTreeMap<u64, usize>,
    chimes: Chimes,
    turn: Turn,
}

/// The turn of a row, while it lasts.
#[derive(Debug)]
struct Turn {
    hall: usize,
    /// It is the first that sees the room.
    looks: bool,
    rate: Rate,
    era: u32,
    comings: Comings,
    /// What is said by all, once it is gathered.
    sum: Sum,
    /// And by each.
    said: [[i16; FRAME_SAMPLES]; ROW],
    members: usize,
    /// What the member hears whose turn it is, and the same as its codec has it: places that need not be cleared
    /// for each.
    heard: [i16; FRAME_SAMPLES],
    payload: [u8; FRAME_OCTETS],
}

impl Default for Mixer {
    fn default() -> Self {
        Mixer {
            halls: Vec::new(),
            numbers: BTreeMap::new(),
            chimes: Chimes::default(),
            turn: Turn {
                hall: 0,
                looks: false,
                rate: Rate::default(),
                era: 0,
                comings: Comings::default(),
                sum: [0; FRAME_SAMPLES],
                said: [[0; FRAME_SAMPLES]; ROW],
                members: 0,
                heard: [0; FRAME_SAMPLES],
                payload: [0; FRAME_OCTETS],
            },
        }
    }
}

impl Mixer {
    /// A party comes in. It has no turn before it [sits](Mixer::sit).
    pub(super) fn enter(&mut self, room: &Arc<Room>, mode: Mode, codec: Codec) -> Member {
        if codec.rate() == Rate::Wide {
            room.widen();
        }
        let (part, hall) = self.admit(room, mode, mode.talks());
        let rate = hall.rate;
        Member {
            part,
            row: None,
            ear: Ear::new(rate),
            encoder: Encoder::new(codec, rate),
            sent: 0,
        }
    }

    /// The rows of that hall that have room, and when they have their turn.
    pub(super) fn rows(&self, hall: usize) -> impl Iterator<Item = (usize, Seat)> {
        let hall = self.halls.get(hall).and_then(Option::as_deref);
        hall.into_iter().flat_map(Hall::rows)
    }

    /// Its turn is then: in that row of its hall, beside all others that are in it, or in a new one.
    pub(super) fn sit(&mut self, member: &mut Member, row: Option<usize>, seat: Seat) {
        if let Some(hall) = &mut self.halls[member.part.hall] {
            member.row = Some(hall.sit(row, seat));
        }
    }

    /// A party leaves.
    pub(super) fn leave(&mut self, member: &Member) {
        if let (Some(hall), Some(row)) = (&mut self.halls[member.part.hall], member.row) {
            hall.rise(row);
        }
        self.dismiss(&member.part);
    }

    /// Somebody comes who is no member, which nobody is told. With the rate of the conference.
    pub(super) fn attend(&mut self, room: &Arc<Room>, mode: Mode) -> (Voice, Rate) {
        let (part, hall) = self.admit(room, mode, false);
        hall.attend();
        let said = [0; FRAME_SAMPLES];
        (Voice { part, said }, hall.rate)
    }

    /// It goes.
    pub(super) fn unattend(&mut self, voice: &Voice) {
        if let Some(hall) = &mut self.halls[voice.part.hall] {
            // What was said at another rate is in no sum any more.
            let said = Some(&voice.said).filter(|_| voice.part.era == hall.era);
            hall.unattend(said);
        }
        self.dismiss(&voice.part);
    }

    /// Asks for what a turn of its members needs of a hall.
    pub(super) fn ask(&self, hall: usize) {
        if let Some(Some(hall)) = self.halls.get(hall) {
            hall.ask();
        }
    }

    /// The turn of a row begins: its members [speak](Mixer::speak), then all is [gathered](Mixer::gather), and
    /// they [hear](Mixer::hear) in the same order.
    pub(super) fn begin(&mut self, due: Instant, (number, row): (usize, usize)) {
        let turn = &mut self.turn;
        (turn.hall, turn.members) = (number, 0);
        if let Some(Some(hall)) = self.halls.get_mut(number) {
            hall.ask_row(row);
            turn.looks = hall.look(due);
            (turn.rate, turn.era, turn.comings) = (hall.rate, hall.era, hall.comings);
        }
        turn.sum[..turn.rate.frame()].fill(0);
    }

    /// Takes what a member says. Its peer speaks that codec; one that holds us is not heard, nor one of which
    /// nothing is known.
    pub(super) fn speak(
        &mut self,
        due: Instant,
        member: &mut Member,
        codec: Option<Codec>,
        is_held: bool,
    ) {
        let Turn {
            rate, era, comings, ..
        } = self.turn;
        let turn = &mut self.turn;
        turn.members += 1;
        let Some(said) = turn.said.get_mut(turn.members - 1) else {
            return;
        };
        let said = &mut said[..rate.frame()];
        let Some(codec) = codec else {
            return said.fill(0);
        };
        if codec.rate() > rate
            && let Some(Some(hall)) = self.halls.get(turn.hall)
        {
            // From the next look on.
            hall.room.widen();
        }
        let Member {
            part, ear, encoder, ..
        } = member;
        if ear.rate() != rate {
            *ear = Ear::new(rate);
            *encoder = Encoder::new(encoder.codec(), rate);
        }
        part.begin(era);
        part.listen(comings);
        ear.take(due, said);
        if is_held || !part.mode.talks() {
            said.fill(0);
        } else {
            hall::put_in(&mut turn.sum, said);
        }
    }

    /// All members of this row have spoken.
    pub(super) fn gather(&mut self, row: usize) {
        let turn = &mut self.turn;
        if let Some(Some(hall)) = self.halls.get_mut(turn.hall) {
            hall.gather(row, turn.looks, &mut turn.sum);
        }
    }

    /// Mixes what the member hears that spoke so many after the first, to be [told](Mixer::tell) before the next
    /// one's is.
    pub(super) fn hear(&mut self, nth: usize, member: &mut Member) {
        let Turn {
            sum,
            said,
            rate,
            heard,
            ..
        } = &mut self.turn;
        match said.get(nth) {
            Some(said) => hear(sum, said, &mut heard[..rate.frame()]),
            None => heard.fill(0),
        }
        finish(&self.chimes, &mut member.part, *rate, heard);
    }

    /// What it hears as a payload.
    pub(super) fn tell(&mut self, member: &mut Member, codec: Codec) -> &[u8] {
        let Turn {
            rate,
            heard,
            payload,
            ..
        } = &mut self.turn;
        let length = member.encode(codec, &heard[..rate.frame()], payload);
        &payload[..length]
    }

    /// The turn of somebody who is no member: what it says is written by `speak`, at the rate of the conference.
    pub(super) fn turn(
        &mut self,
        due: Instant,
        voice: &mut Voice,
        heard: &mut [i16; FRAME_SAMPLES],
        speak: impl FnOnce(Rate, &mut [i16]),
    ) -> usize {
        let Voice { part, said } = voice;
        let Some(hall) = &mut self.halls[part.hall] else {
            return 0;
        };
        let looks = hall.look(due);
        if part.begin(hall.era) {
            said.fill(0);
        }
        part.listen(hall.comings);
        let rate = hall.rate;
        let mut says = [0; FRAME_SAMPLES];
        speak(rate, &mut says[..rate.frame()]);
        if !part.mode.talks() {
            says.fill(0);
        }
        let sum = hall.gather_aside(looks, said, &says);
        hear(&sum, said, &mut heard[..rate.frame()]);
        finish(&self.chimes, part, rate, heard);
        rate.frame()
    }

    /// Conferences with somebody in them here.
    pub(super) fn halls(&self) -> usize {
        self.numbers.len()
    }

    /// Somebody comes in; the others are told, if it is `announced`.
    fn admit(&mut self, room: &Arc<Room>, mode: Mode, announced: bool) -> (Part, &mut Hall) {
        let number = self.number_of(room);
        let hall = self.halls[number].get_or_insert_with(|| Box::new(Hall::new(room)));
        if announced {
            room.joined();
        }
        hall.comings = room.comings();
        hall.keep_rate();
        let part = Part {
            room: room.id(),
            hall: number,
            mode,
            era: hall.era,
            told: hall.comings,
            announced,
            chime: None,
        };
        (part, hall)
    }

    /// Somebody is gone.
    fn dismiss(&mut self, part: &Part) {
        let Some(hall) = &mut self.halls[part.hall] else {
            return;
        };
        if part.announced {
            hall.room.left();
            hall.comings = hall.room.comings();
        }
        if hall.is_empty()
            && let Some(gone) = self.halls[part.hall].take()
        {
            self.numbers.remove(&part.room);
            if let Some(place) = gone.place {
                gone.room.leave(place);
            }
        }
    }

    /// The number of a room's hall, or that of its place.
    fn number_of(&mut self, room: &Room) -> usize {
        let halls = &mut self.halls;
        *self.numbers.entry(room.id()).or_insert_with(|| {
            let free = halls.iter().position(Option::is_none);
            free.unwrap_or_else(|| {
                halls.push(None);
                halls.len() - 1
            })
        })
    }
}

/// What somebody hears, with the chime for it.
fn finish(chimes: &Chimes, part: &mut Part, rate: Rate, heard: &mut [i16; FRAME_SAMPLES]) {
    if !part.mode.hears() {
        heard.fill(0);
        part.chime = None;
    } else if let Some(chime) = &mut part.chime
        && !chimes.ring(chime, rate, &mut heard[..rate.frame()])
    {
        part.chime = None;
    }
}

/// Everybody but whoever said that; what is too loud is cut.
fn hear(sum: &[i32], said: &[i16], heard: &mut [i16]) {
    cpu::widest(|| {
        for (heard, (&sum, &said)) in heard.iter_mut().zip(sum.iter().zip(said)) {
            let rest = sum - i32::from(said);
            *heard = rest.clamp(i32::from(i16::MIN), i32::from(i16::MAX)) as i16;
        }
    });
}
