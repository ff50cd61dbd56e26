//! WAV files: as decoded audio is kept, and as telephone systems write them.
//!
//! Owns what symphonia is given of one. That is lenient: a program that writes into a pipe does not know yet
//! how much follows and promises too much, and G.711 is often told in the short form of its header.

use std::borrow::Cow;

use crate::{AudioError, limits};

/// Octets before the samples.
const HEADER: u32 = 44;

/// What is decoded here, as a header tells it (RFC 2361).
const PCM: u16 = 1;
const FLOAT: u16 = 3;
const A_LAW: u16 = 6;
const MU_LAW: u16 = 7;
/// One of these, and more about it.
const EXTENSIBLE: u16 = 0xfffe;

/// Writes a file. Audio is never long enough for its lengths to overflow ([`crate::limits::SECONDS`]).
pub(crate) fn write(hz: u32, samples: &[i16]) -> Vec<u8> {
    let mut format = Vec::with_capacity(16);
    format.extend(PCM.to_le_bytes());
    format.extend(1_u16.to_le_bytes()); // channels
    format.extend(hz.to_le_bytes());
    format.extend((hz * 2).to_le_bytes());
    format.extend(2_u16.to_le_bytes()); // octets of a sample
    format.extend(16_u16.to_le_bytes()); // bits of it
    let samples: Vec<u8> = samples.iter().flat_map(|it| it.to_le_bytes()).collect();
    file(&format, &samples)
}

/// A file as symphonia is given it, if this one is a WAV file: its last format before its samples, without
/// what may follow it, and its samples. Symphonia believes lengths within a format, and pads some chunks twice:
/// then it reads formats where there are none, of which some make it panic. Here it finds one, where it is.
pub(crate) fn mended(whole: &[u8]) -> Result<Cow<'_, [u8]>, AudioError> {
    if !is_one(whole) {
        return Ok(Cow::Borrowed(whole));
    }
    if whole.get(8..12) != Some(b"WAVE") {
        return Err(AudioError::Unsupported("wav: riff form is not wave"));
    }
    let format = formats(whole).last();
    let format = plain(format.ok_or(AudioError::Damaged("wav: missing format chunk"))?)?;
    let data = Chunks::of(whole).find(|it| it.name == b"data");
    let data = data.ok_or(AudioError::Damaged("wav: missing data chunk"))?;
    Ok(Cow::Owned(file(&format, data.body)))
}

/// A format without what nobody has to know: which loudspeakers its channels are for, and octets behind it.
fn plain(format: &[u8]) -> Result<Vec<u8>, AudioError> {
    let cut = AudioError::Damaged("wav: malformed fmt chunk");
    let mut plain = format.get(..16).ok_or(cut.clone())?.to_vec();
    let channels = word(format, 1).map_or(0, usize::from);
    if !(1..=limits::CHANNELS).contains(&channels) {
        return Err(AudioError::Channels { channels });
    }
    match word(format, 0) {
        Some(PCM | FLOAT) => {}
        Some(A_LAW | MU_LAW) => plain.extend([0, 0]), // octets that follow
        Some(EXTENSIBLE) => {
            let more = format.get(16..40).ok_or(cut)?;
            plain.extend(&more[..4]);
            plain.extend([0; 4]); // the mask of loudspeakers: the usual ones
            plain.extend(&more[8..]);
        }
        _ => return Err(AudioError::Unsupported("wav: unsupported wave format")),
    }
    Ok(plain)
}

/// Whether a file is of this format at all.
pub(crate) fn is_one(whole: &[u8]) -> bool {
    whole.starts_with(b"RIFF")
}

/// Its format chunk; of several the last one counts.
fn formats(whole: &[u8]) -> impl Iterator<Item = &[u8]> {
    let before = Chunks::of(whole).take_while(|it| it.name != b"data");
    before.filter(|it| it.name == b"fmt ").map(|it| it.body)
}

/// One chunk.
struct Chunk<'a> {
    name: &'a [u8],
    /// As much of it as there is.
    body: &'a [u8],
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
