//! The commands about conferences: what [`Plan`] allows.

use super::{CommandError, Phase, Plan};
use crate::{CallId, Command, ConfMode, ConferenceId, ConferenceView, is_conference_name, limits};

impl Plan {
    /// The tenant's conference of that name, made if there is none: it lasts once a call is in it.
    pub fn conference(&mut self, name: &str) -> Result<ConferenceId, CommandError> {
        if !is_conference_name(name) {
            let most = limits::CONFERENCE_NAME;
            let what = format!("name is not 1 to {most} octets, or has control characters");
            return Err(CommandError::InvalidArgument(what));
        }
        if let Some(known) = self.view.conferences.iter().find(|it| it.name == name) {
            return Ok(known.id);
        }
        if self.view.conferences.len() >= limits::TENANT_CONFERENCES {
            let most = limits::TENANT_CONFERENCES;
            return Err(CommandError::LimitExceeded(format!("{most} conferences")));
        }
        let id = ConferenceId::mint(&mut self.ids, self.view.now);
        self.view.conferences.push(ConferenceView {
            id,
            name: name.to_owned(),
            size: 0,
        });
        Ok(id)
    }

    /// What is known of a conference that `conference` gave, or that the event is about.
    pub fn conference_view(&self, id: ConferenceId) -> Option<&ConferenceView> {
        let gone = self.view.gone.as_ref().filter(|it| it.id == id);
        self.living_conference(id).or(gone)
    }

    fn living_conference(&self, id: ConferenceId) -> Option<&ConferenceView> {
        self.view.conferences.iter().find(|it| it.id == id)
    }

    /// Puts an answered call that is not bridged into a conference; one that is in it already changes
    /// its mode.
    pub fn conf_enter(
        &mut self,
        id: CallId,
        conference: ConferenceId,
        mode: ConfMode,
    ) -> Result<(), CommandError> {
        let unknown = || CommandError::NotFound(conference.to_string());
        let known = self.living_conference(conference).ok_or_else(unknown)?;
        let (name, size) = (known.name.clone(), known.size);
        let call = self.live(id)?;
        let is_elsewhere = call.conference.is_some_and(|it| it != conference);
        if call.phase != Phase::Answered || call.bridged.is_some() || is_elsewhere {
            return Err(CommandError::WrongState);
        }
        if call.conference.is_none() {
            if size as usize >= limits::CONFERENCE_CALLS {
                let most = limits::CONFERENCE_CALLS;
                let what = format!("{most} calls of one conference");
                return Err(CommandError::LimitExceeded(what));
            }
            call.conference = Some(conference);
            self.resize(conference, 1);
        }
        self.push(Command::ConfEnter {
            call: id,
            conference,
            name,
            mode,
        })
    }

    /// Takes a call out of that conference.
    pub fn conf_exit(&mut self, id: CallId, conference: ConferenceId) -> Result<(), CommandError> {
        if self.live(id)?.conference != Some(conference) {
            return Err(CommandError::WrongState);
        }
        self.leave(id);
        self.push(Command::ConfExit { call: id })
    }

    /// A call is in no conference any more.
    pub(super) fn leave(&mut self, id: CallId) {
        let call = self.view.calls.iter_mut().find(|call| call.id == id);
        if let Some(conference) = call.and_then(|call| call.conference.take()) {
            self.resize(conference, -1);
        }
    }

    fn resize(&mut self, id: ConferenceId, by: i32) {
        let mut all = self.view.conferences.iter_mut();
        if let Some(conference) = all.find(|it| it.id == id) {
            conference.size = conference.size.saturating_add_signed(by);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::plan_tests::plan;
    use super::*;

    fn sizes(plan: &Plan) -> Vec<(&str, u32)> {
        let all = plan.view().conferences.iter();
        all.map(|it| (it.name.as_str(), it.size)).collect()
    }

    #[test]
    fn a_name_leads_to_one_conference() {
        let (mut plan, ..) = plan(Phase::Answered, Phase::Answered);
        let one = plan.conference("one").unwrap();
        assert_ne!(plan.conference("other").unwrap(), one);
        assert_eq!(plan.conference("one").unwrap(), one);
        assert_eq!(sizes(&plan), [("one", 0), ("other", 0)]);
        assert_eq!(plan.into_commands(), []);
    }

    #[test]
    fn what_no_conference_is_called() {
        let (mut plan, ..) = plan(Phase::Answered, Phase::Answered);
        let long = "x".repeat(limits::CONFERENCE_NAME + 1);
        for name in ["", "a\nb", &long] {
            let refused = plan.conference(name);
            assert!(
                matches!(refused, Err(CommandError::InvalidArgument(_))),
                "{name:?}"
            );
        }
        assert!(plan.conference(&long[1..]).is_ok());
    }

    #[test]
    fn only_answered_calls_without_a_bridge_enter() {
        for phase in [Phase::Offered, Phase::Ringing, Phase::Released] {
            let (mut plan, a, _) = plan(phase, Phase::Answered);
            let room = plan.conference("room").unwrap();
            let refused = plan.conf_enter(a, room, ConfMode::TalkAndListen);
            assert_eq!(refused, Err(CommandError::WrongState), "{phase:?}");
        }
        let (mut plan, a, b) = plan(Phase::Answered, Phase::Answered);
        let room = plan.conference("room").unwrap();
        plan.bridge_start(a, b).unwrap();
        let refused = plan.conf_enter(a, room, ConfMode::TalkAndListen);
        assert_eq!(refused, Err(CommandError::WrongState));
        plan.bridge_stop(a).unwrap();
        plan.conf_enter(a, room, ConfMode::TalkAndListen).unwrap();
        assert_eq!(plan.bridge_start(a, b), Err(CommandError::WrongState));
    }

    #[test]
    fn a_call_is_in_one_conference_and_counts_once() {
        let (mut plan, a, b) = plan(Phase::Offered, Phase::Answered);
        let [one, other] = ["one", "other"].map(|it| plan.conference(it).unwrap());
        plan.answer(a, "").unwrap();
        plan.conf_enter(a, one, ConfMode::TalkAndListen).unwrap();
        plan.conf_enter(b, one, ConfMode::ListenOnly).unwrap();
        plan.conf_enter(b, one, ConfMode::TalkAndListen).unwrap();
        let refused = plan.conf_enter(a, other, ConfMode::Silent);
        assert_eq!(refused, Err(CommandError::WrongState));
        assert_eq!(plan.conf_exit(a, other), Err(CommandError::WrongState));
        assert_eq!(sizes(&plan), [("one", 2), ("other", 0)]);
        plan.conf_exit(a, one).unwrap();
        plan.conf_enter(a, other, ConfMode::Silent).unwrap();
        plan.release(b, 200).unwrap();
        assert_eq!(sizes(&plan), [("one", 0), ("other", 1)]);
        assert_eq!(plan.conf_exit(b, one), Err(CommandError::WrongState));
    }

    #[test]
    fn conferences_and_their_calls_are_limited() {
        let (mut plan, a, _) = plan(Phase::Answered, Phase::Answered);
        for number in 0..limits::TENANT_CONFERENCES {
            plan.conference(&number.to_string()).unwrap();
        }
        let refused = plan.conference("one more");
        assert!(matches!(refused, Err(CommandError::LimitExceeded(_))));
        let room = plan.conference("0").unwrap();
        plan.view.conferences[0].size = limits::CONFERENCE_CALLS as u32;
        let refused = plan.conf_enter(a, room, ConfMode::TalkAndListen);
        assert!(matches!(refused, Err(CommandError::LimitExceeded(_))));
    }
}
