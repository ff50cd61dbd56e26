//! The part of a conference that is on one plane: what everybody says, by when it is said.
//!
//! ```text
//!  row:    members whose turn is together ── what they say ──┐
//!  row:    others, at another time ── what they said last ───┼──▶ everybody
//!  aside:  who only plays into it ── what it said last ──────┤
//!  others: members on other shards ── what they said last ───┘
//! ```
//!
//! A row has its turn every 20 ms, and what it said then is kept until its next: so everybody hears each frame of
//! everybody else exactly once. Of a conference that is one row nothing has to be kept, and nothing is: at a
//! thousand legs memory is what a turn waits for. Sums are kept in 32 bits and are exact. Knows no member.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::codec::{FRAME_SAMPLES, Rate};
use crate::plane::wheel::Seat;
use crate::room::{Comings, Place, Room};

/// From one exchange with the other shards to the next, less what a turn may come early.
const EXCHANGE: Duration = Duration::from_micros(19_500);

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
    rows: Vec<Row>,
    /// Whether what rows say is kept; else all that is kept of them is silence.
    keeps: bool,
    aside: Option<Box<Aside>>,
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

/// Those who are in it without being members.
#[derive(Debug)]
struct Aside {
    attendants: usize,
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
            keeps: false,
            aside: None,
            others: None,
        }
    }

    /// Reads what a turn needs of it.
    pub(super) fn touch(&self) {
        black_box((self.looks_at, self.comings, self.rows.len(), self.keeps));
        black_box((self.aside.is_some(), self.others.is_some(), self.rate));
        if self.looks_at.is_some() {
            black_box(self.room.comings());
        }
    }

    /// Nobody is in it.
    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.aside.is_none()
    }

    /// The rows that it has.
    pub(super) fn rows(&self) -> impl Iterator<Item = Seat> {
        self.rows.iter().map(|row| row.seat)
    }

    /// A member has its turn there. How many have it now.
    pub(super) fn sit(&mut self, seat: Seat) -> usize {
        if let Some(row) = self.rows.iter_mut().find(|row| row.seat == seat) {
            row.members += 1;
            return row.members;
        }
        self.rows.push(Row {
            seat,
            members: 1,
            said: [0; FRAME_SAMPLES],
        });
        1
    }

    /// A member is gone. Of the last of a row nothing is heard any more; else what it said last is until its row
    /// has its next turn.
    pub(super) fn rise(&mut self, seat: Seat) {
        let Some(at) = self.rows.iter().position(|row| row.seat == seat) else {
            return;
        };
        self.rows[at].members -= 1;
        if self.rows[at].members == 0 {
            self.rows.remove(at);
        }
    }

    /// An attendant comes.
    pub(super) fn attend(&mut self) {
        let aside = self.aside.get_or_insert_with(|| {
            Box::new(Aside {
                attendants: 0,
                said: [0; FRAME_SAMPLES],
            })
        });
        aside.attendants += 1;
    }

    /// An attendant goes, who said that last.
    pub(super) fn unattend(&mut self, said: &[i16; FRAME_SAMPLES]) {
        let Some(aside) = &mut self.aside else {
            return;
        };
        take_out(&mut aside.said, said);
        aside.attendants -= 1;
        if aside.attendants == 0 {
            self.aside = None;
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
        let aside = self.aside.iter_mut().map(|aside| &mut aside.said);
        rows.chain(aside).for_each(|said| said.fill(0));
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
    pub(super) fn gather(&mut self, seat: Seat, looks: bool, sum: &mut Sum) {
        let meets = looks && self.has_company();
        if self.rows.len() == 1 && self.aside.is_none() && self.others.is_none() && !meets {
            if self.keeps {
                self.keeps = false;
                self.rows[0].said.fill(0);
            }
            return;
        }
        self.keeps = true;
        let length = self.rate.frame();
        if let Some(row) = self.rows.iter_mut().find(|row| row.seat == seat) {
            row.said[..length].copy_from_slice(&sum[..length]);
        }
        for row in self.rows.iter().filter(|row| row.seat != seat) {
            add(sum, &row.said, length);
        }
        if let Some(aside) = &self.aside {
            add(sum, &aside.said, length);
        }
        self.hear_others(meets, sum);
    }

    /// An attendant says that in place of what it `said` before. Everybody, itself included.
    pub(super) fn gather_aside(
        &mut self,
        looks: bool,
        said: &mut [i16; FRAME_SAMPLES],
        says: &[i16; FRAME_SAMPLES],
    ) -> Sum {
        let length = self.rate.frame();
        let mut sum = [0; FRAME_SAMPLES];
        if let Some(aside) = &mut self.aside {
            take_out(&mut aside.said, said);
            put_in(&mut aside.said, says);
            *said = *says;
            add(&mut sum, &aside.said, length);
        }
        for row in &self.rows {
            add(&mut sum, &row.said, length);
        }
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
            add(sum, others, length);
        }
    }

    /// Whether there were or are members on other shards.
    fn has_company(&self) -> bool {
        let place = self.place.as_ref();
        self.others.is_some() || place.is_some_and(|place| self.room.is_shared(place))
    }
}

fn add(sum: &mut Sum, said: &Sum, length: usize) {
    for (sum, said) in sum[..length].iter_mut().zip(&said[..length]) {
        *sum += said;
    }
}

/// One more says that.
pub(super) fn put_in(sum: &mut [i32], said: &[i16]) {
    for (sum, &said) in sum.iter_mut().zip(said) {
        *sum += i32::from(said);
    }
}

fn take_out(sum: &mut [i32], said: &[i16]) {
    for (sum, &said) in sum.iter_mut().zip(said) {
        *sum -= i32::from(said);
    }
}
