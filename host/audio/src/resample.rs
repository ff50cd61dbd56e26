//! From the rate of a file to one of ours.
//!
//! A windowed sine over an angle (rubato) of a length that grows with the ratio, so that it is equally
//! steep for every rate of a file: flat to 7 kHz at 16 kHz, and what would fold back is down by
//! more than 80 dB from the edge of the band on. A call's rate is as low as it gets, so nothing else of a file is lost.

use rubato::{
    Async, FixedAsync, Indexing, Resampler, SincInterpolationParameters, WindowFunction,
    audioadapter_buffers::direct::SequentialSlice,
};

use crate::AudioError;

/// Length of the filter in samples of the lower rate.
const LENGTH: usize = 128;

/// Where it cuts, as a share of the band: half of its slope, which is as wide as the window's main lobe
/// (8 / [`LENGTH`]), lies below the edge of the band.
const CUTOFF: f32 = 1.0 - 8.0 / LENGTH as f32;

/// Samples that are resampled in one go.
const CHUNK: usize = 4_096;

/// Resamples, and rounds to 16 bits; what is louder than full scale is clipped.
pub(crate) fn resample(
    samples: Vec<f32>,
    from: u32,
    to: u32,
    may_go_on: &dyn Fn() -> bool,
) -> Result<Vec<i16>, AudioError> {
    if from == to {
        return Ok(samples.into_iter().map(rounded).collect());
    }
    let ratio = f64::from(to) / f64::from(from);
    let length = LENGTH * from.div_ceil(to) as usize;
    let settings = SincInterpolationParameters::new(length, WindowFunction::BlackmanHarris);
    let settings = settings.f_cutoff(CUTOFF);
    let made = Async::new_sinc(ratio, 1.0, &settings, CHUNK, 1, FixedAsync::Input);
    let cannot = AudioError::Unsupported("its rate cannot be changed to a call's");
    let mut resampler = made.map_err(|_| cannot.clone())?;
    // The first samples that come out are from before the beginning: the filter's middle meets the
    // first sample of the file half its length later, less the step that is made before each sample
    // (what rubato itself tells is one more).
    let mut skip = (length as f64 * ratio / 2.0).round() as usize - 1;
    let wanted = ((samples.len() as u64 * u64::from(to)).div_ceil(u64::from(from))) as usize;
    let mut done = Vec::with_capacity(wanted);
    let mut chunks = samples.chunks(CHUNK);
    let mut out = vec![0.0; resampler.output_frames_max()];
    while done.len() < wanted {
        if !may_go_on() {
            return Err(AudioError::GivenUp);
        }
        // Behind the end comes silence, until the filter has given everything back.
        let chunk = chunks.next().unwrap_or_default();
        let mut input = [0.0; CHUNK];
        input[..chunk.len()].copy_from_slice(chunk);
        let input = SequentialSlice::new(&input, 1, CHUNK).map_err(|_| cannot.clone())?;
        let room = out.len();
        let mut output = SequentialSlice::new_mut(&mut out, 1, room).map_err(|_| cannot.clone())?;
        let indexing = Indexing::new();
        let made = resampler.process_into_buffer(&input, &mut output, Some(&indexing));
        let (_, count) = made.map_err(|_| cannot.clone())?;
        let fresh = &out[skip.min(count)..count];
        skip -= skip.min(count);
        let left = wanted - done.len();
        done.extend(fresh.iter().take(left).copied().map(rounded));
    }
    Ok(done)
}

fn rounded(sample: f32) -> i16 {
    // 1.0 is one more than the loudest.
    (sample * 32_768.0).round().clamp(-32_768.0, 32_767.0) as i16
}
