//! How a call sounded, when it is over: from the counters of its port to its record.

use std::time::Duration;

use media::{Stats, quality};
use model::Quality;

/// The counters of a port, as a record has them.
pub(super) fn of(stats: &Stats) -> Quality {
    let micros = |time: Duration| time.as_micros() as u64;
    Quality {
        jitter_us: (stats.packets_received > 0).then(|| micros(stats.jitter)),
        remote_lost: stats.remote.map(|it| u64::from(it.lost)),
        remote_jitter_us: stats.remote.map(|it| micros(it.jitter)),
        rtt_us: stats.rtt.map(micros),
        mos: quality::of(stats).map(|mos| (mos * 100.0).round() as u16),
    }
}
