//! Figures as tables for people and as JSON for programs.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::figure::{Aim, Figure};
use super::machine::Machine;

/// What one benchmark said.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) bench: &'static str,
    pub(crate) command: String,
    pub(crate) figures: Vec<Figure>,
}

/// Everything as one document.
pub(crate) fn document(machine: &Machine, reports: &[Report]) -> Value {
    json!({
        "machine": {
            "cpu": machine.cpu,
            "cores": machine.cores,
            "kernel": machine.kernel,
            "load": machine.load,
        },
        "benches": reports.iter().map(report).collect::<Vec<_>>(),
    })
}

fn report(report: &Report) -> Value {
    json!({
        "bench": report.bench,
        "command": report.command,
        "figures": report.figures.iter().map(figure).collect::<Vec<_>>(),
    })
}

fn figure(figure: &Figure) -> Value {
    let mut value = json!({
        "group": figure.group,
        "name": figure.name,
        "value": figure.value,
        "unit": figure.unit,
        "note": figure.note,
    });
    if let Some(aim) = figure.aim {
        value["aim"] = match aim {
            Aim::AtMost(bound) => json!({ "at_most": bound }),
            Aim::AtLeast(bound) => json!({ "at_least": bound }),
        };
        value["met"] = figure.is_met().into();
    }
    value
}

/// The machine in one line.
pub(crate) fn heading(machine: &Machine) -> String {
    let Machine {
        cpu,
        cores,
        kernel,
        load,
    } = machine;
    format!("{cores} cores ({cpu}), Linux {kernel}, load {load}")
}

/// The figures of one benchmark, one table per group.
pub(crate) fn table(report: &Report) -> String {
    let width = |part: fn(&Figure) -> String| {
        let widths = report.figures.iter().map(|it| part(it).chars().count());
        widths.max().unwrap_or_default()
    };
    let names = width(|it| it.name.clone());
    let values = width(|it| number(it.value));
    let units = width(|it| it.unit.clone());
    let aims = width(aim);
    let mut text = format!("{}  ({})\n", report.bench, report.command);
    let mut group = "";
    for figure in &report.figures {
        if figure.group != group {
            group = &figure.group;
            let _ = writeln!(text, "\n  {group}"); // into a String nothing can fail
        }
        let line = format!(
            "    {:<names$}  {:>values$} {:<units$}  {:<aims$}  {}",
            figure.name,
            number(figure.value),
            figure.unit,
            aim(figure),
            figure.note
        );
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// Three digits that say something, whatever the size.
pub(crate) fn number(value: f64) -> String {
    let size = value.abs();
    if value.fract().abs() < f64::EPSILON || size >= 100.0 {
        format!("{value:.0}")
    } else if size >= 10.0 {
        format!("{value:.1}")
    } else if size >= 1.0 {
        format!("{value:.2}")
    } else {
        format!("{value:.3}")
    }
}

fn aim(figure: &Figure) -> String {
    let (sign, bound) = match figure.aim {
        None => return String::new(),
        Some(Aim::AtMost(bound)) => ('≤', bound),
        Some(Aim::AtLeast(bound)) => ('≥', bound),
    };
    let verdict = if figure.is_met() { "met" } else { "MISSED" };
    format!("{sign} {} {verdict}", number(bound))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Report, document, table};
    use crate::bench::figure::{Aim, Figure};
    use crate::bench::machine::Machine;

    fn sample() -> Report {
        let parse = Figure::new("INVITE", "parse", 1234.5, "ns");
        let ratio = Figure::new("INVITE", "to rsip", 0.256, "");
        Report {
            bench: "codec",
            command: "cargo bench".into(),
            figures: vec![
                parse.note("five headers"),
                ratio.clone().aim(Aim::AtMost(0.25)),
                ratio.aim(Aim::AtMost(0.5)),
            ],
        }
    }

    #[test]
    fn a_table_says_what_was_missed() {
        let expect = "codec  (cargo bench)\n\
            \n  INVITE\n\
            \x20   parse     1234 ns                  five headers\n\
            \x20   to rsip  0.256     ≤ 0.250 MISSED\n\
            \x20   to rsip  0.256     ≤ 0.500 met\n";
        assert_eq!(table(&sample()), expect);
    }

    #[test]
    fn the_document_holds_the_machine_and_the_verdict() {
        let machine = Machine {
            cpu: "a cpu".into(),
            cores: 2,
            kernel: "6.1".into(),
            load: 0.5,
        };
        let document = document(&machine, &[sample()]);
        assert_eq!(document["machine"]["cores"], 2);
        let figures = &document["benches"][0]["figures"];
        assert_eq!(figures[0]["met"], json!(null));
        assert_eq!(figures[1]["met"], false);
        assert_eq!(figures[1]["aim"], json!({ "at_most": 0.25 }));
    }
}
