//! Running other programs from the root of the workspace.
//!
//! It owns where the workspace and its target folder are, what a nested cargo inherits, and how a
//! failed program's exit status becomes ours. It does not know what is run, or why.

use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, Result, bail};

/// The checkout and its target folder, both absolute.
#[derive(Debug)]
pub(crate) struct Workspace {
    /// Where the root `Cargo.toml` is.
    pub(crate) root: PathBuf,
    /// The folder that this program was built into, and everything it builds goes to.
    pub(crate) target: PathBuf,
}

/// A program that ended with a status other than 0. The status is passed on by `main`.
#[derive(Debug)]
pub(crate) struct Failed {
    what: String,
    code: Option<i32>,
}

impl Workspace {
    /// Finds both folders: the root from where this crate was compiled, the target folder from where
    /// this program lies, so that `CARGO_TARGET_DIR` and `build.target-dir` are respected unread.
    pub(crate) fn find() -> Result<Self> {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = manifest
            .ancestors()
            .nth(2)
            .context("xtask does not lie in host/xtask")?
            .to_owned();
        if !root.join("Cargo.toml").is_file() {
            bail!(
                "{} is gone: build xtask anew in the checkout that you mean",
                root.display()
            );
        }
        let program = std::env::current_exe().context("cannot find this program's own path")?;
        let target = program
            .ancestors()
            .nth(2)
            .context("xtask does not lie in a target folder")?
            .to_owned();
        Ok(Self { root, target })
    }

    /// The server's binary, whether or not it was built yet.
    pub(crate) fn server_binary(&self) -> PathBuf {
        let name = format!("jackfield{}", std::env::consts::EXE_SUFFIX);
        self.target.join("debug").join(name)
    }

    /// Where `cargo xtask plugins` puts the components.
    pub(crate) fn plugins(&self) -> PathBuf {
        self.target.join("plugins")
    }

    /// A cargo in the root, on the same target folder, without what our own cargo told us about
    /// *this* crate: build scripts that watch such variables would run again each time.
    pub(crate) fn cargo<I, S>(&self, arguments: I) -> Command
    where
        I: IntoIterator<Item = S>,
        S: AsRef<OsStr>,
    {
        let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = self.command(&program);
        for (name, _) in std::env::vars_os() {
            if name.to_str().is_some_and(is_about_this_crate) {
                command.env_remove(name);
            }
        }
        command
            .args(arguments)
            .env("CARGO_TARGET_DIR", &self.target);
        command
    }

    /// Any program, started in the root.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.root);
        command
    }
}

/// Runs `command` on our own standard streams; a status other than 0 is an error.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let what = words(command);
    let status = command
        .status()
        .with_context(|| format!("cannot run {what}"))?;
    if status.success() {
        return Ok(());
    }
    let code = status.code();
    Err(Failed { what, code }.into())
}

/// Whether `command` can be run and ends with status 0; it says nothing on our streams.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// The exit status that `error` stands for: that of the program that failed, else 1.
pub(crate) fn exit_code(error: &anyhow::Error) -> ExitCode {
    let code = error.downcast_ref::<Failed>().and_then(|it| it.code);
    ExitCode::from(code.and_then(|it| u8::try_from(it).ok()).unwrap_or(1))
}

impl fmt::Display for Failed {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code {
            Some(code) => write!(out, "{} ended with status {code}", self.what),
            None => write!(out, "{} was killed", self.what),
        }
    }
}

impl std::error::Error for Failed {}

/// Whether cargo set a variable to describe the crate it runs: this one. What a user sets to steer
/// cargo (`CARGO_HOME`, `CARGO_NET_OFFLINE`, `CARGO_BUILD_JOBS`, …) is not.
fn is_about_this_crate(name: &str) -> bool {
    ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_"]
        .iter()
        .any(|prefix| name.starts_with(prefix))
        || matches!(name, "CARGO_CRATE_NAME" | "CARGO_PRIMARY_PACKAGE")
}

/// The command as one would type it.
fn words(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let name = program.file_name().unwrap_or(command.get_program());
    let mut words = name.to_string_lossy().into_owned();
    for argument in command.get_args() {
        words.push(' ');
        words.push_str(&argument.to_string_lossy());
    }
    words
}

#[cfg(test)]
mod tests;
