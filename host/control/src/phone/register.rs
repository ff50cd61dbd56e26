//! How a phone registers, and stays registered. RFC 3261 §10.2.
//!
//! ```text
//!  Register ──▶ asking ──200──▶ due at half of what was granted ──▶ asking …
//!                  └──anything else──▶ due after RETRY; after a wrong password, not before the user asks
//! ```

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use sip::{
    Ask, RequestId, Uri,
    wire::{Method, Response},
};

use super::{Event, Phone};

/// How long a phone that could not register waits.
const RETRY: Duration = Duration::from_secs(30);

/// That a phone is to be registered.
#[derive(Debug)]
pub(super) struct Registration {
    registrar: SocketAddr,
    seconds: u32,
    /// The same for all: RFC 3261 §10.2.4.
    call_id: String,
    /// Of the last REGISTER, as far as we know: each challenge takes one more.
    cseq: u32,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Asking(RequestId),
    Due(Instant),
    /// Nothing more is asked.
    Over,
}

impl Registration {
    /// When it is to be renewed.
    pub(super) fn due(&self) -> Option<Instant> {
        match self.state {
            State::Due(at) => Some(at),
            State::Asking(_) | State::Over => None,
        }
    }
}

impl Phone {
    pub(super) fn register(&mut self, now: Instant, registrar: SocketAddr, seconds: u32) {
        let before = self.registration.take();
        let (call_id, cseq) = match before {
            Some(before) => (before.call_id, before.cseq),
            None => (self.fresh_call_id(), 0),
        };
        self.registration = Some(Registration {
            registrar,
            seconds,
            call_id,
            cseq,
            state: State::Over,
        });
        self.ask_to_register(now);
    }

    /// Registers again, if it is time.
    pub(super) fn renew(&mut self, now: Instant) {
        let due = self.registration.as_ref().and_then(Registration::due);
        if due.is_some_and(|at| at <= now) {
            self.ask_to_register(now);
        }
    }

    fn ask_to_register(&mut self, now: Instant) {
        let request = self.sip.new_request();
        let (user, domain) = (self.config.user.clone(), &self.config.domain);
        let parties = (Uri::sip(&user, domain), format!("sip:{domain}").parse());
        let (Ok(own), Ok(uri)) = parties else { return };
        let Some(registration) = &mut self.registration else {
            return;
        };
        registration.state = State::Asking(request);
        // One may take three: a challenge takes the next, and a nonce that is too old the one after.
        registration.cseq += 3;
        let expires = registration.seconds.to_string();
        let (call_id, cseq) = (registration.call_id.clone(), registration.cseq);
        let registrar = registration.registrar;
        let ask = Ask {
            request,
            flow: self.flow_to(registrar),
            method: Method::REGISTER,
            uri,
            from: own.clone(),
            to: own,
            contact: Some(user),
            call_id,
            cseq,
            headers: vec![("Expires".to_owned(), expires)],
            login: self.config.login.clone(),
        };
        self.sip.handle_input(now, sip::Input::Ask(Box::new(ask)));
    }

    pub(super) fn register_answered(
        &mut self,
        now: Instant,
        request: RequestId,
        status: u16,
        response: Option<&Response>,
    ) {
        let Some(registration) = &mut self.registration else {
            return;
        };
        if registration.state != State::Asking(request) {
            return;
        }
        let wanted = registration.seconds;
        if (200..=299).contains(&status) {
            let granted = response.map_or(0, |response| granted(response, wanted));
            registration.state = match granted {
                0 => State::Over,
                granted => State::Due(now + Duration::from_secs(granted.into()) / 2),
            };
            return self.tell(Event::Registered { seconds: granted });
        }
        registration.state = if wanted == 0 || matches!(status, 401 | 403 | 407) {
            State::Over
        } else {
            State::Due(now + RETRY)
        };
        self.tell(Event::NotRegistered { status });
    }
}

/// How long a 200 lets the binding last: the longest of all that it lists, for one is ours.
fn granted(response: &Response, wanted: u32) -> u32 {
    let contacts = response.headers().contacts();
    let expires = contacts.iter().filter_map(|contact| {
        let params = contact.params();
        params.get("expires")?.parse().ok()
    });
    let longest = expires.max().or(response.headers().expires());
    if wanted == 0 {
        0
    } else {
        longest.unwrap_or(wanted).min(wanted)
    }
}
