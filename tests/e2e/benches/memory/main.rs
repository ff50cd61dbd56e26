//! What the built binary keeps in memory for each live call, and for each phone that has registered.
//!
//! Makecall calls are bridged between two SIPp and stay up; what the process holds more with all of them
//! than with none, as the kernel counts anonymous memory, is divided by their number. A first wave of
//! calls comes and goes before: pools and caches that it fills are there for all later ones.

mod phones;

use std::fs;
use std::net::SocketAddr;
use std::time::Duration;

#[path = "../../../../host/xtask/src/bench/figure.rs"]
mod figure;
#[allow(dead_code, reason = "the tests need more of a node")]
#[path = "../../tests/it/node.rs"]
mod node;
#[allow(dead_code, reason = "the soak asks more of a page")]
#[path = "../../../../host/xtask/src/soak/page.rs"]
mod page;
#[allow(dead_code, reason = "the bench of calls asks more")]
#[path = "../call/requests.rs"]
mod requests;
#[allow(dead_code, reason = "the tests need more of a client")]
#[path = "../../tests/it/rest.rs"]
mod rest;
#[allow(dead_code, reason = "the bench of calls asks more")]
#[path = "../call/sipp.rs"]
mod sipp;
#[allow(dead_code, reason = "the tests need more of a watch")]
#[path = "../../tests/it/stopwatch.rs"]
mod stopwatch;
#[path = "../../../../host/xtask/src/bench/threads.rs"]
mod threads;
#[path = "../call/users.rs"]
mod users;

use figure::{Aim, Figure, option};
use node::Node;
use page::Page;
use phones::Phones;
use requests::Requests;
use rest::Rest;
use serde_json::Value;
use sipp::{Callee, Caller, Load};
use stopwatch::wait_for;
use users::furnish;

/// Calls that begin each second.
const RATE: u32 = 40;
/// Calls of the first wave, which last a second.
const FIRST: u32 = 200;
/// Phones that register.
const PHONES: u32 = 5_000;
/// The number of the first one.
const FIRST_PHONE: u32 = 300_000;
/// How long nothing may be left of a call: its transactions linger for 32 s.
const REST: Duration = Duration::from_secs(75);

fn main() {
    registered();
    live(option("--calls", 500) as u32);
}

/// Phones are known before, so that their rows are not counted; as with calls, a few come first.
fn registered() {
    let node = Node::start();
    let nowhere = SocketAddr::from(([127, 0, 0, 1], 9));
    let key = furnish(&node, 1, 0, [nowhere; 2]).remove(0);
    let rest = Rest::new(node.http, &key);
    let (first, all) = (
        FIRST_PHONE..FIRST_PHONE + PHONES / 10,
        FIRST_PHONE..FIRST_PHONE + PHONES,
    );
    for phone in all.clone() {
        Phones::furnish(&rest, phone);
    }
    let phones = Phones::at(node.sip);
    first.clone().for_each(|phone| phones.register(phone));
    wait_until(&node, "jackfield_sip_transactions", 0.0);
    let before = anonymous(node.pid());
    (first.end..all.end).for_each(|phone| phones.register(phone));
    wait_until(&node, "jackfield_sip_transactions", 0.0);
    let each = (anonymous(node.pid()) - before) / f64::from(all.end - first.end);
    Figure::new(
        &format!("{PHONES} phones with one binding each"),
        "memory per binding",
        each,
        "octets",
    )
    .note("anonymous memory of the process, every shard's copy of it included")
    .print();
}

fn live(calls: u32) {
    let node = Node::start();
    let [caller, callee] = sipp::free_ports();
    let keys = furnish(&node, 1, calls.max(FIRST), [caller, callee]);
    let requests = Requests::new(node.http, keys, calls.max(FIRST), RATE);
    let _answering = Callee::start(callee);

    let load = |calls, talk| Load {
        users: calls,
        rate: RATE,
        calls,
        talk,
    };
    let wave = |calls, talk: Duration| {
        let asked = requests.start(calls).finish();
        assert_eq!(asked.failures, [""; 0]);
        Caller::start(caller, node.sip, &load(calls, talk))
    };
    // Requests are good for two minutes; at 40/s five hundred of them and their calls take half a minute.
    let first = wave(FIRST, Duration::from_secs(1)).finish();
    assert_eq!(first.failed, 0, "calls of the first wave failed");
    wait_until(&node, "jackfield_sip_transactions", 0.0);
    let before = anonymous(node.pid());
    let all_up = Duration::from_secs(u64::from(calls / RATE) + 20);
    let talking = wave(calls, all_up);
    wait_until(&node, "jackfield_calls_live", f64::from(2 * calls));
    let with = anonymous(node.pid());
    let called = talking.finish();
    let group = format!("{calls} bridged calls, two legs each");
    let each = (with - before) / f64::from(calls) / 1_024.0;
    Figure::new(&group, "memory per bridged call", each, "KiB")
        .note("anonymous memory of the process; both legs, their ports, the session, its trace")
        .print();
    Figure::new(&group, "failed calls", f64::from(called.failed), "")
        .aim(Aim::AtMost(0.0))
        .print();
}

/// Waits until a gauge has that value.
fn wait_until(node: &Node, gauge: &str, value: f64) {
    let metrics = Rest::new(node.metrics, "");
    wait_for(gauge, REST, || {
        let Value::String(text) = metrics.get("/metrics").expect(200) else {
            panic!("the page of metrics is no text");
        };
        let sum = Page::read(&text).and_then(|page| page.sum(gauge));
        (sum == Some(value)).then_some(())
    });
}

/// Octets of a process that are no files.
fn anonymous(pid: u32) -> f64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("RssAnon:"));
    let kib = line.and_then(|it| it.split_whitespace().next()?.parse::<f64>().ok());
    kib.expect("the kernel tells it") * 1_024.0
}
