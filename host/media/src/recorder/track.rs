//! Two channels that grow: packets in, samples out in order, silence where nothing was.
//!
//! Owns what is not written yet. A packet may come late by [`HELD`]: so long its place is kept open; a later
//! one is left out and counted. Knows no file.

use std::time::Duration;

use super::channel::{Channel, LATE};
use crate::codec::{Decoder, Rate};
use crate::tape::{Channels, Entry, Side};

/// How long the place of a late packet is kept: 200 ms.
const HELD: Duration = Duration::from_millis(LATE as u64 / 8);

/// One direction: where its packets belong, and what they say.
#[derive(Debug, Default)]
struct Voice {
    channel: Channel,
    decoder: Option<(u32, Decoder)>,
    /// Whether its last packet had a marker.
    marked: bool,
    /// Where its last packet ended.
    end: i64,
}

/// See the module's header. All places are samples of its rate.
#[derive(Debug)]
pub(super) struct Track {
    rate: Rate,
    channels: Channels,
    voices: [Voice; 2],
    /// Pairs of samples, left and right, from `written` on.
    window: Vec<[i16; 2]>,
    /// How many pairs were taken.
    written: i64,
    /// When the newest packet came by.
    newest: i64,
    late: u64,
}

impl Track {
    pub(super) fn new(rate: Rate, channels: Channels) -> Self {
        Track {
            rate,
            channels,
            voices: Default::default(),
            window: Vec::new(),
            written: 0,
            newest: 0,
            late: 0,
        }
    }

    /// Samples per second of each channel.
    pub(super) fn rate(&self) -> u32 {
        self.rate.hz()
    }

    /// Samples that are taken at one time at most: a second.
    pub(super) fn chunk(&self) -> i64 {
        i64::from(self.rate.hz())
    }

    /// A time as a number of samples.
    pub(super) fn samples(&self, at: Duration) -> i64 {
        (at.as_micros() * u128::from(self.rate.hz()) / 1_000_000) as i64
    }

    /// How many samples can be taken before a packet of this time is put.
    pub(super) fn ready(&mut self, at: Duration) -> i64 {
        self.newest = self.newest.max(self.samples(at));
        (self.newest - self.samples(HELD) - self.written).max(0)
    }

    /// How many samples there are until the end of what was put.
    pub(super) fn rest(&self) -> i64 {
        self.window.len() as i64
    }

    /// Packets that came too late to be heard.
    pub(super) fn late(&self) -> u64 {
        self.late
    }

    /// How many samples were taken.
    pub(super) fn written(&self) -> i64 {
        self.written
    }

    /// Puts a packet where it belongs. What is [`ready`](Self::ready) has been taken.
    pub(super) fn put(&mut self, entry: &Entry<'_>) {
        let side = usize::from(entry.side == Side::Heard);
        let voice = &mut self.voices[side];
        let at = (entry.at.as_micros() * u128::from(Rate::Narrow.hz()) / 1_000_000) as i64;
        let clock = (entry.timestamp, entry.codec.per_ms());
        // Who marks every packet says nothing by it.
        let was_marked = std::mem::replace(&mut voice.marked, entry.marker);
        if entry.marker && !was_marked {
            voice.channel.switch();
        }
        let place = voice.channel.place(entry.ssrc, clock, at);
        let mut first = place * i64::from(self.rate.hz() / Rate::Narrow.hz()) - self.written;
        let fits = |(ssrc, it): &(u32, Decoder)| *ssrc == entry.ssrc && it.codec() == entry.codec;
        let (_, decoder) = match voice.decoder.take().filter(fits) {
            Some(goes_on) => voice.decoder.insert(goes_on),
            None => voice
                .decoder
                .insert((entry.ssrc, Decoder::new(entry.codec, self.rate))),
        };
        // A stream that was moved by a sample must not click.
        let gap = first + self.written - voice.end;
        let seam = (1..=2).contains(&gap) && first > gap;
        if seam {
            let from = (first - gap) as usize;
            let before = self.window.get(from - 1).map_or(0, |pair| pair[side]);
            self.window
                .resize(self.window.len().max(first as usize), [0; 2]);
            for pair in &mut self.window[from..first as usize] {
                pair[side] = before;
            }
        }
        let mut is_late = !entry.payload.is_empty();
        let window = &mut self.window;
        decoder.each(entry.payload, |samples| {
            let end = first + samples.len() as i64;
            if end > 0 {
                is_late = false;
                let skipped = (-first).max(0) as usize;
                let (start, end) = (first.max(0) as usize, end as usize);
                window.resize(window.len().max(end), [0; 2]);
                let pairs = window[start..end].iter_mut();
                for (pair, sample) in pairs.zip(&samples[skipped..]) {
                    pair[side] = *sample;
                }
            }
            first = end;
        });
        voice.end = voice.end.max(first + self.written);
        self.late += u64::from(is_late);
    }

    /// Appends the next samples to `out`, as they stand in a file, so many or a [`chunk`](Self::chunk).
    pub(super) fn take(&mut self, count: i64, out: &mut Vec<u8>) {
        let count = count.clamp(0, self.chunk()) as usize;
        let known = count.min(self.window.len());
        let both = self.channels == Channels::Both;
        for [left, right] in self.window.drain(..known) {
            if both {
                out.extend(left.to_le_bytes());
            }
            out.extend(right.to_le_bytes());
        }
        let octets = if both { 4 } else { 2 };
        out.resize(out.len() + (count - known) * octets, 0);
        self.written += count as i64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{Codec, Encoder};
    use crate::tone;

    fn entry(side: Side, at_ms: u64, timestamp: u32, payload: &[u8]) -> Entry<'_> {
        Entry {
            side,
            codec: Codec::Pcma,
            marker: false,
            at: Duration::from_millis(at_ms),
            ssrc: 1,
            timestamp,
            payload,
        }
    }

    /// All that is in a track, after so long.
    fn taken(track: &mut Track, after: Duration) -> Vec<[i16; 2]> {
        let mut out = Vec::new();
        let end = track.samples(after);
        while track.written() < end {
            let left = end - track.written();
            track.take(left, &mut out);
        }
        let sample = |it: &[u8]| i16::from_le_bytes([it[0], it[1]]);
        let pairs = out.chunks_exact(4);
        pairs.map(|it| [sample(it), sample(&it[2..])]).collect()
    }

    #[test]
    fn each_side_stands_in_its_channel_at_its_time() {
        let mut track = Track::new(Rate::Narrow, Channels::Both);
        let (one, two) = ([0xaa; 160], [0x2a; 160]);
        track.put(&entry(Side::Said, 100, 0, &one));
        track.put(&entry(Side::Heard, 110, 77, &two));
        track.put(&entry(Side::Said, 160, 480, &one));
        let pairs = taken(&mut track, Duration::from_millis(200));
        assert_eq!(pairs.len(), 1_600);
        for (n, [left, right]) in pairs.into_iter().enumerate() {
            let said = (800..960).contains(&n) || (1_280..1_440).contains(&n);
            let heard = (880..1_040).contains(&n);
            assert_eq!((left != 0, right != 0), (said, heard), "{n}");
        }
    }

    #[test]
    fn a_packet_that_is_late_finds_its_place_and_one_that_is_later_is_counted() {
        let mut track = Track::new(Rate::Narrow, Channels::Both);
        let octets = [0xaa; 160];
        track.put(&entry(Side::Said, 0, 0, &octets));
        let ready = track.ready(Duration::from_millis(250));
        assert_eq!(ready, 400);
        track.take(ready, &mut Vec::new());
        track.put(&entry(Side::Said, 250, 480, &octets));
        assert_eq!(track.late(), 0);
        track.put(&entry(Side::Said, 251, 160, &octets));
        assert_eq!(
            track.late(),
            1,
            "0 ms to 50 ms are written, this is 20 ms to 40 ms"
        );
        let pairs = taken(&mut track, Duration::from_millis(100));
        assert_eq!(pairs.iter().filter(|it| it[0] != 0).count(), 160);
    }

    #[test]
    fn a_clock_that_runs_wrong_leaves_no_click() {
        let mut track = Track::new(Rate::Narrow, Channels::Both);
        let mut sine = vec![0; 160 * 500];
        tone::Tone::new(425, -10.0).fill(&mut sine);
        let mut octets = vec![0; sine.len()];
        Encoder::new(Codec::Pcma, Rate::Narrow).encode(&sine, &mut octets);
        for (n, payload) in octets.chunks(160).enumerate() {
            // A sender that is slow by a thousandth.
            let at = Duration::from_micros(n as u64 * 20_020);
            let entry = Entry {
                at,
                ..entry(Side::Said, 0, n as u32 * 160, payload)
            };
            track.put(&entry);
        }
        let pairs = taken(&mut track, Duration::from_secs(10));
        let steps = pairs
            .windows(2)
            .map(|it| (it[1][0] - it[0][0]).unsigned_abs());
        let greatest = steps.max().unwrap();
        let honest = sine
            .windows(2)
            .map(|it| (it[1] - it[0]).unsigned_abs())
            .max();
        assert!(
            u32::from(greatest) <= u32::from(honest.unwrap()) * 5 / 2,
            "{greatest}"
        );
    }

    #[test]
    fn an_hour_of_silence_is_taken_in_chunks() {
        let mut track = Track::new(Rate::Narrow, Channels::Both);
        track.put(&entry(Side::Said, 0, 0, &[0xaa; 160]));
        let mut ready = track.ready(Duration::from_secs(3_600));
        let mut out = Vec::new();
        while ready > 0 {
            out.clear();
            track.take(ready, &mut out);
            assert!(out.len() <= 4 * 8_000);
            ready = track.ready(Duration::ZERO);
        }
        assert_eq!(track.written(), 3_600 * 8_000 - 1_600);
    }

    #[test]
    fn wide_band_is_recorded_at_16_khz_and_what_is_not_stands_at_its_time_beside_it() {
        let mut track = Track::new(Rate::Wide, Channels::Both);
        let mut tone = vec![0; 320 * 50];
        tone::Tone::new(425, -10.0).fill(&mut tone);
        let mut octets = [0; 160 * 50];
        Encoder::new(Codec::G722, Rate::Wide).encode(&tone, &mut octets);
        for (n, payload) in octets.chunks(160).enumerate() {
            let n = n as u32;
            track.put(&Entry {
                codec: Codec::G722,
                ..entry(Side::Said, u64::from(n) * 20, n * 160, payload)
            });
            let narrow = [0xaa; 160];
            track.put(&entry(
                Side::Heard,
                500 + u64::from(n) * 20,
                n * 160,
                &narrow,
            ));
        }
        let pairs = taken(&mut track, Duration::from_millis(1_500));
        assert_eq!(pairs.len(), 24_000);
        let loud = |side: usize, part: &[[i16; 2]]| {
            part.iter()
                .filter(|it| it[side].unsigned_abs() > 500)
                .count()
                * 100
                / part.len()
        };
        assert!(loud(0, &pairs[400..15_900]) > 80, "a tone of a second");
        assert!(loud(0, &pairs[16_100..]) == 0);
        assert!(loud(1, &pairs[..7_900]) == 0);
        assert!(loud(1, &pairs[8_400..23_900]) > 90);
    }

    #[test]
    fn who_marks_every_packet_bends_nothing_by_it() {
        let mut track = Track::new(Rate::Narrow, Channels::Both);
        for n in 0..100_u32 {
            let late = if n % 3 == 1 { 15 } else { 0 };
            let entry = Entry {
                marker: true,
                ..entry(Side::Said, u64::from(n) * 20 + late, n * 160, &[0xaa; 160])
            };
            track.put(&entry);
        }
        let pairs = taken(&mut track, Duration::from_secs(2));
        assert!(pairs.iter().all(|it| it[0] != 0), "no gap");
    }
}
