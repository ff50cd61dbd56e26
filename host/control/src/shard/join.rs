//! INVITE with Replaces (RFC 3891): somebody takes the place of a party in an answered call, or picks up
//! one that rings elsewhere.
//!
//! ```text
//!  C                    jackfield                     B
//!  |                         |      A talks with B    |
//!  |--INVITE Replaces: A --->|                        |
//!  |<--------200 ------------|--BYE---> A             |
//!  |                         |--INVITE sendrecv ----->|   if A had held B
//! ```
//!
//! ```text
//!  C                    jackfield                     B
//!  |                         |--INVITE -------------->|
//!  |                         |<-------180 ------------|
//!  |--INVITE Replaces: B --->|                        |
//!  |                         |--CANCEL -------------->|
//!  |<--------200 ------------|                        |   the record is durable
//! ```
//!
//! A pick-up is an answer: the policy hears that dialling is completed. Only calls of ours that ring can be
//! picked up, and none of a caller (§3).
//!
//! The call resource stays what it was: its id, its bridge, its record and its policy, which hears
//! nothing; only its dialog is another. So any policy's calls can be taken over.
//!
//! A telephone's INVITE comes to the shard of its Call-ID, which forwards it, and all that follows, to the
//! shard of the dialog that it replaces. What a transfer needs goes another way: each shard has a hatch, an
//! address that no network has, through which it speaks SIP with the others.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use bytes::Bytes;
use model::{CallId, Now, TenantId, TraceItem};
use sip::{DialogId, Flow, Incoming, Replaces};

use super::Shard;
use crate::{
    Output, admission,
    call::{State, Terms},
};

/// How somebody comes into a call.
enum Join {
    /// In the place of a party that was in it.
    TakeOver,
    /// By answering it.
    PickUp,
}

/// The hatch of a shard.
pub(crate) fn hatch(shard: u8) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), u16::from(shard) + 1)
}

/// Whether a flow leads through hatches. The network's cannot: nobody sends from the unspecified address.
pub(super) fn is_inside(flow: Flow) -> bool {
    flow.remote.ip().is_unspecified()
}

impl Shard {
    /// What we say through our hatch: to ourselves at once, to others by whoever drives us.
    pub(super) fn say_inside(&mut self, now: Now, flow: Flow, bytes: Bytes) {
        let Some(to) = flow
            .remote
            .port()
            .checked_sub(1)
            .and_then(|n| u8::try_from(n).ok())
        else {
            return;
        };
        let flow = Flow {
            local: flow.remote,
            remote: flow.local,
            ..flow
        };
        if !is_inside(flow) {
            // A trunk of a tenant was given the address of a hatch.
            return;
        }
        if to == self.config.shard {
            self.hear_inside(now, flow, bytes);
        } else {
            self.out.push_back(Output::Sibling {
                shard: to,
                flow,
                bytes,
            });
        }
    }

    /// A message through the hatch of another shard, or our own; or one of the network that another shard
    /// has forwarded.
    pub(super) fn hear_inside(&mut self, now: Now, flow: Flow, bytes: Bytes) {
        if is_inside(flow) {
            let packet = sip::Input::Packet { flow, bytes };
            self.sip.handle_input(now.mono, packet);
        } else {
            self.take_packet(now, flow, bytes);
        }
    }

    /// Takes a new dialog in the place of an answered one, or refuses it.
    pub(super) fn join(&mut self, now: Now, incoming: Incoming, replaces: &Replaces) {
        let dialog = incoming.dialog;
        let taken = match self.may_join(&incoming, replaces) {
            Ok((Join::TakeOver, id)) => self.take_over(now, id, incoming),
            Ok((Join::PickUp, id)) => self.pick_up(now, id, incoming),
            Err(status) => Err(status),
        };
        if let Err(status) = taken {
            self.refuse(now, dialog, status);
        }
    }

    /// An INVITE becomes no call.
    pub(super) fn refuse(&mut self, now: Now, dialog: DialogId, status: u16) {
        *self.refused.entry(status).or_default() += 1;
        let input = sip::Input::Release { dialog, status };
        self.sip.handle_input(now.mono, input);
    }

    /// RFC 3891 §3.
    fn may_join(&self, incoming: &Incoming, replaces: &Replaces) -> Result<(Join, CallId), u16> {
        if self.closing {
            return Err(503);
        }
        if incoming.max_forwards == 0 {
            return Err(483);
        }
        let tenant = match self.phone_of(incoming) {
            Some((tenant, _)) => Some(tenant.id),
            None if is_inside(incoming.flow) => {
                let user = incoming.request_uri.user();
                user.and_then(|user| user.parse().ok())
            }
            None => admission::owner_of(&self.tenants, &self.sources, incoming)
                .map(|(tenant, _)| tenant),
        };
        let tenant: TenantId = tenant.ok_or(403_u16)?;
        let dialog = self.sip.replaced(replaces).ok_or(481_u16)?;
        let id = *self.by_dialog.get(&dialog).ok_or(481_u16)?;
        let call = self.calls.get(&id).ok_or(481_u16)?;
        if self.tenant_of(id) != Some(tenant) {
            return Err(481);
        }
        let current = call.dialog == Some(dialog);
        match &call.state {
            State::Dialling(legs) | State::Ringing(legs) if legs.dialogs().contains(&dialog) => {
                Ok((Join::PickUp, id))
            }
            State::Released(_) if current => Err(603),
            State::Answered | State::Confirming { .. } if current && replaces.early_only => {
                Err(486)
            }
            State::Answered if current => Ok((Join::TakeOver, id)),
            _ => Err(481),
        }
    }

    /// Somebody answers a call that rings elsewhere.
    fn pick_up(&mut self, now: Now, id: CallId, incoming: Incoming) -> Result<(), u16> {
        let terms = self.joins_under(now, &incoming)?;
        let Incoming {
            dialog, flow, sdp, ..
        } = incoming;
        self.describe_to(now, id, terms, flow.remote.ip(), sdp)?;
        let Some(call) = self.calls.get_mut(&id) else {
            return Err(481);
        };
        call.dialogs += 1;
        call.dialog = Some(dialog);
        let session = call.session;
        self.by_dialog.insert(dialog, id);
        self.give_up_legs(now, id, 200);
        self.note(now, session, "another picks the call up");
        if !is_inside(flow) {
            self.claim_id(now, id, session, incoming.call_id);
        }
        self.confirm(now, id, true);
        Ok(())
    }

    /// Answers whoever comes into a call, from there: its offer, or with one of ours. If that cannot be
    /// done everything stays as it is.
    fn describe_to(
        &mut self,
        now: Now,
        id: CallId,
        terms: Terms,
        ip: IpAddr,
        offer: Option<Bytes>,
    ) -> Result<Bytes, u16> {
        let before = self.calls.get(&id).map(|call| call.signalling);
        self.set_signalling(id, ip);
        // Whoever goes knows the keys of the leg.
        let known = self.take_terms(id, terms);
        let limit = self.wanted(id);
        let answer = match offer {
            Some(offer) => self.answer_offer(now, id, &offer, limit),
            None => self.offer_anew(id),
        };
        match (answer, before) {
            (Ok(sdp), before) => {
                if let Some(call) = self.calls.get_mut(&id) {
                    call.elsewhere.extend(before);
                }
                Ok(sdp)
            }
            (Err(refusal), before) => {
                if let Some(ip) = before {
                    self.set_signalling(id, ip);
                }
                self.take_terms(id, known);
                self.trace(now, id, TraceItem::Note { what: refusal.why });
                Err(refusal.status)
            }
        }
    }

    fn take_over(&mut self, now: Now, id: CallId, incoming: Incoming) -> Result<(), u16> {
        let terms = self.joins_under(now, &incoming)?;
        let Incoming {
            dialog, flow, sdp, ..
        } = incoming;
        // Whoever waits for the party that goes gets our answer.
        self.answer_holder(now, id);
        let sdp = self.describe_to(now, id, terms, flow.remote.ip(), sdp)?;
        let Some(call) = self.calls.get_mut(&id) else {
            return Err(481);
        };
        call.dialogs += 1;
        let gone = call.dialog.replace(dialog);
        let (session, peer) = (call.session, call.bridged);
        self.by_dialog.insert(dialog, id);
        self.note(now, session, "another takes the place of a party");
        if !is_inside(flow) {
            self.claim_id(now, id, session, incoming.call_id);
        }
        let accept = sip::Input::Accept { dialog, sdp };
        self.sip.handle_input(now.mono, accept);
        if let Some(dialog) = gone {
            let status = 200;
            let release = sip::Input::Release { dialog, status };
            self.sip.handle_input(now.mono, release);
        }
        if let Some(peer) = peer {
            self.align(now, peer);
        }
        Ok(())
    }

    /// How whoever joins is protected.
    fn joins_under(&mut self, now: Now, incoming: &Incoming) -> Result<Terms, u16> {
        let voice = self.voice_of(incoming);
        self.terms(voice, incoming.flow).map_err(|refusal| {
            self.warn(now, incoming.dialog, &refusal);
            refusal.status
        })
    }

    /// What it was before.
    fn take_terms(&mut self, id: CallId, terms: Terms) -> Terms {
        let call = self.calls.get_mut(&id);
        call.map_or_else(Terms::default, |call| {
            std::mem::replace(&mut call.media.terms, terms)
        })
    }

    fn set_signalling(&mut self, id: CallId, ip: IpAddr) {
        if let Some(call) = self.calls.get_mut(&id) {
            call.signalling = ip;
        }
    }

    /// Whose a call is.
    pub(super) fn tenant_of(&self, id: CallId) -> Option<TenantId> {
        let session = self.calls.get(&id)?.session;
        Some(self.sessions.get(&session)?.tenant.id)
    }
}
