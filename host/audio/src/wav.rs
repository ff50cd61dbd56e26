//! WAV files: as decoded audio is kept, and as telephone systems write them.
//!
//! Owns two leniences beside: a program that writes into a pipe does not know yet how much follows and
//! promises too much, and G.711 is often told in the short form of its header.

use std::borrow::Cow;

use crate::{AudioError, limits};

/// Octets before the samples.
const HEADER: u32 = 44;

/// A-law and µ-law, as a header tells them (RFC 2361).
const G711: [u16; 2] = [6, 7];

/// Writes a file. Audio is never long enough for its lengths to overflow ([`crate::limits::SECONDS`]).
pub(crate) fn write(hz: u32, samples: &[i16]) -> Vec<u8> {
    let mut format = Vec::with_capacity(16);
    format.extend(1_u16.to_le_bytes()); // PCM
    format.extend(1_u16.to_le_bytes()); // channels
    format.extend(hz.to_le_bytes());
    format.extend((hz * 2).to_le_bytes());
    format.extend(2_u16.to_le_bytes()); // octets of a sample
    format.extend(16_u16.to_le_bytes()); // bits of it
    let samples: Vec<u8> = samples.iter().flat_map(|it| it.to_le_bytes()).collect();
    file(&format, &samples)
}

/// A file as symphonia wants it, if this one is a WAV file that it does not want. One with so many
/// channels that symphonia miscounts them is refused here, also if it is cut off behind its format.
pub(crate) fn mended(whole: &[u8]) -> Result<Cow<'_, [u8]>, AudioError> {
    for format in formats(whole) {
        let channels = word(format, 1).map_or(0, usize::from);
        if !(1..=limits::CHANNELS).contains(&channels) {
            return Err(AudioError::Channels { channels });
        }
    }
    let Some(parts) = parts(whole) else {
        return Ok(Cow::Borrowed(whole));
    };
    let is_short = parts.format.len() == 16 && G711.contains(&parts.tag);
    if !is_short && !parts.promises_too_much {
        return Ok(Cow::Borrowed(whole));
    }
    let mut format = parts.format.to_vec();
    if is_short {
        format.extend([0, 0]); // octets that follow
    }
    Ok(Cow::Owned(file(&format, parts.samples)))
}

/// Whether a file is of this format at all.
pub(crate) fn is_one(whole: &[u8]) -> bool {
    whole.starts_with(b"RIFF")
}

/// What a WAV file is made of.
struct Parts<'a> {
    format: &'a [u8],
    /// The first word of it.
    tag: u16,
    samples: &'a [u8],
    promises_too_much: bool,
}

/// None of what is no WAV file, or one that symphonia knows best what to say of.
fn parts(whole: &[u8]) -> Option<Parts<'_>> {
    let format = formats(whole).last()?;
    let data = Chunks::of(whole).find(|it| it.name == b"data")?;
    Some(Parts {
        format,
        tag: word(format, 0)?,
        samples: data.body,
        promises_too_much: data.is_cut,
    })
}

/// Its format chunk; of several, each is read and the last one counts.
fn formats(whole: &[u8]) -> impl Iterator<Item = &[u8]> {
    let before = Chunks::of(whole).take_while(|it| it.name != b"data");
    before.filter(|it| it.name == b"fmt ").map(|it| it.body)
}

/// One chunk.
struct Chunk<'a> {
    name: &'a [u8],
    body: &'a [u8],
    /// It promised more than there is.
    is_cut: bool,
}

/// The chunks of a file that are left; of another file none.
struct Chunks<'a>(&'a [u8]);

impl<'a> Chunks<'a> {
    fn of(whole: &'a [u8]) -> Self {
        let is_wave = is_one(whole) && whole.get(8..12) == Some(b"WAVE");
        Self(whole.get(12..).filter(|_| is_wave).unwrap_or_default())
    }
}

impl<'a> Iterator for Chunks<'a> {
    type Item = Chunk<'a>;

    fn next(&mut self) -> Option<Chunk<'a>> {
        let (head, rest) = self.0.split_at_checked(8)?;
        let (name, length) = head.split_at(4);
        let length = u32::from_le_bytes(length.try_into().ok()?) as usize;
        // Chunks are padded to an even length.
        self.0 = rest.get(length + length % 2..).unwrap_or_default();
        Some(Chunk {
            name,
            body: &rest[..length.min(rest.len())],
            is_cut: length > rest.len(),
        })
    }
}

fn word(format: &[u8], number: usize) -> Option<u16> {
    let octets = format.get(2 * number..)?.get(..2)?;
    Some(u16::from_le_bytes(octets.try_into().ok()?))
}

/// What is longer than a header can tell has been refused before.
fn file(format: &[u8], samples: &[u8]) -> Vec<u8> {
    let (begin, length) = (format.len() as u32, samples.len() as u32);
    let mut file = Vec::with_capacity(HEADER as usize + 2 + samples.len());
    file.extend(b"RIFF");
    file.extend((20 + begin + length).to_le_bytes());
    file.extend(b"WAVEfmt ");
    file.extend(begin.to_le_bytes());
    file.extend(format);
    file.extend(b"data");
    file.extend(length.to_le_bytes());
    file.extend(samples);
    file
}
