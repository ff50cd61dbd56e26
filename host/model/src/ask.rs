//! What the API asks of live sessions and trunks, and what it is answered.

use crate::{
    Address, CallDirection, CallId, Cause, ConferenceView, Hop, Reply, Request, SessionId, Trace,
    TrunkId,
    turn::{Fault, Phase},
};

/// A question to a shard about one tenant's sessions and trunks, or a command to them.
#[derive(Clone, Debug)]
pub enum Ask {
    /// Begin a session of the default plugin and let it answer this request: `Answer::Reply`.
    Request(Box<Request>),
    /// Release a call in whatever phase it is: `Answer::Done`.
    Release {
        /// Which call.
        call: CallId,
        /// The cause, checked.
        cause: Cause,
    },
    /// The live calls: `Answer::Calls`.
    Calls,
    /// The conferences that there are: `Answer::Conferences`.
    Conferences,
    /// The trace of a live session until now: `Answer::Trace`.
    Trace(SessionId),
    /// What is known of a trunk, by the shard that looks after it: `Answer::Trunk`.
    Trunk(TrunkId),
}

/// The answer to an [`Ask`].
#[derive(Clone, Debug)]
pub enum Answer {
    /// The policy's reply.
    Reply(Reply),
    /// It is done.
    Done,
    /// Live calls.
    Calls(Vec<LiveCall>),
    /// Conferences, by name.
    Conferences(Vec<ConferenceView>),
    /// A trace.
    Trace(Box<Trace>),
    /// What is known of a trunk.
    Trunk(TrunkStatus),
    /// It could not be done.
    Refused(Refusal),
}

/// One live call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveCall {
    /// Its id.
    pub call: CallId,
    /// Its session.
    pub session: SessionId,
    /// Which way it was set up.
    pub direction: CallDirection,
    /// Where it stands.
    pub phase: Phase,
    /// The calling party.
    pub from: Address,
    /// The called party.
    pub to: Address,
    /// When it began, Unix milliseconds.
    pub begin: u64,
    /// When it was answered, Unix milliseconds.
    pub answer: Option<u64>,
    /// The policy's text.
    pub user_data: String,
}

/// What is known of a trunk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrunkStatus {
    /// Whether it is registered with its carrier; none: it is not to be.
    pub registration: Option<Registration>,
    /// Its gateways that are checked, and whether they answer.
    pub gateways: Vec<(Hop, bool)>,
}

/// How a trunk is registered with its carrier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Registration {
    /// Until when, Unix milliseconds; none: it is not.
    pub until: Option<u64>,
    /// What came of the last try, if it failed.
    pub failure: Option<Failure>,
}

/// A REGISTER that was refused, or not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The status of the answer; 408: there was none, 503: no connection either.
    pub status: u16,
    /// When, Unix milliseconds.
    pub unix_ms: u64,
}

/// Why an [`Ask`] could not be done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No such call or session lives in this tenant.
    #[error("no such live call or session")]
    NotFound,
    /// The tenant's default plugin is not active or answers no requests.
    #[error("the tenant's default plugin answers no requests")]
    NoHandler,
    /// The policy faulted.
    #[error("the policy faulted: {}", .0.as_str())]
    Fault(Fault),
    /// A limit, a drain, a part of the platform that is away.
    #[error("unavailable: {0}")]
    Unavailable(&'static str),
}

/// What a component turned out to be when it was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// `sha256:…` of its bytes.
    pub digest: String,
    /// The interfaces that it imports, such as `jackfield:policy/store@0.1.0`.
    pub imports: Vec<String>,
    /// The interfaces that it exports.
    pub exports: Vec<String>,
}
