//! The scenarios of policies, each against its component.
//!
//! Those in `plugins/makecall/scenarios/base` are what every makecall does, whatever language it is written in.

use std::{fs, path::Path};

use kit::Components;

use crate::components::component;

/// Plays the scenarios of that folder of a plugin; all that do not pass are named, with their ladder.
fn check(plugin: &str, folder: &str) {
    let place = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../plugins")
        .join(plugin)
        .join("scenarios")
        .join(folder);
    let components = Components::of(&component(plugin)).unwrap();
    let files = kit::files(&[place]).unwrap();
    assert!(!files.is_empty());
    let mut failed = Vec::new();
    for file in files {
        let name = file.file_name().unwrap().to_string_lossy();
        let report = kit::play(&fs::read_to_string(&file).unwrap(), &components);
        let report = report.unwrap_or_else(|why| panic!("{name}: {why}"));
        if !report.failures.is_empty() {
            let told: Vec<_> = report.failures.iter().map(ToString::to_string).collect();
            failed.push(format!("{name}: {}\n{}", told.join("; "), report.ladders));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
}

#[test]
fn makecall_plays_what_every_makecall_does() {
    check("makecall", "base");
}

#[test]
fn makecall_plays_what_its_settings_are_for() {
    check("makecall", "product");
}
