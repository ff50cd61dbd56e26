//! How a conversation sounded, estimated: the E-model of ITU-T G.107, simplified.
//!
//! Owns the formula. `R = 93.2 − Id − Ie,eff`, all other inputs at the defaults of G.107:
//!
//! - delay, by the usual approximation of G.107 for an echo that is cancelled: `Id = 0.024 d +
//!   0.11 (d − 177.3)` (the second term above 177.3 ms only), `d` in milliseconds one way;
//! - loss, taken as random: `Ie,eff = Ie + (95 − Ie) · p / (p + Bpl)`, `p` in per cent, with `Ie = 0`
//!   and `Bpl = 25.1` of G.711 with concealment (G.113 Table I.1), for G.722 as well: on this scale of
//!   narrow-band speech it is no worse;
//! - `MOS = 1 + 0.035 R + 7·10⁻⁶ R (R − 60)(100 − R)` (G.107 Annex B), 1.0 to 4.4.
//!
//! Knows no call: `control` asks for each when it ends.

#[cfg(test)]
mod tests;

use std::time::Duration;

use crate::command::Stats;

/// Of a connection with no fault of its own.
const BEST: f64 = 93.2;

/// Robustness of the codec against loss.
const BPL: f64 = 25.1;

/// Delay from which on a conversation suffers doubly, in milliseconds.
const TALK_OVER: f64 = 177.3;

/// What a packet stands for before it can be sent.
const PACKET: Duration = Duration::from_millis(20);

/// The mean opinion score of one direction: 1.0 to 4.4. `loss` is a share, 0 to 1; `delay` one way.
pub fn mos(loss: f64, delay: Duration) -> f64 {
    let delay = delay.as_secs_f64() * 1_000.0;
    let delayed = 0.024 * delay + 0.11 * (delay - TALK_OVER).max(0.0);
    let percent = loss.clamp(0.0, 1.0) * 100.0;
    let lossy = 95.0 * percent / (percent + BPL);
    let r = (BEST - delayed - lossy).clamp(0.0, 100.0);
    let mos = 1.0 + 0.035 * r + 7e-6 * r * (r - 60.0) * (100.0 - r);
    mos.max(1.0)
}

/// The score of a port's conversation: the worse one of what we heard of the party and what it says that
/// it heard of us. `None` if nothing was heard.
pub fn of(stats: &Stats) -> Option<f64> {
    if stats.packets_received == 0 {
        return None;
    }
    let way = stats.rtt.unwrap_or_default() / 2 + PACKET;
    // A jitter buffer waits about twice the jitter.
    let delay = |jitter: Duration| way + jitter * 2;
    let share = |lost: u64, arrived: u64| lost as f64 / (lost + arrived).max(1) as f64;
    let heard = mos(
        share(stats.packets_lost, stats.packets_received),
        delay(stats.jitter),
    );
    let told = stats.remote.map(|remote| {
        let sent = stats.packets_sent.max(1) as f64;
        mos(f64::from(remote.lost) / sent, delay(remote.jitter))
    });
    Some(told.map_or(heard, |told| told.min(heard)))
}
