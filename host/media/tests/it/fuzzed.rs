//! What fuzzing gathered, and what it broke once, against the properties that the fuzzers check.

use std::path::Path;

use crate::clock;

#[path = "../../../../tests/fuzz/properties/dtmf.rs"]
mod dtmf;
#[path = "../../../../tests/fuzz/properties/jitter.rs"]
mod jitter;
#[cfg(feature = "opus")]
#[path = "../../../../tests/fuzz/properties/opus.rs"]
mod opus;
#[path = "../../../../tests/fuzz/properties/rtcp.rs"]
mod rtcp;
#[path = "../../../../tests/fuzz/properties/rtp.rs"]
mod rtp;
#[path = "../../../../tests/fuzz/properties/sdp.rs"]
mod sdp;

#[path = "../../../../tests/fuzz/properties/srtp.rs"]
mod srtp;

#[test]
fn protected_packets_are_opened_once_and_strangers_never() {
    replay("srtp", srtp::check);
}

#[test]
fn descriptions_are_answered_so_that_the_answer_can_be_read() {
    replay("sdp", sdp::check);
}

#[test]
fn datagrams_at_a_bridge_are_forwarded_as_rtp_or_not_at_all() {
    let start = clock();
    replay("rtp", |input| rtp::check(start, input));
}

#[cfg(feature = "opus")]
#[test]
fn packets_of_opus_are_as_long_as_they_say_wherever_they_come() {
    let start = clock();
    replay("opus", |input| opus::check(start, input));
}

#[test]
fn reports_are_understood_whole_or_not_at_all() {
    replay("rtcp", rtcp::check);
}

#[test]
fn each_press_is_told_once_and_no_faster_than_telephones_are() {
    let start = clock();
    replay("dtmf", |input| dtmf::check(start, input));
}

#[test]
fn a_jitter_buffer_plays_what_came_once_and_in_time() {
    let start = clock();
    replay("jitter", |input| jitter::check(start, input));
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
