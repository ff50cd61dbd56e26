//! `cargo xtask demo`: from a clean checkout to a bridged call.
//!
//! It owns nothing but the order: target, server, run. What the demo shows, and whether it was true,
//! is the server's own judgement; its exit status is ours.

use anyhow::Result;

use crate::setup;
use crate::shell::{self, Workspace};

/// Builds the server and runs `jackfield demo` on our own standard streams.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    setup::wasm_target(workspace)?;
    shell::run(&mut workspace.cargo(["build", "--locked", "--package", "server"]))?;
    shell::run(workspace.command(workspace.server_binary()).arg("demo"))
}
