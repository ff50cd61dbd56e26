//! Components that are small, valid and within every cap, and cost more to compile than they may.

use std::env;
use std::process::ExitCode;
use std::time::Duration;

use policy::{Artefact, CompileLimits, Compiler, Engine, Limits, Refusal, SealKey, serve_child};

use crate::bomb::{EMPTY, bomb_in, with_section};
use crate::scene::{clock, component, engine};

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

#[test]
fn a_component_is_compiled_by_a_child_and_runs_here() {
    let bytes = component("makecall");
    let compiler = usual();
    let manifest = engine().validate(&bytes).unwrap();
    let artefact = compiler.compile(&manifest.digest, &bytes).unwrap();
    let policy = engine().load(manifest.clone(), &artefact, &compiler.key);
    assert_eq!(policy.unwrap().unwrap().manifest(), &manifest);
}

/// The child never comes forward, which a node that nobody privileged has put back would not be allowed to.
#[test]
fn a_node_that_was_put_far_back_compiles_still() {
    let mut compiler = usual();
    let program = compiler.program.display().to_string();
    let before = ["-n", "10", &program].map(str::to_owned);
    compiler.arguments.splice(..0, before);
    compiler.program = "/usr/bin/nice".into();
    let bytes = component("makecall");
    let compiled = compiler.compile("sha256:any", &bytes);
    assert!(compiled.is_ok(), "{compiled:?}");
}

/// The compiler knows nothing of the pool that turns take their memory from.
#[test]
fn what_has_no_room_in_a_turn_is_refused_with_the_reason() {
    let compiler = usual();
    let loads = |engine: &Engine, bytes: &[u8]| {
        let manifest = engine.validate(bytes).unwrap();
        let artefact = compiler.compile(&manifest.digest, bytes).unwrap();
        let loaded = engine.load(manifest, &artefact, &compiler.key).unwrap();
        loaded.map(|_| ()).map_err(|refusal| refusal.to_string())
    };
    let small = Limits {
        memory: 64 << 10,
        turns: 1,
        ..Limits::default()
    };
    let small = Engine::new(small, clock).unwrap();
    let why = loads(&small, &component("makecall")).unwrap_err();
    assert!(why.contains("memory has a minimum byte size of"), "{why}");

    // A module that has a memory and nothing else, and, once more of whichever module is the last, an instance.
    let module = with_section(b"\0asm\x01\0\0\0", 5, &[1, 0, 1]);
    let base = with_section(&component("makecall"), 1, &module);
    let instances = (0..20).map(|index| with_section(&base, 2, &[1, 0, index, 0]));
    let mut two = instances.filter(|bytes| engine().validate(bytes).is_ok());
    let why = loads(engine(), &two.next_back().unwrap()).unwrap_err();
    assert!(why.contains("2 Wasm linear memories"), "{why}");
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
    let bytes = bomb_in(&component("makecall"));
    let manifest = engine().validate(&bytes).unwrap();
    let refused = compiler(Duration::from_secs(1), 16 << 30).compile(&manifest.digest, &bytes);
    assert_eq!(refused, Err(Refusal::CompileTime(Duration::from_secs(1))));
    let words = refused.unwrap_err().to_string();
    assert!(words.contains("more than 1 s of processor time"), "{words}");
}

#[test]
fn a_bomb_that_takes_memory_is_refused_and_the_limit_is_named() {
    let bytes = bomb_in(&component("makecall"));
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

#[test]
fn a_compiler_that_says_nothing_is_not_waited_for_for_ever() {
    let mut compiler = usual();
    compiler.program = "/bin/sleep".into();
    compiler.arguments = vec!["1000".to_owned()];
    compiler.limits.patience = Duration::from_millis(50);
    let refused = compiler.compile("sha256:any", EMPTY);
    let Err(Refusal::NotCompiled(why)) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(why, "it took longer than 50ms");
}
