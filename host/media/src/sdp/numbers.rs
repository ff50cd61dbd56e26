//! Which payload type stands for what in a description of ours.
//!
//! What a number once meant in a session it means to its end (RFC 3264 §8.3.2), so a codec that comes in later
//! takes one that stands for nothing yet.

use super::audio::Audio;
use super::{Codec, DYNAMIC, OTHER_EVENT, TELEPHONE_EVENT};

/// See the module's header.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    codecs: Vec<(u8, Codec)>,
    /// Telephone-event, with its clocks.
    events: Vec<(u8, u32)>,
}

impl Numbers {
    /// Those of an earlier description of the session.
    pub(super) fn of(audio: &Audio) -> Self {
        Numbers {
            codecs: audio.formats.clone(),
            events: audio.events.clone(),
        }
    }

    /// That of a codec.
    pub(super) fn codec(&mut self, codec: Codec) -> u8 {
        if let Some(&(known, _)) = self.codecs.iter().find(|(_, it)| *it == codec) {
            return known;
        }
        let new = self.free(codec.payload_type());
        self.codecs.push((new, codec));
        new
    }

    /// Those of telephone-event beside these codecs: one for each of their clocks.
    pub(super) fn events(&mut self, codecs: &[Codec]) -> Vec<(u8, u32)> {
        let mut events: Vec<(u8, u32)> = Vec::new();
        for clock in codecs.iter().map(|codec| codec.clock()) {
            if !events.iter().any(|(_, it)| *it == clock) {
                events.push((self.event(clock), clock));
            }
        }
        events
    }

    fn event(&mut self, clock: u32) -> u8 {
        if let Some(&(known, _)) = self.events.iter().find(|(_, it)| *it == clock) {
            return known;
        }
        let narrow = clock == Codec::Pcma.clock();
        let new = self.free(if narrow { TELEPHONE_EVENT } else { OTHER_EVENT });
        self.events.push((new, clock));
        new
    }

    /// That number, or if it stands for something else, another one.
    fn free(&self, wanted: u8) -> u8 {
        let codecs = self.codecs.iter().map(|&(pt, _)| pt);
        let taken: Vec<u8> = codecs
            .chain(self.events.iter().map(|&(pt, _)| pt))
            .collect();
        let others = (DYNAMIC..128).filter(|pt| !taken.contains(pt));
        // A description has fewer formats of ours than there are numbers.
        let found = [wanted].into_iter().filter(|pt| !taken.contains(pt));
        found.chain(others).next().unwrap_or(wanted)
    }
}
