//! Where two runs of one turn differ.
//!
//! What counts is what others notice: commands, the answer to a request, what is written to the store, and
//! whether the handler returned. The state does not (another version may spell its own otherwise), nor do
//! lines of the log.

use std::fmt;

use model::{CallDirection, Event, turn::View};

use crate::Did;

/// What differs first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Of what.
    pub what: What,
    /// What was done when it was recorded.
    pub recorded: String,
    /// What is done now.
    pub now: String,
}

/// What can differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// Whether the handler returns.
    Fault,
    /// The command at that place, from one.
    Command(usize),
    /// The answer to the request.
    Reply,
    /// What is written under that key.
    Write(String),
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fault => f.write_str("its end"),
            Self::Command(at) => write!(f, "command {at}"),
            Self::Reply => f.write_str("the reply"),
            Self::Write(key) => write!(f, "the key {key:?}"),
        }
    }
}

impl Difference {
    /// The same with parties in place of their calls' ids.
    #[must_use]
    pub fn named(self, view: &View) -> Self {
        let name = |text: String| {
            view.calls.iter().fold(text, |text, call| {
                let party = match call.direction {
                    CallDirection::Inbound => &call.from,
                    CallDirection::Outbound => &call.to,
                };
                text.replace(&call.id.to_string(), party.user())
            })
        };
        Self {
            what: self.what,
            recorded: name(self.recorded),
            now: name(self.now),
        }
    }
}

/// Why turns end that tell nothing about the policy: the machine was too busy, or the store was away.
const CHANCE: [&str; 4] = ["deadline", "too-long", "store", "instance"];

impl Did {
    /// Whether this is what the policy wanted, and not what befell its turn.
    pub fn is_decided(&self) -> bool {
        let fault = self.fault.as_deref();
        fault.is_none_or(|fault| !CHANCE.contains(&fault))
    }
}

/// The first difference of two runs of one turn, of which the first was recorded.
pub fn difference(recorded: &Did, now: &Did) -> Option<Difference> {
    let differs = |what, recorded: Option<String>, now: Option<String>| {
        let nothing = || "nothing".to_owned();
        let (recorded, now) = (
            recorded.unwrap_or_else(nothing),
            now.unwrap_or_else(nothing),
        );
        Some(Difference {
            what,
            recorded,
            now,
        })
    };
    if recorded.fault != now.fault {
        let told = |did: &Did| match &did.fault {
            Some(fault) => format!("a fault ({fault})"),
            None if did.commands.is_empty() => "it returns".to_owned(),
            None => format!("it returns, having said {}", did.commands.join("; ")),
        };
        return differs(What::Fault, Some(told(recorded)), Some(told(now)));
    }
    for at in 0..recorded.commands.len().max(now.commands.len()) {
        let (was, is) = (recorded.commands.get(at), now.commands.get(at));
        if was != is {
            return differs(What::Command(at + 1), was.cloned(), is.cloned());
        }
    }
    if recorded.reply != now.reply {
        let told = |did: &Did| {
            let reply = did.reply.as_ref();
            reply.map(|(status, body)| format!("{status} {body}"))
        };
        return differs(What::Reply, told(recorded), told(now));
    }
    let keys = recorded.writes.keys().chain(now.writes.keys());
    let other = keys
        .filter(|key| recorded.writes.get(*key) != now.writes.get(*key))
        .min()?;
    let told = |did: &Did| {
        did.writes.get(other).map(|kept| match kept {
            Some(kept) => {
                let until = kept
                    .expires
                    .map_or(String::new(), |it| format!(" until {it}"));
                format!("{:?}{until}", kept.value)
            }
            None => "removed".to_owned(),
        })
    };
    differs(What::Write(other.clone()), told(recorded), told(now))
}

/// Whether a component with these exports is told of that event at all.
pub fn hears(exports: &[String], event: &Event) -> bool {
    let interface = event.interface();
    // What a version takes over from another is of that day: one that is replayed has its own state.
    if matches!(event, Event::Migrate { .. }) {
        return false;
    }
    if interface == "call-events" {
        return true;
    }
    exports.iter().any(|export| export.contains(interface))
}

#[cfg(test)]
mod tests {
    use super::{What, difference};
    use crate::{Did, Kept, octets::Octets};

    fn did(commands: &[&str]) -> Did {
        Did {
            commands: commands.iter().map(|&it| it.to_owned()).collect(),
            ..Did::default()
        }
    }

    fn told(recorded: &Did, now: &Did) -> (What, String, String) {
        let it = difference(recorded, now).unwrap();
        (it.what, it.recorded, it.now)
    }

    #[test]
    fn the_first_command_that_differs_is_told_and_a_missing_one_is_nothing() {
        let two = did(&["ring a", "answer a"]);
        assert_eq!(difference(&two, &two), None);
        let (what, was, is) = told(&two, &did(&["ring a", "release a 486", "answer a"]));
        assert_eq!(what, What::Command(2));
        assert_eq!((&*was, &*is), ("answer a", "release a 486"));
        let (what, was, is) = told(&did(&["ring a"]), &two);
        assert_eq!(what, What::Command(2));
        assert_eq!((&*was, &*is), ("nothing", "answer a"));
    }

    #[test]
    fn replies_writes_and_faults_are_compared_and_states_and_lines_are_not() {
        let same = Did {
            state: Some(Octets(b"1".to_vec())),
            logs: vec!["info: x".into()],
            ..Did::default()
        };
        assert_eq!(difference(&Did::default(), &same), None);
        let reply = Did {
            reply: Some((200, "{}".into())),
            ..Did::default()
        };
        assert_eq!(told(&Did::default(), &reply).2, "200 {}");
        let kept = |value: &str| Kept {
            value: Octets(value.into()),
            expires: Some(7),
        };
        let wrote = |value| Did {
            writes: [("b".into(), value), ("a".into(), None)].into(),
            ..Did::default()
        };
        let (what, was, is) = told(&wrote(Some(kept("x"))), &wrote(None));
        assert_eq!(what, What::Write("b".into()));
        assert_eq!((&*was, &*is), ("\"x\" until 7", "removed"));
        let fault = Did {
            fault: Some("trap".into()),
            ..Did::default()
        };
        let (what, was, is) = told(&fault, &did(&["ring a"]));
        assert_eq!(what, What::Fault);
        assert_eq!(
            (&*was, &*is),
            ("a fault (trap)", "it returns, having said ring a")
        );
        assert!(fault.is_decided());
        let chance = Did {
            fault: Some("too-long".into()),
            ..Did::default()
        };
        assert!(!chance.is_decided());
    }
}
