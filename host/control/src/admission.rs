//! Who is calling, and where to (architecture §12). A pure function of the tenants' snapshots.

mod contact;

use std::{borrow::Cow, collections::BTreeMap, net::SocketAddr, sync::Arc};

use model::{ActivePlugin, Address, Hop, TenantConfig, TenantId, Transport, Trunk, TrunkId, Voice};
use sip::{Incoming, Uri};

use crate::{gateways::Gateways, hop, sources::Sources, versions};

/// The domain of who does not say who it is.
const NOBODY: &str = "anonymous.invalid";

/// A call that may begin a session.
#[derive(Debug)]
pub(crate) struct Admitted {
    pub(crate) tenant: Arc<TenantConfig>,
    pub(crate) plugin: ActivePlugin,
    /// The tenant's number that was called.
    pub(crate) number: String,
    pub(crate) from: Address,
    pub(crate) to: Address,
    /// The trunk by which it came.
    pub(crate) trunk: Option<TrunkId>,
    /// How its audio is.
    pub(crate) voice: Voice,
}

/// The final answer to a call that may not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) status: u16,
    pub(crate) why: &'static str,
}

const fn refused(status: u16, why: &'static str) -> Refused {
    Refused { status, why }
}

/// Where a call came from, once that is known.
enum Source<'a> {
    /// A line, or a phone that has proven who it is.
    Phone(&'a Arc<TenantConfig>, &'a str),
    Trunk(&'a Arc<TenantConfig>, &'a Trunk),
}

/// Decides about a new inbound call. `phone`: who the caller has proven to be.
pub(crate) fn admit(
    tenants: &BTreeMap<TenantId, Arc<TenantConfig>>,
    sources: &Sources,
    gateways: &Gateways,
    phone: Option<(&Arc<TenantConfig>, &str)>,
    call: &Incoming,
) -> Result<Admitted, Refused> {
    let registered = match phone {
        Some(_) => None,
        None => contact::trunk(tenants, gateways, call)?,
    };
    let carried = registered.as_ref().map(|_| contact::called(call));
    let uri = carried.as_ref().unwrap_or(&call.request_uri);
    let called = uri.user().unwrap_or_default();
    let source = match (phone, registered) {
        (Some((tenant, user)), _) => Source::Phone(tenant, user),
        (None, Some(trunk)) => trunk,
        (None, None) => source(tenants, sources, place(call), (uri.host(), called))?,
    };
    let voice = source.voice();
    let (tenant, from, trunk) = match source {
        Source::Phone(tenant, user) => (tenant, format!("sip:{user}@{}", tenant.domain), None),
        Source::Trunk(tenant, trunk) => (tenant, identity(call, trunk.trust_identity), Some(trunk)),
    };
    let unusable = refused(400, "the calling party's URI is not usable");
    let mut from: Address = from.parse().map_err(|_| unusable)?;
    let to = uri.to_string().parse();
    let mut to: Address = to.map_err(|_| refused(400, "the called party's URI is not usable"))?;
    let mut called = Cow::from(called);
    if let Some(trunk) = trunk {
        let rules = &trunk.rewrite.inbound;
        let none = refused(484, "the trunk's rules make no number of the called one");
        called = Cow::from(rules.called.apply(&called).map_err(|_| none)?.into_owned());
        to = rules.called.spell(&to).map_err(|_| none)?.unwrap_or(to);
        let none = refused(400, "the trunk's rules make no number of the calling one");
        from = rules.caller.spell(&from).map_err(|_| none)?.unwrap_or(from);
    }
    let number = tenant
        .numbers
        .get(&*called)
        .ok_or(refused(404, "no such number"))?;
    let plugin = versions::begins_with(tenant, &number.plugin, who(&from, call));
    let plugin = plugin.ok_or(refused(480, "the number's plugin is not active"))?;
    Ok(Admitted {
        tenant: tenant.clone(),
        plugin: plugin.clone(),
        number: number.number.clone(),
        from,
        to,
        trunk: trunk.map(|trunk| trunk.id),
        voice,
    })
}

impl Source<'_> {
    fn voice(&self) -> Voice {
        match self {
            Source::Phone(tenant, user) => voice_of(tenant, user),
            Source::Trunk(_, trunk) => trunk.voice,
        }
    }
}

/// How the audio of a phone is.
pub(crate) fn voice_of(tenant: &TenantConfig, user: &str) -> Voice {
    tenant
        .phones
        .get(user)
        .map_or(Voice::default(), |it| it.voice)
}

/// Whose a call is that names no number but takes the place of another, and how that one's audio is: where
/// it came from tells.
pub(crate) fn owner_of(
    tenants: &BTreeMap<TenantId, Arc<TenantConfig>>,
    sources: &Sources,
    call: &Incoming,
) -> Option<(TenantId, Voice)> {
    let nobody = (call.request_uri.host(), "");
    let source = source(tenants, sources, place(call), nobody).ok()?;
    let voice = source.voice();
    match source {
        Source::Phone(tenant, _) | Source::Trunk(tenant, _) => Some((tenant.id, voice)),
    }
}

/// How and whence a call came. The port of a connection tells nothing; whoever listens for SIP says in
/// its Via where (RFC 3261 §18.1.1). The port is no proof: what the host at that address may be, every
/// program on it may be.
fn place(call: &Incoming) -> Hop {
    let Hop {
        transport, address, ..
    } = hop::hop(call.flow);
    let port = if transport == Transport::Udp {
        address.port()
    } else {
        call.sent_by_port
    };
    Hop {
        transport,
        address: SocketAddr::new(address.ip(), port),
        name: None,
    }
}

/// A phone line by its exact address; else the trunks that accept the source, narrowed by who owns the
/// called number, then by port, then by the domain of the Request-URI. The number comes first: it is the
/// one thing that the caller cannot choose to be another tenant (ADR 0007).
fn source<'a>(
    tenants: &'a BTreeMap<TenantId, Arc<TenantConfig>>,
    sources: &Sources,
    from: Hop,
    (domain, called): (&str, &str),
) -> Result<Source<'a>, Refused> {
    if let Some((tenant, user)) = sources.line(from)
        && let Some(tenant) = tenants.get(&tenant)
        && let Some(phone) = tenant.phones.get(user)
    {
        return Ok(Source::Phone(tenant, &phone.user));
    }
    let mut trunks = sources.accepting(tenants, from.address.ip());
    if trunks.is_empty() {
        return Err(refused(403, "the source is no line or trunk of any tenant"));
    }
    narrow(&mut trunks, |(tenant, trunk)| {
        let number = trunk.rewrite.inbound.called.apply(called);
        number.is_ok_and(|number| tenant.numbers.contains_key(&*number))
    });
    narrow(&mut trunks, |(_, trunk)| {
        let mut ports = trunk.gateways().filter_map(|(peer, ..)| peer.port());
        ports.any(|port| port == from.address.port())
    });
    narrow(&mut trunks, |(tenant, _)| {
        tenant.domain.eq_ignore_ascii_case(domain)
    });
    let (tenant, trunk) = trunks[0];
    if trunks.iter().any(|(other, _)| other.id != tenant.id) {
        return Err(refused(403, "the source could be of several tenants"));
    }
    Ok(Source::Trunk(tenant, trunk))
}

type Candidate<'a> = (&'a Arc<TenantConfig>, &'a Trunk);

/// Keeps those that fit, or all if none does: a criterion that nobody meets tells nothing.
fn narrow<'a>(trunks: &mut Vec<Candidate<'a>>, fits: impl Fn(&Candidate<'a>) -> bool) {
    if trunks.iter().any(&fits) {
        trunks.retain(fits);
    }
}

/// Who calls, as far as versions of policies are concerned: the number. Whoever has none (RFC 3323
/// §4.1.1.3) is somebody else at each call.
fn who<'a>(from: &'a Address, call: &'a Incoming) -> &'a str {
    let is_known = from.host() != Some(NOBODY) && !from.user().is_empty();
    if is_known { from.user() } else { &call.call_id }
}

/// P-Asserted-Identity, else From, of a peer that is believed; nobody else is named by a header.
fn identity(call: &Incoming, trusted: bool) -> String {
    let anonymous = || format!("sip:anonymous@{NOBODY}");
    let asserted = call.asserted.as_ref().map(Uri::to_string);
    if trusted {
        asserted.unwrap_or_else(|| call.from.to_string())
    } else {
        anonymous()
    }
}

#[cfg(test)]
mod tests;
