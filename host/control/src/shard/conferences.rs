//! Calls in conferences: entering, leaving, and the port's part in it.
//!
//! A call has its seat from the moment its policy puts it there; its port follows once it is open and
//! agreed, as a bridge does. Its port stays where it is: media shards tell one another what their
//! members say (ADR 0015).

use ::media::Command;
use model::{CallId, ConfMode, ConferenceId, Now, SessionId, TraceItem, turn::CommandError};

use super::Shard;
use crate::{
    Output,
    call::{Conferring, State},
};

impl Shard {
    /// Seats are taken by calls of all shards: the last one may be gone since the turn saw it free.
    pub(super) fn conf_enter(
        &mut self,
        now: Now,
        session: SessionId,
        id: CallId,
        (conference, name): (ConferenceId, &str),
        mode: ConfMode,
    ) -> Result<(), String> {
        let skipped = |why: &str| format!("conf-enter skipped: {why}");
        let tenant = self.sessions.get(&session).map(|s| s.tenant.id);
        let tenant = tenant.ok_or_else(|| skipped("the session has ended"))?;
        let conferences = self.config.conferences.clone();
        let call = self.living(id, "conf-enter")?;
        let is_answered = matches!(
            call.state,
            State::Accepting { .. } | State::Confirming { .. } | State::Answered
        );
        if !is_answered || call.bridged.is_some() {
            return Err(skipped("the call has moved on"));
        }
        if let Some(before) = &mut call.conference {
            if before.seat.name() != name {
                return Err(skipped("the call is in another one"));
            }
            before.mode = mode;
            before.mixed = false;
            return Ok(());
        }
        let Ok(seat) = conferences.enter(tenant, name, conference) else {
            let why = CommandError::LimitExceeded(format!("conference {name} has no more room"));
            self.command_failed(now, id, "conf-enter", why);
            return Ok(());
        };
        call.conference = Some(Conferring {
            seat,
            mode,
            mixed: false,
        });
        Ok(())
    }

    pub(super) fn conf_exit(&mut self, now: Now, id: CallId) -> Result<(), String> {
        let call = self.living(id, "conf-exit")?;
        let (port, session) = (call.port(), call.session);
        let Some(left) = &call.conference else {
            return Err("conf-exit skipped: the call is in none".to_owned());
        };
        if let (true, Some((port, _))) = (left.mixed, port) {
            let command = Command::Leave { port };
            self.out.push_back(Output::Media { session, command });
        }
        self.leave_seat(now, id);
        Ok(())
    }

    /// Brings the port of a call into its conference, if it is there and both sides have agreed.
    pub(super) fn confer(&mut self, now: Now, id: CallId) {
        let Some(call) = self.calls.get_mut(&id) else {
            return;
        };
        let port = call.port().filter(|_| call.media.agreed.is_some());
        let (Some(conferring), Some((port, _))) = (&mut call.conference, port) else {
            return;
        };
        if std::mem::replace(&mut conferring.mixed, true) {
            return;
        }
        let session = call.session;
        let command = Command::Confer {
            port,
            room: conferring.seat.room(),
            mode: mode(conferring.mode),
        };
        let name = conferring.seat.name();
        let what = format!("in conference {name}, {}", conferring.mode.as_str());
        self.out.push_back(Output::Media { session, command });
        self.trace(now, id, TraceItem::Media { call: id, what });
    }
}

fn mode(of: ConfMode) -> ::media::Mode {
    match of {
        ConfMode::TalkAndListen => ::media::Mode::TalkAndListen,
        ConfMode::ListenOnly => ::media::Mode::ListenOnly,
        ConfMode::TalkOnly => ::media::Mode::TalkOnly,
        ConfMode::Silent => ::media::Mode::Silent,
    }
}
