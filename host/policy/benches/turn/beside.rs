//! The same turns of makecall in other languages, and what a live session costs for its policy.

use std::fs;
use std::sync::Arc;

use model::Event;
use model::turn::TurnOutcome;
use policy::{Policy, TurnInput};

use super::{Bench, Memory, Rows, micros};
use crate::figure::{Aim, Figure, now};

/// Where `cargo xtask bench turn` says that the component of a language is.
const LANGUAGES: [(&str, &str); 2] = [("BENCH_JS", "JavaScript"), ("BENCH_PYTHON", "Python")];
/// Their turns are as many times fewer: one takes as many times longer, and more.
const FEWER: u64 = 20;
/// Sessions that are alive at once.
const SESSIONS: usize = 10_000;
/// Octets that each may cost for its policy.
const AIM: f64 = 4_096.0;

/// Measures makecall in the languages whose components are there.
pub(super) fn languages(bench: &mut Bench) {
    let turns = bench.turns;
    bench.turns = turns / FEWER;
    for (variable, language) in LANGUAGES {
        let Some(file) = std::env::var_os(variable) else {
            eprintln!("{language} is left out: {variable} names no component");
            continue;
        };
        let bytes = fs::read(file).expect("the component can be read");
        let begin = now();
        let makecall = bench.engine.compile(&bytes).expect("a good policy");
        let seconds = micros(begin, now()) / 1e6;
        let request = bench.scene.request("makecall", super::BODY);
        bench.told(
            &format!("on_request, {language}"),
            &makecall,
            &request,
            &[],
            None,
        );
        let (stored, _) = bench.effects(&makecall, &request, &[]);
        let incoming = bench.scene.incoming();
        let group = format!("on_incoming, {language}");
        bench.told(&group, &makecall, &incoming, &stored, None);
        let size = bytes.len() as f64 / 1e6;
        Figure::new(&group, "its component", size, "MB").print();
        Figure::new(&group, "compiled in", seconds, "s")
            .note("once, when it is uploaded")
            .print();
    }
    bench.turns = turns;
}

/// Begins many sessions and keeps of each what a node keeps for its policy between events: the version that it is
/// pinned to, its settings and its state. There is no instance then.
pub(super) fn sessions(bench: &Bench, makecall: &Policy, incoming: &Event, stored: &Rows) {
    let begin = || {
        let input = bench.scene.input(incoming);
        let settings = Arc::clone(&input.view.settings);
        let state = state_after(bench, makecall, input, stored);
        (makecall.clone(), settings, state)
    };
    // What the engine itself sets aside, it sets aside for the first of them.
    let warm: Vec<_> = (0..SESSIONS / 10).map(|_| begin()).collect();
    drop(warm);
    let before = resident();
    let live: Vec<_> = (0..SESSIONS).map(|_| begin()).collect();
    let each = resident().saturating_sub(before) as f64 / SESSIONS as f64;
    let states: usize = live.iter().map(|(_, _, state)| state.len()).sum();
    let group = "10,000 live sessions, each";
    Figure::new(group, "memory for its policy", each, "octets")
        .aim(Aim::AtMost(AIM))
        .note("growth of the resident set")
        .print();
    Figure::new(
        group,
        "of it: state",
        states as f64 / SESSIONS as f64,
        "octets",
    )
    .print();
}

/// The state that one turn keeps.
fn state_after(bench: &Bench, policy: &Policy, input: TurnInput, stored: &Rows) -> Arc<[u8]> {
    let reads = Box::new(Memory(stored.to_vec()));
    let outcome = bench
        .runtime
        .block_on(bench.engine.run(policy, input, reads));
    let TurnOutcome::Done(effects) = outcome else {
        panic!("{outcome:?}");
    };
    effects.state.expect("makecall remembers its legs").into()
}

/// Octets of this process that are in memory (proc(5)).
fn resident() -> usize {
    let pages = fs::read_to_string("/proc/self/statm").expect("this is Linux");
    let pages: usize = pages
        .split(' ')
        .nth(1)
        .and_then(|it| it.parse().ok())
        .expect("a number of pages");
    pages * 4096
}
