#![allow(clippy::float_cmp)] // percentiles are picked, not computed
//! The line of a figure, its aim, percentiles, and the kernel's count of CPU time. They stand apart
//! from what they test, because benchmarks include that.

use super::figure::{Aim, Figure, percentile};
use super::threads::{between, field, of};
use super::{Bench, complete};

#[test]
fn a_line_is_read_as_it_was_written() {
    let figure = Figure::new("call", "CPU\tof the process", 0.25, "ms").note("a\nb");
    for aim in [None, Some(Aim::AtMost(0.5)), Some(Aim::AtLeast(0.75))] {
        let figure = Figure {
            aim,
            ..figure.clone()
        };
        let read = Figure::read(&figure.line()).unwrap();
        let expect = ("CPU of the process", "a b", aim);
        assert_eq!((&*read.name, &*read.note, read.aim), expect);
    }
    assert_eq!(Figure::read("Compiling sip"), None);
}

#[test]
fn an_aim_is_met_at_its_bound() {
    let at = |value, aim| Figure::new("", "", value, "").aim(aim).is_met();
    assert!(at(1.0, Aim::AtMost(1.0)) && !at(1.1, Aim::AtMost(1.0)));
    assert!(at(1.0, Aim::AtLeast(1.0)) && !at(0.9, Aim::AtLeast(1.0)));
}

#[test]
fn percentiles_are_values_that_there_were() {
    let mut values: Vec<f64> = (0..=100).rev().map(f64::from).collect();
    assert_eq!(
        [0.5, 0.99, 1.0].map(|share| percentile(&mut values, share)),
        [50.0, 99.0, 100.0]
    );
    assert_eq!(percentile(&mut [], 0.5), 0.0);
}

#[test]
fn a_name_with_blanks_and_brackets_shifts_no_field() {
    let stat = "17 (a (b) c) S 1 17 17 0 -1 4194560 1 2 3 4 250 50 0 0";
    let fields = [2, 3, 13, 14].map(|at| field(stat, at));
    assert_eq!(fields, [Some("S"), Some("1"), Some("250"), Some("50")]);
}

#[test]
fn threads_of_one_name_are_counted_together_from_where_they_stood() {
    let before = [
        (1, ("shard".to_owned(), 1.0)),
        (2, ("media".to_owned(), 9.0)),
    ];
    let after = [
        (1, ("shard".to_owned(), 1.5)),
        (3, ("shard".to_owned(), 0.25)),
    ];
    let spent = between(&before.into(), &after.into());
    assert_eq!(spent, [("shard".to_owned(), 0.75)]);
}

#[test]
fn the_time_of_this_process_is_counted() {
    assert!(of(std::process::id()).values().any(|it| it.1 > 0.0));
}

#[test]
fn a_figure_that_is_missing_or_was_not_measured_fails_the_bench() {
    let told = |value| {
        let figure = |name: &&str| Figure::new("targets", name, value, "").aim(Aim::AtMost(1.0));
        let names = Bench::Media.targets().iter();
        names.map(figure).collect::<Vec<_>>()
    };
    let reason = |figures: &[Figure]| complete(Bench::Media, figures).map_err(|it| it.to_string());
    assert_eq!(reason(&told(2.0)), Ok(()), "missed, but measured");
    let expect = "bench media did not measure `L to media shard`";
    assert_eq!(reason(&told(f64::NAN)), Err(expect.to_owned()));
    let expect = "bench media did not tell `io_uring to tokio`";
    let (_, all_but_one) = told(2.0)
        .split_last()
        .map(|(a, b)| (a.clone(), b.to_vec()))
        .unwrap();
    assert_eq!(reason(&all_but_one), Err(expect.to_owned()));
    assert_eq!(reason(&[]), Err("bench media told no figure".to_owned()));
}
