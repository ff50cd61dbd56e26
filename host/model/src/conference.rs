//! Conferences: any number of calls of a tenant, mixed.

use crate::{ConferenceId, limits};

/// What a party in a conference hears and says (`conf-mode` of `call.wit`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ConfMode {
    /// It hears all others and is heard by them.
    TalkAndListen,
    /// It hears and is not heard.
    ListenOnly,
    /// It is heard and hears nobody.
    TalkOnly,
    /// Neither.
    Silent,
}

impl ConfMode {
    /// The word of the interface.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TalkAndListen => "talk-and-listen",
            Self::ListenOnly => "listen-only",
            Self::TalkOnly => "talk-only",
            Self::Silent => "silent",
        }
    }
}

/// A conference as its tenant sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConferenceView {
    /// Its id: that of a name changes when the last call has left.
    pub id: ConferenceId,
    /// Its name, one of its tenant at a time.
    pub name: String,
    /// The calls in it.
    pub size: u32,
}

/// Whether a conference may be called that: 1 to [`limits::CONFERENCE_NAME`] octets, none of them a
/// control character.
pub fn is_conference_name(name: &str) -> bool {
    (1..=limits::CONFERENCE_NAME).contains(&name.len()) && !name.chars().any(char::is_control)
}
