//! `plugin test`: scenarios against a component.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::{Context, bail};
use kit::{Components, Recorded, Verdict};

use crate::project;

/// Scenarios, and the component that they are played against.
#[derive(clap::Args, Debug)]
pub(crate) struct Against {
    /// Scenario files, and folders of them.
    #[arg(default_value = "scenarios")]
    scenarios: Vec<PathBuf>,
    /// The component; without it, that of the project in this folder, as it was built last.
    #[arg(long, value_name = "FILE")]
    component: Option<PathBuf>,
}

impl Against {
    /// The component, compiled.
    pub(crate) fn components(&self) -> anyhow::Result<Components> {
        let component = match &self.component {
            Some(file) => file.clone(),
            None => project::built(Path::new("."))?,
        };
        let bytes = fs::read(&component).with_context(|| {
            let component = component.display();
            format!("cannot read {component}: `jackfield plugin build` makes it")
        })?;
        let refused = || format!("{}", component.display());
        Components::of(&bytes).with_context(refused)
    }

    /// The files whose names end so, or that are named; at least one.
    pub(crate) fn files(&self, ends: &[&str]) -> anyhow::Result<Vec<PathBuf>> {
        let files = kit::files(&self.scenarios, ends).context("cannot list the scenarios")?;
        if files.is_empty() {
            bail!("there are no scenarios: a folder's are its files *.toml");
        }
        Ok(files)
    }
}

/// What `plugin test` is told.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    #[command(flatten)]
    against: Against,
    /// Draw the ladder of those that pass as well.
    #[arg(long)]
    ladder: bool,
}

/// Plays them all, and tells whether all passed.
pub(crate) async fn run(args: Args) -> anyhow::Result<bool> {
    // Turns are run to their end on the thread that plays, which must not be one of the runtime's own.
    let played = tokio::task::spawn_blocking(move || play(&args)).await;
    played.context("the test broke off")?
}

fn play(args: &Args) -> anyhow::Result<bool> {
    let components = args.against.components()?;
    let files = args.against.files(&["toml", "json"])?;
    let began = now();
    let mut failed = 0;
    for file in &files {
        let name = file.display();
        let text = fs::read_to_string(file).with_context(|| format!("cannot read {name}"))?;
        if file.extension().is_some_and(|end| end == "json") {
            let session = Recorded::read(&text).with_context(|| format!("{name}"))?;
            let verdict = kit::replay(&session, &components);
            let passed = matches!(verdict, Verdict::Same(_));
            failed += usize::from(!passed);
            println!("{} {name}", if passed { "ok    " } else { "FAILED" });
            if !passed {
                println!("    {verdict}");
            }
            continue;
        }
        let report = kit::play(&text, &components).with_context(|| format!("{name}"))?;
        let passed = report.failures.is_empty();
        failed += usize::from(!passed);
        println!("{} {name}", if passed { "ok    " } else { "FAILED" });
        for failure in &report.failures {
            println!("    {failure}");
        }
        if !passed || args.ladder {
            println!("\n{}", report.ladders);
            for line in &report.log {
                println!("log: {line}");
            }
        }
    }
    let (all, took) = (files.len(), began.elapsed());
    println!(
        "{} of {all} passed in {} ms",
        all - failed,
        took.as_millis()
    );
    Ok(failed == 0)
}

/// For how long it took.
#[expect(clippy::disallowed_methods, reason = "the clock of a command")]
pub(crate) fn now() -> Instant {
    Instant::now()
}
