use std::collections::BTreeMap;
use std::sync::Arc;

use model::{
    Event, FaultPolicy, IdSource, SessionId, TenantConfig, TenantId,
    turn::{TurnOutcome, View},
};
use recorded::{Did, Turn};

use super::{OCTETS, SESSIONS, Spool, TRIM, TURNS};
use crate::turns::taken::Taken;

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
fn what_is_counted_of_sessions_is_bounded_and_the_oldest_goes_first() {
    let mut spool = Spool::default();
    for session in sessions().take(SESSIONS + 3) {
        spool.row(taken(session, 0, 0));
    }
    assert_eq!(spool.octets.len(), SESSIONS);
    let first = sessions().nth(3).unwrap();
    assert_eq!(
        spool.octets.first_key_value().map(|(id, _)| *id),
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
