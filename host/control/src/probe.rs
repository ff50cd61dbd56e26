//! The health check of one gateway: OPTIONS from time to time (RFC 3261 §11), and what follows.
//!
//! ```text
//!          an answer                three in a row have failed
//!        ┌──────────┐             ┌────────────────────────────┐
//!        └───▶  up  ┘  ──────────▶│            down            │
//!               ▲                 └──────────────┬─────────────┘
//!               └────────────────────────────────┘ an answer
//! ```
//!
//! Any answer will do but 408 and 503: they say that somebody behind it is not there, or that it takes
//! nothing. Sends nothing and takes lots for its waits: the shard does the rest.

use std::time::Duration;

use model::limits;
use sip::RequestId;

/// One gateway that is checked.
#[derive(Debug)]
pub(crate) struct Probe {
    interval: Duration,
    up: bool,
    /// Failures in a row.
    failures: u32,
    /// The check that is not answered yet.
    out: Option<RequestId>,
}

impl Probe {
    /// A gateway of which nothing is known is up.
    pub(crate) fn new(interval: Duration) -> Self {
        Self {
            interval,
            up: true,
            failures: 0,
            out: None,
        }
    }

    pub(crate) fn is_up(&self) -> bool {
        self.up
    }

    /// The next check is sent; one that is still out has failed.
    pub(crate) fn sent(&mut self, check: RequestId) {
        if self.out.replace(check).is_some() {
            self.failed();
        }
    }

    /// A check was answered, or nobody did. An older one counts only if it was answered.
    pub(crate) fn told(&mut self, check: RequestId, status: u16) {
        let last = self.out == Some(check);
        if last {
            self.out = None;
        }
        match status {
            408 | 503 if last => self.failed(),
            408 | 503 => {}
            _ => {
                self.failures = 0;
                self.up = true;
            }
        }
    }

    fn failed(&mut self) {
        self.failures = self.failures.saturating_add(1);
        if self.failures >= limits::PROBE_FAILURES {
            self.up = false;
        }
    }

    /// How long until the next check: the interval, a tenth more or less, so that those of many trunks
    /// do not meet; shorter while there is doubt.
    pub(crate) fn pause(&self, lot: u64) -> Duration {
        let doubt = self.failures > 0;
        let interval = if doubt {
            self.interval.min(limits::PROBE_IN_DOUBT)
        } else {
            self.interval
        };
        interval * 9 / 10 + interval * (lot % 200) as u32 / 1_000
    }

    /// How long until the first one: soon, but not all at the same time.
    pub(crate) fn first(&self, lot: u64) -> Duration {
        let span = self.interval.min(limits::PROBE_IN_DOUBT);
        span * (lot % 1_000) as u32 / 1_000
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use sip::RequestId;

    use super::Probe;

    const INTERVAL: Duration = Duration::from_secs(60);

    /// Checks that end with these statuses; 0: nobody has answered when the next one is sent.
    fn after(statuses: &[u16]) -> Probe {
        let mut probe = Probe::new(INTERVAL);
        for (check, status) in (1..).map(RequestId).zip(statuses) {
            probe.sent(check);
            if *status > 0 {
                probe.told(check, *status);
            }
        }
        probe
    }

    #[test]
    fn three_failures_in_a_row_are_down_and_one_answer_is_up() {
        for (statuses, up) in [
            (&[][..], true),
            (&[408, 408], true),
            (&[408, 503, 408], false),
            (&[408, 408, 200, 408, 408], true),
            (&[0, 0, 0, 0], false),
            (&[0, 0, 0], true),
            (&[408, 408, 408, 404], true),
            (&[408, 408, 408, 408, 501], true),
        ] {
            assert_eq!(after(statuses).is_up(), up, "{statuses:?}");
        }
    }

    #[test]
    fn a_late_answer_counts_and_a_late_failure_was_counted_before() {
        let mut probe = after(&[408, 408, 0]);
        probe.sent(RequestId(4));
        assert!(!probe.is_up());
        probe.told(RequestId(3), 408);
        probe.told(RequestId(3), 200);
        assert!(probe.is_up());
    }

    #[test]
    fn checks_come_sooner_while_there_is_doubt() {
        let seconds = |probe: &Probe, lot| probe.pause(lot).as_secs_f64();
        assert_eq!(
            (seconds(&after(&[200]), 0), seconds(&after(&[200]), 199)),
            (54.0, 65.94)
        );
        assert_eq!(
            (seconds(&after(&[408]), 0), seconds(&after(&[408]), 199)),
            (9.0, 10.99)
        );
        let first = |lot| after(&[]).first(lot).as_secs_f64();
        assert_eq!((first(0), first(999)), (0.0, 9.99));
    }
}
