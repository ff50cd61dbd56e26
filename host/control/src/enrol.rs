//! How one trunk is registered with its carrier, and stays so. RFC 3261 §10.2.
//!
//! ```text
//!                  ┌──────────── half of what was granted is over ◀──────────┐
//!         a place  ▼                                                   200   │
//!  nowhere ────▶ asking ──────────────────────────────────────────────────▶ resting
//!                 │  ▲ └─ silent, 408, 500, 502–504: at once, at the next place ▲
//!                 │  └─── 423: at once, for as long as it wants                 │
//!                 └─ nobody is left, or any other refusal: a back-off ──────────┘
//!
//!  resting ──▶ asking: its connection is lost, two minutes after it was granted at the soonest
//!  resting ──▶ leaving ──▶ over: an answer, or nobody's; at once, if nothing was granted
//!  asking ──▶ parting ──▶ leaving, or over: what was asked for may be granted yet
//! ```
//!
//! Owns what is asked for next, and when. Sends nothing, knows no headers, and is given lots for its
//! waits: the shard does the rest.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use model::{Failure, Hop, Now, Peer, Register, Registration, Transport, Trunk, limits};
use sip::Uri;

/// What of a trunk decides where and how it registers. One that has other terms is another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Terms {
    pub(crate) register: Register,
    pub(crate) transport: Transport,
    /// Where, with priorities and weights.
    pub(crate) registrars: Vec<(Peer, u16, u16)>,
    /// The Request-URI: the registrar's domain (RFC 3261 §10.2).
    pub(crate) uri: Uri,
    /// The address of record: the user at that domain.
    pub(crate) own: Uri,
}

impl Terms {
    /// Those of a trunk; none if it does not register, or nobody could write so.
    pub(crate) fn of(trunk: &Trunk) -> Option<Self> {
        let register = trunk.register.clone()?;
        let (registrar, ..) = trunk.registrars().next()?;
        let host = match registrar {
            Peer::At(address) if address.is_ipv6() => format!("[{}]", address.ip()),
            Peer::At(address) => address.ip().to_string(),
            Peer::Named(name, _) => name.clone(),
        };
        let domain = Uri::sip("", &host).ok()?.with_port(registrar.port());
        let all = trunk.registrars().map(|(peer, p, w)| (peer.clone(), p, w));
        Some(Self {
            uri: domain,
            own: Uri::sip(&register.login.user, &host).ok()?,
            register,
            transport: trunk.transport,
            registrars: all.collect(),
        })
    }
}

/// One trunk that registers.
#[derive(Debug)]
pub(crate) struct Enrolment {
    pub(crate) terms: Terms,
    /// The same for all of its REGISTERs: RFC 3261 §10.2.
    pub(crate) call_id: String,
    cseq: u32,
    /// Seconds that are asked for: its registrar may want more than the trunk does.
    expires: u32,
    state: State,
    held: Option<Held>,
    /// Rounds that failed, one after another.
    failures: u32,
    failure: Option<Failure>,
    /// What it registers by after it has left.
    then: Option<Terms>,
}

#[derive(Debug)]
enum State {
    /// No place of its registrar is known.
    Nowhere,
    /// Until its timer.
    Resting,
    /// A REGISTER is out.
    Asking {
        at: Hop,
        next: VecDeque<Hop>,
        /// It was asked for longer because of a 423, which is believed once.
        longer: bool,
    },
    /// The same, but then it leaves.
    Parting { at: Hop },
    /// The last REGISTER is out, which ends what was granted.
    Leaving,
}

/// What a registrar has granted.
#[derive(Clone, Copy, Debug)]
struct Held {
    at: Hop,
    since: Instant,
    until: Instant,
    unix_ms: u64,
}

/// What an answer says, or that there was none.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Heard {
    /// 200 to 699; 408: nobody answered.
    pub(crate) status: u16,
    /// Seconds for which a 2xx grants our Contact; none: it does not say.
    pub(crate) granted: Option<u32>,
    /// Min-Expires.
    pub(crate) min_expires: Option<u32>,
    /// Retry-After.
    pub(crate) retry_after: Option<u32>,
}

/// What is to be done next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Send a REGISTER there for so many seconds.
    Ask(Hop, u32),
    /// Come back after that time.
    Rest(Duration),
    /// Nothing: an answer or a place is waited for.
    Wait,
    /// Nothing any more.
    Over,
}

impl Enrolment {
    /// One that was never asked for.
    pub(crate) fn new(terms: Terms, call_id: String) -> Self {
        Self {
            expires: terms.register.expires,
            terms,
            call_id,
            cseq: 0,
            state: State::Nowhere,
            held: None,
            failures: 0,
            failure: None,
            then: None,
        }
    }

    /// Whether it waits for a place.
    pub(crate) fn is_nowhere(&self) -> bool {
        matches!(self.state, State::Nowhere)
    }

    /// Whether it is to end.
    pub(crate) fn is_leaving(&self) -> bool {
        matches!(self.state, State::Parting { .. } | State::Leaving)
    }

    /// Whether it was registered there, and may be.
    pub(crate) fn is_at(&self, place: Hop) -> bool {
        self.held.is_some_and(|held| held.at == place)
    }

    /// Where it is registered.
    pub(crate) fn place(&self, now: Instant) -> Option<Hop> {
        self.granted(now).map(|held| held.at)
    }

    /// What comes after it.
    pub(crate) fn into_next(self) -> Option<Terms> {
        self.then
    }

    /// How long until the first REGISTER: soon, but not those of all trunks at the same time.
    pub(crate) fn first(lot: u64) -> Duration {
        limits::REGISTER_FIRST * (lot % 1_000) as u32 / 1_000
    }

    /// The CSeq of the next REGISTER. It may be sent up to five times under rising ones: each of two
    /// challenges takes the next, and a nonce of each that is too old the one after.
    pub(crate) fn next_cseq(&mut self) -> u32 {
        self.cseq += 5;
        self.cseq - 4
    }

    /// What is known of it.
    pub(crate) fn status(&self, now: Now) -> Registration {
        Registration {
            until: self.granted(now.mono).map(|held| held.unix_ms),
            failure: self.failure,
        }
    }

    /// Its time has come; the places of its registrar, best first.
    pub(crate) fn due(&mut self, now: Instant, places: Vec<Hop>) -> Step {
        match self.state {
            State::Nowhere | State::Resting => {}
            State::Asking { .. } => return Step::Wait,
            // Nobody answers: what was granted ends by itself.
            State::Parting { .. } | State::Leaving => return Step::Over,
        }
        let mut next = VecDeque::from(places);
        // Where it is registered is asked first: registrars need not know of each other.
        if let Some(held) = self.granted(now)
            && let Some(place) = next.iter().position(|hop| *hop == held.at)
            && let Some(hop) = next.remove(place)
        {
            next.push_front(hop);
        }
        let Some(at) = next.pop_front() else {
            self.state = State::Nowhere;
            return Step::Wait;
        };
        let longer = false;
        self.state = State::Asking { at, next, longer };
        Step::Ask(at, self.expires)
    }

    /// Its REGISTER was answered, or nobody did.
    pub(crate) fn told(&mut self, now: Now, heard: Heard, lot: u64) -> Step {
        match std::mem::replace(&mut self.state, State::Resting) {
            before @ (State::Nowhere | State::Resting) => {
                self.state = before;
                Step::Wait
            }
            State::Asking { at, next, longer } => self.asked(now, heard, lot, (at, next, longer)),
            State::Parting { at } => {
                self.take(now, at, heard);
                self.part(now.mono)
            }
            State::Leaving => {
                self.held = None;
                Step::Over
            }
        }
    }

    /// A connection with that place is lost. Behind NAT no call comes over another one, so it registers
    /// anew (RFC 5626 §4.2); but a registrar that keeps none is not asked all the time, nor is one sooner
    /// that has just failed.
    pub(crate) fn lost(&mut self, now: Instant, place: Hop, lot: u64) -> Step {
        let held = self.granted(now).filter(|held| held.at == place);
        let Some(held) = held.filter(|_| self.failure.is_none()) else {
            return Step::Wait;
        };
        let kept = now.saturating_duration_since(held.since);
        let quiet = limits::REGISTER_KEPT.saturating_sub(kept);
        let renewed = kept + quiet >= (held.until - held.since) / 2;
        match self.state {
            State::Resting if quiet.is_zero() || !renewed => Step::Rest(quiet + Self::first(lot)),
            _ => Step::Wait,
        }
    }

    /// It is to end what was granted, and then to register by other terms, if there are any.
    pub(crate) fn leave(&mut self, now: Instant, then: Option<Terms>) -> Step {
        self.then = then;
        match std::mem::replace(&mut self.state, State::Resting) {
            State::Nowhere | State::Resting => self.part(now),
            State::Asking { at, .. } => {
                self.state = State::Parting { at };
                Step::Wait
            }
            before => {
                self.state = before;
                Step::Wait
            }
        }
    }

    fn asked(
        &mut self,
        now: Now,
        heard: Heard,
        lot: u64,
        (at, mut next, longer): (Hop, VecDeque<Hop>, bool),
    ) -> Step {
        if let Some(granted) = self.take(now, at, heard) {
            (self.failures, self.failure) = (0, None);
            return Step::Rest(renewal(granted, lot));
        }
        let wanted = heard.min_expires.unwrap_or_default();
        let bearable = self.expires + 1..=limits::REGISTER_LONGEST;
        if heard.status == 423 && !longer && bearable.contains(&wanted) {
            let longer = true;
            self.expires = wanted;
            self.state = State::Asking { at, next, longer };
            return Step::Ask(at, wanted);
        }
        self.failure = Some(Failure {
            status: heard.status,
            unix_ms: now.unix_ms,
        });
        let passing = matches!(heard.status, 200..=299 | 408 | 500 | 502..=504);
        if passing && let Some(at) = next.pop_front() {
            self.state = State::Asking { at, next, longer };
            return Step::Ask(at, self.expires);
        }
        // Who does not want us will not want us in half a minute.
        self.failures = if passing {
            self.failures.saturating_add(1)
        } else {
            u32::MAX
        };
        let alone = Duration::from_secs(heard.retry_after.unwrap_or_default().into());
        let alone = alone.min(limits::REGISTER_BACK_OFF_LONGEST);
        Step::Rest(back_off(self.failures, lot).max(alone))
    }

    /// Takes what an answer grants, if it does.
    fn take(&mut self, now: Now, at: Hop, heard: Heard) -> Option<u32> {
        let seconds = heard.granted.unwrap_or(self.expires);
        let granted = seconds.min(limits::REGISTER_LONGEST);
        if !(200..=299).contains(&heard.status) || granted == 0 {
            return None;
        }
        self.held = Some(Held {
            at,
            since: now.mono,
            until: now.mono + Duration::from_secs(granted.into()),
            unix_ms: now.unix_ms + u64::from(granted) * 1_000,
        });
        Some(granted)
    }

    fn part(&mut self, now: Instant) -> Step {
        let Some(held) = self.granted(now) else {
            return Step::Over;
        };
        self.state = State::Leaving;
        Step::Ask(held.at, 0)
    }

    fn granted(&self, now: Instant) -> Option<Held> {
        self.held.filter(|held| held.until > now)
    }
}

/// How long until it is asked for again: half of what was granted, so that there is time for another
/// place, and up to a tenth more, so that the trunks of many do not meet.
fn renewal(granted: u32, lot: u64) -> Duration {
    let granted = Duration::from_secs(granted.into());
    let wait = granted / 2 + granted * (lot % 100) as u32 / 1_000;
    wait.max(limits::REGISTER_PAUSE)
}

/// RFC 5626 §4.5, with the figures for a user agent that has no other flow: the longest time doubles with
/// each failure, and half of it up to the whole is waited.
fn back_off(failures: u32, lot: u64) -> Duration {
    let doubled = limits::REGISTER_BACK_OFF.saturating_mul(2_u32.saturating_pow(failures));
    let longest = doubled.min(limits::REGISTER_BACK_OFF_LONGEST);
    longest / 2 + longest / 2 * (lot % 1_000) as u32 / 1_000
}

#[cfg(test)]
mod tests;
