//! Random calls to policies that play, record, collect digits, hold and confer, from a seed.
//!
//! Owns what callers key and when they give up. All their telephones speak, so that what is played to them,
//! said by them and recorded of them flows through the planes; the weather is the [`Options`]'.

use std::time::Duration;

use control::phone::Input;
use media::sdp::Codec;
use model::FaultPolicy;

use crate::{
    Deed, Link, Options, Policies, Random, World, menus,
    town::{self, CALLEES, CALLERS, NUMBERS},
};

/// Milliseconds within which people call.
const SPAN: u64 = 15_000;

/// The longest that anybody stays on the line by own will, in milliseconds.
const TALK: u64 = 20_000;

/// When the last deed is done.
const EVENING: Duration = Duration::from_millis(SPAN + TALK + 10_000);

/// The tenants, the script that decides for each, and what their callers key.
const TENANTS: [(&str, &str, &[&str]); 5] = [
    ("acme", "ivr", &["1", "0", "0", "9", "#", "*", "10", "7*1"]),
    (
        "bell",
        "conference",
        &["42#", "42#", "*", "1#2#3#", "42#**"],
    ),
    ("coda", "voicemail", &["#", "##", "5", "#1#"]),
    (
        "dial",
        "keypad",
        &["C1#", "C2#", "12", "A", "B", "C1*", "#", "C"],
    ),
    ("echo", "memo", &["1", "*", "A", "A", "#", "1*1", "A#"]),
];

/// Hz by which prompts are higher than elsewhere: so none has the tone of a telephone.
const HIGHER: u16 = 60;

/// What telephones may know: some pairs have nothing in common.
const CODECS: [&[Codec]; 4] = [
    &[Codec::Pcma],
    &[Codec::Pcmu],
    &[Codec::G722],
    &[Codec::Pcma, Codec::Pcmu],
];

/// The world of a seed, played to its rest.
pub fn play(options: Options, policies: Box<dyn Policies>) -> World {
    let mut random = Random::new(options.seed ^ 0x07c3);
    let options = Options {
        audio: true,
        ..options
    };
    let mut world = World::new(options, policies);
    for (n, (name, script, keys)) in TENANTS.into_iter().enumerate() {
        let mut tenant =
            menus::with_tones(&mut world, town::tenant(name, n as u8 + 1, script), HIGHER);
        if random.percent(30) {
            tenant.fault_policy = FaultPolicy::KeepTalking;
        }
        if random.percent(10) {
            // A prompt whose audio is lost.
            let names: Vec<_> = tenant.prompts.keys().cloned().collect();
            if let Some(prompt) = tenant.prompts.get_mut(random.pick(&names)) {
                prompt.digest = "gone".into();
            }
        }
        let tenant = world.add_tenant(tenant);
        for line in 0..world.lines().len() {
            if world.lines()[line].tenant == tenant {
                world.lines_mut()[line].link = Link::stormy(&mut random);
                let &codecs = random.pick(&CODECS);
                world.set_codecs(line, codecs);
            }
        }
        for user in CALLERS.into_iter().chain(CALLEES) {
            if random.percent(60) {
                caller(&mut world, &mut random, (tenant, user), keys);
            }
            let line = world.line(tenant, user);
            if random.percent(50) {
                let behave = Input::Behave(super::behaviour(&mut random));
                world.at(random.millis(SPAN), Deed::Phone(line, behave));
            }
        }
    }
    operator(&mut world, &mut random);
    world.run_for(EVENING);
    world.run_to_rest();
    world
}

/// Somebody calls, keys now and then, perhaps holds, and hangs up, mostly.
fn caller(
    world: &mut World,
    random: &mut Random,
    (tenant, user): (usize, &str),
    keys: &[&'static str],
) {
    let line = world.line(tenant, user);
    let dials = random.millis(SPAN);
    let number = *random.pick(&NUMBERS);
    world.at(dials, Deed::Phone(line, World::dialling(number)));
    for _ in 0..random.below(6) {
        let &keyed = random.pick(keys);
        world.at(dials + random.millis(TALK), Deed::Key(line, keyed.into()));
    }
    if random.percent(30) {
        let (from, to) = (random.millis(TALK), random.millis(TALK));
        world.at(dials + from, Deed::Phone(line, Input::Hold(true)));
        world.at(dials + to, Deed::Phone(line, Input::Hold(false)));
    }
    if random.percent(90) {
        let leaves = dials + random.millis(TALK);
        world.at(leaves, Deed::Phone(line, Input::HangUp));
    }
}

/// What the people do who run the node, and what befalls it.
fn operator(world: &mut World, random: &mut Random) {
    for tenant in 0..TENANTS.len() {
        if random.percent(20) {
            let nth = random.below(20);
            world.at(random.millis(SPAN + TALK), Deed::ReleaseAny(tenant, nth));
        }
        if random.percent(5) {
            world.at(random.millis(SPAN + TALK), Deed::Forget(tenant));
        }
    }
    if random.percent(10) {
        world.at(random.millis(SPAN + TALK), Deed::FillDisk);
    }
    if random.percent(10) {
        let at = random.millis(SPAN + TALK);
        world.at(at, Deed::Drain);
        if random.percent(50) {
            world.at(at + random.millis(10_000), Deed::ReleaseAll);
        }
    }
}
