//! Session timers: RFC 4028.
//!
//! Owns what our messages say of them, what is made of the peer's, and what is done when one fires: a
//! refresh by UPDATE if the peer takes it (it disturbs nobody's media), else by a re-INVITE that says
//! our description again; BYE if nobody refreshed. A peer that knows no session timers gets none.

use std::time::{Duration, Instant};

use super::Endpoint;
use super::receive::Refusal;
use crate::dialog::{By, Established, Exchange, Refresher, Session, State};
use crate::event::{DialogId, Event};
use crate::transaction::{Owner, Timer};
use crate::wire::{Headers, Method};

/// The option tag.
pub(super) const TIMER: &str = "timer";

/// The longest time that a peer may ask for by 422 or Retry-After: a day.
const LONGEST: u32 = 24 * 3600;

impl Endpoint {
    /// Refuses a request whose session would be too short, if its sender knows what that means
    /// (RFC 4028 §9).
    pub(super) fn screen_session(&self, headers: &Headers) -> Result<(), Refusal> {
        let least = self.config.min_se;
        let asked = headers.session_expires();
        if asked.is_some_and(|asked| asked.seconds < least) && headers.knows(TIMER) {
            return Err(Refusal::new(422).with("Min-SE", least.to_string()));
        }
        Ok(())
    }

    /// The session timer that our 2xx to this request says (RFC 4028 §9, Table 2): the peer refreshes
    /// if it can and does not want otherwise.
    pub(super) fn grant(&self, request: &Headers) -> Option<Session> {
        let least = request.min_se().unwrap_or(0);
        let ours = self.config.session_expires.max(least);
        let session = |interval, refresher| Session {
            interval,
            refresher,
        };
        match (request.knows(TIMER), request.session_expires()) {
            (false, None) => None,
            (true, None) => Some(session(ours, Refresher::Us)),
            // A proxy wants it. It cannot be told that the time is too short, so it is not heard.
            (false, Some(asked)) => (asked.seconds >= self.config.min_se)
                .then(|| session(asked.seconds.min(ours), Refresher::Us)),
            (true, Some(asked)) => {
                let by_us = asked
                    .refresher
                    .is_some_and(|who| who.eq_ignore_ascii_case("uas"));
                let refresher = if by_us {
                    Refresher::Us
                } else {
                    Refresher::Peer
                };
                Some(session(asked.seconds.min(ours), refresher))
            }
        }
    }

    /// The session timer that a 2xx to a request of ours says (RFC 4028 §7.2). A shorter time than may
    /// be asked of us counts as the shortest, so that nobody can have us send at will.
    pub(super) fn granted(&self, response: &Headers) -> Option<Session> {
        let said = response.session_expires()?;
        let by_peer = said
            .refresher
            .is_some_and(|who| who.eq_ignore_ascii_case("uas"));
        Some(Session {
            interval: said.seconds.max(self.config.min_se),
            refresher: if by_peer {
                Refresher::Peer
            } else {
                Refresher::Us
            },
        })
    }

    /// A 2xx to an INVITE or UPDATE was sent or came: the time counts anew.
    pub(super) fn start_session(&mut self, now: Instant, id: DialogId, session: Option<Session>) {
        let Some(call) = self.established(id) else {
            return;
        };
        call.session = session;
        let owner = Owner::Usage(id);
        let timers = &mut self.transactions.timers;
        timers.stop(owner, Timer::Refresh);
        timers.stop(owner, Timer::SessionExpires);
        let Some(session) = session else { return };
        timers.start(owner, Timer::SessionExpires, now + session.expiry());
        if session.refresher == Refresher::Us {
            timers.start(owner, Timer::Refresh, now + session.refresh());
        }
    }

    /// A refresh is due, or due again.
    pub(super) fn refresh_due(&mut self, now: Instant, id: DialogId) {
        let Some(call) = self.established(id) else {
            return;
        };
        if call.update.is_some() || !matches!(call.exchange, Exchange::Idle) {
            return self.refresh_later(now, id);
        }
        if call.takes_update {
            return self.send_update(now, id);
        }
        let sdp = call.sdp.clone();
        self.send_reinvite(now, id, sdp, By::Timer);
    }

    /// A refresh of ours was refused. What is not tried again leaves the session to its end.
    pub(super) fn refresh_refused(
        &mut self,
        now: Instant,
        id: DialogId,
        status: u16,
        headers: &Headers,
    ) {
        let Some(call) = self.established(id) else {
            return;
        };
        match (status, headers.min_se(), headers.retry_after()) {
            (408 | 481, ..) => self.lose(now, id, status),
            (405 | 501, ..) => {
                call.takes_update = false;
                self.refresh_later(now, id);
            }
            (422, Some(least), _) => {
                if let Some(session) = &mut call.session {
                    session.interval = session.interval.max(least.min(LONGEST));
                }
                self.refresh_later(now, id);
            }
            (491, ..) => self.refresh_later(now, id),
            (500..=599, _, Some(seconds)) => {
                let wait = Duration::from_secs(seconds.clamp(1, LONGEST).into());
                self.start_refresh(id, now + wait);
            }
            _ => {}
        }
    }

    /// Nobody refreshed (RFC 4028 §10).
    pub(super) fn session_expired(&mut self, now: Instant, id: DialogId) {
        self.lose(now, id, 408);
    }

    /// The peer is gone: BYE, and the owner is told.
    pub(super) fn lose(&mut self, now: Instant, id: DialogId, status: u16) {
        let released = self.established(id).is_none_or(|call| call.is_released());
        self.hang_up(now, id, status);
        if !released {
            self.emit(Event::Lost { dialog: id, status });
        }
    }

    /// What a request of ours within a call says of the session timer.
    pub(super) fn asks(call: &Established) -> Option<String> {
        let session = call.session?;
        let refresher = match session.refresher {
            Refresher::Us => "uac",
            Refresher::Peer => "uas",
        };
        Some(format!("{};refresher={refresher}", session.interval))
    }

    pub(super) fn established(&mut self, id: DialogId) -> Option<&mut Established> {
        match &mut self.usages.get_mut(&id)?.state {
            State::Established(call) => Some(call),
            _ => None,
        }
    }

    /// After as long as after a glare (RFC 3261 §14.1), which this nearly always is.
    pub(super) fn refresh_later(&mut self, now: Instant, id: DialogId) {
        if let Some(wait) = self.glare(id) {
            self.start_refresh(id, now + wait);
        }
    }

    /// How long an offer waits that has crossed one of the peer's: 2.1 to 4 s if the Call-ID of the dialog
    /// is ours, else 0 to 2 s, at random (RFC 3261 §14.1). None: it is no answered call.
    pub fn glare(&mut self, id: DialogId) -> Option<Duration> {
        let owner = self.established(id)?.dialog.owns_call_id();
        Some(self.random.glare(owner))
    }

    fn start_refresh(&mut self, id: DialogId, at: Instant) {
        self.transactions
            .timers
            .start(Owner::Usage(id), Timer::Refresh, at);
    }
}

/// What a 2xx of ours says of a session timer.
pub(super) fn says(session: Option<Session>) -> Vec<(&'static str, String)> {
    let Some(Session {
        interval,
        refresher,
    }) = session
    else {
        return vec![];
    };
    match refresher {
        Refresher::Us => vec![("Session-Expires", format!("{interval};refresher=uas"))],
        Refresher::Peer => vec![
            ("Session-Expires", format!("{interval};refresher=uac")),
            ("Require", TIMER.to_owned()),
        ],
    }
}

/// Whether a message says that its sender takes UPDATE; one without Allow says nothing.
pub(super) fn takes_update(headers: &Headers) -> Option<bool> {
    let methods = headers.allow();
    let update = Method::UPDATE;
    (!methods.is_empty()).then(|| methods.contains(&update.as_str()))
}
