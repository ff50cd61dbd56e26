//! Digits: collecting what a party keys.

use super::{CommandError, Phase, Plan};
use crate::{CallId, Command, Keys, limits};

/// What `collect-start` is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Collect {
    /// As many digits end it.
    pub max_digits: usize,
    /// So does each of these keys, which is not among the digits.
    pub finish_keys: Keys,
    /// So does this time without any digit, milliseconds.
    pub first_timeout_ms: u32,
    /// So does this time after a digit, milliseconds.
    pub next_timeout_ms: u32,
}

impl Plan {
    /// Collects digits of a party, in place of what collects them already. The number of the operation.
    pub fn collect_start(
        &mut self,
        id: CallId,
        max_digits: u32,
        finish_keys: &str,
        first_timeout_ms: u32,
        next_timeout_ms: u32,
    ) -> Result<u32, CommandError> {
        let invalid = |what: String| Err(CommandError::InvalidArgument(what));
        let most = limits::COLLECTED_DIGITS;
        let fits = usize::try_from(max_digits).ok();
        let Some(max_digits) = fits.filter(|digits| (1..=most).contains(digits)) else {
            return invalid(format!("max-digits is not 1 to {most}"));
        };
        for (name, ms) in [
            ("first-timeout", first_timeout_ms),
            ("next-timeout", next_timeout_ms),
        ] {
            if ms == 0 || u128::from(ms) > limits::TIMER_LONGEST.as_millis() {
                return invalid(format!("{name} is not 1 ms to a day"));
            }
        }
        let what = Collect {
            max_digits,
            finish_keys: checked_keys("finish-keys", finish_keys)?,
            first_timeout_ms,
            next_timeout_ms,
        };
        let operation = self.operation(id)?;
        self.push(Command::CollectStart {
            call: id,
            operation,
            what: Box::new(what),
        })?;
        Ok(operation)
    }

    /// Ends the collection of digits. It is a command even if there is none: one that has just ended may
    /// wait to be told, and that is no mistake of the policy's.
    pub fn collect_stop(&mut self, id: CallId) -> Result<(), CommandError> {
        self.live(id)?;
        self.push(Command::CollectStop { call: id })
    }

    /// Sends digits to a party that is answered or rings; they wait until it can hear them.
    pub fn send_digits(&mut self, id: CallId, digits: &str) -> Result<(), CommandError> {
        let invalid = |what: String| Err(CommandError::InvalidArgument(what));
        let most = limits::SENT_DIGITS;
        if digits.is_empty() || digits.len() > most {
            return invalid(format!("digits are not 1 to {most}"));
        }
        checked_keys("digits", digits)?;
        if !matches!(self.live(id)?.phase, Phase::Ringing | Phase::Answered) {
            return Err(CommandError::WrongState);
        }
        self.push(Command::SendDigits {
            call: id,
            digits: digits.to_owned(),
        })
    }

    /// The number of the next play, recording or collection of a call.
    pub(super) fn operation(&mut self, id: CallId) -> Result<u32, CommandError> {
        let call = self.live(id)?;
        if call.operations >= limits::CALL_OPERATIONS {
            let what = format!("{} operations of one call", limits::CALL_OPERATIONS);
            return Err(CommandError::LimitExceeded(what));
        }
        call.operations += 1;
        Ok(call.operations)
    }
}

/// The keys that an argument of that name consists of.
pub(super) fn checked_keys(name: &str, keys: &str) -> Result<Keys, CommandError> {
    let invalid = || CommandError::InvalidArgument(format!("{name} are not of 0-9A-D*#"));
    Keys::parse(keys).ok_or_else(invalid)
}

#[cfg(test)]
mod tests {
    use crate::turn::{CommandError, Phase, plan_tests::plan};
    use crate::{Command, Keys, limits};

    #[test]
    fn a_collection_is_checked_and_numbered() {
        let (mut plan, a, b) = plan(Phase::Answered, Phase::Answered);
        let most = limits::COLLECTED_DIGITS as u32;
        let day = limits::TIMER_LONGEST.as_millis() as u32;
        for (digits, keys, first, next) in [
            (0, "#", 1, 1),
            (most + 1, "#", 1, 1),
            (1, "E", 1, 1),
            (1, "a", 1, 1),
            (1, "#", 0, 1),
            (1, "#", 1, 0),
            (1, "#", day + 1, 1),
            (1, "#", 1, day + 1),
        ] {
            let refused = plan.collect_start(a, digits, keys, first, next);
            let invalid = matches!(refused, Err(CommandError::InvalidArgument(_)));
            assert!(invalid, "{digits} {keys} {first} {next}: {refused:?}");
        }
        assert_eq!(plan.collect_start(a, most, "*#*", day, day), Ok(1));
        assert_eq!(plan.collect_start(a, 1, "", 1, 1), Ok(2));
        assert_eq!(plan.collect_start(b, 1, "", 1, 1), Ok(1));
        assert_eq!(plan.collect_stop(a), Ok(()));
        let [Command::CollectStart { what, .. }, ..] = &plan.into_commands()[..] else {
            panic!()
        };
        assert_eq!(Some(what.finish_keys), Keys::parse("#*"));
    }

    #[test]
    fn digits_are_sent_to_who_rings_or_talks() {
        use CommandError::WrongState;
        for (phase, answer) in [
            (Phase::Offered, Err(WrongState)),
            (Phase::Ringing, Ok(())),
            (Phase::Answered, Ok(())),
            (Phase::Released, Err(WrongState)),
        ] {
            let (mut plan, a, _) = plan(phase, Phase::Dialling);
            assert_eq!(plan.send_digits(a, "0*#D"), answer, "{phase:?}");
        }
        let (mut plan, a, b) = plan(Phase::Answered, Phase::Dialling);
        assert_eq!(plan.send_digits(b, "1"), Err(WrongState));
        for digits in ["", "1 2", "e", &"1".repeat(limits::SENT_DIGITS + 1)] {
            let refused = plan.send_digits(a, digits);
            assert!(matches!(refused, Err(CommandError::InvalidArgument(_))));
        }
    }

    #[test]
    fn who_names_a_key_that_no_telephone_has_is_told_where() {
        let refused = |what: &str| {
            let what = format!("{what} are not of 0-9A-D*#");
            Err(CommandError::InvalidArgument(what))
        };
        let (mut plan, a, _) = plan(Phase::Answered, Phase::Answered);
        let beep = ["tone:beep".to_owned()];
        assert_eq!(plan.collect_start(a, 1, "E", 1, 1), refused("finish-keys"));
        assert_eq!(plan.play_start(a, &beep, 1, "#x"), refused("finish-keys"));
        let recorded = plan.record_start(a, "name", "1é", 0);
        assert_eq!(recorded, refused("finish-keys"));
        let sent = plan.send_digits(a, "1 2").map(|()| 0);
        assert_eq!(sent, refused("digits"));
    }

    #[test]
    fn who_is_gone_keys_nothing() {
        let (mut plan, a, _) = plan(Phase::Released, Phase::Answered);
        let refused = plan.collect_start(a, 1, "", 1, 1);
        assert_eq!(refused, Err(CommandError::WrongState));
        assert_eq!(plan.collect_stop(a), Err(CommandError::WrongState));
    }

    #[test]
    fn a_call_has_so_many_operations_and_no_more() {
        let (mut plan, a, _) = plan(Phase::Answered, Phase::Answered);
        for nth in 1..=limits::CALL_OPERATIONS {
            assert_eq!(plan.collect_start(a, 1, "", 1, 1), Ok(nth));
        }
        let refused = plan.collect_start(a, 1, "", 1, 1);
        assert!(matches!(refused, Err(CommandError::LimitExceeded(_))));
    }
}
