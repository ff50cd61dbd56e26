//! SIP user agents of a tenant: lines with a fixed address, phones with a password.

use std::net::SocketAddr;

use axum::{Json, extract::State as Of, http::StatusCode};
use model::{Codecs, InbandDigits, Phone, PhoneId, Srtp, Transport, Voice};
use serde::Serialize;
use utoipa::ToSchema;

use super::voice;
use crate::{
    State,
    auth::{Administers, Reads},
    body::{Body, Checked, Fields},
    list::{List, Parameters},
    path::{self, Target, Telnum},
    problem::{Problem, ProblemBody},
};

/// A phone. Its password is never shown.
#[derive(Serialize, ToSchema)]
#[schema(as = Phone)]
pub(super) struct PhoneBody {
    /// `phn_…`
    id: String,
    /// Its user: the telephone number.
    user: String,
    /// The fixed address of a line; none for a phone that has a password.
    address: Option<String>,
    /// How calls go there.
    transport: &'static str,
    /// Whether audio is encrypted: `offer` or `require`; absent: it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    srtp: Option<&'static str>,
    /// Whether keys are looked for in its audio: `off` or `on`; absent: where it agrees to no telephone
    /// events.
    #[serde(skip_serializing_if = "Option::is_none")]
    inband_digits: Option<&'static str>,
    /// The codecs that it may have, the best first; absent: all.
    #[schema(required = false)]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    codecs: Vec<&'static str>,
}

/// A phone to be: with either an address or a password.
#[derive(ToSchema)]
pub(super) struct NewPhone {
    /// 1 to 64 of `0-9 A-Z a-z + * # . _ -`.
    #[schema(value_type = String, example = "1001")]
    user: Telnum,
    /// A fixed IP address and port.
    #[schema(value_type = Option<String>, example = "127.0.0.1:5071")]
    address: Option<SocketAddr>,
    /// How calls go to that address, and come from there: `udp`, which is the default, `tcp` or `tls`.
    #[schema(value_type = Option<String>, example = "udp")]
    transport: Transport,
    /// Whether audio is encrypted (SRTP): `off`, which is the default, `offer`: where the phone will, or
    /// `require`. Keys are exchanged over TLS only, unless the node says otherwise.
    #[schema(value_type = Option<String>, example = "off")]
    srtp: Srtp,
    /// Whether keys are looked for in its audio, as tones: `auto`, which is the default: in calls for which
    /// telephone events (RFC 4733) were not agreed on; `on`: in all, or `off`.
    #[schema(value_type = Option<String>, example = "auto")]
    inband_digits: InbandDigits,
    /// The codecs that it is offered and may choose from, the best first: `PCMA`, `PCMU`, `G722`, `opus`; absent:
    /// all, in the order that costs least.
    #[schema(value_type = Option<Vec<String>>, example = json!(["PCMA", "G722"]))]
    codecs: Codecs,
    /// The secret that it authenticates with.
    password: Option<String>,
}

impl Body for NewPhone {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let user = fields.text("user");
        let password = fields.optional("password");
        let transport = fields.optional_checked("transport", Transport::to_address);
        let ours = transport.flatten().unwrap_or_default();
        let address = fields.optional_checked("address", |text| path::peer(text, ours));
        let voice = voice::read(fields);
        match (&password, &address) {
            (Some(Some(_)), Some(Some(_))) => {
                fields.refuse("password", "is not for a phone that has an address")
            }
            (Some(None), Some(None)) => {
                fields.refuse("password", "is missing, and so is an address instead of it")
            }
            _ => Some(()),
        }?;
        let voice = voice?;
        Some(Self {
            user: user?,
            address: address?,
            transport: transport?.unwrap_or_default(),
            srtp: voice.srtp,
            inband_digits: voice.inband_digits,
            codecs: voice.codecs,
            password: password?,
        })
    }
}

/// Add a phone
#[utoipa::path(post, path = "/api/v1/phones", tag = "configuration", request_body = NewPhone,
    responses((status = 201, body = PhoneBody),
              (status = "default", description = "Not done", body = ProblemBody)))]
pub(super) async fn create(
    Administers(tenant): Administers,
    Of(state): Of<State>,
    Checked(new): Checked<NewPhone>,
) -> Result<(StatusCode, Json<PhoneBody>), Problem> {
    let phone = Phone {
        id: state.mint(PhoneId::mint),
        user: new.user.0,
        address: new.address,
        transport: new.transport,
        voice: Voice {
            srtp: new.srtp,
            inband_digits: new.inband_digits,
            codecs: new.codecs,
        },
    };
    let (password, now) = (new.password.as_deref(), state.now_ms());
    let store = state.store();
    store.create_phone(tenant, &phone, password, now).await?;
    state.control().tenant_changed(tenant).await?;
    Ok((StatusCode::CREATED, Json(phone.into())))
}

/// The phones, oldest first
#[utoipa::path(get, path = "/api/v1/phones", tag = "configuration",
    params(("limit" = Option<u32>, Query, description = "1 to 100; 20 if absent"),
           ("starting_after" = Option<String>, Query, description = "The last id before the page")),
    responses((status = 200, body = List<PhoneBody>),
              (status = "default", description = "Not done", body = ProblemBody)))]
pub(super) async fn list(
    Reads(tenant): Reads,
    Of(state): Of<State>,
    query: Parameters,
) -> Result<Json<List<PhoneBody>>, Problem> {
    let page = query.only_page()?;
    Ok(List::of(state.store().phones(tenant, &page).await?))
}

/// One phone
#[utoipa::path(get, path = "/api/v1/phones/{id}", tag = "configuration",
    params(("id" = String, Path, description = "`phn_…`")),
    responses((status = 200, body = PhoneBody),
              (status = "default", description = "Not done", body = ProblemBody)))]
pub(super) async fn show(
    Reads(tenant): Reads,
    Of(state): Of<State>,
    Target(id): Target<PhoneId>,
) -> Result<Json<PhoneBody>, Problem> {
    Ok(Json(state.store().phone(tenant, id).await?.into()))
}

/// Remove a phone
#[utoipa::path(delete, path = "/api/v1/phones/{id}", tag = "configuration",
    params(("id" = String, Path, description = "`phn_…`")),
    responses((status = 204, description = "It is gone"),
              (status = "default", description = "Not done", body = ProblemBody)))]
pub(super) async fn delete(
    Administers(tenant): Administers,
    Of(state): Of<State>,
    Target(id): Target<PhoneId>,
) -> Result<StatusCode, Problem> {
    state.store().delete_phone(tenant, id).await?;
    state.control().tenant_changed(tenant).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl From<Phone> for PhoneBody {
    fn from(phone: Phone) -> Self {
        Self {
            id: phone.id.to_string(),
            user: phone.user,
            address: phone.address.map(|address| address.to_string()),
            transport: phone.transport.as_str(),
            srtp: voice::srtp(phone.voice),
            inband_digits: voice::inband_digits(phone.voice),
            codecs: voice::codecs(phone.voice),
        }
    }
}
