use std::cell::{Cell, RefCell};

use model::{IdSource, RecordingState};

use super::*;
use crate::recordings::tests::recording;

fn away() -> StoreError {
    StoreError::Unavailable("on purpose".into())
}

/// That some recordings begin, and then end.
fn changes(count: usize) -> Vec<RecordingChange> {
    let mut ids = IdSource::new([6; 32], 0, 0);
    let rows: Vec<_> = (0..count).map(|_| recording(&mut ids)).collect();
    let begun = rows.iter().cloned().map(RecordingChange::Begun);
    let failed = |id| RecordingChange::Ended(id, RecordingState::Failed);
    let ended = rows.iter().map(|row| failed(row.id));
    begun.chain(ended).collect()
}

#[tokio::test(start_paused = true)]
async fn rows_of_recordings_outlast_an_outage_in_their_order() {
    let all = changes(CHANGES / 2);
    let (is_away, written) = (Cell::new(true), RefCell::new(Vec::new()));
    let commit = async |group: Vec<RecordingChange>| {
        if is_away.get() {
            return Err(away());
        }
        assert!(group.len() <= GROUP);
        written.borrow_mut().extend(group);
        Ok(())
    };
    let (sender, receiver) = mpsc::channel(CHANGES);
    let work = async {
        for change in &all {
            sender.try_send(change.clone()).unwrap();
        }
        tokio::time::sleep(RETRY_LONGEST * 100).await;
        assert_eq!(*written.borrow(), []);
        is_away.set(false);
        drop(sender);
    };
    tokio::join!(write_recordings(commit, receiver, Outage::default()), work);
    assert!(*written.borrow() == all);
}

#[tokio::test(start_paused = true)]
async fn a_row_of_a_recording_that_cannot_be_written_keeps_no_other() {
    let all = changes(3);
    let written = RefCell::new(Vec::new());
    let (bad, is_away) = (&all[1], Cell::new(false));
    let commit = async |group: Vec<RecordingChange>| {
        if group.contains(bad) {
            return Err(StoreError::Damaged("on purpose".into()));
        }
        // It goes away for one try in between.
        if is_away.replace(!is_away.get()) {
            return Err(away());
        }
        written.borrow_mut().extend(group);
        Ok(())
    };
    let (sender, receiver) = mpsc::channel(CHANGES);
    for change in &all {
        sender.try_send(change.clone()).unwrap();
    }
    drop(sender);
    write_recordings(commit, receiver, Outage::default()).await;
    let others = all.iter().filter(|it| *it != bad).cloned();
    assert_eq!(*written.borrow(), others.collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn a_store_that_stays_away_lets_the_node_end_without_its_recordings() {
    let tries = Cell::new(0);
    let commit = async |_| {
        tries.set(tries.get() + 1);
        Err(away())
    };
    let (sender, receiver) = mpsc::channel(CHANGES);
    sender.try_send(changes(1).remove(0)).unwrap();
    drop(sender);
    write_recordings(commit, receiver, Outage::default()).await;
    assert_eq!(tries.get(), LAST_TRIES);
}
