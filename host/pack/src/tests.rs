//! What pack refuses, and what of the environment it keeps.

use super::cargo::is_of_the_surrounding_build;
use super::{PackError, component};

#[test]
fn bytes_that_are_no_module_are_refused() {
    assert!(matches!(component(b"not wasm"), Err(PackError::Module(_))));
}

#[test]
fn a_module_without_interfaces_that_imports_wasi_is_refused() {
    // (module (import "wasi_snapshot_preview1" "sched_yield" (func (result i32))))
    let mut module = b"\0asm\x01\0\0\0".to_vec();
    module.extend([1, 5, 1, 0x60, 0, 1, 0x7f]);
    let mut import = vec![1, 22];
    import.extend(b"wasi_snapshot_preview1");
    import.push(11);
    import.extend(b"sched_yield");
    import.extend([0, 0]);
    module.extend([2, import.len() as u8]);
    module.extend(import);
    let refusal = component(&module).unwrap_err().to_string();
    assert!(refusal.contains("wasi_snapshot_preview1"), "{refusal}");
}

#[test]
fn flags_of_the_surrounding_build_do_not_reach_the_plugin() {
    for name in [
        "RUSTFLAGS",
        "CARGO_ENCODED_RUSTFLAGS",
        "CARGO_BUILD_TARGET",
        "CARGO_TARGET_DIR",
        "CARGO_PROFILE_RELEASE_LTO",
        "CARGO_FEATURE_DEFAULT",
        "CARGO_MAKEFLAGS",
        "RUSTC_WORKSPACE_WRAPPER",
        "RUSTC",
    ] {
        assert!(is_of_the_surrounding_build(name), "{name}");
    }
}

#[test]
fn where_crates_come_from_is_kept() {
    for name in [
        "CARGO",
        "CARGO_HOME",
        "CARGO_NET_OFFLINE",
        "RUSTUP_TOOLCHAIN",
        "PATH",
    ] {
        assert!(!is_of_the_surrounding_build(name), "{name}");
    }
}

#[test]
fn a_missing_target_is_answered_with_the_line_that_mends_it() {
    assert_eq!(
        PackError::TargetMissing.to_string(),
        "rustup target add wasm32-unknown-unknown"
    );
}
