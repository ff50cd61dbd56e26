//! Whether what was sampled during a soak has come to rest, or grows.
//!
//! It owns what *flat* means: over the last fifth of the load the mean is at most 5 % and a fixed
//! allowance above that of minutes five to ten. Before the fifth minute nothing is compared: pools,
//! caches and everything that lingers (transactions for 32 s, pending requests for 120 s) fill up.
//! A soak that ends before both windows are whole and apart is told and not judged.
//!
//! The soak includes this file by its path, as benchmarks do `figure`; the automation only tests it.

use std::ops::Range;

/// Seconds of the load in which a quantity is taken to have found its size.
pub(crate) const BASELINE: Range<f64> = 300.0..600.0;
/// What growth is let pass as noise: this share of the baseline, and the allowance of the caller.
const SHARE: f64 = 0.05;

/// A value, and at which second of the load it was taken.
pub(crate) type Point = (f64, f64);

/// Both means, and what the later one may be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Verdict {
    pub(crate) baseline: f64,
    pub(crate) last: f64,
    pub(crate) at_most: f64,
}

/// The last fifth of a load of that many seconds.
pub(crate) fn last_fifth(length: f64) -> Range<f64> {
    length * 0.8..length
}

/// Compares both windows of a load of that many seconds; none if it was too short. The mean of a
/// window without a point is no number, and no number keeps a bound.
pub(crate) fn judge(points: &[Point], length: f64, allowance: f64) -> Option<Verdict> {
    let last = last_fifth(length);
    if last.start < BASELINE.end {
        return None;
    }
    let baseline = mean(points, &BASELINE).unwrap_or(f64::NAN);
    Some(Verdict {
        baseline,
        last: mean(points, &last).unwrap_or(f64::NAN),
        at_most: baseline * (1.0 + SHARE) + allowance,
    })
}

/// The mean of the points in that window; none if there are none.
pub(crate) fn mean(points: &[Point], window: &Range<f64>) -> Option<f64> {
    let inside = points.iter().filter(|(at, _)| window.contains(at));
    let (count, sum) = inside.fold((0_u32, 0.0), |(count, sum), it| (count + 1, sum + it.1));
    (count > 0).then(|| sum / f64::from(count))
}
