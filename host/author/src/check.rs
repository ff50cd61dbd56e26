//! What an upload would be answered, without one.

use std::{fs, path::Path, time::Instant};

use anyhow::Context;
use policy::{Engine, Limits};

use crate::words;

/// Judges the component and compiles it as an upload does, with the limits of a node that sets none; only how large
/// it may be is the node's to say.
pub(crate) fn run(file: &Path) -> anyhow::Result<bool> {
    let bytes = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    let engine = engine()?;
    match engine.compile(&bytes) {
        Ok(policy) => {
            let manifest = policy.manifest();
            println!("{} would be taken: {} octets", file.display(), bytes.len());
            print!("{}", words::ports(&manifest.imports, &manifest.exports));
            tell_size(bytes.len());
            Ok(true)
        }
        Err(refusal) => {
            eprintln!("jackfield: {}: {refusal}", file.display());
            Ok(false)
        }
    }
}

/// An engine that judges as a node does.
pub(crate) fn engine() -> anyhow::Result<Engine> {
    let limits = Limits {
        component: kit::COMPONENT,
        ..Limits::default()
    };
    Ok(Engine::new(limits, clock)?)
}

/// Says what a node must be set to, if it is more than it takes by itself.
pub(crate) fn tell_size(octets: usize) {
    if let Some(setting) = setting(octets) {
        println!("  a node takes it if its [plugins] upload_max is \"{setting}\" or more");
    }
}

/// The setting of a node that takes a component of that size; none if every node does.
fn setting(octets: usize) -> Option<String> {
    let mebibytes = octets.div_ceil(1 << 20);
    (octets > Limits::default().component).then(|| format!("{mebibytes}MiB"))
}

/// It measures turns, of which there are none here.
#[expect(clippy::disallowed_methods, reason = "the clock of a command")]
pub(crate) fn clock() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::setting;

    #[test]
    fn a_component_that_not_every_node_takes_is_told_with_the_setting() {
        assert_eq!(setting(2 << 20), None);
        assert_eq!(setting((2 << 20) + 1).as_deref(), Some("3MiB"));
        assert_eq!(setting(12_795_582).as_deref(), Some("13MiB"));
    }
}
