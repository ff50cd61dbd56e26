//! The record of one recording: who was recorded, when, and what became of the file.

use crate::{CallId, RecordingId, SessionId, TenantId};

/// Audio that was captured of one call: what its party said and heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recording {
    /// Its id, which names the file too.
    pub id: RecordingId,
    /// Whose it is.
    pub tenant: TenantId,
    /// The call.
    pub call: CallId,
    /// The session of the call.
    pub session: SessionId,
    /// The name that the policy gave it; several may have the same.
    pub name: String,
    /// When it began, Unix milliseconds.
    pub begin: u64,
    /// What became of it.
    pub state: RecordingState,
}

/// What became of the file of a recording.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RecordingState {
    /// It is being written; or the process that wrote it was lost.
    #[default]
    Open,
    /// It is whole, in the node's own folder.
    Ready(Audio),
    /// It could not be written.
    Failed,
}

impl RecordingState {
    /// The words for all states.
    pub const WORDS: [&str; 3] = ["open", "ready", "failed"];

    /// The word that rows and the API use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Ready(_) => "ready",
            Self::Failed => "failed",
        }
    }

    /// The audio, if it is whole.
    pub fn audio(self) -> Option<Audio> {
        match self {
            Self::Ready(audio) => Some(audio),
            Self::Open | Self::Failed => None,
        }
    }
}

/// A file that is whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Audio {
    /// How long it plays, milliseconds.
    pub duration_ms: u64,
    /// Its size.
    pub octets: u64,
}
