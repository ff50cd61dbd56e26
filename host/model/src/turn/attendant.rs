//! Playing into conferences and recording them: what [`Plan`] allows.
//!
//! Only a session that has a call in a conference may do so; what it begins is the conference's and goes on
//! when that call has left it.

use super::record::{checked_name, granted};
use super::{CommandError, Phase, Plan};
use crate::{Command, ConferenceId, limits};

impl Plan {
    /// Plays into a conference, in place of what plays there, whoever began that. The number of the
    /// operation, among those of this session in conferences.
    pub fn conf_play_start(
        &mut self,
        conference: ConferenceId,
        files: &[String],
        repeat: u32,
    ) -> Result<u32, CommandError> {
        let what = self.checked_play(files, repeat, "")?;
        let name = self.attended(conference)?;
        let operation = self.operation_in_conferences()?;
        self.push(Command::ConfPlayStart {
            conference,
            name,
            operation,
            what: Box::new(what),
        })?;
        Ok(operation)
    }

    /// Plays no more into a conference. It is a command even if nothing plays: the end of it may wait to be
    /// told, and whoever else has a call there may just have begun.
    pub fn conf_play_stop(&mut self, conference: ConferenceId) -> Result<(), CommandError> {
        let name = self.attended(conference)?;
        self.push(Command::ConfPlayStop { name })
    }

    /// Records a conference, in place of what records it. The number of the operation, as for a play.
    /// `max_seconds`: 0 and more than [`limits::RECORD_LONGEST`] are that.
    pub fn conf_record_start(
        &mut self,
        conference: ConferenceId,
        file: &str,
        max_seconds: u32,
    ) -> Result<u32, CommandError> {
        let file = checked_name("file", file)?;
        let name = self.attended(conference)?;
        let operation = self.operation_in_conferences()?;
        self.push(Command::ConfRecordStart {
            conference,
            name,
            operation,
            file,
            max_seconds: granted(max_seconds),
        })?;
        Ok(operation)
    }

    /// Ends what records a conference. Nothing happens if nothing does.
    pub fn conf_record_stop(&mut self, conference: ConferenceId) -> Result<(), CommandError> {
        let name = self.attended(conference)?;
        self.push(Command::ConfRecordStop { name })
    }

    /// The name of a conference that a call of this session is in.
    fn attended(&self, conference: ConferenceId) -> Result<String, CommandError> {
        let unknown = || CommandError::NotFound(conference.to_string());
        let known = self.conference_view(conference).ok_or_else(unknown)?;
        let mut calls = self.view.calls.iter();
        let is_there =
            calls.any(|it| it.phase != Phase::Released && it.conference == Some(conference));
        if is_there {
            Ok(known.name.clone())
        } else {
            Err(CommandError::WrongState)
        }
    }

    fn operation_in_conferences(&mut self) -> Result<u32, CommandError> {
        let most = limits::SESSION_OPERATIONS;
        if self.view.operations >= most {
            let what = format!("{most} operations of one session in conferences");
            return Err(CommandError::LimitExceeded(what));
        }
        self.view.operations += 1;
        Ok(self.view.operations)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::plan_tests::plan_of;
    use super::*;
    use crate::{CallId, ConfMode, ConferenceView, IdSource, PromptFile};

    /// A plan of two answered calls, the first of them in a conference.
    fn met() -> (Plan, CallId, ConferenceId) {
        let (mut plan, a, _) = plan_of(Phase::Answered, Phase::Answered, |tenant| {
            let prompt = PromptFile {
                digest: Arc::from("sha256:1"),
                duration_ms: 1_000,
            };
            tenant.prompts.insert("welcome".into(), prompt);
        });
        let room = plan.conference("room").unwrap();
        plan.conf_enter(a, room, ConfMode::TalkAndListen).unwrap();
        (plan, a, room)
    }

    fn welcome() -> Vec<String> {
        vec!["welcome".to_owned()]
    }

    /// Each function on a conference, and whether it was allowed.
    fn all(plan: &mut Plan, room: ConferenceId) -> [Result<(), CommandError>; 4] {
        [
            plan.conf_play_start(room, &welcome(), 1).map(drop),
            plan.conf_play_stop(room),
            plan.conf_record_start(room, "minutes", 0).map(drop),
            plan.conf_record_stop(room),
        ]
    }

    #[test]
    fn only_who_has_a_call_in_a_conference_plays_into_it_or_records_it() {
        let (mut plan, a, room) = met();
        assert_eq!(all(&mut plan, room), [Ok(()), Ok(()), Ok(()), Ok(())]);
        let other = plan.conference("other").unwrap();
        let refused = [(); 4].map(|()| Err(CommandError::WrongState));
        assert_eq!(all(&mut plan, other), refused, "nobody of ours is there");
        plan.conf_exit(a, room).unwrap();
        assert_eq!(all(&mut plan, room), refused, "it has left");
        plan.conf_enter(a, room, ConfMode::Silent).unwrap();
        plan.release(a, 200).unwrap();
        assert_eq!(all(&mut plan, room), refused, "it is released");
    }

    #[test]
    fn a_conference_that_is_over_can_be_looked_at_and_no_more() {
        let (mut plan, a, room) = met();
        plan.conf_exit(a, room).unwrap();
        let gone = ConferenceId::mint(&mut IdSource::new([9; 32], 0, 0), 1);
        assert_eq!(
            plan.conf_play_stop(gone),
            Err(CommandError::NotFound(gone.to_string()))
        );
        plan.view.gone = Some(ConferenceView {
            id: gone,
            name: "room".to_owned(),
            size: 0,
        });
        assert_eq!(plan.conference_view(gone).unwrap().name, "room");
        assert_eq!(plan.conf_play_stop(gone), Err(CommandError::WrongState));
        let refused = plan.conf_enter(a, gone, ConfMode::TalkAndListen);
        assert_eq!(refused, Err(CommandError::NotFound(gone.to_string())));
        assert_eq!(plan.conference("room"), Ok(room), "its name leads on");
    }

    #[test]
    fn what_is_played_and_recorded_is_checked_as_for_a_call() {
        let (mut plan, _, room) = met();
        let absent = plan.conf_play_start(room, &["other".to_owned()], 1);
        assert_eq!(
            absent,
            Err(CommandError::NotFound("prompt \"other\"".into()))
        );
        let many = vec!["welcome".to_owned(); limits::PLAY_FILES + 1];
        for (files, repeat) in [(vec![], 1), (many, 1), (welcome(), 0)] {
            let refused = plan.conf_play_start(room, &files, repeat);
            assert!(matches!(refused, Err(CommandError::InvalidArgument(_))));
        }
        let refused = plan.conf_record_start(room, "../minutes", 0);
        assert!(matches!(refused, Err(CommandError::InvalidArgument(_))));
        let longest = limits::RECORD_LONGEST.as_secs() as u32;
        for (asked, granted) in [(0, longest), (5, 5), (u32::MAX, longest)] {
            plan.conf_record_start(room, "minutes", asked).unwrap();
            let last = plan.commands.last();
            assert!(
                matches!(last, Some(Command::ConfRecordStart { max_seconds, .. }) if *max_seconds == granted)
            );
        }
    }

    #[test]
    fn operations_in_conferences_are_counted_for_the_session_and_limited() {
        let (mut plan, a, room) = met();
        assert_eq!(plan.conf_play_start(room, &welcome(), 2), Ok(1));
        assert_eq!(plan.conf_record_start(room, "minutes", 60), Ok(2));
        assert!(plan.conf_record_start(room, "no/path", 60).is_err());
        assert_eq!(plan.play_start(a, &welcome(), 1, ""), Ok(1), "of a call");
        plan.view.operations = limits::SESSION_OPERATIONS - 1;
        let last = plan.conf_play_start(room, &welcome(), 1);
        assert_eq!(last, Ok(limits::SESSION_OPERATIONS));
        for refused in [
            plan.conf_play_start(room, &welcome(), 1),
            plan.conf_record_start(room, "minutes", 60),
        ] {
            assert!(matches!(refused, Err(CommandError::LimitExceeded(_))));
        }
        let said: Vec<_> = plan
            .commands
            .iter()
            .map(|it| it.describe(|_| "A".into()))
            .collect();
        assert_eq!(said[1], "conference room play-start welcome, 2 times");
        assert_eq!(said[2], "conference room record-start minutes");
    }
}
