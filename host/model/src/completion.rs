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

/// Keys of a telephone, of which each may end an operation: any of `0-9A-D*#`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Keys(u16);

impl Keys {
    /// Every key, in the order of RFC 4733 §3.2.
    const ALL: &str = "0123456789*#ABCD";

    /// These keys; one that stands there twice counts once. `None` if one is none.
    pub fn parse(text: &str) -> Option<Self> {
        let bit = |key| Self::ALL.find(key).map(|at| 1 << at);
        let all = text
            .chars()
            .try_fold(0, |keys, key| Some(keys | bit(key)?))?;
        Some(Self(all))
    }

    /// Whether this key is among them.
    pub fn has(self, key: char) -> bool {
        Self::ALL
            .find(key)
            .is_some_and(|at| self.0 & (1 << at) != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::Keys;

    #[test]
    fn keys_are_those_of_a_telephone() {
        let keys = Keys::parse("#1D1").unwrap();
        assert!(keys.has('#') && keys.has('1') && keys.has('D'));
        assert!(!keys.has('2') && !keys.has('*') && !keys.has('d') && !keys.has('é'));
        assert!(!Keys::parse("").unwrap().has('#'));
        for text in ["E", "d", " ", "1é", "+"] {
            assert_eq!(Keys::parse(text), None, "{text:?}");
        }
    }
}
