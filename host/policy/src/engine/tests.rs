//! What the engine compiles, and what it must not be brought to.

use wasmtime::component::Component;

use super::config;
use crate::{Limits, Refusal, validate::validate};

fn few() -> Limits {
    Limits {
        turns: 1,
        ..Limits::default()
    }
}

/// Two components with a memory each: a text goes from one to the other.
const TALKING: &str = r#"(component
    (component $hears
        (core module $m
            (memory (export "memory") 1)
            (func (export "realloc") (param i32 i32 i32 i32) (result i32) i32.const 0)
            (func (export "say") (param i32 i32)))
        (core instance $i (instantiate $m))
        (func (export "say") (param "it" string)
            (canon lift (core func $i "say") (memory (core memory $i "memory")) (realloc (core func $i "realloc")))))
    (component $says
        (import "say" (func $say (param "it" string)))
        (core module $memory (memory (export "memory") 1))
        (core instance $memory (instantiate $memory))
        (core func $say (canon lower (func $say) (memory (core memory $memory "memory"))))
        (core module $m (import "" "say" (func (param i32 i32))))
        (core instance (instantiate $m (with "" (instance (export "say" (func $say)))))))
    (instance $hears (instantiate $hears))
    (instance (instantiate $says (with "say" (func $hears "say")))))"#;

/// With the feature off for everybody compiling it ended in a panic.
#[test]
fn two_components_of_one_upload_that_talk_are_refused_for_their_memories_only() {
    let engine = wasmtime::Engine::new(&config(&few())).unwrap();
    let talking = wat::parse_str(TALKING).unwrap();
    engine.precompile_component(&talking).unwrap();
    let Err(why) = Component::from_binary(&engine, &talking) else {
        panic!("the pool sets one memory aside");
    };
    assert!(why.to_string().contains("2 Wasm linear memories"), "{why}");
}

#[test]
fn a_module_with_two_memories_is_not_valid() {
    let two = wat::parse_str("(component (core module (memory 1) (memory 1)))").unwrap();
    let refusal = validate(&two, &few()).unwrap_err();
    assert!(matches!(&refusal, Refusal::Invalid(why) if why.contains("multiple memories")));
}
