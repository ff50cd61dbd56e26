//! An upload: judged, never compiled.
#![no_main]

use std::sync::LazyLock;
use std::time::Instant;

use libfuzzer_sys::fuzz_target;
use policy::{Engine, Limits};

static ENGINE: LazyLock<Engine> =
    LazyLock::new(|| Engine::new(Limits::default(), Instant::now).expect("an engine"));

fuzz_target!(|upload: &[u8]| {
    if let Err(refusal) = ENGINE.validate(upload) {
        assert!(refusal.to_string().len() < 4_096);
    }
});
