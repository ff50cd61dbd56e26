//! SIP peers of a tenant to the network.

mod register;
mod rewrite;
mod status;

use axum::{Json, extract::State as Of, http::StatusCode};
use model::{
    Codecs, Gateway, HeaderNames, Health, InbandDigits, Login, Peer, Prefix, Register, Rewrite,
    Srtp, Transport, Trunk, TrunkId, Voice,
    limits::{PROBE_LONGEST, PROBE_SHORTEST},
};
use register::{NewRegister, RegisterBody};
use rewrite::RewriteBody;
use serde::Serialize;
use status::StatusBody;
use utoipa::ToSchema;

use super::voice;
use crate::{
    State,
    auth::{Administers, Reads},
    body::{Body, Checked, Fields},
    limits,
    list::{List, Parameters},
    path::{self, Target},
    problem::{Problem, ProblemBody},
};

/// A trunk.
#[derive(Serialize, ToSchema)]
#[schema(as = Trunk)]
pub(super) struct TrunkBody {
    /// `trk_…`
    id: String,
    /// Its name.
    name: String,
    /// Where calls to it go.
    address: String,
    /// How they go there.
    transport: &'static str,
    /// Where calls from it come from.
    accept_from: Vec<String>,
    /// Whether its P-Asserted-Identity and From are believed.
    trust_identity: bool,
    /// What may be dialled through it.
    prefixes: Vec<String>,
    /// Its other gateways.
    gateways: Vec<GatewayBody>,
    /// Who we are, if it asks.
    #[serde(skip_serializing_if = "Option::is_none")]
    auth: Option<LoginBody>,
    /// How we register with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    register: Option<RegisterBody>,
    /// How its gateways are checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    health: Option<HealthBody>,
    /// How many calls it may have at one time.
    #[serde(skip_serializing_if = "Option::is_none")]
    max_calls: Option<u32>,
    /// How many calls may begin in one second.
    #[serde(skip_serializing_if = "Option::is_none")]
    calls_per_second: Option<u32>,
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
    /// How it spells numbers.
    #[serde(skip_serializing_if = "Option::is_none")]
    rewrite: Option<RewriteBody>,
    /// Which headers of calls from it policies may see.
    #[schema(required = false)]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    headers_in: Vec<String>,
    /// Which headers of the call that led to one through it go on to it.
    #[schema(required = false)]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    headers_out: Vec<String>,
    /// What is known of it now; only where one trunk is shown that registers or is checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<StatusBody>,
}

/// How the gateways of a trunk are checked: by OPTIONS. One that has not answered three times is not
/// called until it answers.
#[derive(Serialize, ToSchema)]
#[schema(as = Health)]
pub(super) struct HealthBody {
    /// Seconds between two checks, 5 to 3600; default 30.
    #[schema(required = false, default = 30)]
    interval: u32,
}

/// A user at somebody else's. Its password is never shown.
#[derive(Serialize, ToSchema)]
#[schema(as = Login)]
pub(super) struct LoginBody {
    /// The user.
    #[schema(example = "acme")]
    user: String,
}

/// A user at somebody else's, and its password, which is never shown.
#[derive(ToSchema)]
#[schema(as = NewLogin)]
#[allow(dead_code)] // read member by member; this is how the document says so
pub(super) struct NewLogin {
    /// The user.
    #[schema(example = "acme")]
    user: String,
    /// The password.
    password: String,
}

/// One of several places where a trunk takes calls. `address` of the trunk is the first, of priority 0
/// and weight 1.
#[derive(Serialize, ToSchema)]
#[schema(as = Gateway)]
pub(super) struct GatewayBody {
    /// Where calls to it go: an IP address and a port, or a name.
    #[schema(example = "127.0.0.1:5072")]
    address: String,
    /// Those of a lower one are tried first; default 1.
    #[schema(required = false, default = 1)]
    priority: u16,
    /// Of those with the same priority this share is tried first; default 1.
    #[schema(required = false, default = 1)]
    weight: u16,
}

/// A trunk to be.
#[derive(ToSchema)]
pub(super) struct NewTrunk {
    /// Its name, the only one in the tenant.
    #[schema(example = "carrier")]
    name: String,
    /// Where calls to it go: an IP address and a port, or a name, whose services are looked up in the DNS
    /// if it has no port (RFC 3263).
    #[schema(value_type = String, example = "127.0.0.1:5070")]
    address: Peer,
    /// `udp`, which is the default, `tcp` or `tls`.
    #[schema(value_type = Option<String>, example = "udp")]
    transport: Transport,
    /// Address blocks where calls from it come from, of `/16` at the widest, of IPv6 `/32`.
    #[schema(value_type = Vec<String>, example = json!(["127.0.0.1/32"]))]
    accept_from: Vec<Prefix>,
    /// Whether its P-Asserted-Identity and From are believed; default `true`.
    #[schema(value_type = Option<bool>)]
    trust_identity: bool,
    /// What may be dialled through it; default `[""]`: everything.
    #[schema(value_type = Option<Vec<String>>)]
    prefixes: Vec<String>,
    /// Its other gateways: a call that one does not take is tried at the next.
    #[schema(value_type = Option<Vec<GatewayBody>>)]
    gateways: Vec<Gateway>,
    /// Who we are, if it asks: by digest, when it challenges a call.
    #[schema(value_type = Option<NewLogin>)]
    auth: Option<Login>,
    /// How we register with it; absent: we do not.
    #[schema(value_type = Option<NewRegister>)]
    register: Option<Register>,
    /// Whether its gateways are checked, and how; absent: they are not.
    #[schema(value_type = Option<HealthBody>)]
    health: Option<Health>,
    /// How many calls it may have at one time on one node, either way; absent: as many as come.
    #[schema(minimum = 1)]
    max_calls: Option<u32>,
    /// How many calls may begin in one second on one node, either way; absent: as many as come.
    #[schema(minimum = 1)]
    calls_per_second: Option<u32>,
    /// Whether audio is encrypted (SRTP): `off`, which is the default, `offer`: where the peer will, or
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
    /// How it spells numbers; absent: as the tenant does.
    #[schema(value_type = Option<RewriteBody>)]
    rewrite: Rewrite,
    /// Names of headers that policies may see of calls from it, beside Diversion, History-Info, Privacy,
    /// Subject, User-Agent and `X-…`: up to 16. What routes a message or says who somebody is cannot be
    /// listed.
    #[schema(value_type = Option<Vec<String>>, example = json!(["Geolocation"]))]
    headers_in: HeaderNames,
    /// Names of headers that go on to it of those that policies may see of the call that led to one
    /// through it; policies may set them too. Up to 16; absent: none goes on.
    #[schema(value_type = Option<Vec<String>>, example = json!(["Geolocation"]))]
    headers_out: HeaderNames,
}

fn health(fields: &mut Fields<'_>) -> Option<Health> {
    let interval = fields.number("interval", Some(30))?;
    let (least, most) = (PROBE_SHORTEST, PROBE_LONGEST);
    if !(least..=most).contains(&interval) {
        let why = format!("is not {least} to {most}");
        return fields.refuse("interval", &why);
    }
    Some(Health { interval })
}

fn login(fields: &mut Fields<'_>) -> Option<Login> {
    let user = fields.checked("user", path::secret);
    let password = fields.checked("password", path::secret);
    Some(Login {
        user: user?,
        password: password?,
    })
}

fn gateway(fields: &mut Fields<'_>, transport: Transport) -> Option<Gateway> {
    let peer = fields.checked("address", |text| path::gateway(text, transport));
    let priority = fields.small("priority", 1);
    let weight = fields.small("weight", 1);
    Some(Gateway {
        peer: peer?,
        priority: priority?,
        weight: weight?,
    })
}

impl Body for NewTrunk {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let name = fields.text("name");
        let transport = fields.optional_checked("transport", Transport::to_address);
        let ours = transport.flatten().unwrap_or_default();
        let address = fields.checked("address", |text| path::gateway(text, ours));
        let blocks = fields.texts("accept_from", limits::TRUNK_LIST, str::parse::<Prefix>);
        if blocks == Some(None) {
            fields.refuse::<()>("accept_from", "is missing");
        }
        let trust_identity = fields.flag("trust_identity", true);
        let prefixes = fields.texts("prefixes", limits::TRUNK_LIST, path::prefix);
        let gateways = fields.objects("gateways", limits::GATEWAYS, |f| gateway(f, ours));
        let auth = fields.object("auth", login);
        let register = fields.object("register", |f| register::read(f, ours));
        let health = fields.object("health", health);
        let max_calls = fields.count("max_calls");
        let calls_per_second = fields.count("calls_per_second");
        let voice = voice::read(fields);
        let rewrite = fields.object("rewrite", rewrite::read);
        let headers_in = rewrite::headers(fields, "headers_in");
        let headers_out = rewrite::headers(fields, "headers_out");
        let voice = voice?;
        Some(Self {
            name: name?,
            address: address?,
            transport: transport?.unwrap_or_default(),
            accept_from: blocks??,
            trust_identity: trust_identity?,
            prefixes: prefixes?.unwrap_or_else(|| vec![String::new()]),
            gateways: gateways?,
            auth: auth?,
            register: register?,
            health: health?,
            max_calls: max_calls?,
            calls_per_second: calls_per_second?,
            srtp: voice.srtp,
            inband_digits: voice.inband_digits,
            codecs: voice.codecs,
            rewrite: rewrite?.unwrap_or_default(),
            headers_in: headers_in?,
            headers_out: headers_out?,
        })
    }
}

/// Add a trunk
#[utoipa::path(post, path = "/api/v1/trunks", tag = "configuration", request_body = NewTrunk,
    responses((status = 201, body = TrunkBody),
              (status = "default", description = "Not done", body = ProblemBody)))]
pub(super) async fn create(
    Administers(tenant): Administers,
    Of(state): Of<State>,
    Checked(new): Checked<NewTrunk>,
) -> Result<(StatusCode, Json<TrunkBody>), Problem> {
    let trunk = Trunk {
        others: new.gateways,
        auth: new.auth,
        register: new.register,
        health: new.health,
        max_calls: new.max_calls,
        calls_per_second: new.calls_per_second,
        voice: Voice {
            srtp: new.srtp,
            inband_digits: new.inband_digits,
            codecs: new.codecs,
        },
        rewrite: new.rewrite,
        headers_in: new.headers_in,
        headers_out: new.headers_out,
        transport: new.transport,
        accept_from: new.accept_from,
        trust_identity: new.trust_identity,
        prefixes: new.prefixes,
        ..Trunk::new(state.mint(TrunkId::mint), &new.name, new.address)
    };
    let now = state.now_ms();
    state.store().create_trunk(tenant, &trunk, now).await?;
    state.control().tenant_changed(tenant).await?;
    Ok((StatusCode::CREATED, Json(trunk.into())))
}

/// The trunks, oldest first
#[utoipa::path(get, path = "/api/v1/trunks", tag = "configuration",
    params(("limit" = Option<u32>, Query, description = "1 to 100; 20 if absent"),
           ("starting_after" = Option<String>, Query, description = "The last id before the page")),
    responses((status = 200, body = List<TrunkBody>),
              (status = "default", description = "Not done", body = ProblemBody)))]
pub(super) async fn list(
    Reads(tenant): Reads,
    Of(state): Of<State>,
    query: Parameters,
) -> Result<Json<List<TrunkBody>>, Problem> {
    let page = query.only_page()?;
    Ok(List::of(state.store().trunks(tenant, &page).await?))
}

/// One trunk
#[utoipa::path(get, path = "/api/v1/trunks/{id}", tag = "configuration",
    params(("id" = String, Path, description = "`trk_…`")),
    responses((status = 200, body = TrunkBody),
              (status = "default", description = "Not done", body = ProblemBody)))]
pub(super) async fn show(
    Reads(tenant): Reads,
    Of(state): Of<State>,
    Target(id): Target<TrunkId>,
) -> Result<Json<TrunkBody>, Problem> {
    let trunk = state.store().trunk(tenant, id).await?;
    let status = status::ask(&state, tenant, &trunk).await;
    Ok(Json(TrunkBody {
        status,
        ..trunk.into()
    }))
}

/// Remove a trunk
#[utoipa::path(delete, path = "/api/v1/trunks/{id}", tag = "configuration",
    params(("id" = String, Path, description = "`trk_…`")),
    responses((status = 204, description = "It is gone"),
              (status = "default", description = "Not done", body = ProblemBody)))]
pub(super) async fn delete(
    Administers(tenant): Administers,
    Of(state): Of<State>,
    Target(id): Target<TrunkId>,
) -> Result<StatusCode, Problem> {
    state.store().delete_trunk(tenant, id).await?;
    state.control().tenant_changed(tenant).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl From<Trunk> for TrunkBody {
    fn from(trunk: Trunk) -> Self {
        Self {
            id: trunk.id.to_string(),
            name: trunk.name,
            address: trunk.address.to_string(),
            transport: trunk.transport.as_str(),
            accept_from: trunk.accept_from.iter().map(Prefix::to_string).collect(),
            trust_identity: trunk.trust_identity,
            prefixes: trunk.prefixes,
            max_calls: trunk.max_calls,
            calls_per_second: trunk.calls_per_second,
            srtp: voice::srtp(trunk.voice),
            inband_digits: voice::inband_digits(trunk.voice),
            codecs: voice::codecs(trunk.voice),
            rewrite: RewriteBody::of(&trunk.rewrite),
            headers_in: trunk.headers_in.iter().map(str::to_owned).collect(),
            headers_out: trunk.headers_out.iter().map(str::to_owned).collect(),
            health: trunk.health.map(|health| HealthBody {
                interval: health.interval,
            }),
            register: trunk.register.map(RegisterBody::from),
            gateways: trunk.others.into_iter().map(GatewayBody::from).collect(),
            auth: trunk.auth.map(|login| LoginBody { user: login.user }),
            status: None,
        }
    }
}

impl From<Gateway> for GatewayBody {
    fn from(gateway: Gateway) -> Self {
        Self {
            address: gateway.peer.to_string(),
            priority: gateway.priority,
            weight: gateway.weight,
        }
    }
}
