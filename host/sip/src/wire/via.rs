//! The Via header: who sent a message and where its answer goes. RFC 3261 §20.42, RFC 3581.
//!
//! Own type, because rsip's knows four transports and no IPv6.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use super::lex::{Lex, Why, is_token};
use super::params::Params;
use crate::uri::{host_ip, split_host};

/// One Via.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Via {
    transport: String,
    host: String,
    port: Option<u16>,
    params: Params,
}

impl Via {
    /// A Via of our own: sent-by is `address`, with `rport` and the branch.
    pub fn new(transport: &str, address: SocketAddr, branch: &str) -> Self {
        let host = match address.ip() {
            IpAddr::V4(ip) => ip.to_string(),
            IpAddr::V6(ip) => format!("[{ip}]"),
        };
        let mut params = Params::default();
        params.push("branch", Some(branch.to_owned()));
        params.push("rport", None);
        Self {
            transport: transport.to_owned(),
            host,
            port: Some(address.port()),
            params,
        }
    }

    /// The transport in capitals: `UDP`, `TCP`, or what the peer says.
    pub fn transport(&self) -> &str {
        &self.transport
    }

    /// The host of sent-by, in lower case, an IPv6 address with its brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port of sent-by, if given.
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// The branch; `None` in messages of RFC 2543.
    pub fn branch(&self) -> Option<&str> {
        self.params.get("branch")
    }

    /// Where the message really came from, if that was noted.
    pub fn received(&self) -> Option<IpAddr> {
        self.params.get("received").and_then(host_ip)
    }

    /// Whether the sender asked for the answer to go to its source port. RFC 3581 §3.
    pub fn wants_rport(&self) -> bool {
        self.params.contains("rport")
    }

    /// The source port, if that was noted.
    pub fn rport(&self) -> Option<u16> {
        self.params.get("rport").and_then(|port| port.parse().ok())
    }

    /// All parameters.
    pub fn params(&self) -> &Params {
        &self.params
    }

    /// Notes where the message came from: `received` if sent-by is not that address or `rport` was
    /// asked for, and the port into `rport`. What the peer claimed is overwritten.
    /// RFC 3261 §18.2.1, RFC 3581 §4.
    pub(crate) fn stamp(&mut self, source: SocketAddr) {
        let asked = self.wants_rport();
        if asked {
            self.params.set("rport", Some(&source.port().to_string()));
        }
        if asked || host_ip(&self.host) != Some(source.ip()) {
            self.params.set("received", Some(&source.ip().to_string()));
        } else {
            self.params.remove("received");
        }
    }

    /// One Via; `text` is one item of the list.
    pub(crate) fn parse(text: &str) -> Result<Self, Why> {
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
    pub(crate) fn parse_leniently(text: &str) -> Option<Self> {
        let mut lex = Lex::new(text);
        let mut via = Self::read_head(&mut lex).ok()?;
        via.params = Params::read(&mut lex).unwrap_or_default();
        Some(via)
    }

    fn read_head(lex: &mut Lex<'_>) -> Result<Self, Why> {
        let protocol = lex.token().ok_or("no protocol")?;
        let slash = lex.separator(b'/');
        lex.token().filter(|_| slash).ok_or("no version")?;
        let slash = lex.separator(b'/');
        let transport = lex.token().filter(|_| slash).ok_or("no transport")?;
        if !protocol.eq_ignore_ascii_case("SIP") {
            return Err("protocol is not sip");
        }
        lex.skip_blanks();
        let host = read_host(lex)?;
        let port = if lex.separator(b':') {
            lex.run(|c| c.is_ascii_digit())
        } else {
            ""
        };
        let text = if port.is_empty() {
            host.to_owned()
        } else {
            format!("{host}:{port}")
        };
        let (host, port) = split_host(&text).map_err(|_| "bad sent-by")?;
        let transport = transport.to_ascii_uppercase();
        Ok(Self {
            transport,
            host,
            port,
            params: Params::default(),
        })
    }
}

/// A name, an IPv4 address, or an IPv6 address with its brackets.
fn read_host<'a>(lex: &mut Lex<'a>) -> Result<&'a str, Why> {
    if lex.peek() != Some(b'[') {
        return Ok(lex.run(is_token));
    }
    lex.bracketed().ok_or("bad sent-by")
}

impl fmt::Display for Via {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SIP/2.0/{} {}", self.transport, self.host)?;
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        write!(f, "{}", self.params)
    }
}
