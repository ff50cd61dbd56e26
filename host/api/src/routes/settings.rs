//! What a tenant sets for itself.

use axum::{Json, extract::State as Of};
use serde::Serialize;
use store::TenantSettings;
use utoipa::ToSchema;

use crate::{
    State,
    auth::{Administers, Reads},
    body::{Body, Checked, Fields},
    problem::{Problem, ProblemBody},
};

/// What a tenant has set for itself. Null is as the node has it; the node's own value is the most.
#[derive(Clone, Copy, Serialize, ToSchema)]
#[schema(as = TenantSettings)]
pub(super) struct Settings {
    /// For how many seconds a party that was heard may say nothing before its call ends: 5 to 86,400.
    media_timeout_seconds: Option<u32>,
    /// For how many days recordings are kept: 1 to 36,500.
    recordings_days: Option<u32>,
    /// Whether turns of policies are recorded for replay; true if it is left out. They tell settings, states and
    /// digits that were keyed.
    records_turns: bool,
}

impl Body for Settings {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let timeout = fields.count("media_timeout_seconds");
        let days = fields.count("recordings_days");
        let turns = fields.flag("records_turns", true);
        Some(Self {
            media_timeout_seconds: timeout?,
            recordings_days: days?,
            records_turns: turns?,
        })
    }
}

/// What the tenant has set
#[utoipa::path(get, path = "/api/v1/settings", tag = "configuration",
    responses((status = 200, body = Settings),
              (status = "default", description = "Not done", body = ProblemBody)))]
pub(super) async fn show(
    Reads(tenant): Reads,
    Of(state): Of<State>,
) -> Result<Json<Settings>, Problem> {
    Ok(Json(state.store().tenant_settings(tenant).await?.into()))
}

/// Replace what the tenant has set
///
/// What is left out is as the node has it. It counts for calls that are answered from now on, and for recordings at
/// the next sweep, within a minute.
#[utoipa::path(put, path = "/api/v1/settings", tag = "configuration", request_body = Settings,
    responses((status = 200, body = Settings),
              (status = "default", description = "Not done", body = ProblemBody)))]
pub(super) async fn set(
    Administers(tenant): Administers,
    Of(state): Of<State>,
    Checked(new): Checked<Settings>,
) -> Result<Json<Settings>, Problem> {
    let settings = TenantSettings {
        media_timeout_s: new.media_timeout_seconds,
        recordings_days: new.recordings_days,
        records_turns: new.records_turns,
    };
    let store = state.store();
    store.set_tenant_settings(tenant, settings).await?;
    state.control().tenant_changed(tenant).await?;
    Ok(Json(new))
}

impl From<TenantSettings> for Settings {
    fn from(settings: TenantSettings) -> Self {
        Self {
            media_timeout_seconds: settings.media_timeout_s,
            recordings_days: settings.recordings_days,
            records_turns: settings.records_turns,
        }
    }
}
