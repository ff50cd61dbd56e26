//! The one validator of commands.
//!
//! A plan is a view plus the commands so far. Each command is checked against the calls as they
//! were when the event began plus the plan's own commands, then changes the view and is appended; a
//! refused one changes nothing. Wasm host functions, scripted policies and the operator all call it.

use super::{CallView, Phase, View, identity::Identity, transfer::Wish};
use crate::{
    Address, CallDirection, CallId, Cause, Command, HeaderNames, IdSource, NoRoute, Route, Trunk,
    command::Construct, is_header_name, limits,
};

/// Why a command was refused (`error` of `types.wit`).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// The call is not in a state that allows this.
    #[error("the call is not in a state that allows this")]
    WrongState,
    /// Only calls of the other direction can do this.
    #[error("only calls of the other direction can do this")]
    WrongDirection,
    /// An argument is malformed.
    #[error("invalid argument: {0}")]
    InvalidArgument(String),
    /// No such thing in this tenant.
    #[error("not found: {0}")]
    NotFound(String),
    /// The tenant may not do this.
    #[error("not permitted: {0}")]
    NotPermitted(String),
    /// A quota is used up.
    #[error("limit exceeded: {0}")]
    LimitExceeded(String),
    /// The platform cannot do this now.
    #[error("unavailable: {0}")]
    Unavailable(String),
    /// The other side cannot do this.
    #[error("unsupported: {0}")]
    Unsupported(String),
}

/// What `construct` is asked for.
#[derive(Clone, Debug, Default)]
pub struct Dial<'a> {
    /// The calling party.
    pub from: &'a str,
    /// The called party.
    pub to: &'a str,
    /// Seconds that it may stay answered; 0: the tenant's limit.
    pub max_answer_seconds: u32,
    /// Seconds that it may ring; 0: the tenant's limit.
    pub max_ring_seconds: u32,
    /// For the CDR.
    pub user_data: &'a str,
    /// Headers for the INVITE.
    pub headers: &'a [(String, String)],
}

/// A view and the commands so far.
#[derive(Debug)]
pub struct Plan {
    pub(super) view: View,
    pub(super) ids: IdSource,
    /// Its randomness, once it is asked for.
    random: Option<IdSource>,
    pub(super) commands: Vec<Command>,
    pub(super) wish: Wish,
}

impl Plan {
    /// A plan without commands. `ids` mints the ids of constructed calls: the same source again
    /// gives the same ids when the event is run again.
    pub fn new(view: View, ids: IdSource) -> Self {
        Self {
            view,
            ids,
            random: None,
            commands: Vec::new(),
            wish: Wish::default(),
        }
    }

    /// What the policy sees now: its own commands included.
    pub fn view(&self) -> &View {
        &self.view
    }

    /// The call with that id, released or not.
    pub fn call(&self, id: CallId) -> Option<&CallView> {
        self.view.calls.iter().find(|call| call.id == id)
    }

    /// The calls that are not released, oldest first.
    pub fn calls(&self) -> impl Iterator<Item = &CallView> {
        self.view
            .calls
            .iter()
            .filter(|call| call.phase != Phase::Released)
    }

    /// A random number, the same when the event is run again. No id changes because one is drawn: another
    /// version of the policy that draws more of them constructs calls of the same ids.
    pub fn random(&mut self) -> u64 {
        let random = self.random.get_or_insert_with(|| self.ids.beside());
        random.number()
    }

    /// The commands, in order.
    pub fn into_commands(self) -> Vec<Command> {
        self.commands
    }

    /// Shows ringing to the caller.
    pub fn ring(&mut self, id: CallId) -> Result<(), CommandError> {
        self.unanswered_inbound(id)?.phase = Phase::Ringing;
        self.push(Command::Ring { call: id })
    }

    /// Answers an inbound call.
    pub fn answer(&mut self, id: CallId, user_data: &str) -> Result<(), CommandError> {
        let user_data = checked_user_data(user_data)?;
        let call = self.unanswered_inbound(id)?;
        call.phase = Phase::Answered;
        call.user_data.clone_from(&user_data);
        self.push(Command::Answer {
            call: id,
            user_data,
        })
    }

    /// Releases a call: 200, or 400 to 699 but 401 and 407.
    pub fn release(&mut self, id: CallId, cause: u16) -> Result<(), CommandError> {
        let cause = Cause::for_release(cause).ok_or_else(|| {
            let allowed = "200, or 400 to 699 but 401 and 407";
            CommandError::InvalidArgument(format!("cause {cause} is not {allowed}"))
        })?;
        self.live(id)?;
        self.end(id);
        self.push(Command::Release { call: id, cause })
    }

    /// Sends an unanswered inbound call elsewhere. The call is released.
    pub fn redirect(&mut self, id: CallId, to: &str) -> Result<(), CommandError> {
        let to = checked_address("redirect-uri", to)?;
        self.unanswered_inbound(id)?;
        self.end(id);
        self.push(Command::Redirect { call: id, to })
    }

    /// Sets the text for the CDR.
    pub fn set_user_data(&mut self, id: CallId, user_data: &str) -> Result<(), CommandError> {
        let user_data = checked_user_data(user_data)?;
        self.live(id)?.user_data.clone_from(&user_data);
        self.push(Command::SetUserData {
            call: id,
            user_data,
        })
    }

    /// Dials. The calling party must be a number or phone of the tenant, or the caller of a call of
    /// this session (who is forwarded).
    pub fn construct(&mut self, dial: &Dial<'_>) -> Result<CallId, CommandError> {
        let from = checked_address("from-uri", dial.from)?;
        let to = checked_address("to-uri", dial.to)?;
        let user_data = checked_user_data(dial.user_data)?;
        let known = |user: &str| {
            self.view.tenant.owns(user)
                || self
                    .view
                    .calls
                    .iter()
                    .any(|c| c.direction == CallDirection::Inbound && c.from.user() == user)
        };
        if !known(from.user()) {
            let why = format!("from-uri {:?} is no number of this tenant", from.user());
            return Err(CommandError::NotPermitted(why));
        }
        let route = self.route(&to)?;
        let trunk = self.view.tenant.trunk_of(route.via);
        let mut headers = checked_headers(dial.headers, trunk)?;
        for (calls, most) in [
            (self.calls().count(), limits::SESSION_CALLS),
            (self.view.calls_made, limits::SESSION_CALLS_EVER),
        ] {
            if calls >= most {
                let what = format!("{most} calls of one session");
                return Err(CommandError::LimitExceeded(what));
            }
        }
        let wish = self.take_granted();
        if let Some(join) = wish.as_ref().and_then(|asked| asked.join.as_ref()) {
            headers.push(("Replaces".to_owned(), join.replaces.clone()));
        }
        let identity = Identity::of(&self.view, &from, &headers);
        headers.extend(identity.headers);
        self.view.calls_made += 1;
        let domain = self.view.tenant.domain.as_str();
        let [from, to] = [&from, &to].map(|a| a.to_uri(domain).parse::<Address>());
        let (Ok(from), Ok(to)) = (from, to) else {
            return Err(CommandError::InvalidArgument("address is too long".into()));
        };
        let id = CallId::mint(&mut self.ids, self.view.now);
        self.view.calls.push(CallView {
            id,
            direction: CallDirection::Outbound,
            phase: Phase::Dialling,
            from: from.clone(),
            to: to.clone(),
            user_data: user_data.clone(),
            headers: [].into(),
            bridged: None,
            conference: None,
            operations: 0,
        });
        self.commands.push(Command::Construct(Box::new(Construct {
            call: id,
            from,
            to,
            route,
            max_answer_seconds: dial.max_answer_seconds,
            max_ring_seconds: dial.max_ring_seconds,
            user_data,
            headers,
            anonymous: identity.anonymous,
            transfer: wish.map(|asked| asked.call),
        })));
        Ok(id)
    }

    /// Which way a call to that party goes: where the wish that it fulfils leads, or as the tenant may
    /// dial.
    fn route(&self, to: &Address) -> Result<Route, CommandError> {
        if let Some(join) = self.granted() {
            return Ok(join.into());
        }
        self.view.tenant.route(to).map_err(|no| match no {
            NoRoute::NotPermitted => {
                CommandError::NotPermitted(format!("no trunk may dial {:?}", to.user()))
            }
        })
    }

    /// Joins the media of two calls. One bridge per call, and none while in a conference.
    pub fn bridge_start(&mut self, a: CallId, b: CallId) -> Result<(), CommandError> {
        if a == b {
            return Err(CommandError::InvalidArgument(
                "a call is not bridged to itself".into(),
            ));
        }
        for id in [a, b] {
            let call = self.live(id)?;
            if call.bridged.is_some() || call.conference.is_some() {
                return Err(CommandError::WrongState);
            }
        }
        self.live(a)?.bridged = Some(b);
        self.live(b)?.bridged = Some(a);
        self.push(Command::BridgeStart { a, b })
    }

    /// Parts the media of a call and the one that it is bridged to.
    pub fn bridge_stop(&mut self, id: CallId) -> Result<(), CommandError> {
        if self.live(id)?.bridged.is_none() {
            return Err(CommandError::WrongState);
        }
        self.unbridge(id);
        self.push(Command::BridgeStop { call: id })
    }

    /// Starts, or starts anew, the timer of that name.
    pub fn timer_start(&mut self, name: &str, after_ms: u32) -> Result<(), CommandError> {
        if name.is_empty() || name.len() > limits::TIMER_NAME {
            let most = limits::TIMER_NAME;
            return Err(CommandError::InvalidArgument(format!(
                "name is not 1 to {most} octets"
            )));
        }
        if u128::from(after_ms) > limits::TIMER_LONGEST.as_millis() {
            return Err(CommandError::InvalidArgument(
                "after is longer than a day".into(),
            ));
        }
        let running = self.view.timers.iter().any(|timer| timer == name);
        if !running && self.view.timers.len() >= limits::SESSION_TIMERS {
            let most = limits::SESSION_TIMERS;
            return Err(CommandError::LimitExceeded(format!(
                "{most} timers of one session"
            )));
        }
        if !running {
            self.view.timers.push(name.to_owned());
        }
        self.push(Command::TimerStart {
            name: name.to_owned(),
            after_ms,
        })
    }

    /// Stops the timer of that name. It is a command even if no such timer runs: one that has just
    /// fired may wait for its turn, and is taken back.
    pub fn timer_stop(&mut self, name: &str) {
        self.view.timers.retain(|timer| timer != name);
        self.commands.push(Command::TimerStop {
            name: name.to_owned(),
        });
    }

    /// Like `push` this never fails; commands end with it so that each is one expression.
    #[allow(clippy::unnecessary_wraps)]
    pub(super) fn push(&mut self, command: Command) -> Result<(), CommandError> {
        self.commands.push(command);
        Ok(())
    }

    pub(super) fn live(&mut self, id: CallId) -> Result<&mut CallView, CommandError> {
        let call = self.view.calls.iter_mut().find(|call| call.id == id);
        let call = call.ok_or_else(|| CommandError::NotFound(id.to_string()))?;
        if call.phase == Phase::Released {
            Err(CommandError::WrongState)
        } else {
            Ok(call)
        }
    }

    fn unanswered_inbound(&mut self, id: CallId) -> Result<&mut CallView, CommandError> {
        let call = self.live(id)?;
        match (call.direction, call.phase) {
            (CallDirection::Outbound, _) => Err(CommandError::WrongDirection),
            (_, Phase::Offered | Phase::Ringing) => Ok(call),
            _ => Err(CommandError::WrongState),
        }
    }

    fn end(&mut self, id: CallId) {
        self.unbridge(id);
        self.leave(id);
        if let Ok(call) = self.live(id) {
            call.phase = Phase::Released;
        }
    }

    fn unbridge(&mut self, id: CallId) {
        for call in &mut self.view.calls {
            if call.id == id || call.bridged == Some(id) {
                call.bridged = None;
            }
        }
    }
}

fn checked_address(name: &str, text: &str) -> Result<Address, CommandError> {
    text.parse()
        .map_err(|why| CommandError::InvalidArgument(format!("{name}: {why}")))
}

fn checked_user_data(text: &str) -> Result<String, CommandError> {
    if text.len() <= limits::USER_DATA {
        return Ok(text.to_owned());
    }
    let most = limits::USER_DATA;
    Err(CommandError::InvalidArgument(format!(
        "user-data is longer than {most} octets"
    )))
}

/// Headers that a policy may set: Diversion, Privacy, History-Info, X-…, and what the trunk takes.
fn checked_headers(
    headers: &[(String, String)],
    trunk: Option<&Trunk>,
) -> Result<Vec<(String, String)>, CommandError> {
    if headers.len() > limits::SET_HEADERS {
        let most = limits::SET_HEADERS;
        return Err(CommandError::LimitExceeded(format!(
            "{most} headers of one INVITE"
        )));
    }
    for (name, value) in headers {
        if !is_header_name(name) {
            return Err(CommandError::InvalidArgument(format!(
                "header name {name:?}"
            )));
        }
        let none = HeaderNames::default();
        let list = trunk.map_or(&none, |trunk| &trunk.headers_out);
        if !list.takes(name) {
            return Err(CommandError::NotPermitted(format!("header {name}")));
        }
        if value.len() > limits::SET_HEADER_VALUE || value.chars().any(char::is_control) {
            return Err(CommandError::InvalidArgument(format!(
                "value of header {name}"
            )));
        }
    }
    Ok(headers.to_vec())
}
