//! From the model to the WIT types, and back.

use model::turn::{CommandError, Phase};
use model::{
    CallDirection, Completion, ConfMode, DialReport, LogLevel, Origin, ReleaseReport, ReleasedBy,
    Reply, Request,
};

use crate::bindings::exports::jackfield::policy::{call_events, request_events};
use crate::bindings::jackfield::policy::{call, session, types};

pub(crate) fn dial_report(report: &DialReport) -> call_events::DialReport {
    call_events::DialReport {
        begin_time: report.begin,
        answer_time: report.answer,
        end_time: report.end,
        error: report.error.map(model::Cause::code),
        reason: report.reason.clone(),
        redirect_uri: report.redirect.as_ref().map(ToString::to_string),
    }
}

pub(crate) fn release_report(report: &ReleaseReport) -> call_events::ReleaseReport {
    call_events::ReleaseReport {
        call_dir: direction(report.direction),
        from_uri: report.from.to_string(),
        to_uri: report.to.to_string(),
        begin_time: report.begin,
        answer_time: report.answer,
        end_time: report.end,
        dropped_by: match report.dropped_by {
            ReleasedBy::System => types::ReleasedBy::System,
            ReleasedBy::User => types::ReleasedBy::User,
        },
        cause: report.cause.code(),
        q850: report.q850,
        reason: report.reason.clone(),
    }
}

pub(crate) fn request(request: &Request) -> request_events::Request {
    request_events::Request {
        id: request.id.to_string(),
        origin: match request.origin {
            Origin::User => request_events::RequestOrigin::User,
            Origin::Tenant => request_events::RequestOrigin::Tenant,
            Origin::Cti => request_events::RequestOrigin::Cti,
        },
        user: request.user.clone(),
        verb: request.verb.clone(),
        body: request.body.clone(),
    }
}

/// The reply, if its status is one that a policy may give.
pub(crate) fn reply(reply: request_events::Reply) -> Result<Reply, String> {
    let request_events::Reply { status, body } = reply;
    match status {
        200..=499 => Ok(Reply { status, body }),
        _ => Err(format!(
            "the reply's status {status} is not one of 200 to 499"
        )),
    }
}

pub(crate) fn direction(direction: CallDirection) -> types::CallDirection {
    match direction {
        CallDirection::Inbound => types::CallDirection::Inbound,
        CallDirection::Outbound => types::CallDirection::Outbound,
    }
}

pub(crate) fn completion(how: Completion) -> types::Completion {
    match how {
        Completion::Finished => types::Completion::Finished,
        Completion::FinishKey(key) => types::Completion::FinishKey(key),
        Completion::Timeout => types::Completion::Timeout,
        Completion::Stopped => types::Completion::Stopped,
        Completion::Failed => types::Completion::Failed,
    }
}

pub(crate) fn phase(phase: Phase) -> types::CallPhase {
    match phase {
        Phase::Offered => types::CallPhase::Offered,
        Phase::Dialling => types::CallPhase::Dialling,
        Phase::Ringing => types::CallPhase::Ringing,
        Phase::Answered => types::CallPhase::Answered,
        Phase::Released => types::CallPhase::Released,
    }
}

pub(crate) fn level(level: session::LogLevel) -> LogLevel {
    match level {
        session::LogLevel::Debug => LogLevel::Debug,
        session::LogLevel::Info => LogLevel::Info,
        session::LogLevel::Warn => LogLevel::Warn,
        session::LogLevel::Error => LogLevel::Error,
    }
}

pub(crate) fn error(error: CommandError) -> types::Error {
    match error {
        CommandError::WrongState => types::Error::WrongState,
        CommandError::WrongDirection => types::Error::WrongDirection,
        CommandError::InvalidArgument(text) => types::Error::InvalidArgument(text),
        CommandError::NotFound(text) => types::Error::NotFound(text),
        CommandError::NotPermitted(text) => types::Error::NotPermitted(text),
        CommandError::LimitExceeded(text) => types::Error::LimitExceeded(text),
        CommandError::Unavailable(text) => types::Error::Unavailable(text),
        CommandError::Unsupported(text) => types::Error::Unsupported(text),
    }
}

pub(crate) fn mode(mode: call::ConfMode) -> ConfMode {
    match mode {
        call::ConfMode::TalkAndListen => ConfMode::TalkAndListen,
        call::ConfMode::ListenOnly => ConfMode::ListenOnly,
        call::ConfMode::TalkOnly => ConfMode::TalkOnly,
        call::ConfMode::Silent => ConfMode::Silent,
    }
}
