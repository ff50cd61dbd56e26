//! What a phone does with a call that comes in, without its user's hand.
//!
//! Owns the timing only; how a step is carried out is the phone's.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// What a phone does with inbound calls. Times count from the INVITE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behaviour {
    /// It answers without ringing.
    Answer {
        /// When.
        after: Duration,
    },
    /// It rings, and answers if `answer` says when; its user may always be faster.
    Ring {
        /// When it rings.
        after: Duration,
        /// When it answers; `None`: never by itself.
        answer: Option<Duration>,
    },
    /// It sends audio before it answers: 183 with a session description.
    EarlyMedia {
        /// When audio begins.
        after: Duration,
        /// When it answers; `None`: never by itself.
        answer: Option<Duration>,
    },
    /// It refuses.
    Refuse {
        /// When.
        after: Duration,
        /// 400 to 699: 486 is busy.
        status: u16,
    },
    /// It says 100 and nothing more.
    TryingOnly,
    /// It hears no INVITE, as if it were not there; what it has begun goes on.
    Deaf,
}

impl Default for Behaviour {
    /// It rings at once, for ever.
    fn default() -> Self {
        Self::Ring {
            after: Duration::ZERO,
            answer: None,
        }
    }
}

/// A step of an inbound call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    Ring,
    EarlyMedia,
    Answer,
    Refuse(u16),
}

impl Behaviour {
    /// The steps of a call that came now, soonest first.
    pub(super) fn plan(self, now: Instant) -> VecDeque<(Instant, Act)> {
        let answered = |first: (Duration, Act), answer: Option<Duration>| {
            let answer = answer.map(|at| (at.max(first.0), Act::Answer));
            [Some(first), answer].into_iter().flatten().collect()
        };
        let steps: Vec<(Duration, Act)> = match self {
            Self::Answer { after } => vec![(after, Act::Answer)],
            Self::Ring { after, answer } => answered((after, Act::Ring), answer),
            Self::EarlyMedia { after, answer } => answered((after, Act::EarlyMedia), answer),
            Self::Refuse { after, status } => vec![(after, Act::Refuse(status))],
            Self::TryingOnly | Self::Deaf => Vec::new(),
        };
        steps
            .into_iter()
            .map(|(after, act)| (now + after, act))
            .collect()
    }
}
