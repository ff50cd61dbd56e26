//! How a trunk spells numbers, and which headers pass it: members of its document.

use model::{HeaderNames, Rewrite, Rule, Rules, Spelling, is_header_name};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{body::Fields, limits};

/// How a trunk spells numbers. Policies and records have the tenant's spelling, the wire that of the
/// trunk.
#[derive(Serialize, ToSchema)]
#[schema(as = Rewrite)]
pub(in crate::routes) struct RewriteBody {
    /// Of calls from it: before anybody asks whose the number is.
    #[serde(rename = "in")]
    #[schema(required = false)]
    inbound: SpellingBody,
    /// Of calls through it.
    #[serde(rename = "out")]
    #[schema(required = false)]
    outbound: SpellingBody,
}

/// The rules of one way: for each number that with the longest prefix counts.
#[derive(Serialize, ToSchema)]
#[schema(as = Spelling)]
pub(in crate::routes) struct SpellingBody {
    /// For the called number.
    #[schema(required = false)]
    called: Vec<RuleBody>,
    /// For the calling one.
    #[schema(required = false)]
    caller: Vec<RuleBody>,
}

/// What becomes of the numbers that begin so. A user that begins with a letter is none.
#[derive(Serialize, ToSchema)]
#[schema(as = Rule)]
pub(in crate::routes) struct RuleBody {
    /// How they begin: up to 24 of `0-9 + * #`; empty, which is the default: all.
    #[schema(required = false, example = "0")]
    prefix: String,
    /// How many characters of the prefix are taken away; default 0.
    #[schema(required = false, default = 0, example = 1)]
    strip: usize,
    /// What stands there instead: up to 24 of `0-9 + * #`; default: nothing.
    #[schema(required = false, example = "+49")]
    prepend: String,
}

/// Reads the member `rewrite`.
pub(super) fn read(fields: &mut Fields<'_>) -> Option<Rewrite> {
    let inbound = fields.object("in", spelling);
    let outbound = fields.object("out", spelling);
    Some(Rewrite {
        inbound: inbound?.unwrap_or_default(),
        outbound: outbound?.unwrap_or_default(),
    })
}

/// Reads a list of names of headers.
pub(super) fn headers(fields: &mut Fields<'_>, name: &'static str) -> Option<HeaderNames> {
    let one = |text: &str| {
        if !is_header_name(text) {
            return Err("is not the name of a header".to_owned());
        }
        let alone = HeaderNames::new(vec![text.to_owned()]);
        alone
            .map(|_| text.to_owned())
            .map_err(|why| why.to_string())
    };
    let names = fields.texts(name, limits::HEADER_NAMES, one)?;
    match HeaderNames::new(names.unwrap_or_default()) {
        Ok(names) => Some(names),
        Err(why) => fields.refuse(name, &why.to_string()),
    }
}

fn spelling(fields: &mut Fields<'_>) -> Option<Spelling> {
    let called = rules(fields, "called");
    let caller = rules(fields, "caller");
    Some(Spelling {
        called: called?,
        caller: caller?,
    })
}

fn rules(fields: &mut Fields<'_>, name: &'static str) -> Option<Rules> {
    let rules = fields.objects(name, limits::REWRITE_RULES, rule)?;
    match Rules::new(rules) {
        Ok(rules) => Some(rules),
        Err(why) => fields.refuse(name, &why.to_string()),
    }
}

fn rule(fields: &mut Fields<'_>) -> Option<Rule> {
    let prefix = fields.optional::<String>("prefix");
    let strip = fields.number("strip", Some(0));
    let prepend = fields.optional::<String>("prepend");
    Some(Rule {
        prefix: prefix?.unwrap_or_default(),
        strip: strip? as usize,
        prepend: prepend?.unwrap_or_default(),
    })
}

impl RewriteBody {
    /// None: there are no rules.
    pub(super) fn of(rewrite: &Rewrite) -> Option<Self> {
        let rules = *rewrite != Rewrite::default();
        rules.then(|| Self {
            inbound: SpellingBody::from(&rewrite.inbound),
            outbound: SpellingBody::from(&rewrite.outbound),
        })
    }
}

impl From<&Spelling> for SpellingBody {
    fn from(spelling: &Spelling) -> Self {
        let all = |rules: &Rules| rules.iter().map(RuleBody::from).collect();
        Self {
            called: all(&spelling.called),
            caller: all(&spelling.caller),
        }
    }
}

impl From<&Rule> for RuleBody {
    fn from(rule: &Rule) -> Self {
        Self {
            prefix: rule.prefix.clone(),
            strip: rule.strip,
            prepend: rule.prepend.clone(),
        }
    }
}
