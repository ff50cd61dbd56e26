//! How calls sounded, as their last rows say it.

use metrics::{Histogram, histogram};
use model::Cdr;

/// The histograms; a call is in those of which something is known.
pub(super) struct Sound {
    mos: Histogram,
    lost: Histogram,
    jitter: Histogram,
    round_trip: Histogram,
}

impl Sound {
    /// In the recorder that is in force.
    pub(super) fn new() -> Self {
        Self {
            mos: histogram!("jackfield_call_mos"),
            lost: histogram!("jackfield_call_lost_ratio"),
            jitter: histogram!("jackfield_call_jitter_seconds"),
            round_trip: histogram!("jackfield_call_round_trip_seconds"),
        }
    }

    /// This call is over.
    pub(super) fn ended(&self, cdr: &Cdr) {
        let seconds = |us: u64| us as f64 / 1e6;
        if cdr.packets_received > 0 {
            let sent = cdr.packets_received + cdr.packets_lost;
            self.lost.record(cdr.packets_lost as f64 / sent as f64);
        }
        if let Some(mos) = cdr.quality.mos {
            self.mos.record(f64::from(mos) / 100.0);
        }
        if let Some(jitter) = cdr.quality.jitter_us {
            self.jitter.record(seconds(jitter));
        }
        if let Some(rtt) = cdr.quality.rtt_us {
            self.round_trip.record(seconds(rtt));
        }
    }
}
