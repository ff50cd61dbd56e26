//! The policy author's test kit: scenarios against the component itself, in virtual time.
//!
//! Owns what a scenario says, the town that it plays in and the judgement of how it went. The world is the
//! simulator's and the component runs as on a node, with the limits of one: nothing here stands in for either.
//!
//! The town: phones 1001, 1002 and 3002 are the tenant's own, 3001 and 3003 are somewhere in the network, and
//! the numbers 2001 and 2002 lead to the policy.

mod components;
mod course;
mod fuzz;
mod replay;
mod report;
mod scenario;
mod stage;

use std::path::Path;

pub use components::{COMPONENT, Compiled, Components, ComponentsError};
pub use fuzz::{Finding, Search, SearchError, Searched, fuzz};
pub use recorded::Session as Recorded;
pub use replay::{Verdict, replay};
pub use report::{Failure, Report};
pub use scenario::{Scenario, ScenarioError};

/// Plays a scenario's text against a component; prompts and settings are the scenario's.
pub fn play(text: &str, components: &Components) -> Result<Report, ScenarioError> {
    let scenario = Scenario::read(text)?;
    Ok(stage::play(&scenario, components))
}

/// The files in these places: as they are named, and of folders those whose names end so, in order.
/// Scenarios are `toml`, recorded sessions `json`.
pub fn files(
    places: &[impl AsRef<Path>],
    ends: &[&str],
) -> std::io::Result<Vec<std::path::PathBuf>> {
    let mut files = Vec::new();
    for place in places {
        let place = place.as_ref();
        if !place.is_dir() {
            files.push(place.to_owned());
            continue;
        }
        let mut inside = Vec::new();
        for entry in std::fs::read_dir(place)? {
            let path = entry?.path();
            let end = path.extension();
            if end.is_some_and(|end| ends.iter().any(|it| end == *it)) {
                inside.push(path);
            }
        }
        inside.sort();
        files.extend(inside);
    }
    Ok(files)
}
