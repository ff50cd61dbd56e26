//! The part of a conference that is on one plane: what everybody says, by when it is said.
//!
//! ```text
//!  row:    members whose turn is together ── what they say ──┐
//!  row:    others, at another time ── what they said last ───┼──▶ sum ──┐
//!  aside:  who only plays into it ── what it said last ──────┘          ├──▶ everybody
//!  others: members on other shards ── what they said last ──────────────┘
//! ```
//!
//! A row has its turn every 20 ms, and what it said then is kept until its next: so everybody hears each frame of
//! everybody else exactly once. Of a conference that is one row nothing has to be kept, and nothing is: at a
//! thousand legs memory is what a turn waits for. Sums are kept in 32 bits and are exact. Knows no member.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::codec::{FRAME_SAMPLES, Rate};
use crate::plane::wheel::Seat;
use crate::room::{Comings, Place, Room};

/// From one exchange with the other shards to the next, less what a turn may come early.
const EXCHANGE: Duration = Duration::from_micros(19_500);

/// Members of a row: what they say and what they need of memory fits the first cache.
pub(super) const ROW: usize = 12;

/// What several say together.
pub(super) type Sum = [i32; FRAME_SAMPLES];

/// See the module's header.
#[derive(Debug)]
pub(super) struct Hall {
    pub(super) room: Arc<Room>,
    /// `None` if the room has no place for another shard: then its members hear one another only.
    pub(super) place: Option<Place>,
    pub(super) rate: Rate,
    /// Counts the rates that it has had: what was said at another one is not heard any more.
    pub(super) era: u32,
    /// Who came and went until the last look.
    pub(super) comings: Comings,
    /// When the room is looked at next: it belongs to all shards, and a look fetches it from memory.
    looks_at: Option<Instant>,
    /// By their numbers, which members know; one without members is free.
    rows: Vec<Row>,
    /// How many have members.
    taken: usize,
    /// Attendants: they are in the sum, and no row.
    attendants: usize,
    /// Whether what rows say is kept; else all that is kept is silence.
    keeps: bool,
    /// Of all rows and attendants.
    sum: Sum,
    /// What the members on other shards say, if any were met at the last look.
    others: Option<Box<Sum>>,
}

/// Members that have their turn together.
#[derive(Debug)]
struct Row {
    seat: Seat,
    members: usize,
    said: Sum,
}

impl Hall {
    pub(super) fn new(room: &Arc<Room>) -> Self {
        Hall {
            room: Arc::clone(room),
            place: room.enter(),
            rate: room.rate(),
            era: 0,
            comings: room.comings(),
            looks_at: None,
            rows: Vec::new(),
            taken: 0,
            attendants: 0,
            keeps: false,
            sum: [0; FRAME_SAMPLES],
            others: None,
        }
    }

    /// Asks for what a turn needs of it.
    pub(super) fn ask(&self) {
        cpu::ask(&self.comings);
        cpu::ask(&self.taken);
        cpu::ask(&self.others);
        cpu::ask(&*self.room);
    }

    /// Asks for what a row said last: it is needed when all of it have spoken.
    pub(super) fn ask_row(&self, number: usize) {
        if self.keeps
            && let Some(row) = self.rows.get(number)
        {
            cpu::ask(&row.said[..self.rate.frame()]);
            cpu::ask(&self.sum[..self.rate.frame()]);
        }
    }

    /// Nobody is in it.
    pub(super) fn is_empty(&self) -> bool {
        self.taken == 0 && self.attendants == 0
    }

    /// The rows that have room, and when they have their turn.
    pub(super) fn rows(&self) -> impl Iterator<Item = (usize, Seat)> {
        let rows = self.rows.iter().enumerate();
        let open = rows.filter(|(_, row)| (1..ROW).contains(&row.members));
        open.map(|(number, row)| (number, row.seat))
    }

    /// A member has its turn there: in that row, or in a new one. Its number.
    pub(super) fn sit(&mut self, row: Option<usize>, seat: Seat) -> usize {
        if let Some(number) = row {
            self.rows[number].members += 1;
            return number;
        }
        self.taken += 1;
        let row = Row {
            seat,
            members: 1,
            said: [0; FRAME_SAMPLES],
        };
        if let Some(free) = self.rows.iter().position(|row| row.members == 0) {
            self.rows[free] = row;
            return free;
        }
        self.rows.push(row);
        self.rows.len() - 1
    }

    /// A member is gone. Of the last of a row nothing is heard any more; else what it said last is until its row
    /// has its next turn.
    pub(super) fn rise(&mut self, number: usize) {
        let row = &mut self.rows[number];
        row.members -= 1;
        if row.members == 0 {
            self.taken -= 1;
            for (sum, said) in self.sum.iter_mut().zip(&mut row.said) {
                *sum -= std::mem::take(said);
            }
        }
    }

    /// An attendant comes.
    pub(super) fn attend(&mut self) {
        self.attendants += 1;
    }

    /// An attendant goes, whose last words are in the sum, if they are given.
    pub(super) fn unattend(&mut self, said: Option<&[i16; FRAME_SAMPLES]>) {
        self.attendants -= 1;
        if let Some(said) = said {
            take_out(&mut self.sum, said);
        }
    }

    /// Goes over to the room's rate, if another shard or member has raised it.
    pub(super) fn keep_rate(&mut self) {
        let rate = self.room.rate();
        if self.rate == rate {
            return;
        }
        self.rate = rate;
        self.era += 1;
        let rows = self.rows.iter_mut().map(|row| &mut row.said);
        rows.chain([&mut self.sum]).for_each(|said| said.fill(0));
        self.others = None;
    }

    /// Looks at the room, once each 20 ms, with the turn of whoever comes first. True if this is it.
    pub(super) fn look(&mut self, due: Instant) -> bool {
        if self.looks_at.is_some_and(|at| due < at) {
            return false;
        }
        self.looks_at = Some(due + EXCHANGE);
        self.comings = self.room.comings();
        self.keep_rate();
        true
    }

    /// A row has said that: it becomes what everybody says. `looks`: as [`Hall::look`] said.
    pub(super) fn gather(&mut self, number: usize, looks: bool, said: &mut Sum) {
        let meets = looks && self.has_company();
        if self.taken == 1 && self.attendants == 0 && self.others.is_none() && !meets {
            if self.keeps {
                self.keeps = false;
                self.sum.fill(0);
                self.rows[number].said.fill(0);
            }
            return;
        }
        self.keeps = true;
        let length = self.rate.frame();
        let last = self.rows[number].said[..length].iter_mut();
        let places = self.sum[..length].iter_mut().zip(last);
        for (said, (sum, last)) in said[..length].iter_mut().zip(places) {
            *sum += *said - *last;
            (*last, *said) = (*said, *sum);
        }
        self.hear_others(meets, said);
    }

    /// An attendant says that in place of what it `said` before. Everybody, itself included.
    pub(super) fn gather_aside(
        &mut self,
        looks: bool,
        said: &mut [i16; FRAME_SAMPLES],
        says: &[i16; FRAME_SAMPLES],
    ) -> Sum {
        take_out(&mut self.sum, said);
        put_in(&mut self.sum, says);
        *said = *says;
        let mut sum = self.sum;
        let meets = looks && self.has_company();
        self.hear_others(meets, &mut sum);
        sum
    }

    /// Adds what is said on other shards; first tells them the sum and hears them, if it `meets` them.
    fn hear_others(&mut self, meets: bool, sum: &mut Sum) {
        let length = self.rate.frame();
        if meets && let Some(place) = &mut self.place {
            let heard = self
                .others
                .get_or_insert_with(|| Box::new([0; FRAME_SAMPLES]));
            let (said, heard) = (&sum[..length], &mut heard[..length]);
            if !self.room.exchange(place, self.rate, said, heard) {
                self.others = None;
            }
        }
        if let Some(others) = &self.others {
            for (sum, said) in sum[..length].iter_mut().zip(&others[..length]) {
                *sum += said;
            }
        }
    }

    /// Whether there were or are members on other shards.
    fn has_company(&self) -> bool {
        let place = self.place.as_ref();
        self.others.is_some() || place.is_some_and(|place| self.room.is_shared(place))
    }
}

/// One more says that.
pub(super) fn put_in(sum: &mut [i32], said: &[i16]) {
    cpu::widest(|| {
        for (sum, &said) in sum.iter_mut().zip(said) {
            *sum += i32::from(said);
        }
    });
}

fn take_out(sum: &mut [i32], said: &[i16]) {
    for (sum, &said) in sum.iter_mut().zip(said) {
        *sum -= i32::from(said);
    }
}
