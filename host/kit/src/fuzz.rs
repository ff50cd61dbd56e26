//! The search for orders of events that a policy was not written for.
//!
//! Owns the search: a scenario is played over and over, each time a little differently, as people and networks
//! would do it (hang-ups at every moment, a CANCEL that crosses the answer, keys pressed twice, phones that
//! refuse, turns that take long, packets that are lost). What must hold is the same each time: no handler
//! faults, nobody is left in a call, none of the scenario's `in-no-order` lines, no rule of the platform is broken.
//! What fails is made as small as it gets, and can be kept as a scenario.

mod moves;
mod shrink;

use std::collections::BTreeSet;

use sim::{Random, World};

use crate::{
    Components, Failure, Report, Scenario, ScenarioError,
    course::Course,
    fuzz::{moves::vary, shrink::shrink},
    stage,
};

/// Different mistakes of a scenario, after which the search ends.
const FINDINGS: usize = 8;

/// Moments of a scenario at which something is tried. Those of a longer one are thinned out.
const MOMENTS: usize = 200;

/// How long to search, and where.
#[derive(Clone, Copy, Debug)]
pub struct Search {
    /// How many times a scenario is played; making a failure small is not counted.
    pub runs: u32,
    /// The same seed tries the same.
    pub seed: u64,
}

/// A mistake.
#[derive(Clone, Debug)]
pub struct Finding {
    /// What did not hold.
    pub failure: Failure,
    /// The smallest scenario found that shows it, as a file.
    pub scenario: String,
    /// Its ladders.
    pub ladders: String,
    /// What the policy logged.
    pub log: Vec<String>,
}

/// What came of a search.
#[derive(Clone, Debug)]
pub struct Searched {
    /// How many times the scenario was played.
    pub runs: u32,
    /// One for each kind of mistake.
    pub findings: Vec<Finding>,
}

/// Why nothing can be searched for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SearchError {
    /// The file is no scenario.
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
    /// It fails without any change.
    #[error("it fails as it is, which `plugin test` shows: {0}")]
    Fails(Failure),
}

/// Searches around a scenario's text.
pub fn fuzz(text: &str, components: &Components, search: Search) -> Result<Searched, SearchError> {
    let scenario = Scenario::read(text)?;
    let (world, failures) = stage::played(&scenario, components);
    let report = Report::of(&world, &scenario.expect, failures);
    if let Some(failure) = report.failures.into_iter().next() {
        return Err(SearchError::Fails(failure));
    }
    let mut hunt = Hunt {
        components,
        course: Course::of(&scenario),
        moments: moments(&world),
        searched: Searched {
            runs: 0,
            findings: Vec::new(),
        },
        search,
    };
    hunt.hang_up_everywhere();
    hunt.wander();
    Ok(hunt.searched)
}

struct Hunt<'a> {
    components: &'a Components,
    course: Course,
    /// Milliseconds at which something happened when it went well.
    moments: Vec<u64>,
    searched: Searched,
    search: Search,
}

impl Hunt<'_> {
    fn is_over(&self) -> bool {
        self.searched.runs >= self.search.runs || self.searched.findings.len() >= FINDINGS
    }

    /// Each phone hangs up at, just before and just after each moment: half of what may be tried at most.
    fn hang_up_everywhere(&mut self) {
        let users = self.course.users();
        let near = |at: &u64| [at.saturating_sub(1), *at, at + 1];
        let moments: BTreeSet<u64> = self.moments.iter().flat_map(near).collect();
        let all = users.len() * moments.len();
        let step = all.div_ceil((self.search.runs as usize / 2).max(1)).max(1);
        let tries = users
            .iter()
            .flat_map(|user| moments.iter().map(move |at| (user, *at)));
        for (user, at) in tries.step_by(step) {
            if self.is_over() {
                return;
            }
            let mut course = self.course.clone();
            course.put(at, crate::scenario::Step::HangUp(user.clone()));
            self.attempt(&course);
        }
    }

    /// Anything at any moment.
    fn wander(&mut self) {
        let mut random = Random::new(self.search.seed);
        while !self.is_over() {
            let mut course = self.course.clone();
            for _ in 0..=random.below(3) {
                vary(&mut course, &self.moments, &mut random);
            }
            self.attempt(&course);
        }
    }

    fn attempt(&mut self, course: &Course) {
        self.searched.runs += 1;
        let known: Vec<_> = self
            .searched
            .findings
            .iter()
            .map(|it| &it.failure)
            .collect();
        let failures = judge(course, self.components).failures;
        let new = failures.into_iter().find(|it| !known.contains(&it));
        let Some(failure) = new else { return };
        let fails = |course: &Course| {
            let report = judge(course, self.components);
            report.failures.contains(&failure)
        };
        let course = shrink(course, fails);
        let Report { ladders, log, .. } = judge(&course, self.components);
        let scenario = course.text(&failure.to_string());
        self.searched.findings.push(Finding {
            failure,
            scenario,
            ladders,
            log,
        });
    }
}

/// What does not hold. That a step could not be taken, as with a request that the platform refuses, is no
/// mistake of the policy.
fn judge(course: &Course, components: &Components) -> Report {
    let mut report = stage::play(&course.scenario(), components);
    let matters = |it: &Failure| !matches!(it, Failure::Step(..));
    report.failures.retain(matters);
    report
}

/// When something happened, in milliseconds since the world began.
fn moments(world: &World) -> Vec<u64> {
    let entries = |trace: &&model::Trace| {
        let begin = world.since_dawn(trace.begin);
        let times = trace.entries.iter().map(move |it| begin + it.at_us / 1_000);
        times.collect::<Vec<_>>()
    };
    let all: BTreeSet<u64> = world.traces().iter().flat_map(entries).collect();
    let step = all.len().div_ceil(MOMENTS).max(1);
    all.into_iter().step_by(step).collect()
}
