//! How components are described to authors.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::Value;

/// What it imports and exports, a line each; the package is ours.
pub(crate) fn ports(imports: &[String], exports: &[String]) -> String {
    let line = |what: &str, names: &[String]| {
        let names: Vec<_> = names.iter().map(|name| short(name)).collect();
        format!("  {what} {}\n", names.join(", "))
    };
    line("imports", imports) + &line("exports", exports)
}

/// What a version can do that another could not, and the other way round; empty if they can do the same.
pub(crate) fn difference(before: &[String], after: &[String]) -> String {
    let set = |names: &[String]| {
        names
            .iter()
            .map(|name| short(name))
            .collect::<BTreeSet<_>>()
    };
    let (before, after) = (set(before), set(after));
    let gained = after.difference(&before).map(|name| format!("+{name}"));
    let lost = before.difference(&after).map(|name| format!("-{name}"));
    gained.chain(lost).collect::<Vec<_>>().join(" ")
}

/// Which versions new sessions begin with, of an activation as a node tells it.
pub(crate) fn shares(activation: &Value) -> String {
    let shares = activation["shares"].as_array().map(Vec::as_slice);
    let mut words = begun(shares.unwrap_or_default());
    let given_up = &activation["rolled_back"];
    if let (Some(why), Some(at)) = (given_up["why"].as_str(), given_up["at"].as_str()) {
        let version = &given_up["version"];
        let _ = write!(words, " (version {version} was given up at {at}: {why})");
    }
    let shadow = &activation["shadow"];
    if shadow.is_null() {
        return words;
    }
    let [version, sessions] = [&shadow["version"], &shadow["sessions"]];
    let [differ, unknown] = [&shadow["differ"], &shadow["unknown"]];
    format!(
        "{words}, version {version} its shadow ({sessions} sessions, {differ} differ, {unknown} unknown)"
    )
}

/// The versions that have effects.
fn begun(shares: &[Value]) -> String {
    match shares {
        [] => "nothing active".to_owned(),
        [active] => format!("version {} active", active["version"]),
        [trial, active, ..] => format!(
            "version {} active, version {} on trial for {} %",
            active["version"], trial["version"], trial["percent"]
        ),
    }
}

/// `call-events` of `jackfield:policy/call-events@0.1.0`.
fn short(name: &str) -> String {
    let own = name.strip_prefix("jackfield:policy/").unwrap_or(name);
    own.split('@').next().unwrap_or(own).to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        let full = |name: &&str| format!("jackfield:policy/{name}@0.1.0");
        names.iter().map(full).collect()
    }

    #[test]
    fn a_version_on_trial_is_told_with_its_share() {
        let all = json!({ "shares": [{ "version": 2, "percent": 100 }] });
        let some = json!({ "shares": [{ "version": 3, "percent": 10 },
                                      { "version": 2, "percent": 90 }] });
        let back = json!({ "version": 2, "why": "3 turns faulted", "at": "today" });
        let back = json!({ "shares": [{ "version": 1, "percent": 100 }], "rolled_back": back });
        assert_eq!(
            shares(&back),
            "version 1 active (version 2 was given up at today: 3 turns faulted)"
        );
        assert_eq!(shares(&Value::Null), "nothing active");
        assert_eq!(shares(&all), "version 2 active");
        assert_eq!(
            shares(&some),
            "version 2 active, version 3 on trial for 10 %"
        );
        let mut shadow = all.clone();
        shadow["shadow"] = json!({ "version": 3, "sessions": 9, "differ": 1, "unknown": 2 });
        assert_eq!(
            shares(&shadow),
            "version 2 active, version 3 its shadow (9 sessions, 1 differ, 2 unknown)"
        );
    }

    #[test]
    fn what_versions_can_do_is_compared_by_name() {
        let (one, two) = (
            names(&["call-events", "timer-events"]),
            names(&["call-events", "media-events"]),
        );
        assert_eq!(difference(&one, &two), "+media-events -timer-events");
        assert_eq!(difference(&one, &one), "");
        assert_eq!(
            ports(&names(&["call"]), &two),
            "  imports call\n  exports call-events, media-events\n"
        );
    }
}
