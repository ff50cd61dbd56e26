//! The figures of several rounds as those of one: of each the median, and between what it lay.

use std::collections::BTreeMap;

use crate::figure::{Aim, Figure, percentile};

/// One list of figures out of those of each round, which name the same. In the order of the first.
pub(crate) fn of(rounds: Vec<Vec<Figure>>) -> Vec<Figure> {
    let count = rounds.len();
    let mut values: BTreeMap<(String, String), Vec<f64>> = BTreeMap::new();
    for figure in rounds.iter().flatten() {
        let name = (figure.group.clone(), figure.name.clone());
        values.entry(name).or_default().push(figure.value);
    }
    let first = rounds.into_iter().next().unwrap_or_default();
    let merged = first.into_iter().map(|figure| {
        let name = (figure.group.clone(), figure.name.clone());
        let of_it = values.get_mut(&name);
        merge(figure, of_it.expect("it is one of them"), count)
    });
    merged.collect()
}

fn merge(figure: Figure, values: &mut [f64], rounds: usize) -> Figure {
    assert_eq!(values.len(), rounds, "each round tells {}", figure.name);
    let (least, median, most) = (
        percentile(values, 0.0),
        percentile(values, 0.5),
        percentile(values, 1.0),
    );
    // What must be nothing must be nothing in each of them.
    let value = match figure.aim {
        Some(Aim::AtMost(0.0)) => most,
        _ => median,
    };
    let mut note = format!("{} to {}", short(least), short(most));
    if !figure.note.is_empty() {
        note = format!("{note}; {}", figure.note);
    }
    Figure {
        value,
        note,
        ..figure
    }
}

/// Three digits that tell something.
fn short(value: f64) -> String {
    let whole = value.abs().log10().floor().max(-4.0) as i32;
    let decimals = (2 - whole).clamp(0, 6) as usize;
    if value == 0.0 {
        return "0".to_owned();
    }
    format!("{value:.decimals$}")
}
