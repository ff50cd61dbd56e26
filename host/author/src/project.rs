//! Projects: a folder that an author begins with, and the component that is built of it.
//!
//! Owns the templates, which are in this program: a new project needs neither this repository nor a registry of
//! ours. The SDK and the interface are a part of it, so what it was written against can always be read.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use clap::ValueEnum;

use crate::words;

/// What a policy can be written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Language {
    /// Rust, with the SDK.
    Rust,
}

/// Files of a new project in Rust.
const PROJECT: [(&str, &str); 5] = [
    (
        "Cargo.toml",
        include_str!("../templates/rust/Cargo.toml.txt"),
    ),
    (
        "src/lib.rs",
        include_str!("../templates/rust/src/lib.rs.txt"),
    ),
    ("README.md", include_str!("../templates/rust/README.md.txt")),
    (
        "scenarios/answers.toml",
        include_str!("../templates/rust/answers.toml.txt"),
    ),
    (
        "jackfield/sdk/Cargo.toml",
        include_str!("../templates/rust/sdk.toml.txt"),
    ),
];

/// Where the sources of the SDK go.
const SDK: &str = "jackfield/sdk/src";

macro_rules! sdk {
    ($($file:literal),*) => {
        [$(($file, include_str!(concat!("../../../plugins/sdk/src/", $file)))),*]
    };
}

/// The sources of the SDK, but its tests.
const SOURCES: [(&str, &str); 11] = sdk![
    "adapter.rs",
    "address.rs",
    "bindings.rs",
    "cause.rs",
    "heap.rs",
    "lib.rs",
    "panics.rs",
    "policy.rs",
    "request.rs",
    "session.rs",
    "store.rs"
];

/// The interface.
const WIT: [(&str, &str); 3] = [
    ("types.wit", include_str!("../../../wit/types.wit")),
    ("call.wit", include_str!("../../../wit/call.wit")),
    ("events.wit", include_str!("../../../wit/events.wit")),
];

/// Versions that are known to go together; cargo leaves out what a project does not need.
const LOCK: &str = include_str!("../../../Cargo.lock");

/// Begins a project in a folder of that name, which must not be there yet.
pub(crate) fn new(name: &str, language: Language) -> anyhow::Result<bool> {
    let Language::Rust = language;
    check_name(name)?;
    let folder = Path::new(name);
    if folder.exists() {
        bail!("{name} is there already: choose another name, or remove it");
    }
    for (file, text) in PROJECT {
        write(folder, file, &text.replace("{{name}}", name))?;
    }
    for (file, text) in SOURCES {
        write(folder, &format!("{SDK}/{file}"), text)?;
    }
    for (file, text) in WIT {
        write(folder, &format!("wit/{file}"), text)?;
    }
    write(folder, "Cargo.lock", LOCK)?;
    write(folder, ".gitignore", "/target\n")?;
    println!("{name}/src/lib.rs is the policy: it answers, beeps twice and hangs up");
    println!("next: cd {name} && jackfield plugin build");
    Ok(true)
}

/// What plugins, crates and folders can all be called.
fn check_name(name: &str) -> anyhow::Result<()> {
    let begins = name.starts_with(|first: char| first.is_ascii_lowercase());
    let fits = |it: char| it.is_ascii_lowercase() || it.is_ascii_digit() || it == '-';
    if begins && name.len() <= 63 && name.chars().all(fits) {
        return Ok(());
    }
    bail!(
        "{name:?}: a plugin's name begins with a lower-case letter, and has lower-case letters, digits and hyphens, 63 at the most"
    );
}

fn write(folder: &Path, file: &str, text: &str) -> anyhow::Result<()> {
    let path = folder.join(file);
    let parent = path.parent().unwrap_or(folder);
    fs::create_dir_all(parent)
        .and_then(|()| fs::write(&path, text))
        .with_context(|| format!("cannot write {}", path.display()))
}

/// Where the component of the project in that folder is, once it is built.
pub(crate) fn built(folder: &Path) -> anyhow::Result<PathBuf> {
    let name = name(folder)?;
    Ok(folder.join("target/plugins").join(format!("{name}.wasm")))
}

/// What the project in that folder is called.
fn name(folder: &Path) -> anyhow::Result<String> {
    let manifest = folder.join("Cargo.toml");
    let text = fs::read_to_string(&manifest).with_context(|| {
        let manifest = manifest.display();
        let folder = folder.display();
        format!("cannot read {manifest}: is {folder} a project of `plugin new`?")
    })?;
    let name =
        package(&text).with_context(|| format!("{}: no package name", manifest.display()))?;
    Ok(name.to_owned())
}

/// Builds the project into `target/plugins/NAME.wasm`, and says what that can do.
pub(crate) fn build(folder: &Path) -> anyhow::Result<bool> {
    let name = name(folder)?;
    let folder = folder.canonicalize().context("the folder is not there")?;
    let target = folder.join("target");
    let component = pack::project(&folder, &name, &target.join("policies"))?;
    let engine = policy::Engine::new(policy::Limits::default(), crate::check::clock)?;
    let file: PathBuf = target.join("plugins").join(format!("{name}.wasm"));
    write(&target, &format!("plugins/{name}.wasm"), "")?;
    fs::write(&file, &component).with_context(|| format!("cannot write {}", file.display()))?;
    println!("target/plugins/{name}.wasm: {} octets", component.len());
    match engine.validate(&component) {
        Ok(manifest) => {
            print!("{}", words::ports(&manifest.imports, &manifest.exports));
            Ok(true)
        }
        Err(refusal) => {
            eprintln!("jackfield: an upload would be refused: {refusal}");
            Ok(false)
        }
    }
}

/// The name of the package that a manifest describes.
fn package(manifest: &str) -> Option<&str> {
    let mut lines = manifest.lines().map(str::trim);
    lines.find(|line| *line == "[package]")?;
    let own = lines.take_while(|line| !line.starts_with('['));
    let mut values = own.filter_map(|line| line.split_once('='));
    let (_, name) = values.find(|(key, _)| key.trim() == "name")?;
    Some(name.trim().trim_matches('"'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_crates_and_plugins_can_be_called() {
        for name in ["a", "night-bell", "b2"] {
            assert!(check_name(name).is_ok(), "{name}");
        }
        for name in [
            "",
            "Bell",
            "2b",
            "night bell",
            "../up",
            "käse",
            &"a".repeat(64),
        ] {
            assert!(check_name(name).is_err(), "{name}");
        }
    }

    #[test]
    fn the_name_of_a_package_is_found_in_its_own_part() {
        let manifest = "[lib]\nname = \"x\"\n[package]\nversion = \"1\"\nname = \"bell\"\n";
        assert_eq!(package(manifest), Some("bell"));
        assert_eq!(package("[package]\n[lib]\nname = \"x\"\n"), None);
    }

    #[test]
    fn the_whole_sdk_and_interface_go_with_a_project() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let listed = |folder: &str| {
            let files = fs::read_dir(root.join(folder)).unwrap();
            let names = files.map(|it| it.unwrap().file_name().into_string().unwrap());
            let mut names: Vec<_> = names.filter(|name| name.contains('.')).collect();
            names.sort();
            names
        };
        assert_eq!(listed("plugins/sdk/src"), SOURCES.map(|(name, _)| name));
        let mut wit = WIT.map(|(name, _)| name);
        wit.sort_unstable();
        assert_eq!(listed("wit"), wit);
    }

    #[test]
    fn the_template_names_the_versions_of_this_workspace() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../Cargo.toml");
        let workspace = fs::read_to_string(root).unwrap();
        let (_, manifest) = PROJECT
            .iter()
            .find(|(file, _)| file.contains("sdk"))
            .unwrap();
        let versions = manifest.lines().skip_while(|it| *it != "[dependencies]");
        let versions: Vec<_> = versions.skip(1).collect();
        assert_eq!(versions.len(), 3);
        for line in versions {
            assert!(workspace.lines().any(|own| own == line), "{line}");
        }
    }
}
