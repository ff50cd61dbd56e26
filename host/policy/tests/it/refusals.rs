//! What an upload may not be, and what one that may is said to be.

use std::path::Path;

use policy::{Engine, Limits, Refusal};

use crate::bomb::{EMPTY, length, with_section};
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
    let expect = [
        "call-events",
        "media-events",
        "request-events",
        "timer-events",
        "transfer-events",
    ];
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

#[test]
fn a_component_without_call_events_is_refused() {
    assert_eq!(
        refusal(EMPTY),
        Refusal::MissingExport("jackfield:policy/call-events")
    );
}

/// An instance type without members, and an import of it under that name.
fn importing(name: &str) -> Vec<u8> {
    let with_type = with_section(EMPTY, 7, &[1, 0x42, 0]);
    let mut import = [&[1, 0][..], &length(name.len())].concat();
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
    let body = [&[1][..], &length(locals as usize), &[0x7f, 0x0b]].concat();
    let code = [&[1][..], &length(body.len()), &body].concat();
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
    let mut export = [&[1, 0][..], &length(name.len())].concat();
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

const LONG_NAME: Refusal = Refusal::TooComplex {
    what: "octets in the name of an import or export",
    most: 200,
};

#[test]
fn a_name_of_90_kb_is_refused_and_not_repeated() {
    let name = |length: usize| format!("wasi:{}/x@0.1.0", "a".repeat(length - 13));
    for long in [name(201), name(90_000)] {
        assert_eq!(refusal(&importing(&long)), LONG_NAME);
        assert_eq!(refusal(&exporting(&long)), LONG_NAME);
    }
    assert_eq!(refusal(&importing(&name(200))), Refusal::Import(name(200)));
}

#[test]
fn what_the_parser_says_of_long_names_is_cut() {
    for name in ["?", "wasi:", "a-", "\u{1b}[2J"] {
        let name = name.repeat(90_000 / name.len());
        for upload in [importing(&name), exporting(&name)] {
            let refusal = refusal(&upload);
            assert!(matches!(refusal, Refusal::Invalid(_)), "{refusal}");
            let text = refusal.to_string();
            assert!(
                text.len() < 4_096 && !text.contains(char::is_control),
                "{text}"
            );
        }
    }
}

#[test]
fn a_component_has_sixty_four_exports_at_most() {
    let many = |count: usize| {
        let mut exports = length(count);
        for n in 0..count {
            let name = format!("wasi:x{n}/y@0.1.0");
            exports.extend([&[0][..], &length(name.len()), name.as_bytes(), &[5, 0, 0]].concat());
        }
        let with_instance = with_section(EMPTY, 5, &[1, 1, 0]);
        with_section(&with_instance, 11, &exports)
    };
    let (what, most) = ("imports or exports", 64);
    assert_eq!(refusal(&many(65)), Refusal::TooComplex { what, most });
    assert!(matches!(refusal(&many(64)), Refusal::MissingExport(_)));
}

/// What the fuzzer of uploads begins with and what it has broken once.
#[test]
fn what_fuzzing_gathered_is_judged_in_a_few_words() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/corpus/fuzzed/plugin");
    let mut count = 0;
    for entry in corpus.read_dir().expect("the corpus is there") {
        let path = entry.expect("it can be listed").path();
        println!("{}", path.display());
        let words = refusal(&std::fs::read(&path).expect("it can be read")).to_string();
        assert!(!words.is_empty() && words.len() < 4_096, "{words}");
        count += 1;
    }
    assert!(count >= 3, "only {count} uploads");
}
