//! URIs: sip, sips (RFC 3261 §19.1), tel (RFC 3966), and any other scheme as opaque text.
//!
//! Owns the normal form and what can be asked of it; `parts` has the grammar. Knows nothing of
//! resolving a host or of who owns a number.

mod parts;
#[cfg(test)]
mod tests;

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use memchr::memchr;
use parts::{Cut, Sip};
pub(crate) use parts::{HOST, is_host};

use crate::event::Transport;
use crate::limits;
use crate::wire::{Params, cut};

/// A URI in normal form: scheme and host in lower case, escapes only where they are needed.
/// Equality is that of the normal forms. It is stricter than RFC 3261 §19.1.4, whose relation is
/// not transitive and so cannot be `Eq`.
///
/// It is held as its text, in one piece, and cut up when a part of it is asked for: most of the
/// URIs of a message are only checked, compared or written.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uri(Box<str>);

/// Why a text is not a URI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UriError {
    /// No `scheme:` at its start.
    #[error("uri without a scheme")]
    Scheme,
    /// Longer than [`limits::URI`].
    #[error("uri too long")]
    TooLong,
    /// An octet that its place does not allow, or a broken escape.
    #[error("bad octet in the {0} of a uri")]
    Octet(&'static str),
    /// The host is missing or not one.
    #[error("bad host in a uri")]
    Host,
    /// Not 1 to 65,535.
    #[error("bad port in a uri")]
    Port,
}

impl Uri {
    /// `sip:user@host`; `host` may carry a port. The user is escaped; an empty one is left out.
    pub fn sip(user: &str, host: &str) -> Result<Self, UriError> {
        let (host, port) = parts::split_host(host)?;
        let sip = Sip {
            host,
            port,
            ..Sip::default()
        };
        Ok(Self::of(sip.with_user(user)))
    }

    /// `sip:user@address:port`, IPv6 in brackets.
    pub fn at(user: &str, address: SocketAddr) -> Self {
        let host = match address.ip() {
            IpAddr::V4(ip) => ip.to_string(),
            IpAddr::V6(ip) => format!("[{ip}]"),
        };
        let sip = Sip {
            host: host.into(),
            port: Some(address.port()),
            ..Sip::default()
        };
        Self::of(sip.with_user(user))
    }

    /// As [`at`](Self::at), for a peer that is to be reached over this transport: UDP needs no word
    /// (RFC 3263 §4.1).
    pub fn over(transport: Transport, user: &str, address: SocketAddr) -> Self {
        let uri = Self::at(user, address);
        match transport {
            Transport::Udp => uri,
            _ => uri.with_params(|params| params.with("transport", Some(transport.param()))),
        }
    }

    /// The same as sips, which says by itself that TLS is meant (RFC 3261 §26.2.2).
    pub(crate) fn secured(self) -> Self {
        let uri = match self.param("transport") {
            Some("tls") => self.without_param("transport"),
            _ => self,
        };
        match uri.parts() {
            Some(sip) => Self::of(Sip {
                secure: true,
                ..sip
            }),
            None => uri,
        }
    }

    /// Whether `text` is a URI.
    pub(crate) fn check(text: &str) -> Result<(), UriError> {
        match scheme_of(text)? {
            (Scheme::Sip { .. }, rest) if parts::is_plain(rest) => Ok(()),
            (Scheme::Sip { secure }, rest) => Sip::read(secure, rest).map(drop),
            (Scheme::Tel, rest) => parts::read_tel(rest).map(drop),
            (Scheme::Other, rest) => check_opaque(rest),
        }
    }

    /// The whole, in normal form.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The scheme, in lower case.
    pub fn scheme(&self) -> &str {
        self.split().0
    }

    /// Whether it is a sip or sips URI: the only ones that name a host to send to.
    pub fn is_sip(&self) -> bool {
        matches!(self.scheme(), "sip" | "sips")
    }

    /// The user part, in normal form; of a tel URI the number, freed from visual separators.
    pub fn user(&self) -> Option<&str> {
        match self.split() {
            ("tel", rest) => rest.split(';').next(),
            _ => self.cut()?.user,
        }
    }

    /// The host in lower case, an IPv6 address with its brackets; empty unless sip or sips.
    pub fn host(&self) -> &str {
        self.cut().map_or("", |cut| cut.address().0)
    }

    /// The host, if it is an IP literal.
    pub fn ip(&self) -> Option<IpAddr> {
        host_ip(self.host())
    }

    /// The port, if one is given.
    pub fn port(&self) -> Option<u16> {
        self.cut()?.address().1?.parse().ok()
    }

    /// The value of a URI parameter; `Some("")` for one without value (`lr`).
    pub fn param(&self, name: &str) -> Option<&str> {
        self.params().get(name)
    }

    /// The `?name=value` part, as it stands on the wire.
    pub fn headers(&self) -> Option<&str> {
        memchr(b'?', self.0.as_bytes())?;
        self.cut()?.headers
    }

    /// With another user part, which is escaped; an empty one is left out. Only sip and sips have
    /// one.
    #[must_use]
    pub fn with_user(self, user: &str) -> Self {
        match self.parts() {
            Some(sip) => Self::of(sip.with_user(user)),
            None => self,
        }
    }

    /// With another host, which may carry a port; without one the port goes.
    pub fn with_host(self, host: &str) -> Result<Self, UriError> {
        let Some(mut sip) = self.parts() else {
            return Ok(self);
        };
        (sip.host, sip.port) = parts::split_host(host)?;
        Ok(Self::of(sip))
    }

    /// With another port, or none.
    #[must_use]
    pub fn with_port(self, port: Option<u16>) -> Self {
        match self.parts() {
            Some(sip) => Self::of(Sip { port, ..sip }),
            None => self,
        }
    }

    /// With a parameter set.
    pub fn with_param(self, name: &str, value: Option<&str>) -> Result<Self, UriError> {
        if name.is_empty() || !parts::PARAM.holds(name) || !parts::PARAM.holds(value.unwrap_or(""))
        {
            return Err(UriError::Octet("parameters"));
        }
        Ok(self.with_params(|params| params.with(name, value)))
    }

    /// Without a parameter.
    #[must_use]
    pub fn without_param(self, name: &str) -> Self {
        self.with_params(|params| params.without(name))
    }

    /// Without its `?headers`: a form that a Request-URI may have. RFC 3261 §19.1.1.
    #[must_use]
    pub fn without_headers(self) -> Self {
        match self.headers() {
            Some(headers) => {
                let rest = self.0.len() - headers.len() - 1;
                Self(self.0[..rest].into())
            }
            None => self,
        }
    }

    fn of(sip: Sip<'_>) -> Self {
        Self(sip.join().into())
    }

    /// The scheme, and what stands after it.
    fn split(&self) -> (&str, &str) {
        cut(&self.0, b':').unwrap_or(("", &self.0))
    }

    /// Its parts, if it is sip or sips.
    fn cut(&self) -> Option<Cut<'_>> {
        match self.split() {
            ("sip" | "sips", rest) => Some(Cut::new(rest)),
            _ => None,
        }
    }

    /// The same, to be changed.
    fn parts(&self) -> Option<Sip<'_>> {
        match self.split() {
            ("sip", rest) => Some(Sip::of_normal(false, rest)),
            ("sips", rest) => Some(Sip::of_normal(true, rest)),
            _ => None,
        }
    }

    fn params(&self) -> Params<'_> {
        Params::of_checked(match self.split() {
            ("tel", rest) => &rest[rest.find(';').unwrap_or(rest.len())..],
            _ => self.cut().map_or("", |cut| cut.params),
        })
    }

    fn with_params(self, change: impl FnOnce(Params<'_>) -> String) -> Self {
        let params = change(self.params());
        match self.split() {
            ("tel", rest) => {
                let number = rest.split(';').next().unwrap_or("");
                Self(format!("tel:{number}{params}").into())
            }
            _ => match self.parts() {
                Some(sip) => Self::of(Sip {
                    params: params.into(),
                    ..sip
                }),
                None => self,
            },
        }
    }
}

impl FromStr for Uri {
    type Err = UriError;

    fn from_str(text: &str) -> Result<Self, UriError> {
        match scheme_of(text)? {
            (Scheme::Sip { .. }, rest) if is_normal(text, rest) => Ok(Self(text.into())),
            (Scheme::Sip { secure }, rest) => Sip::read(secure, rest).map(Self::of),
            (Scheme::Tel, rest) => {
                let (number, params) = parts::read_tel(rest)?;
                Ok(Self(format!("tel:{number}{params}").into()))
            }
            (Scheme::Other, rest) => {
                check_opaque(rest)?;
                let mut text = text.to_owned();
                let scheme = text.len() - rest.len();
                text[..scheme].make_ascii_lowercase();
                Ok(Self(text.into()))
            }
        }
    }
}

impl fmt::Display for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{self}>")
    }
}

enum Scheme {
    Sip { secure: bool },
    Tel,
    Other,
}

/// The scheme of any text, and what stands after it.
fn scheme_of(text: &str) -> Result<(Scheme, &str), UriError> {
    if text.len() > limits::URI {
        return Err(UriError::TooLong);
    }
    if let Some(rest) = text.strip_prefix("sip:") {
        return Ok((Scheme::Sip { secure: false }, rest));
    }
    let (scheme, rest) = cut(text, b':').ok_or(UriError::Scheme)?;
    let first = scheme.bytes().next();
    if !first.is_some_and(|first| first.is_ascii_alphabetic()) || !parts::SCHEME.holds(scheme) {
        return Err(UriError::Scheme);
    }
    let is = |name| scheme.eq_ignore_ascii_case(name);
    let secure = is("sips");
    let kind = if secure || is("sip") {
        Scheme::Sip { secure }
    } else if is("tel") {
        Scheme::Tel
    } else {
        Scheme::Other
    };
    Ok((kind, rest))
}

/// Whether a sip or sips URI, of which `rest` stands after the scheme, is in normal form.
fn is_normal(text: &str, rest: &str) -> bool {
    let scheme = &text[..text.len() - rest.len()];
    (scheme == "sip:" || scheme == "sips:") && parts::is_plain(rest)
}

fn check_opaque(rest: &str) -> Result<(), UriError> {
    let fits = |octet: u8| octet.is_ascii_graphic() && !b"<>\"".contains(&octet);
    if !rest.is_empty() && rest.bytes().all(fits) {
        Ok(())
    } else {
        Err(UriError::Octet("text"))
    }
}

/// The address in a host, brackets or not.
pub(crate) fn host_ip(host: &str) -> Option<IpAddr> {
    host.trim_start_matches('[')
        .trim_end_matches(']')
        .parse()
        .ok()
}
