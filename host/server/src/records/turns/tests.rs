use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering},
};

use model::{
    Event, FaultPolicy, IdSource, SessionId, TenantConfig, TenantId,
    turn::{TurnOutcome, View},
};
use recorded::{Did, Turn};
use store::{RecordedTurn, StoreError};
use tokio::time::Instant;

use super::{GROUP, OCTETS, OWED, RELAXED, ROOM, SESSIONS, Spool, TRIM, TURNS, write};
use crate::{
    outage::Outage,
    outlets::Losses,
    turns::taken::{Sink, Taken},
};

/// A tenant that has nothing.
pub fn tenant() -> TenantConfig {
    let mut ids = IdSource::new([1; 32], 0, 0);
    TenantConfig {
        id: TenantId::mint(&mut ids, 1),
        name: "acme".into(),
        domain: "acme.example".into(),
        numbers: BTreeMap::new(),
        trunks: Vec::new(),
        phones: BTreeMap::new(),
        secrets: BTreeMap::new(),
        plugins: BTreeMap::new(),
        prompts: BTreeMap::new(),
        default_plugin: "p".into(),
        fault_policy: FaultPolicy::Release,
        media_timeout: None,
        rollouts: BTreeMap::new(),
        records_turns: true,
    }
}

/// A turn of that session, which keeps so many octets of state.
pub fn taken(session: SessionId, number: u32, state: usize) -> Taken {
    let ids = IdSource::new([1; 32], 0, 0);
    let view = View {
        session,
        now: 1,
        calls: Vec::new(),
        calls_made: 0,
        conferences: Vec::new(),
        gone: None,
        operations: 0,
        asked: None,
        timers: Vec::new(),
        state: vec![b'x'; state].into(),
        tenant: Arc::new(tenant()),
        plugin: "p".into(),
        settings: Arc::default(),
    };
    let turn = Turn {
        number,
        version: 1,
        digest: "sha256:1".into(),
        view,
        event: Event::Timer { name: "t".into() },
        ids,
        reads: BTreeMap::new(),
        did: Did::default(),
    };
    Taken {
        turn,
        outcome: TurnOutcome::Done(Box::default()),
        is_whole: true,
    }
}

fn sessions() -> impl Iterator<Item = SessionId> {
    let mut ids = IdSource::new([2; 32], 0, 0);
    (1..).map(move |at| SessionId::mint(&mut ids, at))
}

#[test]
fn a_session_has_so_many_turns_and_octets_and_behind_a_gap_none() {
    let (mut spool, mut sessions) = (Spool::default(), sessions());
    let (many, large) = (sessions.next().unwrap(), sessions.next().unwrap());
    let mut kept = |session, number, state| spool.row(taken(session, number, state)).body.is_some();
    assert!((0..TURNS).all(|number| kept(many, number, 0)));
    assert!(!kept(many, TURNS, 0));
    assert!(kept(large, 0, 100) && kept(large, 1, OCTETS / 2));
    assert!(!kept(large, 2, OCTETS / 2), "more than fits");
    assert!(
        !kept(large, 3, 0),
        "it cannot be replayed without the one before"
    );
}

#[test]
fn a_turn_that_read_too_much_is_counted_and_nothing_behind_it_is_kept() {
    let (mut spool, session) = (Spool::default(), sessions().next().unwrap());
    let half = Taken {
        is_whole: false,
        ..taken(session, 0, 0)
    };
    assert_eq!(spool.row(half).body, None);
    assert_eq!(spool.row(taken(session, 1, 0)).body, None);
}

#[test]
fn what_is_counted_of_sessions_is_bounded_and_the_oldest_goes_first() {
    let mut spool = Spool::default();
    for session in sessions().take(SESSIONS + 3) {
        spool.row(taken(session, 0, 0));
    }
    assert_eq!(spool.sessions.len(), SESSIONS);
    let first = sessions().nth(3).unwrap();
    assert_eq!(
        spool.sessions.first_key_value().map(|(id, _)| *id),
        Some(first)
    );
}

#[test]
fn a_tenants_oldest_sessions_go_after_so_many_new_ones() {
    let mut spool = Spool::default();
    let mut rows: Vec<_> = sessions()
        .take(TRIM as usize)
        .map(|session| spool.row(taken(session, 0, 0)))
        .collect();
    let last = rows.pop().unwrap();
    assert_eq!(spool.due(&rows), []);
    let later = spool.row(taken(last.session, 1, 0));
    assert_eq!(spool.due(&[later]), [], "no new session");
    let tenant = last.tenant;
    assert_eq!(spool.due(&[last]), [tenant]);
    assert_eq!(spool.due(&[]), []);
}

/// The number of each row, whether it is kept, and how many are missing before it.
fn told(rows: &[RecordedTurn]) -> Vec<(u32, bool, u32)> {
    let told = |row: &RecordedTurn| (row.number, row.body.is_some(), row.missing);
    rows.iter().map(told).collect()
}

#[test]
fn behind_a_turn_that_is_missing_none_is_kept_and_each_is_counted() {
    let (mut spool, mut sessions) = (Spool::default(), sessions());
    let (gap, late) = (sessions.next().unwrap(), sessions.next().unwrap());
    let turns = [(gap, 0), (gap, 1), (gap, 4), (gap, 5), (late, 2), (late, 3)];
    let turns = turns.map(|(session, number)| taken(session, number, 0));
    let rows = spool.rows(turns.into_iter());
    let expected = [
        (0, true, 0),
        (1, true, 0),
        (4, false, 2),
        (5, false, 0),
        (2, false, 2),
        (3, false, 0),
    ];
    assert_eq!(told(&rows), expected);
}

#[test]
fn a_session_that_gave_way_to_newer_ones_goes_on() {
    let mut spool = Spool::default();
    let all: Vec<_> = sessions().take(SESSIONS + 1).collect();
    for session in &all {
        spool.row(taken(*session, 0, 0));
    }
    assert!(spool.row(taken(all[0], 1, 0)).body.is_some());
    assert!(spool.row(taken(all[1], 2, 0)).body.is_none(), "it is known");
}

/// Hands these turns to the writer and waits until it has taken them all; tells the rows of each commit, and how
/// long it took.
async fn written(
    turns: Vec<Taken>,
    commit: impl Fn(&[RecordedTurn]) -> Result<(), StoreError>,
) -> (Vec<Vec<RecordedTurn>>, std::time::Duration, u64) {
    let losses = Arc::<Losses>::default();
    let (sink, queue) = Sink::new(ROOM, &losses, |it| &it.turns);
    let (count, groups) = (turns.len(), RefCell::new(Vec::new()));
    let (seen, begun) = (Cell::new(0), Instant::now());
    for turn in turns {
        sink.take(turn);
    }
    let (all, taken) = tokio::sync::oneshot::channel();
    let all = RefCell::new(Some(all));
    let commit = async |rows: Vec<RecordedTurn>| {
        seen.set(seen.get() + rows.len());
        let done = commit(&rows);
        groups.borrow_mut().push(rows);
        if seen.get() >= count {
            let _ = all.borrow_mut().take().map(|all| all.send(()));
        }
        done
    };
    let work = write(
        commit,
        async |_| {},
        queue,
        Arc::clone(&losses),
        Outage::default(),
    );
    let done = async {
        taken.await.unwrap();
        let took = begun.elapsed();
        drop(sink);
        took
    };
    let ((), took) = tokio::join!(work, done);
    let lost = losses.turns.load(Ordering::Relaxed);
    (groups.into_inner(), took, lost)
}

#[tokio::test(start_paused = true)]
async fn a_writer_that_is_behind_does_not_rest() {
    let turns: Vec<_> = sessions()
        .take(GROUP * 4)
        .map(|session| taken(session, 0, 0))
        .collect();
    let (groups, took, lost) = written(turns, |_| Ok(())).await;
    assert_eq!((groups.len(), lost), (4, 0));
    assert!(took < RELAXED, "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn turns_that_the_store_did_not_take_are_counted_with_the_next_ones() {
    let all: Vec<_> = sessions().take(GROUP).collect();
    let first = all.iter().map(|session| taken(*session, 0, 0));
    let mut turns: Vec<_> = first.collect();
    turns.push(taken(all[0], 1, 0));
    let is_first = RefCell::new(true);
    let (groups, _, lost) = written(turns, |_| {
        if is_first.replace(false) {
            return Err(StoreError::Unavailable("on purpose".into()));
        }
        Ok(())
    })
    .await;
    assert_eq!(lost, GROUP as u64);
    assert_eq!((groups.len(), groups[1].len()), (2, GROUP + 1));
    let (owed, new) = groups[1].split_at(GROUP);
    assert!(owed.iter().all(|row| row.body.is_none()));
    assert_eq!(owed[0].session, all[0]);
    assert_eq!(told(new), [(1, false, 0)], "it is behind one that is lost");
}

#[test]
fn what_is_owed_is_bounded() {
    let mut spool = Spool::default();
    let row = spool.row(taken(sessions().next().unwrap(), 0, 0));
    spool.owe(vec![row; OWED + 5]);
    assert_eq!(spool.owed.len(), OWED);
    assert_eq!(spool.rows(std::iter::empty()).len(), GROUP);
}
