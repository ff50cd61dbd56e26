//! What stands in a path: ids, names and numbers, checked before a handler sees them.

use std::{net::SocketAddr, str::FromStr};

use axum::{
    extract::{FromRequestParts, Path},
    http::request::Parts,
};

use model::{Peer, PromptFile, Transport};

use crate::{State, limits, problem::Problem};

/// The one parameter of a path. A text that is no such id names nothing: 404, like an unknown one.
pub(crate) struct Target<T>(pub(crate) T);

impl<T: FromStr> FromRequestParts<State> for Target<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Problem> {
        let path = Path::<String>::from_request_parts(parts, state).await;
        let Path(text) = path.map_err(|_| Problem::not_found())?;
        text.parse().map(Self).map_err(|_| Problem::not_found())
    }
}

/// A user and a verb of the telephone-control API.
pub(crate) struct UserVerb {
    pub(crate) user: Telnum,
    pub(crate) verb: String,
}

impl FromRequestParts<State> for UserVerb {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Problem> {
        let path = Path::<(String, String)>::from_request_parts(parts, state).await;
        let Path((user, verb)) = path.map_err(|_| Problem::not_found())?;
        let user = user.parse().map_err(|_| Problem::not_found())?;
        let verb = self::verb(&verb).map_err(|_| Problem::not_found())?;
        Ok(Self { user, verb })
    }
}

/// A telephone number or user: 1 to 64 of `0-9 A-Z a-z + * # . _ -`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Telnum(pub(crate) String);

impl FromStr for Telnum {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"+*#._-".contains(&b);
        if (1..=limits::NUMBER).contains(&text.len()) && text.bytes().all(allowed) {
            return Ok(Self(text.to_owned()));
        }
        let most = limits::NUMBER;
        Err(format!("is not 1 to {most} of 0-9 A-Z a-z + * # . _ -"))
    }
}

/// A plugin's name: 1 to 64 of `a-z 0-9 -`, beginning with a letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PluginName(pub(crate) String);

impl FromStr for PluginName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        let shaped = (1..=limits::NAME).contains(&text.len()) && text.bytes().all(allowed);
        if shaped && text.starts_with(|c: char| c.is_ascii_lowercase()) {
            return Ok(Self(text.to_owned()));
        }
        let most = limits::NAME;
        Err(format!(
            "is not 1 to {most} of a-z 0-9 -, beginning with a letter"
        ))
    }
}

/// A prompt's name ([`PromptFile::is_name`]).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PromptName(pub(crate) String);

impl FromStr for PromptName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if PromptFile::is_name(text) {
            return Ok(Self(text.to_owned()));
        }
        let most = limits::NAME;
        Err(format!(
            "is not 1 to {most} of 0-9 A-Z a-z . _ -, beginning with a letter or digit"
        ))
    }
}

/// Where a SIP peer is: an IP address of one host and a port; without one it is that of its transport.
/// A zone means something on one machine only, and may be an interface that is none of its business.
pub(crate) fn peer(text: &str, transport: Transport) -> Result<SocketAddr, String> {
    let with_port = |ip| SocketAddr::new(ip, transport.port());
    let address = text.parse().or_else(|_| text.parse().map(with_port));
    let address: SocketAddr =
        address.map_err(|_| "is not an address such as 192.0.2.1:5060 or [2001:db8::1]:5060")?;
    let ip = address.ip();
    let zoned = matches!(address, SocketAddr::V6(address) if address.scope_id() != 0);
    if ip.is_unspecified() || ip.is_multicast() || address.port() == 0 || zoned {
        return Err("is not the address of one host and port".into());
    }
    Ok(address)
}

/// Where a gateway is: an address as of any peer, or a name.
pub(crate) fn gateway(text: &str, transport: Transport) -> Result<Peer, String> {
    match text.parse::<Peer>() {
        Ok(named @ Peer::Named(..)) => Ok(named),
        _ => peer(text, transport).map(Peer::from),
    }
}

/// A user or password at somebody else's.
pub(crate) fn secret(text: &str) -> Result<String, String> {
    let most = limits::SECRET;
    if text.is_empty() || text.len() > most || text.chars().any(char::is_control) {
        return Err(format!(
            "is not 1 to {most} octets without control characters"
        ));
    }
    Ok(text.to_owned())
}

/// What dialled numbers begin with: a part of a telephone number, or nothing.
pub(crate) fn prefix(text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Ok(String::new());
    }
    text.parse().map(|Telnum(prefix)| prefix)
}

/// A verb: what a policy is asked for. 1 to 64 of `0-9 A-Z a-z _ -`.
pub(crate) fn verb(text: &str) -> Result<String, String> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"_-".contains(&b);
    if (1..=limits::NUMBER).contains(&text.len()) && text.bytes().all(allowed) {
        return Ok(text.to_owned());
    }
    let most = limits::NUMBER;
    Err(format!("is not 1 to {most} of 0-9 A-Z a-z _ -"))
}
