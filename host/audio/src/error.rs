//! Why a file is refused, in words for whoever uploaded it.

use crate::limits;

/// Why an audio file is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AudioError {
    /// More octets than [`limits::FILE`].
    #[error("the file has {octets} octets, more than {}", limits::FILE)]
    TooLarge {
        /// How many it has.
        octets: usize,
    },
    /// None of the formats.
    #[error("the file is no WAV, FLAC, MP3 or Ogg Vorbis")]
    Unknown,
    /// One of the formats, with something inside that is not decoded here.
    #[error("the file cannot be decoded here: {0}")]
    Unsupported(&'static str),
    /// It is not what its format demands.
    #[error("the file is damaged: {0}")]
    Damaged(&'static str),
    /// A format without a sample.
    #[error("the file has no audio in it")]
    Silent,
    /// More than [`limits::SECONDS`].
    #[error("the audio is longer than {} seconds", limits::SECONDS)]
    TooLong,
    /// A rate that is out of range.
    #[error(
        "the audio has {hz} samples per second, not {} to {}",
        limits::RATE_LOWEST,
        limits::RATE_HIGHEST
    )]
    Rate {
        /// Samples per second.
        hz: u32,
    },
    /// Too many channels.
    #[error("the audio has {channels} channels, not 1 to {}", limits::CHANNELS)]
    Channels {
        /// How many.
        channels: usize,
    },
    /// Whoever decodes gave up.
    #[error("the file took too long to decode")]
    GivenUp,
}
