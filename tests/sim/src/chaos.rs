//! Random calls in bad weather, from a seed.
//!
//! Owns what people do: whom they ask for and dial, when they hang up, which telephones are busy,
//! deaf or slow, and what the operator does meanwhile. The weather is the [`Options`]'.

pub mod voices;

use std::time::Duration;

use control::phone::{Behaviour, Event, Input};
use media::sdp::Codec;
use model::{Ask, FaultPolicy};

use crate::{
    Deed, Fate, Line, Link, Options, Policies, Random, World,
    town::{self, CALLEES, CALLERS, NUMBERS},
};

/// Milliseconds within which people begin to call.
const SPAN: u64 = 30_000;

/// When the last deed is done: of people who dial two minutes after they asked.
const EVENING: Duration = Duration::from_secs(30 + 122 + 20);

/// What telephones may know: some pairs have nothing in common, and are transcoded.
const CODECS: [&[Codec]; 6] = [
    &[Codec::Pcma],
    &[Codec::Pcmu],
    &[Codec::Pcma, Codec::Pcmu],
    &[Codec::Pcmu, Codec::Pcma],
    &[Codec::G722],
    &[Codec::G722, Codec::Pcma],
];

/// Tenants, and the script that decides for each: they do the same at the same time.
const TENANTS: [(u8, &str, &str); 5] = [
    (1, "acme", "makecall"),
    (2, "bell", "makecall"),
    (3, "coda", "hunt"),
    (4, "dial", "patient"),
    (5, "echo", "click"),
];

/// The world of a seed, played to its rest.
pub fn play(options: Options, policies: Box<dyn Policies>) -> World {
    let seed = options.seed;
    let mut random = Random::new(seed ^ 0x5eed);
    // Drawn apart, as the clock is.
    let mut forks = Random::new(seed ^ 0xf02c);
    let mut world = World::new(options, policies);
    for (n, name, script) in TENANTS {
        let mut tenant = town::tenant(name, n, script);
        if random.percent(30) {
            tenant.fault_policy = FaultPolicy::KeepTalking;
        }
        let mut bindings = Vec::new();
        if forks.percent(40) {
            let first = |random: &mut Random| *random.pick(&[1_000, 1_000, 500]);
            let telephones = SEVERAL.map(|name| (name, first(&mut forks)));
            let telephones = &telephones[..2 + forks.below(2) as usize];
            let transport = if world.options().tcp {
                model::Transport::Tcp
            } else {
                model::Transport::Udp
            };
            bindings = town::bindings(n, transport, telephones);
            tenant = town::with_phone(tenant, "3002", "secret");
        }
        if forks.percent(40) {
            let priority = *forks.pick(&[0, 0, 10]);
            tenant = town::with_gateways(tenant, n, &[(priority, 1)]);
        }
        if !world.options().tcp && forks.percent(50) {
            tenant = town::with_phone(tenant, ROAMER, PASSWORD);
        }
        if world.options().tcp {
            tenant = town::over(model::Transport::Tcp, tenant);
        }
        let tenant = world.add_tenant(tenant);
        world.has_registered(tenant, "3002", bindings);
        for line in world
            .lines_mut()
            .iter_mut()
            .filter(|line| line.tenant == tenant)
        {
            line.link = Link::stormy(&mut random);
        }
        for line in 0..world.lines().len() {
            if world.lines()[line].tenant == tenant {
                let &codecs = random.pick(&CODECS);
                world.set_codecs(line, codecs);
                mishaps(&mut world, &mut random, line);
            }
        }
        for _ in 0..=random.below(4) {
            episode(&mut world, &mut random, tenant);
        }
    }
    others(&mut world, &mut forks);
    roamers(&mut world, seed);
    operator(&mut world, &mut random);
    set_clock(&mut world, seed);
    holds(&mut world, seed);
    transfers(&mut world, seed);
    world.run_for(EVENING);
    world.run_to_rest();
    for (tenant, (_, _, script)) in TENANTS.iter().enumerate() {
        if ["makecall", "hunt"].contains(script) {
            check_order(&mut world, tenant);
        }
    }
    world
}

/// The password of everybody who has one.
const PASSWORD: &str = "correct horse";

/// The telephones of 3002, where it has registered several: it is called at the same time at those that
/// it likes as much, or one after another.
const SEVERAL: [&str; 3] = ["3002", "3002-b", "3002-c"];

/// What the other telephones of 3002 do, and the other gateway to 3001.
fn others(world: &mut World, random: &mut Random) {
    for line in 0..world.lines().len() {
        let user = world.lines()[line].user.as_str();
        if !SEVERAL[1..].contains(&user) && user != "3001-2" {
            continue;
        }
        for _ in 0..3 {
            let behave = Input::Behave(behaviour(random));
            world.at(random.millis(SPAN), Deed::Phone(line, behave));
            if random.percent(50) {
                let at = random.millis(SPAN + 20_000);
                world.at(at, Deed::Phone(line, Input::HangUp));
            }
        }
    }
}

/// Somebody who has no fixed place: a telephone of some tenants that registers, over any weather, and
/// renews it each half a minute.
const ROAMER: &str = "3009";

/// Roamers come and go, call and are called. Drawn apart, as the clock is.
fn roamers(world: &mut World, seed: u64) {
    let mut random = Random::new(seed ^ 0x40a3);
    for (tenant, (n, ..)) in TENANTS.iter().enumerate() {
        if !world.tenant(tenant).secrets.contains_key(ROAMER) {
            continue;
        }
        let line = world.add_phone(tenant, ROAMER, ([10, 0, *n, 99], 5060).into());
        let right = random.percent(90);
        world.set_password(line, if right { PASSWORD } else { "guess" });
        world.lines_mut()[line].link = Link::stormy(&mut random);
        world.at(
            random.millis(2_000),
            Deed::Phone(line, World::registering(60)),
        );
        if random.percent(30) {
            let seconds = *random.pick(&[0, 60, 600]);
            let again = Deed::Phone(line, World::registering(seconds));
            world.at(random.millis(SPAN), again);
        }
        for _ in 0..2 {
            let (number, at) = (*random.pick(&NUMBERS), random.millis(SPAN));
            let behave = Input::Behave(behaviour(&mut random));
            world.at(at, Deed::Phone(line, behave));
            if random.percent(50) {
                ask_makecall(world, at, tenant, "1002", number, ROAMER);
                let caller = world.line(tenant, "1002");
                let dialled = at + random.millis(2_000);
                world.at(dialled, Deed::Phone(caller, World::dialling(number)));
            } else {
                let callee = *random.pick(&CALLEES);
                ask_makecall(world, at, tenant, ROAMER, number, callee);
                let dialled = at + random.millis(2_000);
                world.at(dialled, Deed::Phone(line, World::dialling(number)));
            }
            let hangs_up = at + random.millis(25_000);
            world.at(hangs_up, Deed::Phone(line, Input::HangUp));
        }
    }
}

/// What befalls single messages of a telephone: races are a matter of these.
const MISHAPS: [&str; 10] = [
    "INVITE",
    "100 INVITE",
    "180 INVITE",
    "200 INVITE",
    "487 INVITE",
    "ACK",
    "CANCEL",
    "200 CANCEL",
    "BYE",
    "200 BYE",
];

fn mishaps(world: &mut World, random: &mut Random, line: usize) {
    while random.percent(30) {
        let (what, late) = (*random.pick(&MISHAPS), random.millis(2_000));
        let fate = *random.pick(&[Fate::Lost, Fate::Late(late), Fate::Again(late)]);
        if random.percent(50) {
            world.from_line(line, what, fate);
        } else {
            world.to_line(line, what, fate);
        }
    }
}

/// Who only called is told of ringing and of an answer after somebody else of its town rang or
/// answered, not before.
fn check_order(world: &mut World, tenant: usize) {
    let own: Vec<&Line> = world
        .lines()
        .iter()
        .filter(|line| line.tenant == tenant)
        .collect();
    let mut wrong = Vec::new();
    for line in own
        .iter()
        .filter(|line| line.dialled && line.when(rings).is_none())
    {
        let others = own.iter().filter(|other| other.user != line.user);
        let first = |what: fn(&Event) -> bool| others.clone().filter_map(|o| o.when(what)).min();
        let told = line.when(|event| *event == Event::Ringing);
        if told.is_some() && first(rings).is_none_or(|at| Some(at) > told) {
            wrong.push(format!("{} heard ringing when nobody rang", line.user));
        }
        let told = line.when(answers);
        if told.is_some() && first(answers).is_none_or(|at| Some(at) > told) {
            wrong.push(format!("{} was answered when nobody had", line.user));
        }
    }
    for what in wrong {
        world.violated(what);
    }
}

fn rings(event: &Event) -> bool {
    matches!(event, Event::Incoming { .. })
}

fn answers(event: &Event) -> bool {
    matches!(event, Event::Answered { .. })
}

/// Somebody wants to call somebody.
fn episode(world: &mut World, random: &mut Random, tenant: usize) {
    let (user, number) = (*random.pick(&CALLERS), *random.pick(&NUMBERS));
    let callee = *random.pick(&CALLEES);
    let (caller_line, callee_line) = (world.line(tenant, user), world.line(tenant, callee));
    let asked = random.millis(SPAN);
    let dialled = asked
        + if random.percent(5) {
            random.between(Duration::from_secs(119), Duration::from_secs(122))
        } else {
            random.millis(3_000)
        };

    let behave = Input::Behave(behaviour(random));
    world.at(asked, Deed::Phone(callee_line, behave));
    if random.percent(90) {
        ask_makecall(world, asked, tenant, user, number, callee);
    }
    if random.percent(20) {
        let other = *random.pick(&CALLEES);
        let at = asked + random.millis(3_000);
        ask_makecall(world, at, tenant, user, number, other);
    }
    if random.percent(10) {
        let ask = world.request(user, "cancelcall", "{}");
        world.at(asked + random.millis(4_000), Deed::Ask(tenant, ask));
    }
    if random.percent(25) {
        // It takes the same request as the call, at about the same time.
        let body = format!(r#"{{"from":"{user}","to":"{number}"}}"#);
        let ask = world.request("", "callin", &body);
        world.at(dialled + random.millis(150), Deed::Ask(tenant, ask));
    }
    let number = match random.below(20) {
        0 => "2999",
        1 | 2 => random.pick(&NUMBERS),
        _ => number,
    };
    if random.percent(10) {
        // Somebody of the network, or another telephone of the tenant, calls in.
        let at = dialled + random.millis(5_000);
        world.at(at, Deed::Phone(callee_line, World::dialling(number)));
    }
    if random.percent(30) {
        let behave = Input::Behave(behaviour(random));
        world.at(asked, Deed::Phone(caller_line, behave));
    }
    if random.percent(50) {
        let body = format!(r#"{{"caller":"{user}","callee":"{callee}"}}"#);
        let ask = world.request(user, "click", &body);
        world.at(dialled, Deed::Ask(tenant, ask));
    }
    world.at(dialled, Deed::Phone(caller_line, World::dialling(number)));
    for (line, percent) in [(caller_line, 80), (callee_line, 50)] {
        if random.percent(percent) {
            let most = *random.pick(&[500, 5_000, 25_000, 25_000]);
            let at = dialled + random.millis(most);
            world.at(at, Deed::Phone(line, Input::HangUp));
        }
    }
}

fn ask_makecall(
    world: &mut World,
    at: Duration,
    tenant: usize,
    user: &str,
    caller: &str,
    callee: &str,
) {
    let body = format!(r#"{{"caller":"{caller}","callee":"{callee}"}}"#);
    let ask = world.request(user, "makecall", &body);
    world.at(at, Deed::Ask(tenant, ask));
}

fn behaviour(random: &mut Random) -> Behaviour {
    let after = random.millis(3_000);
    let answer = random.percent(80).then(|| after + random.millis(6_000));
    match random.below(12) {
        0 => Behaviour::Answer { after },
        1 => Behaviour::Refuse {
            after,
            status: *random.pick(&[404, 480, 486, 503, 603]),
        },
        2 => Behaviour::TryingOnly,
        3 => Behaviour::Deaf,
        4..=6 => Behaviour::EarlyMedia { after, answer },
        _ => Behaviour::Ring { after, answer },
    }
}

/// What the people do who run the node.
fn operator(world: &mut World, random: &mut Random) {
    for tenant in 0..TENANTS.len() {
        if random.percent(30) {
            let nth = random.below(100);
            world.at(random.millis(SPAN), Deed::ReleaseAny(tenant, nth));
        }
        if random.percent(20) {
            world.at(random.millis(SPAN), Deed::Ask(tenant, Ask::Calls));
        }
        if random.percent(5) {
            world.at(random.millis(SPAN), Deed::Forget(tenant));
        }
    }
    if random.percent(10) {
        let at = random.millis(SPAN);
        world.at(at, Deed::Drain);
        if random.percent(50) {
            world.at(at + random.millis(10_000), Deed::ReleaseAll);
        }
    }
}

/// People hold each other and forget to take each other back; some do it at the same time. Drawn apart, as
/// the clock is.
fn holds(world: &mut World, seed: u64) {
    let mut random = Random::new(seed ^ 0x401d);
    let lines = world.lines().len();
    for line in 0..lines {
        while random.percent(60) {
            let (at, later) = (random.millis(SPAN + 30_000), random.millis(8_000));
            world.at(at, Deed::Phone(line, Input::Hold(true)));
            world.at(at + later, Deed::Phone(line, Input::Hold(false)));
            if random.percent(30) {
                for other in (0..lines).filter(|other| *other != line) {
                    let near = at + random.millis(60);
                    world.at(near, Deed::Phone(other, Input::Hold(true)));
                }
            }
        }
    }
}

/// People lead each other to somebody else, or to nobody, and hang up before or after. Drawn apart.
fn transfers(world: &mut World, seed: u64) {
    let mut random = Random::new(seed ^ 0x4ef3);
    for line in 0..world.lines().len() {
        while random.percent(40) {
            let (at, later) = (random.millis(SPAN + 10_000), random.millis(8_000));
            let to = *random.pick(&["3001", "3002", "3003", "9999"]);
            let to = format!("sip:{to}@somewhere.example").parse();
            let to = to.expect("a number at a domain is a URI");
            world.at(at, Deed::Phone(line, Input::Transfer(to)));
            if random.percent(40) {
                world.at(at + later, Deed::Phone(line, Input::HangUp));
            }
        }
    }
}

/// Somebody sets the machine's wall clock. Drawn apart, so that everything else of a seed is as it was.
fn set_clock(world: &mut World, seed: u64) {
    let mut random = Random::new(seed ^ 0xc10c);
    while random.percent(20) {
        let by = *random.pick(&[-3_600, -60, -1, 1, 60, 3_600]);
        world.at(random.millis(SPAN * 2), Deed::SetClock(by));
    }
}
