//! When a lock closes, whom it shuts out, and what a full table forgets.

use model::IdSource;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

#[expect(clippy::disallowed_methods, reason = "a test begins at some moment")]
fn start() -> Instant {
    Instant::now()
}

fn tenant() -> TenantId {
    TenantId::mint(&mut IdSource::new([1; 32], 0, 0), 1)
}

fn source(last: u8) -> IpAddr {
    [192, 0, 2, last].into()
}

/// That many failures of one source for one user.
fn fail(lockout: &mut Lockout, times: u32, source: IpAddr, user: &str, now: Instant) {
    for _ in 0..times {
        lockout.failed(source, tenant(), user, now);
    }
}

#[test]
fn the_tenth_failure_within_a_minute_locks_for_five() {
    let (mut lockout, now) = (Lockout::default(), start());
    fail(&mut lockout, FAILURES - 1, source(1), "1001", now);
    assert!(!lockout.is_locked(source(1), tenant(), "1001", now));
    let last = now + WINDOW / 2;
    assert!(lockout.failed(source(1), tenant(), "1001", last));
    assert!(lockout.is_locked(source(1), tenant(), "1001", last + LOCK / 2));
    assert!(!lockout.is_locked(source(1), tenant(), "1001", last + LOCK));
    assert_eq!(lockout.locks(), 1);
}

#[test]
fn failures_that_are_far_apart_do_not_add_up() {
    let (mut lockout, now) = (Lockout::default(), start());
    fail(&mut lockout, FAILURES - 1, source(1), "1001", now);
    assert!(!lockout.failed(source(1), tenant(), "1001", now + WINDOW));
}

#[test]
fn success_begins_anew() {
    let (mut lockout, now) = (Lockout::default(), start());
    fail(&mut lockout, FAILURES - 1, source(1), "1001", now);
    lockout.succeeded(source(1), tenant(), "1001");
    assert!(!lockout.failed(source(1), tenant(), "1001", now));
}

#[test]
fn what_other_shards_see_counts_like_what_this_one_sees() {
    let (mut lockout, now) = (Lockout::default(), start());
    let guess = |right| Guess {
        source: source(1),
        tenant: tenant(),
        user: "1001".to_owned(),
        right,
    };
    fail(&mut lockout, FAILURES - 1, source(1), "1001", now);
    lockout.heard(&guess(false), now);
    assert!(lockout.is_locked(source(1), tenant(), "1001", now));
    assert_eq!(lockout.locks(), 0, "another shard has counted it");
    lockout.heard(&guess(true), now);
    assert!(!lockout.is_locked(source(1), tenant(), "1001", now));
}

#[test]
fn a_lock_is_for_one_source_and_one_user() {
    let (mut lockout, now) = (Lockout::default(), start());
    fail(&mut lockout, FAILURES, source(1), "1001", now);
    assert!(lockout.is_locked(source(1), tenant(), "1001", now));
    assert!(!lockout.is_locked(source(1), tenant(), "1002", now));
    assert!(!lockout.is_locked(source(2), tenant(), "1001", now));
    let mapped = "::ffff:192.0.2.1".parse().unwrap();
    assert!(lockout.is_locked(mapped, tenant(), "1001", now));
}

#[test]
fn the_addresses_of_one_network_are_one_source() {
    let (mut lockout, now) = (Lockout::default(), start());
    let at = |text: &str| text.parse::<IpAddr>().unwrap();
    for n in 1..=FAILURES {
        lockout.failed(at(&format!("2001:db8::{n:x}")), tenant(), "1001", now);
    }
    assert!(lockout.is_locked(at("2001:db8::ffff"), tenant(), "1001", now));
    assert!(!lockout.is_locked(at("2001:db8:0:1::1"), tenant(), "1001", now));
}

#[test]
fn a_full_table_forgets_counts_before_locks() {
    let (mut lockout, now) = (Lockout::default(), start());
    fail(&mut lockout, FAILURES, source(1), "1001", now);
    for n in 0..=ROWS {
        lockout.failed(source(2), tenant(), &n.to_string(), now + SECOND);
    }
    assert_eq!(lockout.rows.len(), ROWS);
    assert_eq!(lockout.ends.len(), ROWS);
    assert!(lockout.is_locked(source(1), tenant(), "1001", now + SECOND));
}

#[test]
fn long_users_take_no_more_room_than_others() {
    let (mut lockout, now) = (Lockout::default(), start());
    let user = |end: char| "x".repeat(USER) + &end.to_string().repeat(8_000);
    fail(&mut lockout, FAILURES, source(1), &user('a'), now);
    assert!(lockout.is_locked(source(1), tenant(), &user('b'), now));
    assert!(lockout.rows.keys().all(|who| who.user.len() == USER));
}
