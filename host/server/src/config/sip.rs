//! `[sip]`: where signalling is served, and how TLS is spoken.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    ops::RangeInclusive,
    path::PathBuf,
};

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};
use sip::Transport;

use super::{duration, listen::Listen};
use crate::tls::{Files, Tls};

/// Seconds that a session may last without a refresh; the least is RFC 4028's.
const SESSIONS: RangeInclusive<u64> = 90..=86_400;

/// Signalling.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sip {
    /// UDP listeners. Port 0: a free one, which is printed.
    pub udp: Vec<Listen>,
    /// TCP listeners, in the same way; empty: none.
    pub tcp: Vec<Listen>,
    /// TLS listeners; they need a certificate.
    pub tls: Vec<Listen>,
    /// WebSocket listeners.
    pub ws: Vec<Listen>,
    /// The same with TLS; they need a certificate.
    pub wss: Vec<Listen>,
    /// Our certificate and those that lead to its root, as PEM; empty: none.
    pub tls_cert: PathBuf,
    /// Its key.
    pub tls_key: PathBuf,
    /// Roots of the certificates that those who connect by TLS must show; empty: they need none.
    pub tls_client_ca: PathBuf,
    /// Roots of the certificates of those to whom we connect; empty: the system's.
    pub tls_ca: PathBuf,
    /// What the certificate of a peer must say, by its address, where it is not the address itself.
    pub tls_names: BTreeMap<IpAddr, String>,
    /// What phones that register are asked for: `md5`, which all of them know, `sha-256`, or `both`.
    pub digest: Digest,
    /// After how long a call that nobody refreshed is over, as we ask for it (RFC 4028): `90s` to `24h`.
    pub session_expires: String,
    /// The address that peers shall use, where a listener names none; empty: the listener's own, or this
    /// machine's if that is unspecified. It is for the listeners of its family.
    pub external: String,
    /// The same for the listeners of IPv6, if `external` is of IPv4.
    pub external6: String,
    /// The DNS servers that are asked for names of gateways; empty: the system's.
    pub dns: Vec<SocketAddr>,
}

/// The algorithms that challenges offer.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
pub enum Digest {
    /// MD5 alone: phones that know nothing else fail when they are offered something else as well.
    #[default]
    #[serde(rename = "md5")]
    Md5,
    /// SHA-256 alone.
    #[serde(rename = "sha-256")]
    Sha256,
    /// Both, the better one first.
    #[serde(rename = "both")]
    Both,
}

impl From<Digest> for sip::Challenges {
    fn from(digest: Digest) -> Self {
        match digest {
            Digest::Md5 => Self::Md5,
            Digest::Sha256 => Self::Sha256,
            Digest::Both => Self::Both,
        }
    }
}

/// The port of SIP at every address.
fn everywhere() -> Listen {
    SocketAddr::from((Ipv4Addr::UNSPECIFIED, 5060)).into()
}

impl Default for Sip {
    fn default() -> Self {
        Self {
            udp: vec![everywhere()],
            tcp: vec![everywhere()],
            tls: Vec::new(),
            ws: Vec::new(),
            wss: Vec::new(),
            tls_cert: PathBuf::new(),
            tls_key: PathBuf::new(),
            tls_client_ca: PathBuf::new(),
            tls_ca: PathBuf::new(),
            tls_names: BTreeMap::new(),
            digest: Digest::default(),
            session_expires: "30m".into(),
            external: String::new(),
            external6: String::new(),
            dns: Vec::new(),
        }
    }
}

impl Sip {
    /// What can be said of it without binding a socket.
    pub fn check(&self) -> anyhow::Result<()> {
        for (transport, listener) in self.listeners() {
            let setting = transport.name().to_ascii_lowercase();
            listener.check().with_context(|| format!("sip.{setting}"))?;
            self.shown(listener.at.ip())?;
        }
        self.shown(Ipv6Addr::UNSPECIFIED.into())?;
        self.session_expires()?;
        self.security().map(drop)
    }

    /// Seconds after which a call that nobody refreshed is over.
    pub fn session_expires(&self) -> anyhow::Result<u32> {
        let expires = duration(&self.session_expires).context("sip.session_expires")?;
        let seconds = expires.as_secs();
        if !SESSIONS.contains(&seconds) {
            bail!("sip.session_expires: {expires:?} is not between 90s (RFC 4028 §5) and 24h");
        }
        Ok(seconds as u32)
    }

    /// All listeners.
    pub fn listeners(&self) -> impl Iterator<Item = (Transport, &Listen)> {
        let udp = self.udp.iter().map(|listener| (Transport::Udp, listener));
        udp.chain(self.streams())
    }

    /// Where connections are taken.
    pub fn streams(&self) -> impl Iterator<Item = (Transport, &Listen)> {
        let kinds = [
            (Transport::Tcp, &self.tcp),
            (Transport::Tls, &self.tls),
            (Transport::Ws, &self.ws),
            (Transport::Wss, &self.wss),
        ];
        kinds.into_iter().flat_map(|(transport, listeners)| {
            let of = move |listener| (transport, listener);
            listeners.iter().map(of)
        })
    }

    /// What peers shall use of a listener that is bound there.
    pub fn advertised(&self, listener: &Listen, local: SocketAddr) -> anyhow::Result<SocketAddr> {
        match listener.external {
            Some(external) => Ok(external.of(local.port())),
            None => Ok(SocketAddr::new(self.shown(local.ip())?, local.port())),
        }
    }

    /// What peers shall use instead of that address: the external one of its family, or this machine's
    /// if it is unspecified.
    pub fn shown(&self, address: IpAddr) -> anyhow::Result<IpAddr> {
        let first = named(&self.external).context("sip.external")?;
        let second = external(&self.external6, Ipv6Addr::UNSPECIFIED.into());
        let second = second.context("sip.external6")?;
        let mut named = first.into_iter().chain(second);
        let of_family = named.find(|it| it.is_ipv4() == address.is_ipv4());
        Ok(match of_family {
            Some(external) => external,
            None if address.is_unspecified() => own_address(address),
            None => address,
        })
    }

    /// Certificates and keys, as the files have them now.
    pub fn security(&self) -> anyhow::Result<Tls> {
        let named = |path: &PathBuf| Some(path.clone()).filter(|it| !it.as_os_str().is_empty());
        let files = Files {
            cert: named(&self.tls_cert),
            key: named(&self.tls_key),
            client_ca: named(&self.tls_client_ca),
            ca: named(&self.tls_ca),
        };
        let tls = Tls::load(files, &self.tls_names)?;
        let secure = self.streams().find(|it| it.0.is_secure());
        if let Some((transport, _)) = secure
            && !tls.has_certificate()
        {
            let setting = transport.name().to_ascii_lowercase();
            bail!("sip.{setting} needs sip.tls_cert and sip.tls_key");
        }
        Ok(tls)
    }
}

/// The address that a setting names, if it does; it must be of the family of `like`.
pub(super) fn external(text: &str, like: IpAddr) -> anyhow::Result<Option<IpAddr>> {
    let address = named(text)?;
    if address.is_some_and(|it| it.is_ipv4() != like.is_ipv4()) {
        bail!("not of the family of {like}: {text:?}");
    }
    Ok(address)
}

fn named(text: &str) -> anyhow::Result<Option<IpAddr>> {
    if text.is_empty() {
        return Ok(None);
    }
    let address = text
        .parse()
        .with_context(|| format!("not an IP address: {text:?}"))?;
    Ok(Some(address))
}

/// This machine's address towards the network, of the family of `like`, or loopback if it has none.
/// Sends nothing: connecting a UDP socket only asks the routing table.
fn own_address(like: IpAddr) -> IpAddr {
    let (bound, far, none): (IpAddr, IpAddr, IpAddr) = if like.is_ipv4() {
        let far = Ipv4Addr::new(192, 0, 2, 1);
        (like, far.into(), Ipv4Addr::LOCALHOST.into())
    } else {
        let far = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);
        (like, far.into(), Ipv6Addr::LOCALHOST.into())
    };
    let ask = || {
        let socket = UdpSocket::bind((bound, 0))?;
        socket.connect((far, 9))?;
        socket.local_addr()
    };
    ask().map_or(none, |addr| addr.ip())
}
