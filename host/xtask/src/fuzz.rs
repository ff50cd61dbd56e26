//! `cargo xtask fuzz`: the targets of `tests/fuzz`, one after the other, for so many seconds each.
//!
//! It owns how they are built with cargo-fuzz and what each begins with, and where everything goes: into
//! `fuzz` in the target folder, so that a run leaves nothing in the checkout. The targets are run
//! as programs of their own and not by `cargo fuzz run`, which would hold cargo's lock meanwhile.
//! What a target checks is in `tests/fuzz/properties`.

#[cfg(test)]
mod tests;

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};

use crate::setup;
use crate::shell::{self, Workspace};

/// Memory that a target may take, MiB: an input that makes it take more has broken it.
const MEMORY: u32 = 2_048;
/// Seconds that one input may take.
const INPUT: u32 = 10;

/// What `cargo xtask fuzz` is told.
#[derive(Args)]
pub(crate) struct Options {
    /// Which ones; without a name all but `plugin`, whose host takes long to build.
    #[arg(value_enum)]
    targets: Vec<Target>,
    /// Seconds for each.
    #[arg(long, default_value_t = 600, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Target {
    /// A datagram at a SIP listener.
    Message,
    /// Header lines of an INVITE.
    Headers,
    /// A SIP stream.
    Frame,
    /// The value of an Authorization header.
    Digest,
    /// A URI.
    Uri,
    /// A session description.
    Sdp,
    /// Datagrams at both ports of a bridge.
    Rtp,
    /// Packets of Opus.
    Opus,
    /// Packets to whoever expects protected ones.
    Srtp,
    /// Reports of a peer.
    Rtcp,
    Dtmf,
    Info,
    /// Packets and ticks at a jitter buffer.
    Jitter,
    /// A datagram that asks for its address.
    Stun,
    /// An audio file.
    Audio,
    /// An upload.
    Plugin,
}

/// Builds and runs; fails if an input broke its target.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    if !setup::is_on_path("cargo-fuzz") {
        bail!("cargo-fuzz is missing: cargo install --locked cargo-fuzz");
    }
    let mut targets = options.targets.clone();
    if targets.is_empty() {
        let all = Target::value_variants().iter().copied();
        targets = all.filter(|it| *it != Target::Plugin).collect();
        println!("xtask: plugin is left out: name it to fuzz it");
    }
    let triple = host_triple(workspace)?;
    for target in &targets {
        build(workspace, *target, &triple)?;
    }
    let mut broken = Vec::new();
    for target in targets {
        let place = Place::make(workspace, target)?;
        let seconds = options.seconds;
        println!(
            "xtask: fuzz {}, {seconds} s; {}",
            target.name(),
            place.log.display()
        );
        if !place.run(workspace, target, &triple, seconds)? {
            broken.push(target.name());
        }
        let log = fs::read(&place.log).context("the log of the run is gone")?;
        println!("{}", outcome(&String::from_utf8_lossy(&log)));
    }
    match broken[..] {
        [] => Ok(()),
        _ => bail!("broken: {}", broken.join(", ")),
    }
}

/// Builds a target with the sanitizer that finds errors of memory. That needs features of the
/// compiler that are not stable; the variable lets any compiler have them.
fn build(workspace: &Workspace, target: Target, triple: &str) -> Result<()> {
    let mut command = workspace.cargo(["fuzz", "build", "--fuzz-dir", "tests/fuzz"]);
    command.args(["--target", triple]);
    if let Some(feature) = target.feature() {
        command.args(["--features", feature]);
    }
    command
        .arg(target.name())
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_TARGET_DIR", folder(workspace));
    shell::run(&mut command)
}

/// Where everything of fuzzing goes.
fn folder(workspace: &Workspace) -> PathBuf {
    workspace.target.join("fuzz")
}

/// The platform that the compiler runs on: targets are run where they are built.
fn host_triple(workspace: &Workspace) -> Result<String> {
    let output = workspace.command("rustc").arg("-vV").output();
    let output = output.context("cannot run rustc")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned)
        .context("rustc does not tell its host")
}

/// What belongs to one target.
struct Place {
    /// What it has gathered; it goes on from there the next time.
    corpus: PathBuf,
    /// Where inputs are written that break it, as the prefix of their paths.
    artifacts: PathBuf,
    log: PathBuf,
}

impl Place {
    fn make(workspace: &Workspace, target: Target) -> Result<Self> {
        let folder = folder(workspace);
        let place = Self {
            corpus: folder.join("corpus").join(target.name()),
            artifacts: folder.join("broken").join(target.name()),
            log: folder.join(target.name()).with_extension("log"),
        };
        for folder in [&place.corpus, &place.artifacts] {
            let made = fs::create_dir_all(folder);
            made.with_context(|| format!("cannot make {}", folder.display()))?;
        }
        Ok(place)
    }

    /// Runs the target to its end; whether no input broke it.
    fn run(
        &self,
        workspace: &Workspace,
        target: Target,
        triple: &str,
        seconds: u32,
    ) -> Result<bool> {
        let log =
            File::create(&self.log).with_context(|| format!("cannot write {}", self.log.display()));
        let program = folder(workspace).join(triple).join("release");
        let mut command = workspace.command(program.join(target.name()));
        command.arg(&self.corpus);
        let seeds = target.seeds(workspace).into_iter();
        command.args(seeds.filter(|it| it.is_dir()));
        if let Some(words) = target.dictionary() {
            let file = workspace.root.join("tests/fuzz").join(words);
            command.arg(format!("-dict={}", file.display()));
        }
        let status = command
            .arg(format!("-artifact_prefix={}/", self.artifacts.display()))
            .arg(format!("-max_total_time={seconds}"))
            .arg(format!("-rss_limit_mb={MEMORY}"))
            .arg(format!("-timeout={INPUT}"))
            .arg("-print_final_stats=1")
            .args(target.settings())
            // Two crates may hold one symbol each of the same name: no error of ours.
            .env("ASAN_OPTIONS", "detect_odr_violation=0")
            .stdin(Stdio::null())
            .stderr(log?)
            .status()
            .with_context(|| format!("cannot run {}", target.name()))?;
        Ok(status.success())
    }
}

/// What is said of a run: the input that broke it, else its last words.
fn outcome(log: &str) -> String {
    if let Some(input) = broken_by(log) {
        return format!(
            "  broken by {input}\n  \
             the program makes it smaller with -minimize_crash=1; keep it in tests/corpus/fuzzed"
        );
    }
    let words = done(log).or_else(|| log.lines().last());
    format!("  {}", words.unwrap_or("it said nothing"))
}

/// The path of the input that ended a run.
fn broken_by(log: &str) -> Option<&str> {
    let mut lines = log.lines().rev();
    lines.find_map(|line| Some(line.split_once("Test unit written to ")?.1.trim()))
}

/// How many inputs were tried, and what they covered.
fn done(log: &str) -> Option<&str> {
    let mut lines = log.lines().rev();
    let line = lines.find(|line| line.starts_with('#') && line.contains("\tDONE "))?;
    Some(line.split(" lim: ").next().unwrap_or(line))
}

impl Target {
    fn name(self) -> &'static str {
        match self {
            Self::Message => "message",
            Self::Headers => "headers",
            Self::Frame => "frame",
            Self::Digest => "digest",
            Self::Uri => "uri",
            Self::Sdp => "sdp",
            Self::Rtp => "rtp",
            Self::Opus => "opus",
            Self::Srtp => "srtp",
            Self::Rtcp => "rtcp",
            Self::Dtmf => "dtmf",
            Self::Info => "info",
            Self::Jitter => "jitter",
            Self::Stun => "stun",
            Self::Audio => "audio",
            Self::Plugin => "plugin",
        }
    }

    /// What an ordinary build does without. An offer of Opus is read as any other, where there is Opus.
    fn feature(self) -> Option<&'static str> {
        match self {
            Self::Opus | Self::Sdp => Some("opus"),
            Self::Plugin => Some("plugin"),
            _ => None,
        }
    }

    /// What makes its inputs cheap where each costs much: more of them are tried, and find more than long ones do.
    fn settings(self) -> &'static [&'static str] {
        match self {
            // A codec takes so many ways that to weigh them would take as long as to run it.
            Self::Opus => &["-max_len=2048", "-entropic=0"],
            // Seconds of audio take long, and beyond the first of its packets it is more of the same.
            Self::Audio => &["-max_len=4096"],
            _ => &[],
        }
    }

    /// What it begins with: what earlier runs found worth keeping, and what it is meant for.
    fn seeds(self, workspace: &Workspace) -> Vec<PathBuf> {
        let corpus = workspace.root.join("tests/corpus");
        let kept = corpus.join("fuzzed").join(self.name());
        match self {
            Self::Message | Self::Headers | Self::Sdp => vec![kept, corpus],
            Self::Audio => vec![kept, corpus.join("audio")],
            Self::Plugin => vec![kept, workspace.plugins()],
            _ => vec![kept],
        }
    }

    /// Words that it would not find by chance.
    fn dictionary(self) -> Option<&'static str> {
        match self {
            Self::Message | Self::Headers | Self::Frame | Self::Digest | Self::Uri => {
                Some("dict/sip.dict")
            }
            Self::Sdp => Some("dict/sdp.dict"),
            Self::Stun => Some("dict/stun.dict"),
            Self::Rtp
            | Self::Opus
            | Self::Rtcp
            | Self::Dtmf
            | Self::Info
            | Self::Srtp
            | Self::Jitter
            | Self::Audio
            | Self::Plugin => None,
        }
    }
}
