//! The line of a figure, its aim, and percentiles. Beside `figure`, because benchmarks include that.

use super::figure::{Aim, Figure, percentile};

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
