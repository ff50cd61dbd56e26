//! The end of calls, whoever ends them: exactly one `on_released` and one final record each.

use std::time::Duration;

use ::media::Command;
use model::{
    CallDirection, CallId, Cause, Completion, DialReport, EndReason, Event, Now, ReleaseReport,
    ReleasedBy, SessionId, limits,
};

use super::{Shard, sessions::count_down};
use crate::{
    Output,
    call::{Call, End, Port, Record, State},
    timers::Due,
};

/// How a call is to end.
#[derive(Clone, Debug)]
pub(crate) struct Ending {
    pub(super) by: ReleasedBy,
    pub(super) cause: Cause,
    pub(super) reason: EndReason,
    /// The other side must be told: it does not know yet.
    pub(super) signal: bool,
    /// What `on_dial_completed` says, if dialling was not over.
    pub(super) dial_error: Cause,
    pub(super) q850: Option<u8>,
    pub(super) text: Option<String>,
    pub(super) redirect: Option<model::Address>,
}

impl Ending {
    /// By a policy or the operator.
    pub(super) fn policy(cause: Cause) -> Self {
        Self {
            by: ReleasedBy::System,
            cause,
            reason: EndReason::Released,
            signal: true,
            dial_error: Cause::TERMINATED,
            q850: None,
            text: None,
            redirect: None,
        }
    }

    /// By the platform, on its own account.
    pub(super) fn platform(cause: Cause, reason: EndReason) -> Self {
        Self {
            reason,
            dial_error: cause,
            ..Self::policy(cause)
        }
    }

    /// 200 is the end of a conversation; where there was none, the cause is another.
    fn fitting(self, call: &Call) -> Self {
        if call.answer.is_some() || self.cause != Cause::NORMAL {
            return self;
        }
        let cause = match call.direction {
            CallDirection::Inbound => Cause::UNAVAILABLE,
            CallDirection::Outbound => Cause::TERMINATED,
        };
        Self { cause, ..self }
    }

    /// With what its Reason header said.
    pub(super) fn saying(self, q850: Option<u8>, text: Option<String>) -> Self {
        Self { q850, text, ..self }
    }

    /// By the party, which has said so.
    pub(super) fn party(cause: Cause) -> Self {
        Self {
            by: ReleasedBy::User,
            signal: false,
            ..Self::platform(cause, EndReason::Released)
        }
    }
}

impl Shard {
    /// Ends a call in whatever state it is; a released one stays as it is.
    pub(super) fn end(&mut self, now: Now, id: CallId, ending: Ending) {
        let Some(call) = self.calls.get_mut(&id) else {
            return;
        };
        if call.is_released() {
            return;
        }
        if call.state.owes_200() {
            // The 200 never left: whatever a row says until now, nobody was answered.
            call.answer = None;
        }
        let ending = ending.fitting(call);
        let status = ending.cause.code();
        if let (true, Some(dialog)) = (ending.signal, call.dialog) {
            let input = sip::Input::Release { dialog, status };
            self.sip.handle_input(now.mono, input);
        }
        self.give_up_legs(now, id, status);
        self.report_transfer(now, id, ending.cause.passed_on().code());
        let Some(call) = self.calls.get_mut(&id) else {
            return;
        };
        if let State::Confirming { durable, .. }
        | State::Accepting {
            durable: Some(durable),
        } = call.state
        {
            self.durable.remove(&durable);
        }
        call.lease = None;
        call.state = State::Released(End {
            at: call.unix_ms(now.mono),
            by: ending.by,
            cause: ending.cause,
            reason: ending.reason,
            q850: ending.q850,
        });
        tracing::debug!(call = %id, cause = ending.cause.code(), "released");
        let (session, undialled) = (
            call.session,
            call.direction == CallDirection::Outbound && !call.progress.dial_completed,
        );
        call.progress.dial_completed = true;
        let dial = Event::DialCompleted {
            call: id,
            report: dial_report(call, now, &ending),
        };
        let released = Event::Released {
            call: id,
            report: release_report(call, now, &ending),
        };
        self.stop_timers(id);
        self.leave_seat(now, id);
        self.count_end(session);
        let others = self.part(id);
        self.end_recording(now, id, Completion::Stopped);
        self.answer_holder(now, id);
        self.played(now, id, Completion::Stopped);
        self.close_port(now, id);
        self.collected(now, id, Completion::Stopped);
        self.discard_events(session, id);
        if undialled {
            self.tell(now, session, dial);
        }
        self.tell(now, session, released);
        if others && self.sessions.get(&session).is_some_and(|s| s.keeps_talking) {
            // The policy is broken and cannot do it: whoever lost its partner is released.
            self.release_where(now, session, Cause::NORMAL, |call| call.bridged.is_none());
        }
    }

    fn stop_timers(&mut self, id: CallId) {
        self.deadline(id, None);
        self.timers.stop(&Due::Align(id));
        self.timers.stop(&Due::Asked(id));
        self.timers.stop(&Due::Digit(id));
    }

    /// A call is released in the turn that tells the end of another: it passes on what the network said of
    /// that one, unless the policy gives a cause of its own.
    pub(super) fn pass_reason(&mut self, now: Now, session: SessionId, id: CallId, cause: Cause) {
        let out = self.sessions.get(&session).and_then(|s| s.turn.as_ref());
        let about = out.and_then(|out| self.calls.get(&out.call?));
        let Some(State::Released(end)) = about.map(|call| &call.state) else {
            return;
        };
        let passed = end.cause.passed_on();
        let same = cause == passed || passed == Cause::NORMAL;
        let (Some(q850), true) = (end.q850, same) else {
            return;
        };
        let Some(call) = self.calls.get_mut(&id) else {
            return;
        };
        let tried = call.legs().map(|legs| legs.dialogs()).unwrap_or_default();
        for dialog in tried.into_iter().chain(call.dialog) {
            let because = sip::Input::Because { dialog, q850 };
            self.sip.handle_input(now.mono, because);
        }
    }

    fn count_end(&mut self, session: SessionId) {
        let Some(tenant) = self.sessions.get(&session).map(|s| s.tenant.id) else {
            return;
        };
        count_down(&mut self.live_calls, tenant);
    }

    /// Ends the bridge of a call, if it has one.
    pub(super) fn part(&mut self, id: CallId) -> bool {
        let Some(call) = self.calls.get_mut(&id) else {
            return false;
        };
        let Some(other) = call.bridged.take() else {
            return false;
        };
        let relayed = std::mem::take(&mut call.media.relayed);
        let port = call.port().map(|(port, _)| port);
        let session = call.session;
        if let Some(other) = self.calls.get_mut(&other) {
            other.bridged = None;
            other.media.relayed = false;
        }
        if let (true, Some(port)) = (relayed, port) {
            self.out.push_back(Output::Media {
                session,
                command: Command::Unbridge { port },
            });
        }
        true
    }

    /// Closes the port; the final record waits for its counters, but not for ever.
    fn close_port(&mut self, now: Now, id: CallId) {
        let Some(call) = self.calls.get_mut(&id) else {
            return;
        };
        match call.media.port {
            Port::Opening(port) | Port::Open(port, _) => {
                call.media.port = Port::Closing(port);
                let session = call.session;
                self.out.push_back(Output::Media {
                    session,
                    command: Command::Close { port },
                });
                self.deadline(id, Some(now.mono + limits::MEDIA_OPEN));
            }
            Port::None => {
                call.media.port = Port::Closed;
                self.record_final(now, id);
            }
            Port::Closing(_) | Port::Closed => {}
        }
    }

    /// Puts the final row out, once; it is put out again until it is durable.
    pub(super) fn record_final(&mut self, now: Now, id: CallId) {
        let open = |call: &Call| call.is_released() && call.record == Record::Open;
        if self.calls.get(&id).is_some_and(open) {
            self.put_final(now, id, 1);
        }
    }

    /// The same for a call whose port may still be closing.
    pub(super) fn record_final_if_closed(&mut self, now: Now, id: CallId) {
        let closed = |call: &Call| call.media.port == Port::Closed;
        if self.calls.get(&id).is_some_and(closed) {
            self.record_final(now, id);
        }
    }

    fn put_final(&mut self, now: Now, id: CallId, times: u32) {
        let ticket = self.record(id);
        self.durable.insert(ticket, id);
        if let Some(call) = self.calls.get_mut(&id) {
            call.record = Record::Final(ticket, times);
        }
        // A store that is away is not helped by a crowd at its door.
        let wait = limits::RECORD_AGAIN * (1 << times.min(6));
        self.deadline(id, Some(now.mono + wait));
    }

    /// The deadline of a call that is over: its counters or the word of the store did not come.
    fn released_due(&mut self, now: Now, id: CallId) {
        let Some(call) = self.calls.get_mut(&id) else {
            return;
        };
        match (call.media.port, call.record) {
            (Port::Closing(port), _) => {
                call.media.port = Port::Closed;
                self.by_port.remove(&port);
                self.record_final(now, id);
            }
            (_, Record::Final(ticket, times)) => {
                self.durable.remove(&ticket);
                self.put_final(now, id, times.saturating_add(1));
            }
            _ => {}
        }
    }

    /// Releases the live calls of a session that fit.
    pub(super) fn release_where(
        &mut self,
        now: Now,
        session: SessionId,
        cause: Cause,
        fits: impl Fn(&Call) -> bool,
    ) {
        let Some(s) = self.sessions.get(&session) else {
            return;
        };
        let live = |id: &CallId| {
            self.calls
                .get(id)
                .is_some_and(|c| !c.is_released() && fits(c))
        };
        let calls: Vec<CallId> = s.calls.iter().copied().filter(live).collect();
        for call in calls {
            self.end(now, call, Ending::platform(cause, EndReason::Released));
        }
    }

    pub(super) fn release_session(&mut self, now: Now, session: SessionId, cause: Cause) {
        self.release_where(now, session, cause, |_| true);
    }

    pub(super) fn release_all(&mut self, now: Now) {
        self.closing = true;
        let sessions: Vec<SessionId> = self.sessions.keys().copied().collect();
        for session in sessions {
            self.release_session(now, session, Cause::SERVICE_UNAVAILABLE);
        }
    }

    /// The deadline of a call's state has passed.
    pub(super) fn call_due(&mut self, now: Now, id: CallId) {
        let Some(call) = self.calls.get(&id) else {
            return;
        };
        let session = call.session;
        let (what, ending) = match &call.state {
            State::Offered { .. } => (
                "the policy did not answer in time",
                Ending::platform(Cause::UNAVAILABLE, EndReason::Limit),
            ),
            State::Accepting { durable: Some(_) } | State::Confirming { .. } => {
                tracing::debug!(%session, "the store did not make a CDR durable in time");
                (
                    "the store did not make the CDR durable in time",
                    Ending::platform(Cause::SERVICE_UNAVAILABLE, EndReason::StoreLost),
                )
            }
            State::Accepting { durable: None } | State::Opening(_) => (
                "no media port in time",
                Ending::platform(Cause::SERVICE_UNAVAILABLE, EndReason::Released),
            ),
            State::Dialling(_) => (
                "the callee did not ring in time",
                Ending::platform(Cause::TIMEOUT, EndReason::Released),
            ),
            State::Ringing(_) => (
                "the callee did not answer in time",
                Ending::platform(Cause::TIMEOUT, EndReason::Released),
            ),
            State::Answered => (
                "the call lasted too long",
                Ending::platform(Cause::NORMAL, EndReason::Limit),
            ),
            State::Released(_) => return self.released_due(now, id),
        };
        self.note(now, session, what);
        self.end(now, id, ending);
    }

    /// How long a call may stay answered.
    pub(super) fn answered_for(call: &Call) -> Duration {
        match call.max_answer {
            0 => limits::ANSWERED_LONGEST,
            seconds => Duration::from_secs(u64::from(seconds)).min(limits::ANSWERED_LONGEST),
        }
    }

    /// How long a call may ring.
    pub(super) fn ringing_for(call: &Call) -> Duration {
        match call.max_ring {
            0 => limits::RING_LONGEST,
            seconds => Duration::from_secs(u64::from(seconds)).min(limits::RING_LONGEST),
        }
    }
}

fn dial_report(call: &Call, now: Now, ending: &Ending) -> DialReport {
    // Answered, and over before the answer was durable: no success that a policy could build on. Only
    // the report of its release tells that time.
    let lost = call.answer.is_some() && ending.dial_error == Cause::NORMAL;
    DialReport {
        begin: call.begin,
        answer: None,
        end: call.unix_ms(now.mono),
        error: Some(if lost {
            Cause::UNAVAILABLE
        } else {
            ending.dial_error
        }),
        reason: ending.text.clone(),
        redirect: ending.redirect.clone(),
    }
}

fn release_report(call: &Call, now: Now, ending: &Ending) -> ReleaseReport {
    ReleaseReport {
        direction: call.direction,
        from: call.from.clone(),
        to: call.to.clone(),
        begin: call.begin,
        answer: call.answer,
        end: call.unix_ms(now.mono),
        dropped_by: ending.by,
        cause: ending.cause,
        q850: ending.q850,
        reason: ending.text.clone(),
    }
}
