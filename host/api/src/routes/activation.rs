//! Which versions of a plugin new sessions begin with.

use std::collections::BTreeMap;

use axum::{Json, extract::State as Of};
use model::{TenantId, limits};
use serde::Serialize;
use store::{Activation, Shadow};
use utoipa::ToSchema;

use crate::{
    State,
    auth::{Develops, Reads},
    body::{Body, Checked, Fields},
    path::{PluginName, Target},
    problem::{Problem, ProblemBody},
    time::rfc3339,
};

/// Which versions of a plugin new sessions begin with.
#[derive(Serialize, ToSchema)]
#[schema(as = Activation)]
pub(super) struct ActivationBody {
    /// The plugin.
    plugin: String,
    /// The version that was activated last: the one on trial if there is one.
    version: u32,
    /// Its share of new sessions.
    percent: u8,
    /// The version that runs along with new sessions, without effects; null if none does.
    shadow: Option<ShadowBody>,
    /// What a rollback brings back: all other sessions begin with it if that version is on trial.
    previous_version: Option<u32>,
    /// What new sessions begin with, the newest activation first.
    shares: Vec<Share>,
    /// So many turns of a new version, or one on trial, that fault are too many, and it is given up; 0: never.
    max_faults: u32,
    /// Within so many seconds.
    fault_window_seconds: u32,
    /// The version that was given up because its turns faulted; null again once anything is activated by hand.
    rolled_back: Option<RolledBack>,
    /// Since when it is so; null if that was before the platform took note.
    since: Option<String>,
    /// Counts the changes.
    revision: u64,
}

/// A version and its share of new sessions.
#[derive(Serialize, ToSchema)]
struct Share {
    /// The version.
    version: u32,
    /// Percent of new sessions.
    percent: u8,
}

/// A version that runs along, and what it has shown since then.
#[derive(Serialize, ToSchema)]
#[schema(as = Shadow)]
struct ShadowBody {
    /// The version.
    version: u32,
    /// Sessions that it followed from their first turn.
    sessions: u64,
    /// Turns that it ran.
    turns: u64,
    /// Sessions in which it decided otherwise; the log says where.
    differ: u64,
    /// Sessions of which nothing more can be told: it read a key that the live turn had not read, or a turn was lost.
    unknown: u64,
}

/// A version whose turns faulted too often.
#[derive(Serialize, ToSchema)]
struct RolledBack {
    /// The version.
    version: u32,
    /// Why, in words.
    why: String,
    /// When.
    at: String,
}

/// A version to be active, or on trial.
#[derive(ToSchema)]
pub(super) struct NewActivation {
    /// A version of the plugin.
    version: u32,
    /// Its share of new sessions, 1 to 100; 100 if absent. With less than 100 it is on trial: a calling number, or a
    /// user of a request, begins with the same version each time, and all others begin with the version that is
    /// active.
    percent: Option<u8>,
    /// It is given up if so many of its turns fault, 0 to 100, and a larger part of them than of the version's before: the
    /// trial ends, or that version is active again. For one that is active for all this is so for a day. 3 if absent;
    /// 0: never.
    max_faults: Option<u32>,
    /// Within so many seconds, 1 to 86,400; 600 if absent.
    fault_window_seconds: Option<u32>,
    /// Only let it run along on the events of new sessions, without effects; false if absent. What is active stays so.
    /// An activation ends it.
    shadow: Option<bool>,
}

impl Body for NewActivation {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let version = fields.number("version", None);
        let percent = fields.number("percent", Some(100));
        let share = percent.and_then(|it| u8::try_from(it).ok());
        let share = share.filter(|it| (1..=100).contains(it));
        if percent.is_some() && share.is_none() {
            fields.refuse::<()>("percent", "is not 1 to 100");
        }
        let max_faults = fields.number("max_faults", Some(limits::PROBATION_FAULTS));
        let most = limits::PROBATION_FAULTS_MOST;
        if max_faults.is_some_and(|it| it > most) {
            fields.refuse::<()>("max_faults", &format!("is more than {most}"));
        }
        let window = fields.number("fault_window_seconds", Some(limits::PROBATION_WITHIN_S));
        let most = limits::PROBATION_WITHIN_MOST_S;
        if window.is_some_and(|it| it == 0 || it > most) {
            fields.refuse::<()>("fault_window_seconds", &format!("is not 1 to {most}"));
        }
        let shadow = fields.flag("shadow", false);
        if shadow == Some(true) && share.is_some_and(|share| share != 100) {
            fields.refuse::<()>(
                "percent",
                "is for versions that have effects: a shadow has none",
            );
        }
        Some(Self {
            version: version?,
            percent: Some(share?),
            max_faults,
            fault_window_seconds: window,
            shadow: Some(shadow?),
        })
    }
}

/// What is active
#[utoipa::path(get, path = "/api/v1/plugins/{name}/activation", tag = "policies",
    params(("name" = String, Path, description = "The plugin")),
    responses((status = 200, body = ActivationBody),
              (status = "default", description = "Not done", body = ProblemBody)))]
pub(super) async fn show(
    Reads(tenant): Reads,
    Of(state): Of<State>,
    Target(PluginName(name)): Target<PluginName>,
) -> Result<Json<ActivationBody>, Problem> {
    shown(&state, tenant, &name).await
}

/// Activate a version, or try it
///
/// New sessions begin with it, or that share of them; live ones stay with theirs. With 100 percent a trial is over,
/// whichever version was tried.
#[utoipa::path(put, path = "/api/v1/plugins/{name}/activation", tag = "policies",
    params(("name" = String, Path, description = "The plugin")), request_body = NewActivation,
    responses((status = 200, body = ActivationBody),
              (status = "default", description = "Not done", body = ProblemBody)))]
pub(super) async fn activate(
    Develops(tenant): Develops,
    Of(state): Of<State>,
    Target(PluginName(name)): Target<PluginName>,
    Checked(new): Checked<NewActivation>,
) -> Result<Json<ActivationBody>, Problem> {
    let (store, now) = (state.store(), state.now_ms());
    // One transaction either way: what is half done would not reach the shards.
    if new.shadow == Some(true) {
        store.set_shadow(tenant, &name, Some(new.version)).await?;
    } else {
        let usual = store::NewActivation::of(new.version, new.percent.unwrap_or(100));
        let new = store::NewActivation {
            max_faults: new.max_faults.unwrap_or(usual.max_faults),
            fault_window_s: new.fault_window_seconds.unwrap_or(usual.fault_window_s),
            ..usual
        };
        store.activate(tenant, &name, new, now).await?;
    }
    state.control().tenant_changed(tenant).await?;
    shown(&state, tenant, &name).await
}

/// End a trial, or activate the version before
#[utoipa::path(post, path = "/api/v1/plugins/{name}/rollback", tag = "policies",
    params(("name" = String, Path, description = "The plugin")),
    responses((status = 200, body = ActivationBody),
              (status = "default", description = "Not done", body = ProblemBody)))]
pub(super) async fn rollback(
    Develops(tenant): Develops,
    Of(state): Of<State>,
    Target(PluginName(name)): Target<PluginName>,
) -> Result<Json<ActivationBody>, Problem> {
    let now = state.now_ms();
    state.store().rollback(tenant, &name, now).await?;
    state.control().tenant_changed(tenant).await?;
    shown(&state, tenant, &name).await
}

async fn shown(
    state: &State,
    tenant: TenantId,
    name: &str,
) -> Result<Json<ActivationBody>, Problem> {
    let body: ActivationBody = state.store().activation(tenant, name).await?.into();
    Ok(Json(body.with(&state.store().shadows(tenant).await?)))
}

impl ActivationBody {
    /// The same with the shadow of its plugin, if it has one.
    pub(super) fn with(mut self, shadows: &BTreeMap<String, Shadow>) -> Self {
        self.shadow = shadows.get(&self.plugin).map(|shadow| ShadowBody {
            version: shadow.version,
            sessions: shadow.tally.sessions,
            turns: shadow.tally.turns,
            differ: shadow.tally.differ,
            unknown: shadow.tally.unknown,
        });
        self
    }
}

impl From<Activation> for ActivationBody {
    fn from(activation: Activation) -> Self {
        let Activation {
            plugin,
            version: active,
            previous,
            trial,
            max_faults,
            fault_window_s,
            given_up,
            activated,
            revision,
            ..
        } = activation;
        let rolled_back = given_up.map(|it| RolledBack {
            version: it.version,
            why: it.why,
            at: rfc3339(it.at),
        });
        let on_trial = trial.map(|it| Share {
            version: it.version,
            percent: it.percent,
        });
        let rest = Share {
            version: active,
            percent: trial.map_or(100, |it| 100 - it.percent),
        };
        Self {
            plugin,
            version: trial.map_or(active, |it| it.version),
            percent: trial.map_or(100, |it| it.percent),
            shadow: None,
            previous_version: if trial.is_some() {
                Some(active)
            } else {
                previous
            },
            shares: on_trial.into_iter().chain([rest]).collect(),
            max_faults,
            fault_window_seconds: fault_window_s,
            rolled_back,
            since: (activated > 0).then(|| rfc3339(activated)),
            revision,
        }
    }
}
