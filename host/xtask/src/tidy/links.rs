//! Links of the documents to files of this repository.

use crate::tidy::Finding;
use crate::tidy::tree::Tree;

/// What opens a link or a picture, and what closes it.
const LINKS: [(&str, char); 3] = [("](", ')'), ("src=\"", '"'), ("href=\"", '"')];

/// Every relative link of a Markdown file must lead to a file or folder that exists.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.files.iter().filter(|file| file.has_ending(".md")) {
        let folder = file.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        for (at, line) in file.text.lines().enumerate() {
            for link in links(line) {
                let path = resolve(folder, link);
                let below = format!("{path}/");
                let exists = path.is_empty()
                    || tree
                        .files
                        .iter()
                        .any(|it| it.path == path || it.path.starts_with(&below));
                if !exists {
                    let message = format!("the link {link} leads nowhere");
                    findings.push(Finding::at(&file.path, at + 1, message));
                }
            }
        }
    }
    findings
}

/// The relative targets on a line, without their fragments.
fn links(line: &str) -> Vec<&str> {
    let mut links = Vec::new();
    for (open, close) in LINKS {
        for (at, _) in line.match_indices(open) {
            let rest = &line[at + open.len()..];
            let target = rest.split(close).next().unwrap_or_default();
            let path = target.split(['#', ' ']).next().unwrap_or_default();
            let is_elsewhere = path.contains("://") || path.starts_with("mailto:");
            if !path.is_empty() && !is_elsewhere {
                links.push(path);
            }
        }
    }
    links
}

/// The path from the root of a link in a file of `folder`.
fn resolve(folder: &str, link: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|it| !it.is_empty()).collect();
    for part in link.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::tidy::tree::Tree;

    fn found(text: &str) -> usize {
        let tree = Tree::of(&[
            ("docs/a.md", text),
            ("docs/adr/0001-x.md", ""),
            ("README.md", ""),
        ]);
        check(&tree).len()
    }

    #[test]
    fn a_link_that_leads_nowhere_is_found() {
        assert_eq!(found("see [it](b.md) and <img src=\"ladder.svg\">"), 2);
        assert_eq!(found("[up](../../README.txt)"), 1);
    }

    #[test]
    fn links_to_files_folders_fragments_and_other_sites_are_good() {
        assert_eq!(
            found("[a](adr/0001-x.md#why) [b](../README.md) [c](adr) [d](#here)"),
            0
        );
        assert_eq!(
            found("[e](https://example.com/x.md) <a href=\"mailto:a@b.example\">"),
            0
        );
    }
}
