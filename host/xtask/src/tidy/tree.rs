//! The files of the checkout, read once.
//!
//! It owns which files count (what a build leaves behind does not) and what of a Rust file is test.

use std::path::Path;
use std::{fs, io};

use crate::tidy::source;

/// Folders that hold no source.
const SKIPPED: [&str; 6] = ["target", "data", ".git", "corpus", "node_modules", ".venv"];

/// Every text that the checks look at.
#[derive(Debug, Default)]
pub(super) struct Tree {
    /// In order of their paths.
    pub(super) files: Vec<File>,
}

/// One file.
#[derive(Debug)]
pub(super) struct File {
    /// From the root, with `/` between its parts.
    pub(super) path: String,
    /// As it is. Empty for files that are not Rust, TOML or Markdown: of those only the name counts.
    pub(super) text: String,
    /// Rust only: the same lines, with strings, characters and comments blanked.
    pub(super) code: String,
}

impl Tree {
    /// Reads everything below `root`.
    pub(super) fn read(root: &Path) -> io::Result<Self> {
        let mut tree = Self::default();
        tree.read_folder(root, "")?;
        tree.files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(tree)
    }

    /// A tree of one's own making, for the tests of the checks.
    #[cfg(test)]
    pub(super) fn of(files: &[(&str, &str)]) -> Self {
        let files = files.iter().map(|(path, text)| File::new(path, text));
        Self {
            files: files.collect(),
        }
    }

    /// The files of Rust.
    pub(super) fn rust(&self) -> impl Iterator<Item = &File> {
        self.files.iter().filter(|file| file.has_ending(".rs"))
    }

    fn read_folder(&mut self, root: &Path, below: &str) -> io::Result<()> {
        for entry in fs::read_dir(root.join(below))? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = match below {
                "" => name.clone(),
                below => format!("{below}/{name}"),
            };
            let kind = entry.file_type()?;
            if kind.is_dir() && !SKIPPED.contains(&name.as_str()) {
                self.read_folder(root, &path)?;
            } else if kind.is_file() {
                let is_text = [".rs", ".toml", ".md"]
                    .iter()
                    .any(|it| ends_with(&name, it));
                let text = if is_text {
                    fs::read_to_string(entry.path())?
                } else {
                    String::new()
                };
                self.files.push(File::new(&path, &text));
            }
        }
        Ok(())
    }
}

impl File {
    fn new(path: &str, text: &str) -> Self {
        let code = if ends_with(path, ".rs") {
            source::blank(text)
        } else {
            String::new()
        };
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
            code,
        }
    }

    /// Whether the path ends so.
    pub(super) fn has_ending(&self, ending: &str) -> bool {
        ends_with(&self.path, ending)
    }

    /// The name without its folders.
    pub(super) fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }

    /// The crate's folder: the first two parts of the path.
    pub(super) fn member(&self) -> &str {
        let end = self.path.match_indices('/').nth(1).map(|(at, _)| at);
        &self.path[..end.unwrap_or(self.path.len())]
    }

    /// Whether the file as a whole is test code. The crates in `tests/` are not: their libraries are
    /// read like any other.
    pub(super) fn is_test(&self) -> bool {
        let inside = self.path.strip_prefix(self.member()).unwrap_or_default();
        inside.contains("/tests/") || inside.ends_with("/tests.rs") || inside.ends_with("_tests.rs")
    }
}

/// Endings are compared as they are written: `.RS` is no source of ours.
fn ends_with(path: &str, ending: &str) -> bool {
    path.ends_with(ending)
}

#[cfg(test)]
mod tests {
    use super::Tree;

    #[test]
    fn the_library_of_a_test_crate_is_no_test() {
        let tree = Tree::of(&[
            ("tests/sim/src/lib.rs", ""),
            ("tests/sim/tests/it/main.rs", ""),
            ("host/sip/src/endpoint/tests.rs", ""),
            ("host/sip/src/endpoint/tests/call.rs", ""),
            ("host/model/src/turn/plan_tests.rs", ""),
            ("host/model/src/turn/plan.rs", ""),
        ]);
        let tests: Vec<bool> = tree.rust().map(super::File::is_test).collect();
        assert_eq!(tests, [false, true, true, true, true, false]);
    }

    #[test]
    fn a_member_is_named_by_two_parts() {
        let tree = Tree::of(&[("host/sip/src/lib.rs", ""), ("Cargo.toml", "")]);
        let members: Vec<&str> = tree.files.iter().map(super::File::member).collect();
        assert_eq!(members, ["host/sip", "Cargo.toml"]);
    }
}
