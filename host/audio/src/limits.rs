//! Every limit of an audio file, with its reason.

/// Octets of a file: five minutes of stereo at 16 kHz and 16 bits, ten of a good MP3.
pub const FILE: usize = 20 * 1024 * 1024;

/// Seconds of audio: whoever plays more plays several prompts. A file that is small and long is held
/// by this one alone.
pub const SECONDS: u32 = 300;

/// Channels of a file: those of a film. More are no recording of a voice.
pub const CHANNELS: usize = 8;

/// Samples per second at least: below it no voice is understood.
pub const RATE_LOWEST: u32 = 4_000;

/// Samples per second at most: the filter's length grows with it.
pub const RATE_HIGHEST: u32 = 96_000;

/// One packet in so many may be damaged: an MP3 that was cut out of a longer one begins with a few
/// frames that lean on what is gone. One of a short file may always be.
pub const DAMAGED_IN: usize = 20;
