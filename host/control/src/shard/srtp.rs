//! Which legs are protected (SRTP), and with which keys.
//!
//! The phone or trunk at the other end of a leg decides, by its setting, and the way of its signalling:
//! keys stand in SDP for everybody to read who sees it, so that they go over TLS only, unless the node is
//! told that its network is safe. `offer` over any other way is as `off`; `require` is a refusal. Each leg
//! has keys of its own, also those of one call that rings in several places.

use ::media::sdp::{self, SessionVersion};
use bytes::Bytes;
use model::{CallId, Now, Srtp, TraceItem, Via};
use sip::{Flow, Incoming, Transport};

use super::{
    Shard,
    join::is_inside,
    media::{Refusal, port_number},
};
use crate::{admission, call::Protection};

/// The Warning of what no code is for (RFC 3261 §20.43).
const MISCELLANEOUS: u16 = 399;

impl Shard {
    /// How a leg is protected whose peer is set so and talks to us over this flow.
    pub(super) fn protection(&mut self, mode: Srtp, flow: Flow) -> Result<Protection, Refusal> {
        // What two shards say to each other stays in the process.
        if mode == Srtp::Off || is_inside(flow) {
            return Ok(Protection::default());
        }
        let secure = matches!(flow.transport, Transport::Tls | Transport::Wss);
        if !secure && !self.config.srtp_in_clear {
            return match mode {
                Srtp::Require => {
                    Err(Refusal::new(488, "keys of SRTP go over TLS only").warning(MISCELLANEOUS))
                }
                Srtp::Off | Srtp::Offer => Ok(Protection::default()),
            };
        }
        let secret = Some(Box::new(self.secrets.fresh()));
        Ok(Protection { mode, secret })
    }

    /// The setting of whoever takes the place of a party.
    pub(super) fn srtp_of(&self, incoming: &Incoming) -> Srtp {
        match self.phone_of(incoming) {
            Some((tenant, user)) => tenant.phones.get(user).map_or(Srtp::Off, |it| it.srtp),
            None if is_inside(incoming.flow) => Srtp::Off,
            None => admission::owner_of(&self.tenants, &self.sources, incoming)
                .map_or(Srtp::Off, |(_, srtp)| srtp),
        }
    }

    /// Our offer to one of the places where a call is tried.
    pub(super) fn offer_to(
        &mut self,
        now: Now,
        id: CallId,
        flow: Flow,
    ) -> Option<(Bytes, Protection)> {
        let mode = self.srtp_to(id);
        let protection = match self.protection(mode, flow) {
            Ok(protection) => protection,
            Err(refusal) => {
                self.trace(now, id, TraceItem::Note { what: refusal.why });
                return None;
            }
        };
        let codecs = self.preferred(id);
        let call = self.calls.get(&id)?;
        if protection.mode == Srtp::Off {
            return Some((call.media.local.clone()?, protection));
        }
        let (_, addr) = call.port()?;
        let version = SessionVersion {
            id: port_number(addr),
            version: call.media.version,
        };
        let offer = sdp::offer_with(addr, &codecs, protection.sdp(), version);
        Some((offer.into(), protection))
    }

    /// The setting of where an outbound call leads.
    fn srtp_to(&mut self, id: CallId) -> Srtp {
        let Some(call) = self.calls.get_mut(&id) else {
            return Srtp::Off;
        };
        let (session, user) = (call.session, call.to.user().to_owned());
        let via = call.legs().map(|legs| legs.via());
        let Some(tenant) = self.sessions.get(&session).map(|it| &it.tenant) else {
            return Srtp::Off;
        };
        match via {
            None => Srtp::Off,
            Some(Via::Phone) => tenant.phones.get(&user).map_or(Srtp::Off, |it| it.srtp),
            Some(via) => tenant.trunk_of(via).map_or(Srtp::Off, |it| it.srtp),
        }
    }
}
