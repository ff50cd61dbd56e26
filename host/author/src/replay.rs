//! `plugin replay`: recorded sessions against another component.

use std::{
    fmt::Write,
    fs,
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::{Context, bail};
use kit::{Components, Recorded, Verdict};

use crate::{check::clock, remote::Server};

/// Sessions of one page.
const PAGE: usize = 100;

/// Which sessions, and the component that they are run against.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The component.
    component: PathBuf,
    /// Files of recorded sessions, and folders of them; without any, sessions that a node has recorded.
    files: Vec<PathBuf>,
    /// This session; may be given several times.
    #[arg(long, value_name = "ID", conflicts_with_all = ["plugin", "files"])]
    session: Vec<String>,
    /// Sessions of this plugin, the newest first.
    #[arg(long, value_name = "NAME", conflicts_with = "files")]
    plugin: Option<String>,
    /// Only those that this version began.
    #[arg(long, value_name = "N", requires = "plugin")]
    version: Option<u32>,
    /// Only those that began at this time or later, such as 2026-07-24T08:15:30Z.
    #[arg(long, value_name = "TIME", requires = "plugin")]
    since: Option<String>,
    /// So many sessions at the most.
    #[arg(long, value_name = "N", default_value_t = 1_000, requires = "plugin")]
    limit: usize,
    /// Save the session, of which there must be one, as scenarios/NAME.json: `plugin test` plays it.
    #[arg(long, value_name = "NAME")]
    save_test: Option<String>,
    #[command(flatten)]
    server: Server,
}

/// Runs them all, and tells whether the component decides the same wherever that can be told: what reads keys
/// that were not read then is another policy, too.
pub(crate) async fn run(args: Args) -> anyhow::Result<bool> {
    let Args {
        component,
        files,
        session,
        plugin,
        version,
        since,
        limit,
        save_test,
        server,
    } = args;
    let sessions = match plugin {
        Some(plugin) => {
            let wanted = Wanted {
                plugin,
                version,
                since,
                limit,
            };
            of_plugin(server, &wanted).await?
        }
        None if !session.is_empty() => by_id(server, &session).await?,
        None if !files.is_empty() => of_files(&files)?,
        None => bail!("which sessions? Name files, or --session ID, or --plugin NAME"),
    };
    if sessions.is_empty() {
        bail!("there is no recorded session of these: nothing is known of the component");
    }
    if let Some(name) = &save_test {
        save(name, &sessions)?;
    }
    let bytes = fs::read(&component);
    let bytes = bytes.with_context(|| format!("cannot read {}", component.display()))?;
    // Turns are run to their end on a thread that is none of the runtime's own.
    let replayed = tokio::task::spawn_blocking(move || {
        let components = Components::of(&bytes);
        let components = components.with_context(|| component.display().to_string())?;
        Ok(replay(&sessions, &components))
    });
    replayed.await.context("the replay broke off")?
}

/// Which sessions of a plugin.
struct Wanted {
    plugin: String,
    version: Option<u32>,
    since: Option<String>,
    limit: usize,
}

async fn of_plugin(server: Server, wanted: &Wanted) -> anyhow::Result<Vec<Recorded>> {
    let remote = server.remote()?;
    let mut ids: Vec<String> = Vec::new();
    while ids.len() < wanted.limit {
        let size = PAGE.min(wanted.limit - ids.len());
        let mut path = format!("/api/v1/sessions?limit={size}&plugin={}", wanted.plugin);
        let mut add = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                // Writing into a String cannot fail.
                let _ = write!(path, "&{name}={value}");
            }
        };
        add("version", wanted.version.map(|it| it.to_string()));
        add("since", wanted.since.clone());
        add("starting_after", ids.last().cloned());
        let page = remote.get(&path).await?;
        let rows = page["data"].as_array().into_iter().flatten();
        ids.extend(rows.filter_map(|row| row["session_id"].as_str().map(str::to_owned)));
        if page["has_more"] != true {
            break;
        }
    }
    fetch(&remote, &ids).await
}

async fn by_id(server: Server, ids: &[String]) -> anyhow::Result<Vec<Recorded>> {
    fetch(&server.remote()?, ids).await
}

async fn fetch(remote: &crate::remote::Remote, ids: &[String]) -> anyhow::Result<Vec<Recorded>> {
    let mut sessions = Vec::with_capacity(ids.len());
    for id in ids {
        let turns = remote.get(&format!("/api/v1/sessions/{id}/turns")).await?;
        // All turns of a session may have been too large to be kept.
        if turns["turns"].as_array().is_some_and(Vec::is_empty) {
            eprintln!("{id}: none of its turns is recorded");
            continue;
        }
        sessions.push(Recorded::read(&turns.to_string()).with_context(|| id.clone())?);
    }
    Ok(sessions)
}

fn of_files(places: &[PathBuf]) -> anyhow::Result<Vec<Recorded>> {
    let files = kit::files(places, &["json"]).context("cannot list the files")?;
    let read = |file: &PathBuf| {
        let name = file.display();
        let text = fs::read_to_string(file).with_context(|| format!("cannot read {name}"))?;
        Recorded::read(&text).with_context(|| name.to_string())
    };
    files.iter().map(read).collect()
}

fn save(name: &str, sessions: &[Recorded]) -> anyhow::Result<()> {
    let [session] = sessions else {
        let count = sessions.len();
        bail!("--save-test saves one session, and these are {count}: name one by --session ID");
    };
    let folder = Path::new("scenarios");
    if name.contains('/') {
        bail!("--save-test {name}: a name, and not a path: the file is saved in scenarios/");
    }
    let file = folder.join(format!("{name}.json"));
    if file.exists() {
        let file = file.display();
        bail!("{file} is there already: nothing is overwritten");
    }
    let text = session.write()?;
    let saved = fs::create_dir_all(folder).and_then(|()| fs::write(&file, text));
    let file = file.display();
    saved.with_context(|| format!("cannot write {file}"))?;
    println!("saved: {file}");
    Ok(())
}

fn replay(sessions: &[Recorded], components: &Components) -> bool {
    let began: Instant = clock();
    let (mut turns, mut same, mut differ, mut unknown, mut cut) = (0, 0, 0, 0, 0);
    for session in sessions {
        turns += session.turns.len();
        let id = session.id;
        let verdict = kit::replay(session, components);
        match &verdict {
            Verdict::Same(_) => same += 1,
            Verdict::Differs(_) => differ += 1,
            Verdict::Unknown { .. } => unknown += 1,
            Verdict::Cut(_) => cut += 1,
        }
        if !matches!(verdict, Verdict::Same(_)) {
            println!("{id}: {verdict}");
        }
    }
    let (all, took) = (sessions.len(), began.elapsed().as_millis());
    println!(
        "{all} sessions of {turns} turns in {took} ms: {same} the same, {differ} differ, \
         {unknown} unknown, {cut} cut short"
    );
    differ + unknown == 0
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::{Args, run};

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        args: Args,
    }

    #[test]
    fn no_session_at_all_is_no_success() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().to_str().unwrap();
        let command = Command::parse_from(["replay", "policy.wasm", place]);
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let ran = runtime.unwrap().block_on(run(command.args));
        let why = ran.unwrap_err().to_string();
        assert!(why.starts_with("there is no recorded session"), "{why}");
    }
}
