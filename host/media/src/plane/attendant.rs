//! Attendants of conferences: who plays into one, and who records one.
//!
//! ```text
//!  Announce ──▶ speaker: prompts ──▶ the sum          until all was said
//!  Overhear ──▶ recorder: the sum ──▶ a tape          until it took as long as it may
//!  either:  another has its post, or the conference is over ──▶ gone, `AttendantLeft` tells it once
//! ```
//!
//! An attendant has a part in the sum and a turn every 20 ms, as a party has, on whichever plane it is; it
//! has neither socket nor peer, is no member, and nobody is told that it comes. Whether it goes on is
//! written in the [`Room`], which all shards share: nobody has to tell it to leave.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Plane;
use super::mixer::{Mixer, Voice};
use super::player::Player;
use super::port::{Taper, clock};
use super::wheel::{Seat, Tick};
use crate::codec::{Codec, Decoder, Encoder, FRAME_OCTETS, FRAME_SAMPLES, Rate};
use crate::command::{Event, Leaving, Mode, Play, PortId};
use crate::limits;
use crate::room::{Post, Room};
use crate::tape::{Channels, Entry, Side, Tape, TapeId, Word};

/// Turns that whoever played stays, silent: other shards read a sum one or two frames behind, and only while
/// somebody is there whose sum it is.
const LINGERS: u8 = 2;

/// See the module's header.
#[derive(Debug, Default)]
pub(super) struct Attendants {
    all: BTreeMap<PortId, Attendant>,
    /// Who leaves after this tick.
    leaving: Vec<(PortId, Leaving)>,
}

#[derive(Debug)]
struct Attendant {
    room: Arc<Room>,
    voice: Voice,
    seat: Seat,
    work: Work,
}

#[derive(Debug)]
enum Work {
    Speaks {
        player: Player,
        decoder: Decoder,
        /// Turns since all was said.
        silent: u8,
    },
    Records {
        tape: Tape,
        encoder: Encoder,
        /// The rate of the conference, which may rise.
        rate: Rate,
        until: Instant,
    },
}

impl Plane {
    /// Somebody plays into a conference.
    pub(super) fn announce(&mut self, now: Instant, port: PortId, room: Arc<Room>, play: Play) {
        let (voice, rate) = self.mixer.attend(&room, Mode::TalkOnly);
        let player = Player::new(play);
        let decoder = Decoder::new(suited(rate), rate);
        let attendant = Attendant {
            room,
            voice,
            seat: self.wheel.join(now, port),
            work: Work::Speaks {
                player,
                decoder,
                silent: 0,
            },
        };
        self.attendants.all.insert(port, attendant);
    }

    /// Somebody records a conference.
    pub(super) fn overhear(
        &mut self,
        now: Instant,
        tape: TapeId,
        room: Arc<Room>,
        (file, longest): (Box<str>, Duration),
    ) {
        if self.tapes >= limits::TAPES {
            return self.tape_failed(tape, Some(file));
        }
        let (voice, rate) = self.mixer.attend(&room, Mode::ListenOnly);
        let attendant = Attendant {
            room,
            voice,
            seat: self.wheel.join(now, tape.port),
            work: Work::Records {
                tape: Tape::new(tape, now),
                encoder: Encoder::new(suited(rate), rate),
                rate,
                until: now + longest,
            },
        };
        self.attendants.all.insert(tape.port, attendant);
        self.begin_tape(Word::Begin {
            tape,
            file,
            rate,
            channels: Channels::Heard,
        });
    }

    /// Whoever ended in this tick leaves, and its owner is told.
    pub(super) fn attendants_leave(&mut self, now: Instant) {
        while let Some((port, why)) = self.attendants.leaving.pop() {
            let Some(left) = self.attendants.all.remove(&port) else {
                continue;
            };
            let operation = left.operation();
            if let Some(tape) = self.let_out(port, left) {
                self.end_tape(now, tape);
            }
            self.report(Event::AttendantLeft {
                port,
                operation,
                why,
            });
        }
    }

    /// An attendant leaves at once, and nobody is told. Its tape, if it recorded.
    pub(super) fn dismiss(&mut self, port: PortId) -> Option<Tape> {
        let left = self.attendants.all.remove(&port)?;
        self.let_out(port, left)
    }

    fn let_out(&mut self, port: PortId, left: Attendant) -> Option<Tape> {
        self.wheel.leave(left.seat, port);
        self.mixer.unattend(&left.voice);
        match left.work {
            Work::Speaks { .. } => None,
            Work::Records { tape, .. } => Some(tape),
        }
    }
}

impl Attendants {
    /// The turn of an attendant, if the port is one.
    pub(super) fn turn(
        &mut self,
        tick: Tick,
        port: PortId,
        mixer: &mut Mixer,
        taper: &mut Taper<'_>,
    ) {
        let Some(attendant) = self.all.get_mut(&port) else {
            return;
        };
        match attendant.leaves(tick.due, port) {
            Some(why) => self.leaving.push((port, why)),
            None => attendant.turn(tick, mixer, taper),
        }
    }
}

impl Attendant {
    fn operation(&self) -> u32 {
        match &self.work {
            Work::Speaks { player, .. } => player.operation(),
            Work::Records { tape, .. } => tape.id().operation,
        }
    }

    /// Whether it does not go on, and why.
    fn leaves(&self, due: Instant, port: PortId) -> Option<Leaving> {
        let (post, done) = match &self.work {
            // Its last frame has been in the sum for a whole round, and was read by all other shards.
            Work::Speaks { silent, .. } => {
                let done = *silent >= LINGERS;
                (Post::Speaker, done.then_some(Leaving::Done))
            }
            Work::Records { until, .. } => {
                (Post::Recorder, (due >= *until).then_some(Leaving::TimedOut))
            }
        };
        let over = self.room.is_over().then_some(Leaving::RoomOver);
        let relieved = (!self.room.is_held(post, port)).then_some(Leaving::Relieved);
        done.or(over).or(relieved)
    }

    fn turn(&mut self, tick: Tick, mixer: &mut Mixer, taper: &mut Taper<'_>) {
        let mut heard = [0; FRAME_SAMPLES];
        let voice = &mut self.voice;
        match &mut self.work {
            Work::Speaks {
                player,
                decoder,
                silent,
            } => {
                mixer.turn(tick.due, voice, &mut heard, |rate, said| {
                    let codec = suited(rate);
                    if decoder.codec() != codec {
                        *decoder = Decoder::new(codec, rate);
                    }
                    match player.frame(codec) {
                        Some((payload, _)) => {
                            decoder.decode(payload, said);
                        }
                        None => *silent += 1,
                    }
                });
                player.advance(true);
            }
            Work::Records {
                tape,
                encoder,
                rate,
                ..
            } => {
                let length = mixer.turn(tick.due, voice, &mut heard, |now, _| {
                    if *rate != now {
                        *rate = now;
                        *encoder = Encoder::new(encoder.codec(), now);
                    }
                });
                let mut payload = [0; FRAME_OCTETS];
                let length = encoder.encode(&heard[..length], &mut payload);
                let (now, blocks, outputs) = taper;
                let entry = Entry {
                    side: Side::Heard,
                    codec: encoder.codec(),
                    marker: false,
                    at: tape.lasted(*now),
                    ssrc: 0,
                    timestamp: clock(tick, encoder.codec()),
                    payload: &payload[..length],
                };
                let full = tape.put(blocks, &entry);
                outputs.extend(full.map(super::record::said));
            }
        }
    }
}

/// The codec that costs least at that rate. What is recorded of 8 kHz is coded once more by it, at 35 dB.
fn suited(rate: Rate) -> Codec {
    match rate {
        Rate::Narrow => Codec::Pcma,
        Rate::Wide => Codec::G722,
    }
}
