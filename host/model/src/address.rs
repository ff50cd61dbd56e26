//! Addresses of parties as policies, the API and CDRs write them.
//!
//! Owns the spelling: a SIP, SIPS or tel URI, or a bare number. Knows neither parameters nor hosts'
//! resolution; `sip::Uri` reads those.

use std::{fmt, str::FromStr};

use crate::limits;

/// What stands before the colon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// `sip:`
    Sip,
    /// `sips:`
    Sips,
    /// `tel:`
    Tel,
    /// A bare number, in the tenant's own domain.
    Bare,
}

/// Why a text is no address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Nothing there.
    #[error("address is empty")]
    Empty,
    /// More than [`limits::ADDRESS`] octets.
    #[error("address is longer than {} octets", limits::ADDRESS)]
    TooLong,
    /// A control character, blank, quote or angle bracket.
    #[error("address has a character that is not allowed: {0:?}")]
    Character(char),
    /// No user before the `@`, or no host behind it.
    #[error("address has no {0}")]
    Missing(&'static str),
    /// Another scheme.
    #[error("address is neither sip:, sips:, tel: nor a number")]
    Scheme,
}

/// A SIP, SIPS or tel URI, or a bare number. At most [`limits::ADDRESS`] octets; no control
/// characters, blanks, quotes or angle brackets, so that it can be written into a header as it is.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address(String);

impl Address {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands before the colon.
    pub fn scheme(&self) -> Scheme {
        match self.0.split_once(':').map(|(scheme, _)| scheme) {
            Some(s) if s.eq_ignore_ascii_case("sip") => Scheme::Sip,
            Some(s) if s.eq_ignore_ascii_case("sips") => Scheme::Sips,
            Some(s) if s.eq_ignore_ascii_case("tel") => Scheme::Tel,
            _ => Scheme::Bare,
        }
    }

    /// The user part, without password: the telephone number. Empty for `sip:host`.
    pub fn user(&self) -> &str {
        let rest = self.rest();
        let user = match self.scheme() {
            Scheme::Sip | Scheme::Sips => rest.rsplit_once('@').map_or("", |(user, _)| user),
            Scheme::Tel | Scheme::Bare => rest,
        };
        user.split([';', ':', '?']).next().unwrap_or_default()
    }

    /// The same address of another user; parameters of the old one go with it.
    pub fn with_user(&self, user: &str) -> Result<Self, AddressError> {
        let rest = self.rest();
        let scheme = &self.0[..self.0.len() - rest.len()];
        let behind = match self.scheme() {
            Scheme::Sip | Scheme::Sips => rest.rfind('@').unwrap_or(0),
            Scheme::Tel => rest.find(';').unwrap_or(rest.len()),
            Scheme::Bare => rest.len(),
        };
        let host_only = matches!(self.scheme(), Scheme::Sip | Scheme::Sips) && !rest.contains('@');
        let at = if host_only { "@" } else { "" };
        [scheme, user, at, &rest[behind..]].concat().parse()
    }

    /// The host, with its port if one is written; none for numbers.
    pub fn host(&self) -> Option<&str> {
        let (Scheme::Sip | Scheme::Sips) = self.scheme() else {
            return None;
        };
        let rest = self.rest();
        let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
        host.split([';', '?']).next()
    }

    /// The full URI: a bare number becomes `sip:NUMBER@domain`.
    pub fn to_uri(&self, domain: &str) -> String {
        match self.scheme() {
            Scheme::Bare => format!("sip:{}@{domain}", self.0),
            _ => self.0.clone(),
        }
    }

    fn rest(&self) -> &str {
        match self.scheme() {
            Scheme::Bare => &self.0,
            _ => self.0.split_once(':').map_or("", |(_, rest)| rest),
        }
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        if text.is_empty() {
            return Err(AddressError::Empty);
        }
        if text.len() > limits::ADDRESS {
            return Err(AddressError::TooLong);
        }
        let forbidden = |c: &char| c.is_control() || c.is_whitespace() || "<>\"\\,".contains(*c);
        if let Some(c) = text.chars().find(|c| forbidden(c) || !c.is_ascii()) {
            return Err(AddressError::Character(c));
        }
        let address = Self(text.to_owned());
        match address.scheme() {
            Scheme::Sip | Scheme::Sips if address.host().is_none_or(str::is_empty) => {
                Err(AddressError::Missing("host"))
            }
            Scheme::Tel if address.user().is_empty() => Err(AddressError::Missing("user")),
            Scheme::Bare if text.contains([':', '@', ';', '?', '/']) => Err(AddressError::Scheme),
            _ => Ok(address),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::{Address, AddressError};

    #[test]
    fn user_and_host_are_read_from_every_spelling() {
        for (text, user, host) in [
            ("2001", "2001", None),
            ("+49151", "+49151", None),
            ("sip:2001@acme.example", "2001", Some("acme.example")),
            (
                "SIP:2001:secret@acme.example:5070;transport=udp",
                "2001",
                Some("acme.example:5070"),
            ),
            ("sips:2001;isub=1@[::1]:5061", "2001", Some("[::1]:5061")),
            ("sip:acme.example", "", Some("acme.example")),
            ("tel:+49151;phone-context=x", "+49151", None),
        ] {
            let address: Address = text.parse().unwrap();
            assert_eq!((address.user(), address.host()), (user, host), "{text}");
        }
    }

    #[test]
    fn another_user_takes_the_place_of_the_old_one() {
        for (text, made) in [
            ("2001", "+49"),
            ("sip:2001@acme.example;x=y", "sip:+49@acme.example;x=y"),
            ("sips:2001:pw@[::1]:5061", "sips:+49@[::1]:5061"),
            ("SIP:acme.example:5070", "SIP:+49@acme.example:5070"),
            ("tel:030;phone-context=+49", "tel:+49;phone-context=+49"),
        ] {
            let address: Address = text.parse().unwrap();
            assert_eq!(address.with_user("+49").unwrap().as_str(), made);
        }
        let address: Address = "sip:2001@acme.example".parse().unwrap();
        for user in ["a b", "a>", &"1".repeat(512)] {
            assert!(address.with_user(user).is_err());
        }
    }

    #[test]
    fn what_could_break_a_header_is_refused() {
        for text in [
            "",
            "a b",
            "sip:a@b\r\nX: y",
            "<sip:a@b>",
            "sip:",
            "http://x",
            "tel:",
            "2001\0",
        ] {
            assert!(text.parse::<Address>().is_err(), "{text:?}");
        }
        let long = "1".repeat(513);
        assert_eq!(long.parse::<Address>(), Err(AddressError::TooLong));
    }

    #[test]
    fn a_bare_number_belongs_to_the_domain() {
        let address: Address = "2001".parse().unwrap();
        assert_eq!(address.to_uri("acme.example"), "sip:2001@acme.example");
    }
}
