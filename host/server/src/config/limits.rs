//! `[limits]`: how much of whom is heard.

use std::time::Duration;

use anyhow::{Context, bail};
use control::guard::Settings;
use serde::{Deserialize, Serialize};

/// The most that a rate or a burst may be.
const MOST: u32 = 1_000_000;

/// What one source may say. A source is an IPv4 address or an IPv6 network of 64 bits.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// SIP messages per second of a source that no tenant has named.
    pub stranger_rate: u32,
    /// How many of it at once.
    pub stranger_burst: u32,
    /// SIP messages per second of a trunk, a phone line or a phone that has authenticated.
    pub known_rate: u32,
    /// How long a stranger is not heard who looks for victims: `5m`; `0s`: it always is.
    pub silence: String,
}

impl Default for Limits {
    fn default() -> Self {
        let settings = Settings::default();
        Self {
            stranger_rate: settings.stranger_rate,
            stranger_burst: settings.stranger_burst,
            known_rate: settings.known_rate,
            silence: "5m".into(),
        }
    }
}

impl Limits {
    /// For the door-keeper.
    pub fn settings(&self) -> anyhow::Result<Settings> {
        for (key, value) in [
            ("stranger_rate", self.stranger_rate),
            ("stranger_burst", self.stranger_burst),
            ("known_rate", self.known_rate),
        ] {
            if !(1..=MOST).contains(&value) {
                bail!("limits.{key} is not 1 to {MOST}: {value}");
            }
        }
        let silence = super::duration(&self.silence).context("limits.silence")?;
        if silence > Duration::from_secs(24 * 3600) {
            bail!("limits.silence is longer than a day: {:?}", self.silence);
        }
        Ok(Settings {
            stranger_rate: self.stranger_rate,
            stranger_burst: self.stranger_burst,
            known_rate: self.known_rate,
            silence,
        })
    }
}
