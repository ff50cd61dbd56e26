//! Plays a scenario in the simulator's world.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use control::phone::{Behaviour, Input};
use model::{Answer, HeaderNames, IdSource, PromptFile, TenantConfig, Trunk, TrunkId};
use sim::{Link, Options, Pace, Random, World, town};

use crate::{
    Components,
    report::{Failure, Report},
    scenario::{Given, Phone, Request, Scenario, Step, Time},
};

/// Samples of a millisecond of a prompt: 8 kHz.
const MS: usize = 8;

/// How long a phone waits before it refuses.
const AT_ONCE: Duration = Duration::from_millis(100);

/// Where further trunks are in the town's network, the first of them.
const CARRIERS_AT: u8 = 50;

pub(crate) fn play(scenario: &Scenario, components: &Components) -> Report {
    let (world, failures) = played(scenario, components);
    Report::of(&world, &scenario.expect, failures)
}

/// The world in which it was played, at rest, and the step that could not be taken.
pub(crate) fn played(scenario: &Scenario, components: &Components) -> (World, Vec<Failure>) {
    let mut world = World::new(options(scenario), Box::new(components.clone()));
    let mut failures = Vec::new();
    let mut tenant = tenant(&mut world, &scenario.given, components);
    if let Err(what) = carriers(&mut tenant, &scenario.given) {
        failures.push(Failure::Given(what));
    }
    let tenant = world.add_tenant(tenant);
    if let Some(seed) = scenario.given.weather {
        let link = Link::stormy(&mut Random::new(seed));
        for line in world.lines_mut() {
            line.link = link;
        }
    }
    for (at, step) in scenario.step.iter().enumerate() {
        if let Err(what) = take(&mut world, tenant, step) {
            failures.push(Failure::Step(at + 1, what));
            break;
        }
    }
    world.run_to_rest();
    (world, failures)
}

fn options(scenario: &Scenario) -> Options {
    let given = &scenario.given;
    let mut options = Options::calm();
    // Keys are audio. Nothing else that can be expected is, and it takes fifty times as long as all the rest.
    options.audio = scenario
        .step
        .iter()
        .any(|it| matches!(it, Step::Keys { .. }));
    if let Some(Time(takes)) = given.turns {
        options.turns = Pace {
            least: takes,
            most: takes,
            ..options.turns
        };
    }
    options.seed = given.weather.unwrap_or(options.seed);
    options
}

/// The town's tenant with that policy.
fn tenant(world: &mut World, given: &Given, components: &Components) -> TenantConfig {
    let mut tenant = town::tenant("acme", 1, "");
    for plugin in tenant.plugins.values_mut() {
        if let Some((digest, exports)) = components.first() {
            digest.clone_into(&mut plugin.digest);
            plugin.exports = exports.iter().cloned().collect();
        }
        plugin.settings = Arc::new(given.settings.clone().into_iter().collect());
    }
    for (name, length) in &given.prompts {
        let digest: Arc<str> = Arc::from(name.as_str());
        let samples = vec![0; MS * length.0.as_millis() as usize];
        world.keep_prompt(&digest, media::Prompt::from_8khz(&samples));
        let duration_ms = length.0.as_millis() as u64;
        let file = PromptFile {
            digest,
            duration_ms,
        };
        tenant.prompts.insert(name.clone(), file);
    }
    tenant
}

/// The tenant's further trunks.
fn carriers(tenant: &mut TenantConfig, given: &Given) -> Result<(), String> {
    let mut ids = IdSource::new([CARRIERS_AT; 32], 0, 0);
    for (host, (prefix, headers)) in (CARRIERS_AT..).zip(&given.carriers) {
        let address = SocketAddr::from(([10, 0, 1, host], 5060));
        let headers_out = HeaderNames::new(headers.clone());
        let headers_out = headers_out.map_err(|why| format!("carrier {prefix}: {why}"))?;
        tenant.trunks.push(Trunk {
            accept_from: vec![address.ip().to_string().parse()?],
            prefixes: vec![prefix.clone()],
            headers_out,
            ..Trunk::new(TrunkId::mint(&mut ids, 1), prefix, address)
        });
    }
    Ok(())
}

fn take(world: &mut World, tenant: usize, step: &Step) -> Result<(), String> {
    match step {
        Step::Phone(phone) => {
            let line = line(world, &phone.user)?;
            world.phone(line, Input::Behave(behaviour(phone)));
        }
        Step::Call { from, to } => {
            let line = line(world, from)?;
            world.dial(line, to);
        }
        Step::Keys { by, keys } => {
            let line = line(world, by)?;
            world.press(line, keys);
        }
        Step::Transfer { by, to } => {
            let line = line(world, by)?;
            let to = format!("sip:{to}@{}", world.tenant(tenant).domain).parse();
            let to = to.map_err(|_| format!("{step:?}: not somebody to be called"))?;
            world.phone(line, Input::Transfer(to));
        }
        Step::HangUp(user) => {
            let line = line(world, user)?;
            world.hang_up(line);
        }
        Step::Wait(time) => world.run_for(time.0),
        Step::Request(request) => ask(world, tenant, request)?,
    }
    Ok(())
}

/// A request, and whether its answer is as it should be.
fn ask(world: &mut World, tenant: usize, request: &Request) -> Result<(), String> {
    let Request { user, verb, .. } = request;
    let asked = world.request(user, verb, &request.body);
    let Answer::Reply(reply) = world.answer(tenant, asked) else {
        return Err(format!("{verb} of {user} was not answered by the policy"));
    };
    let (was, body) = (reply.status, reply.body);
    if let Some(wanted) = request.status.filter(|wanted| *wanted != was) {
        return Err(format!(
            "{verb} of {user} was answered {was}, not {wanted}: {body}"
        ));
    }
    if !body.contains(&request.says) {
        let says = &request.says;
        return Err(format!(
            "the answer to {verb} of {user} does not say {says}: {body}"
        ));
    }
    Ok(())
}

/// A phone of the town.
fn line(world: &World, user: &str) -> Result<usize, String> {
    let known = || {
        let users = world.lines().iter().map(|line| line.user.as_str());
        users.collect::<Vec<_>>().join(", ")
    };
    let found = world.lines().iter().position(|line| line.user == user);
    found.ok_or_else(|| format!("there is no phone {user}; there are {}", known()))
}

fn behaviour(phone: &Phone) -> Behaviour {
    let answer = phone.answers.map(|it| it.0);
    let early_media = phone.early_media.map(|it| it.0);
    match (phone.refuses, early_media, phone.rings, answer) {
        (Some(status), ..) => Behaviour::Refuse {
            after: AT_ONCE,
            status,
        },
        (None, Some(after), ..) => Behaviour::EarlyMedia { after, answer },
        (None, None, None, Some(after)) => Behaviour::Answer { after },
        (None, None, rings, answer) => Behaviour::Ring {
            after: rings.map_or(Duration::ZERO, |it| it.0),
            answer,
        },
    }
}
