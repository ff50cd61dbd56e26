//! What a policy, or an operator, wants done. Made by [`crate::turn::Plan`] only, which has checked
//! every value; checked against the live session once more when it is carried out.

mod through;

use crate::{
    Address, CallId, Cause, ConfMode, ConferenceId, Keys, Route,
    turn::{Collect, Play},
};

/// One command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Show ringing to the caller.
    Ring {
        /// Inbound, not answered.
        call: CallId,
    },
    /// Answer.
    Answer {
        /// Inbound, not answered.
        call: CallId,
        /// For the CDR.
        user_data: String,
    },
    /// Release.
    Release {
        /// Any call.
        call: CallId,
        /// The final answer, or the Reason of the BYE.
        cause: Cause,
    },
    /// Send the caller elsewhere with a 302.
    Redirect {
        /// Inbound, not answered.
        call: CallId,
        /// Where to.
        to: Address,
    },
    /// Set the text for the CDR.
    SetUserData {
        /// Any call.
        call: CallId,
        /// The text.
        user_data: String,
    },
    /// Dial.
    Construct(Box<Construct>),
    /// Join the media of two calls.
    BridgeStart {
        /// One.
        a: CallId,
        /// The other.
        b: CallId,
    },
    /// Part them.
    BridgeStop {
        /// Either.
        call: CallId,
    },
    /// Put a call into a conference, or change its mode there.
    ConfEnter {
        /// Answered, not bridged.
        call: CallId,
        /// The id that the conference has, or gets if this makes it.
        conference: ConferenceId,
        /// Its name.
        name: String,
        /// What the party hears and says.
        mode: ConfMode,
    },
    /// Take it out.
    ConfExit {
        /// In a conference.
        call: CallId,
    },
    /// Play into a conference.
    ConfPlayStart {
        /// Its id, as the policy knows it.
        conference: ConferenceId,
        /// Its name. A call of the session is in it.
        name: String,
        /// The number of this operation among those of the session in conferences.
        operation: u32,
        /// What.
        what: Box<Play>,
    },
    /// Play no more into a conference, whoever began it.
    ConfPlayStop {
        /// Its name. A call of the session is in it.
        name: String,
    },
    /// Record a conference.
    ConfRecordStart {
        /// Its id, as the policy knows it.
        conference: ConferenceId,
        /// Its name. A call of the session is in it.
        name: String,
        /// The number of this operation among those of the session in conferences.
        operation: u32,
        /// The recording's name in the tenant's catalogue.
        file: String,
        /// The longest that it may take, seconds.
        max_seconds: u32,
    },
    /// End what records a conference, whoever began it.
    ConfRecordStop {
        /// Its name. A call of the session is in it.
        name: String,
    },
    /// Record what the party of a call says and hears.
    RecordStart {
        /// Whose.
        call: CallId,
        /// The number of this operation.
        operation: u32,
        /// The recording's name in the tenant's catalogue.
        name: String,
        /// The keys that end it.
        finish_keys: Keys,
        /// The longest that it may take, seconds.
        max_seconds: u32,
    },
    /// End what records a call.
    RecordStop {
        /// Whose.
        call: CallId,
    },
    /// Ask the party to call somebody else.
    Transfer {
        /// Answered.
        call: CallId,
        /// Whom.
        to: Address,
        /// In place of which answered call.
        replaces: Option<CallId>,
    },
    /// Grant a party's wish to transfer.
    TransferAccept {
        /// Whose.
        call: CallId,
    },
    /// Refuse it.
    TransferRefuse {
        /// Whose.
        call: CallId,
        /// 400 to 699.
        cause: Cause,
    },
    /// Play to the party.
    PlayStart {
        /// Inbound, or answered.
        call: CallId,
        /// The number of this operation.
        operation: u32,
        /// What, and what ends it.
        what: Box<Play>,
    },
    /// Play no more.
    PlayStop {
        /// Any call.
        call: CallId,
    },
    /// Collect what the party keys.
    CollectStart {
        /// Any call.
        call: CallId,
        /// The number of this operation.
        operation: u32,
        /// What ends it.
        what: Box<Collect>,
    },
    /// Collect no more.
    CollectStop {
        /// Any call.
        call: CallId,
    },
    /// Press keys towards the party.
    SendDigits {
        /// Ringing or answered.
        call: CallId,
        /// The keys.
        digits: String,
    },
    /// Offer the party that it hears us and is not heard.
    Hold {
        /// Answered.
        call: CallId,
    },
    /// Offer it the way back.
    Resume {
        /// Answered.
        call: CallId,
    },
    /// Start a timer, or start it anew.
    TimerStart {
        /// Its name.
        name: String,
        /// Milliseconds from the event's time.
        after_ms: u32,
    },
    /// Stop a timer.
    TimerStop {
        /// Its name.
        name: String,
    },
}

/// An outbound call to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Construct {
    /// The id that the new call will have.
    pub call: CallId,
    /// The calling party: who the callee sees.
    pub from: Address,
    /// The called party.
    pub to: Address,
    /// Which way it goes.
    pub route: Route,
    /// How long it may stay answered, seconds; 0: the tenant's limit.
    pub max_answer_seconds: u32,
    /// How long it may ring, seconds from the first 18x; 0: the tenant's limit.
    pub max_ring_seconds: u32,
    /// For the CDR.
    pub user_data: String,
    /// Headers that a policy may set, and those of the platform.
    pub headers: Vec<(String, String)>,
    /// The callee shall not see the calling party (RFC 3323).
    pub anonymous: bool,
    /// Whose wish to transfer it fulfils: that party is told how it goes.
    pub transfer: Option<CallId>,
}

impl Construct {
    /// The calling party as the callee sees it.
    pub fn shown(&self) -> &str {
        if self.anonymous {
            ANONYMOUS
        } else {
            self.from.as_str()
        }
    }
}

/// Nobody whom anybody could call back. RFC 3323 §4.1.1.3.
const ANONYMOUS: &str = "sip:anonymous@anonymous.invalid";

impl Command {
    /// One line for traces, in the words of the call module. `label` names a call.
    pub fn describe(&self, label: impl Fn(CallId) -> String) -> String {
        match self {
            Self::Ring { call } => format!("ring {}", label(*call)),
            Self::Answer { call, .. } => format!("answer {}", label(*call)),
            Self::Release { call, cause } => format!("release {} {cause}", label(*call)),
            Self::Redirect { call, to } => format!("redirect {} to {}", label(*call), to.user()),
            Self::SetUserData { call, .. } => format!("set-user-data {}", label(*call)),
            Self::Construct(c) => format!("construct {} -> {}", c.from.user(), c.to.user()),
            Self::BridgeStart { a, b } => format!("bridge-start {} {}", label(*a), label(*b)),
            Self::BridgeStop { call } => format!("bridge-stop {}", label(*call)),
            Self::ConfEnter {
                call, name, mode, ..
            } => format!("conf-enter {} {name} {}", label(*call), mode.as_str()),
            Self::ConfExit { call } => format!("conf-exit {}", label(*call)),
            Self::ConfPlayStart { name, what, .. } => {
                format!("conference {name} play-start {}", what.describe())
            }
            Self::ConfPlayStop { name } => format!("conference {name} play-stop"),
            Self::ConfRecordStart { name, file, .. } => {
                format!("conference {name} record-start {file}")
            }
            Self::ConfRecordStop { name } => format!("conference {name} record-stop"),
            Self::RecordStart { call, name, .. } => {
                format!("record-start {} {name}", label(*call))
            }
            Self::RecordStop { call } => format!("record-stop {}", label(*call)),
            Self::Transfer { call, to, replaces } => {
                let to = to.user();
                let place =
                    replaces.map_or(String::new(), |it| format!(", replaces {}", label(it)));
                format!("transfer {} to {to}{place}", label(*call))
            }
            Self::TransferAccept { call } => format!("transfer-accept {}", label(*call)),
            Self::TransferRefuse { call, cause } => {
                format!("transfer-refuse {} {cause}", label(*call))
            }
            Self::PlayStart { call, what, .. } => {
                format!("play-start {} {}", label(*call), what.describe())
            }
            Self::PlayStop { call } => format!("play-stop {}", label(*call)),
            Self::CollectStart { call, .. } => format!("collect-start {}", label(*call)),
            Self::CollectStop { call } => format!("collect-stop {}", label(*call)),
            Self::SendDigits { call, .. } => format!("send-digits {}", label(*call)),
            Self::Hold { call } => format!("hold {}", label(*call)),
            Self::Resume { call } => format!("resume {}", label(*call)),
            Self::TimerStart { name, after_ms } => format!("timer-start {name} {after_ms} ms"),
            Self::TimerStop { name } => format!("timer-stop {name}"),
        }
    }
}
