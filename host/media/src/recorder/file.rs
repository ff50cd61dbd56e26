//! The file of a recording: samples are appended, and the header is written anew after them.
//!
//! Owns the order of the two: whenever the process ends, what the header promises is there. Decides nothing
//! about samples.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::ops::Range;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::time::Duration;

use crate::codec::Rate;
use crate::tape::Channels;
use crate::wav;

impl Channels {
    fn count(self) -> u16 {
        match self {
            Self::Both => 2,
            Self::Heard => 1,
        }
    }

    /// Octets of one sample of all of them.
    fn frame(self) -> u64 {
        u64::from(self.count()) * 2
    }
}

/// An open file.
#[derive(Debug)]
pub(super) struct Take {
    file: File,
    rate: u32,
    channels: Channels,
    /// Octets of samples.
    length: u64,
    /// Of which the header tells.
    told: u64,
}

impl Take {
    /// Makes the file; there must not be one of that name.
    pub(super) fn create(path: &Path, rate: Rate, channels: Channels) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        // What people say is nobody else's on this machine.
        options.write(true).create_new(true).mode(0o600);
        let mut file = options.open(path)?;
        file.write_all(&header(channels, rate.hz(), 0))?;
        Ok(Take::onto(file, rate, channels))
    }

    /// Goes on behind the header of an open file.
    pub(super) fn onto(file: File, rate: Rate, channels: Channels) -> Self {
        Take {
            file,
            rate: rate.hz(),
            channels,
            length: 0,
            told: 0,
        }
    }

    pub(super) fn append(&mut self, samples: &[u8]) -> io::Result<()> {
        self.file.write_all(samples)?;
        self.length += samples.len() as u64;
        Ok(())
    }

    /// Makes the header true.
    pub(super) fn tell(&mut self) -> io::Result<()> {
        if self.told == self.length {
            return Ok(());
        }
        let header = header(self.channels, self.rate, self.length);
        self.file.write_all_at(&header, 0)?;
        self.told = self.length;
        Ok(())
    }

    /// The file is whole and durable; returns its octets.
    pub(super) fn close(mut self) -> io::Result<u64> {
        let durable = self.tell().and_then(|()| self.file.sync_all());
        match durable {
            Ok(()) => Ok(wav::HEADER as u64 + self.length),
            Err(error) => Err(self.fail(error)),
        }
    }

    /// It cannot be written on. Its header tells that, should nobody else be able to: a full disk has no room for
    /// rows either, but that of the header is there.
    pub(super) fn fail(self, error: io::Error) -> io::Error {
        let mut header = header(self.channels, self.rate, self.length);
        header[RIFF_LENGTH].fill(0);
        if let Err(why) = self.file.write_all_at(&header, 0) {
            tracing::debug!(%why, "nor can it be said in its file");
        }
        error
    }
}

/// Where a header tells the length of all that follows. None: the recording has failed.
const RIFF_LENGTH: Range<usize> = 4..8;

/// Closes a file that a crash left open: its header is made true, and what is no whole sample is cut off.
/// Returns its octets and how long it plays; `None`, and nothing is changed, if there is no audio in it or its
/// recording had failed. One that is already whole stays as it is.
pub fn mend(path: &Path) -> io::Result<Option<(u64, Duration)>> {
    let file = OpenOptions::new().read(true).write(true).open(path)?;
    let octets = file.metadata()?.len();
    let mut told = [0; wav::HEADER];
    let frames = octets.saturating_sub(wav::HEADER as u64);
    if frames > 0 {
        file.read_exact_at(&mut told, 0)?;
    }
    let wide = told[24..28] == Rate::Wide.hz().to_le_bytes();
    let rate = if wide { Rate::Wide } else { Rate::Narrow }.hz();
    let one = told[22..24] == [1, 0];
    let channels = if one { Channels::Heard } else { Channels::Both };
    let frame = channels.frame();
    let length = frames / frame * frame;
    if length == 0 || told[RIFF_LENGTH] == [0; 4] {
        return Ok(None);
    }
    file.set_len(wav::HEADER as u64 + length)?;
    file.write_all_at(&header(channels, rate, length), 0)?;
    file.sync_all()?;
    let millis = length / frame * 1_000 / u64::from(rate);
    let lasts = Duration::from_millis(millis);
    Ok(Some((wav::HEADER as u64 + length, lasts)))
}

fn header(channels: Channels, rate: u32, length: u64) -> [u8; wav::HEADER] {
    // As long as a call may be it is less than 4 GiB by far.
    let length = u32::try_from(length).unwrap_or(u32::MAX);
    wav::header(channels.count(), rate, length)
}
