use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use model::{ActivePlugin, FaultPolicy, IdSource, Rollout};

use super::*;

const HOUR: u64 = 3_600_000;

fn tenant() -> TenantId {
    TenantId::mint(&mut IdSource::new([3; 32], 0, 0), 1)
}

/// Version 2 is new, 1 was before it: three faults within a minute are too many, for an hour.
fn probation() -> Probation {
    Probation {
        version: 2,
        before: 1,
        faults: 3,
        within: Duration::from_secs(60),
        since: 0,
        until: HOUR,
    }
}

fn config(active: u32, probation: Option<Probation>) -> TenantConfig {
    let plugin = ActivePlugin {
        name: "ivr".into(),
        version: active,
        digest: String::new(),
        exports: BTreeSet::new(),
        settings: std::sync::Arc::default(),
    };
    let rollout = Rollout {
        probation,
        ..Rollout::default()
    };
    TenantConfig {
        id: tenant(),
        name: String::new(),
        domain: "acme.example".into(),
        numbers: BTreeMap::new(),
        trunks: vec![],
        phones: BTreeMap::new(),
        secrets: BTreeMap::new(),
        plugins: [("ivr".to_owned(), plugin)].into(),
        rollouts: [("ivr".to_owned(), rollout)].into(),
        prompts: BTreeMap::new(),
        default_plugin: "ivr".into(),
        fault_policy: FaultPolicy::Release,
        media_timeout: None,
        records_turns: false,
    }
}

/// Turns at times that are counted from its begin.
struct Court {
    book: Probations,
    begin: Instant,
}

impl Court {
    fn new(probation: Option<Probation>) -> Self {
        let mut book = Probations::default();
        book.publish(tenant(), Some(&config(2, probation)));
        // Any moment will do: only differences count.
        let begin = wall();
        Self { book, begin }
    }

    fn turn(&mut self, second: u64, version: u32, fault: Option<Fault>) -> Option<String> {
        let now = Now {
            mono: self.begin + Duration::from_secs(second),
            unix_ms: second * 1_000,
        };
        let verdict = self.book.turn(now, (tenant(), "ivr", version), fault)?;
        assert_eq!(
            (verdict.plugin.as_str(), verdict.judged.version),
            ("ivr", version)
        );
        Some(verdict.why)
    }

    fn traps(&mut self, second: u64) -> Option<String> {
        self.turn(second, 2, Some(Fault::Trap))
    }
}

#[expect(clippy::disallowed_methods, reason = "a moment to count from")]
fn wall() -> Instant {
    Instant::now()
}

#[test]
fn so_many_faults_within_so_long_are_one_verdict() {
    let mut court = Court::new(Some(probation()));
    assert_eq!(court.turn(0, 1, None), None);
    assert_eq!(court.traps(0), None);
    assert_eq!(court.turn(5, 2, None), None);
    assert_eq!(court.traps(30), None);
    let why = "3 turns faulted within 60 s, the last by deadline: 3 of its 4 turns, and 0 of 1 of version 1";
    assert_eq!(
        court.turn(60, 2, Some(Fault::Deadline)).as_deref(),
        Some(why)
    );
    assert_eq!(court.traps(61), None, "it was told");
}

#[test]
fn faults_that_are_further_apart_are_none() {
    let mut court = Court::new(Some(probation()));
    for second in [0, 31, 62, 93, 124] {
        assert_eq!(court.traps(second), None, "{second}");
    }
    assert!(court.traps(125).is_some());
}

#[test]
fn what_the_version_before_does_as_often_is_no_reason() {
    let mut court = Court::new(Some(probation()));
    for second in 0..10 {
        court.turn(second, 1, Some(Fault::Trap));
        court.turn(second, 1, None);
    }
    // Half of the turns before; so it may be half of these.
    for second in 10..20 {
        court.turn(second, 2, None);
        assert_eq!(court.traps(second), None, "{second}");
    }
    assert!(court.traps(20).is_some());
}

#[test]
fn faults_of_ours_and_those_of_others_do_not_count() {
    let mut court = Court::new(Some(probation()));
    for second in 0..10 {
        for fault in [Fault::Store, Fault::TooLong, Fault::Instance] {
            assert_eq!(court.turn(second, 2, Some(fault)), None);
        }
        assert_eq!(court.turn(second, 1, Some(Fault::Trap)), None);
        assert_eq!(court.turn(second, 7, Some(Fault::Trap)), None, "unknown");
    }
}

#[test]
fn a_version_that_has_proven_itself_is_not_given_up() {
    let mut court = Court::new(Some(probation()));
    for second in 3_600..3_610 {
        assert_eq!(court.traps(second), None);
    }
    let mut court = Court::new(None);
    for second in 0..10 {
        assert_eq!(court.traps(second), None);
    }
}

#[test]
fn another_activation_begins_another_probation_and_the_same_one_goes_on() {
    let mut court = Court::new(Some(probation()));
    court.traps(0);
    court.traps(1);
    court
        .book
        .publish(tenant(), Some(&config(2, Some(probation()))));
    assert!(
        court.traps(2).is_some(),
        "settings have changed, or a number"
    );
    let again = Probation {
        until: 2 * HOUR,
        ..probation()
    };
    court.book.publish(tenant(), Some(&config(2, Some(again))));
    assert!(court.traps(3).is_none() && court.traps(4).is_none());
    assert!(court.traps(5).is_some());
    court.book.publish(tenant(), None);
    assert!(court.book.tenants.is_empty());
}
