//! Who a callee sees: RFC 3323, RFC 3325.
//!
//! The calling party stands in From. Whoever wants privacy is nobody there, whichever way the call goes.
//! Refuses to know who is told more: that is the trunk's that takes the call.

use super::{CallView, View};
use crate::{Address, CallDirection};

/// What becomes of the calling party of one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    /// From names nobody.
    pub(super) anonymous: bool,
    /// Headers of the platform's.
    pub(super) headers: Vec<(String, String)>,
}

impl Identity {
    /// That of a call from `from`, with headers that the policy has set.
    pub(super) fn of(view: &View, from: &Address, headers: &[(String, String)]) -> Self {
        let set = value(headers, "Privacy");
        // Who is forwarded keeps the privacy that it asked for.
        let caller = |call: &&CallView| {
            call.direction == CallDirection::Inbound && call.from.user() == from.user()
        };
        let asked = view.calls.iter().find(caller);
        let asked = asked.and_then(|call| value(&call.headers, "Privacy"));
        let anonymous = hides(set) || set.is_none() && hides(asked);
        let mut headers = Vec::new();
        if anonymous && set.is_none() {
            headers.push(("Privacy".to_owned(), "id".to_owned()));
        }
        Self { anonymous, headers }
    }
}

/// Whether a Privacy header asks that the calling party be hidden (RFC 3323 §4.2, RFC 3325 §9.3). One that
/// says `none` asks for the opposite.
fn hides(privacy: Option<&str>) -> bool {
    let mut asked = privacy
        .into_iter()
        .flat_map(|value| value.split([';', ',']));
    asked.any(|it| {
        ["id", "user", "header"]
            .iter()
            .any(|kind| it.trim().eq_ignore_ascii_case(kind))
    })
}

fn value<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let found = headers
        .iter()
        .find(|(header, _)| header.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.as_str())
}

#[cfg(test)]
mod tests {
    use crate::turn::plan_tests::{dial, plan};
    use crate::{
        Command,
        command::Construct,
        turn::{Dial, Phase, Plan},
    };

    /// A call of 2001, or of its caller 1001 who has asked for that privacy.
    fn made(dial: &Dial<'_>, asked: Option<&str>) -> Construct {
        let (plan, ..) = plan(Phase::Answered, Phase::Answered);
        let mut view = plan.view().clone();
        if let Some(asked) = asked {
            view.calls[0].headers = [("privacy".to_owned(), asked.to_owned())].into();
        }
        let mut plan = Plan::new(view, crate::IdSource::new([7; 32], 0, 0));
        plan.construct(dial).unwrap();
        match plan.into_commands().pop() {
            Some(Command::Construct(made)) => *made,
            other => panic!("{other:?}"),
        }
    }

    fn headers(made: &Construct) -> Vec<String> {
        let all = made.headers.iter();
        all.map(|(name, value)| format!("{name}: {value}"))
            .collect()
    }

    #[test]
    fn who_wants_privacy_is_nobody_to_the_callee() {
        let privacy = [("Privacy".to_owned(), "id;critical".to_owned())];
        let call = Dial {
            headers: &privacy,
            ..dial("2001", "3001")
        };
        let made = made(&call, None);
        assert_eq!(headers(&made), ["Privacy: id;critical"]);
        assert_eq!(made.shown(), "sip:anonymous@anonymous.invalid");
        // The record knows.
        assert_eq!(made.from.as_str(), "sip:2001@acme.example");
    }

    #[test]
    fn who_is_forwarded_keeps_its_privacy_unless_the_policy_says_otherwise() {
        let forwarded = dial("1001", "3001");
        let hidden = made(&forwarded, Some("header; ID"));
        assert_eq!(
            (hidden.anonymous, headers(&hidden)),
            (true, vec!["Privacy: id".to_owned()])
        );
        assert!(!made(&forwarded, Some("none")).anonymous);
        assert!(!made(&forwarded, None).anonymous);
        // The number of the tenant is not the caller's.
        assert!(!made(&dial("2001", "3001"), Some("id")).anonymous);
        let none = [("Privacy".to_owned(), "none".to_owned())];
        let open = Dial {
            headers: &none,
            ..forwarded
        };
        assert!(!made(&open, Some("id")).anonymous);
    }
}
