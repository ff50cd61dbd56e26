//! The Authorization header: its own grammar, since the URI in it counts octet by octet.

use super::hash::{Hex, joined};
use super::parameters::{bare, parameters};
use crate::Uri;
use crate::wire::{Why, unquote};

/// A hash function of digest authentication.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// What most phones know.
    Md5,
    /// RFC 8760.
    Sha256,
}

impl Algorithm {
    /// As it stands in headers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::Sha256 => "SHA-256",
        }
    }

    /// The one of that name, if we know it.
    pub(super) fn named(name: &str) -> Option<Self> {
        let known = [Self::Md5, Self::Sha256];
        known
            .into_iter()
            .find(|one| one.name().eq_ignore_ascii_case(name))
    }
}

/// What an Authorization header says. RFC 7616 §3.4.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// Who it claims to be.
    pub username: String,
    /// The realm that it was asked for.
    pub realm: String,
    /// How the response was made.
    pub algorithm: Algorithm,
    pub(super) nonce: String,
    /// As on the wire, without its quotes.
    pub(crate) uri: String,
    /// Lower-case hex.
    pub(super) response: String,
    cnonce: String,
    /// As on the wire: eight hex digits.
    nc: String,
    /// The same as a number.
    pub(crate) count: u32,
}

/// Without what could be used or guessed from.
impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("Credentials");
        shown.field("realm", &self.realm);
        shown
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

impl Credentials {
    /// Reads the value of an Authorization header. An error names what is wrong: another scheme,
    /// a part that is missing, an algorithm or a qop that was not offered.
    pub fn parse(value: &str) -> Result<Self, &'static str> {
        let mut parts = Parts::default();
        parameters(value, |name, value| parts.take(name, value))?;
        parts.whole()
    }

    /// Whether they were made for a request to that URI in that realm (RFC 7616 §3.4.6). Parameters, ports
    /// and a user that only one side names tell nothing; nor does an address as host, which phones write that
    /// know their server by nothing else, and which is another one behind NAT.
    pub fn is_for(&self, request_uri: &Uri, realm: &str) -> bool {
        let Ok(uri) = self.uri.parse::<Uri>() else {
            return false;
        };
        let users = uri.user().zip(request_uri.user());
        let same_user = users.is_none_or(|(said, called)| said == called);
        let hosts = [request_uri.host(), realm];
        let same_host = hosts
            .iter()
            .any(|host| uri.host().eq_ignore_ascii_case(host));
        same_user && (same_host || uri.ip().is_some())
    }

    /// The response that the secret makes of all this. RFC 7616 §3.4.1.
    pub(super) fn expected(&self, ha1: &str, method: &str) -> Hex {
        let ha2 = joined(self.algorithm, &[method, &self.uri]);
        let parts = [
            ha1,
            &self.nonce,
            &self.nc,
            &self.cnonce,
            "auth",
            ha2.as_str(),
        ];
        joined(self.algorithm, &parts)
    }
}

/// The names that count, in the order of [`Parts`].
const NAMES: [&str; 9] = [
    "username",
    "realm",
    "nonce",
    "uri",
    "response",
    "algorithm",
    "cnonce",
    "qop",
    "nc",
];

/// The parameters as they stand on the wire, by the place of their name in [`NAMES`].
#[derive(Default)]
struct Parts([Option<String>; NAMES.len()]);

impl Parts {
    fn take(&mut self, name: &str, value: &str) -> Result<(), Why> {
        let place = NAMES.iter().position(|n| n.eq_ignore_ascii_case(name));
        let Some(part) = place.and_then(|place| self.0.get_mut(place)) else {
            return Ok(());
        };
        if part.is_some() {
            return Err("parameter there twice");
        }
        *part = Some(value.to_owned());
        Ok(())
    }

    fn whole(self) -> Result<Credentials, Why> {
        let [username, realm, rest @ ..] = self.0;
        let [nonce, uri, response, algorithm, cnonce, qop, nc] =
            rest.map(|part| part.map(|part| bare(&part).to_owned()));
        let algorithm = Algorithm::named(algorithm.as_deref().unwrap_or("MD5"))
            .ok_or("an algorithm that was not offered")?;
        if !qop.is_some_and(|qop| qop.eq_ignore_ascii_case("auth")) {
            return Err("a qop that was not offered");
        }
        let nc = nc.ok_or("no nc")?;
        let hex = nc.bytes().all(|octet| octet.is_ascii_hexdigit());
        let count = u32::from_str_radix(&nc, 16).ok();
        Ok(Credentials {
            username: unquote(&username.ok_or("no username")?),
            realm: unquote(&realm.ok_or("no realm")?),
            nonce: nonce.ok_or("no nonce")?,
            uri: uri.ok_or("no uri")?,
            response: response.ok_or("no response")?.to_ascii_lowercase(),
            algorithm,
            cnonce: cnonce.ok_or("no cnonce")?,
            count: count.filter(|_| hex).ok_or("nc is no hex number")?,
            nc,
        })
    }
}
