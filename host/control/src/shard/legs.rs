//! The legs of an outbound call: the places where it is tried until one of them answers.
//!
//! ```text
//!  dial ──▶ a group: all of its targets at once
//!             │ 18x of any: ringing, told once; early media of the first that has any
//!             │ 2xx of the first: the call is its; CANCEL to all others (a crossing 200: ACK, BYE)
//!             │ 6xx of any: the call fails at once
//!             │ all failed, or said nothing for LEG_SILENCE, and none has rung
//!             ▼
//!           the next group … none left: the best of the failures (RFC 3261 §16.7 step 6)
//! ```
//!
//! The policy never sees more than one call, and there is one media port: its remote side follows the
//! leg that is heard. Refuses to know why a place stands where it does in the route.

use std::sync::Arc;

use ::media::sdp::{self, SessionVersion};
use bytes::Bytes;
use model::{
    Binding, CallId, Cause, EndReason, Event, Hop, Now, Peer, Target, TraceItem, TrunkId, Via,
    command::Construct, limits, ring_order,
};
use sip::{DialogId, Uri, digest::Login, event::FailedBy};

use super::{Shard, media::port_number, release::Ending, signal::failed};
use crate::{
    call::{State, Terms},
    timers::Due,
};

/// Where an unanswered call is being tried, and where it will be.
#[derive(Debug)]
pub(crate) struct Legs {
    construct: Box<Construct>,
    /// Who we are, if the trunk asks.
    login: Option<Arc<Login>>,
    /// The groups that are still to be tried.
    groups: std::vec::IntoIter<Vec<Target>>,
    live: Vec<Leg>,
    /// Whose early media is heard.
    early: Option<DialogId>,
    /// A leg failed in a way that leaves nothing to be tried elsewhere, or one has rung.
    settled: bool,
    /// The best failure so far.
    best: Option<(Rank, Ending)>,
}

/// One place where the call is being tried.
#[derive(Debug)]
struct Leg {
    dialog: DialogId,
    target: Target,
    /// Our offer, and the keys in it.
    offer: Bytes,
    terms: Terms,
    /// What it said in a provisional response: its 2xx need not say it again.
    sdp: Option<Bytes>,
}

/// A provisional response.
pub(super) struct Progress {
    pub(super) dialog: DialogId,
    pub(super) status: u16,
    pub(super) sdp: Option<Bytes>,
}

/// The failure of a leg.
pub(super) struct Failure {
    pub(super) dialog: DialogId,
    pub(super) by: FailedBy,
    pub(super) status: u16,
    /// For how many seconds the peer wants to be left alone.
    pub(super) retry_after: Option<u32>,
    pub(super) ending: Ending,
}

/// What follows from a failure.
enum Step {
    /// Other legs are under way.
    Wait,
    /// The next group is tried.
    Next,
    /// The call has failed.
    End(Ending),
}

/// How good a failure is as the answer for all: less is better. RFC 3261 §16.7 step 6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Rank(u16, u8);

impl Rank {
    fn of(by: FailedBy, status: u16) -> Self {
        let class = match (by, status / 100) {
            (FailedBy::Peer, 6) => 0,
            (FailedBy::Peer | FailedBy::Nobody, class) => class,
            // What we have not even sent says nothing of the callee.
            (FailedBy::Ourselves, _) => 6,
        };
        let within = match status {
            // What nobody has said says least of the callee.
            _ if by == FailedBy::Nobody => 3,
            // What would help the caller to do better.
            415 | 420 | 484 => 0,
            // Nobody can answer the challenge of a callee but we.
            401 | 407 => 2,
            // A leg that was not there is the worst that can be said of a callee who may be elsewhere.
            408 | 487 => 3,
            _ => 1,
        };
        Self(class, within)
    }
}

impl Failure {
    /// Its connection is lost, or could not be made.
    fn is_lost_connection(&self) -> bool {
        self.by == FailedBy::Nobody && self.status == Cause::SERVICE_UNAVAILABLE.code()
    }

    /// The call may be tried elsewhere: this place did not take it, or is not there.
    fn leads_on(&self, via: Via) -> bool {
        match (self.by, via) {
            (FailedBy::Nobody, _) => true,
            (FailedBy::Ourselves, _) => false,
            (FailedBy::Peer, Via::Trunk(_)) => matches!(self.status, 408 | 500..=599),
            // RFC 3261 §16.6: the next bindings are tried whatever the reason, but 6xx.
            (FailedBy::Peer, Via::Phone) => self.status < 600,
        }
    }
}

impl Legs {
    fn new(mut construct: Box<Construct>, login: Option<Arc<Login>>) -> Self {
        let groups = std::mem::take(&mut construct.route.groups).into_iter();
        Self {
            construct,
            login,
            groups,
            live: Vec::new(),
            early: None,
            settled: false,
            best: None,
        }
    }

    /// Those of the places where it is being tried.
    pub(super) fn dialogs(&self) -> Vec<DialogId> {
        self.live.iter().map(|leg| leg.dialog).collect()
    }

    /// One of them has failed. None: it was not one of them.
    fn lose(&mut self, failure: Failure) -> Option<Step> {
        let place = self
            .live
            .iter()
            .position(|leg| leg.dialog == failure.dialog)?;
        self.live.remove(place);
        self.early = self.early.filter(|early| *early != failure.dialog);
        self.settled |= !failure.leads_on(self.construct.route.via);
        let rank = Rank::of(failure.by, failure.status);
        let decided = rank.0 == 0;
        self.keep_better(rank, failure.ending);
        if !decided && !self.live.is_empty() {
            return Some(Step::Wait);
        }
        if !decided && !self.settled && self.groups.len() > 0 {
            return Some(Step::Next);
        }
        Some(self.end())
    }

    /// A place cannot be tried, because of what is set of it: that is the answer if nothing better comes.
    fn cannot(&mut self, status: u16) {
        let ending = Ending::platform(Cause::from_network(status), EndReason::Released);
        self.keep_better(Rank::of(FailedBy::Ourselves, status), ending);
    }

    fn keep_better(&mut self, rank: Rank, ending: Ending) {
        if self.best.as_ref().is_none_or(|(best, _)| rank < *best) {
            self.best = Some((rank, ending));
        }
    }

    /// The place of a phone that a leg leads to, if it leads to one.
    fn place(&self, dialog: DialogId) -> Option<&Target> {
        let leg = self.live.iter().find(|leg| leg.dialog == dialog)?;
        (self.construct.route.via == Via::Phone).then_some(&leg.target)
    }

    /// The gateway that a leg leads to, if it leads to one.
    fn gateway(&self, dialog: DialogId) -> Option<(TrunkId, Hop)> {
        let Via::Trunk(trunk) = self.construct.route.via else {
            return None;
        };
        let leg = self.live.iter().find(|leg| leg.dialog == dialog)?;
        Some((trunk, leg.target.hop))
    }

    fn end(&mut self) -> Step {
        let unsent = || Ending::platform(Cause::SERVER_ERROR, EndReason::Released);
        Step::End(self.best.take().map_or_else(unsent, |(_, ending)| ending))
    }
}

impl Shard {
    /// The port of an outbound call is open: its first INVITEs go out.
    pub(super) fn dial(&mut self, now: Now, id: CallId) {
        let (codecs, noise) = (self.preferred(id), self.hushes(id));
        let Some(call) = self.calls.get_mut(&id) else {
            return;
        };
        let Some((_, addr)) = call.port() else { return };
        let before = std::mem::replace(&mut call.state, State::Offered { rung: false });
        let State::Opening(mut construct) = before else {
            call.state = before;
            return;
        };
        let version = SessionVersion {
            id: port_number(addr),
            version: 1,
        };
        let side = sdp::Side {
            noise,
            ..sdp::Side::new(&codecs, sdp::Srtp::Off)
        };
        let offer = Bytes::from(sdp::offer_with(addr, &side, version));
        call.media.local = Some(offer);
        call.media.version = 1;
        let session = call.session;
        let login = self.through(now, session, &mut construct);
        if let Some(call) = self.calls.get_mut(&id) {
            call.state = State::Dialling(Box::new(Legs::new(construct, login)));
        }
        self.deadline(id, Some(now.mono + limits::SETUP_LONGEST));
        self.try_next(now, id);
    }

    /// Tries the next group; if there is none that can be tried, the call has failed.
    fn try_next(&mut self, now: Now, id: CallId) {
        loop {
            let Some(legs) = self.calls.get_mut(&id).and_then(|call| call.legs()) else {
                return;
            };
            let Some(group) = legs.groups.next() else {
                let Step::End(ending) = legs.end() else {
                    return;
                };
                return self.end(now, id, ending);
            };
            let mut sent = false;
            for target in group {
                sent |= self.try_at(now, id, target);
            }
            if sent {
                break;
            }
        }
        let more = self.calls.get_mut(&id).and_then(|call| call.legs());
        if more.is_some_and(|legs| legs.groups.len() > 0) {
            self.timers
                .set(Due::Legs(id), now.mono + limits::LEG_SILENCE);
        }
    }

    /// Sends an INVITE to a target; not if a URI of it cannot be written.
    fn try_at(&mut self, now: Now, id: CallId, target: Target) -> bool {
        let flow = self.flow_to(&target);
        let (offer, terms) = match self.offer_to(id, flow) {
            Ok(offer) => offer,
            Err(refusal) => {
                let call = self.calls.get_mut(&id);
                if let Some(legs) = call.and_then(|call| call.legs()) {
                    legs.cannot(refusal.status);
                }
                self.trace(now, id, TraceItem::Note { what: refusal.why });
                return false;
            }
        };
        let (target, domain) = self.through_trunk(id, target);
        let Some(call) = self.calls.get_mut(&id) else {
            return false;
        };
        let (session, call_id) = (call.session, call.sip_call_id.clone());
        let Some(legs) = call.legs() else {
            return false;
        };
        let max_forwards = self.sessions.get(&session).map_or(0, |s| s.max_forwards);
        let dialog = self.sip.new_dialog();
        let place = (flow, &target, domain);
        let Ok(invite) = legs.invite(dialog, place, offer.clone(), call_id, max_forwards) else {
            self.note(now, session, "a URI of a call cannot be written");
            return false;
        };
        legs.live.push(Leg {
            dialog,
            target,
            offer,
            terms,
            sdp: None,
        });
        let ip = flow.remote.ip();
        if !call.is_from(ip) {
            call.elsewhere.push(ip);
        }
        call.dialogs += 1;
        self.by_dialog.insert(dialog, id);
        let invite = sip::Input::Invite(Box::new(invite));
        self.sip.handle_input(now.mono, invite);
        true
    }

    /// 18x of a callee: ringing, early media.
    pub(super) fn progress(&mut self, now: Now, id: CallId, progress: Progress) {
        let Some(call) = self.calls.get_mut(&id) else {
            return;
        };
        let limit = Self::ringing_for(call);
        let first = matches!(call.state, State::Dialling(_));
        let Some(legs) = call
            .legs()
            .filter(|_| (180..=189).contains(&progress.status))
        else {
            return;
        };
        let Some(leg) = legs
            .live
            .iter_mut()
            .find(|leg| leg.dialog == progress.dialog)
        else {
            return;
        };
        leg.sdp = progress.sdp.clone().or(leg.sdp.take());
        legs.settled = true;
        let heard = legs.early.is_none_or(|early| early == progress.dialog);
        let session = call.session;
        if first {
            call.state = match std::mem::replace(&mut call.state, State::Offered { rung: false }) {
                State::Dialling(legs) => State::Ringing(legs),
                other => other,
            };
            self.deadline(id, Some(now.mono + limit));
            self.report_transfer(now, id, 180);
        }
        // A description that cannot be used is no reason to give up a call that only rings.
        let early = heard
            && progress
                .sdp
                .is_some_and(|sdp| self.hear(now, id, progress.dialog, &sdp).is_ok());
        let Some(call) = self.calls.get_mut(&id) else {
            return;
        };
        let news = !call.progress.ringing || (early && !call.progress.early_media);
        call.progress.ringing = true;
        call.progress.early_media |= early;
        if news {
            let early_media = early;
            let event = Event::Ringing {
                call: id,
                early_media,
            };
            self.tell(now, session, event);
        }
        self.advance_session(now, session);
    }

    /// From now on this leg is heard.
    fn hear(&mut self, now: Now, id: CallId, dialog: DialogId, sdp: &[u8]) -> Result<(), String> {
        if let Some(call) = self.calls.get_mut(&id)
            && let Some(legs) = call.legs()
            && let Some(leg) = legs.live.iter().find(|leg| leg.dialog == dialog)
        {
            let ip = leg.target.hop.address.ip();
            let (offer, terms) = (leg.offer.clone(), leg.terms.clone());
            call.media.local = Some(offer);
            call.media.terms = terms;
            let before = std::mem::replace(&mut call.signalling, ip);
            if before != ip {
                call.elsewhere.push(before);
            }
        }
        self.accept_answer(now, id, sdp)?;
        if let Some(legs) = self.calls.get_mut(&id).and_then(|call| call.legs()) {
            legs.early = Some(dialog);
        }
        Ok(())
    }

    /// The callee answered: its time must be durable before anybody is told.
    pub(super) fn accepted(&mut self, now: Now, id: CallId, dialog: DialogId, sdp: Option<Bytes>) {
        let Some(call) = self.calls.get_mut(&id) else {
            return;
        };
        let session = call.session;
        let Some(legs) = call.legs() else { return };
        if let Some((trunk, hop)) = legs.gateway(dialog) {
            self.gateways.answered(trunk, hop);
        }
        let Some(leg) = legs.live.iter().find(|leg| leg.dialog == dialog) else {
            return;
        };
        let described = match sdp.or_else(|| leg.sdp.clone()) {
            Some(sdp) => self.hear(now, id, dialog, &sdp),
            None => Err("the callee's answer has no session description".to_owned()),
        };
        let Some(call) = self.calls.get_mut(&id) else {
            return;
        };
        call.dialog = Some(dialog);
        if let Some(legs) = call.legs() {
            legs.live.retain(|leg| leg.dialog != dialog);
        }
        self.give_up_legs(now, id, 200);
        if let Err(why) = described {
            self.note(now, session, why);
            let ending = Ending::platform(Cause::NOT_ACCEPTABLE, EndReason::Released);
            return self.end(now, id, ending);
        }
        self.confirm(now, id, false);
    }

    /// The call is answered: its record goes first.
    pub(super) fn confirm(&mut self, now: Now, id: CallId, picked_up: bool) {
        if let Some(call) = self.calls.get_mut(&id) {
            call.answer = Some(call.unix_ms(now.mono));
        }
        let durable = self.record(id);
        self.durable.insert(durable, id);
        if let Some(call) = self.calls.get_mut(&id) {
            call.state = State::Confirming { durable, picked_up };
        }
        self.deadline(id, Some(now.mono + limits::DURABLE));
    }

    /// A leg was refused or never got through.
    pub(super) fn leg_failed(&mut self, now: Now, id: CallId, mut failure: Failure) {
        let Some(legs) = self.calls.get_mut(&id).and_then(|call| call.legs()) else {
            return;
        };
        let is_phone = legs.place(failure.dialog).is_some();
        if let Some((trunk, hop)) = legs.gateway(failure.dialog) {
            self.learn(now, trunk, hop, &failure);
        }
        if failure.is_lost_connection() && is_phone {
            // A phone that is not there is no failure of ours.
            failure.status = Cause::UNAVAILABLE.code();
            failure.ending = failed(failure.status, failure.by);
            if let Some(target) = self.other_flow(now, id, failure.dialog) {
                self.try_at(now, id, target);
            }
        }
        let Some(legs) = self.calls.get_mut(&id).and_then(|call| call.legs()) else {
            return;
        };
        match legs.lose(failure) {
            None => {}
            Some(Step::Wait) => self.hear_another(now, id),
            Some(Step::Next) => self.try_next(now, id),
            Some(Step::End(ending)) => self.end(now, id, ending),
        }
    }

    /// Another flow of the telephone that this leg leads to: it has registered over several, so that the
    /// loss of one costs it no calls (RFC 5626 §5.3).
    fn other_flow(&mut self, now: Now, id: CallId, dialog: DialogId) -> Option<Target> {
        let tenant = self.tenant_of(id)?;
        let legs = self.calls.get_mut(&id)?.legs()?;
        let user = legs.construct.to.user();
        let lost = legs.place(dialog)?;
        let of_lost = |it: &&Binding| it.hop == lost.hop && lost.uri.as_ref() == Some(&it.contact);
        let lost = self.locations.of(tenant, user).iter().find(of_lost)?;
        let phone = &lost.outbound.as_ref()?.instance;
        let same = |it: &&Binding| it.outbound.as_ref().is_some_and(|it| it.instance == *phone);
        let flows = self.locations.reachable(tenant, user).filter(same);
        ring_order(flows, now.unix_ms)
            .first()
            .copied()
            .map(Target::from)
    }

    /// What a failure says of a gateway.
    fn learn(&mut self, now: Now, trunk: TrunkId, hop: Hop, failure: &Failure) {
        match (failure.by, failure.status, failure.retry_after) {
            (FailedBy::Peer, 503, Some(seconds)) => {
                self.gateways.rest(now.mono, trunk, hop, seconds);
            }
            (FailedBy::Peer, ..) => self.gateways.answered(trunk, hop),
            (FailedBy::Nobody, ..) => self.gateways.suspect(now.mono, trunk, hop),
            (FailedBy::Ourselves, ..) => {}
        }
    }

    /// The leg that was heard has failed: another that sends early media is.
    fn hear_another(&mut self, now: Now, id: CallId) {
        let Some(legs) = self.calls.get_mut(&id).and_then(|call| call.legs()) else {
            return;
        };
        if legs.early.is_some() {
            return;
        }
        let speaks = |leg: &Leg| Some((leg.dialog, leg.sdp.clone()?));
        if let Some((dialog, sdp)) = legs.live.iter().find_map(speaks)
            && let Err(why) = self.hear(now, id, dialog, &sdp)
        {
            tracing::debug!(why, "early media cannot be used");
        }
    }

    /// The legs that have said nothing are given up: there is somewhere else to try.
    pub(super) fn legs_overdue(&mut self, now: Now, id: CallId) {
        let Some(legs) = self.calls.get_mut(&id).and_then(|call| call.legs()) else {
            return;
        };
        let dialogs = legs.live.iter().map(|leg| leg.dialog);
        let silent: Vec<DialogId> = dialogs.filter(|dialog| !self.sip.hears(*dialog)).collect();
        for dialog in silent {
            let status = Cause::TIMEOUT.code();
            let input = sip::Input::Release { dialog, status };
            self.sip.handle_input(now.mono, input);
            let failure = Failure {
                dialog,
                by: FailedBy::Nobody,
                status,
                retry_after: None,
                ending: Ending::platform(Cause::TIMEOUT, EndReason::Released),
            };
            self.leg_failed(now, id, failure);
        }
    }

    /// Gives up every leg that is under way; with 200 because another has answered.
    pub(super) fn give_up_legs(&mut self, now: Now, id: CallId, status: u16) {
        let Some(legs) = self.calls.get_mut(&id).and_then(|call| call.legs()) else {
            return;
        };
        for leg in std::mem::take(&mut legs.live) {
            let dialog = leg.dialog;
            let input = sip::Input::Release { dialog, status };
            self.sip.handle_input(now.mono, input);
        }
        self.timers.stop(&Due::Legs(id));
    }
}

impl Legs {
    /// Whose way it goes.
    pub(super) fn via(&self) -> Via {
        self.construct.route.via
    }

    fn invite(
        &self,
        dialog: DialogId,
        (flow, target, domain): (sip::Flow, &Target, Option<Peer>),
        sdp: Bytes,
        call_id: String,
        max_forwards: u8,
    ) -> Result<sip::Invite, sip::UriError> {
        let construct = &self.construct;
        let number = || {
            let at = Uri::over(flow.transport, construct.to.user(), flow.remote);
            match domain {
                Some(name) => at.with_host(&name.to_string()),
                None => Ok(at),
            }
        };
        Ok(sip::Invite {
            dialog,
            flow,
            request_uri: target.uri.as_deref().map_or_else(number, str::parse)?,
            login: self.login.clone(),
            routes: target
                .path
                .iter()
                .map(|uri| uri.parse())
                .collect::<Result<_, _>>()?,
            from: construct.shown().parse()?,
            to: construct.to.as_str().parse()?,
            call_id,
            max_forwards,
            headers: construct.headers.clone(),
            sdp,
        })
    }
}
