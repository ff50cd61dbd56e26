//! Turns: events queue, one turn is out at a time, its outcome is carried out.
//!
//! ```text
//!  tell ──▶ queue ──▶ RunTurn … TurnDone ──▶ commands ──▶ media plan ──▶ next of the queue
//! ```

use model::{
    ActivePlugin, Answer, CallId, Cause, Command, ConferenceView, Event, FaultPolicy, LogLevel,
    LogLine, Now, Refusal, SessionId, TraceItem, limits,
    turn::{Effects, Fault, TurnOutcome, Usage, View},
};

use super::{Shard, upgrade};
use crate::{
    Output, Ticket, TurnRequest,
    call::{Call, State},
    session::{Out, Session},
};

impl Shard {
    /// Queues an event for the session's policy, and runs it if no turn is out.
    pub(super) fn tell(&mut self, now: Now, session: SessionId, event: Event) {
        let Some(s) = self.sessions.get_mut(&session) else {
            return;
        };
        s.queue.push_back(event);
        // What its calls are promised is told in any case: at most two events for each, and the ends of
        // what they were told to do.
        let count = |fits: fn(&Event) -> bool| s.queue.iter().filter(|it| fits(it)).count();
        let (overflow, ends) = (count(|it| !is_terminal(it)), count(is_completion));
        if (overflow > limits::QUEUED_EVENTS && !self.drop_digit(session)
            || ends > limits::QUEUED_COMPLETIONS)
            && let Some(s) = self.sessions.get_mut(&session)
        {
            let before = s.queue.len();
            let kept = ends <= limits::QUEUED_COMPLETIONS;
            s.queue
                .retain(|it| is_terminal(it) && (kept || !is_completion(it)));
            self.events_lost += (before - s.queue.len()) as u64;
            self.note(now, session, "too many events wait for the policy");
            self.release_session(now, session, Cause::SERVICE_UNAVAILABLE);
        }
        self.run_next(now, session);
    }

    /// Whether the policy of a session wants to be told what is in that interface.
    pub(super) fn hears(&self, session: SessionId, interface: &str) -> bool {
        let plugin = self.sessions.get(&session).map(|s| &s.plugin);
        plugin.is_some_and(|plugin| upgrade::hears(plugin, interface))
    }

    /// Begins the next turn, if none is out and an event waits.
    pub(super) fn run_next(&mut self, now: Now, session: SessionId) {
        let Some(s) = self.sessions.get_mut(&session) else {
            return;
        };
        if s.turn.is_some() {
            return;
        }
        if s.queue.is_empty() {
            return self.prune(session);
        }
        if let Some(to) = self.due_version(session) {
            return self.begin_upgrade(now, session, to);
        }
        let next = |s: &mut Session| s.queue.pop_front();
        let Some(event) = self.sessions.get_mut(&session).and_then(next) else {
            return;
        };
        let mut view = self.view(now, session, event.call());
        if let (Some(view), Event::TransferRequested { call, .. }) = (&mut view, &event) {
            view.asked = self.calls.get(call).and_then(|call| call.asked.clone());
        }
        if let (Some(view), Some((id, name))) = (&mut view, event.conference()) {
            let is_there = view.conferences.iter().any(|it| it.id == id);
            let name = name.to_owned();
            let size = 0;
            view.gone = (!is_there).then_some(ConferenceView { id, name, size });
        }
        if let Some(view) = view {
            self.run(session, view, event, None);
        }
    }

    /// Puts a turn out: of the session's version, or of one that is to take over.
    pub(super) fn run(
        &mut self,
        session: SessionId,
        view: View,
        event: Event,
        to: Option<Box<ActivePlugin>>,
    ) {
        let ticket = self.ticket();
        let ids = model::IdSource::new(self.ids.seed(), self.config.node, self.config.shard);
        let Some(s) = self.sessions.get_mut(&session) else {
            return;
        };
        let plugin = to.as_deref().unwrap_or(&s.plugin);
        let (digest, version) = (plugin.digest.clone(), plugin.version);
        s.turn = Some(Out {
            ticket,
            name: event.name(),
            call: event.call(),
            terminal: matches!(event, Event::Released { .. }),
            asked: matches!(event, Event::TransferRequested { .. }),
            to,
        });
        let number = s.turns;
        s.turns = number.saturating_add(1);
        self.turns.insert(ticket, session);
        let request = TurnRequest {
            ticket,
            digest,
            version,
            number,
            view,
            event,
            ids,
        };
        self.out.push_back(Output::RunTurn(Box::new(request)));
    }

    pub(super) fn view(&self, now: Now, session: SessionId, about: Option<CallId>) -> Option<View> {
        let s = self.sessions.get(&session)?;
        let calls = s.calls.iter().filter_map(|id| self.calls.get(id));
        let seen = calls.filter(|call| !call.is_released() || Some(call.id) == about);
        Some(View {
            session,
            now: now.unix_ms,
            calls: seen.map(Call::view).collect(),
            calls_made: s.calls_made,
            conferences: self.config.conferences.of(s.tenant.id),
            gone: None,
            operations: s.operations,
            timers: s.timers.iter().cloned().collect(),
            state: s.state.clone(),
            asked: None,
            tenant: s.tenant.clone(),
            plugin: s.plugin.name.clone(),
            settings: s.plugin.settings.clone(),
        })
    }

    /// A turn came back. A stale ticket is ignored: its session is gone.
    pub(super) fn turn_done(&mut self, now: Now, ticket: Ticket, outcome: TurnOutcome) {
        let Some(session) = self.turns.remove(&ticket) else {
            return;
        };
        let Some(s) = self.sessions.get_mut(&session) else {
            return;
        };
        // It stays out until all of it is carried out: what its commands cause is told afterwards.
        let Some(out) = s.turn.clone().filter(|out| out.ticket == ticket) else {
            return;
        };
        let _span = self.session_span(session, out.call);
        if let (true, Some(call)) = (out.terminal, out.call)
            && let Some(call) = self.calls.get_mut(&call)
        {
            call.progress.released = true;
        }
        match (out.to.clone(), outcome) {
            (Some(to), outcome) => self.upgraded(now, session, (&out, *to), outcome),
            (None, TurnOutcome::Done(effects)) => {
                tracing::debug!(event = out.name, used = %effects.usage, "turn done");
                self.carry_out(now, session, &out, *effects);
            }
            (None, TurnOutcome::Fault { kind, logs, usage }) => {
                let fault = kind.as_str();
                tracing::debug!(event = out.name, fault, used = %usage, "turn faulted");
                if let Some(s) = self.sessions.get_mut(&session) {
                    s.usage.add(Usage { faults: 1, ..usage });
                }
                self.log_fault(now, session, &out, (kind, logs));
                self.fault(now, session, &out, kind);
            }
        }
        if let (true, Some(call)) = (out.asked, out.call) {
            self.refuse_open_wish(now, call);
        }
        if let Some(s) = self.sessions.get_mut(&session) {
            s.turn = None;
        }
        self.run_next(now, session);
    }

    fn carry_out(&mut self, now: Now, session: SessionId, out: &Out, effects: Effects) {
        self.log(now, session, effects.logs);
        let Some(s) = self.sessions.get_mut(&session) else {
            return;
        };
        s.usage.add(effects.usage);
        if let Some(state) = effects.state {
            s.state = state.into();
        }
        let lane = |call| s.trace.label(call).to_owned();
        let mut decisions: Vec<_> = effects.commands.iter().map(|c| c.describe(lane)).collect();
        decisions.extend(
            effects
                .reply
                .as_ref()
                .map(|reply| format!("reply {}", reply.status)),
        );
        let item = TraceItem::Turn {
            event: out.name.to_owned(),
            call: out.call,
            decisions,
        };
        s.note(now.mono, item);
        let granted = unfulfilled(&effects.commands);
        for command in effects.commands {
            if let Err(why) = self.apply(now, session, command) {
                self.note(now, session, why);
            }
        }
        if let Some(party) = granted {
            // The policy has done all there is to do.
            self.tell_party(now, party, 200);
        }
        // Only now is SDP written: a codec is chosen with all of the turn's commands in view.
        self.advance_session(now, session);
        if let Some(reply) = effects.reply
            && let Some(s) = self.sessions.get_mut(&session)
            && let Some(ticket) = s.asked.take()
        {
            self.out.push_back(Output::Reply {
                ticket,
                answer: Answer::Reply(reply),
            });
        }
    }

    fn log_fault(
        &mut self,
        now: Now,
        session: SessionId,
        out: &Out,
        (kind, mut logs): (Fault, Vec<LogLine>),
    ) {
        let (event, kind) = (out.name, kind.as_str());
        logs.push(LogLine {
            level: LogLevel::Error,
            message: format!("{event} faulted: {kind}; nothing of it happened"),
        });
        self.log(now, session, logs);
    }

    fn fault(&mut self, now: Now, session: SessionId, out: &Out, kind: Fault) {
        let Some(s) = self.sessions.get_mut(&session) else {
            return;
        };
        let decisions = vec![format!("fault: {}", kind.as_str())];
        let item = TraceItem::Turn {
            event: out.name.to_owned(),
            call: out.call,
            decisions,
        };
        s.note(now.mono, item);
        let asked = s.asked.take();
        let keep = s.tenant.fault_policy == FaultPolicy::KeepTalking;
        s.keeps_talking |= keep;
        if let Some(ticket) = asked {
            let answer = Answer::Refused(match kind {
                Fault::Store => Refusal::Unavailable("the store"),
                kind => Refusal::Fault(kind),
            });
            self.out.push_back(Output::Reply { ticket, answer });
        }
        // Only a conversation is kept: a caller who was never answered must not talk for nothing.
        let answered = |call: &Call| matches!(call.state, State::Answered);
        let talks = |call: &Call| {
            let peer = call.bridged.and_then(|peer| self.calls.get(&peer));
            answered(call) && (call.conference.is_some() || peer.is_some_and(answered))
        };
        let Some(s) = self.sessions.get(&session) else {
            return;
        };
        let calls = s.calls.iter().filter_map(|id| self.calls.get(id));
        let kept: Vec<CallId> = calls.filter(|c| keep && talks(c)).map(|c| c.id).collect();
        // The policy's fault, or ours: only the latter invites the caller's carrier to try elsewhere.
        let cause = match kind {
            Fault::Store => Cause::SERVICE_UNAVAILABLE,
            _ => Cause::SERVER_ERROR,
        };
        self.release_where(now, session, cause, |call| !kept.contains(&call.id));
    }

    /// Events of a released call that wait, but those of its end, have become untrue.
    pub(super) fn discard_events(&mut self, session: SessionId, call: CallId) {
        if let Some(s) = self.sessions.get_mut(&session) {
            s.queue
                .retain(|event| event.call() != Some(call) || is_terminal(event));
        }
    }

    /// An expiry that waits while its timer is started anew, or stopped, has become untrue.
    pub(super) fn discard_expiry(&mut self, session: SessionId, timer: &str) {
        if let Some(s) = self.sessions.get_mut(&session) {
            s.queue
                .retain(|event| !matches!(event, Event::Timer { name } if name == timer));
        }
    }
}

/// The party whose wish to transfer was granted, and no call made for it.
fn unfulfilled(commands: &[Command]) -> Option<CallId> {
    let made = |it: &Command| matches!(it, Command::Construct(it) if it.transfer.is_some());
    let granted = commands.iter().find_map(|it| match it {
        Command::TransferAccept { call } => Some(*call),
        _ => None,
    });
    granted.filter(|_| !commands.iter().any(made))
}

/// The events that every call is promised, whatever became of it meanwhile.
fn is_terminal(event: &Event) -> bool {
    let of_call = matches!(event, Event::DialCompleted { .. } | Event::Released { .. });
    of_call || is_completion(event)
}

/// The end of a play, a recording or a collection of digits: told once for each that began, before the
/// end of its call.
fn is_completion(event: &Event) -> bool {
    matches!(
        event,
        Event::PlayCompleted { .. }
            | Event::RecordCompleted { .. }
            | Event::DigitsCollected { .. }
            | Event::ConferencePlayCompleted { .. }
            | Event::ConferenceRecordCompleted { .. }
    )
}
