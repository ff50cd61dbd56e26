use std::{net::IpAddr, sync::Arc, time::Duration, time::Instant};

use model::{FaultPolicy, IdSource, Prefix, TenantConfig, TenantId, Trunk, TrunkId};
use sip::Conduct;

use super::*;

const SECOND: Duration = Duration::from_secs(1);
const PASS: Verdict = Verdict::Pass;

#[expect(
    clippy::disallowed_methods,
    reason = "the only way to an Instant; any will do"
)]
fn dawn() -> Instant {
    Instant::now()
}

fn guard() -> (Guard, Instant) {
    let now = dawn();
    (Guard::new(Settings::default(), [3; 16], now), now)
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// The nth of many addresses.
fn forged(n: u32) -> IpAddr {
    IpAddr::V4((0x0b00_0000 + n).into())
}

fn dropped(guard: &mut Guard, now: Instant, source: IpAddr) -> Option<Why> {
    match guard.judge(now, source) {
        Verdict::Pass => None,
        Verdict::Drop { why, .. } => Some(why),
    }
}

fn silenced(guard: &mut Guard, now: Instant, source: IpAddr, conduct: Conduct) -> bool {
    guard.note(now, source, conduct) != Noted::Heard
}

/// How many of so many messages at once are read.
fn heard(guard: &mut Guard, now: Instant, source: IpAddr, count: u32) -> u32 {
    let judged = (0..count).filter(|_| guard.judge(now, source) == PASS);
    judged.count() as u32
}

fn known(accept_from: &str) -> Known {
    let mut ids = IdSource::new([1; 32], 0, 0);
    let mut trunk = Trunk::new(
        TrunkId::mint(&mut ids, 1),
        "carrier",
        "198.51.100.9:5060".parse::<std::net::SocketAddr>().unwrap(),
    );
    trunk.accept_from = vec![accept_from.parse::<Prefix>().unwrap()];
    let tenant = TenantConfig {
        id: TenantId::mint(&mut ids, 1),
        name: "acme".into(),
        domain: "acme.example".into(),
        numbers: BTreeMap::new(),
        trunks: vec![trunk],
        phones: BTreeMap::new(),
        secrets: BTreeMap::new(),
        plugins: BTreeMap::new(),
        default_plugin: "makecall".into(),
        prompts: BTreeMap::new(),
        fault_policy: FaultPolicy::Release,
        media_timeout: None,
        rollouts: std::collections::BTreeMap::new(),
        records_turns: true,
    };
    Known::of([Arc::new(tenant)].iter())
}

#[test]
fn a_stranger_has_its_burst_and_then_its_rate() {
    let (mut guard, now) = guard();
    let source = ip("203.0.113.1");
    assert_eq!(heard(&mut guard, now, source, 1_000), 200);
    assert_eq!(heard(&mut guard, now + SECOND, source, 1_000), 50);
    assert_eq!(heard(&mut guard, now + 60 * SECOND, source, 1_000), 200);
    assert_eq!(guard.counts().dropped[&Why::Rate], 800 + 950 + 800);
    // Nobody else has paid for it.
    assert_eq!(heard(&mut guard, now, ip("203.0.113.2"), 1_000), 200);
}

#[test]
fn an_ipv6_network_is_one_source_and_a_mapped_address_is_its_ipv4() {
    let (mut guard, now) = guard();
    assert_eq!(heard(&mut guard, now, ip("2001:db8:0:1::1"), 150), 150);
    assert_eq!(heard(&mut guard, now, ip("2001:db8:0:1:f::2"), 150), 50);
    assert_eq!(heard(&mut guard, now, ip("2001:db8:0:2::1"), 150), 150);
    assert_eq!(heard(&mut guard, now, ip("203.0.113.1"), 150), 150);
    assert_eq!(heard(&mut guard, now, ip("::ffff:203.0.113.1"), 150), 50);
}

#[test]
fn whom_a_tenant_names_has_a_rate_of_its_own_and_is_never_silenced() {
    let (mut guard, now) = guard();
    let (peer, gateway) = (ip("192.0.2.77"), ip("198.51.100.9"));
    assert_eq!(heard(&mut guard, now, peer, 1_000), 200);
    guard.know(known("192.0.2.0/24"));
    for source in [peer, gateway] {
        assert_eq!(heard(&mut guard, now, source, 40_000), 40_000, "{source}");
        for _ in 0..1_000 {
            assert!(!silenced(&mut guard, now, source, Conduct::Broken));
        }
        assert!(!silenced(&mut guard, now, source, Conduct::Scanner));
        assert_eq!(guard.judge(now, source), PASS);
    }
    // It has a limit, too.
    assert_eq!(heard(&mut guard, now, peer, 60_000), 9_999);
    // And is a stranger again as soon as nobody names it.
    guard.know(Known::default());
    assert_eq!(dropped(&mut guard, now + SECOND / 2, peer), None);
    assert!(silenced(&mut guard, now, peer, Conduct::Scanner));
}

#[test]
fn a_part_of_an_ipv6_network_makes_all_of_it_known() {
    let (mut guard, now) = guard();
    guard.know(known("2001:db8:0:1::5/128"));
    assert_eq!(heard(&mut guard, now, ip("2001:db8:0:1::6"), 1_000), 1_000);
    assert_eq!(heard(&mut guard, now, ip("2001:db8:0:2::5"), 1_000), 200);
}

#[test]
fn who_offends_too_often_is_not_heard_for_a_while() {
    let (mut guard, now) = guard();
    let source = ip("203.0.113.1");
    for n in 0..OFFENCES {
        assert!(!silenced(&mut guard, now, source, Conduct::Refused), "{n}");
    }
    assert_eq!(guard.judge(now, source), PASS);
    assert!(silenced(&mut guard, now, source, Conduct::Broken));
    assert_eq!(guard.counts().silenced, 1);
    let over = Settings::default().silence;
    let last = now + over.saturating_sub(SECOND);
    assert_eq!(dropped(&mut guard, last, source), Some(Why::Silenced));
    // What was on its way silences nobody twice.
    assert!(!silenced(&mut guard, last, source, Conduct::Broken));
    assert_eq!(guard.judge(now + over, source), PASS);
    assert!(!silenced(&mut guard, now + over, source, Conduct::Refused));
}

#[test]
fn offences_are_forgiven_one_by_one() {
    let (mut guard, mut now) = guard();
    for _ in 0..10 * OFFENCES {
        now += FORGIVEN;
        assert!(!silenced(
            &mut guard,
            now,
            ip("203.0.113.1"),
            Conduct::Refused
        ));
    }
}

#[test]
fn a_scanner_is_silenced_at_once_unless_somebody_there_has_proven_who_it_is() {
    let (mut guard, now) = guard();
    let (scanner, office) = (ip("203.0.113.1"), ip("203.0.113.2"));
    assert!(silenced(&mut guard, now, scanner, Conduct::Scanner));
    assert_eq!(dropped(&mut guard, now, scanner), Some(Why::Silenced));
    assert_eq!((guard.counts().silenced, guard.counts().scanners), (1, 1));

    assert!(!silenced(&mut guard, now, office, Conduct::Proven));
    assert!(
        !silenced(&mut guard, now, office, Conduct::Scanner),
        "it may be forged"
    );
    assert_eq!(heard(&mut guard, now, office, 10_000), 10_000);
    let later = now + TRUST;
    assert!(silenced(&mut guard, later, office, Conduct::Scanner));
    assert_eq!(dropped(&mut guard, later, office), Some(Why::Silenced));
}

#[test]
fn a_proof_ends_a_silence() {
    let (mut guard, now) = guard();
    let office = ip("203.0.113.2");
    guard.note(now, office, Conduct::Scanner);
    // Over a connection that it had before.
    guard.note(now, office, Conduct::Proven);
    assert_eq!(guard.judge(now, office), PASS);
}

#[test]
fn no_flood_of_forged_addresses_frees_an_offender() {
    let (mut guard, now) = guard();
    let (silenced, spent, proven) = (ip("203.0.113.1"), ip("203.0.113.2"), ip("203.0.113.3"));
    guard.note(now, silenced, Conduct::Scanner);
    guard.note(now, proven, Conduct::Proven);
    heard(&mut guard, now, spent, 1_000);
    for n in 0..20 * SOURCES as u32 {
        guard.judge(now, forged(n));
    }
    assert_eq!(dropped(&mut guard, now, silenced), Some(Why::Silenced));
    assert_eq!(dropped(&mut guard, now, spent), Some(Why::Rate));
    assert_eq!(heard(&mut guard, now, proven, 10_000), 10_000);
}

#[test]
fn a_table_full_of_offenders_leaves_newcomers_one_rate_and_the_known_theirs() {
    let (mut guard, now) = guard();
    guard.know(known("192.0.2.0/24"));
    for n in 0..20 * SOURCES as u32 {
        guard.note(now, forged(n), Conduct::Scanner);
    }
    let newcomers = (1..=10).map(|n| IpAddr::V4([203, 0, 113, n].into()));
    let all: u32 = newcomers.map(|it| heard(&mut guard, now, it, 100)).sum();
    assert_eq!(all, Settings::default().stranger_burst);
    assert_eq!(guard.counts().dropped[&Why::Crowded], 800);
    assert_eq!(heard(&mut guard, now, ip("192.0.2.8"), 1_000), 1_000);
    let after = now + Settings::default().silence;
    assert_eq!(heard(&mut guard, after, ip("203.0.113.1"), 100), 100);
}

#[test]
fn an_offender_is_told_of_once_a_minute_and_many_are_not_told_of_at_all() {
    let (mut guard, now) = guard();
    let told = |guard: &mut Guard, now, source| {
        (0..1_000)
            .map(|_| guard.judge(now, source))
            .filter(|it| matches!(it, Verdict::Drop { tell: true, .. }))
            .count()
    };
    assert_eq!(told(&mut guard, now, ip("203.0.113.1")), 1);
    assert_eq!(told(&mut guard, now + TOLD / 2, ip("203.0.113.1")), 0);
    assert_eq!(told(&mut guard, now + TOLD, ip("203.0.113.1")), 1);
    let all: usize = (0..100)
        .map(|n| told(&mut guard, now + TOLD, forged(n)))
        .sum();
    assert_eq!(all, LINES as usize - 1);
}

#[test]
fn no_silence_is_asked_for_and_none_is_kept() {
    let now = dawn();
    let settings = Settings {
        silence: Duration::ZERO,
        ..Settings::default()
    };
    let mut guard = Guard::new(settings, [3; 16], now);
    assert!(!silenced(
        &mut guard,
        now,
        ip("203.0.113.1"),
        Conduct::Scanner
    ));
    assert_eq!(guard.judge(now, ip("203.0.113.1")), PASS);
}
