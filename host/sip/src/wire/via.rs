//! The Via header: who sent a message and where its answer goes. RFC 3261 §20.42, RFC 3581.
//!
//! Own type, because rsip's knows four transports and no IPv6. A view of the header's text: it is
//! looked at a few times and repeated as it stands.

use std::fmt::{self, Write as _};
use std::net::{IpAddr, SocketAddr};

use super::lex::{DIGIT, Lex, Why};
use super::params::Params;
use crate::uri::{HOST, host_ip, is_host};

/// One Via.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Via<'a> {
    /// All before the parameters.
    head: &'a str,
    transport: &'a str,
    host: &'a str,
    port: Option<u16>,
    params: Params<'a>,
}

impl<'a> Via<'a> {
    /// The text of a Via of our own: sent-by is `address`, with `rport` and the branch.
    pub fn text(transport: &str, address: SocketAddr, branch: &str) -> String {
        let mut text = String::with_capacity(96);
        // Writing into a String cannot fail. IPv6 gets its brackets.
        let _ = write!(text, "SIP/2.0/{transport} {address};branch={branch};rport");
        text
    }

    /// The transport: `UDP`, `TCP`, or what the peer says, in its letters.
    pub fn transport(self) -> &'a str {
        self.transport
    }

    /// The host of sent-by, an IPv6 address with its brackets, in the peer's letters.
    pub fn host(self) -> &'a str {
        self.host
    }

    /// The port of sent-by, if given.
    pub fn port(self) -> Option<u16> {
        self.port
    }

    /// The branch; `None` in messages of RFC 2543.
    pub fn branch(self) -> Option<&'a str> {
        self.params.get("branch")
    }

    /// Where the message really came from, if that was noted.
    pub fn received(self) -> Option<IpAddr> {
        self.params.get("received").and_then(host_ip)
    }

    /// Whether the sender asked for the answer to go to its source port. RFC 3581 §3.
    pub fn wants_rport(self) -> bool {
        self.params.contains("rport")
    }

    /// The source port, if that was noted.
    pub fn rport(self) -> Option<u16> {
        self.params.get("rport").and_then(|port| port.parse().ok())
    }

    /// All parameters.
    pub fn params(self) -> Params<'a> {
        self.params
    }

    /// The text with a note of where the message came from: `received` if sent-by is not that
    /// address or `rport` was asked for, and the port into `rport`. What the peer claimed is
    /// overwritten. RFC 3261 §18.2.1, RFC 3581 §4.
    pub(crate) fn stamped(self, source: SocketAddr) -> String {
        let asked = self.wants_rport();
        let received = asked || host_ip(self.host) != Some(source.ip());
        let mut text = String::with_capacity(self.head.len() + self.params.octets() + 64);
        text.push_str(self.head);
        let mut is_noted = false;
        // Writing into a String cannot fail.
        for (name, value) in self.params.iter() {
            let is = |known: &str| name.eq_ignore_ascii_case(known);
            if is("rport") {
                let _ = write!(text, ";{name}={}", source.port());
            } else if is("received") {
                if received && !is_noted {
                    let _ = write!(text, ";{name}={}", source.ip());
                }
                is_noted = true;
            } else {
                Params::push(&mut text, name, value);
            }
        }
        if received && !is_noted {
            let _ = write!(text, ";received={}", source.ip());
        }
        text
    }

    /// One Via; `text` is one item of the list.
    pub(crate) fn parse(text: &'a str) -> Result<Self, Why> {
        let mut lex = Lex::new(text);
        let mut via = Self::read_head(&mut lex)?;
        via.params = Params::read(&mut lex)?;
        lex.skip_blanks();
        if lex.is_empty() {
            Ok(via)
        } else {
            Err("text after the parameters")
        }
    }

    /// Whatever can be read of a broken Via, so that its sender gets an answer.
    pub(crate) fn parse_leniently(text: &'a str) -> Option<Self> {
        let mut lex = Lex::new(text);
        let mut via = Self::read_head(&mut lex).ok()?;
        via.params = Params::read(&mut lex).unwrap_or_default();
        Some(via)
    }

    fn read_head(lex: &mut Lex<'a>) -> Result<Self, Why> {
        let text = lex.rest();
        if lex.skip("SIP/2.0/") {
            lex.skip_blanks();
        } else {
            read_protocol(lex)?;
        }
        let transport = lex.token().ok_or("no transport")?;
        lex.skip_blanks();
        let host = read_host(lex)?;
        let port = if lex.separator(b':') {
            read_port(lex.run(&DIGIT))?
        } else {
            None
        };
        Ok(Self {
            head: &text[..text.len() - lex.rest().len()],
            transport,
            host,
            port,
            params: Params::default(),
        })
    }
}

/// `SIP / any / ` with blanks anywhere: all that stands before the transport.
fn read_protocol(lex: &mut Lex<'_>) -> Result<(), Why> {
    let protocol = lex.token().ok_or("no protocol")?;
    let slash = lex.separator(b'/');
    lex.token().filter(|_| slash).ok_or("no version")?;
    if !lex.separator(b'/') {
        return Err("no transport");
    }
    if protocol.eq_ignore_ascii_case("SIP") {
        Ok(())
    } else {
        Err("protocol is not sip")
    }
}

/// A name, an IPv4 address, or an IPv6 address with its brackets.
fn read_host<'a>(lex: &mut Lex<'a>) -> Result<&'a str, Why> {
    let host = if lex.peek() == Some(b'[') {
        lex.bracketed().filter(|host| is_host(host))
    } else {
        Some(lex.run(&HOST)).filter(|host| !host.is_empty())
    };
    host.ok_or("bad sent-by")
}

/// Peers write the colon and no port; that is the same as neither.
fn read_port(digits: &str) -> Result<Option<u16>, Why> {
    if digits.is_empty() {
        return Ok(None);
    }
    let port = digits.parse().ok().filter(|&port| port != 0);
    port.map(Some).ok_or("bad sent-by")
}

impl fmt::Display for Via<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.head, self.params)
    }
}
