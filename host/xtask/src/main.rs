//! `cargo xtask …`: the one door to everything that is done with this repository.
//!
//! It owns the set-up of a developer's machine, the order of build and test, and the rules that no
//! compiler checks (`tidy`). It knows nothing of calls: it depends on neither the policy host nor
//! the server, so that it builds in seconds on a clean checkout and can build the rest from there.

mod bench;
mod demo;
mod fuzz;
mod languages;
mod plugins;
mod setup;
mod shell;
mod sim;
mod soak;
mod test;
mod tidy;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::shell::Workspace;

/// Automation of the Jackfield workspace.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Build the server and let it show its main job: one bridged call over loopback.
    Demo,
    /// Set up what is missing, build everything, run tidy and every test.
    Test,
    /// Check the house rules, formatting and lints.
    Tidy,
    /// Build the policies in plugins/ into components under target/plugins/.
    Plugins,
    /// Measure: CPU per call and per packet, turns, the codec, the store.
    Bench(bench::Options),
    /// Load the release binary for long, and see that it stays as it was.
    Soak(soak::Options),
    /// Run the fuzz targets.
    Fuzz(fuzz::Options),
    /// Run the simulator.
    Sim {
        /// How many seeds to run.
        #[arg(long, default_value_t = 200)]
        seeds: u32,
    },
}

fn main() -> ExitCode {
    let task = Arguments::parse().task;
    let done = Workspace::find().and_then(|workspace| match task {
        Task::Demo => demo::run(&workspace),
        Task::Test => test::run(&workspace),
        Task::Tidy => tidy::run(&workspace),
        Task::Plugins => plugins::run(&workspace),
        Task::Bench(options) => bench::run(&workspace, &options),
        Task::Soak(options) => soak::run(&workspace, &options),
        Task::Fuzz(options) => fuzz::run(&workspace, &options),
        Task::Sim { seeds } => sim::run(&workspace, seeds),
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            shell::exit_code(&error)
        }
    }
}
