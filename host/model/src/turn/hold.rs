//! Hold and resume of a party.

use super::{CommandError, Phase, Plan};
use crate::{CallId, Command};

impl Plan {
    /// Offers the party of an answered call that it hears us and is not heard. It is a command even if the
    /// party is held: whether it has agreed the policy may not know yet.
    pub fn hold(&mut self, id: CallId) -> Result<(), CommandError> {
        self.answered(id)?;
        self.push(Command::Hold { call: id })
    }

    /// Offers it the way back. Likewise.
    pub fn resume(&mut self, id: CallId) -> Result<(), CommandError> {
        self.answered(id)?;
        self.push(Command::Resume { call: id })
    }

    fn answered(&mut self, id: CallId) -> Result<(), CommandError> {
        match self.live(id)?.phase {
            Phase::Answered => Ok(()),
            _ => Err(CommandError::WrongState),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::Command;
    use crate::turn::{CommandError::WrongState, Phase, plan_tests::plan};

    #[test]
    fn only_who_talks_is_held_or_taken_back() {
        for phase in [Phase::Offered, Phase::Ringing, Phase::Released] {
            let (mut plan, a, _) = plan(phase, Phase::Dialling);
            let both = (plan.hold(a), plan.resume(a));
            assert_eq!(both, (Err(WrongState), Err(WrongState)), "{phase:?}");
        }
        let (mut plan, a, b) = plan(Phase::Offered, Phase::Answered);
        plan.answer(a, "").unwrap();
        assert_eq!((plan.hold(a), plan.resume(b)), (Ok(()), Ok(())));
        let commands = plan.into_commands();
        let [_, Command::Hold { .. }, Command::Resume { .. }] = commands[..] else {
            panic!("{commands:?}")
        };
    }
}
