//! How components are described to authors.

use std::collections::BTreeSet;

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

/// `call-events` of `jackfield:policy/call-events@0.1.0`.
fn short(name: &str) -> String {
    let own = name.strip_prefix("jackfield:policy/").unwrap_or(name);
    own.split('@').next().unwrap_or(own).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        let full = |name: &&str| format!("jackfield:policy/{name}@0.1.0");
        names.iter().map(full).collect()
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
