//! The conferences of a plane: what each member says, and what it hears of the others.
//!
//! ```text
//!  member's turn:  ear ── said ──▶ sum += said − what it said before
//!                  sum − said + other shards + chime ──▶ heard
//! ```
//!
//! Each member has a turn every 20 ms, whenever it is: the sum is that of everybody's latest frame, so
//! that every member hears each frame of every other one exactly once, and a turn costs the same in a
//! conference of three and of a thousand. The sum is kept in 32 bits and is exact; only what a member
//! hears is cut to 16. Owns the part of a [`Room`] that is on this plane, its hall; the rest is told and
//! heard by [`Room::exchange`]. Knows no packet.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::ahead::touch_lines;
use super::chime::{Chime, Chimes};
use super::ear::Ear;
use crate::codec::{Codec, Encoder, FRAME_SAMPLES, Rate};
use crate::command::Mode;
use crate::room::{Comings, Place, Room};

/// From one exchange with the other shards to the next, less what a turn may come early.
const EXCHANGE: Duration = Duration::from_micros(19_500);

/// See the module's header.
#[derive(Debug, Default)]
pub(super) struct Mixer {
    /// By their numbers, which members know: so that the way to one leads through little memory.
    halls: Vec<Option<Box<Hall>>>,
    /// The number of each room's.
    numbers: BTreeMap<u64, usize>,
    chimes: Chimes,
}

/// The part of a conference that is on this plane.
#[derive(Debug)]
struct Hall {
    room: Arc<Room>,
    /// `None` if the room has no place for another shard: then its members hear one another only.
    place: Option<Place>,
    members: usize,
    rate: Rate,
    /// Counts the rates that it has had: what a member said at another one is not in the sum.
    era: u32,
    sum: [i32; FRAME_SAMPLES],
    /// What the members on other shards say; empty if there are none.
    others: Option<[i32; FRAME_SAMPLES]>,
    /// When the room is looked at next: it belongs to all shards, and a look fetches it from memory.
    looks_at: Option<Instant>,
    /// Who came and went until then.
    comings: Comings,
}

/// A party in a conference.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) part: Part,
    ear: Ear,
    encoder: Encoder,
    /// Packets that it was sent.
    pub(super) sent: i64,
}

/// What a conference has to know of somebody in it, wherever what it says comes from.
#[derive(Debug)]
pub(super) struct Part {
    room: u64,
    hall: usize,
    mode: Mode,
    era: u32,
    /// What it said last: its part of the sum.
    said: [i16; FRAME_SAMPLES],
    /// Who came and went until now, as far as it was told.
    told: Comings,
    /// The others were told that it came, so they are told that it leaves.
    announced: bool,
    chime: Option<Chime>,
}

impl Mixer {
    /// A party comes in.
    pub(super) fn enter(&mut self, room: &Arc<Room>, mode: Mode, codec: Codec) -> Member {
        if codec.rate() == Rate::Wide {
            room.widen();
        }
        let (part, rate) = self.admit(room, mode, mode.talks());
        Member {
            part,
            ear: Ear::new(rate),
            encoder: Encoder::new(codec, rate),
            sent: 0,
        }
    }

    /// Somebody comes in; the others are told, if it is `announced`. With the rate of the conference.
    pub(super) fn admit(&mut self, room: &Arc<Room>, mode: Mode, announced: bool) -> (Part, Rate) {
        let number = self.number_of(room);
        let hall = self.halls[number].get_or_insert_with(|| Box::new(Hall::new(room)));
        hall.members += 1;
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
            said: [0; FRAME_SAMPLES],
            told: hall.comings,
            announced,
            chime: None,
        };
        (part, hall.rate)
    }

    /// Somebody leaves.
    pub(super) fn leave(&mut self, part: &Part) {
        let Some(hall) = &mut self.halls[part.hall] else {
            return;
        };
        hall.replace(part, &[0; FRAME_SAMPLES]);
        hall.members -= 1;
        if part.announced {
            hall.room.left();
            hall.comings = hall.room.comings();
        }
        if hall.members == 0
            && let Some(gone) = self.halls[part.hall].take()
        {
            self.numbers.remove(&part.room);
            if let Some(place) = gone.place {
                gone.room.leave(place);
            }
        }
    }

    /// A party's turn: takes what it says and writes what it hears. Returns how many samples. Its peer
    /// speaks that codec; one that holds us is not heard.
    pub(super) fn mix(
        &mut self,
        due: Instant,
        (member, codec, is_held): (&mut Member, Codec, bool),
        heard: &mut [i16; FRAME_SAMPLES],
    ) -> usize {
        let Member {
            part, ear, encoder, ..
        } = member;
        if codec.rate() == Rate::Wide
            && let Some(hall) = &mut self.halls[part.hall]
            && hall.rate == Rate::Narrow
        {
            hall.room.widen();
            hall.keep_rate();
        }
        self.turn(due, part, heard, |rate, said| {
            if ear.rate() != rate {
                *ear = Ear::new(rate);
                *encoder = Encoder::new(encoder.codec(), rate);
            }
            ear.take(due, said);
            if is_held {
                said.fill(0);
            }
        })
    }

    /// The turn of anybody: what it says is written by `speak`, at the rate of the conference.
    pub(super) fn turn(
        &mut self,
        due: Instant,
        part: &mut Part,
        heard: &mut [i16; FRAME_SAMPLES],
        speak: impl FnOnce(Rate, &mut [i16]),
    ) -> usize {
        let Some(hall) = &mut self.halls[part.hall] else {
            return 0;
        };
        let looks = hall.look(due);
        if part.era != hall.era {
            part.begin(hall.era);
        }
        let length = hall.rate.frame();
        let mut said = [0; FRAME_SAMPLES];
        speak(hall.rate, &mut said[..length]);
        if !part.mode.talks() {
            said = [0; FRAME_SAMPLES];
        }
        part.listen(hall.comings);
        if looks && hall.has_company() {
            hall.replace(part, &said);
            hall.exchange();
            hall.write(&said, heard);
            part.said[..length].copy_from_slice(&said[..length]);
        } else {
            hall.pass(part, &said, heard);
        }
        if !part.mode.hears() {
            *heard = [0; FRAME_SAMPLES];
            return length;
        }
        if let Some(chime) = &mut part.chime
            && !self.chimes.ring(chime, hall.rate, &mut heard[..length])
        {
            part.chime = None;
        }
        length
    }

    /// Conferences with a member here.
    pub(super) fn halls(&self) -> usize {
        self.numbers.len()
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

impl Hall {
    fn new(room: &Arc<Room>) -> Self {
        Hall {
            room: Arc::clone(room),
            place: room.enter(),
            members: 0,
            rate: room.rate(),
            era: 0,
            sum: [0; FRAME_SAMPLES],
            others: None,
            looks_at: None,
            comings: room.comings(),
        }
    }

    /// Goes over to the room's rate, if another shard or member has raised it.
    fn keep_rate(&mut self) {
        let rate = self.room.rate();
        if self.rate != rate {
            self.rate = rate;
            self.era += 1;
            self.sum = [0; FRAME_SAMPLES];
            self.others = None;
        }
    }

    /// What a member says, in place of what it said before.
    fn replace(&mut self, part: &Part, said: &[i16; FRAME_SAMPLES]) {
        let length = self.rate.frame();
        let is_in = part.era == self.era;
        let sum = self.sum[..length].iter_mut();
        for (sum, (&new, &old)) in sum.zip(said.iter().zip(&part.said)) {
            let old = if is_in { i32::from(old) } else { 0 };
            *sum += i32::from(new) - old;
        }
    }

    /// The same, and what it hears of everybody else, in one go.
    fn pass(
        &mut self,
        part: &mut Part,
        said: &[i16; FRAME_SAMPLES],
        heard: &mut [i16; FRAME_SAMPLES],
    ) {
        let length = self.rate.frame();
        let said = part.said[..length].iter_mut().zip(said);
        let turns = self.sum[..length].iter_mut().zip(said).zip(heard);
        match &self.others {
            None => {
                for ((sum, (old, &new)), heard) in turns {
                    let rest = *sum - i32::from(*old);
                    (*sum, *old, *heard) = (rest + i32::from(new), new, cut(rest));
                }
            }
            Some(others) => {
                for (((sum, (old, &new)), heard), other) in turns.zip(others) {
                    let rest = *sum - i32::from(*old);
                    (*sum, *old, *heard) = (rest + i32::from(new), new, cut(rest + other));
                }
            }
        }
    }

    /// Looks at the room, once each 20 ms, with the turn of whoever comes first. True if this is it.
    fn look(&mut self, due: Instant) -> bool {
        if self.looks_at.is_some_and(|at| due < at) {
            return false;
        }
        self.looks_at = Some(due + EXCHANGE);
        self.comings = self.room.comings();
        self.keep_rate();
        true
    }

    /// Whether there were or are members on other shards.
    fn has_company(&self) -> bool {
        let place = self.place.as_ref();
        self.others.is_some() || place.is_some_and(|place| self.room.is_shared(place))
    }

    /// Tells the other shards and hears them.
    fn exchange(&mut self) {
        let Some(place) = &mut self.place else {
            return;
        };
        let length = self.rate.frame();
        let mut others = [0; FRAME_SAMPLES];
        let sum = &self.sum[..length];
        let met = self
            .room
            .exchange(place, self.rate, sum, &mut others[..length]);
        self.others = met.then_some(others);
    }

    /// Everybody but whoever said that.
    fn write(&self, said: &[i16; FRAME_SAMPLES], heard: &mut [i16; FRAME_SAMPLES]) {
        let own = self.sum[..self.rate.frame()].iter().zip(said);
        match &self.others {
            None => {
                for (place, (&sum, &said)) in heard.iter_mut().zip(own) {
                    *place = cut(sum - i32::from(said));
                }
            }
            Some(others) => {
                for ((place, (&sum, &said)), other) in heard.iter_mut().zip(own).zip(others) {
                    *place = cut(sum - i32::from(said) + other);
                }
            }
        }
    }
}

/// What is too loud is cut.
fn cut(sum: i32) -> i16 {
    sum.clamp(i32::from(i16::MIN), i32::from(i16::MAX)) as i16
}

impl Member {
    /// Reads what a packet that comes needs.
    pub(super) fn touch_ear(&self) {
        self.ear.touch();
    }

    /// Reads what its turn needs.
    pub(super) fn touch(&self) {
        black_box((
            self.sent,
            self.encoder.codec(),
            self.part.told,
            self.part.hall,
        ));
        touch_lines(&self.part.said[..self.ear.rate().frame()]);
        self.ear.touch_all();
    }

    /// Reads what its turn needs of its conference.
    pub(super) fn touch_hall(&self, mixer: &Mixer) {
        if let Some(Some(hall)) = mixer.halls.get(self.part.hall) {
            black_box((
                hall.members,
                hall.looks_at,
                hall.comings,
                hall.others.is_some(),
            ));
            touch_lines(&hall.sum[..hall.rate.frame()]);
        }
    }

    /// What it says comes as packets: see [`Ear::put`].
    pub(super) fn ear(&mut self) -> &mut Ear {
        &mut self.ear
    }

    /// Whether it is in that conference.
    pub(super) fn is_in(&self, room: &Room) -> bool {
        self.part.room == room.id()
    }

    /// From its next turn on.
    pub(super) fn change(&mut self, mode: Mode) {
        self.part.mode = mode;
    }

    /// What it hears as a payload; returns its length.
    pub(super) fn encode(&mut self, codec: Codec, heard: &[i16], payload: &mut [u8]) -> usize {
        if self.encoder.codec() != codec {
            let rate = if heard.len() == FRAME_SAMPLES {
                Rate::Wide
            } else {
                Rate::Narrow
            };
            self.encoder = Encoder::new(codec, rate);
        }
        self.encoder.encode(heard, payload)
    }
}

impl Part {
    /// The conference goes on at another rate.
    fn begin(&mut self, era: u32) {
        self.era = era;
        self.said = [0; FRAME_SAMPLES];
        self.chime = None;
    }

    /// Somebody else came or went: of several at once the last change is told.
    fn listen(&mut self, comings: Comings) {
        if comings.left != self.told.left {
            self.chime = Some(Chime::left());
        }
        if comings.joined != self.told.joined {
            self.chime = Some(Chime::joined());
        }
        self.told = comings;
    }
}
