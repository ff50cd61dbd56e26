//! What a new project has: templates, and what each language's policies are written with.

use super::Language;

/// A file's place in the project, and its text.
type File = (&'static str, &'static str);

/// What a project has in every language.
const COMMON: [File; 1] = [(
    "scenarios/answers.toml",
    include_str!("../../templates/answers.toml.txt"),
)];

const RUST: [File; 6] = [
    (
        "Cargo.toml",
        include_str!("../../templates/rust/Cargo.toml.txt"),
    ),
    // Versions that are known to go together; cargo leaves out what a project does not need.
    ("Cargo.lock", include_str!("../../../../Cargo.lock")),
    (
        "src/lib.rs",
        include_str!("../../templates/rust/src/lib.rs.txt"),
    ),
    (
        "README.md",
        include_str!("../../templates/rust/README.md.txt"),
    ),
    (
        "jackfield/sdk/Cargo.toml",
        include_str!("../../templates/rust/sdk.toml.txt"),
    ),
    (".gitignore", "/target\n"),
];

/// What the examples in these languages are written with goes with every project: one text, one truth.
const JS: [File; 7] = [
    (
        "policy.js",
        include_str!("../../templates/js/policy.js.txt"),
    ),
    (
        "README.md",
        include_str!("../../templates/js/README.md.txt"),
    ),
    (
        "package.json",
        include_str!("../../../../plugins/makecall-js/package.json"),
    ),
    (
        "package-lock.json",
        include_str!("../../../../plugins/makecall-js/package-lock.json"),
    ),
    (
        "jackfield.js",
        include_str!("../../../../plugins/makecall-js/jackfield.js"),
    ),
    (
        "wit/world.wit",
        include_str!("../../templates/world.wit.txt"),
    ),
    (".gitignore", "/node_modules\n/target\n"),
];

const PYTHON: [File; 7] = [
    (
        "policy.py",
        include_str!("../../templates/python/policy.py.txt"),
    ),
    (
        "README.md",
        include_str!("../../templates/python/README.md.txt"),
    ),
    (
        "pyproject.toml",
        include_str!("../../templates/python/pyproject.toml.txt"),
    ),
    (
        "requirements.txt",
        include_str!("../../../../plugins/makecall-py/requirements.txt"),
    ),
    (
        "jackfield.py",
        include_str!("../../../../plugins/makecall-py/jackfield.py"),
    ),
    (
        "wit/world.wit",
        include_str!("../../templates/world.wit.txt"),
    ),
    (".gitignore", "/.venv\n/target\n__pycache__\n"),
];

/// Where the sources of the Rust SDK go.
const SDK: &str = "jackfield/sdk/src";

macro_rules! sdk {
    ($($file:literal),*) => {
        [$(($file, include_str!(concat!("../../../../plugins/sdk/src/", $file)))),*]
    };
}

/// The sources of the Rust SDK, but its tests.
const SOURCES: [File; 13] = sdk![
    "adapter.rs",
    "address.rs",
    "bindings.rs",
    "cause.rs",
    "heap.rs",
    "lib.rs",
    "pair.rs",
    "pair/transfer.rs",
    "panics.rs",
    "policy.rs",
    "request.rs",
    "session.rs",
    "store.rs"
];

/// The interface.
const WIT: [File; 3] = [
    ("types.wit", include_str!("../../../../wit/types.wit")),
    ("call.wit", include_str!("../../../../wit/call.wit")),
    ("events.wit", include_str!("../../../../wit/events.wit")),
];

/// The files of a project of that name: their places and texts.
pub(super) fn of(language: Language, name: &str) -> Vec<(String, String)> {
    let (own, wit): (&[File], _) = match language {
        Language::Rust => (&RUST, "wit"),
        Language::Js => (&JS, "wit/deps/jackfield-policy"),
        Language::Python => (&PYTHON, "wit/deps/jackfield-policy"),
    };
    let named = |text: &str| text.replace("{{name}}", name).replace(EXAMPLE, name);
    let written = COMMON.iter().chain(own);
    let written = written.map(|(file, text)| ((*file).to_owned(), named(text)));
    let sources: &[File] = if language == Language::Rust {
        &SOURCES
    } else {
        &[]
    };
    let copied = sources.iter().map(|it| (SDK, it));
    let copied = copied.chain(WIT.iter().map(|it| (wit, it)));
    let copied =
        copied.map(|(place, (file, text))| (format!("{place}/{file}"), (*text).to_owned()));
    written.chain(copied).collect()
}

/// What the example is called whose files a project in JavaScript begins with.
const EXAMPLE: &str = "makecall-js";

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    fn root() -> &'static Path {
        Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
    }

    /// The files below a folder, in order, but tests.
    fn listed(folder: &str) -> Vec<String> {
        let mut names = Vec::new();
        for entry in fs::read_dir(root().join(folder)).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            if entry.file_type().unwrap().is_dir() {
                let inside = listed(&format!("{folder}/{name}"));
                names.extend(inside.iter().map(|it| format!("{name}/{it}")));
            } else if name != "tests.rs" {
                names.push(name);
            }
        }
        names.sort();
        names
    }

    #[test]
    fn the_whole_sdk_and_interface_go_with_a_project() {
        assert_eq!(listed("plugins/sdk/src"), SOURCES.map(|(name, _)| name));
        let mut wit = WIT.map(|(name, _)| name);
        wit.sort_unstable();
        assert_eq!(listed("wit"), wit);
    }

    #[test]
    fn the_template_names_the_versions_of_this_workspace() {
        let workspace = fs::read_to_string(root().join("Cargo.toml")).unwrap();
        let (_, manifest) = RUST.iter().find(|(file, _)| file.contains("sdk")).unwrap();
        let versions = manifest.lines().skip_while(|it| *it != "[dependencies]");
        let versions: Vec<_> = versions.skip(1).collect();
        assert_eq!(versions.len(), 3);
        for line in versions {
            assert!(workspace.lines().any(|own| own == line), "{line}");
        }
    }

    #[test]
    fn a_project_has_its_own_name_and_nobody_elses() {
        for language in [Language::Rust, Language::Js, Language::Python] {
            let files = of(language, "bell");
            for (file, text) in &files {
                let is_example = file != "jackfield.js" && text.contains(EXAMPLE);
                assert!(!text.contains("{{") && !is_example, "{file}");
            }
            let scenarios = files
                .iter()
                .filter(|(file, _)| file.starts_with("scenarios/"));
            assert!(scenarios.count() >= 1, "{language:?}");
        }
    }

    #[test]
    fn the_lock_file_of_javascript_pins_what_its_manifest_names() {
        let files = of(Language::Js, "bell");
        let read = |name: &str| {
            let (_, text) = files.iter().find(|(file, _)| file == name).unwrap();
            serde_json::from_str::<serde_json::Value>(text).unwrap()
        };
        let (manifest, lock) = (read("package.json"), read("package-lock.json"));
        assert_eq!(manifest["name"], "bell");
        assert_eq!(lock["name"], "bell");
        assert_eq!(
            lock["packages"][""]["dependencies"],
            manifest["dependencies"]
        );
    }
}
