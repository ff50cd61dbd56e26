//! Projects: a folder that an author begins with, and the component that is built of it.
//!
//! Owns the templates, which are in this program: a new project needs neither this repository nor a registry of
//! ours. What it is written with and the interface are a part of it, so what it was written against can always be
//! read.

mod files;
mod tools;

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use clap::ValueEnum;

use crate::{check, words};

/// What a policy can be written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Language {
    /// Rust, with the SDK.
    Rust,
    /// JavaScript, by componentize-js.
    Js,
    /// Python, by componentize-py.
    Python,
}

/// What projects of a language have in common.
struct Custom {
    /// By which they are known.
    manifest: &'static str,
    /// The policy itself.
    policy: &'static str,
    /// What brings the language's tools.
    install: &'static str,
}

impl Language {
    fn custom(self) -> Custom {
        match self {
            Self::Rust => Custom {
                manifest: "Cargo.toml",
                policy: "src/lib.rs",
                install: "rustup target add wasm32-unknown-unknown",
            },
            Self::Js => Custom {
                manifest: "package.json",
                policy: "policy.js",
                install: "npm install",
            },
            Self::Python => Custom {
                manifest: "pyproject.toml",
                policy: "policy.py",
                install: "python3 -m venv .venv && .venv/bin/pip install -r requirements.txt",
            },
        }
    }
}

/// Begins a project in a folder of that name, which must not be there yet.
pub(crate) fn new(name: &str, language: Language) -> anyhow::Result<bool> {
    check_name(name)?;
    let folder = Path::new(name);
    if folder.exists() {
        bail!("{name} is there already: choose another name, or remove it");
    }
    for (file, text) in files::of(language, name) {
        write(folder, &file, &text)?;
    }
    let Custom {
        policy, install, ..
    } = language.custom();
    println!("{name}/{policy} is the policy: it answers, beeps twice and hangs up");
    println!("next: cd {name} && {install} && jackfield plugin build");
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
    let (_, name) = identity(folder)?;
    Ok(folder.join("target/plugins").join(format!("{name}.wasm")))
}

/// What the project in that folder is written in, and called: its manifest tells both.
fn identity(folder: &Path) -> anyhow::Result<(Language, String)> {
    let all = Language::value_variants();
    let there = |it: &&Language| folder.join(it.custom().manifest).is_file();
    let Some(&language) = all.iter().find(there) else {
        let manifests: Vec<_> = all.iter().map(|it| it.custom().manifest).collect();
        let (folder, manifests) = (folder.display(), manifests.join(", "));
        bail!("{folder} is no project of `plugin new`: it has none of {manifests}");
    };
    let file = folder.join(language.custom().manifest);
    let text =
        fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
    let name = match language {
        Language::Rust => named(&text, "[package]").map(str::to_owned),
        Language::Python => named(&text, "[project]").map(str::to_owned),
        Language::Js => package(&text),
    };
    let name = name.with_context(|| format!("{}: no name", file.display()))?;
    check_name(&name).with_context(|| format!("{}", file.display()))?;
    Ok((language, name))
}

/// Builds the project into `target/plugins/NAME.wasm`, and says what that can do.
pub(crate) fn build(folder: &Path) -> anyhow::Result<bool> {
    let (language, name) = identity(folder)?;
    let folder = folder.canonicalize().context("the folder is not there")?;
    let target = folder.join("target");
    let plugins = target.join("plugins");
    let file = plugins.join(format!("{name}.wasm"));
    fs::create_dir_all(&plugins).with_context(|| format!("cannot make {}", plugins.display()))?;
    match language {
        Language::Rust => {
            let component = pack::project(&folder, &name, &target.join("policies"))?;
            fs::write(&file, component)
                .with_context(|| format!("cannot write {}", file.display()))?;
        }
        Language::Js => tools::js(&folder, &file)?,
        Language::Python => tools::python(&folder, &file)?,
    }
    let component = fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
    println!("target/plugins/{name}.wasm: {} octets", component.len());
    match check::engine()?.validate(&component) {
        Ok(manifest) => {
            print!("{}", words::ports(&manifest.imports, &manifest.exports));
            check::tell_size(component.len());
            Ok(true)
        }
        Err(refusal) => {
            eprintln!("jackfield: an upload would be refused: {refusal}");
            Ok(false)
        }
    }
}

/// The name in that part of a manifest.
fn named<'a>(manifest: &'a str, part: &str) -> Option<&'a str> {
    let mut lines = manifest.lines().map(str::trim);
    lines.find(|line| *line == part)?;
    let own = lines.take_while(|line| !line.starts_with('['));
    let mut values = own.filter_map(|line| line.split_once('='));
    let (_, name) = values.find(|(key, _)| key.trim() == "name")?;
    Some(name.trim().trim_matches('"'))
}

/// The name of the package that a `package.json` describes.
fn package(manifest: &str) -> Option<String> {
    let manifest: serde_json::Value = serde_json::from_str(manifest).ok()?;
    manifest["name"].as_str().map(str::to_owned)
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
        assert_eq!(named(manifest, "[package]"), Some("bell"));
        assert_eq!(named("[package]\n[lib]\nname = \"x\"\n", "[package]"), None);
    }

    #[test]
    fn a_project_tells_its_language_and_name_by_its_manifest() {
        for language in [Language::Rust, Language::Js, Language::Python] {
            let folder = tempfile::tempdir().unwrap();
            for (file, text) in files::of(language, "bell") {
                write(folder.path(), &file, &text).unwrap();
            }
            let told = identity(folder.path()).unwrap();
            assert_eq!(told, (language, "bell".to_owned()));
        }
    }

    #[test]
    fn a_folder_without_a_project_and_a_manifest_without_a_good_name_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let told = identity(folder.path()).unwrap_err().to_string();
        assert!(
            told.contains("Cargo.toml, package.json, pyproject.toml"),
            "{told}"
        );
        for manifest in [r#"{"version": "1"}"#, r#"{"name": "../up"}"#, "{"] {
            write(folder.path(), "package.json", manifest).unwrap();
            assert!(identity(folder.path()).is_err(), "{manifest}");
        }
    }
}
