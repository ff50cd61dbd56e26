//! What a scenario file says: what is given, what happens, what is expected.
//!
//! ```toml
//! [given]
//! settings = { operator = "3001" }
//! prompts = { welcome = "1500ms" }        # of that length
//! carriers = { 112 = ["Priority"] }       # a trunk of its own for that prefix, and its headers_out
//!
//! [[step]]
//! phone = { user = "3001", rings = "200ms", answers = "1s" }
//! [[step]]
//! call = { from = "1001", to = "2001" }
//! [[step]]
//! wait = "3s"
//! [[step]]
//! keys = { by = "1001", keys = "0" }
//! [[step]]
//! wait = "10s"
//! [[step]]
//! transfer = { by = "1001", to = "3002" }
//! [[step]]
//! hang-up = "1001"
//!
//! [expect]
//! lines = ["on_incoming 1001", "answer 1001", "INVITE 3001 (SDP)"]    # of the ladder, in this order; "record-start *"
//!                                                                     # is any line that begins so
//! never = ["release 1001 500"]
//! in-no-order = ["construct 1001 -> 911"]                             # nor when `plugin fuzz` changes the order
//! log = ["1001 calls 2001"]                                           # in a line of the log
//! causes = { 1001 = 200 }                                             # of the record of a call
//! user-data = { 1001 = "crm-42" }                                     # of the record of a call
//! ```

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The longest wait of a step, an hour: virtual time is cheap and not for nothing.
pub(crate) const LONGEST: Duration = Duration::from_secs(3_600);

/// Trunks that a scenario may add.
const CARRIERS: usize = 16;

/// Steps of a scenario.
const STEPS: usize = 1_000;

/// A scenario.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    #[serde(default)]
    pub(crate) given: Given,
    #[serde(default)]
    pub(crate) step: Vec<Step>,
    #[serde(default)]
    pub(crate) expect: Expect,
}

/// What there is beside the policy.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Given {
    /// The plugin's settings.
    pub(crate) settings: BTreeMap<String, String>,
    /// Prompts by name, each of that length.
    pub(crate) prompts: BTreeMap<String, Time>,
    /// Further trunks by prefix, which is a telephone as well, each with the headers that go on through it.
    pub(crate) carriers: BTreeMap<String, Vec<String>>,
    /// How long each turn takes; a millisecond if it is not said. What happens meanwhile waits.
    pub(crate) turns: Option<Time>,
    /// Bad links to the phones, of that seed: packets are lost, late and doubled. Good ones if it is not said.
    pub(crate) weather: Option<u64>,
}

/// Something happens.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) enum Step {
    /// A phone will do so with calls that come in.
    Phone(Phone),
    /// Somebody calls.
    Call { from: String, to: String },
    /// Somebody keys.
    Keys { by: String, keys: String },
    /// Somebody asks that the other side of its call be led to somebody else (REFER).
    Transfer { by: String, to: String },
    /// Somebody hangs up.
    HangUp(String),
    /// Time passes.
    Wait(Time),
    /// A request over REST: POST /api/user/{user}/{verb}, or a CTI server's `callin`.
    Request(Request),
}

/// A request over REST, and what its answer has to be.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Request {
    pub(crate) user: String,
    pub(crate) verb: String,
    #[serde(default)]
    pub(crate) body: String,
    /// Any, if it is not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<u16>,
    /// What its body has somewhere.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) says: String,
}

/// What a phone does with calls that come in. Times count from the call.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Phone {
    pub(crate) user: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) rings: Option<Time>,
    /// It sends audio instead of ringing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) early_media: Option<Time>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) answers: Option<Time>,
    /// With this status, at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) refuses: Option<u16>,
}

/// How it must have gone.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub(crate) struct Expect {
    /// Lines of the ladder, in this order; others may be between them. One that ends with `*` is the
    /// beginning of a line.
    pub(crate) lines: Vec<String>,
    /// Lines that it must not have.
    pub(crate) never: Vec<String>,
    /// Lines that it must not have in whatever order things happen: the search holds to them as well.
    #[serde(rename = "in-no-order")]
    pub(crate) in_no_order: Vec<String>,
    /// Each is in a line of the log.
    pub(crate) log: Vec<String>,
    /// How the last call of each of these ended.
    pub(crate) causes: BTreeMap<String, u16>,
    /// What the record of the last call of each of these has from the policy.
    pub(crate) user_data: BTreeMap<String, String>,
}

/// A length of time: `250ms` or `3s`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Time(pub(crate) Duration);

/// Why a file is no scenario; says where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ScenarioError(String);

impl Scenario {
    /// Reads one.
    pub fn read(text: &str) -> Result<Self, ScenarioError> {
        let scenario: Self =
            toml::from_str(text).map_err(|why| ScenarioError(why.to_string().trim().to_owned()))?;
        if scenario.step.is_empty() {
            return Err(ScenarioError(
                "it has no [[step]]: nothing happens".to_owned(),
            ));
        }
        if scenario.step.len() > STEPS {
            return Err(ScenarioError(format!("it has more than {STEPS} steps")));
        }
        if scenario.given.carriers.len() > CARRIERS {
            return Err(ScenarioError(format!(
                "it has more than {CARRIERS} carriers"
            )));
        }
        Ok(scenario)
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let ms = self.0.as_millis();
        match ms % 1_000 {
            0 => serializer.collect_str(&format_args!("{}s", ms / 1_000)),
            _ => serializer.collect_str(&format_args!("{ms}ms")),
        }
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let read = || {
            let (number, unit) = match text.strip_suffix("ms") {
                Some(number) => (number, 1),
                None => (text.strip_suffix('s')?, 1_000),
            };
            let number: u64 = number.parse().ok()?;
            let time = Duration::from_millis(number.checked_mul(unit)?);
            (time <= LONGEST).then_some(Time(time))
        };
        let wrong = || {
            de::Error::custom(format!(
                "{text:?} is no time up to an hour, such as 250ms or 3s"
            ))
        };
        read().ok_or_else(wrong)
    }
}
