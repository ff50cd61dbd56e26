//! The nested cargo that builds a plugin crate into a core module.
//!
//! It owns the command line and the environment of that cargo. When it is run from a build script
//! its environment is that of a host crate under compilation, and most of it is wrong for a policy:
//! a `RUSTFLAGS` with `-C target-cpu=native` or a coverage wrapper would end up in the tenant's
//! component. So what cargo and rustc set is taken away, except for where crates come from.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::PackError;

/// The target of every Rust policy: no operating system, so no WASI.
pub(crate) const TARGET: &str = "wasm32-unknown-unknown";

/// The profile of the workspace that makes small modules whose panics are traps.
const PROFILE: &str = "plugin";

/// Variables of cargo that say where crates come from; these stay.
const KEPT: [&str; 8] = [
    "CARGO",
    "CARGO_HOME",
    "CARGO_HTTP_",
    "CARGO_NET_",
    "CARGO_REGISTRIES_",
    "CARGO_REGISTRY_",
    "CARGO_SOURCE_",
    "CARGO_TERM_",
];

/// Builds `package` and answers with the path of its core module. `locked`: with the lock file as it is.
pub(crate) fn build(
    root: &Path,
    package: &str,
    target_dir: &Path,
    locked: bool,
) -> Result<PathBuf, PackError> {
    target_is_installed(root)?;
    let program = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut command = clean(&program);
    command
        .current_dir(root)
        .args(["build", "--quiet", "--target", TARGET])
        .args(locked.then_some("--locked"))
        .args(["--profile", PROFILE, "--package", package])
        .arg("--target-dir")
        .arg(target_dir);
    let status = command.status().map_err(|source| PackError::Tool {
        program: program.into(),
        source,
    })?;
    if !status.success() {
        return Err(PackError::Build(package.to_owned()));
    }
    let file = format!("{}.wasm", package.replace('-', "_"));
    Ok(target_dir.join(TARGET).join(PROFILE).join(file))
}

/// Asks the compiler where the target's libraries are, and looks. Cargo's own message for a missing
/// target is dozens of lines about `core`.
fn target_is_installed(root: &Path) -> Result<(), PackError> {
    let program = OsString::from("rustc");
    let output = clean(&program)
        .current_dir(root)
        .args(["--print", "target-libdir", "--target", TARGET])
        .output()
        .map_err(|source| PackError::Tool {
            program: program.into(),
            source,
        })?;
    let libraries = String::from_utf8_lossy(&output.stdout);
    if output.status.success() && Path::new(libraries.trim()).is_dir() {
        Ok(())
    } else {
        Err(PackError::TargetMissing)
    }
}

/// A command without the surrounding build's settings.
fn clean(program: &OsStr) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(is_of_the_surrounding_build) {
            command.env_remove(name);
        }
    }
    command
}

/// Whether a variable steers the surrounding build and must not reach the plugin's.
pub(crate) fn is_of_the_surrounding_build(name: &str) -> bool {
    let is_kept = |kept: &&str| {
        let is_prefix = kept.ends_with('_');
        name == *kept || (is_prefix && name.starts_with(*kept))
    };
    let is_for_rustc = name.starts_with("RUSTC") || name.starts_with("RUSTFLAGS");
    let is_of_make = matches!(name, "MAKEFLAGS" | "MFLAGS");
    let is_of_script = matches!(name, "TARGET" | "HOST" | "PROFILE" | "OPT_LEVEL" | "DEBUG");
    let is_of_cargo = name.starts_with("CARGO") && !KEPT.iter().any(is_kept);
    is_for_rustc || is_of_make || is_of_script || is_of_cargo
}
