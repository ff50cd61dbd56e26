#![allow(clippy::float_cmp)] // the means are of whole numbers
//! What is flat, and what is at rest. They stand apart from what they test, because the soak
//! includes that.

use super::page::{AT_REST, Page};
use super::steady::{Verdict, judge, last_fifth, mean};
use super::unmet;
use crate::bench::figure::{Aim, Figure};

/// A point every ten seconds of half an hour.
fn half_an_hour(value: impl Fn(f64) -> f64) -> Vec<(f64, f64)> {
    let seconds = (0..180).map(|at| f64::from(at) * 10.0);
    seconds.map(|at| (at, value(at))).collect()
}

fn grew(value: impl Fn(f64) -> f64) -> bool {
    let verdict = judge(&half_an_hour(value), 1_800.0, 8.0).unwrap();
    verdict.last > verdict.at_most
}

#[test]
fn what_fills_up_in_the_first_minutes_is_flat() {
    assert!(!grew(|at| at.min(300.0)));
    assert!(!grew(|_| 50.0));
    // A saw-tooth of 20 MiB, as allocators make it.
    assert!(!grew(|at| 50.0 + at % 100.0 / 5.0));
}

#[test]
fn what_grows_all_the_time_is_not_flat() {
    // From 57 to 77 MiB between the middles of both windows; 68 are let pass.
    assert!(grew(|at| 50.0 + at / 60.0));
    // 200 octets of each of 90,000 calls are 17 MiB.
    let leaked = |at: f64| at * 50.0 * 200.0 / f64::from(1 << 20);
    assert!(grew(|at| 40.0 + leaked(at)));
}

#[test]
fn windows_are_minutes_five_to_ten_and_the_last_fifth() {
    let verdict = judge(&half_an_hour(|at| at), 1_800.0, 8.0).unwrap();
    let expect = Verdict {
        baseline: 445.0,
        last: 1_615.0,
        at_most: 445.0 * 1.05 + 8.0,
    };
    assert_eq!(verdict, expect);
    assert_eq!(last_fifth(1_800.0), 1_440.0..1_800.0);
}

#[test]
fn a_soak_under_twelve_and_a_half_minutes_is_not_judged() {
    let points = half_an_hour(|at| at);
    assert_eq!(judge(&points, 749.0, 8.0), None);
    assert!(judge(&points, 750.0, 8.0).is_some());
    assert_eq!(mean(&[], &(0.0..1.0)), None);
}

#[test]
fn a_window_without_samples_is_not_flat() {
    let points = half_an_hour(|_| 50.0);
    for seen in [&points[..100], &points[100..]] {
        let verdict = judge(seen, 1_800.0, 8.0).unwrap();
        let last = Figure::new("", "memory", verdict.last, "MiB");
        assert!(!last.aim(Aim::AtMost(verdict.at_most)).is_met());
    }
}

/// A page on which everything is zero.
fn page_at_rest() -> String {
    let lines = AT_REST.map(|name| format!("# TYPE {name} gauge\n{name}{{shard=\"0\"}} 0\n"));
    lines.concat()
}

#[test]
fn a_page_of_zeros_is_at_rest() {
    assert!(Page::read(&page_at_rest()).unwrap().is_at_rest());
}

#[test]
fn each_gauge_alone_spoils_the_rest() {
    for name in AT_REST {
        let series = format!("{name}{{shard=\"1\",queue=\"x\"}} 2");
        let page = Page::read(&format!("{}{series}\n", page_at_rest())).unwrap();
        assert!(!page.is_at_rest(), "{name}");
        assert_eq!(page.nonzero(name), [series]);
        assert_eq!(page.sum(name), Some(2.0));
    }
}

#[test]
fn a_gauge_that_is_not_there_is_not_at_rest() {
    for name in AT_REST {
        let others = page_at_rest().replace(&format!("{name}{{"), "another{");
        let page = Page::read(&others).unwrap();
        assert!(!page.is_at_rest(), "{name}");
        assert_eq!(page.sum(name), None);
    }
}

#[test]
fn one_shard_up_and_one_down_are_no_zero() {
    let page = Page::read(&format!(
        "{}jackfield_calls_live{{shard=\"1\"}} 1\njackfield_calls_live{{shard=\"2\"}} -1\n",
        page_at_rest()
    ));
    assert!(!page.unwrap().is_at_rest());
}

#[test]
fn what_is_no_page_is_not_read() {
    assert!(Page::read("<html>").is_none());
}

#[test]
fn what_was_missed_is_named() {
    let failed = Figure::new("load", "failed calls", 3.0, "").aim(Aim::AtMost(0.0));
    let memory = Figure::new("after ten minutes", "memory", 61.5, "MiB").aim(Aim::AtMost(50.0));
    let fine = Figure::new("log", "lines of level ERROR", 0.0, "").aim(Aim::AtMost(0.0));
    assert_eq!(
        unmet(&[failed, fine, memory.note("it grew")]),
        "failed calls: 3, at most 0; memory: 61.5 MiB, at most 50 (it grew)"
    );
}
