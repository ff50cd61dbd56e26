//! How a plugin changes over from one version to another, as a shard sees it.

use std::time::Duration;

use crate::ActivePlugin;

/// What there is beside the active version of a plugin.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rollout {
    /// The version that is on trial.
    pub trial: Option<Trial>,
    /// The version that runs along on events of new sessions, without effects.
    pub shadow: Option<ActivePlugin>,
    /// When the newest version is given up.
    pub probation: Option<Probation>,
}

/// A version that only a share of new sessions begins with; all others begin with the active one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trial {
    /// The version.
    pub plugin: ActivePlugin,
    /// Its share of new sessions, percent: 1 to 99.
    pub percent: u8,
}

/// A version that is new, or on trial, and is given up if its turns fault too often.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probation {
    /// The version.
    pub version: u32,
    /// The one that would be brought back.
    pub before: u32,
    /// So many turns that fault are too many.
    pub faults: u32,
    /// Within that time.
    pub within: Duration,
    /// When it became active, or its trial began, Unix milliseconds: the same version may be activated again.
    pub since: u64,
    /// When it is new no longer, Unix milliseconds.
    pub until: u64,
}
