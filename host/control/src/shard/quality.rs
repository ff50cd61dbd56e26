//! How a call sounded, when it is over: from the counters of its port to its record and its trace.

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

/// The same in words, for the trace, of a party with which audio was agreed on. Who was not heard is told of in as
/// many: it is the call that somebody looks up.
pub(super) fn told(stats: &Stats) -> String {
    let quality = of(stats);
    let ms = |us: u64| us as f64 / 1_000.0;
    let sent = stats.packets_sent;
    let trip = quality
        .rtt_us
        .map(|rtt| format!(", round trip {:.1} ms", ms(rtt)));
    let trip = trip.unwrap_or_default();
    let missed = quality
        .remote_lost
        .map(|lost| format!("; missed {lost} of {sent} packets"));
    let (Some(jitter), Some(mos)) = (quality.jitter_us, quality.mos) else {
        let came = match stats.packets_dropped {
            0 => "nothing came".to_owned(),
            dropped => format!("{dropped} packets came and were dropped"),
        };
        let missed = missed.unwrap_or_else(|| format!("; was sent {sent} packets"));
        return format!("was not heard: {came}{missed}{trip}");
    };
    let expected = stats.packets_received + stats.packets_lost;
    let lost = 100.0 * stats.packets_lost as f64 / expected as f64;
    format!(
        "was heard: {lost:.1} % lost, jitter {:.1} ms{}{trip}; MOS {:.1}",
        ms(jitter),
        missed.unwrap_or_default(),
        f64::from(mos) / 100.0
    )
}

#[cfg(test)]
mod tests {
    use media::Remote;

    use super::*;

    const TRIP: Duration = Duration::from_millis(41);

    const REMOTE: Remote = Remote {
        lost: 7,
        jitter: Duration::ZERO,
    };

    #[test]
    fn a_trace_tells_what_was_measured() {
        let mut stats = Stats {
            packets_received: 980,
            packets_sent: 1_000,
            ..Stats::default()
        };
        assert_eq!(
            told(&stats),
            "was heard: 0.0 % lost, jitter 0.0 ms; MOS 4.4"
        );
        stats.packets_lost = 20;
        stats.jitter = Duration::from_micros(2_340);
        (stats.remote, stats.rtt) = (Some(REMOTE), Some(TRIP));
        assert_eq!(
            told(&stats),
            "was heard: 2.0 % lost, jitter 2.3 ms; missed 7 of 1000 packets, round trip 41.0 ms; MOS 4.2"
        );
    }

    #[test]
    fn a_trace_tells_of_whoever_was_not_heard() {
        let mut stats = Stats::default();
        assert_eq!(
            told(&stats),
            "was not heard: nothing came; was sent 0 packets"
        );
        (stats.packets_sent, stats.packets_dropped) = (1_000, 480);
        assert_eq!(
            told(&stats),
            "was not heard: 480 packets came and were dropped; was sent 1000 packets"
        );
        (stats.remote, stats.rtt) = (Some(REMOTE), Some(TRIP));
        assert_eq!(
            told(&stats),
            "was not heard: 480 packets came and were dropped; missed 7 of 1000 packets, round trip 41.0 ms"
        );
    }
}
