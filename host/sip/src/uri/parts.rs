//! The parts of a URI: read from any text, checked, brought to the normal form, joined again.
//!
//! Owns the grammar. A part that is in normal form already is borrowed from the text, so that to
//! check a URI, or to look into one, allocates nothing.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::net::Ipv6Addr;

use super::UriError;
use crate::wire::{Class, DIGIT, Lex, cut, find, number};

/// A sip or sips URI cut at its separators: the same cuts in any text and in the normal form.
#[derive(Clone, Copy)]
pub(super) struct Cut<'a> {
    pub(super) user: Option<&'a str>,
    pub(super) password: Option<&'a str>,
    /// Host and port.
    address: &'a str,
    /// Each with its semicolon.
    pub(super) params: &'a str,
    pub(super) headers: Option<&'a str>,
}

impl<'a> Cut<'a> {
    /// Cuts what stands after `sip:`. RFC 3261 §25.1.
    pub(super) fn new(rest: &'a str) -> Self {
        // An `@` is legal nowhere after the user info, so the first one ends it. The user may hold
        // `?` and `;`, so it is split off first.
        let (info, rest) = cut(rest, b'@').map_or((None, rest), |(info, rest)| (Some(info), rest));
        let (user, password) = match info.map(|info| (info, cut(info, b':'))) {
            Some((_, Some((user, password)))) => (Some(user), Some(password)),
            Some((user, None)) => (Some(user), None),
            None => (None, None),
        };
        let (rest, headers) =
            cut(rest, b'?').map_or((rest, None), |(rest, text)| (rest, Some(text)));
        let (address, params) = rest.split_at(find(rest, b';').unwrap_or(rest.len()));
        Self {
            user,
            password,
            address,
            params,
            headers,
        }
    }

    /// The host as it stands, an IPv6 address with its brackets, and the text of the port.
    pub(super) fn address(&self) -> (&'a str, Option<&'a str>) {
        cut_address(self.address)
    }
}

/// Whether what stands after `sip:` is in normal form already and has neither password nor headers nor
/// an IPv6 address: nearly all there is, and seen in one go.
pub(super) fn is_plain(rest: &str) -> bool {
    let mut lex = Lex::new(rest);
    let user = lex.run(&USER);
    if !lex.eat(b'@') {
        lex = Lex::new(rest);
    } else if user.is_empty() {
        return false;
    }
    if lex.run(&LOWER_HOST).is_empty() {
        return false;
    }
    if lex.eat(b':') {
        let port = lex.run(&DIGIT);
        if port.starts_with('0') || parse_port(port).is_err() {
            return false;
        }
    }
    while lex.eat(b';') {
        if lex.run(&PARAM).is_empty() {
            return false;
        }
        if lex.eat(b'=') {
            lex.run(&PARAM);
        }
    }
    lex.is_empty()
}

/// What sip and sips URIs are made of, in normal form. RFC 3261 §19.1.1.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Sip<'a> {
    pub(super) secure: bool,
    pub(super) user: Option<Cow<'a, str>>,
    pub(super) password: Option<Cow<'a, str>>,
    pub(super) host: Cow<'a, str>,
    pub(super) port: Option<u16>,
    /// Each with its semicolon.
    pub(super) params: Cow<'a, str>,
    pub(super) headers: Option<Cow<'a, str>>,
}

impl<'a> Sip<'a> {
    /// Reads what stands after `sip:`.
    pub(super) fn read(secure: bool, rest: &'a str) -> Result<Self, UriError> {
        let cut = Cut::new(rest);
        let (host, port) = split_host(cut.address)?;
        let normal = |part: Option<&'a str>, class, place| {
            part.map(|text| normal(text, class, place)).transpose()
        };
        Ok(Self {
            secure,
            user: cut.user.map(normal_user).transpose()?,
            password: normal(cut.password, &PASSWORD, "password")?,
            host,
            port,
            params: normal_params(cut.params)?,
            headers: normal(cut.headers, &HEADER, "headers")?,
        })
    }

    /// Takes the normal form apart again; `rest` is what stands after `sip:` there.
    pub(super) fn of_normal(secure: bool, rest: &'a str) -> Self {
        let cut = Cut::new(rest);
        let (host, port) = cut.address();
        Self {
            secure,
            user: cut.user.map(Cow::Borrowed),
            password: cut.password.map(Cow::Borrowed),
            host: host.into(),
            port: port.and_then(|port| port.parse().ok()),
            params: cut.params.into(),
            headers: cut.headers.map(Cow::Borrowed),
        }
    }

    /// With another user part, which is escaped; an empty one is left out.
    pub(super) fn with_user(self, user: &str) -> Self {
        let user = Some(escape(user)).filter(|user| !user.is_empty());
        Self {
            user: user.map(Cow::Owned),
            password: None,
            ..self
        }
    }

    /// The text of the URI.
    pub(super) fn join(&self) -> String {
        let lengths = [&self.user, &self.password, &self.headers];
        let lengths = lengths
            .iter()
            .map(|part| part.as_deref().map_or(0, str::len));
        let octets = lengths.sum::<usize>() + self.host.len() + self.params.len();
        // The scheme, the port and four separators.
        let mut text = String::with_capacity(octets + "sips:".len() + "65535".len() + 4);
        text.push_str(if self.secure { "sips:" } else { "sip:" });
        if let Some(user) = &self.user {
            text.push_str(user);
            if let Some(password) = &self.password {
                text.extend([":", password]);
            }
            text.push('@');
        }
        text.push_str(&self.host);
        if let Some(port) = self.port {
            // Writing into a String cannot fail.
            let _ = write!(text, ":{port}");
        }
        text.push_str(&self.params);
        if let Some(headers) = &self.headers {
            text.extend(["?", headers]);
        }
        text
    }
}

/// What stands after `tel:`, the number freed from visual separators. RFC 3966 §3.
pub(super) fn read_tel(rest: &str) -> Result<(String, Cow<'_, str>), UriError> {
    let (number, params) = rest.split_at(rest.find(';').unwrap_or(rest.len()));
    let bare: String = number.chars().filter(|c| !"-.()".contains(*c)).collect();
    let digits = bare.strip_prefix('+').unwrap_or(&bare);
    let digit = |octet: u8| octet.is_ascii_hexdigit() || b"*#".contains(&octet);
    if digits.is_empty() || !digits.bytes().all(digit) {
        return Err(UriError::Octet("number"));
    }
    Ok((bare, normal_params(params)?))
}

/// `host[:port]`, the host in lower case.
pub(super) fn split_host(text: &str) -> Result<(Cow<'_, str>, Option<u16>), UriError> {
    let (host, port) = cut_address(text);
    let port = port.map(parse_port);
    if let Some(inner) = host.strip_prefix('[') {
        let inner = inner.strip_suffix(']').ok_or(UriError::Host)?;
        let ip = parse_ipv6(inner).ok_or(UriError::Host)?;
        return Ok((format!("[{ip}]").into(), port.transpose()?));
    }
    let port = port.transpose();
    if host.is_empty() {
        return Err(UriError::Host);
    }
    if LOWER_HOST.holds(host) {
        return Ok((host.into(), port?));
    }
    if !HOST.holds(host) {
        return Err(UriError::Host);
    }
    Ok((host.to_ascii_lowercase().into(), port?))
}

/// The grammar of RFC 3261 wanted a third colon between `::` and a dotted end (RFC 5118 §4.10), so
/// that some peers write it; RFC 5954 §4.1 took it back.
fn parse_ipv6(text: &str) -> Option<Ipv6Addr> {
    if let Ok(ip) = text.parse() {
        return Some(ip);
    }
    let (head, dotted) = text.split_once(":::")?;
    if find(dotted, b'.').is_none() || find(dotted, b':').is_some() {
        return None;
    }
    [head, "::", dotted].concat().parse().ok()
}

/// Whether `text` is a host, and no port with it.
pub(crate) fn is_host(text: &str) -> bool {
    matches!(split_host(text), Ok((_, None)))
}

/// `text` with every octet that a user may not have escaped.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    text.bytes()
        .for_each(|octet| push_escaped(&mut escaped, octet, &USER));
    escaped
}

/// Host and port; what stands between a bracket and the colon belongs to neither, and is left with
/// the host, which is none by it.
fn cut_address(text: &str) -> (&str, Option<&str>) {
    let after = if text.starts_with('[') {
        text.find(']').unwrap_or(text.len())
    } else {
        0
    };
    match find(&text[after..], b':') {
        Some(colon) => (&text[..after + colon], Some(&text[after + colon + 1..])),
        None => (text, None),
    }
}

fn parse_port(text: &str) -> Result<u16, UriError> {
    match number(text, u64::from(u16::MAX)) {
        Some(port @ 1..) => Ok(port as u16),
        _ => Err(UriError::Port),
    }
}

/// Phones send what was dialled; `#` should have been escaped, and is from here on.
fn normal_user(user: &str) -> Result<Cow<'_, str>, UriError> {
    if user.is_empty() {
        return Err(UriError::Octet("user"));
    }
    if find(user, b'#').is_some() {
        let escaped = user.replace('#', "%23");
        return normal(&escaped, &USER, "user").map(|user| user.into_owned().into());
    }
    normal(user, &USER, "user")
}

/// A list of `;name[=value]`.
fn normal_params(params: &str) -> Result<Cow<'_, str>, UriError> {
    let normal = |text| normal(text, &PARAM, "parameters");
    let escaped = find(params, b'%').is_some();
    let mut joined = String::new();
    let mut rest = params.strip_prefix(';');
    while let Some(list) = rest {
        let (param, after) = cut(list, b';').map_or((list, None), |(one, rest)| (one, Some(rest)));
        rest = after;
        let (name, value) =
            cut(param, b'=').map_or((param, None), |(name, value)| (name, Some(value)));
        if name.is_empty() {
            return Err(UriError::Octet("parameters"));
        }
        let (name, value) = (normal(name)?, value.map(normal).transpose()?);
        if escaped {
            joined.extend([";", &name]);
            joined.extend(value.iter().flat_map(|value| ["=", value]));
        }
    }
    Ok(if escaped {
        joined.into()
    } else {
        params.into()
    })
}

/// Checks `text` and writes each escape in one form: unreserved octets plain, others with capital
/// digits. RFC 3261 §19.1.4 makes both forms equal.
fn normal<'a>(text: &'a str, class: &Class, place: &'static str) -> Result<Cow<'a, str>, UriError> {
    if class.holds(text) {
        return Ok(text.into());
    }
    let mut normal = String::with_capacity(text.len());
    let mut octets = text.bytes();
    while let Some(octet) = octets.next() {
        if octet != b'%' {
            if !class.has(octet) {
                return Err(UriError::Octet(place));
            }
            normal.push(octet as char);
            continue;
        }
        let mut digit = || octets.next().and_then(|digit| (digit as char).to_digit(16));
        let (Some(high), Some(low)) = (digit(), digit()) else {
            return Err(UriError::Octet(place));
        };
        push_escaped(&mut normal, (high * 16 + low) as u8, &UNRESERVED);
    }
    Ok(normal.into())
}

fn push_escaped(text: &mut String, octet: u8, plain: &Class) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    if plain.has(octet) {
        text.push(octet as char);
    } else {
        let (high, low) = (
            DIGITS[usize::from(octet >> 4)],
            DIGITS[usize::from(octet & 15)],
        );
        text.extend(['%', high as char, low as char]);
    }
}

pub(super) static SCHEME: Class = Class::alphanumeric(b"+-.");
static UNRESERVED: Class = Class::alphanumeric(MARK);
static USER: Class = Class::alphanumeric(MARK).and(b"&=+$,;?/");
static PASSWORD: Class = Class::alphanumeric(MARK).and(b"&=+$,");
/// Of names and values of parameters.
pub(super) static PARAM: Class = Class::alphanumeric(MARK).and(b"[]/:&+$");
static HEADER: Class = Class::alphanumeric(MARK).and(b"[]/?:+$=&");
/// Underscores are not in the grammar but in the names of many containers and machines.
pub(crate) static HOST: Class = Class::alphanumeric(HOST_MARK);
static LOWER_HOST: Class = Class::only(b"abcdefghijklmnopqrstuvwxyz0123456789").and(HOST_MARK);
const HOST_MARK: &[u8] = b"-._";
const MARK: &[u8] = b"-_.!~*'()";
