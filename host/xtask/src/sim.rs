//! `cargo xtask sim`: the simulator on its own, over as many seeds as one has time for.

use anyhow::Result;

use crate::shell::{self, Workspace};

/// Runs the simulator's tests over `seeds` seeds, optimised: it is the number of seeds that counts.
pub(crate) fn run(workspace: &Workspace, seeds: u32) -> Result<()> {
    shell::run(
        workspace
            .cargo(["test", "--locked", "--release", "--package", "sim"])
            .env("SIM_SEEDS", seeds.to_string()),
    )
}
