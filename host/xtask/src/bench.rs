//! `cargo xtask bench`: the figures that the documentation quotes, measured anew.
//!
//! It owns the list of benchmarks, how each is built and started, and how figures are shown. What is
//! measured, and what a figure is made of, is each benchmark's; they print lines that `figure`
//! describes. A missed aim is said and is no failure: figures are judged by people, who know how
//! busy the machine was.

pub(crate) mod figure;
pub(crate) mod machine;
pub(crate) mod report;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod threads;

use std::ffi::OsString;
use std::process::{Command, ExitStatus, Stdio};

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};

use crate::languages::LANGUAGES;
use crate::plugins;
use crate::setup;
use crate::shell::{self, Workspace};
use figure::Figure;
use machine::Machine;
use report::Report;

/// What `cargo xtask bench` is told.
#[derive(Args)]
pub(crate) struct Options {
    /// Which ones; all of them if none is named.
    #[arg(value_enum)]
    benches: Vec<Bench>,
    /// Print one JSON document instead of tables.
    #[arg(long)]
    json: bool,
    /// Calls that `media` relays at once [default: 600], or that are live at once in `memory` [default: 500].
    #[arg(long)]
    calls: Option<u32>,
    /// Calls that begin each second in `call` [default: 60, then 200].
    #[arg(long)]
    rate: Option<u32>,
    /// Seconds of each measurement of `media` and `call`.
    #[arg(long)]
    seconds: Option<u32>,
    /// Rounds of `media`, of which the medians are told [default: 9].
    #[arg(long)]
    rounds: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
enum Bench {
    /// Parsing and writing SIP messages, against rsip's own.
    Codec,
    /// One turn of the makecall policy on a fresh instance.
    Turn,
    /// Commits of policies and of call records.
    Store,
    /// RTP through the media shard: relayed, mixed, recorded, against the kernel's price and tokio.
    Media,
    /// The server under SIPp: CPU and set-up delay per bridged call.
    Call,
    /// The server under SIPp: memory per live call.
    Memory,
    /// The server under SIPp: what calls notice of another tenant whose policy never ends.
    Neighbour,
}

/// Measures and prints.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let mut benches = options.benches.clone();
    if benches.is_empty() {
        benches = Bench::value_variants().to_vec();
    }
    benches.dedup();
    let machine = Machine::read();
    if !options.json {
        println!("{}\n", report::heading(&machine));
    }
    let mut reports = Vec::new();
    for bench in benches {
        let report = measure(workspace, bench, options)?;
        if !options.json {
            println!("{}", report::table(&report));
        }
        reports.push(report);
    }
    if options.json {
        println!("{:#}", report::document(&machine, &reports));
    }
    Ok(())
}

/// Builds one benchmark and what it needs, and runs it.
fn measure(workspace: &Workspace, bench: Bench, options: &Options) -> Result<Report> {
    let mut command = workspace.cargo(["bench", "--locked", "--quiet"]);
    command.args(["--profile", bench.profile()]);
    command.args(["--package", bench.package(), "--bench", bench.name(), "--"]);
    command.args(options.numbers());
    match bench {
        Bench::Turn => {
            setup::wasm_target(workspace)?;
            for language in LANGUAGES.iter().filter(|it| it.is_there(workspace)) {
                let component = language.component(workspace, &release_server(workspace)?)?;
                let variable = format!("BENCH_{}", language.name.to_uppercase());
                command.env(variable, workspace.root.join(component));
            }
        }
        Bench::Call | Bench::Memory | Bench::Neighbour => {
            if !setup::SIPP.is_there(workspace) {
                let name = bench.name();
                bail!("bench {name} needs SIPp: install it and put it on the search path");
            }
            command.env("JACKFIELD_BIN", release_server(workspace)?);
            if bench == Bench::Neighbour {
                plugins::build(workspace, "faulty")?;
                command.env("JACKFIELD_PLUGINS", workspace.plugins());
            }
        }
        Bench::Codec | Bench::Store | Bench::Media => {}
    }
    let (figures, status) = figures_of(&mut command)?;
    if !status.success() {
        bail!("bench {} ended with {status}", bench.name());
    }
    complete(bench, &figures)?;
    let mut said = vec![bench.name().to_owned()];
    said.extend(options.numbers());
    Ok(Report {
        bench: bench.name(),
        command: format!("cargo xtask bench {}", said.join(" ")),
        figures,
    })
}

/// A benchmark tells every figure that it has an aim for, and what it tells was measured.
fn complete(bench: Bench, figures: &[Figure]) -> Result<()> {
    let name = bench.name();
    if figures.is_empty() {
        bail!("bench {name} told no figure");
    }
    if let Some(figure) = figures.iter().find(|it| !it.value.is_finite()) {
        bail!("bench {name} did not measure `{}`", figure.name);
    }
    let told = |aimed: &&&str| {
        figures
            .iter()
            .any(|it| it.name == **aimed && it.aim.is_some())
    };
    match bench.targets().iter().find(|aimed| !told(aimed)) {
        None => Ok(()),
        Some(missing) => bail!("bench {name} did not tell `{missing}`"),
    }
}

/// Builds the server, optimized but not linked as it is delivered, which takes many minutes; its path.
pub(crate) fn release_server(workspace: &Workspace) -> Result<OsString> {
    setup::wasm_target(workspace)?;
    let build = ["build", "--locked", "--release", "--package", "server"];
    shell::run(&mut workspace.cargo(build))?;
    let name = format!("jackfield{}", std::env::consts::EXE_SUFFIX);
    Ok(workspace.target.join("release").join(name).into())
}

/// Runs a benchmark to its end, however that is; what else it prints goes to our standard error.
pub(crate) fn figures_of(command: &mut Command) -> Result<(Vec<Figure>, ExitStatus)> {
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .context("cannot run cargo bench")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let mut figures = Vec::new();
    for line in text.lines() {
        match Figure::read(line) {
            Some(figure) => figures.push(figure),
            None => eprintln!("{line}"),
        }
    }
    Ok((figures, output.status))
}

impl Options {
    /// Those that are numbers, as they were given.
    fn numbers(&self) -> Vec<String> {
        let all = [
            ("--calls", self.calls),
            ("--rate", self.rate),
            ("--seconds", self.seconds),
            ("--rounds", self.rounds),
        ];
        let given = all
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)));
        given
            .flat_map(|(name, value)| [name.to_owned(), value.to_string()])
            .collect()
    }
}

impl Bench {
    fn name(self) -> &'static str {
        match self {
            Self::Codec => "codec",
            Self::Turn => "turn",
            Self::Store => "store",
            Self::Media => "media",
            Self::Call => "call",
            Self::Memory => "memory",
            Self::Neighbour => "neighbour",
        }
    }

    /// Figures without which it is not whole.
    fn targets(self) -> &'static [&'static str] {
        match self {
            Self::Media => &[
                "L to media shard",
                "media shard to tokio",
                "mixed leg's frame to bridged packet",
                "recording, of a bridged packet",
                "conference of 1,000, computing",
                "lateness of ticks, p99 at most",
                "allocations for each packet",
                "io_uring to tokio",
            ],
            Self::Neighbour => &["set-up, ratio", "audio's way, ratio"],
            Self::Turn => &["memory for its policy"],
            _ => &[],
        }
    }

    /// How it is built: as the server is delivered, where it measures itself and that takes a minute.
    fn profile(self) -> &'static str {
        match self {
            Self::Media => "dist",
            _ => "bench",
        }
    }

    fn package(self) -> &'static str {
        match self {
            Self::Codec => "sip",
            Self::Turn => "policy",
            Self::Store => "store",
            Self::Media => "media",
            Self::Call | Self::Memory | Self::Neighbour => "e2e",
        }
    }
}
