//! What a policy is told: the events of `events.wit`, as plain data.

use crate::{Address, CallId, Cause, Completion, ConferenceId, RequestId, turn::CommandError};

/// Which way a call was set up, seen from the platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallDirection {
    /// The party called us.
    Inbound,
    /// We called the party.
    Outbound,
}

impl CallDirection {
    /// The word that CDRs and the API use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Inbound => "inbound",
            Self::Outbound => "outbound",
        }
    }
}

/// Who ended a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReleasedBy {
    /// The platform: a policy, a limit, the API.
    System,
    /// The party on the call.
    User,
}

impl ReleasedBy {
    /// The word that CDRs and the API use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::System => "sys",
            Self::User => "usr",
        }
    }
}

/// How dialling ended. Times are Unix milliseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DialReport {
    /// When it began.
    pub begin: u64,
    /// When the callee answered, if it did.
    pub answer: Option<u64>,
    /// When dialling ended; not the end of the call.
    pub end: u64,
    /// Why it failed.
    pub error: Option<Cause>,
    /// The reason phrase, or a Reason header's text.
    pub reason: Option<String>,
    /// Where a 3xx pointed to. The platform never follows it.
    pub redirect: Option<Address>,
}

/// How a call ended. Times are Unix milliseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReleaseReport {
    /// Which way it was set up.
    pub direction: CallDirection,
    /// The calling party.
    pub from: Address,
    /// The called party.
    pub to: Address,
    /// When it began.
    pub begin: u64,
    /// When it was answered, if it was.
    pub answer: Option<u64>,
    /// When it ended.
    pub end: u64,
    /// Who ended it.
    pub dropped_by: ReleasedBy,
    /// Why.
    pub cause: Cause,
    /// The Q.850 cause of a Reason header (RFC 3326).
    pub q850: Option<u8>,
    /// The text of a Reason header.
    pub reason: Option<String>,
}

/// Where a request came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// `POST /api/user/{user}/{verb}`.
    User,
    /// `POST /api/v1/calls`.
    Tenant,
    /// `POST /api/cti/callin`.
    Cti,
}

/// A request to the REST API that a policy answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Its id.
    pub id: RequestId,
    /// Where it came in.
    pub origin: Origin,
    /// The phone user; empty where there is none.
    pub user: String,
    /// What is asked for.
    pub verb: String,
    /// The JSON body, at most [`crate::limits::REQUEST_BODY`] octets.
    pub body: String,
}

/// A policy's answer to a [`Request`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// An HTTP status, 200 to 499.
    pub status: u16,
    /// A JSON text.
    pub body: String,
}

/// One event of one session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A new inbound call.
    Incoming {
        /// The call.
        call: CallId,
        /// When its INVITE arrived, Unix milliseconds.
        begin: u64,
    },
    /// The callee of an outbound call rings.
    Ringing {
        /// The call.
        call: CallId,
        /// It also sends audio (183 with SDP).
        early_media: bool,
    },
    /// Dialling ended.
    DialCompleted {
        /// The call.
        call: CallId,
        /// How.
        report: DialReport,
    },
    /// An outbound call was answered and its media flows.
    Answered {
        /// The call.
        call: CallId,
    },
    /// A call is over.
    Released {
        /// The call.
        call: CallId,
        /// How.
        report: ReleaseReport,
    },
    /// A party has pressed a key.
    Digit {
        /// The party.
        call: CallId,
        /// `0` to `9`, `*`, `#`, `A` to `D`.
        digit: char,
    },
    /// A play is over. Told once for each, and before the end of its call.
    PlayCompleted {
        /// Who heard it.
        call: CallId,
        /// Which play.
        operation: u32,
        /// What ended it.
        how: Completion,
    },
    /// A collection of digits is over. Told once for each, and before the end of its call.
    DigitsCollected {
        /// The party.
        call: CallId,
        /// Which collection.
        operation: u32,
        /// What was keyed, the finish key not among it.
        digits: String,
        /// What ended it.
        how: Completion,
    },
    /// A command that was accepted has failed later.
    CommandFailed {
        /// Whose.
        call: CallId,
        /// Its name, as `call.wit` spells it.
        command: &'static str,
        /// Why.
        why: CommandError,
    },
    /// A recording ended: exactly once for each start, before its call is over.
    RecordCompleted {
        /// The call.
        call: CallId,
        /// Which operation of the call.
        operation: u32,
        /// How.
        how: Completion,
        /// How long it was, milliseconds.
        duration_ms: u32,
    },
    /// A play into a conference is over. Told once for each, to the session that began it.
    ConferencePlayCompleted {
        /// The conference, which may be over as well.
        conference: ConferenceId,
        /// Its name.
        name: String,
        /// Which operation of the session in conferences.
        operation: u32,
        /// What ended it.
        how: Completion,
    },
    /// The recording of a conference is over. Told once for each, to the session that began it.
    ConferenceRecordCompleted {
        /// The conference, which may be over as well.
        conference: ConferenceId,
        /// Its name.
        name: String,
        /// Which operation of the session in conferences.
        operation: u32,
        /// What ended it.
        how: Completion,
        /// How long it was, milliseconds.
        duration_ms: u32,
    },
    /// A party wants the other side of its conversation to call somebody else.
    TransferRequested {
        /// The party.
        call: CallId,
        /// Whom.
        target: Address,
        /// In place of which call of the tenant; empty: one that is another shard's.
        replaces: Option<String>,
    },
    /// A party that was asked to call somebody else has said how that went.
    TransferCompleted {
        /// The party.
        call: CallId,
        /// The final status.
        status: u16,
    },
    /// A timer fired.
    Timer {
        /// Its name.
        name: String,
    },
    /// A request wants an answer.
    Request(Request),
    /// The session is to go on with this version of its policy, which makes its state out of that of another.
    Migrate {
        /// The version that wrote the state.
        from: u32,
    },
}

impl Event {
    /// The name of the handler, as the call module spells it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Incoming { .. } => "on_incoming",
            Self::Ringing { .. } => "on_ringing",
            Self::DialCompleted { .. } => "on_dial_completed",
            Self::Answered { .. } => "on_answered",
            Self::Released { .. } => "on_released",
            Self::Digit { .. } => "on_digit",
            Self::PlayCompleted { .. } => "on_play_completed",
            Self::DigitsCollected { .. } => "on_digits_collected",
            Self::CommandFailed { .. } => "on_command_failed",
            Self::RecordCompleted { .. } => "on_record_completed",
            Self::ConferencePlayCompleted { .. } => "on_conference_play_completed",
            Self::ConferenceRecordCompleted { .. } => "on_conference_record_completed",
            Self::TransferRequested { .. } => "on_transfer_requested",
            Self::TransferCompleted { .. } => "on_transfer_completed",
            Self::Timer { .. } => "on_timer",
            Self::Request(_) => "on_request",
            Self::Migrate { .. } => "migrate",
        }
    }

    /// The interface that it belongs to, as `events.wit` names it.
    pub fn interface(&self) -> &'static str {
        match self {
            Self::Incoming { .. }
            | Self::Ringing { .. }
            | Self::DialCompleted { .. }
            | Self::Answered { .. }
            | Self::Released { .. } => "call-events",
            Self::Digit { .. } | Self::DigitsCollected { .. } => "digit-events",
            Self::PlayCompleted { .. } | Self::RecordCompleted { .. } => "media-events",
            Self::CommandFailed { .. } => "command-events",
            Self::ConferencePlayCompleted { .. } | Self::ConferenceRecordCompleted { .. } => {
                "conference-events"
            }
            Self::TransferRequested { .. } | Self::TransferCompleted { .. } => "transfer-events",
            Self::Timer { .. } => "timer-events",
            Self::Request(_) => "request-events",
            Self::Migrate { .. } => "upgrade",
        }
    }

    /// The call that it is about.
    pub fn call(&self) -> Option<CallId> {
        match self {
            Self::Incoming { call, .. }
            | Self::Ringing { call, .. }
            | Self::DialCompleted { call, .. }
            | Self::Answered { call }
            | Self::Digit { call, .. }
            | Self::PlayCompleted { call, .. }
            | Self::DigitsCollected { call, .. }
            | Self::CommandFailed { call, .. }
            | Self::RecordCompleted { call, .. }
            | Self::TransferRequested { call, .. }
            | Self::TransferCompleted { call, .. }
            | Self::Released { call, .. } => Some(*call),
            Self::ConferencePlayCompleted { .. }
            | Self::ConferenceRecordCompleted { .. }
            | Self::Timer { .. }
            | Self::Request(_)
            | Self::Migrate { .. } => None,
        }
    }

    /// The conference that it is about, and its name.
    pub fn conference(&self) -> Option<(ConferenceId, &str)> {
        match self {
            Self::ConferencePlayCompleted {
                conference, name, ..
            }
            | Self::ConferenceRecordCompleted {
                conference, name, ..
            } => Some((*conference, name)),
            _ => None,
        }
    }
}
