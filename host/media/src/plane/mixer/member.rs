//! Who is in a conference, as the mixer knows them: members, who are ports, and voices, who are not.
//!
//! Owns what is kept of one from turn to turn. Of a member that is its ear and its encoder; what it said is the
//! hall's, or nobody's.

use crate::codec::{Codec, Encoder, FRAME_SAMPLES, Rate};
use crate::command::Mode;
use crate::plane::chime::Chime;
use crate::plane::ear::Ear;
use crate::room::{Comings, Room};

/// A party in a conference. It begins with a line of the processor's caches.
#[derive(Debug)]
#[repr(align(64))]
pub(in crate::plane) struct Member {
    pub(super) part: Part,
    /// With whom it has its turn: the number of its row in the hall.
    pub(super) row: Option<usize>,
    pub(super) ear: Ear,
    pub(super) encoder: Encoder,
    /// Packets that it was sent.
    pub(in crate::plane) sent: i64,
}

/// Somebody in a conference who is no member of it.
#[derive(Debug)]
pub(in crate::plane) struct Voice {
    pub(super) part: Part,
    /// What it said last.
    pub(super) said: [i16; FRAME_SAMPLES],
}

/// What a conference has to know of somebody in it, wherever what it says comes from.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) room: u64,
    pub(super) hall: usize,
    pub(super) mode: Mode,
    pub(super) era: u32,
    /// Who came and went until now, as far as it was told.
    pub(super) told: Comings,
    /// The others were told that it came, so they are told that it leaves.
    pub(super) announced: bool,
    pub(super) chime: Option<Chime>,
}

impl Member {
    /// Asks for all of it that is close together: what packets and turns need.
    pub(in crate::plane) fn ask(&self) {
        cpu::ask(self);
    }

    /// Asks for where the next packet goes, once the former is here.
    pub(in crate::plane) fn ask_place(&self) {
        self.ear.ask_place();
    }

    /// Asks for what it says, once the former is here.
    pub(in crate::plane) fn ask_next(&self) {
        self.ear.ask_next();
    }

    /// What it says comes as packets: see [`Ear::put`].
    pub(in crate::plane) fn ear(&mut self) -> &mut Ear {
        &mut self.ear
    }

    /// The number of its conference's hall.
    pub(in crate::plane) fn hall(&self) -> usize {
        self.part.hall
    }

    /// That, and the number of its row in it.
    pub(in crate::plane) fn row(&self) -> Option<(usize, usize)> {
        Some((self.part.hall, self.row?))
    }

    /// Whether it is in that conference.
    pub(in crate::plane) fn is_in(&self, room: &Room) -> bool {
        self.part.room == room.id()
    }

    /// From its next turn on.
    pub(in crate::plane) fn change(&mut self, mode: Mode) {
        self.part.mode = mode;
    }

    /// What it hears as a payload; returns its length.
    pub(in crate::plane) fn encode(
        &mut self,
        codec: Codec,
        heard: &[i16],
        payload: &mut [u8],
    ) -> usize {
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
    /// The conference may go on at another rate: true if so.
    pub(super) fn begin(&mut self, era: u32) -> bool {
        let changed = self.era != era;
        if changed {
            self.era = era;
            self.chime = None;
        }
        changed
    }

    /// Somebody else came or went: of several at once the last change is told.
    pub(super) fn listen(&mut self, comings: Comings) {
        if comings.left != self.told.left {
            self.chime = Some(Chime::left());
        }
        if comings.joined != self.told.joined {
            self.chime = Some(Chime::joined());
        }
        self.told = comings;
    }
}
