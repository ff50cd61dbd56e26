//! Playing: what a party is to hear, checked against the tenant's prompts.

use std::{collections::BTreeMap, sync::Arc};

use super::{CommandError, Phase, Plan, digits::checked_keys};
use crate::{CallDirection, CallId, Command, Keys, Sound, limits};

/// What `play-start` is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Play {
    /// One after another; at least one.
    pub sounds: Vec<Sound>,
    /// The digests that the names of its prompts led to when it was asked for.
    pub prompts: BTreeMap<String, Arc<str>>,
    /// How often all of them, at least once.
    pub repeat: u32,
    /// Each of these keys ends it.
    pub finish_keys: Keys,
}

impl Plan {
    /// Plays to a party, in place of what plays to it already. The number of the operation. A caller hears
    /// it before the answer as well; a callee only after it.
    pub fn play_start(
        &mut self,
        id: CallId,
        files: &[String],
        repeat: u32,
        finish_keys: &str,
    ) -> Result<u32, CommandError> {
        let what = self.checked_play(files, repeat, finish_keys)?;
        let call = self.live(id)?;
        if (call.direction, call.phase >= Phase::Answered) == (CallDirection::Outbound, false) {
            return Err(CommandError::WrongState);
        }
        let operation = self.operation(id)?;
        self.push(Command::PlayStart {
            call: id,
            operation,
            what: Box::new(what),
        })?;
        Ok(operation)
    }

    /// What is to be played, of the tenant's prompts.
    pub(super) fn checked_play(
        &self,
        files: &[String],
        repeat: u32,
        finish_keys: &str,
    ) -> Result<Play, CommandError> {
        let invalid = |what: String| Err(CommandError::InvalidArgument(what));
        if files.is_empty() || files.len() > limits::PLAY_FILES {
            return invalid(format!("files are not 1 to {}", limits::PLAY_FILES));
        }
        if repeat == 0 {
            return invalid("repeat is not at least 1".to_owned());
        }
        let finish_keys = checked_keys("finish-keys", finish_keys)?;
        let mut what = Play {
            sounds: Vec::with_capacity(files.len()),
            prompts: BTreeMap::new(),
            repeat,
            finish_keys,
        };
        for file in files {
            let sound = file.parse().map_err(CommandError::InvalidArgument)?;
            if let Sound::Prompt(name) = &sound {
                let prompt = self.view().tenant.prompts.get(name);
                let none = || CommandError::NotFound(format!("prompt {name:?}"));
                let digest = Arc::clone(&prompt.ok_or_else(none)?.digest);
                what.prompts.insert(name.clone(), digest);
            }
            what.sounds.push(sound);
        }
        Ok(what)
    }

    /// Plays no more. It is a command even if nothing plays: the end of it may wait to be told.
    pub fn play_stop(&mut self, id: CallId) -> Result<(), CommandError> {
        self.live(id)?;
        self.push(Command::PlayStop { call: id })
    }
}

impl Play {
    /// For traces: what, and how often.
    pub fn describe(&self) -> String {
        let sounds: Vec<_> = self.sounds.iter().map(ToString::to_string).collect();
        let times = match self.repeat {
            1 => String::new(),
            n => format!(", {n} times"),
        };
        format!("{}{times}", sounds.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crate::turn::{CommandError, Phase, plan_tests::plan_of};
    use crate::{Command, PromptFile, limits};

    fn files(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn a_play_is_checked_and_numbered() {
        let (mut plan, a, b) = plan_of(Phase::Offered, Phase::Answered, |tenant| {
            let digest = Arc::from("sha256:1");
            let duration_ms = 1_000;
            let prompt = PromptFile {
                digest,
                duration_ms,
            };
            tenant.prompts.insert("welcome".into(), prompt);
        });
        let many = files(&vec!["welcome"; limits::PLAY_FILES + 1]);
        for (names, repeat, keys) in [
            (files(&[]), 1, ""),
            (many, 1, ""),
            (files(&["welcome"]), 0, ""),
            (files(&["welcome"]), 1, "x"),
            (files(&["tone:buzz"]), 1, ""),
        ] {
            let refused = plan.play_start(a, &names, repeat, keys);
            let invalid = matches!(refused, Err(CommandError::InvalidArgument(_)));
            assert!(invalid, "{names:?} {repeat} {keys}: {refused:?}");
        }
        let absent = plan.play_start(a, &files(&["welcome", "other"]), 1, "");
        assert_eq!(
            absent,
            Err(CommandError::NotFound("prompt \"other\"".into()))
        );
        let played = files(&["welcome", "tone:busy", "silence:40"]);
        assert_eq!(plan.play_start(a, &played, 2, "#"), Ok(1));
        assert_eq!(plan.play_start(b, &played, 1, ""), Ok(1));
        assert_eq!(plan.play_stop(a), Ok(()));
        let commands = plan.into_commands();
        let said = commands[0].describe(|_| "A".to_owned());
        assert_eq!(
            said,
            "play-start A welcome tone:busy/us silence:40, 2 times"
        );
        let Command::PlayStart { what, .. } = &commands[0] else {
            panic!()
        };
        assert_eq!(&*what.prompts["welcome"], "sha256:1");
        assert_eq!(commands[2].describe(|_| "A".to_owned()), "play-stop A");
    }

    #[test]
    fn a_callee_hears_nothing_before_it_answers_and_who_is_gone_never() {
        for (callee, refused) in [
            (Phase::Dialling, true),
            (Phase::Ringing, true),
            (Phase::Answered, false),
            (Phase::Released, true),
        ] {
            let (mut plan, _, b) = plan_of(Phase::Answered, callee, |_| {});
            let played = plan.play_start(b, &files(&["tone:beep"]), 1, "");
            assert_eq!(
                played == Err(CommandError::WrongState),
                refused,
                "{callee:?}"
            );
        }
    }
}
