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
/// channels that symphonia miscounts them is refused here.
pub(crate) fn mended(whole: &[u8]) -> Result<Cow<'_, [u8]>, AudioError> {
    let Some(parts) = parts(whole) else {
        return Ok(Cow::Borrowed(whole));
    };
    let channels = usize::from(parts.channels);
    if !(1..=limits::CHANNELS).contains(&channels) {
        return Err(AudioError::Channels { channels });
    }
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

/// What a WAV file is made of.
struct Parts<'a> {
    format: &'a [u8],
    /// The first and the second word of it.
    tag: u16,
    channels: u16,
    samples: &'a [u8],
    promises_too_much: bool,
}

/// None of what is no WAV file, or one that symphonia knows best what to say of.
fn parts(whole: &[u8]) -> Option<Parts<'_>> {
    if whole.get(..4)? != b"RIFF" || whole.get(8..12)? != b"WAVE" {
        return None;
    }
    let mut rest = &whole[12..];
    let mut format: Option<&[u8]> = None;
    loop {
        let (name, length) = (rest.get(..4)?, rest.get(4..8)?);
        let length = u32::from_le_bytes(length.try_into().ok()?) as usize;
        let body = rest.get(8..)?;
        if name == b"data" {
            let format = format?;
            return Some(Parts {
                format,
                tag: word(format, 0)?,
                channels: word(format, 1)?,
                samples: &body[..length.min(body.len())],
                promises_too_much: length > body.len(),
            });
        }
        if name == b"fmt " {
            format = Some(body.get(..length)?);
        }
        // Chunks are padded to an even length.
        rest = body.get(length.checked_add(length % 2)?..)?;
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
