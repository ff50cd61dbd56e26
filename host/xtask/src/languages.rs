//! Policies in other languages than Rust: their tools, and that they hold.
//!
//! It owns how those tools are installed, which is as their projects' READMEs say, into the examples' own folders,
//! and what is asked of each language: its makecall passes the scenarios that the one in Rust does, and a new project
//! builds. Both go through the built binary, as an author's would. That it takes live sessions over is asked of its
//! component in `tests/flows`.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, io, thread};

use anyhow::{Context, Result, anyhow};

use crate::setup;
use crate::shell::{self, Workspace};

/// What makecall does, whatever it is written in.
const SCENARIOS: [&str; 2] = [
    "plugins/makecall/scenarios/base",
    "plugins/makecall/scenarios/product",
];

/// A copy of the pins beside the tools that were installed by them: times say less.
const MARKER: &str = ".pins";

/// A language whose policies are made by tools of its own.
pub(crate) struct Language {
    /// What `plugin new --lang` calls it.
    pub(crate) name: &'static str,
    /// Its makecall, below `plugins/`.
    pub(crate) example: &'static str,
    /// What must be on the search path for its tools to be installed.
    manager: &'static str,
    /// What the project pins.
    pins: &'static str,
    /// Where the tools are.
    tools: &'static str,
    /// How they are installed, in the example's folder.
    steps: &'static [&'static [&'static str]],
}

/// All there are.
pub(crate) static LANGUAGES: [Language; 2] = [
    Language {
        name: "js",
        example: "makecall-js",
        manager: "npm",
        pins: "package-lock.json",
        tools: "node_modules",
        steps: &[&[
            "npm",
            "ci",
            "--no-audit",
            "--no-fund",
            "--fetch-retries=1",
            "--fetch-timeout=20000",
        ]],
    },
    Language {
        name: "python",
        example: "makecall-py",
        manager: "python3",
        pins: "requirements.txt",
        tools: ".venv",
        steps: &[
            &["python3", "-m", "venv", ".venv"],
            &[
                ".venv/bin/python",
                "-m",
                "pip",
                "install",
                "--quiet",
                "--no-input",
                "--timeout",
                "10",
                "-r",
                "requirements.txt",
            ],
        ],
    },
];

impl Language {
    /// Whether its tools are there, after an attempt to install them. If not, one line has said so.
    pub(crate) fn is_there(&self, workspace: &Workspace) -> bool {
        let folder = workspace.root.join("plugins").join(self.example);
        if self.is_installed(&folder) {
            return true;
        }
        if setup::is_on_path(self.manager) {
            println!("xtask: installing the tools of plugins/{}", self.example);
            let step = |words: &[&str]| {
                let mut command = Command::new(words[0]);
                command.args(&words[1..]).current_dir(&folder);
                shell::run(&mut command).is_ok()
            };
            // What was made from other pins is made anew; what is not there need not go.
            let _ = fs::remove_dir_all(folder.join(self.tools));
            if self.steps.iter().all(|words| step(words)) && self.mark(&folder).is_ok() {
                return true;
            }
        }
        let Self { name, manager, .. } = self;
        println!("xtask: the tools of {name} could not be installed ({manager}): left out");
        false
    }

    /// Whether what is pinned is what was installed.
    fn is_installed(&self, folder: &Path) -> bool {
        let marked = fs::read(folder.join(self.tools).join(MARKER));
        let pinned = fs::read(folder.join(self.pins));
        matches!((marked, pinned), (Ok(marked), Ok(pinned)) if marked == pinned)
    }

    /// All steps have been taken with these pins.
    fn mark(&self, folder: &Path) -> io::Result<()> {
        let marker = folder.join(self.tools).join(MARKER);
        fs::copy(folder.join(self.pins), marker).map(|_| ())
    }

    /// Builds its makecall, plays the scenarios against it, and builds a new project; where the component is.
    fn check(&self, workspace: &Workspace) -> Result<PathBuf> {
        let server = workspace.server_binary();
        let component = self.component(workspace, server.as_os_str())?;
        let test = ["plugin", "test", "--component", &component];
        shell::run(workspace.command(&server).args(test).args(SCENARIOS))?;
        let place = workspace.target.join("languages");
        let project = place.join(self.name);
        // What the last run left is not of interest.
        let _ = fs::remove_dir_all(&project);
        fs::create_dir_all(&place).with_context(|| format!("cannot make {}", place.display()))?;
        let jackfield = |words: &[&str]| {
            let mut command = workspace.command(&server);
            shell::run(command.args(words).current_dir(&place))
        };
        jackfield(&["plugin", "new", self.name, "--lang", self.name])?;
        let tools = workspace.root.join("plugins").join(self.example);
        std::os::unix::fs::symlink(tools.join(self.tools), project.join(self.tools))
            .context("cannot lend a new project its tools")?;
        jackfield(&["plugin", "build", self.name])?;
        Ok(workspace.root.join(component))
    }

    /// Builds its makecall by that binary; where the component is, from the root.
    pub(crate) fn component(&self, workspace: &Workspace, server: &OsStr) -> Result<String> {
        let project = format!("plugins/{}", self.example);
        let mut command = workspace.command(server);
        command.args(["plugin", "build", &project]);
        // Beside the figures of a benchmark, which may be a document of their own.
        shell::run(command.stdout(io::stderr()))?;
        Ok(format!("{project}/target/plugins/{}.wasm", self.example))
    }
}

/// Checks those that are there, all at once: each is busy with one thread for most of a minute. Where the components
/// of their makecalls are.
pub(crate) fn run(workspace: &Workspace, languages: &[(bool, &Language)]) -> Result<Vec<PathBuf>> {
    thread::scope(|scope| {
        let there = languages.iter().filter(|(is_there, _)| *is_there);
        let there = there.map(|(_, language)| *language);
        let begun = there.map(|language| scope.spawn(move || language.check(workspace)));
        let all: Vec<_> = begun.collect();
        let joined = all.into_iter().map(thread::ScopedJoinHandle::join);
        let ended = joined.map(|it| it.map_err(|_| anyhow!("a check panicked"))?);
        ended.collect()
    })
}
