//! CPU time of processes and their threads, as the kernel counts it.
//!
//! Benchmarks include this file by its path, as they do `figure`; the automation only tests it.

#![allow(dead_code, reason = "no benchmark needs all of it")]

use std::collections::BTreeMap;
use std::fs;

/// Clock ticks of `/proc/PID/stat` in a second: Linux shows 100 to programs, whatever it runs on.
const TICKS: f64 = 100.0;

/// CPU time of a process in seconds, in user mode and in the kernel: threads that have ended
/// included, and of a process that has ended but was not waited for. None if there is none.
pub(crate) fn process(pid: u32) -> Option<(f64, f64)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let seconds = |at| Some(field(&stat, at)?.parse::<f64>().ok()? / TICKS);
    Some((seconds(13)?, seconds(14)?))
}

/// Whether a process has ended, and only waits for its parent to ask how.
pub(crate) fn has_ended(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    field(&stat, 2).is_none_or(|state| state == "Z")
}

/// CPU time in seconds by name of thread: those of one name together, trailing digits cut off.
pub(crate) fn by_name(pid: u32) -> BTreeMap<String, f64> {
    let mut threads = BTreeMap::new();
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter();
    for task in tasks.flatten().flatten() {
        let read = |file| fs::read_to_string(task.path().join(file)).unwrap_or_default();
        let spent = read("schedstat");
        let spent = spent
            .split(' ')
            .next()
            .and_then(|it| it.parse::<f64>().ok());
        let name = read("comm");
        let name = name.trim().trim_end_matches(|c: char| c.is_ascii_digit());
        *threads.entry(name.trim_end().to_owned()).or_default() += spent.unwrap_or_default() / 1e9;
    }
    threads
}

/// What was spent between two looks, the most first.
pub(crate) fn between(
    before: &BTreeMap<String, f64>,
    after: &BTreeMap<String, f64>,
) -> Vec<(String, f64)> {
    let spent = |(name, now): (&String, &f64)| {
        let before = before.get(name).copied().unwrap_or_default();
        (name.clone(), now - before)
    };
    let mut spent: Vec<_> = after.iter().map(spent).collect();
    spent.sort_by(|a, b| b.1.total_cmp(&a.1));
    spent
}

/// A field by its number from 0: one of those after the name, which stands in brackets and may itself
/// hold blanks and brackets.
pub(super) fn field(stat: &str, at: usize) -> Option<&str> {
    let (_, rest) = stat.rsplit_once(") ")?;
    rest.split(' ').nth(at.checked_sub(2)?)
}
