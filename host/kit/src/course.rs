//! What happens in a scenario, by the clock: what a search can move, leave out and write down again.

use std::{collections::BTreeSet, fmt::Write as _, time::Duration};

use serde::Serialize;

use crate::scenario::{Expect, Given, LONGEST, Phone, Request, Scenario, Step, Time};

/// Something happens then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Move {
    /// Milliseconds since the beginning.
    pub(crate) at: u64,
    /// Never a wait.
    pub(crate) step: Step,
}

/// A scenario by the clock.
#[derive(Clone, Debug)]
pub(crate) struct Course {
    pub(crate) given: Given,
    /// In the order of their times.
    pub(crate) moves: Vec<Move>,
    /// When it is over, in milliseconds.
    pub(crate) end: u64,
    /// What must not be in a ladder, whatever happens.
    pub(crate) in_no_order: Vec<String>,
    /// Who is called only, and hangs up: at the end at the latest, as people do. The simulator hangs up for who calls.
    parting: BTreeSet<String>,
}

impl Course {
    /// Of a scenario, whose requests may be answered anyhow: what is asked may be too early or too late.
    pub(crate) fn of(scenario: &Scenario) -> Self {
        let mut now = 0;
        let mut moves = Vec::new();
        for step in &scenario.step {
            let step = match step {
                Step::Wait(Time(time)) => {
                    now += time.as_millis() as u64;
                    continue;
                }
                Step::Request(request) => Step::Request(Request {
                    status: None,
                    says: String::new(),
                    ..request.clone()
                }),
                other => other.clone(),
            };
            moves.push(Move { at: now, step });
        }
        Self {
            given: scenario.given.clone(),
            moves,
            end: now,
            in_no_order: scenario.expect.in_no_order.clone(),
            parting: parting(&scenario.step),
        }
    }

    /// As it can be played.
    pub(crate) fn scenario(&self) -> Scenario {
        let mut now = 0;
        let mut step = Vec::new();
        let mut wait = |until: u64, step: &mut Vec<Step>| {
            while until > now {
                let time = Duration::from_millis(until - now).min(LONGEST);
                step.push(Step::Wait(Time(time)));
                now += time.as_millis() as u64;
            }
        };
        for it in &self.moves {
            wait(it.at, &mut step);
            step.push(it.step.clone());
        }
        wait(self.end, &mut step);
        step.extend(self.parting.iter().cloned().map(Step::HangUp));
        Scenario {
            given: self.given.clone(),
            step,
            expect: Expect {
                in_no_order: self.in_no_order.clone(),
                ..Expect::default()
            },
        }
    }

    /// Adds one behind those of the same time.
    pub(crate) fn put(&mut self, at: u64, step: Step) {
        let place = self.moves.partition_point(|it| it.at <= at);
        self.moves.insert(place, Move { at, step });
        self.end = self.end.max(at);
    }

    /// A phone does so with calls that come in, whatever it did before.
    pub(crate) fn behave(&mut self, phone: Phone) {
        let same = |step: &Step| matches!(step, Step::Phone(it) if it.user == phone.user);
        self.moves.retain(|it| !same(&it.step));
        let step = Step::Phone(phone);
        self.moves.insert(0, Move { at: 0, step });
    }

    /// The phones that something is said of.
    pub(crate) fn users(&self) -> BTreeSet<String> {
        let user = |it: &Move| match &it.step {
            Step::Phone(Phone { user, .. })
            | Step::Call { from: user, .. }
            | Step::Keys { by: user, .. }
            | Step::Transfer { by: user, .. }
            | Step::HangUp(user) => Some(user.clone()),
            Step::Request(_) | Step::Wait(_) => None,
        };
        self.moves.iter().filter_map(user).collect()
    }

    /// As a scenario file that fails while the mistake is there.
    pub(crate) fn text(&self, why: &str) -> String {
        let scenario = self.scenario();
        let mut text = format!("# Found by the search: {why}\nstep = [\n");
        for step in &scenario.step {
            let _ = writeln!(text, "  {},", inline(step));
        }
        text.push_str("]\n");
        for (name, value) in given(&scenario.given) {
            let _ = writeln!(text, "given.{name} = {value}");
        }
        if !self.in_no_order.is_empty() {
            let lines = inline(&self.in_no_order);
            let _ = writeln!(text, "expect.in-no-order = {lines}");
        }
        text
    }
}

/// Who hangs up and never calls.
fn parting(steps: &[Step]) -> BTreeSet<String> {
    let calls = |user: &str| {
        let calls = |it: &Step| matches!(it, Step::Call { from, .. } if from == user);
        steps.iter().any(calls)
    };
    let hangs_up = |it: &Step| match it {
        Step::HangUp(user) if !calls(user) => Some(user.clone()),
        _ => None,
    };
    steps.iter().filter_map(hangs_up).collect()
}

/// What is given, as its values are told.
fn given(given: &Given) -> Vec<(&'static str, String)> {
    let Given {
        settings,
        prompts,
        carriers,
        turns,
        weather,
    } = given;
    let mut told = Vec::new();
    if !settings.is_empty() {
        told.push(("settings", inline(settings)));
    }
    if !prompts.is_empty() {
        told.push(("prompts", inline(prompts)));
    }
    if !carriers.is_empty() {
        told.push(("carriers", inline(carriers)));
    }
    told.extend(turns.iter().map(|it| ("turns", inline(it))));
    told.extend(weather.iter().map(|it| ("weather", it.to_string())));
    told
}

/// One value of a TOML file, on one line. What scenarios hold can always be told in TOML.
fn inline(value: &impl Serialize) -> String {
    toml::Value::try_from(value).map_or_else(|_| String::new(), |it| it.to_string())
}

#[cfg(test)]
mod tests {
    use super::{Course, Scenario};

    #[test]
    fn a_course_of_hours_is_written_as_it_can_be_read() {
        let text = r#"step = [{ wait = "3600s" }, { wait = "3600s" }, { wait = "1500ms" }]"#;
        let course = Course::of(&Scenario::read(text).unwrap());
        assert_eq!(course.end, 7_201_500);
        let again = Course::of(&Scenario::read(&course.text("why")).unwrap());
        assert_eq!(again.end, course.end);
    }
}
