//! Events, by the name of their handler.

use model::{
    Address, CallDirection, CallId, Cause, Completion, ConferenceId, DialReport, Event, Origin,
    ReleaseReport, ReleasedBy, Request, RequestId, turn::CommandError,
};
use serde::{Deserialize, Serialize};

use super::{cause, cause_maybe, maybe, text, view::DirectionForm};

#[derive(Serialize, Deserialize)]
#[serde(remote = "Event", rename_all = "snake_case")]
pub(crate) enum EventForm {
    #[serde(rename = "on_incoming")]
    Incoming {
        #[serde(with = "text")]
        call: CallId,
        begin: u64,
    },
    #[serde(rename = "on_ringing")]
    Ringing {
        #[serde(with = "text")]
        call: CallId,
        early_media: bool,
    },
    #[serde(rename = "on_dial_completed")]
    DialCompleted {
        #[serde(with = "text")]
        call: CallId,
        #[serde(with = "DialForm")]
        report: DialReport,
    },
    #[serde(rename = "on_answered")]
    Answered {
        #[serde(with = "text")]
        call: CallId,
    },
    #[serde(rename = "on_released")]
    Released {
        #[serde(with = "text")]
        call: CallId,
        #[serde(with = "ReleaseForm")]
        report: ReleaseReport,
    },
    #[serde(rename = "on_digit")]
    Digit {
        #[serde(with = "text")]
        call: CallId,
        digit: char,
    },
    #[serde(rename = "on_play_completed")]
    PlayCompleted {
        #[serde(with = "text")]
        call: CallId,
        operation: u32,
        #[serde(with = "CompletionForm")]
        how: Completion,
    },
    #[serde(rename = "on_digits_collected")]
    DigitsCollected {
        #[serde(with = "text")]
        call: CallId,
        operation: u32,
        digits: String,
        #[serde(with = "CompletionForm")]
        how: Completion,
    },
    #[serde(rename = "on_command_failed")]
    CommandFailed {
        #[serde(with = "text")]
        call: CallId,
        #[serde(with = "name")]
        command: Name,
        #[serde(with = "ErrorForm")]
        why: CommandError,
    },
    #[serde(rename = "on_record_completed")]
    RecordCompleted {
        #[serde(with = "text")]
        call: CallId,
        operation: u32,
        #[serde(with = "CompletionForm")]
        how: Completion,
        duration_ms: u32,
    },
    #[serde(rename = "on_conference_play_completed")]
    ConferencePlayCompleted {
        #[serde(with = "text")]
        conference: ConferenceId,
        name: String,
        operation: u32,
        #[serde(with = "CompletionForm")]
        how: Completion,
    },
    #[serde(rename = "on_conference_record_completed")]
    ConferenceRecordCompleted {
        #[serde(with = "text")]
        conference: ConferenceId,
        name: String,
        operation: u32,
        #[serde(with = "CompletionForm")]
        how: Completion,
        duration_ms: u32,
    },
    #[serde(rename = "on_transfer_requested")]
    TransferRequested {
        #[serde(with = "text")]
        call: CallId,
        #[serde(with = "text")]
        target: Address,
        replaces: Option<String>,
    },
    #[serde(rename = "on_transfer_completed")]
    TransferCompleted {
        #[serde(with = "text")]
        call: CallId,
        status: u16,
    },
    #[serde(rename = "on_timer")]
    Timer { name: String },
    #[serde(rename = "on_request")]
    Request(#[serde(with = "RequestForm")] Request),
    #[serde(rename = "migrate")]
    Migrate { from: u32 },
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "DialReport")]
struct DialForm {
    begin: u64,
    answer: Option<u64>,
    end: u64,
    #[serde(with = "cause_maybe")]
    error: Option<Cause>,
    reason: Option<String>,
    #[serde(with = "maybe")]
    redirect: Option<Address>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "ReleaseReport")]
struct ReleaseForm {
    #[serde(with = "DirectionForm")]
    direction: CallDirection,
    #[serde(with = "text")]
    from: Address,
    #[serde(with = "text")]
    to: Address,
    begin: u64,
    answer: Option<u64>,
    end: u64,
    #[serde(with = "ByForm")]
    dropped_by: ReleasedBy,
    #[serde(with = "cause")]
    cause: Cause,
    q850: Option<u8>,
    reason: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "ReleasedBy", rename_all = "kebab-case")]
enum ByForm {
    System,
    User,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Completion", rename_all = "kebab-case")]
enum CompletionForm {
    Finished,
    FinishKey(char),
    Timeout,
    Stopped,
    Failed,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "CommandError", rename_all = "kebab-case")]
enum ErrorForm {
    WrongState,
    WrongDirection,
    InvalidArgument(String),
    NotFound(String),
    NotPermitted(String),
    LimitExceeded(String),
    Unavailable(String),
    Unsupported(String),
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Request")]
struct RequestForm {
    #[serde(with = "text")]
    id: RequestId,
    #[serde(with = "OriginForm")]
    origin: Origin,
    user: String,
    verb: String,
    body: String,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Origin", rename_all = "kebab-case")]
enum OriginForm {
    User,
    Tenant,
    Cti,
}

/// The name of a command that can fail later: the model has it as a constant.
type Name = &'static str;

mod name {
    use serde::{Deserialize, Deserializer, Serializer, de};

    use super::Name;

    /// As `call.wit` spells them.
    const NAMES: [Name; 5] = ["hold", "resume", "send-digits", "conf-enter", "transfer"];

    pub(super) fn serialize<S: Serializer>(name: &Name, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(name)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Name, D::Error> {
        let text = String::deserialize(from)?;
        let known = NAMES.into_iter().find(|name| *name == text);
        known.ok_or_else(|| de::Error::custom(format!("{text:?} is no command that fails later")))
    }
}
