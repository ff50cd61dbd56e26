//! How a scenario went.

use std::fmt;

use model::TraceItem;
use sim::World;

use crate::scenario::Expect;

/// How a scenario went.
#[derive(Clone, Debug)]
pub struct Report {
    /// What was not as it should be; empty: all was.
    pub failures: Vec<Failure>,
    /// What happened, session by session.
    pub ladders: String,
    /// What the policy logged.
    pub log: Vec<String>,
}

/// Something was not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// What is given cannot be.
    Given(String),
    /// A step, counted from one, could not be taken, or was answered otherwise.
    Step(usize, String),
    /// A line that the ladder lacks, or does not have behind the one before.
    Missing(String),
    /// A line that it should not have.
    Unwanted(String),
    /// Nothing in the log says this.
    Unsaid(String),
    /// A call ended with another cause, or there was none.
    Cause(String, u16, Option<u16>),
    /// The record of a call has something else from the policy, or there is none.
    UserData(String, String, Option<String>),
    /// A handler faulted, and nothing that speaks of a fault was expected: nothing of its turn happened.
    Fault(String, String),
    /// A phone was still in its call long after everybody who had called had hung up.
    Left(String),
    /// A rule of the platform was broken: a mistake of ours, not of the policy.
    Rule(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Given(what) => write!(f, "given: {what}"),
            Self::Step(at, what) => write!(f, "step {at}: {what}"),
            Self::Missing(line) => write!(f, "missing, or not in this order: {line}"),
            Self::Unwanted(line) => write!(f, "unwanted: {line}"),
            Self::Unsaid(text) => write!(f, "not in the log: {text}"),
            Self::Cause(user, wanted, Some(was)) => {
                write!(f, "the call of {user} ended with {was}, not {wanted}")
            }
            Self::Cause(user, wanted, None) => {
                write!(
                    f,
                    "no call of {user} ended, of which one should with {wanted}"
                )
            }
            Self::UserData(user, wanted, was) => {
                let was = was.as_deref().unwrap_or("nothing");
                write!(f, "the user data of {user}'s call is {was}, not {wanted}")
            }
            Self::Fault(event, kind) => write!(f, "{event} faulted: {kind}"),
            Self::Left(user) => write!(
                f,
                "{user} was left in its call: all who had called had hung up long before"
            ),
            Self::Rule(what) => write!(
                f,
                "a rule of the platform was broken, please report it: {what}"
            ),
        }
    }
}

impl Report {
    pub(crate) fn of(world: &World, expect: &Expect, mut failures: Vec<Failure>) -> Self {
        let ladders = world.ladders();
        let lines: Vec<&str> = ladders.lines().map(bare).collect();
        let mut from = 0;
        for wanted in &expect.lines {
            match lines[from..].iter().position(|line| is(line, wanted)) {
                Some(found) => from += found + 1,
                None => failures.push(Failure::Missing(wanted.clone())),
            }
        }
        let unwanted = expect
            .never
            .iter()
            .chain(&expect.in_no_order)
            .filter(|it| lines.iter().any(|line| is(line, it)));
        failures.extend(unwanted.map(|it| Failure::Unwanted(it.clone())));
        let logs = world.logs().iter().flat_map(|log| &log.lines);
        let log: Vec<_> = logs.map(|line| line.message.clone()).collect();
        let said = |text: &&String| log.iter().any(|line| line.contains(text.as_str()));
        let unsaid = expect.log.iter().filter(|text| !said(text));
        failures.extend(unsaid.map(|it| Failure::Unsaid(it.clone())));
        records(world, expect, &mut failures);
        let expected = expect.lines.iter().filter(|it| it.starts_with(FAULT));
        failures.extend(faults(world).skip(expected.count()));
        failures.extend(world.watch().violations().iter().map(|it| broken(it)));
        Self {
            failures,
            ladders,
            log,
        }
    }
}

/// The record of the last call of each of those of whom something is expected.
fn records(world: &World, expect: &Expect, failures: &mut Vec<Failure>) {
    let last = |user: &str| {
        let mut cdrs = world.cdrs().into_iter().rev();
        cdrs.find(|cdr| cdr.cause.is_some() && [cdr.from.user(), cdr.to.user()].contains(&user))
    };
    for (user, wanted) in &expect.causes {
        let was = last(user).and_then(|cdr| cdr.cause);
        if was != Some(*wanted) {
            failures.push(Failure::Cause(user.clone(), *wanted, was));
        }
    }
    for (user, wanted) in &expect.user_data {
        let was = last(user).map(|cdr| cdr.user_data.clone());
        if was.as_ref() != Some(wanted) {
            failures.push(Failure::UserData(user.clone(), wanted.clone(), was));
        }
    }
}

/// Whether a line is what was expected of one.
fn is(line: &str, wanted: &str) -> bool {
    let begins = |wanted| line.starts_with(wanted);
    wanted.strip_suffix('*').map_or(line == wanted, begins)
}

/// How the decisions of a turn begin that faulted.
const FAULT: &str = "fault: ";

fn faults(world: &World) -> impl Iterator<Item = Failure> {
    let entries = world.traces().into_iter().flat_map(|trace| &trace.entries);
    entries.filter_map(|entry| match &entry.item {
        TraceItem::Turn {
            event, decisions, ..
        } => {
            let kind = decisions.first()?.strip_prefix(FAULT)?;
            Some(Failure::Fault(event.clone(), kind.to_owned()))
        }
        _ => None,
    })
}

/// What the watch has seen. That nobody is left in a call is the policy's to care for.
fn broken(rule: &str) -> Failure {
    let left = rule.strip_prefix("telephone ");
    let left = left.and_then(|it| it.strip_suffix(" is in a call that is over"));
    left.map_or_else(
        || Failure::Rule(rule.to_owned()),
        |user| Failure::Left(user.to_owned()),
    )
}

/// What a line of a ladder says, without the lines and arrows that it is drawn with.
fn bare(line: &str) -> &str {
    let drawn = |it: char| matches!(it, '|' | '-' | '<' | '>' | '*' | '~' | ' ');
    line.trim_matches(drawn)
}

#[cfg(test)]
mod tests {
    use super::{bare, is};

    #[test]
    fn lines_are_known_without_their_drawing() {
        assert_eq!(
            bare("|--INVITE 2001 (SDP)----------->|"),
            "INVITE 2001 (SDP)"
        );
        assert_eq!(bare("|<---180 Ringing----|"), "180 Ringing");
        assert_eq!(bare("|         * on_incoming 1001"), "on_incoming 1001");
        assert_eq!(
            bare("|           play-start 1001 a tone:beep/us"),
            "play-start 1001 a tone:beep/us"
        );
    }

    #[test]
    fn a_line_that_ends_with_a_star_is_the_beginning_of_one() {
        assert!(is("record-start 1001 req_1", "record-start 1001 *"));
        assert!(is("answer 1001", "answer 1001"));
        assert!(!is("answer 1001", "answer 100"));
        assert!(!is("record-start 1002 req_1", "record-start 1001 *"));
    }
}
