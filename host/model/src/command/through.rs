//! A call as the trunk wants it that takes it: numbers in its spelling, the headers that it is given.
//!
//! Made when the trunk is known, so that a call which one trunk does not take goes to the next in the
//! spelling of that. The policy and the record keep the tenant's. RFC 3325: who calls is asserted to a
//! trunk that is trusted, and to no other.

use super::Construct;
use crate::{Address, NoNumber, Trunk, limits};

impl Construct {
    /// Makes it a call through that trunk. `seen`: the headers of the call that led to it, as its policy
    /// may see them. Returns the names of those that are too many or too long to be passed on.
    pub fn through(
        &mut self,
        trunk: &Trunk,
        seen: &[(String, String)],
    ) -> Result<Vec<String>, NoNumber> {
        let rules = &trunk.rewrite.outbound;
        if let Some(to) = rules.called.spell(&self.to)? {
            self.to = to;
        }
        if let Some(from) = rules.caller.spell(&self.from)? {
            self.from = from;
        }
        let list = &trunk.headers_out;
        self.headers.retain(|(name, _)| list.takes(name));
        let left_out = self.pass_on(trunk, seen);
        if trunk.trust_identity {
            let asserted = format!("<{}>", self.from);
            let header = ("P-Asserted-Identity".to_owned(), asserted);
            self.headers.push(header);
        }
        Ok(left_out)
    }

    /// Takes over what the trunk is given of the call before; what the policy has set counts more.
    fn pass_on(&mut self, trunk: &Trunk, seen: &[(String, String)]) -> Vec<String> {
        let set = |name: &str| {
            let mut headers = self.headers.iter();
            headers.any(|(set, _)| set.eq_ignore_ascii_case(name))
        };
        let wanted = seen
            .iter()
            .filter(|(name, _)| trunk.headers_out.has(name) && !set(name));
        let (mut passed, mut left_out) = (Vec::new(), Vec::new());
        for (name, value) in wanted {
            let fits = value.len() <= limits::PASSED_HEADER_VALUE;
            if fits && passed.len() < limits::PASSED_HEADERS {
                passed.push((name.clone(), value.clone()));
            } else {
                left_out.push(name.clone());
            }
        }
        self.headers.append(&mut passed);
        left_out
    }
}

impl Trunk {
    /// Whether it has a spelling of both numbers of a call.
    pub fn can_spell(&self, from: &Address, to: &Address) -> bool {
        let rules = &self.rewrite.outbound;
        rules.called.spell(to).is_ok() && rules.caller.spell(from).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use crate::turn::plan_tests::{dial, plan};
    use crate::{
        Command, HeaderNames, NoNumber, Rule, Rules, Trunk,
        command::Construct,
        limits,
        turn::{Dial, Phase, Plan},
    };

    /// A call of 2001 to 3001 with those headers of its policy's, and a trunk.
    fn made(headers: &[(String, String)]) -> (Construct, Trunk) {
        let (plan, ..) = plan(Phase::Answered, Phase::Answered);
        let mut view = plan.view().clone();
        let tenant = std::sync::Arc::make_mut(&mut view.tenant);
        for trunk in &mut tenant.trunks {
            trunk.headers_out = names(&["Priority", "Geolocation"]);
        }
        let trunk = tenant.trunks[0].clone();
        let mut plan = Plan::new(view, crate::IdSource::new([7; 32], 0, 0));
        let dial = Dial {
            headers,
            ..dial("2001", "3001")
        };
        plan.construct(&dial).unwrap();
        match plan.into_commands().pop() {
            Some(Command::Construct(made)) => (*made, trunk),
            other => panic!("{other:?}"),
        }
    }

    fn names(names: &[&str]) -> HeaderNames {
        HeaderNames::new(names.iter().map(|&name| name.to_owned()).collect()).unwrap()
    }

    fn rules(prefix: &str, strip: usize, prepend: &str) -> Rules {
        let (prefix, prepend) = (prefix.to_owned(), prepend.to_owned());
        let rule = Rule {
            prefix,
            strip,
            prepend,
        };
        Rules::new(vec![rule]).unwrap()
    }

    fn header(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    fn shown(call: &Construct) -> Vec<String> {
        let all = call.headers.iter();
        all.map(|(name, value)| format!("{name}: {value}"))
            .collect()
    }

    #[test]
    fn a_trusted_trunk_hears_who_calls_and_others_see_it_in_from_only() {
        let (mut call, mut trunk) = made(&[]);
        trunk.trust_identity = false;
        call.clone().through(&trunk, &[]).unwrap();
        assert_eq!(shown(&call), [""; 0]);
        trunk.trust_identity = true;
        call.through(&trunk, &[]).unwrap();
        assert_eq!(
            shown(&call),
            ["P-Asserted-Identity: <sip:2001@acme.example>"]
        );
        assert_eq!(call.shown(), "sip:2001@acme.example");
    }

    #[test]
    fn who_wants_privacy_is_asserted_in_the_spelling_of_who_is_trusted_only() {
        let (mut call, mut trunk) = made(&[header("Privacy", "id")]);
        trunk.rewrite.outbound.caller = rules("2", 0, "+49");
        call.through(&trunk, &[]).unwrap();
        let asserted = "P-Asserted-Identity: <sip:+492001@acme.example>";
        assert_eq!(shown(&call), ["Privacy: id", asserted]);
        assert_eq!(call.shown(), "sip:anonymous@anonymous.invalid");
    }

    #[test]
    fn both_numbers_are_spelled_as_the_trunk_spells_them_or_it_takes_no_call() {
        let (call, mut trunk) = made(&[]);
        trunk.rewrite.outbound.called = rules("3", 1, "+493");
        trunk.rewrite.outbound.caller = rules("2", 0, "0");
        let mut spelled = call.clone();
        spelled.through(&trunk, &[]).unwrap();
        assert_eq!(spelled.to.as_str(), "sip:+493001@acme.example");
        assert_eq!(spelled.from.as_str(), "sip:02001@acme.example");
        assert!(trunk.can_spell(&call.from, &call.to));
        for caller in [false, true] {
            let (call, mut trunk) = made(&[]);
            let outbound = &mut trunk.rewrite.outbound;
            let (rules, number) = if caller {
                (&mut outbound.caller, "2001")
            } else {
                (&mut outbound.called, "3001")
            };
            *rules = self::rules(number, 4, "");
            assert!(!trunk.can_spell(&call.from, &call.to));
            assert_eq!(call.clone().through(&trunk, &[]), Err(NoNumber));
        }
    }

    #[test]
    fn the_trunk_is_given_what_it_may_have_of_the_call_before_and_the_policy_counts_more() {
        let (mut call, mut trunk) = made(&[header("Priority", "urgent"), header("X-A", "1")]);
        trunk.trust_identity = false;
        let seen = [
            header("priority", "normal"),
            header("Geolocation", "<cid:1>"),
            header("geolocation", "<cid:2>"),
            header("Subject", "secret"),
            header("X-B", "2"),
        ];
        let mut elsewhere = call.clone();
        assert_eq!(call.through(&trunk, &seen), Ok(vec![]));
        let both = ["Geolocation: <cid:1>", "geolocation: <cid:2>"];
        assert_eq!(
            shown(&call),
            [&["Priority: urgent", "X-A: 1"], &both[..]].concat()
        );
        // The next trunk takes less.
        trunk.headers_out = HeaderNames::default();
        elsewhere.through(&trunk, &seen).unwrap();
        assert_eq!(shown(&elsewhere), ["X-A: 1"]);
    }

    #[test]
    fn what_is_too_much_or_too_long_is_not_passed_on() {
        let (mut call, mut trunk) = made(&[]);
        trunk.trust_identity = false;
        let long = "x".repeat(limits::PASSED_HEADER_VALUE + 1);
        let mut seen = vec![header("Priority", &long), header("Priority", &long[1..])];
        seen.extend((1..=limits::PASSED_HEADERS).map(|n| header("Geolocation", &n.to_string())));
        let left_out = call.through(&trunk, &seen).unwrap();
        assert_eq!(left_out, ["Priority", "Geolocation"]);
        assert_eq!(call.headers.len(), limits::PASSED_HEADERS);
    }
}
