//! Names of files and folders: those that say nothing, and the few that the root may hold.

use crate::tidy::Finding;
use crate::tidy::tree::Tree;

/// Files named by what they are not about.
const EMPTY: [&str; 7] = [
    "utils.rs",
    "util.rs",
    "common.rs",
    "helpers.rs",
    "manager.rs",
    "types.rs",
    "misc.rs",
];

/// What lies at the root, beside hidden files.
const ROOT: [&str; 9] = [
    "Cargo.toml",
    "Cargo.lock",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "docs",
    "host",
    "plugins",
    "wit",
];

/// Checks every path.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut strangers: Vec<&str> = Vec::new();
    for file in &tree.files {
        let name = file.name();
        if EMPTY.contains(&name) || is_numbered(name) {
            let message = "a file is named by what it owns";
            findings.push(Finding::at(&file.path, 0, message));
        }
        let top = file.path.split('/').next().unwrap_or_default();
        let is_known = top.starts_with('.') || top == "tests" || ROOT.contains(&top);
        if !is_known && !strangers.contains(&top) {
            strangers.push(top);
            findings.push(Finding::at(top, 0, "does not belong at the root"));
        }
    }
    findings
}

/// Whether a name ends in a version, as in `session_v2.rs`.
fn is_numbered(name: &str) -> bool {
    let stem = name.strip_suffix(".rs").unwrap_or_default();
    let digits = stem.len() - stem.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    digits > 0 && stem[..stem.len() - digits].ends_with("_v")
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::tidy::tree::Tree;

    #[test]
    fn names_that_say_nothing_are_found() {
        for bad in [
            "host/a/src/utils.rs",
            "host/a/src/types.rs",
            "host/a/src/session_v2.rs",
        ] {
            assert_eq!(check(&Tree::of(&[(bad, "")])).len(), 1, "{bad}");
        }
        for good in [
            "host/a/src/ipv6.rs",
            "host/a/src/session.rs",
            "host/a/src/event_types.rs",
        ] {
            assert_eq!(check(&Tree::of(&[(good, "")])), [], "{good}");
        }
    }

    #[test]
    fn strangers_at_the_root_are_found_once() {
        let tree = Tree::of(&[("notes/a.md", ""), ("notes/b.md", ""), (".ci/run", "")]);
        let findings = check(&tree);
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].path, "notes");
    }
}
