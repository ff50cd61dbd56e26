//! The policy author's commands: `jackfield plugin …`.
//!
//! Owns what an author types and reads: making a project, building a component, judging it in the words of an
//! upload, and the REST of a tenant's plugins from the shell. Decides nothing about components (`policy` does)
//! and runs no node.

mod check;
mod project;
mod remote;
mod replay;
mod search;
mod shelf;
mod trial;
mod words;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use shelf::How;

pub use remote::Server;

/// Policies: write, build, check, upload, activate.
#[derive(Args, Debug)]
pub struct Plugin {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Begin a project: a folder with a policy that answers calls, and what building it needs.
    New {
        /// The plugin's name, and the folder's: lower-case letters, digits and hyphens.
        name: String,
        /// The language.
        #[arg(long, value_enum, default_value_t = project::Language::Rust)]
        lang: project::Language,
    },
    /// Build the project in a folder into target/plugins/NAME.wasm.
    Build {
        /// The project's folder.
        #[arg(default_value = ".")]
        folder: PathBuf,
    },
    /// Say what an upload of that component would be answered.
    Check {
        /// The component.
        file: PathBuf,
    },
    /// Play scenarios against a component: real SIP and media, no phones, and no time passes.
    Test(trial::Args),
    /// Search around scenarios for orders of events that the policy was not written for: hang-ups at every
    /// moment, answers that cross them, keys pressed twice, slow turns, lost packets.
    Fuzz(search::Args),
    /// Run recorded sessions on a component, and show the first decision of each that differs.
    Replay(Box<replay::Args>),
    /// Upload a component as a new version, which is not active yet.
    Push {
        /// The component.
        file: PathBuf,
        /// The plugin; without it the file's name.
        #[arg(long)]
        name: Option<String>,
        #[command(flatten)]
        server: Server,
    },
    /// Show the plugins, or the versions of one.
    List {
        /// The plugin.
        name: Option<String>,
        #[command(flatten)]
        server: Server,
    },
    /// Let new sessions begin with a version; live ones stay with theirs.
    Activate {
        /// The plugin.
        name: String,
        /// The version.
        version: u32,
        /// Its share of new sessions; with less than 100 it is on trial, and all others begin with the version that
        /// is active. A caller meets the same version at each call.
        #[arg(long, visible_alias = "share", default_value_t = 100,
              value_parser = clap::value_parser!(u8).range(1..=100))]
        percent: u8,
        /// Only let it run along with new sessions, without effects: `list` counts where it decides otherwise, and
        /// `logs` tells. An activation ends it.
        #[arg(long, conflicts_with = "percent")]
        shadow: bool,
        /// So many of its turns may not fault within the window, or it is given up for the version before; 0: never.
        #[arg(long, default_value_t = model::limits::PROBATION_FAULTS)]
        max_faults: u32,
        /// That window, seconds.
        #[arg(long, default_value_t = model::limits::PROBATION_WITHIN_S)]
        fault_window: u32,
        #[command(flatten)]
        server: Server,
    },
    /// End a trial, or activate the version before.
    Rollback {
        /// The plugin.
        name: String,
        #[command(flatten)]
        server: Server,
    },
    /// Show what a plugin has logged.
    Logs {
        /// The plugin.
        name: String,
        /// Go on as lines come, until Ctrl-C.
        #[arg(long)]
        follow: bool,
        #[command(flatten)]
        server: Server,
    },
}

/// Does it; `false`: the answer is no.
pub async fn run(plugin: Plugin) -> anyhow::Result<bool> {
    match plugin.command {
        Command::New { name, lang } => project::new(&name, lang),
        Command::Build { folder } => project::build(&folder),
        Command::Check { file } => check::run(&file),
        Command::Test(args) => trial::run(args).await,
        Command::Fuzz(args) => search::run(args).await,
        Command::Replay(args) => replay::run(*args).await,
        Command::Push { file, name, server } => {
            shelf::push(&server.remote()?, &file, name.as_deref()).await
        }
        Command::List { name, server } => shelf::list(&server.remote()?, name.as_deref()).await,
        Command::Activate {
            name,
            version,
            percent,
            shadow,
            max_faults,
            fault_window,
            server,
        } => {
            let how = if shadow {
                How::Shadow
            } else {
                How::Share {
                    percent,
                    max_faults,
                    fault_window,
                }
            };
            shelf::activate(&server.remote()?, &name, version, how).await
        }
        Command::Rollback { name, server } => shelf::rollback(&server.remote()?, &name).await,
        Command::Logs {
            name,
            follow,
            server,
        } => shelf::logs(&server.remote()?, &name, follow).await,
    }
}
