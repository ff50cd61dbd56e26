//! Where `unsafe` is forbidden for good.

use crate::tidy::Finding;
use crate::tidy::tree::Tree;

/// Crates whose library forbids it.
const SAFE: [&str; 6] = ["model", "sip", "media", "control", "store", "api"];

/// The attribute that no inner `allow` can undo.
const ATTRIBUTE: &str = "#![forbid(unsafe_code)]";

/// Looks for the attribute at the root of each.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for name in SAFE {
        let path = format!("host/{name}/src/lib.rs");
        let library = tree.files.iter().find(|file| file.path == path);
        let is_safe = library.is_some_and(|file| file.code.contains(ATTRIBUTE));
        if !is_safe {
            findings.push(Finding::at(&path, 0, format!("lacks {ATTRIBUTE}")));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::{ATTRIBUTE, SAFE, check};
    use crate::tidy::tree::Tree;

    #[test]
    fn a_library_without_the_attribute_is_found() {
        let paths = SAFE.map(|name| format!("host/{name}/src/lib.rs"));
        let comment = format!("// {ATTRIBUTE}\n");
        let files: Vec<(&str, &str)> = paths
            .iter()
            .map(|path| {
                let is_bad = path.contains("sip");
                (path.as_str(), if is_bad { &comment } else { ATTRIBUTE })
            })
            .collect();
        let findings = check(&Tree::of(&files));
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].path, "host/sip/src/lib.rs");
    }
}
