//! An audio file that somebody uploads as a prompt.

use std::cell::Cell;

use audio::{Audio, limits};

/// How often a file is asked whether it may go on: for each packet, and for each 4,096 samples that are resampled. To
/// resample is most of the work, and whatever is in a file is in its first packets.
const PATIENCE: u32 = 32;

/// Panics where it does not hold.
pub(crate) fn check(file: &[u8]) {
    decode(file);
    // With a wrong checksum, as nearly all that is made by chance has, hardly anything would be looked at.
    let mut summed = file.to_vec();
    sum_pages(&mut summed);
    sum_frame(&mut summed);
    if summed != file {
        decode(&summed);
    }
}

fn decode(file: &[u8]) {
    let asked = Cell::new(0);
    let may_go_on = || asked.replace(asked.get() + 1) < PATIENCE;
    let Ok(audio) = Audio::decode(file, &may_go_on) else {
        return;
    };
    assert!(!audio.samples.is_empty());
    assert!(audio.duration_ms() <= u64::from(limits::SECONDS) * 1_000);
    let kept = audio.to_wav();
    assert_eq!(Audio::decode(&kept, &|| true).as_ref(), Ok(&audio));
}

/// Gives each page of an Ogg file its checksum (RFC 3533 §6).
fn sum_pages(file: &mut [u8]) {
    let mut rest = file;
    while rest.starts_with(b"OggS") && rest.len() >= 27 {
        let lengths = rest[27..].iter().take(usize::from(rest[26]));
        let length = 27 + lengths.map(|it| 1 + usize::from(*it)).sum::<usize>();
        let (page, tail) = rest.split_at_mut(length.min(rest.len()));
        page[22..26].fill(0);
        let sum = checksum(page, 32, 0x04c1_1db7);
        page[22..26].copy_from_slice(&sum.to_le_bytes());
        rest = tail;
    }
}

/// Takes what follows the metadata of a FLAC file for one frame, and gives its header and itself their checksums (RFC
/// 9639 §9.1.8, §9.3).
fn sum_frame(file: &mut [u8]) {
    let is_one = file.starts_with(b"fLaC");
    let mut rest = file.get_mut(4..).filter(|_| is_one);
    while let Some([kind, long, length, short, tail @ ..]) = rest {
        let length = u32::from_be_bytes([0, *long, *length, *short]) as usize;
        let is_last = *kind & 0x80 != 0;
        rest = tail.get_mut(length..);
        if is_last {
            break;
        }
    }
    let Some(frame) = rest.filter(|it| it.len() > 18) else {
        return;
    };
    // Behind four octets: its number, coded as in UTF-8, and what the third has no code for.
    let number = frame[4].leading_ones().clamp(1, 7) as usize;
    let size = match frame[2] >> 4 {
        6 => 1,
        7 => 2,
        _ => 0,
    };
    let rate = match frame[2] & 15 {
        12 => 1,
        13 | 14 => 2,
        _ => 0,
    };
    let header = 4 + number + size + rate;
    frame[header] = checksum(&frame[..header], 8, 0x07) as u8;
    let end = frame.len() - 2;
    let sum = checksum(&frame[..end], 16, 0x8005) as u16;
    frame[end..].copy_from_slice(&sum.to_be_bytes());
}

/// A cyclic checksum of so many bits, from the highest bit on.
fn checksum(octets: &[u8], bits: u32, polynomial: u32) -> u32 {
    let (top, polynomial) = (32 - bits, polynomial << (32 - bits));
    let sum = octets.iter().fold(0, |sum: u32, octet| {
        (0..8).fold(sum ^ u32::from(*octet) << 24, |sum, _| {
            sum << 1 ^ if sum >> 31 == 1 { polynomial } else { 0 }
        })
    });
    sum >> top
}
