//! A component's interfaces against the platform's own.
//!
//! A policy may have been built against another patch of the package, older or newer: what counts is
//! what it uses. A function that there is not here is named, because its author can do without it or
//! wait; all else that differs is told in the words of the type checker.

use model::brief;
use wit_parser::decoding::{DecodedWasm, decode};
use wit_parser::{Resolve, SourceMap, WorldItem};

use crate::limits::REFUSAL;
use crate::refusal::Refusal;
use crate::validate::PACKAGE;

/// The package, file by file.
const WIT: [(&str, &str); 3] = [
    ("types.wit", include_str!("../../../wit/types.wit")),
    ("call.wit", include_str!("../../../wit/call.wit")),
    ("events.wit", include_str!("../../../wit/events.wit")),
];

/// Checks what a component uses against a world of exactly these optional exports.
pub(crate) fn judge(bytes: &[u8], optional: &[&str]) -> Result<(), Refusal> {
    let differ = |why: &dyn std::fmt::Display| Refusal::types(why);
    // Our own package parses: the bindings of this crate were made from it.
    let mut resolve = Resolve::default();
    let mut sources = SourceMap::new();
    for (name, text) in WIT {
        sources.push_str(name, text);
    }
    let package = sources.parse().map_err(|(_, why)| differ(&why))?;
    resolve.push_group(package).map_err(|why| differ(&why))?;
    functions_are_known(&resolve, bytes)?;
    let exports = optional.iter().fold(String::new(), |text, name| {
        text + &format!("export {PACKAGE}{name}@0.1.0;\n")
    });
    let world = format!(
        "package jackfield:upload;\nworld upload {{ include {PACKAGE}policy@0.1.0;\n{exports} }}"
    );
    let package = resolve
        .push_str("upload.wit", &world)
        .map_err(|why| differ(&why))?;
    let world = resolve
        .select_world(&[package], None)
        .map_err(|why| differ(&why))?;
    wit_component::targets(&resolve, world, bytes, true)
        .map_err(|why| Refusal::types(format_args!("{why:#}")))
}

/// Every function that it imports is one of ours, by its name.
fn functions_are_known(ours: &Resolve, bytes: &[u8]) -> Result<(), Refusal> {
    let decoded = decode(bytes).map_err(|why| Refusal::types(format_args!("{why:#}")))?;
    let DecodedWasm::Component(theirs, world) = decoded else {
        return Err(Refusal::NotAComponent);
    };
    for import in theirs.worlds[world].imports.values() {
        let WorldItem::Interface { id, .. } = import else {
            continue;
        };
        let interface = &theirs.interfaces[*id];
        let known = ours
            .interfaces
            .iter()
            .find(|(_, it)| it.name == interface.name);
        // That it is an interface of ours was judged by its name.
        let Some((_, known)) = known else { continue };
        let mut names = interface.functions.keys();
        if let Some(function) = names.find(|it| !known.functions.contains_key(*it)) {
            return Err(Refusal::Function {
                // `[method]call.answer` is `answer` of `call`.
                function: brief(function.rsplit(']').next().unwrap_or_default(), REFUSAL),
                interface: theirs.id_of(*id).unwrap_or_default(),
            });
        }
    }
    Ok(())
}
