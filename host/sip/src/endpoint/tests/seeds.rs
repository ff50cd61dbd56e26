//! Many calls over a bad network, from a seed: whatever is lost, doubled or overtaken, every call
//! ends, is told once, and leaves nothing behind.

use std::collections::BTreeMap;
use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::pair::{A, B, Pair, address, invite, name_of, sdp, without_errors};
use crate::{Config, DialogId, Event, Input};

const SEEDS: u64 = 200;
const CALLS: u64 = 6;

/// What a side knows of one of its calls.
#[derive(Debug, Default)]
struct Told {
    events: Vec<String>,
    released: bool,
}

impl Told {
    fn is_over(&self) -> bool {
        self.released || self.events.iter().any(|name| is_terminal(name))
    }
}

fn is_terminal(name: &str) -> bool {
    ["cancelled", "hung up"].contains(&name)
        || name.starts_with("failed")
        || name.starts_with("lost")
}

struct Side {
    calls: BTreeMap<DialogId, Told>,
}

#[test]
fn every_call_ends_once_and_leaves_nothing() {
    without_errors(|| {
        let mut told = BTreeMap::<String, u32>::new();
        for seed in 0..SEEDS {
            let (_, names) = run(seed);
            for name in names {
                *told.entry(name).or_default() += 1;
            }
        }
        // The seeds are worth nothing if they miss a way to end.
        for name in [
            "accepted",
            "confirmed",
            "cancelled",
            "hung up",
            "lost 408",
            "failed 408",
            "failed 486",
            "reoffer",
            "reanswered",
            "reanswered 488",
            "reanswered 491",
        ] {
            assert!(
                told.get(name).is_some_and(|count| *count > 10),
                "{name}: {told:?}"
            );
        }
    });
}

#[test]
fn the_same_seed_gives_the_same_ladder() {
    assert_eq!(run(7), run(7));
    assert_ne!(run(7).0, run(11).0);
}

/// The ladder and every event.
fn run(seed: u64) -> (Vec<String>, Vec<String>) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut pair = Pair::with(Config::default(), seed as u8);
    // From a good network to one that hardly works.
    let loss = [0, 10, 35, 85][(seed % 4) as usize];
    // On that one nobody hangs up before the timers have had their say.
    let patience = [12, 12, 24, 200][(seed % 4) as usize];
    let mut net = ChaCha8Rng::seed_from_u64(!seed);
    pair.fate = Box::new(move |_| {
        let copies = match net.next_u64() % 100 {
            lot if lot < loss => 0,
            lot if lot >= 95 => 2,
            _ => 1,
        };
        (0..copies)
            .map(|_| Duration::from_millis(1 + net.next_u64() % 400))
            .collect()
    });
    let mut sides = [
        Side {
            calls: BTreeMap::new(),
        },
        Side {
            calls: BTreeMap::new(),
        },
    ];
    let mut due = 0;
    while due < CALLS
        || !sides
            .iter()
            .all(|side| side.calls.values().all(Told::is_over))
    {
        if due < CALLS && rng.next_u64().is_multiple_of(4) {
            let from = (rng.next_u64() % 2) as usize;
            let dialog = pair.ends[from].new_dialog();
            let order = invite(dialog, from, address(1 - from));
            sides[from].calls.insert(dialog, Told::default());
            pair.input(from, Input::Invite(Box::new(order)));
            due += 1;
        }
        for end in [A, B] {
            act(&mut pair, end, &mut sides[end], &mut rng, patience);
        }
        pair.run(Duration::from_millis(rng.next_u64() % 1500));
        take(&mut pair, &mut sides, seed);
    }
    // An INVITE may still arrive whose caller has given up; its owner would end it some day.
    pair.run(Duration::from_secs(60));
    take(&mut pair, &mut sides, seed);
    for end in [A, B] {
        for (dialog, told) in &mut sides[end].calls {
            if !told.is_over() {
                told.released = true;
                let (dialog, status) = (*dialog, 480);
                pair.input(end, Input::Release { dialog, status });
            }
        }
    }
    pair.rest();
    take(&mut pair, &mut sides, seed);
    for side in &sides {
        for told in side.calls.values() {
            assert_eq!(
                told.events.last().map(String::as_str),
                Some("gone"),
                "seed {seed}: {told:?}"
            );
        }
    }
    let calls = sides.into_iter().flat_map(|side| side.calls.into_values());
    (pair.ladder, calls.flat_map(|told| told.events).collect())
}

/// One thing at random to one of the calls of a side.
fn act(pair: &mut Pair, end: usize, side: &mut Side, rng: &mut ChaCha8Rng, patience: u64) {
    let alive: Vec<_> = side
        .calls
        .iter()
        .filter(|(_, told)| !told.is_over())
        .collect();
    let Some((dialog, told)) = (!alive.is_empty())
        .then(|| alive[(rng.next_u64() % alive.len() as u64) as usize])
        .map(|(dialog, told)| (*dialog, told))
    else {
        return;
    };
    let inbound = told.events.first().is_some_and(|name| name == "incoming");
    let answer = match rng.next_u64() % patience {
        0 if inbound => Input::Progress {
            dialog,
            status: 180,
            sdp: None,
        },
        1 if inbound => Input::Progress {
            dialog,
            status: 183,
            sdp: Some(sdp("early")),
        },
        2 | 3 if inbound => Input::Accept {
            dialog,
            sdp: sdp("answer"),
        },
        4 => {
            let status = [200, 486, 487, 503][(rng.next_u64() % 4) as usize];
            side.calls.entry(dialog).or_default().released = true;
            Input::Release { dialog, status }
        }
        5..=7 => Input::Reoffer {
            dialog,
            sdp: sdp("anew"),
        },
        8 => Input::Reanswer {
            dialog,
            answer: Ok(sdp("agreed")),
        },
        9 => Input::Reanswer {
            dialog,
            answer: Err(488),
        },
        _ => return,
    };
    pair.input(end, answer);
}

/// Takes the events of both sides and checks their order.
fn take(pair: &mut Pair, sides: &mut [Side; 2], seed: u64) {
    for end in [A, B] {
        while let Some(event) = pair.events[end].pop_front() {
            let name = name_of(&event);
            let dialog = dialog_of(&event);
            let told = sides[end].calls.entry(dialog).or_default();
            let last = told.events.last().map_or("", String::as_str);
            assert_ne!(last, "gone", "seed {seed}: {name} after gone");
            let over = told.events.iter().any(|name| is_terminal(name));
            assert!(!over || name == "gone", "seed {seed}: {name} after {last}");
            let ended = over || told.released;
            assert!(
                name != "gone" || ended,
                "seed {seed}: gone without an end: {told:?}"
            );
            if name == "accepted" || name == "confirmed" || name == "incoming" {
                assert!(!told.events.contains(&name), "seed {seed}: {name} twice");
            }
            told.events.push(name);
        }
    }
}

fn dialog_of(event: &Event) -> DialogId {
    match event {
        Event::Unproven(_) => panic!("nobody here is a registrar"),
        Event::Told { .. } => panic!("nobody here asks"),
        Event::Conduct { .. } => panic!("nobody here is a stranger"),
        Event::Incoming(incoming) => incoming.dialog,
        Event::Provisional { dialog, .. }
        | Event::Accepted { dialog, .. }
        | Event::Failed { dialog, .. }
        | Event::Confirmed { dialog, .. }
        | Event::Cancelled { dialog, .. }
        | Event::HungUp { dialog, .. }
        | Event::Lost { dialog, .. }
        | Event::Reoffer { dialog, .. }
        | Event::Withdrawn { dialog }
        | Event::Reanswered { dialog, .. }
        | Event::Refreshed { dialog, .. }
        | Event::Digit { dialog, .. }
        | Event::Informed { dialog, .. }
        | Event::Referred { dialog, .. }
        | Event::Transferred { dialog, .. }
        | Event::Gone { dialog } => *dialog,
    }
}
