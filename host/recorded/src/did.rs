//! What a turn did, in words and octets that can be compared.

use std::collections::BTreeMap;

use model::turn::{TurnOutcome, Write};
use serde::{Deserialize, Serialize};

use crate::{octets::Octets, words};

/// What a turn did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Did {
    /// Its commands with all that they say, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub commands: Vec<String>,
    /// The answer to a request: its status and its body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply: Option<(u16, String)>,
    /// What it wrote, by key; none: the key is removed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub writes: BTreeMap<String, Option<Kept>>,
    /// The new state; none: as it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) state: Option<Octets>,
    /// What it logged.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub logs: Vec<String>,
    /// Why it did not return, so that nothing but its lines was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
}

/// A value that was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kept {
    pub(crate) value: Octets,
    /// When it vanishes, Unix milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<u64>,
}

impl Did {
    /// What an outcome says.
    pub fn of(outcome: &TurnOutcome) -> Self {
        let (effects, logs, fault) = match outcome {
            TurnOutcome::Done(effects) => (Some(effects), &effects.logs, None),
            TurnOutcome::Fault { kind, logs, .. } => (None, logs, Some(kind.as_str().to_owned())),
        };
        let logs = logs
            .iter()
            .map(|line| format!("{}: {}", line.level.as_str(), line.message))
            .collect();
        let Some(effects) = effects else {
            return Self {
                logs,
                fault,
                ..Self::default()
            };
        };
        let kept = |write: &Write| match write {
            Write::Put { value, expires } => Some(Kept {
                value: Octets(value.clone()),
                expires: *expires,
            }),
            Write::Remove => None,
        };
        let writes = effects.store.writes.iter();
        Self {
            commands: effects.commands.iter().map(words::command).collect(),
            reply: effects
                .reply
                .as_ref()
                .map(|it| (it.status, it.body.clone())),
            writes: writes.map(|(key, it)| (key.clone(), kept(it))).collect(),
            state: effects.state.clone().map(Octets),
            logs,
            fault,
        }
    }

    /// The new state, if it set one.
    pub fn state(&self) -> Option<&[u8]> {
        self.state.as_ref().map(|it| it.0.as_slice())
    }
}
