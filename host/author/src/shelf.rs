//! A tenant's plugins over REST: what there is, what is active, what was logged.

use std::{fs, path::Path, time::Duration};

use anyhow::Context;
use serde_json::{Value, json};

use crate::{remote::Remote, words};

/// Between two attempts to follow a log on.
const AGAIN: Duration = Duration::from_secs(1);

/// Uploads a component, and says by what it differs from the version that is active.
pub(crate) async fn push(remote: &Remote, file: &Path, name: Option<&str>) -> anyhow::Result<bool> {
    let stem = || file.file_stem().and_then(|stem| stem.to_str());
    let name = name
        .or_else(stem)
        .context("--name: what is the plugin called?")?;
    let octets = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    let before = active(remote, name).await;
    let path = format!("/api/v1/plugins/{name}/versions");
    let version = remote.upload(&path, "application/wasm", octets).await?;
    if remote.json {
        return show(&version);
    }
    let number = &version["version"];
    println!(
        "{name}: version {number}, {} octets, {}",
        version["size"],
        text(&version, "digest")
    );
    let [imports, exports] = ["imports", "exports"].map(|what| names(&version, what));
    print!("{}", words::ports(&imports, &exports));
    if let Some(before) = before {
        for what in ["imports", "exports"] {
            let difference = words::difference(&names(&before, what), &names(&version, what));
            if !difference.is_empty() {
                println!("  {what} since version {}: {difference}", before["version"]);
            }
        }
    }
    println!("not active yet: jackfield plugin activate {name} {number}");
    Ok(true)
}

/// The version that new sessions begin with, if there is one.
async fn active(remote: &Remote, name: &str) -> Option<Value> {
    let path = format!("/api/v1/plugins/{name}");
    let active = remote.get(&format!("{path}/activation")).await.ok()?;
    let number = active["version"].as_u64()?;
    let versions = remote
        .get(&format!("{path}/versions?limit=100"))
        .await
        .ok()?;
    let mut versions = versions["data"].as_array()?.iter();
    versions.find(|it| it["version"] == number).cloned()
}

/// Shows the plugins, or the versions of one.
pub(crate) async fn list(remote: &Remote, name: Option<&str>) -> anyhow::Result<bool> {
    let path = match name {
        Some(name) => format!("/api/v1/plugins/{name}/versions?limit=100"),
        None => "/api/v1/plugins?limit=100".to_owned(),
    };
    let list = remote.get(&path).await?;
    if remote.json {
        return show(&list);
    }
    for one in list["data"].as_array().into_iter().flatten() {
        if name.is_some() {
            println!(
                "{:>4}  {}  {} octets  {}",
                one["version"],
                text(one, "created"),
                one["size"],
                text(one, "digest")
            );
        } else {
            println!(
                "{}  {}, {} the newest",
                text(one, "name"),
                words::shares(&one["activation"]),
                one["newest_version"]
            );
        }
    }
    if list["has_more"] == true {
        println!("and more: only the first hundred are shown");
    }
    Ok(true)
}

/// How a version is activated.
pub(crate) enum How {
    /// For a share of new sessions, unless too many of its turns fault within the window.
    Share {
        /// Percent.
        percent: u8,
        /// So many are too many.
        max_faults: u32,
        /// Seconds.
        fault_window: u32,
    },
    /// To run along.
    Shadow,
}

/// Activates a version, tries it on a share of new sessions, or lets it run along.
pub(crate) async fn activate(
    remote: &Remote,
    name: &str,
    version: u32,
    how: How,
) -> anyhow::Result<bool> {
    let path = format!("/api/v1/plugins/{name}/activation");
    let body = match how {
        How::Share {
            percent,
            max_faults,
            fault_window,
        } => json!({
            "version": version, "percent": percent,
            "max_faults": max_faults, "fault_window_seconds": fault_window,
        }),
        How::Shadow => json!({ "version": version, "shadow": true }),
    };
    activated(remote, &remote.put(&path, &body).await?)
}

/// Ends a trial, or activates the version before.
pub(crate) async fn rollback(remote: &Remote, name: &str) -> anyhow::Result<bool> {
    let active = remote
        .post(&format!("/api/v1/plugins/{name}/rollback"))
        .await?;
    activated(remote, &active)
}

fn activated(remote: &Remote, active: &Value) -> anyhow::Result<bool> {
    if remote.json {
        return show(active);
    }
    let plugin = text(active, "plugin");
    let before = active["previous_version"].as_u64();
    match before {
        _ if active["percent"] != 100 || !active["shadow"].is_null() => {
            println!("{plugin}: {}", words::shares(active));
        }
        Some(before) => {
            let version = &active["version"];
            println!("{plugin}: version {version} is active (before: {before})");
        }
        None => println!("{plugin}: version {} is active", active["version"]),
    }
    Ok(true)
}

/// Shows the last lines of a log, and those to come if they are wanted.
pub(crate) async fn logs(remote: &Remote, name: &str, follow: bool) -> anyhow::Result<bool> {
    let path = format!("/api/v1/plugins/{name}/logs");
    let mut after = 0;
    loop {
        let page = remote
            .get(&format!("{path}?limit=100&starting_after={after}"))
            .await?;
        for line in page["data"].as_array().into_iter().flatten() {
            after = line["seq"].as_u64().unwrap_or(after);
            tell(remote, line);
        }
        if page["has_more"] != true {
            break;
        }
    }
    if !follow {
        return Ok(true);
    }
    loop {
        after = follow_on(remote, &path, after).await?;
        tokio::time::sleep(AGAIN).await;
    }
}

/// Shows lines behind that one as they come, until the stream ends; the last one shown.
async fn follow_on(remote: &Remote, path: &str, mut after: u64) -> anyhow::Result<u64> {
    let mut events = remote.events(path, after).await?;
    let mut rest = Vec::new();
    while let Ok(Some(piece)) = events.chunk().await {
        rest.extend_from_slice(&piece);
        while let Some(end) = rest.windows(2).position(|it| it == b"\n\n") {
            let event: Vec<u8> = rest.drain(..end + 2).collect();
            if let Some(line) = data(&event) {
                after = line["seq"].as_u64().unwrap_or(after);
                tell(remote, &line);
            }
        }
    }
    Ok(after)
}

/// The JSON of a server-sent event; none of one that only says that somebody is there.
fn data(event: &[u8]) -> Option<Value> {
    let text = std::str::from_utf8(event).ok()?;
    let data = text.lines().find_map(|line| line.strip_prefix("data:"))?;
    serde_json::from_str(data.trim()).ok()
}

fn tell(remote: &Remote, line: &Value) {
    if remote.json {
        println!("{line}");
        return;
    }
    let session = line["session_id"].as_str().unwrap_or("-");
    let level = text(line, "level");
    println!(
        "{} {level:5} v{} {session} {}",
        text(line, "at"),
        line["version"],
        text(line, "message")
    );
}

fn show(value: &Value) -> anyhow::Result<bool> {
    println!("{}", serde_json::to_string_pretty(value)?);
    Ok(true)
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

fn names(version: &Value, what: &str) -> Vec<String> {
    let names = version[what].as_array().into_iter().flatten();
    names
        .filter_map(|name| name.as_str().map(str::to_owned))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::data;

    #[test]
    fn a_line_is_read_of_an_event_and_a_sign_of_life_is_none() {
        let line = data(b"id: 7\nevent: line\ndata: {\"seq\": 7}\n\n");
        assert_eq!(line.map(|it| it["seq"].clone()), Some(7.into()));
        assert_eq!(data(b":\n\n"), None);
    }
}
