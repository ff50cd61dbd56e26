//! One recorded turn, and its text.

use std::{collections::BTreeMap, sync::Arc};

use model::{
    Event, IdSource, SessionId,
    turn::{Version, View},
};
use serde::{Deserialize, Serialize};

use crate::{
    Did,
    form::{AskedForm, CallOf, ConferenceOf, EventForm, text},
    octets::Octets,
    scope::Scope,
};

/// One turn: all that it was given, and what it did.
#[derive(Clone, Debug)]
pub struct Turn {
    /// How many turns of its session went before.
    pub number: u32,
    /// The version that ran.
    pub version: u32,
    /// Its component, `sha256:…`.
    pub digest: String,
    /// What it saw.
    pub view: View,
    /// What it was told.
    pub event: Event,
    /// Its ids and randomness, of which none is drawn yet.
    pub ids: IdSource,
    /// What it read of the store.
    pub reads: Reads,
    /// What it did.
    pub did: Did,
}

/// What a turn read of the store, by key.
pub type Reads = BTreeMap<String, Seen>;

/// What a turn saw under a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// A value of that version.
    Value(Vec<u8>, Version),
    /// No value.
    Nothing,
    /// The store did not answer.
    Unavailable,
}

/// Why a text is no recorded turn or session.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a recorded session of this platform: {0}")]
pub struct RecordedError(pub(crate) String);

impl From<serde_json::Error> for RecordedError {
    fn from(why: serde_json::Error) -> Self {
        Self(why.to_string())
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Form {
    turn: u32,
    #[serde(with = "EventForm")]
    event: Event,
    at: u64,
    #[serde(with = "text")]
    session: SessionId,
    plugin: String,
    version: u32,
    digest: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    calls: Vec<CallOf>,
    calls_made: usize,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    conferences: Vec<ConferenceOf>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    gone: Option<ConferenceOf>,
    operations: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    asked: Option<AskedForm>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    timers: Vec<String>,
    #[serde(default, skip_serializing_if = "is_empty")]
    state: Octets,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    settings: BTreeMap<String, String>,
    ids: Ids,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    reads: BTreeMap<String, SeenForm>,
    did: Did,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tenant: Option<Scope>,
}

/// Where ids and random numbers come from.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Ids {
    seed: [u8; 32],
    node: u16,
    shard: u8,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum SeenForm {
    Value { value: Octets, version: Version },
    Unavailable { unavailable: bool },
    Nothing,
}

impl Turn {
    /// Its text: one line of JSON.
    pub fn write(&self) -> Result<String, RecordedError> {
        let mut form = Form::of(self);
        let text = serde_json::to_string(&form)?;
        form.tenant = Some(Scope::of(&self.view.tenant, &form.did.commands, &text));
        Ok(serde_json::to_string(&form)?)
    }

    /// Reads one.
    pub fn read(text: &str) -> Result<Self, RecordedError> {
        let form: Form = serde_json::from_str(text)?;
        form.turn()
    }
}

impl Form {
    fn of(turn: &Turn) -> Self {
        let view = &turn.view;
        let (seed, node, shard) = turn.ids.origin();
        let seen = |seen: &Seen| match seen {
            Seen::Value(value, version) => SeenForm::Value {
                value: Octets(value.clone()),
                version: *version,
            },
            Seen::Nothing => SeenForm::Nothing,
            Seen::Unavailable => SeenForm::Unavailable { unavailable: true },
        };
        let reads = turn.reads.iter();
        Self {
            turn: turn.number,
            event: turn.event.clone(),
            at: view.now,
            session: view.session,
            plugin: view.plugin.clone(),
            version: turn.version,
            digest: turn.digest.clone(),
            calls: view.calls.iter().cloned().map(CallOf).collect(),
            calls_made: view.calls_made,
            conferences: view.conferences.iter().cloned().map(ConferenceOf).collect(),
            gone: view.gone.clone().map(ConferenceOf),
            operations: view.operations,
            asked: view.asked.as_ref().map(AskedForm::from),
            timers: view.timers.clone(),
            state: Octets(view.state.to_vec()),
            settings: view.settings.as_ref().clone(),
            ids: Ids { seed, node, shard },
            reads: reads.map(|(key, it)| (key.clone(), seen(it))).collect(),
            did: turn.did.clone(),
            tenant: None,
        }
    }

    pub(crate) fn turn(self) -> Result<Turn, RecordedError> {
        let lacks = || RecordedError("a turn names no tenant".to_owned());
        let tenant = self.tenant.ok_or_else(lacks)?.tenant();
        let seen = |seen| match seen {
            SeenForm::Value { value, version } => Seen::Value(value.0, version),
            SeenForm::Nothing => Seen::Nothing,
            SeenForm::Unavailable { .. } => Seen::Unavailable,
        };
        let reads = self.reads.into_iter();
        Ok(Turn {
            number: self.turn,
            version: self.version,
            digest: self.digest,
            view: View {
                session: self.session,
                now: self.at,
                calls: self.calls.into_iter().map(|it| it.0).collect(),
                calls_made: self.calls_made,
                conferences: self.conferences.into_iter().map(|it| it.0).collect(),
                gone: self.gone.map(|it| it.0),
                operations: self.operations,
                asked: self.asked.map(Into::into),
                timers: self.timers,
                state: self.state.0.into(),
                tenant: Arc::new(tenant),
                plugin: self.plugin,
                settings: Arc::new(self.settings),
            },
            event: self.event,
            ids: IdSource::new(self.ids.seed, self.ids.node, self.ids.shard),
            reads: reads.map(|(key, it)| (key, seen(it))).collect(),
            did: self.did,
        })
    }
}

fn is_empty(octets: &Octets) -> bool {
    octets.0.is_empty()
}

#[cfg(test)]
mod tests;
