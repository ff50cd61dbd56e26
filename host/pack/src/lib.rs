//! Turns a core module into a component, and a plugin crate into a core module.
//!
//! It owns the two steps between a policy's source and the bytes that a tenant uploads. Build
//! scripts, the automation and the command line all come through here, so that a policy is built in
//! one way only. It knows neither what a policy may import nor whether the host will accept the
//! result: that is the policy host's judgement, and build scripts must not link it.

mod cargo;

use std::path::{Path, PathBuf};

/// Why there is no component.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// The standard library for the policies' target is not installed; the text is the remedy.
    #[error("rustup target add {}", cargo::TARGET)]
    TargetMissing,
    /// A tool could not be started.
    #[error("cannot run {}: {source}", program.display())]
    Tool {
        /// What was to be run.
        program: PathBuf,
        /// The system's answer.
        source: std::io::Error,
    },
    /// The compiler refused the plugin; it has said why on its standard error.
    #[error("cargo could not build the plugin {0}")]
    Build(String),
    /// The build went well, but the module is not where it ought to be.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: std::io::Error,
    },
    /// The module carries no interface description, or does not keep what it promises.
    #[error("not a policy module: {0}")]
    Module(String),
}

/// Turns a core module that was built for `wasm32-unknown-unknown` with wit-bindgen's metadata into
/// a component, and validates it. No adapters: a module that imports WASI is refused.
pub fn component(core_module: &[u8]) -> Result<Vec<u8>, PackError> {
    wit_component::ComponentEncoder::default()
        .validate(true)
        .module(core_module)
        .and_then(wit_component::ComponentEncoder::encode)
        .map_err(|why| PackError::Module(format!("{why:#}")))
}

/// Builds the plugin crate `package` of the workspace at `workspace_root` and packs it.
///
/// It runs a cargo of its own, in a `target_dir` of its own: a build script that shared its caller's
/// target folder would wait for its caller for ever. The lock file is taken as it is.
pub fn plugin(
    workspace_root: &Path,
    package: &str,
    target_dir: &Path,
) -> Result<Vec<u8>, PackError> {
    packed(cargo::build(workspace_root, package, target_dir, true)?)
}

/// The same for a project of its own, whose lock file may still have to be made.
pub fn project(root: &Path, package: &str, target_dir: &Path) -> Result<Vec<u8>, PackError> {
    packed(cargo::build(root, package, target_dir, false)?)
}

fn packed(path: PathBuf) -> Result<Vec<u8>, PackError> {
    let module = std::fs::read(&path).map_err(|source| PackError::Read { path, source })?;
    component(&module)
}

#[cfg(test)]
mod tests;
