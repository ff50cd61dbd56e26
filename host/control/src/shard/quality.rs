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

/// The same in words, for the trace; none if the party was not heard.
pub(super) fn told(stats: &Stats) -> Option<String> {
    let quality = of(stats);
    let (jitter, mos) = (quality.jitter_us?, quality.mos?);
    let sent = stats.packets_received + stats.packets_lost;
    let lost = 100.0 * stats.packets_lost as f64 / sent as f64;
    let ms = |us: u64| us as f64 / 1_000.0;
    let missed = quality
        .remote_lost
        .map(|lost| format!("; missed {lost} of {} packets", stats.packets_sent));
    let trip = quality
        .rtt_us
        .map(|rtt| format!(", round trip {:.1} ms", ms(rtt)));
    Some(format!(
        "was heard: {lost:.1} % lost, jitter {:.1} ms{}{}; MOS {:.1}",
        ms(jitter),
        missed.unwrap_or_default(),
        trip.unwrap_or_default(),
        f64::from(mos) / 100.0
    ))
}

#[cfg(test)]
mod tests {
    use media::Remote;

    use super::*;

    #[test]
    fn a_trace_tells_what_was_measured_and_nothing_of_who_was_not_heard() {
        let mut stats = Stats::default();
        assert_eq!(told(&stats), None);
        stats.packets_received = 980;
        stats.packets_sent = 1_000;
        let words = |stats: &Stats| told(stats).unwrap();
        assert_eq!(
            words(&stats),
            "was heard: 0.0 % lost, jitter 0.0 ms; MOS 4.4"
        );
        stats.packets_lost = 20;
        stats.jitter = Duration::from_micros(2_340);
        stats.remote = Some(Remote {
            lost: 7,
            ..Remote::default()
        });
        stats.rtt = Some(Duration::from_millis(41));
        let told = "was heard: 2.0 % lost, jitter 2.3 ms; missed 7 of 1000 packets, round trip 41.0 ms; MOS 4.2";
        assert_eq!(words(&stats), told);
    }
}
