//! What a soak has seen, as figures; those with an aim are its conditions.

use crate::Run;
use crate::figure::{Aim, Figure, percentile};
use crate::page;
use crate::sample::Sample;
use crate::steady;

/// What memory may grow by beside 5 %, MiB.
const MEMORY: f64 = 8.0;
/// What numbers of threads and of files may grow by beside 5 %.
const HANDLES: f64 = 4.0;
/// Files that may be open at rest and were not before the first call: readers of the database,
/// which it opens when they are needed.
const LATE_FILES: f64 = 16.0;

/// How much of a line of the log is told, characters; statements of SQL are in some.
const LINE: usize = 160;

const GROWTH: &str = "mean of the last fifth, against that of minutes 5 to 10";

/// A name, its unit, what it may grow by beside 5 %, and where it is found.
type Quantity = (&'static str, &'static str, f64, fn(&Sample) -> f64);

/// What has to be flat.
const QUANTITIES: [Quantity; 4] = [
    ("anonymous memory", "MiB", MEMORY, |it| it.anonymous),
    ("resident memory", "MiB", MEMORY, |it| it.resident),
    ("threads", "", HANDLES, |it| it.threads),
    ("open files", "", HANDLES, |it| it.files),
];

impl Run {
    pub(crate) fn tell(&self) {
        self.tell_calls();
        self.tell_minutes();
        self.tell_growth();
        self.tell_rest();
        self.tell_database();
    }

    fn tell_calls(&self) {
        let first = self.asked.failures.first();
        let failures = f64::from(self.called.failed);
        none(&self.group, "failed calls", failures, "");
        let failures = self.asked.failures.len() as f64;
        let first = first.map_or("", String::as_str);
        none(&self.group, "failed requests", failures, first);
        let mut rings = self.called.delays.clone();
        let mut asked = self.asked.times.clone();
        for (share, percent) in [(0.5, "p50"), (0.99, "p99"), (1.0, "at most")] {
            let (ring, ask) = (percentile(&mut rings, share), percentile(&mut asked, share));
            Figure::new(&self.group, &format!("set-up delay {percent}"), ring, "ms").print();
            Figure::new(&self.group, &format!("request {percent}"), ask, "ms").print();
        }
        let bridged = f64::from(self.called.successful.max(1));
        for (name, spent, note) in [
            ("CPU per call", self.cpu, "to the end of the rest"),
            ("SIPp's CPU per call", self.sipp, "both ends"),
        ] {
            Figure::new(&self.group, name, spent * 1e3 / bridged, "ms")
                .note(note)
                .print();
        }
    }

    /// The series, a line for each minute.
    fn tell_minutes(&self) {
        for minute in 0..self.minutes {
            let window = f64::from(minute) * 60.0..f64::from(minute + 1) * 60.0;
            let of = |value| steady::mean(&self.points(value), &window).unwrap_or_default();
            let note = format!(
                "resident {:.1}; {:.0} threads, {:.0} files; database {:.0}",
                of(|it| it.resident),
                of(|it| it.threads),
                of(|it| it.files),
                of(|it| it.database)
            );
            let name = format!("minute {}", minute + 1);
            Figure::new("anonymous memory", &name, of(|it| it.anonymous), "MiB")
                .note(note)
                .print();
        }
    }

    /// Minutes five to ten against the last fifth.
    fn tell_growth(&self) {
        for (name, unit, allowance, value) in QUANTITIES {
            let points = self.points(value);
            let Some(verdict) = steady::judge(&points, self.length, allowance) else {
                let last = steady::mean(&points, &steady::last_fifth(self.length));
                Figure::new(GROWTH, name, last.unwrap_or_default(), unit)
                    .note("too short to be judged: 13 min at least")
                    .print();
                continue;
            };
            Figure::new(GROWTH, name, verdict.last, unit)
                .aim(Aim::AtMost(verdict.at_most))
                .note(format!("from {:.1}", verdict.baseline))
                .print();
        }
    }

    /// What is left over.
    fn tell_rest(&self) {
        let group = format!("{:.0} s after the last call", self.rested.as_secs_f64());
        for name in page::AT_REST {
            let left = self.rest.page.nonzero(name);
            // A gauge that is not there is as bad as one that is not zero.
            let sum = self.rest.page.sum(name);
            let value = match sum {
                Some(sum) if left.is_empty() => sum,
                _ => sum.unwrap_or(1.0).abs().max(1.0),
            };
            let note = if sum.is_none() {
                "not on the page".to_owned()
            } else {
                left.join(", ")
            };
            none(&group, name, value, &note);
        }
        let before = self.before.files;
        Figure::new(&group, "open files", self.rest.files, "")
            .aim(Aim::AtMost(before + LATE_FILES))
            .note(format!("{before} before the first call"))
            .print();
        let note = format!("{:.1} before the first call", self.before.anonymous);
        Figure::new(&group, "anonymous memory", self.rest.anonymous, "MiB")
            .note(note)
            .print();
        for name in [
            "jackfield_queue_lost_total",
            "jackfield_store_failures_total",
        ] {
            let left = self.rest.page.nonzero(name).join(", ");
            let lost = self.rest.page.sum(name).unwrap_or_default();
            Figure::new(&group, name, lost, "").note(left).print();
        }
    }

    fn tell_database(&self) {
        let grown = self.rest.database - self.before.database;
        let each = grown * 1024.0 / f64::from(self.calls);
        Figure::new("database", "at the end", self.rest.database, "MiB").print();
        Figure::new("database", "grown per call", each, "KiB")
            .note("both records and the trace")
            .print();
    }

    fn points(&self, value: fn(&Sample) -> f64) -> Vec<steady::Point> {
        self.samples.iter().map(|it| it.point(value)).collect()
    }
}

/// Lines of the node's log that a person would look at; an error is a bug of ours.
pub(crate) fn tell_log(text: &str) {
    for (level, mark) in [("ERROR", " ERROR "), ("WARN", " WARN ")] {
        let mut lines = text.lines().filter(|line| line.contains(mark)).peekable();
        let first = lines.peek().copied().unwrap_or_default();
        let first = first.chars().take(LINE).collect::<String>();
        let name = format!("lines of level {level}");
        let count = lines.count() as f64;
        if level == "ERROR" {
            none("the node's log", &name, count, &first);
        } else {
            Figure::new("the node's log", &name, count, "")
                .note(first)
                .print();
        }
    }
}

/// Of this there may be none.
fn none(group: &str, name: &str, value: f64, note: &str) {
    Figure::new(group, name, value, "")
        .aim(Aim::AtMost(0.0))
        .note(note)
        .print();
}
