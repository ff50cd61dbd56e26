//! What an upload would be answered, without one.

use std::{fs, path::Path, time::Instant};

use anyhow::Context;
use policy::{Engine, Limits};

use crate::words;

/// Judges the component and compiles it as an upload does, with the limits of a node that sets none.
pub(crate) fn run(file: &Path) -> anyhow::Result<bool> {
    let bytes = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    let engine = Engine::new(Limits::default(), clock)?;
    match engine.compile(&bytes) {
        Ok(policy) => {
            let manifest = policy.manifest();
            println!("{} would be taken: {} octets", file.display(), bytes.len());
            print!("{}", words::ports(&manifest.imports, &manifest.exports));
            Ok(true)
        }
        Err(refusal) => {
            eprintln!("jackfield: {}: {refusal}", file.display());
            Ok(false)
        }
    }
}

/// It measures turns, of which there are none here.
#[expect(clippy::disallowed_methods, reason = "the clock of a command")]
pub(crate) fn clock() -> Instant {
    Instant::now()
}
