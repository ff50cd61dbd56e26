//! Bytes to a message: one datagram, one pass over its lines, then the checks of RFC 3261 §25.
//!
//! Strict where two readers could disagree about what a message is (line ends, Content-Length,
//! repeated headers), tolerant where only its beauty suffers. Responses are checked for less: one
//! that is dropped for a bad Contact would leave its call ringing.

use bytes::Bytes;
use memchr::memrchr;

use super::addr::Address;
use super::error::{Fault, ParseError, Partial};
use super::headers::{Headers, Routing};
use super::lex::{Lex, TOKEN, Why, cut, find, number};
use super::message::{Message, Request, Response, StatusLine};
use super::method::Method;
use super::names::Name;
use super::section::Section;
use super::via::Via;
use crate::limits;
use crate::uri::{Uri, UriError};

/// Reads one datagram. Octets after the announced body are dropped (RFC 3261 §18.3), line ends
/// before the start line are skipped (§7.5). The body shares the memory of `bytes`.
pub fn parse(bytes: &Bytes) -> Result<Message, ParseError> {
    let blanks = bytes
        .iter()
        .take_while(|octet| matches!(octet, b'\r' | b'\n'))
        .count();
    if blanks == bytes.len() {
        return Err(ParseError::silent(Fault::KeepAlive));
    }
    let mut section = Section::read(&bytes[blanks..]);
    let headers = std::mem::take(&mut section.headers);
    let answerable = !is_response(section.start) && !section.start.starts_with(b"ACK ");
    // Made before anything is judged, and given away only with a fault.
    let partial = || {
        if answerable {
            Partial::new(&headers)
        } else {
            None
        }
    };
    let refuse = |fault| ParseError {
        fault,
        partial: partial(),
    };

    let start = start_line(section.start).map_err(refuse)?;
    if let Some(fault) = section.fault {
        return Err(refuse(fault));
    }
    let body = body(bytes, blanks + section.body_at, section.length).map_err(refuse)?;
    match start {
        Start::Response(line) => {
            let routing = Routing::read(&headers, |_, _| Ok(())).map_err(ParseError::silent)?;
            let headers = Headers::new(headers, routing);
            Ok(Message::Response(Response {
                line,
                headers,
                body,
            }))
        }
        Start::Request(method, uri) => {
            let check = |name, at| check_of_request(name, || headers.value(at));
            let routing = Routing::read(&headers, check).map_err(refuse)?;
            if routing.cseq.method != method {
                return Err(refuse(Fault::CSeqMismatch));
            }
            let headers = Headers::new(headers, routing);
            Ok(Message::Request(Request {
                method,
                uri,
                headers,
                body,
            }))
        }
    }
}

enum Start {
    Request(Method, Uri),
    Response(StatusLine),
}

fn start_line(line: &[u8]) -> Result<Start, Fault> {
    if is_response(line) {
        return status_line(&String::from_utf8_lossy(line)).map(Start::Response);
    }
    let line = std::str::from_utf8(line).map_err(|_| Fault::StartLine("not utf-8"))?;
    let (method, rest) = cut(line, b' ').ok_or(Fault::StartLine("no request-uri"))?;
    let blank = memrchr(b' ', rest.as_bytes()).ok_or(Fault::StartLine("no version"))?;
    let (uri, version) = (&rest[..blank], &rest[blank + 1..]);
    if method.is_empty() || !TOKEN.holds(method) {
        return Err(Fault::StartLine("bad method"));
    }
    check_version(version)?;
    if method.len() > limits::METHOD {
        return Err(Fault::TooLarge("method"));
    }
    if find(uri, b' ').is_some() {
        return Err(Fault::StartLine("blanks"));
    }
    let uri: Uri = uri.parse().map_err(Fault::RequestUri)?;
    if uri.headers().is_some() {
        return Err(Fault::RequestUri(UriError::Octet("headers")));
    }
    Ok(Start::Request(Method::from_token(method), uri))
}

fn is_response(line: &[u8]) -> bool {
    line.get(..4)
        .is_some_and(|start| start.eq_ignore_ascii_case(b"SIP/"))
}

fn status_line(line: &str) -> Result<StatusLine, Fault> {
    let (version, rest) = line.split_once(' ').ok_or(Fault::StartLine("no status"))?;
    check_version(version)?;
    // The blank before an empty phrase is required, and often forgotten.
    let (status, reason) = rest.split_once(' ').unwrap_or((rest, ""));
    match number(status, 699) {
        Some(code @ 100..) if status.len() == 3 && !reason.contains('\0') => {
            Ok(StatusLine::new(code as u16, reason))
        }
        _ => Err(Fault::StartLine("bad status")),
    }
}

/// `SIP/2.0` in any case: RFC 3261 §7.1.
fn check_version(version: &str) -> Result<(), Fault> {
    if version == "SIP/2.0" || version.eq_ignore_ascii_case("SIP/2.0") {
        return Ok(());
    }
    let numbers = version.get(4..).and_then(|numbers| numbers.split_once('.'));
    let other = numbers.is_some_and(|(major, minor)| {
        version[..4].eq_ignore_ascii_case("SIP/")
            && number(major, u64::MAX).is_some()
            && number(minor, u64::MAX).is_some()
    });
    Err(if other {
        Fault::Version
    } else {
        Fault::StartLine("bad version")
    })
}

fn body(bytes: &Bytes, at: usize, length: Option<usize>) -> Result<Bytes, Fault> {
    if bytes.len() > limits::MESSAGE {
        return Err(Fault::TooLarge("message"));
    }
    let octets = bytes.len() - at;
    match length {
        Some(length) if length > octets => Err(Fault::ShortBody),
        Some(length) => Ok(bytes.slice(at..at + length)),
        None => Ok(bytes.slice(at..)),
    }
}

/// What a request must have right beside the headers that route it.
fn check_of_request<'a>(name: Name, text: impl Fn() -> &'a str) -> Result<(), Fault> {
    let checked = match name {
        Name::Via => Via::parse(text()).map(drop),
        Name::MaxForwards => check_hops(text()),
        Name::Contact if text() == "*" => Ok(()),
        Name::Contact | Name::Route | Name::RecordRoute => Address::check_list(text()),
        Name::ContentType => check_media_type(text()),
        Name::Date => check_date(text()),
        _ => return Ok(()),
    };
    let name = name.as_str().unwrap_or("");
    checked.map_err(|why| Fault::Header { name, why })
}

fn check_hops(value: &str) -> Result<(), Why> {
    number(value, 255).map(drop).ok_or("not 0 to 255")
}

fn check_media_type(value: &str) -> Result<(), Why> {
    let mut lex = Lex::new(value);
    let kind = lex.token();
    let slash = lex.separator(b'/');
    let subtype = lex.token();
    if kind.is_some() && slash && subtype.is_some() {
        Ok(())
    } else {
        Err("not a media type")
    }
}

/// `Sat, 13 Nov 2010 23:29:00 GMT`: the zone is always GMT. RFC 3261 §20.17.
fn check_date(value: &str) -> Result<(), Why> {
    const SHAPE: &[u8; 29] = b"Aaa, 00 Aaa 0000 00:00:00 GMT";
    let fits = |(octet, shape): (u8, &u8)| match shape {
        b'0' => octet.is_ascii_digit(),
        b'A' | b'a' => octet.is_ascii_alphabetic(),
        literal => octet == *literal,
    };
    let formed = value.len() == SHAPE.len() && value.bytes().zip(SHAPE).all(fits);
    if formed {
        Ok(())
    } else {
        Err("not a date in GMT")
    }
}
