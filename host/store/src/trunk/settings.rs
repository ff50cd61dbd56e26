//! What a trunk may have beside what every trunk has, as one column holds it.
//!
//! A member that an older row does not have is as if nobody had set it.

mod rewrite;

use std::str::FromStr;

use model::{Gateway, HeaderNames, Health, InbandDigits, Login, Register, Srtp, Trunk, Voice};
use rewrite::RewriteRow;
use serde::{Deserialize, Serialize};

use crate::StoreError;
use crate::db::{from_json, parsed};

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Settings {
    gateways: Vec<GatewayRow>,
    auth: Option<LoginRow>,
    register: Option<RegisterRow>,
    /// Seconds between two checks.
    health: Option<u32>,
    max_calls: Option<u32>,
    calls_per_second: Option<u32>,
    /// None: off.
    srtp: Option<String>,
    /// None: auto.
    inband_digits: Option<String>,
    /// None: all.
    codecs: Option<String>,
    rewrite: RewriteRow,
    headers_in: Vec<String>,
    headers_out: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct GatewayRow {
    address: String,
    priority: u16,
    weight: u16,
}

#[derive(Serialize, Deserialize)]
struct LoginRow {
    user: String,
    password: String,
}

#[derive(Serialize, Deserialize)]
struct RegisterRow {
    user: String,
    password: String,
    registrar: Option<String>,
    /// Seconds.
    expires: u32,
}

impl Settings {
    /// Those of a trunk, as its row holds them.
    pub(super) fn text(trunk: &Trunk) -> Result<String, StoreError> {
        let gateways = trunk.others.iter().map(|gateway| GatewayRow {
            address: gateway.peer.to_string(),
            priority: gateway.priority,
            weight: gateway.weight,
        });
        let voice = trunk.voice;
        let settings = Self {
            gateways: gateways.collect(),
            auth: trunk.auth.as_ref().map(|login| LoginRow {
                user: login.user.clone(),
                password: login.password.clone(),
            }),
            register: trunk.register.as_ref().map(|register| RegisterRow {
                user: register.login.user.clone(),
                password: register.login.password.clone(),
                registrar: register.registrar.as_ref().map(ToString::to_string),
                expires: register.expires,
            }),
            health: trunk.health.map(|health| health.interval),
            max_calls: trunk.max_calls,
            calls_per_second: trunk.calls_per_second,
            srtp: set(voice.srtp, Srtp::as_str),
            inband_digits: set(voice.inband_digits, InbandDigits::as_str),
            codecs: set(voice.codecs, |it| it.to_string()),
            rewrite: RewriteRow::of(&trunk.rewrite),
            headers_in: texts(&trunk.headers_in),
            headers_out: texts(&trunk.headers_out),
        };
        serde_json::to_string(&settings).map_err(|why| StoreError::Damaged(why.to_string()))
    }

    /// Gives a trunk those that its row holds.
    pub(super) fn give(text: &str, trunk: &mut Trunk) -> Result<(), StoreError> {
        let settings: Self = from_json(text)?;
        let gateways = settings.gateways.into_iter().map(|row| {
            Ok(Gateway {
                peer: parsed(&row.address)?,
                priority: row.priority,
                weight: row.weight,
            })
        });
        trunk.others = gateways.collect::<Result<_, StoreError>>()?;
        trunk.auth = settings.auth.map(|row| Login {
            user: row.user,
            password: row.password,
        });
        trunk.register = settings.register.map(read_register).transpose()?;
        trunk.max_calls = settings.max_calls;
        trunk.calls_per_second = settings.calls_per_second;
        trunk.voice = Voice {
            srtp: or_default(settings.srtp.as_deref())?,
            inband_digits: or_default(settings.inband_digits.as_deref())?,
            codecs: or_default(settings.codecs.as_deref())?,
        };
        trunk.rewrite = settings.rewrite.read()?;
        let names = |names| HeaderNames::new(names).map_err(damaged);
        trunk.headers_in = names(settings.headers_in)?;
        trunk.headers_out = names(settings.headers_out)?;
        trunk.health = settings.health.map(|interval| Health { interval });
        Ok(())
    }
}

fn read_register(row: RegisterRow) -> Result<Register, StoreError> {
    Ok(Register {
        login: Login {
            user: row.user,
            password: row.password,
        },
        registrar: row.registrar.map(|text| parsed(&text)).transpose()?,
        expires: row.expires,
    })
}

/// What a row says of a setting: nothing if nobody has set it.
fn set<T: Default + PartialEq + Copy, S: Into<String>>(
    it: T,
    text: impl Fn(T) -> S,
) -> Option<String> {
    (it != T::default()).then(|| text(it).into())
}

fn or_default<T: Default + FromStr>(text: Option<&str>) -> Result<T, StoreError> {
    text.map_or_else(|| Ok(T::default()), parsed)
}

fn texts(names: &HeaderNames) -> Vec<String> {
    names.iter().map(str::to_owned).collect()
}

/// A row that says what this version would not have taken.
fn damaged(why: impl std::fmt::Display) -> StoreError {
    StoreError::Damaged(why.to_string())
}
