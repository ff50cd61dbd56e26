//! One listener, as it is written: `"0.0.0.0:5060"`, or with the address that its peers shall use,
//! `{ listen = "10.0.0.1:5060", external = "203.0.113.7" }`.
//!
//! Owns how that is read and what is wrong with it.

use std::{fmt, net::IpAddr, net::SocketAddr, str::FromStr};

use anyhow::bail;
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{Error, MapAccess, Visitor, value::MapAccessDeserializer},
};

/// A listener.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(into = "Written")]
pub struct Listen {
    /// Where it listens. Port 0: a free one, which is printed.
    pub at: SocketAddr,
    /// What peers shall use instead; none: what `[sip] external` says.
    pub external: Option<External>,
}

/// An address in front of a listener; without a port it has the listener's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct External {
    ip: IpAddr,
    port: Option<u16>,
}

impl Listen {
    /// What can be said of it by itself.
    pub fn check(&self) -> anyhow::Result<()> {
        if matches!(self.at, SocketAddr::V6(at) if at.scope_id() != 0) {
            bail!("{} has a zone, which means nothing to peers", self.at);
        }
        match self.external {
            Some(External { ip, .. }) if ip.is_ipv4() != self.at.is_ipv4() => {
                bail!(
                    "the external address of {} is not of its family: {ip}",
                    self.at
                );
            }
            _ => Ok(()),
        }
    }
}

impl External {
    /// What peers use of a listener that is bound to this port.
    pub fn of(self, port: u16) -> SocketAddr {
        SocketAddr::new(self.ip, self.port.unwrap_or(port))
    }
}

impl From<SocketAddr> for Listen {
    fn from(at: SocketAddr) -> Self {
        let external = None;
        Self { at, external }
    }
}

impl FromStr for External {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!("external is not an address such as 203.0.113.7 or 203.0.113.7:5060: {text:?}")
        };
        let (ip, port) = if let Ok(address) = text.parse::<SocketAddr>() {
            (address.ip(), Some(address.port()))
        } else {
            (text.parse().map_err(|_| wrong())?, None)
        };
        if ip.is_unspecified() || ip.is_multicast() || port == Some(0) {
            return Err(format!(
                "external is not the address of one host and port: {text:?}"
            ));
        }
        Ok(Self { ip, port })
    }
}

/// As in the file.
#[derive(Serialize)]
#[serde(untagged)]
enum Written {
    At(SocketAddr),
    Table {
        listen: SocketAddr,
        external: String,
    },
}

impl From<Listen> for Written {
    fn from(Listen { at, external }: Listen) -> Self {
        match external {
            None => Self::At(at),
            Some(External { ip, port }) => Self::Table {
                listen: at,
                external: port.map_or(ip.to_string(), |port| SocketAddr::new(ip, port).to_string()),
            },
        }
    }
}

/// The long form.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    listen: SocketAddr,
    external: String,
}

impl<'de> Deserialize<'de> for Listen {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Reader)
    }
}

/// Tells the two forms apart, so that a mistake in one is not called a mistake in both.
struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Listen;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"ADDRESS:PORT\" or { listen = \"ADDRESS:PORT\", external = \"ADDRESS\" }")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Listen, E> {
        let at: SocketAddr = text
            .parse()
            .map_err(|_| E::custom(format!("not an address such as 0.0.0.0:5060: {text:?}")))?;
        Ok(at.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Listen, A::Error> {
        let Table { listen, external } = Table::deserialize(MapAccessDeserializer::new(map))?;
        let external = Some(external.parse().map_err(A::Error::custom)?);
        Ok(Listen {
            at: listen,
            external,
        })
    }
}
