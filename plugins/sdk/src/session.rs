//! The session as an author sees it: the host's handle together with the typed state.
//!
//! It owns when the state is read and written: once before the handler and, if it changed, once
//! after it. It adds no meaning of its own to what the host offers.

use std::{str::FromStr, time::Duration};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::bindings::base::jackfield::policy::session as raw;
use crate::{Call, CallPhase, Conference, Error, LogLevel, Result};

/// One service session: the calls that belong together, and what the policy remembers of them.
///
/// Events of one session arrive one at a time, in order. It ends when its last call is released and
/// its last timer has fired.
///
/// ```
/// use jackfield_sdk::{Call, CallPhase, Policy, Result, Session};
/// use serde::{Deserialize, Serialize};
/// use std::time::Duration;
///
/// /// Lets a caller wait for ten seconds before it is told that nobody comes.
/// struct Patience;
///
/// #[derive(Default, Serialize, Deserialize)]
/// struct Waiting {
///     caller: String,
/// }
///
/// impl Policy for Patience {
///     type State = Waiting;
///
///     fn on_incoming(session: &mut Session<Waiting>, call: &Call, _begin_time: u64) -> Result {
///         session.state.caller = call.id();
///         call.ring()?;
///         session.timer_start("enough", Duration::from_secs(10))
///     }
///
///     fn on_timer(session: &mut Session<Waiting>, _name: String) -> Result {
///         // Another event, another instance: what it knows of the caller stands in the state.
///         match session.call(&session.state.caller) {
///             Some(caller) if caller.phase() != CallPhase::Answered => caller.release(480),
///             _ => Ok(()),
///         }
///     }
/// }
///
/// jackfield_sdk::export!(Patience, optional: [timer_events]);
/// # fn main() {}
/// ```
pub struct Session<'a, S> {
    /// What the policy remembers of this session. It is kept if the handler returns `Ok`.
    pub state: S,
    before: Vec<u8>,
    host: &'a raw::Session,
}

/// An outbound call that is to be: who calls whom, and for how long.
///
/// ```
/// use jackfield_sdk::{Call, Dial, Result, Session};
/// use std::time::Duration;
///
/// /// Calls the night watch in the name of whoever calls; gives up after twenty seconds of ringing.
/// fn wake<S>(session: &Session<S>, caller: &Call) -> Result<Call> {
///     session.construct(&Dial {
///         from: &caller.from_uri(),
///         to: "3001",
///         max_ring: Duration::from_secs(20),
///         user_data: "night watch",
///         headers: &[("X-Shift", "night")],
///         ..Dial::default()
///     })
/// }
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Dial<'a> {
    /// The calling party as the callee will see it: a SIP or tel URI or a number.
    pub from: &'a str,
    /// The called party: a SIP or tel URI or a number.
    pub to: &'a str,
    /// How long the call may stay answered, in whole seconds; zero: the tenant's limit.
    pub max_answer: Duration,
    /// How long it may ring, in whole seconds, before it fails with 408; zero: the tenant's limit.
    pub max_ring: Duration,
    /// Text for the CDR, at most 1 KiB.
    pub user_data: &'a str,
    /// Headers for the INVITE, of those that the tenant may set.
    pub headers: &'a [(&'a str, &'a str)],
}

impl<S> Session<'_, S> {
    /// The id of this session, unique on the platform.
    pub fn id(&self) -> String {
        self.host.id()
    }

    /// The time of the event, in milliseconds since 1970; it does not move during the event.
    pub fn now(&self) -> u64 {
        self.host.now()
    }

    /// A random number, the same when the event is replayed.
    pub fn random(&self) -> u64 {
        self.host.random()
    }

    /// The calls of this session that are not released, oldest first.
    pub fn calls(&self) -> Vec<Call> {
        self.host.calls()
    }

    /// The call with that id, if it belongs to this session and is not released.
    pub fn call(&self, id: &str) -> Option<Call> {
        self.host
            .call(id)
            .filter(|call| call.phase() != CallPhase::Released)
    }

    /// Constructs an outbound call and dials it; `on_ringing` and `on_dial_completed` follow.
    pub fn construct(&self, dial: &Dial<'_>) -> Result<Call> {
        let Dial {
            from,
            to,
            user_data,
            headers,
            ..
        } = *dial;
        let (max_answer, max_ring) = (seconds(dial.max_answer), seconds(dial.max_ring));
        if headers.is_empty() {
            return self
                .host
                .construct(from, to, max_answer, max_ring, user_data);
        }
        let headers: Vec<_> = headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        self.host
            .construct_with(from, to, max_answer, max_ring, user_data, &headers)
    }

    /// The tenant's conference of that name, made when it is first asked for.
    pub fn conference(&self, name: &str) -> Result<Conference> {
        self.host.conference(name)
    }

    /// Starts, or starts anew, the timer of that name; `on_timer` follows once.
    pub fn timer_start(&self, name: &str, after: Duration) -> Result {
        let after = u32::try_from(after.as_millis())
            .map_err(|_| Error::InvalidArgument("after: longer than 49 days".to_owned()))?;
        self.host.timer_start(name, after)
    }

    /// Stops the timer of that name, if it runs.
    pub fn timer_stop(&self, name: &str) {
        self.host.timer_stop(name);
    }

    /// A setting or secret that the tenant configured for this plugin.
    pub fn setting(&self, name: &str) -> Option<String> {
        self.host.setting(name)
    }

    /// A setting as a number or whatever else can be read from text; what cannot counts as not set.
    pub fn setting_as<T: FromStr>(&self, name: &str) -> Option<T> {
        self.setting(name)?.trim().parse().ok()
    }

    /// A setting as a list of words, which blanks or commas part.
    pub fn setting_words(&self, name: &str) -> Option<Vec<String>> {
        let text = self.setting(name)?;
        let words = text.split([' ', ',']).filter(|word| !word.is_empty());
        Some(words.map(str::to_owned).collect())
    }

    /// Plays to that call, once, what a setting names as a list of words: the tenant's announcements, tones, silence.
    /// Whether it does; that it cannot is said in the log. Nothing is set: nothing is heard.
    ///
    /// ```
    /// # use jackfield_sdk::{Call, Result, Session};
    /// /// Tells a caller why, if the tenant has an announcement for it; `on_play_completed` then ends the call.
    /// fn refuse<S>(session: &Session<S>, caller: &Call) -> Result {
    ///     if session.play_setting(caller, "closed_prompt") {
    ///         return Ok(());
    ///     }
    ///     caller.release(480)
    /// }
    /// ```
    pub fn play_setting(&self, call: &Call, name: &str) -> bool {
        let files = self.setting_words(name).unwrap_or_default();
        if files.is_empty() {
            return false;
        }
        let played = call.play_start(&files, 1, "");
        if let Err(why) = &played {
            self.warn(&format!("{name}: {why}"));
        }
        played.is_ok()
    }

    /// One line, at most 1 KiB, to the log that the tenant reads.
    pub fn log(&self, level: LogLevel, message: &str) {
        self.host.log(level, message);
    }

    /// The same at level `info`.
    pub fn info(&self, message: &str) {
        self.log(LogLevel::Info, message);
    }

    /// The same at level `warn`.
    pub fn warn(&self, message: &str) {
        self.log(LogLevel::Warn, message);
    }
}

impl<'a, S: Serialize + DeserializeOwned + Default> Session<'a, S> {
    /// The session with the state that was kept last, or the default one.
    pub(crate) fn load(host: &'a raw::Session) -> Result<Self> {
        let (state, before) = decode(&host.state())?;
        Ok(Self {
            state,
            before,
            host,
        })
    }

    /// Keeps the state if the handler changed it.
    pub(crate) fn save(&self) -> Result {
        let after = encode(&self.state)?;
        if after == self.before {
            Ok(())
        } else {
            self.host.set_state(&after)
        }
    }
}

/// The state in those bytes, and the bytes that would mean that nothing changed.
pub(crate) fn decode<S>(bytes: &[u8]) -> Result<(S, Vec<u8>)>
where
    S: Serialize + DeserializeOwned + Default,
{
    if bytes.is_empty() {
        let state = S::default();
        let before = encode(&state)?;
        return Ok((state, before));
    }
    let state = serde_json::from_slice(bytes)
        .map_err(|why| Error::InvalidArgument(format!("the kept state: {why}")))?;
    Ok((state, bytes.to_vec()))
}

/// The state as the bytes that the host keeps.
pub(crate) fn encode<S: Serialize>(state: &S) -> Result<Vec<u8>> {
    serde_json::to_vec(state).map_err(|why| Error::InvalidArgument(format!("the state: {why}")))
}

/// Whole seconds, rounded up: a limit that was set does not become the tenant's by rounding.
pub(crate) fn seconds(length: Duration) -> u32 {
    let rounded_up = length
        .as_secs()
        .saturating_add(u64::from(length.subsec_nanos() > 0));
    u32::try_from(rounded_up).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
