//! `cargo xtask soak`: the release binary under an even load for long, and whether it stays as it was.
//!
//! It owns how the soak is built, started and judged; the load and the samples are the program's in
//! `tests/e2e/benches/soak`, and it tells them as benchmarks tell theirs. Other than a benchmark's,
//! its aims are conditions: one that is missed is named, and the exit status is 1.

#[cfg(test)]
mod page;
#[cfg(test)]
mod steady;
#[cfg(test)]
mod tests;

use anyhow::{Result, bail};
use clap::Args;

use crate::bench;
use crate::bench::figure::{Aim, Figure};
use crate::bench::machine::Machine;
use crate::bench::report::{self, Report};
use crate::setup;
use crate::shell::Workspace;

/// What `cargo xtask soak` is told.
#[derive(Args)]
pub(crate) struct Options {
    /// Minutes of calls; whether memory is flat is only judged from 13 on.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=10_080))]
    minutes: u32,
    /// Calls per second.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    rate: u32,
    /// Print one JSON document instead of tables. Samples go to standard error all the same.
    #[arg(long)]
    json: bool,
}

/// Builds, soaks, prints, judges.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    if !setup::SIPP.is_there(workspace) {
        bail!("the soak needs SIPp: install it and put it on the search path");
    }
    let machine = Machine::read();
    if !options.json {
        println!("{}\n", report::heading(&machine));
    }
    let [minutes, rate] = [options.minutes, options.rate].map(|it| it.to_string());
    let mut command = workspace.cargo(["bench", "--locked", "--quiet"]);
    command
        .args(["--package", "e2e", "--bench", "soak", "--"])
        .args(["--minutes", &minutes, "--rate", &rate])
        .env("JACKFIELD_BIN", bench::release_server(workspace)?);
    let (figures, status) = bench::figures_of(&mut command)?;
    let missed = unmet(&figures);
    let report = Report {
        bench: "soak",
        command: format!("cargo xtask soak --minutes {minutes} --rate {rate}"),
        figures,
    };
    if options.json {
        println!("{:#}", report::document(&machine, &[report]));
    } else {
        println!("{}", report::table(&report));
    }
    if !missed.is_empty() {
        bail!("the soak failed: {missed}");
    }
    if !status.success() {
        bail!("the soak ended with {status}");
    }
    Ok(())
}

/// Every condition that does not hold, by name and value.
fn unmet(figures: &[Figure]) -> String {
    let unmet = figures.iter().filter(|it| !it.is_met()).map(|it| {
        let bound = match it.aim {
            None => String::new(),
            Some(Aim::AtMost(bound)) => format!(", at most {}", report::number(bound)),
            Some(Aim::AtLeast(bound)) => format!(", at least {}", report::number(bound)),
        };
        let value = report::number(it.value);
        let unit = if it.unit.is_empty() { "" } else { " " };
        let note = if it.note.is_empty() {
            String::new()
        } else {
            format!(" ({})", it.note)
        };
        format!("{}: {value}{unit}{}{bound}{note}", it.name, it.unit)
    });
    unmet.collect::<Vec<_>>().join("; ")
}
