//! What an upload may not be, and what one that may is said to be.

use policy::{Engine, Limits, Refusal};

use crate::scene::{clock, component, engine};

fn refusal(bytes: &[u8]) -> Refusal {
    engine().validate(bytes).unwrap_err()
}

#[test]
fn a_policy_is_told_by_its_imports_and_exports() {
    let manifest = engine().validate(&component("makecall")).unwrap();
    assert!(manifest.digest.starts_with("sha256:") && manifest.digest.len() == 71);
    let imports = ["types", "call", "session", "store"];
    let imports = imports.map(|name| format!("jackfield:policy/{name}@0.1.0"));
    assert_eq!(manifest.imports, imports);
    let mut exports = manifest.exports.clone();
    exports.sort_unstable();
    let expect = ["call-events", "request-events"];
    assert_eq!(
        exports,
        expect.map(|name| format!("jackfield:policy/{name}@0.1.0"))
    );
}

#[test]
fn what_is_no_component_is_refused() {
    assert_eq!(refusal(b""), Refusal::NotAComponent);
    assert_eq!(refusal(b"#!/bin/sh"), Refusal::NotAComponent);
    assert_eq!(refusal(b"\0asm\x01\0\0\0"), Refusal::NotAComponent);
    assert!(refusal(b"").to_string().contains("jackfield plugin build"));
}

#[test]
fn every_cut_of_a_component_is_refused_without_a_panic() {
    let whole = component("makecall");
    for length in (8..whole.len()).step_by(whole.len() / 200) {
        assert!(engine().validate(&whole[..length]).is_err(), "{length}");
    }
}

#[test]
fn a_component_beyond_the_size_is_refused_unread() {
    let limits = Limits {
        component: 1000,
        turns: 1,
        ..Limits::default()
    };
    let engine = Engine::new(limits, clock).unwrap();
    let (size, most) = (1001, 1000);
    assert_eq!(
        engine.validate(&[0; 1001]),
        Err(Refusal::TooLarge { size, most })
    );
}

/// An empty component: it exports nothing.
const EMPTY: &[u8] = b"\0asm\x0d\0\x01\0";

#[test]
fn a_component_without_call_events_is_refused() {
    assert_eq!(
        refusal(EMPTY),
        Refusal::MissingExport("jackfield:policy/call-events")
    );
}

/// A component with one more section.
fn with_section(base: &[u8], id: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = base.to_vec();
    bytes.push(id);
    // All contents here are shorter than what needs a second octet of length.
    bytes.push(u8::try_from(content.len()).unwrap());
    bytes.extend(content);
    bytes
}

/// An instance type without members, and an import of it under that name.
fn importing(name: &str) -> Vec<u8> {
    let with_type = with_section(EMPTY, 7, &[1, 0x42, 0]);
    let mut import = vec![1, 0, u8::try_from(name.len()).unwrap()];
    import.extend(name.as_bytes());
    import.extend([5, 0]);
    with_section(&with_type, 10, &import)
}

#[test]
fn an_import_beyond_the_package_is_named() {
    for name in [
        "wasi:cli/environment@0.2.0",
        "jackfield:policy/secrets@0.1.0",
    ] {
        assert_eq!(refusal(&importing(name)), Refusal::Import(name.into()));
    }
    let later = "jackfield:policy/store@0.2.0";
    assert_eq!(refusal(&importing(later)), Refusal::Import(later.into()));
}

#[test]
fn a_later_patch_of_a_known_interface_is_taken() {
    let missing = Refusal::MissingExport("jackfield:policy/call-events");
    assert_eq!(refusal(&importing("jackfield:policy/store@0.1.9")), missing);
}

/// A core module of one function with that many locals, in a component.
fn with_locals(locals: u32) -> Vec<u8> {
    let mut body = vec![1];
    let mut rest = locals;
    while rest > 0x7f {
        body.push((rest & 0x7f) as u8 | 0x80);
        rest >>= 7;
    }
    body.extend([rest as u8, 0x7f, 0x0b]);
    let mut code = vec![1, u8::try_from(body.len()).unwrap()];
    code.extend(body);
    let module = b"\0asm\x01\0\0\0";
    let module = with_section(module, 1, &[1, 0x60, 0, 0]);
    let module = with_section(&module, 3, &[1, 0]);
    let module = with_section(&module, 10, &code);
    with_section(EMPTY, 1, &module)
}

#[test]
fn a_function_with_too_many_locals_is_refused() {
    assert_eq!(
        refusal(&with_locals(4_001)),
        Refusal::TooComplex {
            what: "locals of one function",
            most: 4_000
        }
    );
    assert!(matches!(
        refusal(&with_locals(4_000)),
        Refusal::MissingExport(_)
    ));
}

/// A component that exports an empty interface under that name.
fn exporting(name: &str) -> Vec<u8> {
    let with_instance = with_section(EMPTY, 5, &[1, 1, 0]);
    let mut export = vec![1, 0, u8::try_from(name.len()).unwrap()];
    export.extend(name.as_bytes());
    export.extend([5, 0, 0]);
    with_section(&with_instance, 11, &export)
}

#[test]
fn an_export_that_the_platform_does_not_know_is_named() {
    let name = "jackfield:policy/astrology@0.1.0";
    assert_eq!(refusal(&exporting(name)), Refusal::Export(name.into()));
}

#[test]
fn a_known_export_with_other_types_is_refused_and_named() {
    let refusal = refusal(&exporting("jackfield:policy/call-events@0.1.0"));
    assert!(matches!(refusal, Refusal::Types(_)), "{refusal}");
    assert!(refusal.to_string().contains("call-events"), "{refusal}");
}
