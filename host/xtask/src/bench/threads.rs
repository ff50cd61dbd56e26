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

/// CPU time of this machine, in seconds of any processor, that other guests of its host had while it wanted it.
pub(crate) fn stolen() -> f64 {
    let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
    let ticks = stat.split_ascii_whitespace().nth(8);
    let ticks = ticks.and_then(|it| it.parse::<f64>().ok());
    ticks.map_or(0.0, |ticks| ticks / TICKS)
}

/// Whether a process has ended, and only waits for its parent to ask how.
pub(crate) fn has_ended(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    field(&stat, 2).is_none_or(|state| state == "Z")
}

/// A thread's name, trailing digits cut off, and its CPU time in seconds.
type Thread = (String, f64);

/// The threads of a process by their ids.
pub(crate) fn of(pid: u32) -> BTreeMap<u32, Thread> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter();
    let thread = |task: fs::DirEntry| {
        let read = |file| fs::read_to_string(task.path().join(file)).unwrap_or_default();
        let spent: f64 = read("schedstat").split(' ').next()?.parse().ok()?;
        let name = read("comm");
        let name = name.trim().trim_end_matches(|c: char| c.is_ascii_digit());
        let id = task.file_name().to_str()?.parse().ok()?;
        Some((id, (name.trim_end().to_owned(), spent / 1e9)))
    };
    tasks.flatten().flatten().filter_map(thread).collect()
}

/// What threads of each name have spent between two looks, the most first. What a thread spent that
/// ended meanwhile is not among it.
pub(crate) fn between(
    before: &BTreeMap<u32, Thread>,
    after: &BTreeMap<u32, Thread>,
) -> Vec<(String, f64)> {
    let mut spent = BTreeMap::<&str, f64>::new();
    for (id, (name, seconds)) in after {
        let before = before.get(id).map_or(0.0, |it| it.1);
        *spent.entry(name).or_default() += seconds - before;
    }
    let mut spent: Vec<_> = spent
        .into_iter()
        .map(|(name, seconds)| (name.to_owned(), seconds))
        .collect();
    spent.sort_by(|a, b| b.1.total_cmp(&a.1));
    spent
}

/// A field by its number from 0: one of those after the name, which stands in brackets and may itself
/// hold blanks and brackets.
pub(super) fn field(stat: &str, at: usize) -> Option<&str> {
    let (_, rest) = stat.rsplit_once(") ")?;
    rest.split(' ').nth(at.checked_sub(2)?)
}
