//! How a plugin changes over from one version to another, as a shard sees it.

use crate::ActivePlugin;

/// What there is beside the active version of a plugin.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rollout {
    /// The version that is on trial.
    pub trial: Option<Trial>,
    /// The version that runs along on events of new sessions, without effects.
    pub shadow: Option<ActivePlugin>,
}

/// A version that only a share of new sessions begins with; all others begin with the active one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trial {
    /// The version.
    pub plugin: ActivePlugin,
    /// Its share of new sessions, percent: 1 to 99.
    pub percent: u8,
}
