//! Setting up a developer's machine: the wasm target, and SIPp.
//!
//! It owns what is installed and how. It asks nobody for a password and leaves alone what it may not
//! change: then it says in one line what is missing, and what follows from that.

use std::process::{Command, Stdio};

use anyhow::{Result, bail};

use crate::shell::{self, Workspace};

/// The target that policies are built for.
const TARGET: &str = "wasm32-unknown-unknown";

/// A system's package manager and its words for installing SIPp.
struct Installer {
    /// The program whose presence tells the system.
    manager: &'static str,
    /// Whether it must be run as root.
    as_root: bool,
    /// What to run, in order.
    steps: &'static [&'static [&'static str]],
}

const INSTALLERS: [Installer; 3] = [
    Installer {
        manager: "apt-get",
        as_root: true,
        steps: &[
            &["apt-get", "update", "-qq"],
            &[
                "apt-get",
                "install",
                "-qq",
                "-y",
                "--no-install-recommends",
                "sip-tester",
            ],
        ],
    },
    Installer {
        manager: "dnf",
        as_root: true,
        steps: &[&["dnf", "install", "-q", "-y", "sipp"]],
    },
    Installer {
        manager: "brew",
        as_root: false,
        steps: &[&["brew", "install", "--quiet", "sipp"]],
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

/// Whether SIPp is there, after an attempt to install it. If not, one line has said so.
pub(crate) fn sipp(workspace: &Workspace) -> bool {
    if is_on_path("sipp") {
        return true;
    }
    let missing = "SIPp is not installed (Debian: apt-get install sip-tester): \
                   the SIPp scenarios of tests/e2e are left out";
    let Some(installer) = INSTALLERS.iter().find(|it| is_on_path(it.manager)) else {
        println!("xtask: {missing}");
        return false;
    };
    let sudo: &[&str] = match () {
        () if !installer.as_root || is_root() => &[],
        () if shell::succeeds(Command::new("sudo").args(["-n", "true"])) => &["sudo", "-n"],
        () => {
            println!("xtask: {missing}");
            return false;
        }
    };
    println!(
        "xtask: SIPp is missing; installing it with {}",
        installer.manager
    );
    let installed = installer
        .steps
        .iter()
        .all(|step| install_step(workspace, sudo, step));
    if installed && is_on_path("sipp") {
        return true;
    }
    println!("xtask: {missing}");
    false
}

/// One step of an installer; what it prints on standard output is of no interest.
fn install_step(workspace: &Workspace, sudo: &[&str], step: &[&str]) -> bool {
    let words: Vec<&str> = sudo.iter().chain(step).copied().collect();
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
