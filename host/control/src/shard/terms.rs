//! What the audio of a leg is to be like: protected (SRTP) or not, in which codecs, and where its keys are heard.
//!
//! The phone or trunk at the other end of a leg decides, by its setting. Keys of SRTP stand in SDP for everybody to
//! read who sees it, so that they go over TLS only, unless the node is told that its network is safe. `offer` over
//! any other way is as `off`; `require` is a refusal. Each leg has keys of its own, also those of one call that rings
//! in several places.

use ::media::Command;
use ::media::sdp::{self, Codec, Negotiated, SdpError, SessionVersion};
use bytes::Bytes;
use model::{CallId, CodecName, Codecs, InbandDigits, Srtp, Via, Voice};
use sip::{Flow, Incoming, Transport};

use super::{
    Shard,
    join::is_inside,
    media::{Refusal, port_number},
};
use crate::{
    Output, admission,
    call::{Media, Terms},
};

/// The Warning of what no code is for (RFC 3261 §20.43).
const MISCELLANEOUS: u16 = 399;

impl Shard {
    /// Those of a leg whose peer is set so and talks to us over this flow.
    pub(super) fn terms(&mut self, voice: Voice, flow: Flow) -> Result<Terms, Refusal> {
        let plain = Terms {
            voice: Voice {
                srtp: Srtp::Off,
                ..voice
            },
            secret: None,
        };
        // What two shards say to each other stays in the process.
        if voice.srtp == Srtp::Off || is_inside(flow) {
            return Ok(plain);
        }
        let secure = matches!(flow.transport, Transport::Tls | Transport::Wss);
        if !secure && !self.config.srtp_in_clear {
            return match voice.srtp {
                Srtp::Require => {
                    Err(Refusal::new(488, "keys of SRTP go over TLS only").warning(MISCELLANEOUS))
                }
                Srtp::Off | Srtp::Offer => Ok(plain),
            };
        }
        let secret = Some(Box::new(self.secrets.fresh()));
        Ok(Terms { voice, secret })
    }

    /// The setting of whoever takes the place of a party.
    pub(super) fn voice_of(&self, incoming: &Incoming) -> Voice {
        match self.phone_of(incoming) {
            Some((tenant, user)) => admission::voice_of(tenant, user),
            None if is_inside(incoming.flow) => Voice::default(),
            None => admission::owner_of(&self.tenants, &self.sources, incoming)
                .map_or(Voice::default(), |(_, voice)| voice),
        }
    }

    /// Our offer to one of the places where a call is tried.
    pub(super) fn offer_to(&mut self, id: CallId, flow: Flow) -> Result<(Bytes, Terms), Refusal> {
        let gone = || Refusal::new(481, "the call has no media");
        let voice = self.voice_to(id);
        let terms = self.terms(voice, flow)?;
        let Voice { srtp, codecs, .. } = terms.voice;
        let is_plain = srtp == Srtp::Off && codecs.is_empty();
        let codecs = self.preferred_of(id, codecs);
        let call = self.calls.get(&id).ok_or_else(gone)?;
        if is_plain {
            let ours = call.media.local.clone().ok_or_else(gone)?;
            return Ok((ours, terms));
        }
        let (_, addr) = call.port().ok_or_else(gone)?;
        let version = SessionVersion {
            id: port_number(addr),
            version: call.media.version,
        };
        let side = sdp::Side {
            noise: self.hushes(id),
            ..terms.side(&codecs)
        };
        Ok((sdp::offer_with(addr, &side, version).into(), terms))
    }

    /// The setting of where an outbound call leads.
    fn voice_to(&mut self, id: CallId) -> Voice {
        let Some(call) = self.calls.get_mut(&id) else {
            return Voice::default();
        };
        let (session, user) = (call.session, call.to.user().to_owned());
        let via = call.legs().map(|legs| legs.via());
        let Some(tenant) = self.sessions.get(&session).map(|it| &it.tenant) else {
            return Voice::default();
        };
        match via {
            None => Voice::default(),
            Some(Via::Phone) => admission::voice_of(tenant, &user),
            Some(via) => tenant.trunk_of(via).map_or(Voice::default(), |it| it.voice),
        }
    }

    /// Whether a party of a call's session suppresses silence: then the others are asked whether they know
    /// comfort noise, and else not, or they would begin to.
    pub(super) fn hushes(&self, id: CallId) -> bool {
        let session = self.calls.get(&id).map(|call| call.session);
        let session = session.and_then(|it| self.sessions.get(&it));
        let calls = session.into_iter().flat_map(|it| it.calls.iter());
        let mut offers = calls.filter_map(|id| self.calls.get(id)?.media.offer.as_ref());
        offers.any(|offer| sdp::offers_noise(offer))
    }

    /// After an agreement, on events or not: keys are looked for in the party's audio if it sends them no
    /// other way.
    pub(super) fn listen(&mut self, id: CallId, events: bool) {
        let Some(call) = self.calls.get_mut(&id) else {
            return;
        };
        let to_tones = match call.media.terms.voice.inband_digits {
            InbandDigits::Off => false,
            InbandDigits::Auto => !events,
            InbandDigits::On => true,
        };
        if let Some((port, _)) = call.port()
            && std::mem::replace(&mut call.media.listens, to_tones) != to_tones
        {
            let session = call.session;
            let command = Command::Listen { port, to_tones };
            self.out.push_back(Output::Media { session, command });
        }
    }
}

impl Media {
    /// Whether packets would be protected otherwise than they were. They are counted anew then, so that a key of before
    /// must not come back: one count would be used twice under it (RFC 3711 §9.1).
    pub(super) fn changes_suite(&self, agreed: &Negotiated) -> bool {
        let suite = |it: &Negotiated| it.srtp.as_ref().map(|keys| keys.send.suite());
        let before = self.agreed.as_ref().map(suite);
        before.is_some_and(|before| before != suite(agreed))
    }

    /// An answer has changed it: whatever we describe from now on names no other keys of those that we offered.
    pub(super) fn narrow(&mut self, id: u64, agreed: &Negotiated) -> Result<(), SdpError> {
        let Some(ours) = &self.local else {
            return Ok(());
        };
        self.version += 1;
        let version = SessionVersion {
            id,
            version: self.version,
        };
        let keys = agreed.srtp.as_ref().map(|it| &it.send);
        self.local = Some(sdp::narrowed(ours, keys, version)?.into());
        Ok(())
    }
}

/// What may be agreed on: what is set, else all. Of what this program was built without nothing is set.
pub(super) fn codecs_of(set: Codecs) -> Vec<Codec> {
    let known: Vec<Codec> = set.iter().filter_map(codec).collect();
    if known.is_empty() {
        return Codec::ALL.to_vec();
    }
    known
}

/// `None` of one that this program was built without.
fn codec(name: CodecName) -> Option<Codec> {
    let named = |codec: &Codec| codec.name() == name.as_str();
    Codec::ALL.into_iter().find(named)
}
