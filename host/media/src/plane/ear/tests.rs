//! Ten minutes through a network that loses, delays and reorders, from a clock that is not ours.

#[cfg(feature = "opus")]
mod opus;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::*;
use crate::codec::{Encoder, FRAME_OCTETS};
use crate::g711::{self, Law};
use crate::tone::{Tone, level_db};

/// Packets of ten minutes.
const PACKETS: u32 = 10 * 60 * 50;

/// Samples whose level is looked at: 10 ms.
const BLOCK: usize = 80;

/// A packet loss of two states (Gilbert and Elliott): `worse` and `better` are the chances to change
/// the state at a packet; in the bad one half of all are lost.
struct Loss {
    random: ChaCha8Rng,
    worse: f64,
    better: f64,
    is_bad: bool,
}

impl Loss {
    fn new(seed: u64, worse: f64, better: f64) -> Self {
        Loss {
            random: ChaCha8Rng::seed_from_u64(seed),
            worse,
            better,
            is_bad: false,
        }
    }

    fn takes(&mut self) -> bool {
        let change = if self.is_bad { self.better } else { self.worse };
        self.is_bad ^= self.chance(change);
        self.is_bad && self.chance(0.5)
    }

    fn chance(&mut self, share: f64) -> bool {
        f64::from(self.random.next_u32()) < share * f64::from(u32::MAX)
    }

    /// 10 to 30 ms on the way.
    fn delay(&mut self) -> Duration {
        Duration::from_micros(10_000 + u64::from(self.random.next_u32() % 20_000))
    }
}

/// What was sent and what was heard of it.
struct Call {
    heard: Vec<i16>,
    lost: u32,
    /// The most packets lost in a row.
    worst: u32,
    ear: Ear,
}

/// Sends `sound` by a clock that is so many millionths too fast.
fn call(ppm: i64, mut loss: Loss, mut sound: impl FnMut(&mut [i16])) -> Call {
    let start = start();
    let frame = Duration::from_nanos((20_000_000 - 20 * ppm) as u64);
    let mut encoder = Encoder::new(Codec::Pcma, Rate::Narrow);
    let mut on_the_way: BTreeMap<(Instant, u32), Vec<u8>> = BTreeMap::new();
    let (mut lost, mut worst, mut row) = (0, 0, 0);
    for n in 0..PACKETS {
        let mut samples = [0; FRAME_OCTETS];
        sound(&mut samples);
        row = if loss.takes() { row + 1 } else { 0 };
        lost += u32::from(row > 0);
        worst = worst.max(row);
        if row == 0 {
            let arrival = start + frame * n + loss.delay();
            let mut payload = vec![0; FRAME_OCTETS];
            encoder.encode(&samples, &mut payload);
            on_the_way.insert((arrival, n), payload);
        }
    }
    let mut ear = Ear::new(Rate::Narrow);
    let mut heard = Vec::new();
    for n in 0..PACKETS {
        let now = start + Duration::from_millis(20) * n;
        while let Some(entry) = on_the_way.first_entry()
            && entry.key().0 <= now
        {
            let ((arrival, n), payload) = entry.remove_entry();
            ear.put(arrival, 1, n.wrapping_mul(160), Codec::Pcma, &payload);
        }
        let mut frame = [0; FRAME_OCTETS];
        ear.take(now, &mut frame);
        heard.extend_from_slice(&frame);
    }
    Call {
        heard,
        lost,
        worst,
        ear,
    }
}

/// The longest silence, after the first packets have come.
fn longest_gap(heard: &[i16]) -> Duration {
    let (mut longest, mut gap) = (0, 0);
    for block in heard[8_000..].chunks_exact(BLOCK) {
        gap = if level_db(block) < -35.0 { gap + 1 } else { 0 };
        longest = longest.max(gap);
    }
    Duration::from_millis(10 * longest)
}

/// A second of tone, then half a second of silence, and so on.
fn words() -> impl FnMut(&mut [i16]) {
    let mut tone = Tone::new(425, -10.0);
    let mut frames = 0;
    move |samples| {
        if frames % 75 < 50 {
            tone.fill(samples);
        }
        frames += 1;
    }
}

/// From the beginning of each word at the sender's until it is heard, in milliseconds.
fn delays(heard: &[i16], ppm: i64) -> Vec<f64> {
    let words = heard.len() / 12_000;
    let begins = (1..words).map(|word| word as f64 * 1_500.0 * (1.0 - ppm as f64 / 1e6));
    let delay = |sent: f64| {
        let from = (sent * 8.0) as usize;
        let blocks = heard[from..].chunks_exact(8);
        let late = blocks.take_while(|block| level_db(block) < -30.0).count();
        late as f64
    };
    begins.map(delay).collect()
}

fn start() -> Instant {
    #[allow(
        clippy::disallowed_methods,
        reason = "any instant will do; it is never read again"
    )]
    let now = Instant::now();
    now
}

#[test]
fn ten_minutes_of_a_tone_with_two_packets_of_a_hundred_lost_have_no_gap_above_20_ms() {
    let mut tone = Tone::new(425, -10.0);
    let call = call(0, Loss::new(1, 0.032, 0.75), |samples| tone.fill(samples));
    let share = f64::from(call.lost) / f64::from(PACKETS);
    assert!((0.017..0.023).contains(&share), "{share} was lost");
    let gap = longest_gap(&call.heard);
    assert!(
        gap <= Duration::from_millis(20),
        "{gap:?}, {} in a row",
        call.worst
    );
}

#[test]
fn a_burst_of_loss_is_silence_only_after_its_first_60_ms() {
    let mut tone = Tone::new(425, -10.0);
    let call = call(0, Loss::new(0, 0.008, 0.18), |s| tone.fill(s));
    let gap = longest_gap(&call.heard);
    let row = Duration::from_millis(20) * call.worst;
    assert!(call.worst >= 5, "{} in a row", call.worst);
    assert!(gap + Duration::from_millis(60) <= row, "{gap:?} of {row:?}");
}

#[test]
fn clocks_that_differ_by_100_ppm_make_no_delay_grow_in_ten_minutes() {
    for ppm in [-100, 0, 100] {
        let call = call(ppm, Loss::new(3, 0.032, 0.75), words());
        let delays = delays(&call.heard, ppm);
        assert!(delays.len() >= 399);
        for (word, delay) in delays.iter().enumerate() {
            assert!(
                (20.0..=120.0).contains(delay),
                "word {word}: {delay} ms at {ppm} ppm"
            );
        }
        let (early, late) = (mean(&delays[5..35]), mean(&delays[delays.len() - 30..]));
        assert!(
            (early - late).abs() < 20.0,
            "{early} ms, then {late} ms at {ppm} ppm"
        );
    }
}

#[test]
fn a_tone_that_never_pauses_is_slipped_before_its_delay_grows() {
    for ppm in [-100, 100] {
        let mut tone = Tone::new(425, -10.0);
        let call = call(ppm, Loss::new(3, 0.032, 0.75), |s| tone.fill(s));
        let delay = call.ear.jitter().delay().expect("it has heard something");
        assert!(
            delay <= Duration::from_millis(120),
            "{delay:?} at {ppm} ppm"
        );
        // A slip of 10 ms may fall beside a loss.
        let gap = longest_gap(&call.heard);
        let row = Duration::from_millis(20) * call.worst;
        assert!(
            gap + Duration::from_millis(50) <= row,
            "{gap:?} of {row:?} at {ppm} ppm"
        );
    }
}

#[test]
fn a_tone_is_as_loud_in_any_codec_at_any_rate_and_after_a_change_of_codec() {
    let start = start();
    for rate in [Rate::Narrow, Rate::Wide] {
        let mut ear = Ear::new(rate);
        let mut tone = Tone::new(425, -10.0);
        let mut encoders = Codec::ALL.map(|codec| Encoder::new(codec, Rate::Narrow));
        for n in 0..60 {
            let now = start + Duration::from_millis(20) * n;
            let encoder = &mut encoders[n as usize / 20];
            let (mut samples, mut payload) = ([0; FRAME_OCTETS], [0; FRAME_OCTETS]);
            tone.fill(&mut samples);
            encoder.encode(&samples, &mut payload);
            ear.put(now, 1, n * 160, encoder.codec(), &payload);
            let mut frame = vec![0; rate.frame()];
            ear.take(now, &mut frame);
            let level = level_db(&frame);
            let settled = n > 3 && n % 20 > 3;
            assert!(
                !settled || (level + 13.0).abs() < 1.0,
                "{n}: {level} dB at {rate:?}"
            );
        }
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// What comes in 20 ms of a call in which much changes: for both ears the same.
fn happen(random: &mut ChaCha8Rng, now: Instant, sent: &mut (u64, u32), ears: &mut [Ear; 2]) {
    let (stream, timestamp) = sent;
    let chance = random.next_u32() % 100;
    match chance {
        // Lost.
        0..4 => {}
        // A press of hold: another stream, of whatever timestamps.
        4 => (*stream, *timestamp) = (*stream + 1, random.next_u32()),
        // A jump of the sender's clock, and a silence that was not sent.
        5 => *timestamp = timestamp.wrapping_add(random.next_u32()),
        6 => ears.iter_mut().for_each(|it| it.put_noise(&[60])),
        // Mostly it comes; once in a while one of a third of a second later comes before it.
        _ => {
            let codec = [Codec::Pcma, Codec::Pcmu, Codec::G722]
                [usize::from(chance > 96) + usize::from(chance > 98)];
            let mut payload = [0; 2 * FRAME_OCTETS];
            // Half a second of noise, half a second of silence.
            if *timestamp / 4_000 % 2 == 0 {
                payload.fill_with(|| random.next_u32() as u8);
            } else {
                payload.fill(g711::silence(Law::A));
            }
            let octets = [FRAME_OCTETS, 80, 240, 320][(chance as usize % 40).saturating_sub(36)];
            let pieces = if chance < 10 {
                random.next_u32() % 32
            } else {
                0
            };
            let timestamp = timestamp.wrapping_add(80 * pieces);
            for ear in ears {
                ear.put(now, *stream, timestamp, codec, &payload[..octets]);
            }
        }
    }
    *timestamp = timestamp.wrapping_add(160);
}

#[test]
fn whether_the_concealment_is_told_at_once_or_when_it_matters_is_not_heard() {
    for (seed, rate) in [(1, Rate::Narrow), (2, Rate::Narrow), (3, Rate::Wide)] {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut ears = [Ear::new(rate), Ear::new(rate)];
        let mut sent = (1, random.next_u32());
        let mut now = start();
        let mut untold = 0;
        for tick in 0..20_000 {
            happen(&mut random, now, &mut sent, &mut ears);
            // Once in a while another stream comes before the next tick, and then what it sent before.
            if random.next_u32() % 50 == 0 {
                sent = (sent.0 + 1, random.next_u32());
                let first = sent.1;
                happen(&mut random, now, &mut sent, &mut ears);
                sent.1 = first.wrapping_sub(80 * (random.next_u32() % 14));
                happen(&mut random, now, &mut sent, &mut ears);
            }
            now += Duration::from_millis(20);
            let [later, at_once] = &mut ears;
            let mut heard = [[0; FRAME_SAMPLES]; 2];
            later.take(now, &mut heard[0][..rate.frame()]);
            at_once.tell();
            at_once.take(now, &mut heard[1][..rate.frame()]);
            assert!(heard[0] == heard[1], "seed {seed}, tick {tick}");
            untold += u32::from(later.untold == Some(conceal::PIECES));
        }
        assert_eq!(untold > 5_000, rate == Rate::Narrow, "{untold}");
        assert!(ears[0].jitter().counts() == ears[1].jitter().counts());
    }
}
