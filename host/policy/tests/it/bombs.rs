//! Components that are small, valid and within every cap, and cost more to compile than they may.

use std::env;
use std::process::ExitCode;
use std::time::Duration;

use policy::{Artefact, CompileLimits, Compiler, Refusal, SealKey, serve_child};

use crate::refusals::{EMPTY, length, with_section};
use crate::scene::{component, engine};

/// In whose environment this program is the compiler's child, not tests: children are started without any.
const TESTS: &str = "CARGO_MANIFEST_DIR";

/// Not a test of its own: this is what [`compiler`] starts.
#[test]
fn a_child_of_these_tests() {
    if env::var_os(TESTS).is_none() {
        assert_eq!(serve_child(), ExitCode::SUCCESS);
    }
}

fn compiler(time: Duration, memory: usize) -> Compiler {
    let arguments = ["--exact", "bombs::a_child_of_these_tests", "--nocapture"];
    Compiler {
        program: env::current_exe().unwrap(),
        arguments: arguments.map(str::to_owned).to_vec(),
        key: SealKey::new([7; 32]),
        limits: CompileLimits {
            time,
            memory,
            ..CompileLimits::default()
        },
    }
}

fn usual() -> Compiler {
    let CompileLimits { time, memory, .. } = CompileLimits::default();
    compiler(time, memory)
}

/// One function of loops in loops, around a use of each of many locals: each loop must hand each local on, so
/// that the compiler's work grows with the product of both.
fn bomb(loops: usize, locals: u32) -> Vec<u8> {
    let mut body = [&[1][..], &length(locals as usize), &[0x7e]].concat();
    body.extend([0x03, 0x40].repeat(loops));
    for local in 0..locals {
        // local = local + 1
        let local = length(local as usize);
        body.extend([&[0x20][..], &local, &[0x42, 1, 0x7c, 0x21], &local].concat());
    }
    // Each loop may begin again.
    body.extend([0x20, 0, 0xa7, 0x0d, 0, 0x0b].repeat(loops));
    body.push(0x0b);
    let code = [&[1][..], &length(body.len()), &body].concat();
    let module = b"\0asm\x01\0\0\0";
    let module = with_section(module, 1, &[1, 0x60, 0, 0]);
    let module = with_section(&module, 3, &[1, 0]);
    with_section(&module, 10, &code)
}

/// makecall with a module that nobody instantiates: a policy like any other until it is compiled.
fn makecall_with(module: &[u8]) -> Vec<u8> {
    with_section(&component("makecall"), 1, module)
}

#[test]
fn a_component_is_compiled_by_a_child_and_runs_here() {
    let bytes = component("makecall");
    let compiler = usual();
    let manifest = engine().validate(&bytes).unwrap();
    let artefact = compiler.compile(&manifest.digest, &bytes).unwrap();
    let policy = engine().load(manifest.clone(), &artefact, &compiler.key);
    assert_eq!(policy.unwrap().unwrap().manifest(), &manifest);
}

#[test]
fn what_the_compiler_did_not_seal_is_not_loaded() {
    let bytes = component("makecall");
    let compiler = usual();
    let manifest = engine().validate(&bytes).unwrap();
    let artefact = compiler.compile(&manifest.digest, &bytes).unwrap();
    let other = SealKey::new([8; 32]);
    let load = |artefact: &Artefact, key| engine().load(manifest.clone(), artefact, key);
    assert!(load(&artefact, &other).is_none());
    let mut octets = artefact.octets().to_vec();
    *octets.last_mut().unwrap() ^= 1;
    assert!(load(&Artefact::from_octets(octets), &compiler.key).is_none());
}

#[test]
fn a_bomb_that_takes_time_is_refused_and_the_limit_is_named() {
    let bytes = makecall_with(&bomb(3_000, 4_000));
    let manifest = engine().validate(&bytes).unwrap();
    let refused = compiler(Duration::from_secs(1), 16 << 30).compile(&manifest.digest, &bytes);
    assert_eq!(refused, Err(Refusal::CompileTime(Duration::from_secs(1))));
    let words = refused.unwrap_err().to_string();
    assert!(words.contains("more than 1 s of processor time"), "{words}");
}

#[test]
fn a_bomb_that_takes_memory_is_refused_and_the_limit_is_named() {
    let bytes = makecall_with(&bomb(3_000, 4_000));
    let manifest = engine().validate(&bytes).unwrap();
    let refused = compiler(Duration::from_secs(60), 96 << 20).compile(&manifest.digest, &bytes);
    assert_eq!(refused, Err(Refusal::CompileMemory(96)));
    let words = refused.unwrap_err().to_string();
    assert!(words.contains("more than 96 MiB of memory"), "{words}");
}

#[test]
fn a_component_of_too_much_machine_code_is_refused() {
    let mut compiler = usual();
    compiler.limits.code = 10_000;
    let bytes = component("makecall");
    let (what, most) = ("octets of machine code", 10_000);
    let refused = compiler.compile("sha256:any", &bytes);
    assert_eq!(refused, Err(Refusal::TooComplex { what, most }));
}

#[test]
fn what_the_compiler_says_of_a_component_is_the_refusal() {
    // Valid, as far as a child looks at it: nothing was judged before.
    let refused = usual().compile("sha256:any", &EMPTY[..7]);
    assert!(matches!(refused, Err(Refusal::Compile(_))), "{refused:?}");
}

#[test]
fn a_compiler_that_is_not_there_is_the_nodes_failure() {
    let mut compiler = usual();
    compiler.program = "/nowhere/jackfield".into();
    let refused = compiler.compile("sha256:any", EMPTY);
    assert!(
        matches!(refused, Err(Refusal::NotCompiled(_))),
        "{refused:?}"
    );
    compiler.program = "/bin/false".into();
    let refused = compiler.compile("sha256:any", EMPTY);
    assert!(
        matches!(refused, Err(Refusal::NotCompiled(_))),
        "{refused:?}"
    );
}
