use std::sync::{Arc, atomic::Ordering};

use model::{IdSource, SessionId};
use recorded::Seen;
use tokio::sync::mpsc;

use super::{Notes, PIECE, Sink, Taken, Waiting};
use crate::{
    outlets::Losses,
    records::turns::{OCTETS, tests::taken},
};

fn session() -> SessionId {
    SessionId::mint(&mut IdSource::new([1; 32], 0, 0), 1)
}

#[test]
fn a_full_queue_loses_the_turn_and_counts_it_where_it_is_told_to() {
    let losses = Arc::<Losses>::default();
    let (sink, mut turns) = Sink::new((3, OCTETS), &losses, |it| &it.shadows);
    for number in 0..8 {
        sink.take(taken(session(), number, 9));
    }
    let lost = [&losses.turns, &losses.shadows].map(|it| it.load(Ordering::Relaxed));
    assert_eq!(lost, [0, 5]);
    let mut came = Vec::new();
    while let Ok(waiting) = turns.try_recv() {
        let Taken { turn, is_whole, .. } = waiting.taken;
        came.push((turn.number, is_whole, turn.view.state.len()));
    }
    let whole = |number| (number, true, 9);
    let counted = |number| (number, false, 0);
    assert_eq!(came[..3], [0, 1, 2].map(whole));
    assert_eq!(came[3..], [3, 4, 5].map(counted), "that they were is known");
}

#[test]
fn large_turns_fill_the_queue_by_their_octets_until_they_are_taken_out() {
    let losses = Arc::<Losses>::default();
    let (sink, mut turns) = Sink::new((100, 10 * PIECE), &losses, |it| &it.turns);
    for number in 0..5 {
        // Each with what a turn is anyway.
        sink.take(taken(session(), number, 3 * PIECE));
    }
    let whole = |turns: &mut mpsc::Receiver<Box<Waiting>>| {
        let taken = turns.try_recv().unwrap().taken;
        (taken.turn.number, taken.is_whole)
    };
    assert_eq!(losses.turns.load(Ordering::Relaxed), 3);
    assert_eq!(whole(&mut turns), (0, true));
    sink.take(taken(session(), 5, 3 * PIECE));
    assert_eq!(losses.turns.load(Ordering::Relaxed), 3);
    let rest = [(); 5].map(|()| whole(&mut turns));
    let expected = [(1, true), (2, false), (3, false), (4, false), (5, true)];
    assert_eq!(rest, expected);
}

#[test]
fn a_run_notes_what_it_reads_and_another_begins_without() {
    let notes = Notes::default();
    notes.note("a", Some(&Some((b"1".to_vec(), 7))));
    notes.note("b", Some(&None));
    notes.clone().note("c", None);
    let expected = [
        ("a".to_owned(), Seen::Value(b"1".to_vec(), 7)),
        ("b".to_owned(), Seen::Nothing),
        ("c".to_owned(), Seen::Unavailable),
    ];
    assert_eq!(notes.take(), Some(expected.into()));
    assert_eq!(notes.take(), Some([].into()));
}

#[test]
fn of_a_turn_that_reads_more_than_a_session_keeps_nothing_is_noted() {
    let notes = Notes::default();
    let value = Some((vec![b'x'; 64 * 1024], 1));
    for key in ["a", "b", "c"] {
        notes.note(key, Some(&value));
    }
    assert_eq!(notes.clone().noted().reads.len(), 3);
    for key in ["d", "e"] {
        notes.note(key, Some(&value));
        assert!(notes.noted().reads.is_empty(), "{key}");
    }
    notes.note("f", None);
    assert_eq!(notes.take(), None);
    notes.note("f", Some(&None));
    assert_eq!(notes.take().map(|it| it.len()), Some(1), "of the next run");
}
