//! Builds the built-in makecall component, so that the binary carries the platform's main job.

use std::{env, fs, path::PathBuf};

fn main() {
    let manifest = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    let root = manifest
        .ancestors()
        .nth(2)
        .expect("host/server is two levels down");
    for watched in ["wit", "plugins/sdk", "plugins/makecall", "Cargo.lock"] {
        println!("cargo:rerun-if-changed={}", root.join(watched).display());
    }
    match pack::plugin(root, "makecall", &out.join("plugins")) {
        Ok(component) => fs::write(out.join("makecall.wasm"), component).expect("OUT_DIR is ours"),
        Err(error) => {
            eprintln!("the built-in makecall policy cannot be built: {error}");
            std::process::exit(1);
        }
    }
}
