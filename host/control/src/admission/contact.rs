//! Calls to the Contact by which a trunk is registered with its carrier.
//!
//! Such a call names its trunk in the user part of its Request-URI, which is all that its carrier was
//! told of us, and therefore no number of ours. The name is no secret: it travels in clear, and whoever
//! has seen it could call. So the call must also come from where the carrier is: one of the addresses of
//! its registrar or its gateways, or a block of `accept_from`. A carrier whose calls come from elsewhere is
//! told apart by that list, as without a registration.

use super::{
    Arc, BTreeMap, Incoming, Refused, Source, TenantConfig, TenantId, TrunkId, Uri, refused,
};
use crate::gateways::Gateways;

/// The trunk whose Contact is called, if it is one's.
pub(super) fn trunk<'a>(
    tenants: &'a BTreeMap<TenantId, Arc<TenantConfig>>,
    gateways: &Gateways,
    call: &Incoming,
) -> Result<Option<Source<'a>>, Refused> {
    let id = call.request_uri.user().map(str::parse::<TrunkId>);
    let Some(Ok(id)) = id else {
        return Ok(None);
    };
    let trunks = tenants
        .values()
        .flat_map(|tenant| tenant.trunks.iter().map(move |trunk| (tenant, trunk)));
    let mut registered = trunks.filter(|(_, trunk)| trunk.id == id && trunk.register.is_some());
    let ip = call.flow.remote.ip();
    match registered.next() {
        Some((tenant, trunk))
            if trunk.accept_from.iter().any(|block| block.contains(ip))
                || gateways.carrier(trunk).any(|at| at == ip) =>
        {
            Ok(Some(Source::Trunk(tenant, trunk)))
        }
        _ => Err(refused(
            403,
            "no trunk is registered so with a carrier there",
        )),
    }
}

/// Whom such a call is for: its carrier has put our Contact in the place of the number that was dialled,
/// and says it in P-Called-Party-ID (RFC 7315 §4.2), else it still stands in To.
pub(super) fn called(call: &Incoming) -> Uri {
    let named = |(name, _): &&(String, String)| name.eq_ignore_ascii_case("P-Called-Party-ID");
    let said = call.headers.iter().find(named);
    let said = said.and_then(|(_, value)| sip::wire::NameAddr::parse(value).ok());
    said.map_or_else(|| call.to.clone(), |said| said.uri)
}
