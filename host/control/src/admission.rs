//! Who is calling, and where to (architecture §12). A pure function of the tenants' snapshots.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use model::{ActivePlugin, Address, Prefix, TenantConfig, TenantId, Trunk};
use sip::{Incoming, Uri};

/// A call that may begin a session.
#[derive(Debug)]
pub(crate) struct Admitted {
    pub(crate) tenant: Arc<TenantConfig>,
    pub(crate) plugin: ActivePlugin,
    /// The tenant's number that was called.
    pub(crate) number: String,
    pub(crate) from: Address,
    pub(crate) to: Address,
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
    Line(&'a Arc<TenantConfig>, &'a str),
    Trunk(&'a Arc<TenantConfig>, &'a Trunk),
}

/// Every source that some tenant knows: its lines, and the blocks and gateways of its trunks.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    lines: BTreeSet<SocketAddr>,
    blocks: BTreeSet<Prefix>,
}

impl Sources {
    /// Those of these tenants.
    pub(crate) fn of(tenants: &BTreeMap<TenantId, Arc<TenantConfig>>) -> Self {
        let phones = tenants.values().flat_map(|t| t.phones.values());
        let trunks = || tenants.values().flat_map(|t| t.trunks.iter());
        Self {
            lines: phones.filter_map(|phone| phone.address).collect(),
            blocks: trunks()
                .flat_map(|t| t.accept_from.iter().copied())
                .collect(),
        }
    }

    /// Whether a call from there could be anybody's.
    pub(crate) fn know(&self, remote: SocketAddr) -> bool {
        self.lines.contains(&remote) || self.blocks.iter().any(|b| b.contains(remote.ip()))
    }
}

/// Decides about a new inbound call.
pub(crate) fn admit(
    tenants: &BTreeMap<TenantId, Arc<TenantConfig>>,
    call: &Incoming,
) -> Result<Admitted, Refused> {
    let called = call.request_uri.user().unwrap_or_default();
    let source = source(tenants, call.flow.remote, call.request_uri.host(), called)?;
    let (tenant, from) = match source {
        Source::Line(tenant, user) => (tenant, format!("sip:{user}@{}", tenant.domain)),
        Source::Trunk(tenant, trunk) => (tenant, identity(call, trunk.trust_identity)),
    };
    let from = from
        .parse()
        .map_err(|_| refused(400, "the calling party's URI is not usable"))?;
    let to = call.request_uri.to_string().parse();
    let to = to.map_err(|_| refused(400, "the Request-URI is not usable"))?;
    let number = tenant
        .numbers
        .get(called)
        .ok_or(refused(404, "no such number"))?;
    let plugin = tenant.plugins.get(&number.plugin);
    let plugin = plugin.ok_or(refused(480, "the number's plugin is not active"))?;
    Ok(Admitted {
        tenant: tenant.clone(),
        plugin: plugin.clone(),
        number: number.number.clone(),
        from,
        to,
    })
}

/// A phone line by its exact address; else the trunks that accept the source, narrowed by who owns the
/// called number, then by port, then by the domain of the Request-URI. The number comes first: it is the
/// one thing that the caller cannot choose to be another tenant (ADR 0007).
fn source<'a>(
    tenants: &'a BTreeMap<TenantId, Arc<TenantConfig>>,
    remote: SocketAddr,
    domain: &str,
    called: &str,
) -> Result<Source<'a>, Refused> {
    for tenant in tenants.values() {
        let line = tenant
            .phones
            .values()
            .find(|phone| phone.address == Some(remote));
        if let Some(phone) = line {
            return Ok(Source::Line(tenant, &phone.user));
        }
    }
    let mut trunks = accepting(tenants, remote.ip());
    if trunks.is_empty() {
        return Err(refused(403, "the source is no line or trunk of any tenant"));
    }
    narrow(&mut trunks, |(tenant, _)| {
        tenant.numbers.contains_key(called)
    });
    narrow(&mut trunks, |(_, trunk)| {
        trunk.address.port() == remote.port()
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

fn accepting(tenants: &BTreeMap<TenantId, Arc<TenantConfig>>, ip: IpAddr) -> Vec<Candidate<'_>> {
    let trunks = tenants
        .values()
        .flat_map(|t| t.trunks.iter().map(move |trunk| (t, trunk)));
    trunks
        .filter(|(_, trunk)| trunk.accept_from.iter().any(|block| block.contains(ip)))
        .collect()
}

/// Keeps those that fit, or all if none does: a criterion that nobody meets tells nothing.
fn narrow<'a>(trunks: &mut Vec<Candidate<'a>>, fits: impl Fn(&Candidate<'a>) -> bool) {
    if trunks.iter().any(&fits) {
        trunks.retain(fits);
    }
}

/// P-Asserted-Identity, else From, of a peer that is believed; nobody else is named by a header.
fn identity(call: &Incoming, trusted: bool) -> String {
    let anonymous = || "sip:anonymous@anonymous.invalid".to_owned();
    let asserted = call.asserted.as_ref().map(Uri::to_string);
    if trusted {
        asserted.unwrap_or_else(|| call.from.to_string())
    } else {
        anonymous()
    }
}

#[cfg(test)]
mod tests;
