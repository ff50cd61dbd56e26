//! The node's page of metrics, and which of its gauges are zero when nothing happens.
//!
//! The soak includes this file by its path, as benchmarks do `figure`; the automation only tests it.

use std::collections::BTreeMap;

/// Zero as soon as the last call is over, or 32 s later: what lingers is then gone, too
/// (docs/operating.md, *Metrics*).
pub(crate) const AT_REST: [&str; 13] = [
    "jackfield_calls_live",
    "jackfield_sessions",
    "jackfield_sip_dialogs",
    "jackfield_sip_transactions",
    "jackfield_media_ports",
    "jackfield_turns_out",
    "jackfield_instances",
    "jackfield_timers",
    "jackfield_index_entries",
    "jackfield_queue_waiting",
    "jackfield_cdrs_awaited",
    "jackfield_cdrs_kept",
    "jackfield_requests_under_way",
];

/// Its samples by `name{label="value",…}`.
#[derive(Debug)]
pub(crate) struct Page(BTreeMap<String, f64>);

impl Page {
    /// Reads the page; none if a line of it is no sample.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let lines = text.lines();
        let samples = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
        let samples = samples.map(|line| {
            let (series, value) = line.rsplit_once(' ')?;
            Some((series.to_owned(), value.parse().ok()?))
        });
        samples.collect::<Option<_>>().map(Self)
    }

    /// The sum of the series of that name; none if there is no such series, which is not the same
    /// as zero: a gauge that was renamed would always be at rest.
    pub(crate) fn sum(&self, name: &str) -> Option<f64> {
        let mut values = self.of(name).map(|it| it.1).peekable();
        values.peek()?;
        Some(values.sum())
    }

    /// The series of that name that are not zero, as they stand on the page.
    pub(crate) fn nonzero(&self, name: &str) -> Vec<String> {
        let series = self.of(name).filter(|it| it.1 != 0.0);
        series.map(|(it, value)| format!("{it} {value}")).collect()
    }

    /// Whether every gauge of [`AT_REST`] is there and zero.
    pub(crate) fn is_at_rest(&self) -> bool {
        let is_zero = |name| self.sum(name).is_some() && self.nonzero(name).is_empty();
        AT_REST.into_iter().all(is_zero)
    }

    fn of(&self, name: &str) -> impl Iterator<Item = (&str, f64)> {
        let series = self.0.iter().filter(move |(series, _)| {
            let stem = series.split('{').next();
            stem == Some(name)
        });
        series.map(|(series, value)| (series.as_str(), *value))
    }
}
