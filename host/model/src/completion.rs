//! How an operation of a call ended: a play, a recording, a collection of digits.

/// `completion` of `types.wit`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completion {
    /// It reached its natural end.
    Finished,
    /// This finish key ended it.
    FinishKey(char),
    /// Its time limit ended it.
    Timeout,
    /// A command, another start, or the release of the call stopped it.
    Stopped,
    /// It failed.
    Failed,
}

impl Completion {
    /// The word for traces. Which key it was they do not tell: it may be one of a PIN.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Finished => "finished",
            Self::FinishKey(_) => "finish-key",
            Self::Timeout => "timeout",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
        }
    }
}
