//! `plugin fuzz`: the search for orders of events that a policy was not written for.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use kit::{Components, Finding, Search};

use crate::trial::{self, Against};

/// Findings around one scenario that a folder holds at most.
const KEPT: u32 = 1_000;

/// Scenarios to search around, how long, and where what is found is kept.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    #[command(flatten)]
    against: Against,
    /// How many times each scenario is played with changes.
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    runs: u32,
    /// The same seed tries the same.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Keep each finding as a scenario in this folder, for `plugin test`.
    #[arg(long, value_name = "FOLDER")]
    save: Option<PathBuf>,
}

/// Searches around all scenarios, and tells whether nothing was found.
pub(crate) async fn run(args: Args) -> anyhow::Result<bool> {
    // Turns are run to their end on the thread that plays, which must not be one of the runtime's own.
    let searched = tokio::task::spawn_blocking(move || search(&args)).await;
    searched.context("the search broke off")?
}

fn search(args: &Args) -> anyhow::Result<bool> {
    let components = args.against.components()?;
    let search = Search {
        runs: args.runs,
        seed: args.seed,
    };
    let began = trial::now();
    let (mut runs, mut found, mut left_out) = (0, 0, 0);
    for file in args.against.files(&["toml"])? {
        let searched = match around(&file, &components, search) {
            Ok(searched) => searched,
            // One that fails already, such as what was found and kept before, keeps nobody from the others.
            Err(why) => {
                left_out += 1;
                println!("not searched: {why:#}");
                continue;
            }
        };
        let name = file.display();
        println!("{:>4} found around {name}", searched.findings.len());
        runs += searched.runs;
        for finding in &searched.findings {
            found += 1;
            tell(finding);
            if let Some(folder) = &args.save {
                keep(folder, &file, finding)?;
            }
        }
    }
    let took = began.elapsed().as_millis();
    println!(
        "{found} found in {runs} runs, {left_out} not searched, seed {}, {took} ms",
        args.seed
    );
    Ok(found == 0 && left_out == 0)
}

fn around(file: &Path, components: &Components, search: Search) -> anyhow::Result<kit::Searched> {
    let name = file.display();
    let text = fs::read_to_string(file).with_context(|| format!("cannot read {name}"))?;
    kit::fuzz(&text, components, search).with_context(|| format!("{name}"))
}

fn tell(finding: &Finding) {
    println!("\n{}\n\n{}", finding.failure, finding.scenario);
    println!("{}", finding.ladders);
    for line in &finding.log {
        println!("log: {line}");
    }
}

/// Under a name that is free: what was found before stays.
fn keep(folder: &Path, around: &Path, finding: &Finding) -> anyhow::Result<()> {
    let stem = around.file_stem().unwrap_or_default().to_string_lossy();
    let file = (1..=KEPT).map(|number| folder.join(format!("{stem}-found-{number}.toml")));
    let Some(file) = file.into_iter().find(|it| !it.exists()) else {
        let folder = folder.display();
        bail!("{folder} has {KEPT} findings around {stem}: mend some, or choose another folder");
    };
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(&file, &finding.scenario))
        .with_context(|| format!("cannot write {}", file.display()))?;
    println!("kept as {}\n", file.display());
    Ok(())
}
