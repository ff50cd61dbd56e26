use std::sync::{Arc, atomic::Ordering};

use model::{IdSource, SessionId};
use recorded::Seen;

use super::{Notes, Sink};
use crate::{outlets::Losses, records::turns::tests::taken};

#[test]
fn a_full_queue_loses_the_turn_and_counts_it_where_it_is_told_to() {
    let losses = Arc::<Losses>::default();
    let (sink, turns) = Sink::new(3, &losses, |it| &it.shadows);
    let session = SessionId::mint(&mut IdSource::new([1; 32], 0, 0), 1);
    for number in 0..5 {
        sink.take(Box::new(taken(session, number, 0)));
    }
    let lost = [&losses.turns, &losses.shadows].map(|it| it.load(Ordering::Relaxed));
    assert_eq!((turns.len(), lost), (3, [0, 2]));
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
    assert_eq!(notes.take(), expected.into());
    assert!(notes.take().is_empty());
}
