//! How a trunk spells telephone numbers: by rules, each for the numbers that begin alike.
//!
//! Owns the rules and what they make of a number. A carrier wants `+4930123`, the tenant dials `030123`:
//! policies and records know the tenant's spelling only, the wire that of the trunk.
//!
//! A rule takes away no more than what it looks for, so that whatever it makes tells what it was made of:
//! whose a number is that comes from a trunk can be said before it comes ([`Rules::origins`]).

use std::{borrow::Cow, collections::BTreeSet, fmt};

use crate::{Address, limits};

/// The rules of a trunk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rewrite {
    /// Of calls from it: before anybody asks whose the number is.
    pub inbound: Spelling,
    /// Of calls through it.
    pub outbound: Spelling,
}

/// The rules of one way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spelling {
    /// Of called numbers.
    pub called: Rules,
    /// Of calling numbers.
    pub caller: Rules,
}

/// Rules for one kind of number, of which that with the longest prefix counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules(Vec<Rule>);

/// What becomes of the numbers that begin so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// How they begin: up to [`limits::REWRITE_DIGITS`] of `0-9 + * #`, also nothing.
    pub prefix: String,
    /// How many octets of it are taken away.
    pub strip: usize,
    /// What stands there instead: up to [`limits::REWRITE_DIGITS`] of `0-9 + * #`.
    pub prepend: String,
}

/// Why rules are none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// More than [`limits::REWRITE_RULES`].
    #[error("has more than {} rules", limits::REWRITE_RULES)]
    TooMany,
    /// A text of one is not of digits, or is too long.
    #[error("{0:?} is not up to {most} of 0-9 + * #", most = limits::REWRITE_DIGITS)]
    Digits(String),
    /// One takes away more than it looks for.
    #[error("strips more than the prefix {0:?} has")]
    Strips(String),
    /// Two look for the same.
    #[error("has two rules for the prefix {0:?}")]
    Twice(String),
}

/// The rules make no telephone number of this one: nothing, too much, or a `+` that is not its first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoNumber;

impl fmt::Display for NoNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the rules of the trunk make no number of it")
    }
}

impl Rules {
    /// Those rules, in any order.
    pub fn new(mut rules: Vec<Rule>) -> Result<Self, RuleError> {
        if rules.len() > limits::REWRITE_RULES {
            return Err(RuleError::TooMany);
        }
        for rule in &rules {
            let texts = [&rule.prefix, &rule.prepend];
            let digits = |text: &&&String| {
                text.len() <= limits::REWRITE_DIGITS && text.bytes().all(is_dialled)
            };
            if let Some(text) = texts.iter().find(|text| !digits(text)) {
                return Err(RuleError::Digits((*text).clone()));
            }
            if rule.strip > rule.prefix.len() {
                return Err(RuleError::Strips(rule.prefix.clone()));
            }
        }
        rules.sort_by(|a, b| {
            let longest = b.prefix.len().cmp(&a.prefix.len());
            longest.then_with(|| a.prefix.cmp(&b.prefix))
        });
        if let Some(pair) = rules.windows(2).find(|it| it[0].prefix == it[1].prefix) {
            return Err(RuleError::Twice(pair[0].prefix.clone()));
        }
        Ok(Self(rules))
    }

    /// The rules, the longest prefix first.
    pub fn iter(&self) -> impl Iterator<Item = &Rule> {
        self.0.iter()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What a number becomes. A user that begins with a letter is a name, and stays.
    pub fn apply<'a>(&self, number: &'a str) -> Result<Cow<'a, str>, NoNumber> {
        let Some(rule) = self.rule_for(number) else {
            return Ok(number.into());
        };
        let made = [&rule.prepend, &number[rule.strip..]].concat();
        if is_number(&made) {
            Ok(made.into())
        } else {
            Err(NoNumber)
        }
    }

    /// What an address becomes; none: it stays.
    pub fn spell(&self, address: &Address) -> Result<Option<Address>, NoNumber> {
        match self.apply(address.user())? {
            Cow::Borrowed(_) => Ok(None),
            Cow::Owned(user) => address.with_user(&user).map(Some).map_err(|_| NoNumber),
        }
    }

    /// Every number that becomes this one.
    pub fn origins(&self, number: &str) -> BTreeSet<String> {
        let of_rule = |rule: &Rule| {
            let kept = &rule.prefix[rule.strip..];
            let rest = number.strip_prefix(&rule.prepend)?.strip_prefix(kept)?;
            Some([&rule.prefix, rest].concat())
        };
        let all = self.0.iter().filter_map(of_rule);
        let becomes = |origin: &String| self.apply(origin).as_deref() == Ok(number);
        let itself = std::iter::once(number.to_owned());
        all.chain(itself).filter(becomes).collect()
    }

    fn rule_for(&self, number: &str) -> Option<&Rule> {
        let dialled = number.bytes().next().is_some_and(is_dialled);
        let mut rules = self.0.iter().filter(|_| dialled);
        rules.find(|rule| number.starts_with(&rule.prefix))
    }
}

fn is_dialled(octet: u8) -> bool {
    octet.is_ascii_digit() || b"+*#".contains(&octet)
}

/// Whether it can be dialled: a `+` is its first, and something follows.
fn is_number(text: &str) -> bool {
    let rest = text.strip_prefix('+').unwrap_or(text);
    let allowed = |octet: u8| octet.is_ascii_alphanumeric() || b"*#._-".contains(&octet);
    !rest.is_empty() && text.len() <= limits::TELNUM && rest.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::{NoNumber, Rule, RuleError, Rules};
    use crate::limits;

    fn rule(prefix: &str, strip: usize, prepend: &str) -> Rule {
        Rule {
            prefix: prefix.to_owned(),
            strip,
            prepend: prepend.to_owned(),
        }
    }

    fn german() -> Rules {
        let rules = vec![
            rule("0", 1, "+49"),
            rule("00", 2, "+"),
            rule("11", 0, "+4930"),
            rule("99", 2, ""),
        ];
        Rules::new(rules).unwrap()
    }

    #[test]
    fn the_longest_prefix_counts_and_what_fits_none_stays() {
        let check = |number: &str, made: Result<&str, NoNumber>| {
            assert_eq!(
                german().apply(number).as_deref(),
                made.as_deref(),
                "{number}"
            );
        };
        check("030123", Ok("+4930123"));
        check("0043123", Ok("+43123"));
        check("112", Ok("+4930112"));
        check("2001", Ok("2001"));
        check("+4930123", Ok("+4930123"));
        check("anonymous", Ok("anonymous"));
        check("", Ok(""));
        check("991", Ok("1"));
        check("99", Err(NoNumber));
        check("00", Err(NoNumber));
        check("00+1", Err(NoNumber));
        check("0 1", Err(NoNumber));
        let digits = "3".repeat(limits::TELNUM - 3);
        let made = ["+49", &digits].concat();
        check(&["0", &digits].concat(), Ok(&made));
        check(&["03", &digits].concat(), Err(NoNumber));
    }

    #[test]
    fn a_rule_without_a_prefix_is_for_all_numbers_and_for_no_name() {
        let rules = Rules::new(vec![rule("", 0, "9")]).unwrap();
        assert_eq!(rules.apply("2001").as_deref(), Ok("92001"));
        assert_eq!(rules.apply("alice").as_deref(), Ok("alice"));
        assert_eq!(rules.apply("+1"), Err(NoNumber));
    }

    #[test]
    fn the_origins_of_a_number_are_all_that_become_it() {
        let check = |number: &str, origins: &[&str]| {
            let found = german().origins(number);
            assert_eq!(found.iter().collect::<Vec<_>>(), origins, "{number}");
        };
        let spellings = ["+4930123", "004930123", "030123", "99+4930123"];
        check("+4930123", &spellings);
        check("2001", &["2001", "992001"]);
        check("030123", &["99030123"]);
        check("00", &["9900"]);
        let short = ["+493011", "00493011", "03011", "11", "99+493011"];
        check("+493011", &short);
    }

    proptest::proptest! {
        #[test]
        fn whatever_becomes_a_number_is_among_its_origins(
            rules in proptest::collection::btree_map("[12+]{0,3}", (0_usize..4, "[12+]{0,2}"), 0..6),
            number in "[12+a]{0,6}",
        ) {
            let rules = rules.iter().map(|(prefix, (strip, prepend))| {
                rule(prefix, *strip.min(&prefix.len()), prepend)
            });
            let rules = Rules::new(rules.collect()).unwrap();
            if let Ok(made) = rules.apply(&number) {
                let origins = rules.origins(&made);
                proptest::prop_assert!(origins.contains(&number), "{made}: {origins:?}");
                for origin in origins {
                    let becomes = rules.apply(&origin);
                    proptest::prop_assert_eq!(becomes.as_deref(), Ok(&*made));
                }
            }
        }
    }

    #[test]
    fn rules_that_cannot_be_told_apart_or_undone_are_none() {
        let check = |rules: Vec<Rule>, why: RuleError| assert_eq!(Rules::new(rules), Err(why));
        check(
            vec![rule("0", 0, ""), rule("0", 1, "")],
            RuleError::Twice("0".into()),
        );
        check(vec![rule("0", 2, "")], RuleError::Strips("0".into()));
        check(vec![rule("a", 0, "")], RuleError::Digits("a".into()));
        let long = "1".repeat(limits::REWRITE_DIGITS + 1);
        check(vec![rule("", 0, &long)], RuleError::Digits(long.clone()));
        check(vec![rule(&long, 0, "")], RuleError::Digits(long.clone()));
        let many = (0..=limits::REWRITE_RULES).map(|n| rule(&n.to_string(), 0, ""));
        check(many.collect(), RuleError::TooMany);
        let most = (0..limits::REWRITE_RULES).map(|n| rule(&n.to_string(), 0, ""));
        assert!(Rules::new(most.collect()).is_ok());
    }
}
