use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, atomic::Ordering},
};

use model::{ActivePlugin, Event, IdSource, Rollout, SessionId, turn::View};
use recorded::{Course, Did, Difference, Divergence, Step, Turn, What};
use tokio::sync::mpsc;

use super::{LINES, ROOM, SESSIONS, Shadows, count, shadow};
use crate::{
    metrics::Metrics,
    outlets::{Losses, Record},
    records::turns::tests::{taken, tenant},
    turns::taken::Sink,
};

fn candidate() -> ActivePlugin {
    ActivePlugin {
        name: "p".into(),
        version: 2,
        digest: "sha256:2".into(),
        exports: BTreeSet::new(),
        settings: Arc::default(),
    }
}

fn turn(session: SessionId, number: u32, now: u64) -> Turn {
    let mut tenant = tenant();
    let rollout = Rollout {
        shadow: Some(candidate()),
        ..Rollout::default()
    };
    tenant.rollouts.insert("p".into(), rollout);
    let view = View {
        session,
        now,
        calls: Vec::new(),
        calls_made: 0,
        conferences: Vec::new(),
        gone: None,
        operations: 0,
        asked: None,
        timers: Vec::new(),
        state: Arc::from(&b""[..]),
        tenant: Arc::new(tenant),
        plugin: "p".into(),
        settings: Arc::default(),
    };
    Turn {
        number,
        version: 1,
        digest: "sha256:1".into(),
        view,
        event: Event::Timer { name: "t".into() },
        ids: IdSource::new([1; 32], 0, 0),
        reads: BTreeMap::new(),
        did: Did::default(),
    }
}

fn sessions() -> impl Iterator<Item = SessionId> {
    let mut ids = IdSource::new([2; 32], 0, 0);
    (1..).map(move |at| SessionId::mint(&mut ids, at))
}

fn differs(turn: &Turn) -> Step {
    Step::Differs(Box::new(Divergence {
        session: turn.view.session,
        turn: turn.number,
        event: "on_timer",
        difference: Difference {
            what: What::Reply,
            recorded: "1".into(),
            now: "2".into(),
        },
    }))
}

fn shadows() -> (Shadows, mpsc::Receiver<Record>) {
    let (records, written) = mpsc::channel(64);
    let metrics = Metrics::off();
    (Shadows::new(Some(records), metrics), written)
}

#[test]
fn a_version_is_no_shadow_of_its_own() {
    let turn = turn(sessions().next().unwrap(), 0, 1);
    let tenant = &turn.view.tenant;
    assert_eq!(shadow(tenant, "p", 1).map(|it| it.version), Some(2));
    assert_eq!(shadow(tenant, "p", 2), None);
    assert_eq!(shadow(tenant, "q", 1), None);
}

#[test]
fn a_session_is_followed_from_its_first_turn_to_the_first_difference() {
    let ((mut shadows, mut written), mut sessions) = (shadows(), sessions());
    let (late, session) = (sessions.next().unwrap(), sessions.next().unwrap());
    let candidate = candidate();
    assert!(shadows.course(&turn(late, 3, 1), &candidate).is_none());
    let first = turn(session, 0, 1);
    let course = shadows.course(&first, &candidate).unwrap();
    shadows.step(&first, &candidate, Some(Step::Same), course);
    let second = turn(session, 1, 1);
    let course = shadows.course(&second, &candidate).unwrap();
    shadows.step(&second, &candidate, Some(differs(&second)), course);
    assert!(shadows.course(&turn(session, 2, 1), &candidate).is_none());
    shadows.tell();
    let Some(Record::Log(log)) = written.blocking_recv() else {
        panic!("no line");
    };
    assert_eq!((log.version, log.session), (2, session));
    assert_eq!(
        log.lines[0].message,
        "shadow of version 1: turn 2, on_timer: the reply differs; recorded:  1; now:       2"
    );
    let Some(Record::Shadow { tally, version, .. }) = written.blocking_recv() else {
        panic!("nothing was counted");
    };
    assert_eq!((version, tally.sessions, tally.turns), (2, 1, 2));
    assert_eq!((tally.differ, tally.unknown), (1, 0));
}

#[test]
fn a_plugin_has_so_many_lines_a_minute() {
    let (mut shadows, mut written) = shadows();
    let candidate = candidate();
    for (at, session) in sessions().take(LINES as usize + 3).enumerate() {
        // The last one is of the next minute.
        let now = 60_000 + if at == LINES as usize + 2 { 60_000 } else { 0 };
        let turn = turn(session, 0, now);
        shadows.step(&turn, &candidate, Some(differs(&turn)), Course::default());
    }
    let mut lines = 0;
    while written.try_recv().is_ok() {
        lines += 1;
    }
    assert_eq!(lines, LINES + 1);
}

#[test]
fn so_many_sessions_are_followed_and_the_oldest_gives_way() {
    let (mut shadows, _written) = shadows();
    let candidate = candidate();
    for session in sessions().take(SESSIONS + 2) {
        shadows.course(&turn(session, 0, 1), &candidate);
    }
    assert_eq!(shadows.courses.len(), SESSIONS);
    let first = sessions().nth(2).unwrap();
    assert_eq!(
        shadows.courses.first_key_value().map(|(id, _)| *id),
        Some(first)
    );
}

#[test]
fn what_waits_when_the_node_ends_is_counted() {
    let losses = Arc::<Losses>::default();
    let (sink, mut turns) = Sink::new((3, ROOM.1), &losses, |it| &it.shadows);
    let session = sessions().next().unwrap();
    for number in 0..5 {
        sink.take(taken(session, number, 0));
    }
    let lost = || losses.shadows.load(Ordering::Relaxed);
    assert_eq!(lost(), 2, "for want of room");
    drop(sink);
    let first = turns.try_recv().unwrap();
    count(*first, &mut turns, &losses);
    assert_eq!(lost(), 5, "each of them once");
}
