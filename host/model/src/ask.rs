//! What the API asks of live sessions, and what it is answered.

use crate::{
    Address, CallDirection, CallId, Cause, Reply, Request, SessionId, Trace,
    turn::{Fault, Phase},
};

/// A question to a shard about, or a command to, one tenant's sessions.
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
    /// The trace of a live session until now: `Answer::Trace`.
    Trace(SessionId),
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
    /// A trace.
    Trace(Box<Trace>),
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
