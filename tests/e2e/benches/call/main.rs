//! What a bridged call costs the server: the built binary between two SIPp, signalling only.
//!
//! Every call is a makecall: a user asks over REST, calls its private number half a cycle of users
//! later, and is bridged to a callee that rings and answers at once; a second later it hangs up. CPU
//! is that of the whole process as the kernel counts it, REST, policy and database included, from the
//! first request to a second after the last call. SIPp's own CPU in the same run says how fast the
//! machine is: two ends of SIPp do about the SIP work of one bridge. What no bridge can go below is
//! measured too, see [`floor`].

mod floor;
mod requests;
mod sipp;
mod users;

use std::time::Duration;

#[path = "../../../../host/xtask/src/bench/figure.rs"]
mod figure;
#[allow(dead_code, reason = "the tests need more of a node")]
#[path = "../../tests/it/node.rs"]
mod node;
#[allow(dead_code, reason = "the tests need more of a client")]
#[path = "../../tests/it/rest.rs"]
mod rest;
#[allow(dead_code, reason = "the tests need more of a watch")]
#[path = "../../tests/it/stopwatch.rs"]
mod stopwatch;
#[path = "../../../../host/xtask/src/bench/threads.rs"]
mod threads;

use figure::{Aim, Figure, option, percentile};
use node::Node;
use requests::{Asked, Requests};
use sipp::{Called, Callee, Caller, Load};
use users::furnish;

/// Calls per second, CPU of a call in ms at most, and its ratio to SIPp's at most.
const LOADS: [(u32, f64, Option<f64>); 2] = [(60, 0.8, Some(0.5)), (200, 0.5, None)];
/// Seconds in which every user calls once; the request is made half of it before the call.
const CYCLE: u32 = 5;
/// Calls per second of one tenant at most: its live calls and sessions are limited.
const TENANT_RATE: u32 = 200;
/// How long each call talks.
const TALK: Duration = Duration::from_secs(1);
/// Seconds for which requests are measured without calls.
const ALONE: u32 = 3;
/// What a node may still do for a call after its last message.
const AFTER: Duration = Duration::from_secs(1);

fn main() {
    let seconds = option("--seconds", 20) as u32;
    match option("--rate", 0) as u32 {
        0 => {
            for (rate, cpu, ratio) in LOADS {
                measure(rate, seconds, cpu, ratio);
            }
            let (rate, ..) = LOADS[0];
            floor::measure(&load(rate, rate * seconds));
        }
        rate => measure(rate, seconds, LOADS[1].1, LOADS[1].2),
    }
}

fn measure(rate: u32, seconds: u32, cpu_aim: f64, ratio_aim: Option<f64>) {
    let node = Node::start();
    let pid = node.pid();
    let [caller, callee] = sipp::free_ports();
    let users = rate * CYCLE;
    let keys = furnish(&node, rate.div_ceil(TENANT_RATE), users, [caller, callee]);
    let requests = Requests::new(node.http, keys, users, rate);

    let cpu_before = cpu(pid);
    let asked = requests.start(rate * ALONE).finish();
    assert_eq!(asked.failures, [""; 0]);
    let alone = (cpu(pid) - cpu_before) / f64::from(rate * ALONE);

    let answering = Callee::start(callee);
    let calls = rate * seconds;
    let before = (cpu(pid), threads::of(pid));
    let asking = requests.start(calls);
    std::thread::sleep(Duration::from_secs(u64::from(CYCLE)) / 2);
    let called = Caller::start(caller, node.sip, &load(rate, calls)).finish();
    std::thread::sleep(AFTER);
    let after = (cpu(pid), threads::of(pid));
    let answered = answering.finish();
    let asked = asking.finish();

    let run = Run {
        group: format!("{rate} calls/s, {calls} calls"),
        bridged: f64::from(called.successful.max(1)),
        cpu: after.0 - before.0,
        sipp: called.cpu + answered,
        alone,
    };
    run.tell(cpu_aim, ratio_aim);
    delays(&run.group, called, asked);
    by_thread(&run, rate, threads::between(&before.1, &after.1));
}

fn load(rate: u32, calls: u32) -> Load {
    Load {
        users: rate * CYCLE,
        rate,
        calls,
        talk: TALK,
    }
}

/// Where the CPU of a call goes. The kernel counts processes in other steps than threads.
fn by_thread(run: &Run, rate: u32, threads: Vec<(String, f64)>) {
    let group = format!("{rate} calls/s: CPU of a call by thread");
    let rest = run.cpu - threads.iter().map(|it| it.1).sum::<f64>();
    let rest = ("ended meanwhile, or counted otherwise".to_owned(), rest);
    for (name, spent) in threads.into_iter().chain([rest]) {
        let each = spent * 1e3 / run.bridged;
        if each.abs() >= 0.001 {
            Figure::new(&group, &name, each, "ms").print();
        }
    }
}

struct Run {
    group: String,
    bridged: f64,
    /// Seconds of the server.
    cpu: f64,
    /// Seconds of both SIPp.
    sipp: f64,
    /// Seconds of one request without its call.
    alone: f64,
}

impl Run {
    fn tell(&self, cpu_aim: f64, ratio_aim: Option<f64>) {
        let each = self.cpu * 1e3 / self.bridged;
        let note = "the whole process: REST, SIP of both legs, policy, database";
        Figure::new(&self.group, "CPU per bridged call", each, "ms")
            .aim(Aim::AtMost(cpu_aim))
            .note(note)
            .print();
        let sipp = self.sipp * 1e3 / self.bridged;
        let note = "both ends";
        Figure::new(&self.group, "SIPp's CPU per call", sipp, "ms")
            .note(note)
            .print();
        let ratio = Figure::new(&self.group, "to SIPp's", self.cpu / self.sipp, "");
        match ratio_aim {
            Some(bound) => ratio.aim(Aim::AtMost(bound)).print(),
            None => ratio.print(),
        }
        let note = "measured alone, without calls";
        Figure::new(&self.group, "of it: the request", self.alone * 1e3, "ms")
            .note(note)
            .print();
    }
}

/// How long users wait, and what went wrong.
fn delays(group: &str, called: Called, mut asked: Asked) {
    let mut rings = called.delays;
    let note = "INVITE to 200 at the caller, by the 4 ms of its clock; the callee answers at once";
    for (name, share) in [("set-up delay p50", 0.5), ("set-up delay p99", 0.99)] {
        Figure::new(group, name, percentile(&mut rings, share), "ms")
            .note(note)
            .print();
    }
    for (name, share) in [("request p50", 0.5), ("request p99", 0.99)] {
        Figure::new(group, name, percentile(&mut asked.times, share), "ms").print();
    }
    let failed = asked.failures.len() as f64;
    for (name, failed) in [
        ("failed requests", failed),
        ("failed calls", f64::from(called.failed)),
    ] {
        Figure::new(group, name, failed, "")
            .aim(Aim::AtMost(0.0))
            .print();
    }
}

/// CPU seconds of a process until now.
fn cpu(pid: u32) -> f64 {
    let (user, system) = threads::process(pid).expect("it runs");
    user + system
}
