//! URIs: sip, sips (RFC 3261 §19.1), tel (RFC 3966), and any other scheme as opaque text.
//!
//! Owns the grammar and the normal form; knows nothing of resolving a host or of who owns a number.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use crate::limits;
use crate::wire::Params;

/// A URI in normal form: scheme and host in lower case, escapes only where they are needed.
/// Equality is that of the normal forms. It is stricter than RFC 3261 §19.1.4, whose relation is
/// not transitive and so cannot be `Eq`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uri(Repr);

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Repr {
    Sip(Sip),
    Tel { number: String, params: Params },
    Opaque { scheme: String, rest: String },
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Sip {
    secure: bool,
    user: Option<String>,
    password: Option<String>,
    /// Lower case; an IPv6 address with its brackets.
    host: String,
    port: Option<u16>,
    params: Params,
    headers: Option<String>,
}

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
        let (host, port) = split_host(host)?;
        let sip = Sip {
            secure: false,
            user: None,
            password: None,
            host,
            port,
            params: Params::default(),
            headers: None,
        };
        Ok(Self(Repr::Sip(sip)).with_user(user))
    }

    /// `sip:user@address:port`, IPv6 in brackets.
    pub fn at(user: &str, address: SocketAddr) -> Self {
        let host = match address.ip() {
            IpAddr::V4(ip) => ip.to_string(),
            IpAddr::V6(ip) => format!("[{ip}]"),
        };
        let sip = Sip {
            secure: false,
            user: None,
            password: None,
            host,
            port: Some(address.port()),
            params: Params::default(),
            headers: None,
        };
        Self(Repr::Sip(sip)).with_user(user)
    }

    /// The scheme, in lower case.
    pub fn scheme(&self) -> &str {
        match &self.0 {
            Repr::Sip(sip) if sip.secure => "sips",
            Repr::Sip(_) => "sip",
            Repr::Tel { .. } => "tel",
            Repr::Opaque { scheme, .. } => scheme,
        }
    }

    /// Whether it is a sip or sips URI: the only ones that name a host to send to.
    pub fn is_sip(&self) -> bool {
        matches!(self.0, Repr::Sip(_))
    }

    /// The user part, in normal form; of a tel URI the number, freed from visual separators.
    pub fn user(&self) -> Option<&str> {
        match &self.0 {
            Repr::Sip(sip) => sip.user.as_deref(),
            Repr::Tel { number, .. } => Some(number),
            Repr::Opaque { .. } => None,
        }
    }

    /// The host in lower case, an IPv6 address with its brackets; empty unless sip or sips.
    pub fn host(&self) -> &str {
        match &self.0 {
            Repr::Sip(sip) => &sip.host,
            Repr::Tel { .. } | Repr::Opaque { .. } => "",
        }
    }

    /// The host, if it is an IP literal.
    pub fn ip(&self) -> Option<IpAddr> {
        host_ip(self.host())
    }

    /// The port, if one is given.
    pub fn port(&self) -> Option<u16> {
        match &self.0 {
            Repr::Sip(sip) => sip.port,
            Repr::Tel { .. } | Repr::Opaque { .. } => None,
        }
    }

    /// The value of a URI parameter; `Some("")` for one without value (`lr`).
    pub fn param(&self, name: &str) -> Option<&str> {
        match &self.0 {
            Repr::Sip(Sip { params, .. }) | Repr::Tel { params, .. } => params.get(name),
            Repr::Opaque { .. } => None,
        }
    }

    /// The `?name=value` part, as it stands on the wire.
    pub fn headers(&self) -> Option<&str> {
        match &self.0 {
            Repr::Sip(sip) => sip.headers.as_deref(),
            Repr::Tel { .. } | Repr::Opaque { .. } => None,
        }
    }

    /// With another user part, which is escaped; an empty one is left out. Only sip and sips have
    /// one.
    #[must_use]
    pub fn with_user(mut self, user: &str) -> Self {
        if let Repr::Sip(sip) = &mut self.0 {
            sip.user = Some(escape(user)).filter(|user| !user.is_empty());
            sip.password = None;
        }
        self
    }

    /// With another host, which may carry a port; without one the port goes.
    pub fn with_host(mut self, host: &str) -> Result<Self, UriError> {
        if let Repr::Sip(sip) = &mut self.0 {
            (sip.host, sip.port) = split_host(host)?;
        }
        Ok(self)
    }

    /// With another port, or none.
    #[must_use]
    pub fn with_port(mut self, port: Option<u16>) -> Self {
        if let Repr::Sip(sip) = &mut self.0 {
            sip.port = port;
        }
        self
    }

    /// With a parameter set.
    pub fn with_param(mut self, name: &str, value: Option<&str>) -> Result<Self, UriError> {
        if name.is_empty()
            || !name
                .bytes()
                .chain(value.unwrap_or("x").bytes())
                .all(is_param)
        {
            return Err(UriError::Octet("parameters"));
        }
        if let Repr::Sip(Sip { params, .. }) | Repr::Tel { params, .. } = &mut self.0 {
            params.set(name, value);
        }
        Ok(self)
    }

    /// Without a parameter.
    #[must_use]
    pub fn without_param(mut self, name: &str) -> Self {
        if let Repr::Sip(Sip { params, .. }) | Repr::Tel { params, .. } = &mut self.0 {
            params.remove(name);
        }
        self
    }

    /// Without its `?headers`: a form that a Request-URI may have. RFC 3261 §19.1.1.
    #[must_use]
    pub fn without_headers(mut self) -> Self {
        if let Repr::Sip(sip) = &mut self.0 {
            sip.headers = None;
        }
        self
    }
}

impl FromStr for Uri {
    type Err = UriError;

    fn from_str(text: &str) -> Result<Self, UriError> {
        if text.len() > limits::URI {
            return Err(UriError::TooLong);
        }
        let (scheme, rest) = text.split_once(':').ok_or(UriError::Scheme)?;
        let mut letters = scheme.bytes();
        if !letters
            .next()
            .is_some_and(|first| first.is_ascii_alphabetic())
            || !letters.all(|octet| octet.is_ascii_alphanumeric() || b"+-.".contains(&octet))
        {
            return Err(UriError::Scheme);
        }
        let scheme = scheme.to_ascii_lowercase();
        Ok(Self(match scheme.as_str() {
            "sip" => Repr::Sip(parse_sip(false, rest)?),
            "sips" => Repr::Sip(parse_sip(true, rest)?),
            "tel" => parse_tel(rest)?,
            _ if rest.is_empty() || !rest.bytes().all(is_opaque) => {
                return Err(UriError::Octet("text"));
            }
            _ => Repr::Opaque {
                scheme,
                rest: rest.to_owned(),
            },
        }))
    }
}

impl fmt::Display for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Repr::Sip(sip) => write!(f, "{}:{sip}", self.scheme()),
            Repr::Tel { number, params } => write!(f, "tel:{number}{params}"),
            Repr::Opaque { scheme, rest } => write!(f, "{scheme}:{rest}"),
        }
    }
}

impl fmt::Display for Sip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(user) = &self.user {
            f.write_str(user)?;
            if let Some(password) = &self.password {
                write!(f, ":{password}")?;
            }
            f.write_str("@")?;
        }
        f.write_str(&self.host)?;
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        write!(f, "{}", self.params)?;
        match &self.headers {
            Some(headers) => write!(f, "?{headers}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{self}>")
    }
}

/// What stands after `sip:`. RFC 3261 §25.1.
fn parse_sip(secure: bool, rest: &str) -> Result<Sip, UriError> {
    // An `@` is legal nowhere after the user info, so the first one ends it. The user may hold `?`
    // and `;`, so it is split off first.
    let (user_info, rest) = match rest.split_once('@') {
        Some((user_info, rest)) => (Some(user_info), rest),
        None => (None, rest),
    };
    let (user, password) = match user_info {
        None => (None, None),
        Some(info) => {
            let (user, password) = match info.split_once(':') {
                Some((user, password)) => (user, Some(password)),
                None => (info, None),
            };
            if user.is_empty() {
                return Err(UriError::Octet("user"));
            }
            let password = password.map(|text| normal(text, is_password, "password"));
            // Phones send what was dialled; `#` should have been escaped, and is from here on.
            let user = normal(&user.replace('#', "%23"), is_user, "user")?;
            (Some(user), password.transpose()?)
        }
    };
    let (rest, headers) = match rest.split_once('?') {
        Some((rest, headers)) => (rest, Some(normal(headers, is_header, "headers")?)),
        None => (rest, None),
    };
    let (host, params) = match rest.split_once(';') {
        Some((host, params)) => (host, parse_params(params)?),
        None => (rest, Params::default()),
    };
    let (host, port) = split_host(host)?;
    Ok(Sip {
        secure,
        user,
        password,
        host,
        port,
        params,
        headers,
    })
}

/// What stands after `tel:`. RFC 3966 §3.
fn parse_tel(rest: &str) -> Result<Repr, UriError> {
    let (number, params) = match rest.split_once(';') {
        Some((number, params)) => (number, parse_params(params)?),
        None => (rest, Params::default()),
    };
    let bare: String = number.chars().filter(|c| !"-.()".contains(*c)).collect();
    let digits = bare.strip_prefix('+').unwrap_or(&bare);
    if digits.is_empty()
        || !digits
            .bytes()
            .all(|c| c.is_ascii_hexdigit() || b"*#".contains(&c))
    {
        return Err(UriError::Octet("number"));
    }
    Ok(Repr::Tel {
        number: bare,
        params,
    })
}

fn parse_params(text: &str) -> Result<Params, UriError> {
    let mut params = Params::default();
    for param in text.split(';') {
        let (name, value) = match param.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (param, None),
        };
        if name.is_empty() {
            return Err(UriError::Octet("parameters"));
        }
        let value = value
            .map(|text| normal(text, is_param, "parameters"))
            .transpose()?;
        params.push(&normal(name, is_param, "parameters")?, value);
    }
    Ok(params)
}

/// `host[:port]`, the host in lower case.
pub(crate) fn split_host(text: &str) -> Result<(String, Option<u16>), UriError> {
    let (host, port) = match text.strip_prefix('[') {
        Some(inner) => {
            let (inner, after) = inner.split_once(']').ok_or(UriError::Host)?;
            let ip: std::net::Ipv6Addr = inner.parse().map_err(|_| UriError::Host)?;
            let port = match after {
                "" => None,
                after => Some(after.strip_prefix(':').ok_or(UriError::Host)?),
            };
            (format!("[{ip}]"), port)
        }
        None => match text.split_once(':') {
            Some((host, port)) => (host.to_ascii_lowercase(), Some(port)),
            None => (text.to_ascii_lowercase(), None),
        },
    };
    // Underscores are not in the grammar but in the names of many containers and machines.
    let named = |octet: u8| octet.is_ascii_alphanumeric() || b"-._".contains(&octet);
    if host.is_empty() || !(host.starts_with('[') || host.bytes().all(named)) {
        return Err(UriError::Host);
    }
    Ok((host, port.map(parse_port).transpose()?))
}

fn parse_port(text: &str) -> Result<u16, UriError> {
    if !text.bytes().all(|octet| octet.is_ascii_digit()) {
        return Err(UriError::Port);
    }
    text.parse()
        .ok()
        .filter(|&port| port != 0)
        .ok_or(UriError::Port)
}

/// The address in a host, brackets or not.
pub(crate) fn host_ip(host: &str) -> Option<IpAddr> {
    host.trim_start_matches('[')
        .trim_end_matches(']')
        .parse()
        .ok()
}

/// Checks `text` and writes each escape in one form: unreserved octets plain, others with capital
/// digits. RFC 3261 §19.1.4 makes both forms equal.
fn normal(text: &str, class: fn(u8) -> bool, place: &'static str) -> Result<String, UriError> {
    let mut normal = String::with_capacity(text.len());
    let mut octets = text.bytes();
    while let Some(octet) = octets.next() {
        if octet != b'%' {
            if !class(octet) {
                return Err(UriError::Octet(place));
            }
            normal.push(octet as char);
            continue;
        }
        let mut digit = || octets.next().and_then(|digit| (digit as char).to_digit(16));
        let (Some(high), Some(low)) = (digit(), digit()) else {
            return Err(UriError::Octet(place));
        };
        push_escaped(&mut normal, (high * 16 + low) as u8, is_unreserved);
    }
    Ok(normal)
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    text.bytes()
        .for_each(|octet| push_escaped(&mut escaped, octet, is_user));
    escaped
}

fn push_escaped(text: &mut String, octet: u8, plain: fn(u8) -> bool) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    if plain(octet) {
        text.push(octet as char);
    } else {
        let (high, low) = (
            DIGITS[usize::from(octet >> 4)],
            DIGITS[usize::from(octet & 15)],
        );
        text.extend(['%', high as char, low as char]);
    }
}

fn is_unreserved(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || b"-_.!~*'()".contains(&octet)
}

fn is_user(octet: u8) -> bool {
    is_unreserved(octet) || b"&=+$,;?/".contains(&octet)
}

fn is_password(octet: u8) -> bool {
    is_unreserved(octet) || b"&=+$,".contains(&octet)
}

fn is_param(octet: u8) -> bool {
    is_unreserved(octet) || b"[]/:&+$".contains(&octet)
}

fn is_header(octet: u8) -> bool {
    is_unreserved(octet) || b"[]/?:+$=&".contains(&octet)
}

fn is_opaque(octet: u8) -> bool {
    octet.is_ascii_graphic() && !b"<>\"".contains(&octet)
}

#[cfg(test)]
mod tests;
