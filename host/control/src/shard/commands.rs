//! Carrying out the commands of a turn.
//!
//! Each was checked against the view; the network went on meanwhile. One whose call has ended, or has
//! moved on, is skipped, and the trace says so: its terminal event is already queued.

use std::{
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};

use model::{
    CallDirection, CallId, Cause, Command, Completion, EndReason, NoNumber, Now, SessionId, Target,
    Via, command::Construct, limits, ring_groups,
};

use super::{Recorder, Shard, release::Ending};
use crate::{
    call::{Call, Media, Record, State, Told},
    meter::Lease,
    timers::Due,
};

/// Why a command was skipped, in words for the trace.
type Skipped = String;

impl Shard {
    pub(super) fn apply(
        &mut self,
        now: Now,
        session: SessionId,
        command: Command,
    ) -> Result<(), Skipped> {
        match command {
            Command::Ring { call } => self.ring(now, call),
            Command::Answer { call, user_data } => self.answer(now, call, user_data),
            Command::Release { call, cause } => self.release(now, session, call, cause),
            Command::Redirect { call, to } => self.redirect(now, call, &to),
            Command::SetUserData { call, user_data } => {
                self.living(call, "set-user-data")?.user_data = user_data;
                Ok(())
            }
            Command::Construct(mut construct) => {
                let place = self.locate(now, session, &mut construct);
                self.construct(now, session, construct, place);
                Ok(())
            }
            Command::BridgeStart { a, b } => self.bridge(a, b),
            Command::BridgeStop { call } => self.bridge_stop(call),
            Command::ConfEnter {
                call,
                conference,
                name,
                mode,
            } => self.conf_enter(now, session, call, (conference, &name), mode),
            Command::ConfExit { call } => self.conf_exit(now, call),
            conf @ (Command::ConfPlayStart { .. }
            | Command::ConfPlayStop { .. }
            | Command::ConfRecordStart { .. }
            | Command::ConfRecordStop { .. }) => self.attend(now, session, conf),
            record @ Command::RecordStart { .. } => self.want_recording(now, record),
            Command::RecordStop { call } => {
                self.living(call, "record-stop")?;
                self.end_recording(now, call, Completion::Stopped);
                Ok(())
            }
            Command::Transfer { call, to, replaces } => self.transfer(now, call, &to, replaces),
            Command::TransferAccept { call } => self.decide_transfer(now, call, None),
            Command::TransferRefuse { call, cause } => self.decide_transfer(now, call, Some(cause)),
            Command::PlayStart {
                call,
                operation,
                what,
            } => self.play(now, call, operation, what),
            Command::PlayStop { call } => self.play_stop(now, call),
            Command::CollectStart {
                call,
                operation,
                what,
            } => self.collect(now, call, operation, *what),
            Command::CollectStop { call } => self.collect_stop(now, call),
            Command::SendDigits { call, digits } => self.want_digits(now, call, &digits),
            Command::Hold { call } => self.want_hold(call, true),
            Command::Resume { call } => self.want_hold(call, false),
            Command::TimerStart { name, after_ms } => {
                self.start_timer(now, session, name, after_ms);
                Ok(())
            }
            Command::TimerStop { name } => {
                self.stop_timer(session, name);
                Ok(())
            }
        }
    }

    fn answer(&mut self, now: Now, call: CallId, user_data: String) -> Result<(), Skipped> {
        let call = self.offered(call, "answer")?;
        call.user_data = user_data;
        call.state = State::Accepting { durable: None };
        let id = call.id;
        self.deadline(id, Some(now.mono + limits::MEDIA_OPEN));
        Ok(())
    }

    fn want_recording(&mut self, now: Now, command: Command) -> Result<(), Skipped> {
        let Command::RecordStart {
            call,
            operation,
            name,
            finish_keys,
            max_seconds,
        } = command
        else {
            return Ok(());
        };
        let recorder = Recorder {
            operation,
            name,
            finish_keys,
            longest: Duration::from_secs(u64::from(max_seconds)),
            since: None,
        };
        self.record_start(now, call, recorder)
    }

    fn release(
        &mut self,
        now: Now,
        session: SessionId,
        call: CallId,
        cause: Cause,
    ) -> Result<(), Skipped> {
        self.living(call, "release")?;
        self.pass_reason(now, session, call, cause);
        self.end(now, call, Ending::policy(cause));
        Ok(())
    }

    fn start_timer(&mut self, now: Now, session: SessionId, name: String, after_ms: u32) {
        self.discard_expiry(session, &name);
        if let Some(s) = self.sessions.get_mut(&session) {
            s.timers.insert(name.clone());
            let after = Duration::from_millis(u64::from(after_ms));
            let at = now.mono + after.max(limits::TIMER_SHORTEST);
            self.timers.set(Due::Policy(session, name), at);
        }
    }

    fn stop_timer(&mut self, session: SessionId, name: String) {
        self.discard_expiry(session, &name);
        if let Some(s) = self.sessions.get_mut(&session) {
            s.timers.remove(&name);
        }
        self.timers.stop(&Due::Policy(session, name));
    }

    fn bridge(&mut self, a: CallId, b: CallId) -> Result<(), Skipped> {
        for (one, other) in [(a, b), (b, a)] {
            self.living(other, "bridge-start")?;
            let call = self.living(one, "bridge-start")?;
            if call.bridged.is_some() || call.conference.is_some() {
                return Err("bridge-start skipped: already bridged, or in a conference".into());
            }
        }
        for (one, other) in [(a, b), (b, a)] {
            self.living(one, "bridge-start")?.bridged = Some(other);
        }
        Ok(())
    }

    fn bridge_stop(&mut self, call: CallId) -> Result<(), Skipped> {
        self.living(call, "bridge-stop")?;
        self.part(call);
        Ok(())
    }

    pub(super) fn living(&mut self, id: CallId, what: &str) -> Result<&mut Call, Skipped> {
        let call = self.calls.get_mut(&id).filter(|call| !call.is_released());
        call.ok_or_else(|| format!("{what} skipped: the call has ended"))
    }

    fn offered(&mut self, id: CallId, what: &str) -> Result<&mut Call, Skipped> {
        let call = self.living(id, what)?;
        match call.state {
            State::Offered { .. } => Ok(call),
            _ => Err(format!("{what} skipped: the call has moved on")),
        }
    }

    fn ring(&mut self, now: Now, id: CallId) -> Result<(), Skipped> {
        let call = self.offered(id, "ring")?;
        call.state = State::Offered { rung: true };
        if let Some(dialog) = call.dialog {
            let input = sip::Input::Progress {
                dialog,
                status: 180,
                sdp: None,
            };
            self.sip.handle_input(now.mono, input);
        }
        Ok(())
    }

    fn redirect(&mut self, now: Now, id: CallId, to: &model::Address) -> Result<(), Skipped> {
        let call = self.offered(id, "redirect")?;
        let (dialog, session) = (call.dialog, call.session);
        let domain = self
            .sessions
            .get(&session)
            .map_or("", |s| s.tenant.domain.as_str());
        let Ok(contact) = to.to_uri(domain).parse::<sip::Uri>() else {
            // The policy was told that the call is over: so it is.
            let ending = Ending::platform(Cause::SERVER_ERROR, EndReason::Released);
            self.end(now, id, ending);
            return Err("redirect failed: no SIP URI can be made of it".to_owned());
        };
        if let Some(dialog) = dialog {
            self.sip
                .handle_input(now.mono, sip::Input::Redirect { dialog, contact });
        }
        let ending = Ending {
            signal: false,
            ..Ending::policy(Cause::from_network(302))
        };
        self.end(now, id, ending);
        Ok(())
    }

    /// Where a call is tried, now that it is made: phones come and go, as gateways do.
    /// Its place on a trunk that has a cap.
    fn locate(
        &mut self,
        now: Now,
        session: SessionId,
        construct: &mut Construct,
    ) -> Result<Option<Lease>, NoNumber> {
        let Some(s) = self.sessions.get(&session) else {
            return Ok(None);
        };
        let mut found = Ok(None);
        let route = &mut construct.route;
        match route.via {
            Via::Trunk(_) => {
                // One that can take no more, is not there, or has no spelling of it, leaves the call to the
                // next of those that fit as well.
                found = Err(NoNumber);
                for trunk in s.tenant.trunks_like(route.via, construct.to.user()) {
                    if !trunk.can_spell(&construct.from, &construct.to) {
                        continue;
                    }
                    found = Ok(None);
                    let ids = &mut self.ids;
                    let hops = self.gateways.in_turn(now.mono, trunk, || ids.number());
                    if hops.is_empty() {
                        continue;
                    }
                    let Ok(lease) = self.config.meters.take(now.mono, trunk) else {
                        self.capped += 1;
                        continue;
                    };
                    route.via = Via::Trunk(trunk.id);
                    let alone = |hop| vec![Target::from(hop)];
                    route.groups = hops.into_iter().map(alone).collect();
                    return Ok(lease);
                }
            }
            Via::Phone if route.groups.is_empty() => {
                let user = construct.to.user();
                let bindings = self.locations.reachable(s.tenant.id, user);
                route.groups = ring_groups(bindings, now.unix_ms);
            }
            Via::Phone => {}
        }
        found
    }

    /// Makes the call; its INVITE goes out when its port is open.
    fn construct(
        &mut self,
        now: Now,
        session: SessionId,
        construct: Box<Construct>,
        place: Result<Option<Lease>, NoNumber>,
    ) {
        let Some(s) = self.sessions.get(&session) else {
            return;
        };
        let (tenant, hops) = (s.tenant.id, s.max_forwards);
        let begin = s.unix_ms(now.mono);
        let (via, unspelled) = (construct.route.via, place.is_err());
        let first = construct.route.targets().next();
        let first = first.map(|target| target.hop.address.ip());
        let call = Call {
            id: construct.call,
            session,
            direction: CallDirection::Outbound,
            from: construct.from.clone(),
            to: construct.to.clone(),
            number: String::new(),
            user_data: construct.user_data.clone(),
            headers: [].into(),
            dialog: None,
            dialogs: 0,
            sip_call_id: self.mint_sip_call_id(),
            signalling: first.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
            elsewhere: Vec::new(),
            media: Media::new(None),
            bridged: None,
            conference: None,
            lease: place.unwrap_or_default(),
            begin,
            answer: None,
            max_ring: construct.max_ring_seconds,
            max_answer: construct.max_answer_seconds,
            progress: Told::default(),
            operations: 0,
            playing: None,
            collecting: None,
            keyed: None,
            asked: None,
            fulfils: construct.transfer,
            later_ids: Vec::new(),
            record: Record::Open,
            began: now.mono,
            state: State::Opening(construct),
        };
        let id = call.id;
        let full = self.tenant_is_full(tenant);
        self.add_call(now, call);
        self.deadline(id, Some(now.mono + limits::MEDIA_OPEN));
        let nowhere = first.is_none().then_some((via, unspelled));
        if let Some((cause, reason, why)) = refusal(self.closing, full, hops, nowhere) {
            self.note(now, session, why);
            self.end(now, id, Ending::platform(cause, reason));
        }
    }

    /// A Call-ID that hashes to this shard, so that every message of the call comes here.
    pub(super) fn mint_sip_call_id(&mut self) -> String {
        loop {
            let id = format!("{:016x}{:016x}", self.ids.number(), self.ids.number());
            if self.config.placement.shard_of(id.as_bytes()) == self.config.shard {
                return id;
            }
        }
    }
}

/// Why a new call is over before it begins, if it is. `nowhere`: there is no place to call, by what it
/// would go, and whether no trunk's rules made a number of it.
fn refusal(
    closing: bool,
    full: bool,
    hops: u8,
    nowhere: Option<(Via, bool)>,
) -> Option<(Cause, EndReason, &'static str)> {
    let (busy, limit) = (Cause::SERVICE_UNAVAILABLE, EndReason::Limit);
    let (cause, reason, why) = match (closing, full, hops, nowhere) {
        (true, ..) => (busy, limit, "the node ends"),
        (_, true, ..) => (busy, limit, "the tenant has too many live calls"),
        (_, _, 0, _) => (
            Cause::TOO_MANY_HOPS,
            limit,
            "Max-Forwards is used up: a loop",
        ),
        (.., Some((Via::Phone, _))) => (
            Cause::UNAVAILABLE,
            EndReason::Released,
            "the phone is not registered",
        ),
        (.., Some((_, true))) => (
            Cause::INCOMPLETE,
            EndReason::Released,
            "the rules of no trunk that takes calls make a number of it",
        ),
        (.., Some(_)) => (
            busy,
            EndReason::Released,
            "no trunk that fits takes calls now",
        ),
        (.., None) => return None,
    };
    Some((cause, reason, why))
}
