//! What one tenant's calls notice of another tenant whose policy never ends.
//!
//! The victim's users make calls, as in the benchmark `call`, while calls with audio of further tenants are
//! listened to. The attacker makes calls whose policy burns the whole deadline of each turn, or traps, or hoards memory
//! (`--fault`). Phases with and without it follow each other in turns, so that both see the same machine. The load of SIPp
//! for the attacker's calls is part of the attack.

mod ears;

use std::net::SocketAddr;
use std::time::Duration;

#[path = "../../../../host/xtask/src/bench/figure.rs"]
mod figure;
#[allow(dead_code, reason = "the benchmark of calls asks more")]
#[path = "../call/sipp.rs"]
mod load;
#[allow(dead_code, reason = "the tests need more of a node")]
#[path = "../../tests/it/node.rs"]
mod node;
#[allow(dead_code, reason = "the tests need more of an office")]
#[path = "../../tests/it/office.rs"]
mod office;
#[allow(dead_code, reason = "the tests need more of a phone")]
#[path = "../../tests/it/sipp.rs"]
mod phones;
#[allow(dead_code, reason = "the benchmark of calls asks more")]
#[path = "../call/requests.rs"]
mod requests;
#[allow(dead_code, reason = "the tests need more of a client")]
#[path = "../../tests/it/rest.rs"]
mod rest;
#[allow(dead_code, reason = "the tests need more of a watch")]
#[path = "../../tests/it/stopwatch.rs"]
mod stopwatch;
#[path = "../../../../host/xtask/src/bench/threads.rs"]
mod threads;
#[path = "../call/users.rs"]
mod users;

/// As the modules of the tests call it.
use phones as sipp;

use ears::{Ears, Heard};
use figure::{Aim, Figure, option, percentile};
use load::{Attacker, Callee, Caller, Load, free_ports};
use node::Node;
use office::Office;
use requests::Requests;

/// What the attacker's turns do, by the number after `--fault`: loop, trap, or want more memory than there is.
const FAULTS: [&str; 3] = ["spin", "trap", "hoard"];
/// Calls of the attacker that begin each second.
const ATTACK: u32 = 50;
/// How often both phases follow each other.
const ROUNDS: u32 = 2;
/// Seconds in which every user of the victim calls once; the request is made half of it before the call.
const CYCLE: u32 = 5;
/// How long each of the victim's calls talks.
const TALK: Duration = Duration::from_secs(2);
/// How often the caller's clock ticks, ms.
const TICK_MS: f64 = 4.0;
/// How much worse things may be beside the attacker.
const RATIO: f64 = 1.3;

/// What was seen with the attacker, or without.
#[derive(Default)]
struct Seen {
    delays: Vec<f64>,
    heard: Heard,
    calls: u32,
    failed: u32,
    refused_requests: usize,
}

fn main() {
    let seconds = option("--seconds", 20) as u32;
    let rate = option("--rate", 20) as u32;
    let node = Node::start();
    // The trunks' calls come from an address of their own, or the lines of other tenants could not be told from them.
    let ends = free_ports().map(|end| SocketAddr::from(([127, 0, 0, 2], end.port())));
    let users = rate * CYCLE;
    let keys = users::furnish(&node, 1, users, ends);
    let ears = Ears::of(&node);
    let attacker = Office::open(&node, "attacker");
    let fault = FAULTS[option("--fault", 0) as usize % FAULTS.len()];
    attacker.install_faulty(fault);
    let bench = Bench {
        requests: Requests::new(node.http, keys, users, rate),
        node,
        ears,
        attacker,
        ends,
        rate,
        seconds,
    };
    let (mut alone, mut beside) = (Seen::default(), Seen::default());
    let before = threads::of(bench.node.pid());
    for _ in 0..ROUNDS {
        bench.phase(&mut alone, false);
        bench.phase(&mut beside, true);
    }
    let spent = threads::between(&before, &threads::of(bench.node.pid()));
    tell(rate, alone, beside);
    let attack = format!("the attacker: {ATTACK} calls/s, {fault}");
    let slow = spent.iter().filter(|(name, _)| name.contains("slow lane"));
    let spent = slow.map(|it| it.1).sum::<f64>();
    Figure::new(&attack, "processor time that its turns got", spent, "s")
        .note("in the slow lane, of what was idle")
        .print();
}

struct Bench {
    node: Node,
    ears: Ears,
    attacker: Office,
    requests: Requests,
    ends: [SocketAddr; 2],
    rate: u32,
    seconds: u32,
}

impl Bench {
    fn phase(&self, seen: &mut Seen, attacked: bool) {
        let [caller, callee] = self.ends;
        let calls = self.rate * self.seconds;
        let load = Load {
            users: self.rate * CYCLE,
            rate: self.rate,
            calls,
            talk: TALK,
        };
        let answering = Callee::start(callee);
        let listening = self
            .ears
            .call(Duration::from_secs(u64::from(self.seconds + CYCLE)));
        let attack = attacked.then(|| {
            let calls = ATTACK * (self.seconds + CYCLE);
            Attacker::start(self.attacker.user, self.node.sip, ATTACK, calls)
        });
        let asking = self.requests.start(calls);
        std::thread::sleep(Duration::from_secs(u64::from(CYCLE)) / 2);
        let hearing = listening.begin();
        let calling = Caller::start(caller, self.node.sip, &load);
        std::thread::sleep(Duration::from_secs(u64::from(self.seconds)));
        let heard = hearing.end();
        let called = calling.finish();
        drop(attack);
        listening.finish();
        seen.refused_requests += asking.finish().failures.len();
        answering.finish();
        seen.delays.extend(called.delays);
        seen.calls += calls;
        seen.failed += called.failed;
        seen.heard.late.extend(heard.late);
        seen.heard.lost += heard.lost;
    }
}

/// Spreads what a coarse clock says is the same over the tick that it is of: else two phases whose slow calls lie on
/// either side of a tick differ by as much as a call takes.
fn spread(delays: &mut [f64]) {
    delays.sort_by(f64::total_cmp);
    for same in delays.chunk_by_mut(|one, other| one.total_cmp(other).is_eq()) {
        let count = same.len() as f64;
        for (at, delay) in same.iter_mut().enumerate() {
            *delay += TICK_MS * ((at as f64 + 0.5) / count - 0.5);
        }
    }
}

fn tell(rate: u32, mut alone: Seen, mut beside: Seen) {
    let group = format!(
        "{rate} calls/s of a tenant, {} calls",
        alone.calls + beside.calls
    );
    let compare = |what: &str, one: &mut [f64], other: &mut [f64], note: &str| {
        let (one, other) = (percentile(one, 0.99), percentile(other, 0.99));
        for (when, value) in [("alone", one), ("beside the attacker", other)] {
            Figure::new(&group, &format!("{what} p99, {when}"), value, "ms")
                .note(note)
                .print();
        }
        Figure::new(&group, &format!("{what}, ratio"), other / one, "")
            .aim(Aim::AtMost(RATIO))
            .print();
    };
    let note =
        "INVITE to 200 at the caller; calls of one tick of its clock, 4 ms, are spread over it";
    spread(&mut alone.delays);
    spread(&mut beside.delays);
    compare("set-up", &mut alone.delays, &mut beside.delays, note);
    let note = "from one party's socket to the other's";
    let (one, other) = (&mut alone.heard.late, &mut beside.heard.late);
    compare("audio's way", one, other, note);
    let failed = [
        ("failed calls beside the attacker", beside.failed),
        ("failed calls alone", alone.failed),
        (
            "failed requests",
            (alone.refused_requests + beside.refused_requests) as u32,
        ),
        ("packets lost beside the attacker", beside.heard.lost as u32),
    ];
    for (name, count) in failed {
        Figure::new(&group, name, f64::from(count), "")
            .aim(Aim::AtMost(0.0))
            .print();
    }
}
