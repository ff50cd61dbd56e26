//! Audio files that tenants upload: WAV, FLAC, MP3 and Ogg Vorbis become mono samples at a rate that
//! calls have.
//!
//! Owns the judgement of such a file and its one decoding. Knows no tenant, no file system and no
//! codec of a call, and reads no clock: whoever decodes says when it has taken long enough. A crate of
//! its own, so that neither media nor control link a decoder.

#![forbid(unsafe_code)]

mod decode;
mod error;
pub mod limits;
mod resample;
#[cfg(test)]
mod tests;
mod wav;

pub use error::AudioError;

/// Mono audio.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audio {
    /// How fast its samples are.
    pub rate: Rate,
    /// Its samples, at least one.
    pub samples: Vec<i16>,
}

/// The rates that calls have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rate {
    /// 8 kHz, of files that have no more.
    Narrow,
    /// 16 kHz, of all others.
    Wide,
}

impl Rate {
    /// Samples per second.
    pub const fn hz(self) -> u32 {
        match self {
            Self::Narrow => 8_000,
            Self::Wide => 16_000,
        }
    }

    /// What a file of that rate is kept at.
    fn for_file(hz: u32) -> Self {
        if hz <= Self::Narrow.hz() {
            Self::Narrow
        } else {
            Self::Wide
        }
    }
}

impl Audio {
    /// Decodes a file. Its channels are averaged, its loudness is left as it is. `may_go_on` is asked
    /// again and again; when it says no, the file is refused.
    pub fn decode(file: &[u8], may_go_on: &dyn Fn() -> bool) -> Result<Self, AudioError> {
        let decoded = decode::decode(file, may_go_on)?;
        let rate = Rate::for_file(decoded.rate);
        let samples = resample::resample(decoded.samples, decoded.rate, rate.hz(), may_go_on)?;
        Ok(Self { rate, samples })
    }

    /// The audio as a WAV file of 16 bits, which [`decode`](Self::decode) reads back unchanged.
    pub fn to_wav(&self) -> Vec<u8> {
        wav::write(self.rate.hz(), &self.samples)
    }

    /// How long it is, in milliseconds.
    pub fn duration_ms(&self) -> u64 {
        self.samples.len() as u64 * 1_000 / u64::from(self.rate.hz())
    }
}
