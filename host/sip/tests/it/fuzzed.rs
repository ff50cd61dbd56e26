//! What fuzzing gathered, and what it broke once, against the properties that the fuzzers check.

use std::path::Path;

#[path = "../../../../tests/fuzz/properties/digest.rs"]
mod digest;
#[path = "../../../../tests/fuzz/properties/frame.rs"]
mod frame;
#[path = "../../../../tests/fuzz/properties/headers.rs"]
mod headers;
#[path = "../../../../tests/fuzz/properties/info.rs"]
mod info;
#[path = "../../../../tests/fuzz/properties/message.rs"]
mod message;
#[path = "../../../../tests/fuzz/properties/stun.rs"]
mod stun;
#[path = "../../../../tests/fuzz/properties/uri.rs"]
mod uri;

#[test]
fn datagrams_are_read_as_they_are_written() {
    replay("message", message::check);
}

#[test]
fn streams_are_the_same_however_they_are_cut() {
    replay("frame", frame::check);
}

#[test]
fn header_lines_are_read_as_they_are_written() {
    replay("headers", headers::check);
}

#[test]
fn nobody_is_believed_who_was_not_challenged() {
    replay("digest", |octets| {
        if let Ok(text) = std::str::from_utf8(octets) {
            digest::check(text);
        }
    });
}

#[test]
fn uris_are_read_as_they_are_written() {
    replay("uri", |octets| {
        if let Ok(text) = std::str::from_utf8(octets) {
            uri::check(text);
        }
    });
}

#[test]
fn an_info_tells_a_key_or_none() {
    replay("info", info::check);
}

#[test]
fn whoever_asks_for_its_address_is_told_it_and_nothing_else() {
    replay("stun", stun::check);
}

/// Every input that is kept for a target; the name of one that breaks is in the output.
fn replay(target: &str, check: impl Fn(&[u8])) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/corpus/fuzzed");
    let entries = corpus.join(target).read_dir().expect("the corpus is there");
    let mut count = 0;
    for entry in entries {
        let path = entry.expect("it can be listed").path();
        println!("{}", path.display());
        check(&std::fs::read(&path).expect("it can be read"));
        count += 1;
    }
    assert!(count >= 10, "only {count} inputs for {target}");
}
