//! What is known of a trunk now, by the shard that looks after it.

use model::{Answer, Ask, Failure, TenantId, Trunk, TrunkStatus};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{State, time::rfc3339};

/// What is known of a trunk now.
#[derive(Serialize, ToSchema)]
#[schema(as = TrunkStatus)]
pub(crate) struct StatusBody {
    /// Whether it is registered with its carrier; absent: it is not to be.
    #[serde(skip_serializing_if = "Option::is_none")]
    registered: Option<bool>,
    /// Until when its carrier has granted that. It is renewed before.
    #[serde(skip_serializing_if = "Option::is_none")]
    registered_until: Option<String>,
    /// What came of the last try to register, if it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_failure: Option<FailureBody>,
    /// Its gateways that are checked.
    gateways: Vec<GatewayStatus>,
}

/// A try to register that failed.
#[derive(Serialize, ToSchema)]
#[schema(as = RegisterFailure)]
pub(crate) struct FailureBody {
    /// The SIP status of the answer; 408: there was none, 503: also if there was no connection.
    #[schema(example = 403)]
    code: u16,
    /// When.
    at: String,
}

/// A gateway that is checked.
#[derive(Serialize, ToSchema)]
pub(crate) struct GatewayStatus {
    /// Where it is: for a name, one of the places to which it leads.
    #[schema(example = "127.0.0.1:5072")]
    address: String,
    /// Whether it answers its checks, and is called.
    up: bool,
}

/// What is known of a trunk; nothing, if there is nothing to be known, or its shard does not say so.
pub(super) async fn ask(state: &State, tenant: TenantId, trunk: &Trunk) -> Option<StatusBody> {
    if trunk.register.is_none() && trunk.health.is_none() {
        return None;
    }
    match state.control().ask(tenant, Ask::Trunk(trunk.id)).await {
        Ok(Answer::Trunk(status)) => Some(status.into()),
        _ => None,
    }
}

impl From<TrunkStatus> for StatusBody {
    fn from(status: TrunkStatus) -> Self {
        let until = status.registration.and_then(|it| it.until);
        let gateways = status.gateways.into_iter().map(|(hop, up)| GatewayStatus {
            address: hop.address.to_string(),
            up,
        });
        Self {
            registered: status.registration.map(|it| it.until.is_some()),
            registered_until: until.map(rfc3339),
            last_failure: status
                .registration
                .and_then(|it| it.failure)
                .map(Into::into),
            gateways: gateways.collect(),
        }
    }
}

impl From<Failure> for FailureBody {
    fn from(failure: Failure) -> Self {
        Self {
            code: failure.status,
            at: rfc3339(failure.unix_ms),
        }
    }
}
