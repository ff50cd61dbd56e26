//! The real components as the simulator's policies: built once, run on wasmtime. A digest that is no
//! component of ours is a script's.

use std::{collections::BTreeMap, path::Path, sync::OnceLock};

use kit::Components;
use policy::{Engine, Policy};

/// What a plugin's digest says here, and the crate that it is.
const PLUGINS: [&str; 7] = [
    "makecall",
    "faulty",
    "keypad",
    "ivr",
    "memo",
    "voicemail",
    "conference-room",
];

/// All of them.
pub(crate) fn components() -> Components {
    let (engine, policies) = built();
    Components::new(engine.clone(), policies.clone()).unwrap()
}

/// The bytes of one.
pub(crate) fn component(package: &str) -> Vec<u8> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .unwrap();
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("plugins");
    pack::plugin(root, package, &target).unwrap()
}

/// The engine and the components, once for all tests.
fn built() -> &'static (Engine, BTreeMap<String, Policy>) {
    static BUILT: OnceLock<(Engine, BTreeMap<String, Policy>)> = OnceLock::new();
    BUILT.get_or_init(|| {
        let engine = Components::engine().unwrap();
        let policies = PLUGINS.map(|package| {
            let policy = engine.compile(&component(package)).unwrap();
            (package.to_owned(), policy)
        });
        (engine, policies.into())
    })
}
