//! What a run said, and that the list of targets is that of `tests/fuzz`.

use std::collections::BTreeSet;

use clap::ValueEnum;

use super::{Target, outcome};
use crate::shell::Workspace;

#[test]
fn the_last_words_of_a_run_are_its_outcome() {
    let log = "INFO: Seed: 1\n#2\tINITED cov: 5 ft: 5\n\
        #509211\tDONE   cov: 2389 ft: 8373 corp: 1671/78Kb lim: 333 exec/s: 8347 rss: 519Mb\n\
        Done 509211 runs in 61 second(s)\nstat::peak_rss_mb: 519\n";
    assert_eq!(
        outcome(log),
        "  #509211\tDONE   cov: 2389 ft: 8373 corp: 1671/78Kb"
    );
}

#[test]
fn the_input_that_broke_a_target_is_named() {
    let log = "==1== ERROR: libFuzzer: deadly signal\n\
        artifact_prefix='/t/'; Test unit written to /t/crash-0123\nBase64: AA==\n";
    assert!(
        outcome(log).starts_with("  broken by /t/crash-0123\n"),
        "{}",
        outcome(log)
    );
}

#[test]
fn a_run_that_did_not_begin_says_why() {
    let log = "INFO: Seed: 1\nParseDictionaryFile: error in line 3\n";
    assert_eq!(outcome(log), "  ParseDictionaryFile: error in line 3");
    assert_eq!(outcome(""), "  it said nothing");
}

#[test]
fn every_target_of_the_folder_can_be_named_and_has_its_dictionary() {
    let root = Workspace::find().unwrap().root.join("tests/fuzz");
    let files = root.join("targets").read_dir().unwrap();
    let stem = |path: std::path::PathBuf| path.file_stem()?.to_str().map(str::to_owned);
    let there: BTreeSet<String> = files.flatten().filter_map(|it| stem(it.path())).collect();
    let targets = Target::value_variants();
    let named = targets.iter().map(|it| it.name().to_owned()).collect();
    assert_eq!(there, named);
    for words in targets.iter().filter_map(|it| it.dictionary()) {
        assert!(root.join(words).is_file(), "{words}");
    }
}
