//! Setting up a developer's machine: the wasm target, and the SIP peers of the end-to-end tests.
//!
//! It owns what is installed and how. It asks nobody for a password and leaves alone what it may not
//! change: then it says in one line what is missing, and what follows from that.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Result, bail};

use crate::shell::{self, Workspace};

/// The target that policies are built for.
const TARGET: &str = "wasm32-unknown-unknown";

/// A program that tests drive and the project does not bring.
pub(crate) struct Peer {
    /// Its name on the search path.
    pub(crate) program: &'static str,
    /// Tells the end-to-end tier whether it may rely on it.
    pub(crate) variable: &'static str,
    /// What is left out without it.
    pub(crate) shows: &'static str,
    /// The package that has it, by package manager.
    packages: [(&'static str, &'static str); 3],
}

/// Plays scenarios, one message after the other.
pub(crate) const SIPP: Peer = Peer {
    program: "sipp",
    variable: "E2E_SIPP",
    shows: "the SIPp scenarios of tests/e2e",
    packages: [("apt-get", "sip-tester"), ("dnf", "sipp"), ("brew", "sipp")],
};

/// A softphone.
pub(crate) const BARESIP: Peer = Peer {
    program: "baresip",
    variable: "E2E_BARESIP",
    shows: "the softphones of tests/e2e",
    packages: [
        ("apt-get", "baresip"),
        ("dnf", "baresip"),
        ("brew", "baresip"),
    ],
};

/// A program in Python that tests drive: no system's package, so it has an environment of its own.
pub(crate) struct Tool {
    /// Its name, and in small letters that of its folder.
    pub(crate) name: &'static str,
    /// Tells the tests where its python is.
    pub(crate) variable: &'static str,
    /// What is left out without it.
    pub(crate) shows: &'static str,
    /// What is installed.
    packages: &'static [&'static str],
    /// What can be imported once it is.
    module: &'static str,
}

/// A scanner.
pub(crate) const SIPVICIOUS: Tool = Tool {
    name: "SIPVicious",
    variable: "E2E_SIPVICIOUS",
    shows: "its scans of tests/e2e",
    packages: &["sipvicious==0.3.4"],
    module: "sipvicious.svmap",
};

/// A store that speaks S3 and checks signatures.
pub(crate) const MOTO: Tool = Tool {
    name: "moto",
    variable: "E2E_MOTO",
    shows: "recordings in a bucket",
    packages: &["moto[s3]==5.2.5", "flask==3.1.3", "flask-cors==6.0.5"],
    module: "moto.server",
};

/// How a python installs something; the packages follow.
const PIP: [&str; 7] = [
    "-m",
    "pip",
    "install",
    "--quiet",
    "--no-input",
    "--timeout",
    "10",
];

/// A system's package manager.
struct Installer {
    /// The program whose presence tells the system.
    manager: &'static str,
    /// Whether it must be run as root.
    as_root: bool,
    /// What to run, in order; the package's name follows the last.
    steps: &'static [&'static [&'static str]],
}

const INSTALLERS: [Installer; 3] = [
    Installer {
        manager: "apt-get",
        as_root: true,
        steps: &[
            &["apt-get", "update", "-qq"],
            &["apt-get", "install", "-qq", "-y", "--no-install-recommends"],
        ],
    },
    Installer {
        manager: "dnf",
        as_root: true,
        steps: &[&["dnf", "install", "-q", "-y"]],
    },
    Installer {
        manager: "brew",
        as_root: false,
        steps: &[&["brew", "install", "--quiet"]],
    },
];

/// Sees to it that the standard library for policies is there; rustup fetches it if not.
pub(crate) fn wasm_target(workspace: &Workspace) -> Result<()> {
    if has_wasm_target(workspace) {
        return Ok(());
    }
    println!("xtask: rustup target add {TARGET}");
    let added = shell::run(workspace.command("rustup").args(["target", "add", TARGET]));
    if added.is_err() || !has_wasm_target(workspace) {
        bail!("the target {TARGET} is missing and could not be added: rustup target add {TARGET}");
    }
    Ok(())
}

impl Tool {
    /// The python that has it, after an attempt to install it in the target folder. If there is none, one line has
    /// said so.
    pub(crate) fn python(&self, workspace: &Workspace) -> Option<PathBuf> {
        let folder = workspace.target.join(self.name.to_lowercase());
        let python = folder.join("bin/python");
        let import = format!("import {}", self.module);
        let has_it = || {
            let mut command = Command::new(&python);
            command.args(["-c", &import]);
            python.is_file() && shell::succeeds(&mut command)
        };
        if !has_it() {
            let folder = folder.to_string_lossy();
            let python = python.to_string_lossy();
            let words = [&*python]
                .into_iter()
                .chain(PIP)
                .chain(self.packages.iter().copied());
            let words: Vec<&str> = words.collect();
            let _ = install_step(workspace, &["python3", "-m", "venv", &folder])
                && install_step(workspace, &words);
        }
        let there = has_it();
        if !there {
            let Self { name, shows, .. } = self;
            println!("xtask: {name} could not be installed: {shows} are left out");
        }
        there.then_some(python)
    }
}

impl Peer {
    /// Whether it is there, after an attempt to install it. If not, one line has said so.
    pub(crate) fn is_there(&self, workspace: &Workspace) -> bool {
        if is_on_path(self.program) || self.install(workspace) {
            return true;
        }
        let (program, shows) = (self.program, self.shows);
        let (manager, package) = self.packages[0];
        println!(
            "xtask: {program} is not installed (Debian: {manager} install {package}): {shows} are left out"
        );
        false
    }

    fn install(&self, workspace: &Workspace) -> bool {
        let Some(installer) = INSTALLERS.iter().find(|it| is_on_path(it.manager)) else {
            return false;
        };
        let sudo: &[&str] = match () {
            () if !installer.as_root || is_root() => &[],
            () if shell::succeeds(Command::new("sudo").args(["-n", "true"])) => &["sudo", "-n"],
            () => return false,
        };
        let (program, manager) = (self.program, installer.manager);
        let package = self.packages.iter().find(|it| it.0 == manager);
        let Some((_, package)) = package else {
            return false;
        };
        println!("xtask: {program} is missing; installing it with {manager}");
        let last = installer.steps.len() - 1;
        let mut steps = installer.steps.iter().enumerate();
        let installed = steps.all(|(number, step)| {
            let package = Some(*package).filter(|_| number == last);
            let words: Vec<&str> = sudo.iter().chain(*step).copied().chain(package).collect();
            install_step(workspace, &words)
        });
        installed && is_on_path(program)
    }
}

/// One step of an installer; what it prints on standard output is of no interest.
fn install_step(workspace: &Workspace, words: &[&str]) -> bool {
    let Some((program, arguments)) = words.split_first() else {
        return false;
    };
    let mut command = workspace.command(program);
    command
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    shell::run(&mut command).is_ok()
}

/// Asks the compiler where the target's libraries ought to be, and looks.
fn has_wasm_target(workspace: &Workspace) -> bool {
    let output = workspace
        .command("rustc")
        .args(["--print", "target-libdir", "--target", TARGET])
        .output();
    output.is_ok_and(|output| {
        let folder = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        output.status.success() && std::path::Path::new(&folder).is_dir()
    })
}

/// Whether we are root: asked of `id`, because the standard library cannot tell.
fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output();
    output.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

/// Whether a program of that name lies on the search path.
pub(crate) fn is_on_path(program: &str) -> bool {
    let Some(path) = std::env::var_os("PATH") else {
        return false;
    };
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}
