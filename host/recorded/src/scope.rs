//! What a turn needs to know of its tenant, and no more.
//!
//! A plan asks a tenant whether a number is its own, which trunk takes a number, and whether a prompt
//! exists. Whatever it asks about stands in what the policy saw or in what it said, so those numbers and
//! names are enough for the same answers again. A version that thinks of a number which nobody mentioned is
//! told that it is not permitted.

use std::collections::{BTreeMap, BTreeSet};

use model::{
    FaultPolicy, HeaderNames, Number, NumberId, Phone, PhoneId, PromptFile, TenantConfig, TenantId,
    Transport, Trunk, TrunkId, Voice,
};
use serde::{Deserialize, Serialize};

use crate::form::text;

/// What is recorded of a tenant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scope {
    #[serde(with = "text")]
    id: TenantId,
    domain: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    numbers: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    phones: Vec<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    prompts: BTreeMap<String, u64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    trunks: Vec<TrunkScope>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TrunkScope {
    #[serde(with = "text")]
    id: TrunkId,
    prefixes: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    headers_out: Vec<String>,
}

/// Words of a turn's commands that are looked at, and of all its text: a text that has more is no turn of people
/// who call each other.
const WORDS: usize = 4_096;

impl Scope {
    /// What this text mentions of the tenant. The commands stand at its end, behind all that was read of the
    /// store, and are what a plan was asked about: they are looked at for themselves.
    pub(crate) fn of(tenant: &TenantConfig, commands: &[String], text: &str) -> Self {
        let commands = commands.iter().flat_map(|it| words(it)).take(WORDS);
        let words: BTreeSet<&str> = commands.chain(words(text).take(WORDS)).collect();
        let owned = |word: &&&str| tenant.numbers.contains_key(**word);
        let phone = |word: &&&str| tenant.phones.contains_key(**word);
        let prompt = |word: &&str| {
            let file = tenant.prompts.get(*word)?;
            Some(((*word).to_owned(), file.duration_ms))
        };
        let trunks = tenant.trunks.iter().map(|trunk| {
            let fits = |prefix: &&String| {
                let prefix = prefix.as_str();
                prefix.is_empty() || words.iter().any(|word| word.starts_with(prefix))
            };
            TrunkScope {
                id: trunk.id,
                prefixes: trunk.prefixes.iter().filter(fits).cloned().collect(),
                headers_out: trunk.headers_out.iter().map(str::to_owned).collect(),
            }
        });
        Self {
            id: tenant.id,
            domain: tenant.domain.clone(),
            numbers: words
                .iter()
                .filter(owned)
                .map(ToString::to_string)
                .collect(),
            phones: words
                .iter()
                .filter(phone)
                .map(ToString::to_string)
                .collect(),
            prompts: words.iter().filter_map(prompt).collect(),
            trunks: trunks.filter(|trunk| !trunk.prefixes.is_empty()).collect(),
        }
    }

    /// A tenant of which nothing else is known.
    pub(crate) fn tenant(self) -> TenantConfig {
        let number = |number: String| {
            let known = Number {
                id: NumberId::first_of(0),
                number: number.clone(),
                plugin: String::new(),
            };
            (number, known)
        };
        let phone = |user: String| {
            let known = Phone {
                id: PhoneId::first_of(0),
                user: user.clone(),
                address: None,
                transport: Transport::Udp,
                voice: Voice::default(),
            };
            (user, known)
        };
        let prompt = |(name, duration_ms)| {
            let digest = "".into();
            let file = PromptFile {
                digest,
                duration_ms,
            };
            (name, file)
        };
        TenantConfig {
            id: self.id,
            name: String::new(),
            domain: self.domain,
            numbers: self.numbers.into_iter().map(number).collect(),
            trunks: self.trunks.into_iter().map(TrunkScope::trunk).collect(),
            phones: self.phones.into_iter().map(phone).collect(),
            secrets: BTreeMap::new(),
            plugins: BTreeMap::new(),
            prompts: self.prompts.into_iter().map(prompt).collect(),
            default_plugin: String::new(),
            fault_policy: FaultPolicy::default(),
            media_timeout: None,
            rollouts: BTreeMap::new(),
            records_turns: true,
        }
    }
}

/// What may be a number or a name.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let part = |c: char| !(c.is_ascii_alphanumeric() || "._-+*#".contains(c));
    text.split(part).filter(|word| !word.is_empty())
}

impl TrunkScope {
    fn trunk(self) -> Trunk {
        let nowhere = std::net::SocketAddr::from(([127, 0, 0, 1], 5060));
        let mut trunk = Trunk::new(self.id, "", nowhere);
        trunk.prefixes = self.prefixes;
        // They were names of headers when they were recorded.
        trunk.headers_out = HeaderNames::new(self.headers_out).unwrap_or_default();
        trunk
    }
}
