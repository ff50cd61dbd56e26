//! What a node weighs, from outside: memory, threads and files as the kernel counts them, gauges as its
//! page tells them.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::node::Node;
use crate::page::Page;
use crate::rest::Rest;
use crate::steady::Point;

/// Octets of a MiB.
const MIB: f64 = 1_048_576.0;

/// One look.
pub(crate) struct Sample {
    /// Seconds since the first call.
    pub(crate) at: f64,
    /// What the process holds of memory, MiB: all of it, and without files that are mapped.
    pub(crate) resident: f64,
    pub(crate) anonymous: f64,
    pub(crate) threads: f64,
    pub(crate) files: f64,
    /// The database and its log of writes, MiB.
    pub(crate) database: f64,
    pub(crate) page: Page,
}

/// Looks at one node, over one connection to its page.
pub(crate) struct Eye<'a> {
    node: &'a Node,
    metrics: Rest,
}

impl<'a> Eye<'a> {
    pub(crate) fn on(node: &'a Node) -> Self {
        let metrics = Rest::new(node.metrics, "");
        Self { node, metrics }
    }

    pub(crate) fn look(&self, at: f64) -> Sample {
        let process = format!("/proc/{}", self.node.pid());
        let status = fs::read_to_string(format!("{process}/status")).expect("it runs");
        let files = fs::read_dir(format!("{process}/fd")).expect("it is ours");
        Sample {
            at,
            resident: field(&status, "VmRSS:") / 1024.0,
            anonymous: field(&status, "RssAnon:") / 1024.0,
            threads: field(&status, "Threads:"),
            files: files.count() as f64,
            database: database(&self.node.database()) / MIB,
            page: self.page(),
        }
    }

    fn page(&self) -> Page {
        let text = match self.metrics.get("/metrics").expect(200) {
            Value::String(text) => text,
            other => panic!("the page of metrics is no text: {other}"),
        };
        Page::read(&text).unwrap_or_else(|| panic!("no page of metrics: {text}"))
    }
}

impl Sample {
    /// Heads the lines of samples.
    pub(crate) const HEADING: &str =
        "      at  resident  anonymous  threads  files  calls  sessions  transactions  database";

    /// As a line for people.
    pub(crate) fn line(&self) -> String {
        format!(
            "{:>6.0} s {:>5.1} MiB {:>6.1} MiB {:>8} {:>6} {:>6} {:>9} {:>13} {:>5.0} MiB",
            self.at,
            self.resident,
            self.anonymous,
            self.threads,
            self.files,
            self.gauge("jackfield_calls_live"),
            self.gauge("jackfield_sessions"),
            self.gauge("jackfield_sip_transactions"),
            self.database,
        )
    }

    /// A value of it, with its time.
    pub(crate) fn point(&self, value: fn(&Self) -> f64) -> Point {
        (self.at, value(self))
    }

    fn gauge(&self, name: &str) -> f64 {
        let value = self.page.sum(name);
        value.unwrap_or_else(|| panic!("{name} is not on the page"))
    }
}

/// The number after a name in `/proc/PID/status`.
fn field(status: &str, name: &str) -> f64 {
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|it| it.split_whitespace().next()?.parse().ok());
    number.unwrap_or_else(|| panic!("the kernel does not tell {name}"))
}

/// Octets of the database, with what is not yet moved into it.
fn database(file: &Path) -> f64 {
    let size = |path: &Path| fs::metadata(path).map_or(0, |it| it.len());
    let log = file.with_extension("db-wal");
    (size(file) + size(&log)) as f64
}
