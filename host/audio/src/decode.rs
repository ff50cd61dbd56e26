//! From a file to mono samples at the file's own rate.
//!
//! Owns what is demanded of a file; symphonia reads it. Whatever is in the file is a stranger's: each
//! figure of it is held against its limit before anything is made by it.

use std::io::{Cursor, ErrorKind};
use std::panic::{self, AssertUnwindSafe};

use symphonia::default::{
    formats::{FlacReader, MpaReader, OggReader, WavReader},
    meta::Id3v2Reader,
};

use symphonia::core::{
    audio::{Channels, GenericAudioBufferRef},
    codecs::audio::{AudioDecoder, AudioDecoderOptions},
    errors::Error,
    formats::{
        FormatOptions, FormatReader, TrackType,
        probe::{Hint, Probe},
    },
    io::{MediaSourceStream, MediaSourceStreamOptions},
    meta::MetadataOptions,
};

use crate::{AudioError, limits, wav};

/// How files begin that are of one of the formats.
const BEGINNINGS: [&[u8]; 4] = [b"RIFF", b"fLaC", b"OggS", b"ID3"];

/// What a file holds.
#[derive(Debug)]
pub(crate) struct Decoded {
    /// Samples per second.
    pub(crate) rate: u32,
    /// The average of its channels, −1 to 1; at least one.
    pub(crate) samples: Vec<f32>,
}

/// Decodes the first audio track of a file. symphonia panics where it believes that no file can be like that: such a
/// file is damaged. Nothing of it is used after that, so nothing is seen half done.
pub(crate) fn decode(file: &[u8], may_go_on: &dyn Fn() -> bool) -> Result<Decoded, AudioError> {
    if file.len() > limits::FILE {
        let octets = file.len();
        return Err(AudioError::TooLarge { octets });
    }
    let file = wav::mended(file)?;
    let read = panic::catch_unwind(AssertUnwindSafe(|| read(&file, may_go_on)));
    read.unwrap_or(Err(AudioError::Damaged("no reader can follow it")))
}

fn read(file: &[u8], may_go_on: &dyn Fn() -> bool) -> Result<Decoded, AudioError> {
    let mut format = open(file)?;
    let (track, mut decoder) = decoder(&*format)?;
    let mut mix = Mix::default();
    let (mut packets, mut damaged) = (0, 0);
    loop {
        if !may_go_on() {
            return Err(AudioError::GivenUp);
        }
        let packet = match format.next_packet() {
            Ok(Some(packet)) if packet.track_id == track => packet,
            Ok(Some(_)) => continue,
            Ok(None) => break,
            Err(error) => return Err(refusal(&error)),
        };
        packets += 1;
        match decoder.decode(&packet) {
            Ok(audio) => mix.add(&audio)?,
            Err(Error::DecodeError(_)) => damaged += 1,
            Err(error) => return Err(refusal(&error)),
        }
    }
    if damaged > 1.max(packets / limits::DAMAGED_IN) {
        return Err(AudioError::Damaged("too much of it cannot be decoded"));
    }
    if decoder.finalize().verify_ok == Some(false) {
        return Err(AudioError::Damaged("its checksum is not that of its audio"));
    }
    mix.done()
}

fn open(file: &[u8]) -> Result<Box<dyn FormatReader + '_>, AudioError> {
    let how = MediaSourceStreamOptions::default();
    let stream = MediaSourceStream::new(Box::new(Cursor::new(file)), how);
    let (format, tags) = (FormatOptions::default(), MetadataOptions::default());
    // A probe looks for a beginning anywhere. A WAV file has one place for it, where it was looked at.
    let mut probe = Probe::default();
    if wav::is_one(file) {
        probe.register_format::<WavReader<'_>>();
    } else {
        probe.register_format::<FlacReader<'_>>();
        probe.register_format::<MpaReader<'_>>();
        probe.register_format::<OggReader<'_>>();
        probe.register_metadata::<Id3v2Reader<'_>>();
    }
    let opened = probe.probe(&Hint::new(), stream, format, tags);
    let is_ours = BEGINNINGS.iter().any(|it| file.starts_with(it));
    opened.map_err(|error| match error {
        // Nothing in it looked like a beginning.
        Error::IoError(_) | Error::Unsupported(_) if !is_ours => AudioError::Unknown,
        other => refusal(&other),
    })
}

/// The id of the first track that is audio, and what decodes it.
fn decoder(format: &dyn FormatReader) -> Result<(u32, Box<dyn AudioDecoder>), AudioError> {
    let none = AudioError::Unsupported("it has no audio track");
    let track = format.default_track(TrackType::Audio).ok_or(none)?;
    let parameters = track.codec_params.as_ref().and_then(|it| it.audio());
    let unknown = "its codec is none of PCM, FLAC, MP3 and Vorbis";
    let parameters = parameters.ok_or(AudioError::Unsupported(unknown))?;
    check_rate(parameters.sample_rate)?;
    let channels = parameters.channels.as_ref().map_or(1, Channels::count);
    check_channels(channels)?;
    let options = AudioDecoderOptions::default().verify(true);
    let made = symphonia::default::get_codecs().make_audio_decoder(parameters, &options);
    let decoder = made.map_err(|error| match error {
        Error::Unsupported(_) => AudioError::Unsupported(unknown),
        other => refusal(&other),
    })?;
    Ok((track.id, decoder))
}

/// What was decoded so far.
#[derive(Debug, Default)]
struct Mix {
    rate: u32,
    samples: Vec<f32>,
    /// The channels of a packet, one after another.
    planes: Vec<Vec<f32>>,
}

impl Mix {
    /// Adds the average of a packet's channels.
    fn add(&mut self, audio: &GenericAudioBufferRef<'_>) -> Result<(), AudioError> {
        if audio.frames() == 0 {
            return Ok(());
        }
        let (rate, channels) = (audio.spec().rate(), audio.num_planes());
        check_rate(Some(rate))?;
        check_channels(channels)?;
        if self.samples.is_empty() {
            self.rate = rate;
        } else if self.rate != rate {
            return Err(AudioError::Unsupported("its rate changes in the middle"));
        }
        if self.samples.len() + audio.frames() > limits::SECONDS as usize * rate as usize {
            return Err(AudioError::TooLong);
        }
        audio.copy_to_vecs_planar(&mut self.planes);
        let share = 1.0 / channels as f32;
        let average = |at| {
            self.planes
                .iter()
                .map(|plane: &Vec<f32>| plane[at])
                .sum::<f32>()
                * share
        };
        self.samples.extend((0..audio.frames()).map(average));
        Ok(())
    }

    fn done(self) -> Result<Decoded, AudioError> {
        let Self { rate, samples, .. } = self;
        if samples.is_empty() {
            return Err(AudioError::Silent);
        }
        Ok(Decoded { rate, samples })
    }
}

fn check_rate(hz: Option<u32>) -> Result<(), AudioError> {
    match hz {
        Some(hz) if !(limits::RATE_LOWEST..=limits::RATE_HIGHEST).contains(&hz) => {
            Err(AudioError::Rate { hz })
        }
        _ => Ok(()),
    }
}

fn check_channels(channels: usize) -> Result<(), AudioError> {
    if (1..=limits::CHANNELS).contains(&channels) {
        Ok(())
    } else {
        Err(AudioError::Channels { channels })
    }
}

/// symphonia's error in our words.
fn refusal(error: &Error) -> AudioError {
    match error {
        Error::IoError(error) if error.kind() == ErrorKind::UnexpectedEof => {
            AudioError::Damaged("it ends in the middle")
        }
        Error::IoError(_) | Error::SeekError(_) => {
            AudioError::Damaged("it points outside of itself")
        }
        Error::DecodeError(why) => AudioError::Damaged(why),
        Error::Unsupported(why) => AudioError::Unsupported(why),
        Error::LimitError(_) => AudioError::Unsupported("a part of it is too large"),
        Error::ResetRequired => AudioError::Unsupported("several streams follow one another"),
        _ => AudioError::Damaged("it cannot be read"),
    }
}
