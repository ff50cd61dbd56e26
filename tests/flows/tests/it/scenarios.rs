//! The scenarios of policies, each against its component.
//!
//! Those in `plugins/makecall/scenarios/base` are what every makecall does, whatever language it is written in.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::{Mutex, OnceLock},
};

use kit::Components;
use policy::{Engine, Policy};

use crate::components::component;

/// The scenario files in that folder of a plugin's.
fn files(plugin: &str, folder: &str) -> Vec<PathBuf> {
    let place = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../plugins")
        .join(plugin)
        .join("scenarios")
        .join(folder);
    let files = kit::files(&[place], &["toml"]).unwrap();
    assert!(!files.is_empty());
    files
}

/// Their names, in order.
pub(crate) fn names(plugin: &str, folder: &str) -> Vec<String> {
    let files = files(plugin, folder);
    let stems = files.iter().filter_map(|file| file.file_stem());
    stems.map(|it| it.to_string_lossy().into_owned()).collect()
}

/// The component, compiled once for all tests.
fn components(plugin: &str) -> Components {
    static BUILT: OnceLock<(Engine, Mutex<BTreeMap<String, Policy>>)> = OnceLock::new();
    let (engine, built) = BUILT.get_or_init(|| (Components::engine().unwrap(), Mutex::default()));
    let mut built = built.lock().unwrap();
    let policy = built
        .entry(plugin.to_owned())
        .or_insert_with(|| engine.compile(&component(plugin)).unwrap())
        .clone();
    let name = policy.manifest().digest.clone();
    Components::new(engine.clone(), [(name, policy)].into()).unwrap()
}

/// What was not as that file says, with the ladder; none if all was.
fn failed(file: &Path, components: &Components) -> Option<String> {
    let name = file.display();
    let report = kit::play(&fs::read_to_string(file).unwrap(), components);
    let report = report.unwrap_or_else(|why| panic!("{name}: {why}"));
    if report.failures.is_empty() {
        return None;
    }
    let told: Vec<_> = report.failures.iter().map(ToString::to_string).collect();
    let (told, log) = (told.join("; "), report.log.join("\n"));
    Some(format!("{name}: {told}\n{}\n{log}", report.ladders))
}

/// Plays one scenario of a plugin.
pub(crate) fn check_one(plugin: &str, name: &str) {
    let files = files(plugin, "");
    let file = files
        .iter()
        .find(|file| file.ends_with(format!("{name}.toml")));
    let file = file.unwrap_or_else(|| panic!("there is no scenario {name}"));
    if let Some(how) = failed(file, &components(plugin)) {
        panic!("{how}");
    }
}

/// Plays all of that folder; those that do not pass are named.
fn check(plugin: &str, folder: &str) {
    let components = components(plugin);
    let files = files(plugin, folder);
    let failed: Vec<_> = files
        .iter()
        .filter_map(|it| failed(it, &components))
        .collect();
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
