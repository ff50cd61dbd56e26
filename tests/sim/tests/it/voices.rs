//! Random calls to policies that play, record, collect, hold and confer, judged by the invariants.
//!
//! `SIM_SEEDS` says how many seeds, four times as many as are played here, for audio costs time; `SIM_VOICES`
//! plays one and shows its journal.

use std::collections::BTreeMap;

use sim::{Options, Sabotage, World, chaos::voices, count_errors, script::Scripts};

/// Seeds of every run.
const SEEDS: u64 = 10;

/// With so many seeds everything must happen that is expected.
const MANY: u64 = 100;

/// One in so many is played twice.
const TWICE: u64 = 10;

/// What must happen in them, as journals say it, or the weather is too good.
const WITHIN: [&str; 18] = [
    "played: finished",
    "played: finish-key",
    "played: stopped",
    "played: failed",
    "recorded memo: finish-key",
    "recorded memo: timeout",
    "recorded memo: stopped",
    "recorded memo: failed",
    "recorded voicemail: finish-key",
    "digits collected: finished",
    "digits collected: finish-key",
    "digits collected: timeout",
    "digits collected: stopped",
    "conf-enter",
    "bridge-start",
    "hold",
    "resume",
    "send-digits",
];

fn play(seed: u64, sabotage: Option<Sabotage>) -> (World, Vec<String>) {
    let options = Options {
        sabotage,
        ..Options::stormy(seed)
    };
    let (world, errors) = count_errors(|| voices::play(options, Box::new(Scripts)));
    let mut violations = world.watch().violations().to_vec();
    if errors > 0 {
        violations.push(format!("{errors} errors were logged"));
    }
    (world, violations)
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn random_voices_keep_every_invariant() {
    let chosen = number("SIM_VOICES");
    let count = number("SIM_SEEDS").map_or(SEEDS, |seeds| seeds.div_ceil(4));
    let mut within = BTreeMap::<&str, usize>::new();
    for seed in chosen.map_or(0..count, |seed| seed..seed + 1) {
        let (world, mut violations) = play(seed, None);
        if chosen.is_some() {
            println!("{}", world.journal());
        }
        for what in WITHIN {
            *within.entry(what).or_default() += world.journal().matches(what).count();
        }
        if seed % TWICE == 0 && play(seed, None).0.journal() != world.journal() {
            violations.push("the same seed did not give the same journal".to_owned());
        }
        assert!(
            violations.is_empty(),
            "SIM_VOICES={seed} cargo test -p sim --test it random_voices -- --nocapture # {}",
            violations.join("; ")
        );
    }
    println!("{within:#?}");
    if chosen.is_none() && count >= MANY {
        for (what, times) in within {
            assert!(times >= 5, "{what}: {times} times");
        }
    }
}

#[test]
fn an_end_that_is_forgotten_is_noticed() {
    let (_, violations) = play(0, Some(Sabotage::DropPlayCompleted));
    let forgotten = |it: &String| it.contains("was not told the end of");
    assert!(violations.iter().any(forgotten), "{violations:#?}");
}
