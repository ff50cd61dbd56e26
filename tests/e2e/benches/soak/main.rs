//! The built binary under an even load of makecall calls, for long: what grows, what is left over.
//!
//! The load is that of `benches/call`: users ask over REST, call their private number and are bridged
//! to a callee that answers at once; a second later they hang up. Every ten seconds the node is
//! looked at. When the last call is over it is given the time that its transactions linger, and then
//! every gauge has to be zero. The aims of the figures are conditions: `cargo xtask soak` names each
//! that is missed, and fails. Samples go to standard error as they are taken.
//!
//! The database grows with each call by its records and its trace; memory must not.

mod sample;
mod told;

use std::time::{Duration, Instant};

#[path = "../../../../host/xtask/src/bench/figure.rs"]
mod figure;
#[allow(dead_code, reason = "the tests need more of a node")]
#[path = "../../tests/it/node.rs"]
mod node;
#[path = "../../../../host/xtask/src/soak/page.rs"]
mod page;
#[path = "../call/requests.rs"]
mod requests;
#[allow(dead_code, reason = "the tests need more of a client")]
#[path = "../../tests/it/rest.rs"]
mod rest;
#[path = "../call/sipp.rs"]
mod sipp;
#[path = "../../../../host/xtask/src/soak/steady.rs"]
mod steady;
#[allow(dead_code, reason = "the tests need more of a watch")]
#[path = "../../tests/it/stopwatch.rs"]
mod stopwatch;
#[path = "../../../../host/xtask/src/bench/threads.rs"]
mod threads;
#[path = "../call/users.rs"]
mod users;

use figure::{now, option};
use node::Node;
use requests::{Asked, Requests};
use sample::{Eye, Sample};
use sipp::{Called, Callee, Caller, Load};
use users::furnish;

/// Seconds in which every user calls once; the request is made half of it before the call.
const CYCLE: u32 = 5;
/// How often the node is looked at.
const EVERY: Duration = Duration::from_secs(10);
/// How long the node may take until everything is zero: transactions linger for 32 s (64·T1,
/// RFC 3261 §17.1.1.2 and §17.2.2), dialogs for as long after their BYE.
const REST: Duration = Duration::from_secs(75);

fn main() {
    let minutes = option("--minutes", 30) as u32;
    let rate = option("--rate", 50) as u32;
    let mut node = Node::start();
    let run = soak(&node, minutes, rate);
    let stopped = node.stop();
    run.tell();
    told::tell_log(&node.text());
    assert!(stopped.success(), "the node ended with {stopped}");
}

/// What a soak has seen.
struct Run {
    group: String,
    minutes: u32,
    /// Seconds of the load: the last call is a little longer than the last minute.
    length: f64,
    calls: u32,
    before: Sample,
    /// Those of the load.
    samples: Vec<Sample>,
    /// The one at rest, or the last attempt at it; and how long after the last call it was.
    rest: Sample,
    rested: Duration,
    called: Called,
    asked: Asked,
    /// CPU of the node, and of both SIPp, seconds.
    cpu: f64,
    sipp: f64,
}

fn soak(node: &Node, minutes: u32, rate: u32) -> Run {
    let [caller, callee] = sipp::free_ports();
    let users = rate * CYCLE;
    let keys = furnish(node, 1, users, [caller, callee]);
    let requests = Requests::new(node.http, keys, users, rate);
    let eye = Eye::on(node);
    let calls = rate * minutes * 60;

    eprintln!("{}", Sample::HEADING);
    let before = look(&eye, 0.0);
    let cpu_before = cpu(node);
    let answering = Callee::start(callee);
    let asking = requests.start(calls);
    std::thread::sleep(Duration::from_secs(u64::from(CYCLE)) / 2);
    let load = Load {
        users,
        rate,
        calls,
        talk: Duration::from_secs(1),
    };
    let calling = Caller::start(caller, node.sip, &load);
    let begin = now();
    let samples = watch(&eye, &calling, begin);
    let length = begin.elapsed().as_secs_f64();
    let called = calling.finish();
    let asked = asking.finish();
    let over = now();
    let rest = rest(&eye, begin, over);
    let sipp = called.cpu + answering.finish();
    Run {
        group: format!("{rate} calls/s for {minutes} min: {calls} calls"),
        minutes,
        length,
        calls,
        before,
        samples,
        rest,
        rested: over.elapsed(),
        called,
        asked,
        cpu: cpu(node) - cpu_before,
        sipp,
    }
}

/// Looks every ten seconds until the last call is over.
fn watch(eye: &Eye, calling: &Caller, begin: Instant) -> Vec<Sample> {
    let mut samples = Vec::new();
    let mut due = begin + EVERY;
    while !calling.is_over() {
        if now() >= due {
            samples.push(look(eye, begin.elapsed().as_secs_f64()));
            due += EVERY;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    samples
}

/// Looks until everything is zero, or until it must have been.
fn rest(eye: &Eye, begin: Instant, over: Instant) -> Sample {
    loop {
        let sample = eye.look(begin.elapsed().as_secs_f64());
        if sample.page.is_at_rest() || over.elapsed() > REST {
            eprintln!("{}", sample.line());
            return sample;
        }
        std::thread::sleep(Duration::from_millis(500));
    }
}

fn look(eye: &Eye, at: f64) -> Sample {
    let sample = eye.look(at);
    eprintln!("{}", sample.line());
    sample
}

/// CPU seconds of the node until now.
fn cpu(node: &Node) -> f64 {
    let (user, system) = threads::process(node.pid()).expect("it runs");
    user + system
}
