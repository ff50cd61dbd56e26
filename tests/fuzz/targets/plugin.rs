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
        // FIXME: bounded by what came only. A name in the component is told whole, 90 KB long too.
        assert!(refusal.to_string().len() < 2 * upload.len() + 4_096);
    }
});
