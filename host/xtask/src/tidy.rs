//! `cargo xtask tidy`: the house rules that no compiler checks, then rustfmt, clippy and what else is
//! installed.
//!
//! It owns the list of checks. Each check is a function from the tree to findings, and each has a
//! test that feeds it a bad sample: a check that cannot fail is worse than none. They read the text
//! only (with strings and comments blanked where those would mislead), because a parser of Rust
//! would be the largest dependency of the house.

mod links;
mod names;
mod rooms;
mod safety;
mod size;
mod source;
mod tree;
mod words;

use std::fmt;

use anyhow::{Context, Result, bail};

use crate::setup;
use crate::shell::{self, Workspace};
use crate::tidy::tree::Tree;

/// Something that a house rule forbids, and where.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Finding {
    path: String,
    /// From 1; 0 stands for the whole file.
    line: usize,
    message: String,
    /// Whether it is said only: it wants a reason, not a change.
    is_warning: bool,
}

/// The checks, in the order of the house rules.
const CHECKS: [fn(&Tree) -> Vec<Finding>; 7] = [
    rooms::dependencies,
    rooms::third_party,
    words::check,
    size::check,
    safety::check,
    names::check,
    links::check,
];

/// Runs all checks, then the formatter, clippy and the tools that are installed.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let tree = Tree::read(&workspace.root).context("cannot read the checkout")?;
    let mut findings: Vec<Finding> = CHECKS.iter().flat_map(|check| check(&tree)).collect();
    findings.sort();
    for finding in &findings {
        println!("{finding}");
    }
    let failures = findings.iter().filter(|it| !it.is_warning).count();
    if failures > 0 {
        bail!("tidy: {failures} findings");
    }
    shell::run(&mut workspace.cargo(["fmt", "--all", "--check"]))?;
    let clippy = [
        "clippy",
        "--locked",
        "--quiet",
        "--workspace",
        "--all-targets",
    ];
    shell::run(workspace.cargo(clippy).args(["--", "-D", "warnings"]))?;
    if is_there("cargo-deny", "licences, bans and sources") {
        let deny = [
            "deny",
            "check",
            "--config",
            ".deny.toml",
            "bans",
            "licenses",
            "sources",
        ];
        shell::run(&mut workspace.cargo(deny))?;
    }
    if is_there("typos", "spelling") {
        shell::run(&mut workspace.command("typos"))?;
    }
    Ok(())
}

/// Whether a tool that may be missing is there; one line says what is left out without it.
fn is_there(tool: &str, checks: &str) -> bool {
    let is_there = setup::is_on_path(tool);
    if !is_there {
        println!("xtask: {tool} is not installed: {checks} not checked");
    }
    is_there
}

impl Finding {
    fn at(path: &str, line: usize, message: impl Into<String>) -> Self {
        Self {
            path: path.to_owned(),
            line,
            message: message.into(),
            is_warning: false,
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.is_warning { "warning" } else { "error" };
        match self.line {
            0 => write!(out, "{}: {kind}: {}", self.path, self.message),
            line => write!(out, "{}:{line}: {kind}: {}", self.path, self.message),
        }
    }
}
