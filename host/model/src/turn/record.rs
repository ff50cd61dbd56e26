//! Recordings: the commands `record-start` and `record-stop`.

use super::{
    digits::checked_keys,
    plan::{CommandError, Plan},
};
use crate::{CallId, Command, limits};

impl Plan {
    /// Records what the party of a call says and hears, in any phase; a recording that runs ends. Gives the
    /// number of the operation. `max_seconds`: 0 and more than [`limits::RECORD_LONGEST`] are that.
    pub fn record_start(
        &mut self,
        id: CallId,
        name: &str,
        finish_keys: &str,
        max_seconds: u32,
    ) -> Result<u32, CommandError> {
        let name = checked_name("file", name)?;
        let finish_keys = checked_keys("finish-keys", finish_keys)?;
        let operation = self.operation(id)?;
        let max_seconds = granted(max_seconds);
        self.push(Command::RecordStart {
            call: id,
            operation,
            name,
            finish_keys,
            max_seconds,
        })?;
        Ok(operation)
    }

    /// Ends what records a call. Nothing happens if nothing does: it may have ended by itself just now.
    pub fn record_stop(&mut self, id: CallId) -> Result<(), CommandError> {
        self.live(id)?;
        self.push(Command::RecordStop { call: id })
    }
}

/// How long a recording may take that is to take so many seconds.
pub(super) fn granted(max_seconds: u32) -> u32 {
    let longest = limits::RECORD_LONGEST.as_secs() as u32;
    match max_seconds {
        0 => longest,
        seconds => seconds.min(longest),
    }
}

/// A name in the tenant's catalogue: letters, digits, `-`, `_` and `.`, which it does not begin with. So it
/// is never a path.
pub(super) fn checked_name(what: &str, name: &str) -> Result<String, CommandError> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let length = 1..=limits::CATALOGUE_NAME;
    if length.contains(&name.len()) && name.chars().all(fits) && !name.starts_with('.') {
        return Ok(name.to_owned());
    }
    let most = limits::CATALOGUE_NAME;
    Err(CommandError::InvalidArgument(format!(
        "{what} is not 1 to {most} of a-z, A-Z, 0-9, -, _ and ., beginning with none of ."
    )))
}

#[cfg(test)]
mod tests {
    use super::super::{Phase, plan_tests::plan};
    use super::*;

    #[test]
    fn operations_of_a_call_are_counted_from_1_for_each_call() {
        let (mut plan, a, b) = plan(Phase::Offered, Phase::Answered);
        assert_eq!(plan.record_start(a, "one", "", 0), Ok(1));
        assert_eq!(plan.record_start(a, "two", "", 0), Ok(2));
        assert_eq!(plan.record_start(b, "one", "", 0), Ok(1));
        assert!(plan.record_start(a, "no/path", "", 0).is_err());
        assert_eq!(
            plan.record_start(a, "three", "", 0),
            Ok(3),
            "a refused one has no number"
        );
    }

    #[test]
    fn a_recordings_name_is_never_a_path() {
        let (mut plan, a, _) = plan(Phase::Answered, Phase::Answered);
        let long = "a".repeat(limits::CATALOGUE_NAME + 1);
        for name in ["", ".", "..", ".a", "a/b", "a\\b", "a b", "é", "a\0", &long] {
            let refused = plan.record_start(a, name, "", 0);
            assert!(
                matches!(refused, Err(CommandError::InvalidArgument(_))),
                "{name:?}"
            );
        }
        for name in ["a", "A-1_b.wav", &long[1..]] {
            assert!(plan.record_start(a, name, "", 0).is_ok(), "{name:?}");
        }
    }

    #[test]
    fn a_recording_lasts_as_long_as_a_call_at_most() {
        let (mut plan, a, _) = plan(Phase::Answered, Phase::Answered);
        let longest = limits::RECORD_LONGEST.as_secs() as u32;
        for (asked, granted) in [(0, longest), (5, 5), (u32::MAX, longest)] {
            plan.record_start(a, "name", "#", asked).unwrap();
            let last = plan.commands.last();
            assert!(
                matches!(last, Some(Command::RecordStart { max_seconds, .. }) if *max_seconds == granted)
            );
        }
    }

    #[test]
    fn keys_that_no_telephone_has_are_refused_and_so_is_a_call_that_is_over() {
        let (mut plan, a, b) = plan(Phase::Answered, Phase::Released);
        let refused = plan.record_start(a, "name", "#x", 0);
        assert!(matches!(refused, Err(CommandError::InvalidArgument(_))));
        let refused = plan.record_start(b, "name", "#", 0);
        assert_eq!(refused, Err(CommandError::WrongState));
        assert_eq!(plan.record_stop(b), Err(CommandError::WrongState));
    }
}
