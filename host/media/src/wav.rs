//! WAV files of 8 kHz, 16 bit, mono: the one format in which phones play and record.
//!
//! Owns the bytes; knows no file, which the caller reads and writes.

#[cfg(test)]
mod tests;

use crate::tone::SAMPLE_RATE;

/// Octets before the samples.
pub const HEADER: usize = 44;

/// Why a file is not played.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WavError {
    /// No RIFF/WAVE file, or cut off before its samples.
    #[error("not a wav file")]
    NotWav,
    /// Another format than ours.
    #[error("wav file has {channels} channels of {bits} bits at {rate} Hz, not 1 of 16 at 8000")]
    Format {
        /// How many channels.
        channels: u16,
        /// Bits per sample.
        bits: u16,
        /// Samples per second.
        rate: u32,
    },
}

/// Writes a file.
pub fn encode(samples: &[i16]) -> Vec<u8> {
    let length = samples.len() as u32 * 2;
    let mut file = Vec::with_capacity(HEADER + samples.len() * 2);
    file.extend(header(1, SAMPLE_RATE, length));
    file.extend(samples.iter().flat_map(|s| s.to_le_bytes()));
    file
}

/// What stands before samples of 16 bits: of so many channels, so many a second, `length` octets in all.
pub fn header(channels: u16, rate: u32, length: u32) -> [u8; HEADER] {
    let mut header = [0; HEADER];
    let frame = channels * 2;
    let fields: [&[u8]; 13] = [
        b"RIFF",
        &length.saturating_add(HEADER as u32 - 8).to_le_bytes(),
        b"WAVE",
        b"fmt ",
        &16_u32.to_le_bytes(),
        &1_u16.to_le_bytes(), // PCM
        &channels.to_le_bytes(),
        &rate.to_le_bytes(),
        &(rate * u32::from(frame)).to_le_bytes(),
        &frame.to_le_bytes(),
        &16_u16.to_le_bytes(),
        b"data",
        &length.to_le_bytes(),
    ];
    let octets = fields.into_iter().flatten();
    for (place, octet) in header.iter_mut().zip(octets) {
        *place = *octet;
    }
    header
}

/// Reads a file. One whose header promises more samples than there are gives those that are there.
pub fn decode(file: &[u8]) -> Result<Vec<i16>, WavError> {
    if file.get(0..4) != Some(b"RIFF") || file.get(8..12) != Some(b"WAVE") {
        return Err(WavError::NotWav);
    }
    let mut rest = &file[12..];
    let mut format_seen = false;
    while let Some((name, length, body)) = chunk(rest) {
        let content = &body[..length.min(body.len())];
        match name {
            b"fmt " => {
                check_format(content)?;
                format_seen = true;
            }
            b"data" if format_seen => {
                let pairs = content.chunks_exact(2);
                return Ok(pairs
                    .map(|pair| i16::from_le_bytes([pair[0], pair[1]]))
                    .collect());
            }
            _ => {}
        }
        // Chunks are padded to an even length.
        rest = body.get(length.saturating_add(length % 2)..).unwrap_or(&[]);
    }
    Err(WavError::NotWav)
}

fn chunk(bytes: &[u8]) -> Option<(&[u8], usize, &[u8])> {
    let length = u32::from_le_bytes(bytes.get(4..8)?.try_into().ok()?);
    Some((&bytes[..4], length as usize, &bytes[8..]))
}

fn check_format(content: &[u8]) -> Result<(), WavError> {
    let short = |at: usize| {
        Some(u16::from_le_bytes([
            *content.get(at)?,
            *content.get(at + 1)?,
        ]))
    };
    let fields = || Some((short(0)?, short(2)?, short(4)?, short(6)?, short(14)?));
    let (tag, channels, rate_low, rate_high, bits) = fields().ok_or(WavError::NotWav)?;
    let rate = u32::from(rate_high) << 16 | u32::from(rate_low);
    if (tag, channels, rate, bits) != (1, 1, SAMPLE_RATE, 16) {
        return Err(WavError::Format {
            channels,
            bits,
            rate,
        });
    }
    Ok(())
}
