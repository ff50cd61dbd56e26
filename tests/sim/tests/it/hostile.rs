//! Sources that mean no good: they are dropped at the door, and telephones do not notice.

use std::{net::SocketAddr, time::Duration};

use bytes::Bytes;
use control::guard::{OFFENCES, Settings, Why};
use expect_test::expect_file;
use sim::{Options, World, scenes, script::Scripts, town};

const SECOND: Duration = Duration::from_secs(1);
/// Nobody's.
const OUTSIDE: &str = "203.0.113.66:5060";

fn world() -> World {
    let mut world = World::new(Options::calm(), Box::new(Scripts));
    world.add_tenant(town::tenant("acme", 1, "makecall"));
    world
}

fn request(method: &str, user: u32, agent: &str) -> Bytes {
    format!(
        "{method} sip:{user}@10.0.0.1 SIP/2.0\r\n\
         Via: SIP/2.0/UDP {OUTSIDE};rport;branch=z9hG4bK{method}{user}\r\n\
         Max-Forwards: 70\r\n\
         From: <sip:{user}@acme.example>;tag=t{user}\r\n\
         To: <sip:{user}@acme.example>\r\n\
         Call-ID: {method}{user}\r\n\
         CSeq: 1 {method}\r\n\
         Contact: <sip:{user}@{OUTSIDE}>\r\n\
         User-Agent: {agent}\r\n\
         Subject: {:400}\r\n\
         Content-Length: 0\r\n\r\n",
        // Nobody gets an answer that is longer than the request.
        "long"
    )
    .into()
}

fn outside() -> SocketAddr {
    OUTSIDE.parse().expect("an address")
}

/// How many messages the node has sent there.
fn answers(world: &World) -> usize {
    let to = format!("> {OUTSIDE}: ");
    world.journal().matches(&to).count()
}

fn dropped(world: &World, why: Why) -> u64 {
    world.guarded().dropped.get(&why).copied().unwrap_or(0)
}

#[test]
fn a_flood_from_one_address_changes_nothing_in_the_ladder_of_a_call() {
    let mut world = world();
    // OPTIONS with a To tag: each would be read and refused, and is not held against anybody.
    let messages = vec![request("OPTIONS", 1, "flood"); 50_000];
    world.flood(outside(), messages, 10 * SECOND);
    scenes::bridged(&mut world);
    expect_file!["ladders/bridged.txt"].assert_eq(&world.ladders());
    assert_eq!(world.watch().violations(), [""; 0]);
    let settings = Settings::default();
    let read = 50_000 - dropped(&world, Why::Rate) - dropped(&world, Why::Silenced);
    let most = settings.stranger_burst + 10 * settings.stranger_rate + 1;
    assert!(read <= u64::from(most), "{read} were read");
    assert!(answers(&world) as u64 <= read);
}

#[test]
fn who_tries_many_users_is_silenced_after_the_same_answer_to_each() {
    let mut world = World::new(Options::calm(), Box::new(Scripts));
    let tenant = town::tenant("acme", 1, "makecall");
    // All others are nobody.
    world.add_tenant(town::with_phone(tenant, "970", "secret"));
    let guesses = (950..1_950).map(|user| request("INVITE", user, "ua"));
    world.flood(outside(), guesses.collect(), 100 * SECOND);
    world.run_for(100 * SECOND);
    assert_eq!(world.guarded().silenced, 1);
    let journal = world.journal();
    let line = format!("> {OUTSIDE}: ");
    let refusals: Vec<&str> = journal
        .lines()
        .filter_map(|it| it.split_once(&line).map(|(_, what)| what))
        .collect();
    assert!(
        refusals.iter().all(|what| *what == refusals[0]),
        "{refusals:?}"
    );
    // One is forgiven each second, and ten come.
    let told = refusals.len() as u32;
    assert!(
        (OFFENCES..=OFFENCES + OFFENCES / 5).contains(&told),
        "{told}"
    );
    world.run_to_rest();
    assert_eq!(world.watch().violations(), [""; 0]);
}

#[test]
fn a_scanner_hears_nothing_and_is_not_read_again() {
    let mut world = world();
    let scans = (0..100).map(|user| request("OPTIONS", user, "friendly-scanner"));
    world.flood(outside(), scans.collect(), 10 * SECOND);
    world.run_for(10 * SECOND);
    assert_eq!(answers(&world), 0);
    assert_eq!((world.guarded().silenced, world.guarded().scanners), (1, 1));
    assert_eq!(dropped(&world, Why::Silenced), 99);
    // Its silence is over, and it may ask again as somebody else.
    world.run_for(Settings::default().silence);
    world.flood(outside(), vec![request("OPTIONS", 1_000, "ua")], SECOND);
    world.run_for(SECOND);
    assert_eq!(answers(&world), 1);
}

#[test]
fn forged_scanners_silence_no_telephone() {
    let mut world = world();
    let alice = world.lines()[world.line(0, "1001")].sip();
    // From another port of the same host: no line of anybody's, but of a host that is known.
    let forged = SocketAddr::new(alice.ip(), 6_666);
    let scans = (0..1_000).map(|user| request("OPTIONS", user, "friendly-scanner"));
    world.flood(forged, scans.collect(), SECOND);
    scenes::bridged(&mut world);
    expect_file!["ladders/bridged.txt"].assert_eq(&world.ladders());
    assert_eq!(world.guarded().silenced, 0);
}
