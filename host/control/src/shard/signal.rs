//! What the SIP endpoint reports: new calls, progress, answers, hang-ups.

use std::sync::Arc;

use ::media::sdp;
use bytes::Bytes;
use model::{
    CallDirection, CallId, Cause, DialReport, EndReason, Event, HeaderNames, Now, TenantConfig,
    Trunk, Via, Voice, limits,
};
use sip::{DialogId, Incoming, event::FailedBy};

use super::{
    Shard,
    join::is_inside,
    legs::{Failure, Progress},
    release::Ending,
    terms::codecs_of,
    through::proof,
};
use crate::{
    Output,
    admission::{Admitted, Refused, admit},
    call::{Call, Media, Record, State, Terms, Told},
    meter::Lease,
};

impl Shard {
    pub(super) fn signal(&mut self, now: Now, event: sip::Event) {
        match event {
            told @ sip::Event::Told { .. } => self.peer_told(now, told),
            sip::Event::Unproven(asked) => self.unproven(now, asked),
            sip::Event::Conduct { source, conduct } => {
                self.out.push_back(Output::Conduct { source, conduct });
            }
            sip::Event::Incoming(incoming) => self.incoming(now, *incoming),
            sip::Event::Provisional {
                dialog,
                status,
                sdp,
            } => {
                let progress = Progress {
                    dialog,
                    status,
                    sdp,
                };
                self.on_call(dialog, |shard, id| shard.progress(now, id, progress));
            }
            sip::Event::Accepted { dialog, sdp } => {
                self.on_call(dialog, |shard, id| shard.accepted(now, id, dialog, sdp));
            }
            failed @ sip::Event::Failed { .. } => self.dialling_failed(now, failed),
            sip::Event::Confirmed { dialog, sdp } => {
                self.on_call(dialog, |shard, id| shard.confirmed(now, id, sdp));
            }
            sip::Event::Cancelled {
                dialog,
                q850,
                reason,
            } => {
                let ending = Ending::party(Cause::TERMINATED).saying(q850, reason);
                self.on_call(dialog, |shard, id| shard.end(now, id, ending));
            }
            sip::Event::HungUp {
                dialog,
                q850,
                reason,
            } => {
                let ending = Ending::party(Cause::NORMAL).saying(q850, reason);
                self.on_call(dialog, |shard, id| shard.end(now, id, ending));
            }
            sip::Event::Lost { dialog, status } => {
                let cause = Cause::from_network(status);
                let ending = Ending {
                    signal: false,
                    ..Ending::platform(cause, EndReason::Released)
                };
                self.on_call(dialog, |shard, id| shard.end(now, id, ending));
            }
            sip::Event::Reoffer { dialog, sdp } => {
                self.on_call(dialog, |shard, id| shard.reoffer(now, id, sdp));
            }
            sip::Event::Refreshed { dialog, sdp } => {
                self.on_call(dialog, |shard, id| shard.refreshed(now, id, &sdp));
            }
            sip::Event::Withdrawn { dialog } => self.on_call(dialog, Self::withdrawn),
            sip::Event::Reanswered { dialog, answer } => {
                self.on_call(dialog, |shard, id| shard.reanswered(now, id, answer));
            }
            event @ (sip::Event::Informed { .. } | sip::Event::Digit { .. }) => {
                self.digit_event(now, event);
            }
            event @ (sip::Event::Referred { .. } | sip::Event::Transferred { .. }) => {
                self.transfer_event(now, event);
            }
            sip::Event::Gone { dialog } => self.gone(dialog),
        }
    }

    fn dialling_failed(&mut self, now: Now, event: sip::Event) {
        let sip::Event::Failed {
            dialog,
            status,
            by,
            reason,
            q850,
            contact,
            retry_after,
        } = event
        else {
            return;
        };
        let ending = failed(status, by).saying(q850, reason);
        let redirect = contact.and_then(|uri| uri.to_string().parse().ok());
        let failure = Failure {
            dialog,
            by,
            status,
            retry_after,
            ending: Ending { redirect, ..ending },
        };
        self.on_call(dialog, |shard, id| shard.leg_failed(now, id, failure));
    }

    pub(super) fn on_call(&mut self, dialog: DialogId, act: impl FnOnce(&mut Self, CallId)) {
        if let Some(&call) = self.by_dialog.get(&dialog) {
            let _span = self.span(call);
            act(self, call);
        }
    }

    fn gone(&mut self, dialog: DialogId) {
        let Some(id) = self.by_dialog.remove(&dialog) else {
            return;
        };
        let Some(call) = self.calls.get_mut(&id) else {
            return;
        };
        call.dialogs -= 1;
        if call.dialog == Some(dialog) {
            call.dialog = None;
        }
        let session = call.session;
        self.prune(session);
    }

    fn incoming(&mut self, now: Now, incoming: Incoming) {
        if let Some(replaces) = incoming.replaces.clone() {
            return self.join(now, incoming, &replaces);
        }
        if is_inside(incoming.flow) {
            // A trunk of a tenant leads nowhere, or where it thinks that a hatch is.
            return self.refuse(now, incoming.dialog, 403);
        }
        let dialog = incoming.dialog;
        let judged = self.judge(&incoming).and_then(|admitted| {
            let terms = self.screen(now, &incoming, admitted.voice)?;
            Ok((self.seat(now, &admitted)?, terms, admitted))
        });
        match judged {
            Ok((lease, terms, admitted)) => {
                let media = Media {
                    terms,
                    ..Media::new(incoming.sdp.clone())
                };
                self.begin(now, admitted, lease, media, incoming);
            }
            Err(Refused { status, why }) => {
                tracing::debug!(status, why, "call not admitted");
                self.refuse(now, dialog, status);
            }
        }
    }

    /// Who has proven to be the caller.
    pub(super) fn phone_of<'a>(
        &'a self,
        incoming: &'a Incoming,
    ) -> Option<(&'a Arc<TenantConfig>, &'a str)> {
        let proven = incoming.proven.as_ref()?;
        let tenant = self
            .door
            .tenant(&self.tenants, &proven.realm, &proven.user)?;
        Some((tenant, &proven.user))
    }

    /// Whether a new call may begin a session, and whose.
    fn judge(&self, incoming: &Incoming) -> Result<Admitted, Refused> {
        let busy = Refused {
            status: 503,
            why: "a limit is reached, or the node drains",
        };
        if self.draining || self.sessions.len() >= limits::SHARD_SESSIONS {
            return Err(busy);
        }
        if incoming.max_forwards == 0 {
            let why = "Max-Forwards is used up";
            return Err(Refused { status: 483, why });
        }
        let phone = self.phone_of(incoming);
        let admitted = admit(
            &self.tenants,
            &self.sources,
            &self.gateways,
            phone,
            incoming,
        )?;
        let tenant = admitted.tenant.id;
        if self.tenant_is_full(tenant) || self.has_too_many_sessions(tenant) {
            return Err(busy);
        }
        Ok(admitted)
    }

    /// What can never be answered is refused before it costs a turn.
    fn screen(&mut self, now: Now, incoming: &Incoming, voice: Voice) -> Result<Terms, Refused> {
        let screened = self.terms(voice, incoming.flow).and_then(|terms| {
            if let Some(offer) = &incoming.sdp {
                let codecs = codecs_of(terms.voice.codecs);
                sdp::check(offer, &terms.side(&codecs))?;
            }
            Ok(terms)
        });
        screened.map_err(|refusal| {
            self.warn(now, incoming.dialog, &refusal);
            Refused {
                status: refusal.status,
                why: "the offer cannot be answered",
            }
        })
    }

    /// The place of an inbound call on a trunk that has a cap.
    fn seat(&mut self, now: Now, admitted: &Admitted) -> Result<Option<Lease>, Refused> {
        let via = admitted.trunk.map(Via::Trunk);
        let Some(trunk) = via.and_then(|via| admitted.tenant.trunk_of(via)) else {
            return Ok(None);
        };
        self.config.meters.take(now.mono, trunk).map_err(|_| {
            self.capped += 1;
            let (status, why) = (503, "its trunk may have no more calls");
            Refused { status, why }
        })
    }

    fn begin(
        &mut self,
        now: Now,
        admitted: Admitted,
        lease: Option<Lease>,
        media: Media,
        incoming: Incoming,
    ) {
        let Admitted {
            tenant,
            plugin,
            number,
            from,
            to,
            trunk,
            voice: _,
        } = admitted;
        let trunk = trunk.and_then(|id| tenant.trunk_of(Via::Trunk(id)));
        let headers = visible(&incoming.headers, trunk);
        if let Some(login) = trunk.and_then(Trunk::login).map(proof) {
            let dialog = incoming.dialog;
            let login = sip::Input::Login { dialog, login };
            self.sip.handle_input(now.mono, login);
        }
        let session = self.begin_session(now, tenant, plugin);
        if let Some(s) = self.sessions.get_mut(&session) {
            s.max_forwards = incoming.max_forwards - 1;
        }
        let id = CallId::mint(&mut self.ids, now.unix_ms);
        let call = Call {
            id,
            session,
            direction: CallDirection::Inbound,
            state: State::Offered { rung: false },
            from,
            to,
            number,
            user_data: String::new(),
            headers,
            dialog: Some(incoming.dialog),
            dialogs: 1,
            sip_call_id: incoming.call_id,
            signalling: incoming.flow.remote.ip(),
            elsewhere: Vec::new(),
            media,
            bridged: None,
            conference: None,
            lease,
            begin: now.unix_ms,
            answer: None,
            max_ring: 0,
            max_answer: 0,
            progress: Told::default(),
            operations: 0,
            playing: None,
            collecting: None,
            keyed: None,
            asked: None,
            fulfils: None,
            later_ids: Vec::new(),
            record: Record::Open,
            began: now.mono,
        };
        self.add_call(now, call);
        self.deadline(id, Some(now.mono + limits::OFFER_TIMEOUT));
        let (call, begin) = (id, now.unix_ms);
        self.tell(now, session, Event::Incoming { call, begin });
    }

    /// The CDR with an answer time is durable: the answer may be told.
    pub(super) fn durable(&mut self, now: Now, ticket: crate::Ticket) {
        let Some(id) = self.durable.remove(&ticket) else {
            return;
        };
        let _span = self.span(id);
        let Some(call) = self.calls.get_mut(&id) else {
            return;
        };
        if matches!(call.record, Record::Final(waited, _) if waited == ticket) {
            call.record = Record::Durable;
            let session = call.session;
            self.deadline(id, None);
            return self.prune(session);
        }
        let was = std::mem::replace(&mut call.state, State::Answered);
        let (session, limit) = (call.session, Self::answered_for(call));
        // Whoever rang and said nothing for long has all of its time from here on.
        let early = call.port().filter(|_| call.media.agreed.is_some());
        if was.owes_200()
            && let (Some(dialog), Some(sdp)) = (call.dialog, call.media.local.clone())
        {
            self.sip
                .handle_input(now.mono, sip::Input::Accept { dialog, sdp });
        }
        match was {
            State::Accepting { .. } => {}
            State::Confirming { .. } => {
                call.progress.dial_completed = true;
                let report = DialReport {
                    begin: call.begin,
                    answer: call.answer,
                    end: call.answer.unwrap_or_else(|| call.unix_ms(now.mono)),
                    error: None,
                    reason: None,
                    redirect: None,
                };
                self.tell(now, session, Event::DialCompleted { call: id, report });
                self.tell(now, session, Event::Answered { call: id });
                self.report_transfer(now, id, 200);
            }
            // Whatever ends a call takes its ticket back, so nobody else waits for one.
            other => {
                call.state = other;
                return;
            }
        }
        tracing::debug!("answered");
        if let Some((port, _)) = early {
            self.watch_silence(session, port);
        }
        self.deadline(id, Some(now.mono + limit));
        self.advance_session(now, session);
    }

    /// The ACK of a 200 of ours, or the PRACK of a 183; if that made an offer, it carries the answer.
    fn confirmed(&mut self, now: Now, id: CallId, sdp: Option<Bytes>) {
        let Some(call) = self.calls.get_mut(&id) else {
            return;
        };
        let session = call.session;
        if !std::mem::take(&mut call.media.offering) {
            return;
        }
        let answered = match sdp {
            Some(sdp) => self.accept_answer(now, id, &sdp),
            None => Err("our offer is not answered".to_owned()),
        };
        if let Err(why) = answered {
            self.note(now, session, why);
            let ending = Ending::platform(Cause::NOT_ACCEPTABLE, EndReason::Released);
            return self.end(now, id, ending);
        }
        self.advance_session(now, session);
        // By it a party may have held the other side, or taken it back.
        if let Some(peer) = self.calls.get(&id).and_then(|call| call.bridged) {
            self.align(now, peer);
        }
    }
}

/// The end of an outbound call that was not answered, by whoever did not answer it.
pub(super) fn failed(status: u16, by: FailedBy) -> Ending {
    let cause = Cause::from_network(status);
    let ours = |reason| Ending {
        signal: false,
        ..Ending::platform(cause, reason)
    };
    match by {
        FailedBy::Peer => Ending::party(cause),
        FailedBy::Nobody => ours(EndReason::Released),
        FailedBy::Ourselves => ours(EndReason::Limit),
    }
}

/// What a policy may see of an INVITE, which may have come from a trunk.
fn visible(headers: &[(String, String)], trunk: Option<&Trunk>) -> Arc<[(String, String)]> {
    let none = HeaderNames::default();
    let list = trunk.map_or(&none, |trunk| &trunk.headers_in);
    let shown = headers.iter().filter(|(name, _)| list.shows(name));
    shown.cloned().collect()
}
