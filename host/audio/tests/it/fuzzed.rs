//! What fuzzing gathered, and what it broke once, against the property that the fuzzer checks.

use std::path::Path;

#[path = "../../../../tests/fuzz/properties/audio.rs"]
mod audio_file;

#[test]
fn files_are_decoded_or_refused() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/corpus/fuzzed/audio");
    let mut count = 0;
    for entry in corpus.read_dir().expect("the corpus is there") {
        let path = entry.expect("it can be listed").path();
        println!("{}", path.display());
        audio_file::check(&std::fs::read(&path).expect("it can be read"));
        count += 1;
    }
    assert!(count >= 10, "only {count} inputs");
}
