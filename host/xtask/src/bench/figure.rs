//! One figure of a benchmark, as the line by which its program tells it.
//!
//! It owns both ends of that line: the benchmarks of all crates include this file by its path and
//! print, the automation reads. So no benchmark lays out tables or writes JSON, and no crate is
//! needed for a struct of six members. It knows no benchmark.

#![allow(
    dead_code,
    reason = "the programs that print use one half of it, the automation the other"
)]

/// What the line begins with; anything else that a benchmark prints is for people.
const MARK: &str = "figure";

/// A value, what it is, and what it should be.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Figure {
    /// The table that it stands in.
    pub(crate) group: String,
    /// Its name in that table.
    pub(crate) name: String,
    pub(crate) value: f64,
    /// `ns`, `µs`, `ms`, `/s`, or nothing for ratios and counts.
    pub(crate) unit: String,
    pub(crate) aim: Option<Aim>,
    /// What it is made of, in a few words.
    pub(crate) note: String,
}

/// The bound that a value should keep.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Aim {
    AtMost(f64),
    AtLeast(f64),
}

impl Figure {
    pub(crate) fn new(group: &str, name: &str, value: f64, unit: &str) -> Self {
        Self {
            group: group.to_owned(),
            name: name.to_owned(),
            value,
            unit: unit.to_owned(),
            aim: None,
            note: String::new(),
        }
    }

    pub(crate) fn aim(self, aim: Aim) -> Self {
        Self {
            aim: Some(aim),
            ..self
        }
    }

    pub(crate) fn note(self, note: impl Into<String>) -> Self {
        let note = note.into();
        Self { note, ..self }
    }

    /// Tells it to whoever started this program.
    pub(crate) fn print(&self) {
        println!("{}", self.line());
    }

    pub(super) fn line(&self) -> String {
        let aim = match self.aim {
            None => String::new(),
            Some(Aim::AtMost(bound)) => format!("<={bound}"),
            Some(Aim::AtLeast(bound)) => format!(">={bound}"),
        };
        let value = self.value.to_string();
        let parts = [
            MARK,
            &self.group,
            &self.name,
            &value,
            &self.unit,
            &aim,
            &self.note,
        ];
        parts.map(|part| part.replace(['\t', '\n'], " ")).join("\t")
    }

    /// Reads a line; none if it is not one of a figure.
    pub(crate) fn read(line: &str) -> Option<Self> {
        let parts: Vec<&str> = line.split('\t').collect();
        let [MARK, group, name, value, unit, aim, note] = parts[..] else {
            return None;
        };
        let bound = |prefix: &str| aim.strip_prefix(prefix)?.parse().ok();
        let at_most = bound("<=").map(Aim::AtMost);
        Some(Self {
            aim: at_most.or_else(|| bound(">=").map(Aim::AtLeast)),
            ..Self::new(group, name, value.parse().ok()?, unit).note(note)
        })
    }

    /// Whether the value keeps its bound; true without one.
    pub(crate) fn is_met(&self) -> bool {
        match self.aim {
            None => true,
            Some(Aim::AtMost(bound)) => self.value <= bound,
            Some(Aim::AtLeast(bound)) => self.value >= bound,
        }
    }
}

/// The value of `--name` on this program's command line, or `default`.
pub(crate) fn option(name: &str, default: u64) -> u64 {
    let mut words = std::env::args().skip_while(|word| word != name).skip(1);
    words
        .next()
        .and_then(|word| word.parse().ok())
        .unwrap_or(default)
}

/// The value below which that share of `values` lies; 0 if there are none. Sorts them.
pub(crate) fn percentile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let last = values.len().saturating_sub(1) as f64;
    let at = (share * last).round() as usize;
    values.get(at).copied().unwrap_or_default()
}

/// The time; a benchmark measures it and decides nothing by it.
#[allow(clippy::disallowed_methods, reason = "a stop-watch")]
pub(crate) fn now() -> std::time::Instant {
    std::time::Instant::now()
}
