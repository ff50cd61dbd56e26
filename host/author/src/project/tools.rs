//! The tools that make components of other languages than Rust.
//!
//! They are the project's own, in the versions that it pins, installed by its language's package manager: this
//! program brings none and installs none, and says what to type where they are missing. WASI is left out of the
//! result, for it may import nothing but the platform's package.

use std::{
    ffi::{OsStr, OsString},
    io::ErrorKind,
    path::Path,
    process::Command,
};

use anyhow::{Context, bail};

/// The world of `wit/world.wit`.
const WORLD: &str = "plugin";

/// What componentize-js would else take from WASI.
const FEATURES: [&str; 5] = ["stdio", "random", "clocks", "http", "fetch-event"];

/// Makes a component of `policy.js`, and what that imports.
pub(super) fn js(folder: &Path, component: &Path) -> anyhow::Result<()> {
    let tool = Path::new("node_modules/.bin/componentize-js");
    if !folder.join(tool).exists() {
        bail!("componentize-js is not there: `npm install` in the project's folder brings it");
    }
    let node = "Node.js 20 or later must be on the search path (https://nodejs.org)";
    // It says where a syntax error is; componentize-js says that there is one.
    run(folder, "node".as_ref(), &["--check", "policy.js"], node)?;
    let words = ["policy.js", "--wit", "wit", "--world-name", WORLD];
    let words = words.into_iter().chain(["--disable"]).chain(FEATURES);
    let mut words: Vec<&OsStr> = words.map(OsStr::new).collect();
    words.extend(["--out".as_ref(), component.as_os_str()]);
    let program = folder.join(tool);
    run(folder, program.as_os_str(), &words, node)
}

/// Makes a component of `policy.py`, and what that imports.
pub(super) fn python(folder: &Path, component: &Path) -> anyhow::Result<()> {
    let own = folder.join(".venv/bin/componentize-py");
    let program = if own.exists() {
        own.into_os_string()
    } else {
        OsString::from("componentize-py")
    };
    let words = ["--quiet", "--wit-path", "wit", "--world", WORLD];
    let words = words
        .into_iter()
        .chain(["componentize", "policy", "--stub-wasi"]);
    let mut words: Vec<&OsStr> = words.map(OsStr::new).collect();
    words.extend(["--output".as_ref(), component.as_os_str()]);
    let remedy = "componentize-py is not there: in the project's folder, \
                  `python3 -m venv .venv && .venv/bin/pip install -r requirements.txt` brings it";
    run(folder, &program, &words, remedy)
}

/// Runs it in that folder. `remedy` is what to say if there is no such program.
fn run(
    folder: &Path,
    program: &OsStr,
    words: &[impl AsRef<OsStr>],
    remedy: &str,
) -> anyhow::Result<()> {
    let status = Command::new(program)
        .args(words)
        .current_dir(folder)
        .status();
    let status = match status {
        Err(why) if why.kind() == ErrorKind::NotFound => bail!("{remedy}"),
        status => status.with_context(|| format!("cannot run {}", program.display()))?,
    };
    if !status.success() {
        let name = Path::new(program).file_name().unwrap_or(program);
        bail!("{} could not make a component: see above", name.display());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named_with_the_command_that_brings_it() {
        let folder = tempfile::tempdir().unwrap();
        let component = folder.path().join("x.wasm");
        let told = js(folder.path(), &component).unwrap_err().to_string();
        assert!(told.contains("npm install"), "{told}");
        let told = run(folder.path(), "no-such-tool".as_ref(), &["x"], "type this").unwrap_err();
        assert_eq!(told.to_string(), "type this");
    }

    #[test]
    fn a_tool_that_fails_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let told = run(folder.path(), "false".as_ref(), &[""; 0], "").unwrap_err();
        assert_eq!(
            told.to_string(),
            "false could not make a component: see above"
        );
    }
}
