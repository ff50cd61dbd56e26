//! `cargo xtask test`: everything that has to hold, in one command.
//!
//! It owns the order and the time that each stage took. A stage that fails ends the run: the later
//! ones would only repeat its message. What is left out for want of a tool is said where it is found
//! out, and once more at the end.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::languages::{self, LANGUAGES};
use crate::setup::{BARESIP, MOTO, Peer, SIPP, SIPVICIOUS, Tool};
use crate::shell::{self, Workspace};
use crate::{plugins, setup, sim, tidy};

/// Random calls of the last stage: about a minute's worth.
const SEEDS: u32 = 2_000;

/// Sets up, builds, tidies and tests.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let mut stages = Stages::default();
    let (peers, tools, languages) = stages.run("set-up", || {
        setup::wasm_target(workspace)?;
        let peers = [SIPP, BARESIP].map(|peer| (peer.is_there(workspace), peer));
        let languages = LANGUAGES.each_ref();
        let languages = languages.map(|it| (it.is_there(workspace), it));
        let tools = [SIPVICIOUS, MOTO].map(|tool| (tool.python(workspace), tool));
        Ok((peers, tools, languages))
    })?;
    // All targets at once: the server's binary and the tests then share one resolution of features,
    // and the end-to-end tier finds the binary that belongs to this source.
    let all = ["build", "--locked", "--workspace", "--all-targets"];
    stages.run("build", || shell::run(&mut workspace.cargo(all)))?;
    stages.run("plugins", || plugins::run(workspace))?;
    stages.run("tidy", || tidy::run(workspace))?;
    let components = stages.run("languages", || languages::run(workspace, &languages))?;
    stages.run("tests", || tests(workspace, &peers, &tools, &components))?;
    stages.run("opus", || opus(workspace))?;
    stages.run("seeds", || sim::run(workspace, SEEDS))?;
    stages.print();
    for (_, peer) in peers.iter().filter(|(is_there, _)| !is_there) {
        println!(
            "xtask: left out for want of {}: {}",
            peer.program, peer.shows
        );
    }
    for (_, tool) in tools.iter().filter(|(python, _)| python.is_none()) {
        println!("xtask: left out for want of {}: {}", tool.name, tool.shows);
    }
    for (_, language) in languages.iter().filter(|(is_there, _)| !is_there) {
        let example = language.example;
        println!("xtask: left out for want of its tools: plugins/{example}");
    }
    Ok(())
}

/// Every test of the workspace; the end-to-end tier is told what it may rely on, and the flows which components of
/// other languages there are.
fn tests(
    workspace: &Workspace,
    peers: &[(bool, Peer)],
    tools: &[(Option<PathBuf>, Tool)],
    components: &[PathBuf],
) -> Result<()> {
    let languages = std::env::join_paths(components).context("a path has a colon")?;
    let pythons = tools.iter().map(|(python, tool)| {
        let python = python.clone();
        (tool.variable, python.unwrap_or_else(|| "0".into()))
    });
    let told = peers.iter();
    let told = told.map(|(is_there, peer)| (peer.variable, if *is_there { "1" } else { "0" }));
    shell::run(
        workspace
            .cargo([
                "test",
                "--locked",
                "--workspace",
                "--no-fail-fast",
                "--quiet",
            ])
            .env("JACKFIELD_BIN", workspace.server_binary())
            .env("JACKFIELD_PLUGINS", workspace.plugins())
            .envs(told)
            .env("JACKFIELD_LANGUAGES", languages)
            .envs(pythons),
    )
}

/// The media plane with Opus, which is no part of an ordinary build.
fn opus(workspace: &Workspace) -> Result<()> {
    let media = ["test", "--locked", "-p", "media", "--tests", "--quiet"];
    shell::run(workspace.cargo(media).args(["--features", "opus"]))
}

/// What was done, and how long it took.
#[derive(Default)]
struct Stages(Vec<(&'static str, Duration)>);

impl Stages {
    fn run<T>(&mut self, name: &'static str, stage: impl FnOnce() -> Result<T>) -> Result<T> {
        println!("xtask: {name}");
        let begin = now();
        let done = stage();
        let took = begin.elapsed();
        self.0.push((name, took));
        if done.is_err() {
            self.print();
        }
        done
    }

    fn print(&self) {
        for (name, took) in &self.0 {
            println!("xtask: {name:<9} {:>7.1} s", took.as_secs_f64());
        }
    }
}

/// The time, for the table of stages only.
#[expect(
    clippy::disallowed_methods,
    reason = "a stop-watch for people; nothing is decided by it"
)]
fn now() -> Instant {
    Instant::now()
}
