//! `plugin test`: scenarios against a component.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::{
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::Instant,
};

use anyhow::{Context, anyhow, bail};
use kit::{Compiled, Components, Recorded, Verdict};

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
    side_by_side(&files, &components, args.ladder, |played| {
        failed += usize::from(!played.passed);
        print!("{}", played.text);
    })?;
    let (all, took) = (files.len(), began.elapsed());
    println!(
        "{} of {all} passed in {} ms",
        all - failed,
        took.as_millis()
    );
    Ok(failed == 0)
}

/// Files that have been played and not been told of, at most.
const AHEAD: usize = 64;

/// What came of a file, and what is said of it.
struct Played {
    passed: bool,
    text: String,
}

/// Plays the files on all processors, and tells of them in their order.
fn side_by_side(
    files: &[PathBuf],
    components: &Components,
    ladder: bool,
    mut tell: impl FnMut(Played),
) -> anyhow::Result<()> {
    let (sender, results) = mpsc::sync_channel(AHEAD);
    let next = AtomicUsize::new(0);
    let work = |compiled: Compiled, sender: mpsc::SyncSender<_>| {
        let components = compiled.here();
        while let Some((at, file)) = take(&next, files) {
            let played = match &components {
                Ok(components) => one(file, components, ladder),
                Err(why) => Err(anyhow!("{why}")),
            };
            if sender.send((at, played)).is_err() {
                break;
            }
        }
    };
    thread::scope(|scope| {
        let processors = thread::available_parallelism().map_or(1, usize::from);
        for _ in 0..processors.min(files.len()) {
            let (compiled, sender) = (components.compiled(), sender.clone());
            scope.spawn(move || work(compiled, sender));
        }
        drop(sender);
        let (mut early, mut due) = (BTreeMap::new(), 0);
        // Whoever plays hears of an error when nobody takes what it sends.
        for (at, played) in results {
            early.insert(at, played);
            while let Some(played) = early.remove(&due) {
                due += 1;
                tell(played?);
            }
        }
        Ok(())
    })
}

/// The next file that nobody plays yet, and its place.
fn take<'a>(next: &AtomicUsize, files: &'a [PathBuf]) -> Option<(usize, &'a Path)> {
    let at = next.fetch_add(1, Ordering::Relaxed);
    files.get(at).map(|file| (at, file.as_path()))
}

/// A scenario or a recorded session.
fn one(file: &Path, components: &Components, ladder: bool) -> anyhow::Result<Played> {
    let name = file.display();
    let text = fs::read_to_string(file).with_context(|| format!("cannot read {name}"))?;
    let mut lines = Vec::new();
    let passed;
    if file.extension().is_some_and(|end| end == "json") {
        let session = Recorded::read(&text).with_context(|| format!("{name}"))?;
        let verdict = kit::replay(&session, components);
        let turns = session.turns.len();
        // It is a test of the turns that there are.
        passed = matches!(verdict, Verdict::Same(it) | Verdict::Cut(it) if it == turns);
        if !passed {
            lines.push(format!("    {verdict}"));
        }
    } else {
        let report = kit::play(&text, components).with_context(|| format!("{name}"))?;
        passed = report.failures.is_empty();
        lines.extend(report.failures.iter().map(|it| format!("    {it}")));
        if !passed || ladder {
            lines.push(format!("\n{}", report.ladders));
            lines.extend(report.log.iter().map(|line| format!("log: {line}")));
        }
    }
    lines.insert(
        0,
        format!("{} {name}", if passed { "ok    " } else { "FAILED" }),
    );
    let text = lines.into_iter().map(|line| line + "\n").collect();
    Ok(Played { passed, text })
}

/// For how long it took.
#[expect(clippy::disallowed_methods, reason = "the clock of a command")]
pub(crate) fn now() -> Instant {
    Instant::now()
}
