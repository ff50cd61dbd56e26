//! A trunk: a SIP peer to the network, and its gateways.

use std::{fmt, net::SocketAddr, str::FromStr};

use crate::{HeaderNames, Prefix, Rewrite, Transport, TrunkId, Voice, limits};

/// The port of SIP without TLS (RFC 3261 §19.1.2).
const SIP_PORT: u16 = 5060;

/// A SIP peer to the network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trunk {
    /// Its id.
    pub id: TrunkId,
    /// Its name.
    pub name: String,
    /// Its first gateway, of priority 0 and weight 1.
    pub address: Peer,
    /// Its other gateways.
    pub others: Vec<Gateway>,
    /// How calls go to all of them.
    pub transport: Transport,
    /// Where calls from it come from.
    pub accept_from: Vec<Prefix>,
    /// Whether its P-Asserted-Identity and From are believed.
    pub trust_identity: bool,
    /// What may be dialled through it.
    pub prefixes: Vec<String>,
    /// Who we are, if it asks.
    pub auth: Option<Login>,
    /// How it is told where we are, if it wants to be.
    pub register: Option<Register>,
    /// Whether its gateways are checked, and how often.
    pub health: Option<Health>,
    /// How many calls it may have at one time on one node, either way.
    pub max_calls: Option<u32>,
    /// How many calls may begin in one second on one node, either way.
    pub calls_per_second: Option<u32>,
    /// How its audio is.
    pub voice: Voice,
    /// How it spells numbers.
    pub rewrite: Rewrite,
    /// Which headers of calls from it policies may see, beside those that all may.
    pub headers_in: HeaderNames,
    /// Which headers of the call that led to one through it go on to it; policies may set them as well.
    pub headers_out: HeaderNames,
}

/// How the gateways of a trunk are checked: by OPTIONS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Health {
    /// Seconds between two checks, [`limits::PROBE_SHORTEST`] to [`limits::PROBE_LONGEST`].
    pub interval: u32,
}

/// How we register with a carrier (RFC 3261 §10.2): it sends the calls of a user to our Contact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Register {
    /// Which user, and what proves that we are it.
    pub login: Login,
    /// Where its registrar is; none: at the gateways.
    pub registrar: Option<Peer>,
    /// For how many seconds we ask, [`limits::REGISTER_SHORTEST`] to [`limits::REGISTER_LONGEST`].
    pub expires: u32,
}

/// A user and its password at somebody else's. It must be kept as it is: what proves it depends on who
/// asks (RFC 7616 §3.4.2).
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// The user.
    pub user: String,
    /// The password.
    pub password: String,
}

/// Nobody is to read it in a log.
impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Login")
    }
}

/// One of several places where a trunk takes calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gateway {
    /// Where.
    pub peer: Peer,
    /// Those of a lower one are tried first.
    pub priority: u16,
    /// Of those with the same priority this share is tried first; 0: hardly ever (RFC 2782).
    pub weight: u16,
}

/// Where a SIP peer is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Peer {
    /// At an address.
    At(SocketAddr),
    /// Wherever the DNS says (RFC 3263).
    Named(String, Option<u16>),
}

impl Trunk {
    /// One that believes what its peer says of callers, and through which everything may be dialled by
    /// UDP; nothing is accepted from it.
    pub fn new(id: TrunkId, name: &str, address: impl Into<Peer>) -> Self {
        Self {
            id,
            name: name.to_owned(),
            address: address.into(),
            others: Vec::new(),
            transport: Transport::Udp,
            accept_from: Vec::new(),
            trust_identity: true,
            prefixes: vec![String::new()],
            auth: None,
            register: None,
            health: None,
            max_calls: None,
            calls_per_second: None,
            voice: Voice::default(),
            rewrite: Rewrite::default(),
            headers_in: HeaderNames::default(),
            headers_out: HeaderNames::default(),
        }
    }

    /// Whether called numbers come in another spelling than the tenant's.
    pub fn respells(&self) -> bool {
        !self.rewrite.inbound.called.is_empty()
    }

    /// All of its gateways: where, their priority and their weight.
    pub fn gateways(&self) -> impl Iterator<Item = (&Peer, u16, u16)> {
        let others = self.others.iter().map(|g| (&g.peer, g.priority, g.weight));
        std::iter::once((&self.address, 0, 1)).chain(others)
    }

    /// Its registrars, if we register with it: where, their priority and their weight.
    pub fn registrars(&self) -> impl Iterator<Item = (&Peer, u16, u16)> {
        let register = self.register.as_ref();
        let one = register.and_then(|register| register.registrar.as_ref());
        let gateways = self
            .gateways()
            .filter(move |_| register.is_some() && one.is_none());
        one.map(|peer| (peer, 0, 1)).into_iter().chain(gateways)
    }

    /// Whatever of it has an address: its gateways, and its registrar.
    pub fn peers(&self) -> impl Iterator<Item = &Peer> {
        let register = self.register.as_ref();
        let registrar = register.and_then(|register| register.registrar.as_ref());
        self.gateways().map(|(peer, ..)| peer).chain(registrar)
    }

    /// Who we are when it challenges a call: whom it is told for calls, else whom we register as.
    pub fn login(&self) -> Option<&Login> {
        let registered = self.register.as_ref().map(|register| &register.login);
        self.auth.as_ref().or(registered)
    }
}

impl Peer {
    /// The port, if it is told.
    pub fn port(&self) -> Option<u16> {
        match self {
            Self::At(address) => Some(address.port()),
            Self::Named(_, port) => *port,
        }
    }
}

impl From<SocketAddr> for Peer {
    fn from(address: SocketAddr) -> Self {
        Self::At(address)
    }
}

impl FromStr for Peer {
    type Err = &'static str;

    /// `192.0.2.1`, `[2001:db8::1]:5080`, `sip.example.com`, `sip.example.com:5080`. An address without
    /// port has that of SIP; a name without port is looked up for its services.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let with_port = |ip| SocketAddr::new(ip, SIP_PORT);
        let address = text.parse().or_else(|_| text.parse().map(with_port));
        if let Ok(address) = address {
            let ip = address.ip();
            if ip.is_unspecified() || ip.is_multicast() || address.port() == 0 {
                return Err("is not the address of one host and port");
            }
            return Ok(Self::At(address));
        }
        let wrong = "is not an address such as 192.0.2.1:5060 or a name such as sip.example.com";
        let (name, port) = match text.split_once(':') {
            Some((name, port)) => (name, Some(port.parse().map_err(|_| wrong)?)),
            None => (text, None),
        };
        if !is_name(name) || port == Some(0) {
            return Err(wrong);
        }
        Ok(Self::Named(name.to_ascii_lowercase(), port))
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At(address) => write!(f, "{address}"),
            Self::Named(name, Some(port)) => write!(f, "{name}:{port}"),
            Self::Named(name, None) => f.write_str(name),
        }
    }
}

/// A domain name of more than one label, the last of which is no number (RFC 1123 §2.1).
fn is_name(text: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let last = text.rsplit('.').next().unwrap_or_default();
    text.len() <= limits::DOMAIN
        && text.contains('.')
        && text.split('.').all(label)
        && !last.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::Peer;

    #[test]
    fn a_peer_is_an_address_or_a_name() {
        let check = |text: &str, shown: &str| {
            let peer: Peer = text.parse().unwrap();
            assert_eq!(peer.to_string(), shown, "{text}");
            assert_eq!(peer.to_string().parse(), Ok(peer), "{text}");
        };
        check("192.0.2.1", "192.0.2.1:5060");
        check("192.0.2.1:5080", "192.0.2.1:5080");
        check("2001:db8::1", "[2001:db8::1]:5060");
        check("[2001:db8::1]:5080", "[2001:db8::1]:5080");
        check("SIP.example.com", "sip.example.com");
        check("sip.example.com:5080", "sip.example.com:5080");
        for text in [
            "",
            "localhost",
            "sip.example.com:0",
            "sip.example.com:99999",
            "0.0.0.0",
            "224.0.0.1:5060",
            "192.0.2.1:0",
            "192.0.2.256",
            "-a.example",
            "a..example",
            "a.example.",
            "a b.example",
            "sip:a.example",
            "a.example;x",
            "[::]:5060",
        ] {
            assert!(text.parse::<Peer>().is_err(), "{text}");
        }
    }
}
