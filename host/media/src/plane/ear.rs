//! What a port hears as samples: its jitter buffer, its decoder and the concealment behind it.
//!
//! Owns the order of the three. One for each port whose audio is mixed, recorded or listened to;
//! a port that is only relayed has none. Allocates nothing per packet. Of a codec whose octets mean the same whatever was
//! before them (G.711 at 8 kHz) the concealment is told nothing while nothing is missing, which is mostly: what was played
//! last is still in the buffer, and is decoded again once it matters. Of a thousand parties that is 320 octets each that
//! need not be written every 20 ms.

#[cfg(feature = "opus")]
mod shelf;
#[cfg(test)]
mod tests;

use std::time::Instant;

use super::jitter::{Jitter, PIECE, PLAYED};
use crate::codec::{Codec, Decoder, FRAME_SAMPLES, Rate};
use crate::conceal::{self, Conceal, STRETCH};
use crate::noise::Noise;

// What the concealment wants to know is still there.
const _: () = assert!(conceal::PIECES <= PLAYED);

/// See the module's header.
#[derive(Debug)]
pub struct Ear {
    rate: Rate,
    jitter: Jitter,
    /// Of the codec that came last.
    decoder: Decoder,
    conceal: Box<Conceal>,
    /// Pieces of 10 ms that it was not told of, up to as many as it remembers: they are the last that were played. `None`
    /// while it is told of all.
    untold: Option<usize>,
    /// Of packets that are no pieces of 10 ms; most have none.
    #[cfg(feature = "opus")]
    shelf: Option<Box<shelf::Shelf>>,
    /// What is heard of a party that suppresses silence, and whether it speaks again.
    noise: Option<(Noise, bool)>,
}

impl Ear {
    /// One that hears at this rate, whatever the codec is.
    pub fn new(rate: Rate) -> Self {
        Ear {
            rate,
            jitter: Jitter::default(),
            decoder: Decoder::new(Codec::Pcma, rate),
            conceal: Box::default(),
            untold: None,
            #[cfg(feature = "opus")]
            shelf: None,
            noise: None,
        }
    }

    /// The rate at which it hears.
    pub fn rate(&self) -> Rate {
        self.rate
    }

    /// Asks for where the next packet goes.
    pub(super) fn ask_place(&self) {
        self.jitter.ask_place();
    }

    /// Asks for what its next 20 ms are made of.
    pub(super) fn ask_next(&self) {
        self.jitter.ask_next();
    }

    /// Takes a packet of audio; see [`Jitter::put`].
    pub fn put(&mut self, now: Instant, stream: u64, timestamp: u32, codec: Codec, payload: &[u8]) {
        if let Some((_, speaks)) = &mut self.noise {
            *speaks = true;
        }
        #[cfg(feature = "opus")]
        let payload = if codec.is_even() {
            payload
        } else {
            self.shelf.get_or_insert_default().put(payload)
        };
        self.jitter.put(now, stream, timestamp, codec, payload);
    }

    /// Takes a packet of comfort noise (RFC 3389): where no audio comes it is heard instead.
    pub fn put_noise(&mut self, payload: &[u8]) {
        self.noise = Noise::read(payload).map(|noise| (noise, false));
    }

    /// The next 20 ms: [`Rate::frame`] samples, once at each tick.
    pub fn take(&mut self, now: Instant, frame: &mut [i16]) {
        debug_assert_eq!(frame.len(), self.rate.frame());
        let quiet = self.jitter.awaits_silence(now) && self.is_quiet();
        if let Some(untold) = &mut self.untold
            && self.noise.is_none()
            && let Some(octets) = self.jitter.take_whole(now, quiet, self.decoder.codec())
        {
            self.decoder.decode(octets, frame);
            *untold = (*untold + 2).min(conceal::PIECES);
            return;
        }
        self.tell();
        self.mend(now, quiet, frame);
        let is_plain = self.decoder.forgets() && !self.conceal.mends();
        self.untold = is_plain.then_some(0);
    }

    /// Whether the last 20 ms were silence.
    fn is_quiet(&mut self) -> bool {
        if self.untold < Some(2) {
            return self.conceal.is_quiet();
        }
        let octets = self.jitter.last(2);
        let stretches = octets.flat_map(|it| it.chunks(STRETCH)).map(|octets| {
            let mut samples = [0; STRETCH];
            let length = self.decoder.decode(octets, &mut samples);
            conceal::loudness(&samples[..length])
        });
        conceal::are_quiet(self.rate.frame(), stretches)
    }

    /// Tells the concealment what it has to know before it is of use.
    fn tell(&mut self) {
        for octets in self.jitter.last(self.untold.take().unwrap_or_default()) {
            let mut piece = [0; FRAME_SAMPLES / 2];
            let length = self.decoder.decode(octets, &mut piece);
            self.conceal.heard(&mut piece[..length]);
        }
    }

    /// The next 20 ms, of which some may not be there, or be heard otherwise than they are.
    fn mend(&mut self, now: Instant, quiet: bool, frame: &mut [i16]) {
        let half = self.rate.frame() / 2;
        let mut rest = frame;
        let Ear {
            decoder,
            conceal,
            #[cfg(feature = "opus")]
            shelf,
            noise,
            ..
        } = self;
        self.jitter.take(now, quiet, |piece| {
            let halves = piece.map_or(1, |(_, octets)| octets.len() / PIECE);
            let Some((part, after)) = std::mem::take(&mut rest).split_at_mut_checked(halves * half)
            else {
                return;
            };
            rest = after;
            let Some((codec, octets)) = piece else {
                if let Some((noise, _)) = noise {
                    noise.fill(part);
                    return conceal.heard(part);
                }
                #[cfg(feature = "opus")]
                if let Some(shelf) = shelf.as_mut().filter(|_| !decoder.codec().is_even()) {
                    shelf.conceal(decoder, part);
                    return conceal.heard(part);
                }
                return conceal.lost(part);
            };
            // What came before the noise may still be played.
            noise.take_if(|(_, speaks)| *speaks);
            if decoder.codec() != codec {
                *decoder = Decoder::new(codec, self.rate);
            }
            #[cfg(feature = "opus")]
            if let Some(shelf) = shelf.as_mut().filter(|_| !codec.is_even()) {
                shelf.play(octets, decoder, part);
                return conceal.heard(part);
            }
            decoder.decode(octets, part);
            part.chunks_exact_mut(half).for_each(|it| conceal.heard(it));
        });
    }

    /// The buffer, for its counters and its delay.
    pub fn jitter(&self) -> &Jitter {
        &self.jitter
    }
}
