//! From one codec to another: what a bridge does where its legs differ.
//!
//! Even codecs need an octet for 125 µs, so between them a payload keeps its length and its time, and is changed in
//! place. G.711 to G.711 is a table; with others it is a decoder and an encoder that remember their stream.

use super::{Codec, Decoder, Encoder, FRAME_OCTETS, Rate};
use crate::g711;

/// See the module's header. One for each stream, in the order in which its packets arrive.
#[derive(Debug)]
pub struct Transcoder {
    from: Codec,
    to: Codec,
    /// `None` where a table does, or nothing.
    pair: Option<Box<(Decoder, Encoder)>>,
}

impl Transcoder {
    /// Between these two.
    pub fn new(from: Codec, to: Codec) -> Self {
        let by_table = from == to || (from.law().is_some() && to.law().is_some());
        // Of the two rates the smaller one: what the other has beyond it would be lost anyway.
        let rate = from.rate().min(to.rate());
        let pair = || Box::new((Decoder::new(from, rate), Encoder::new(to, rate)));
        Transcoder {
            from,
            to,
            pair: (!by_table).then(pair),
        }
    }

    /// Whether it is between these two.
    pub fn is_of(&self, from: Codec, to: Codec) -> bool {
        (self.from, self.to) == (from, to)
    }

    /// Turns the next payload into one of the other codec. Both are even.
    pub fn transcode(&mut self, payload: &mut [u8]) {
        let Some((decoder, encoder)) = self.pair.as_deref_mut() else {
            if let (Some(from), Some(to)) = (self.from.law(), self.to.law()) {
                g711::transcode(from, to, payload);
            }
            return;
        };
        for octets in payload.chunks_mut(FRAME_OCTETS) {
            let mut samples = [0; Rate::Narrow.frame()];
            let length = decoder.decode(octets, &mut samples);
            encoder.encode(&samples[..length], octets);
        }
    }

    /// Writes what the next payload is in the other codec, which is as long, and returns its length; 0 if that
    /// cannot be: it is no payload, or of a time that the other does not have.
    #[cfg(feature = "opus")]
    pub fn recode(&mut self, payload: &[u8], other: &mut [u8]) -> usize {
        let Some((decoder, encoder)) = self.pair.as_deref_mut() else {
            return 0;
        };
        let mut samples = [0; super::LONGEST_SAMPLES];
        let length = decoder.decode(payload, &mut samples);
        encoder.encode(&samples[..length], other)
    }
}
