//! `jackfield`: a multi-tenant call-control platform in one binary.
//!
//! The only tokio shell: configuration, sockets, threads, wiring and the command line. What it
//! decides, the sans-IO crates have decided.
#![forbid(unsafe_code)]
#![allow(unreachable_pub)] // a binary has no outside

mod asks;
mod backlog;
mod clock;
mod commits;
mod config;
mod demo;
mod fair;
mod files;
mod fleet;
mod guard;
mod lane;
mod line;
mod metrics;
mod names;
mod node;
mod outage;
mod outlets;
mod plugins;
mod prompts;
mod publish;
mod recordings;
mod records;
mod registrar;
mod rest;
mod setup;
mod shadows;
mod shard;
mod sockets;
mod softphone;
mod stream;
mod tls;
mod turns;
mod udp;
mod vital;

use std::{io::IsTerminal, path::PathBuf, process::ExitCode};

use anyhow::Context;
use clap::{Parser, Subcommand};
use config::Config;
use node::Node;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// Turns, messages and rows are made of small pieces that another thread often frees: glibc's
/// allocator spends much of a call on giving memory back to the kernel (docs/benchmarks.md).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Call control for many tenants: SIP and RTP in the host, each tenant's policy a Wasm component.
#[derive(Parser)]
#[command(name = "jackfield", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run a node.
    Serve {
        /// The configuration file, TOML; without one: SQLite under ./data, SIP on UDP and TCP 5060, REST on
        /// 127.0.0.1:8080.
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
        /// The data folder; overrides node.data.
        #[arg(long, value_name = "DIR")]
        data: Option<PathBuf>,
    },
    /// Say what is wrong with a configuration, its certificates included, or that nothing is.
    CheckConfig {
        /// The configuration file, TOML; without one: what the environment says.
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
    },
    /// The main job on this machine: a node, two phones, a makecall and a bridged call, measured.
    Demo(demo::Args),
    /// A SIP phone on this terminal.
    Softphone(softphone::Args),
    /// Policies: write, build, check, upload, activate.
    Plugin(author::Plugin),
    /// What a node starts to compile a component; not for people.
    #[command(name = COMPILE, hide = true)]
    Compile,
}

/// The command of the compiler's process.
const COMPILE: &str = "compile-component";

fn main() -> ExitCode {
    let cli = Cli::parse();
    if matches!(cli.command, Command::Compile) {
        // Without threads and sockets, which its limits would count.
        return policy::serve_child();
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(workers())
        .enable_all()
        .build();
    let done = match runtime {
        Ok(runtime) => runtime.block_on(run(cli.command)),
        Err(error) => Err(anyhow::Error::new(error).context("cannot start the runtime")),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("jackfield: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Threads of the main runtime: half as many as there are session shards and media shards each. What
/// calls need runs on those; a crowd of threads with little to do only wakes each other.
fn workers() -> usize {
    usize::from(fleet::shard_count() / 2)
}

async fn run(command: Command) -> anyhow::Result<bool> {
    match command {
        Command::Serve { config, data } => {
            let config = Config::load(config.as_deref(), data)?;
            start_log(&config.log.level, config.log.format == "json")?;
            serve(&config).await.map(|()| true)
        }
        Command::CheckConfig { config } => {
            Config::load(config.as_deref(), None)?;
            println!("the configuration is valid");
            Ok(true)
        }
        Command::Demo(args) => {
            start_log("warn", false)?;
            demo::run(args).await
        }
        Command::Softphone(args) => {
            start_log("warn", false)?;
            softphone::run(args).await
        }
        // It is served before there is a runtime.
        Command::Compile => Ok(true),
        Command::Plugin(plugin) => {
            start_log("warn", false)?;
            author::run(plugin).await
        }
    }
}

/// Runs a node until SIGTERM or Ctrl-C; a second one ends the waiting for live calls.
async fn serve(config: &Config) -> anyhow::Result<()> {
    let preset = std::env::var("JACKFIELD_ADMIN_KEY")
        .ok()
        .filter(|key| !key.is_empty());
    let places = config.media_places()?;
    let shards = u64::from(fleet::shard_count());
    files::raise_limit(files::needed(&places, shards));
    let node = Node::start(config, preset).await?;
    // These lines are a contract: scripts wait for them.
    if let Some(key) = &node.admin_key {
        println!("admin key: {key}");
    }
    for address in &node.sip {
        println!("sip udp {address}");
    }
    for (transport, address) in &node.sip_streams {
        println!("sip {} {address}", transport.name().to_ascii_lowercase());
    }
    println!("http {}", node.http);
    if let Some(address) = &node.metrics {
        println!("metrics {address}");
    }
    println!("ready");
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?;
    let mut stop = async || {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    stop().await;
    tracing::info!("no new calls; waiting for live ones to end");
    node.stop(stop()).await
}

/// Logs go to stderr; `RUST_LOG` overrides the level.
fn start_log(level: &str, json: bool) -> anyhow::Result<()> {
    let filter = match std::env::var("RUST_LOG") {
        Ok(filter) if !filter.is_empty() => filter,
        _ => level.to_owned(),
    };
    let filter = EnvFilter::try_new(&filter).with_context(|| format!("log.level: {filter:?}"))?;
    let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(colour);
    if json {
        log.json().init();
    } else {
        log.init();
    }
    Ok(())
}
