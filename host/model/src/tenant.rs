//! A tenant's configuration as a shard sees it: an immutable snapshot, replaced whole.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    net::{IpAddr, SocketAddr},
    num::NonZeroU32,
    str::FromStr,
    sync::Arc,
    time::Duration,
};

use crate::{NumberId, PhoneId, PromptFile, Rollout, TenantId, Trunk, Voice};

/// A customer and all that its calls need to know.
#[derive(Clone, Debug)]
pub struct TenantConfig {
    /// Its id.
    pub id: TenantId,
    /// Its name.
    pub name: String,
    /// The domain of its bare numbers.
    pub domain: String,
    /// Its numbers, by number.
    pub numbers: BTreeMap<String, Number>,
    /// Its trunks, by id.
    pub trunks: Vec<Trunk>,
    /// Its phones, by user.
    pub phones: BTreeMap<String, Phone>,
    /// What proves who its registering phones are, by user.
    pub secrets: BTreeMap<String, Ha1>,
    /// Its active plugins, by name.
    pub plugins: BTreeMap<String, ActivePlugin>,
    /// What there is beside the active versions, by plugin; only for those that change over.
    pub rollouts: BTreeMap<String, Rollout>,
    /// Its prompts, by name.
    pub prompts: BTreeMap<String, PromptFile>,
    /// The plugin that answers requests.
    pub default_plugin: String,
    /// What happens to the calls of a session whose policy faulted.
    pub fault_policy: FaultPolicy,
    /// For how long a party that was heard may say nothing; none: as the node has it. Never longer than
    /// the node has it.
    pub media_timeout: Option<Duration>,
    /// Whether turns of its policies are recorded.
    pub records_turns: bool,
}

/// What happens to the calls of a session whose policy faulted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FaultPolicy {
    /// All calls are released with 500.
    #[default]
    Release,
    /// Bridges stay up; when one party hangs up the others are released.
    KeepTalking,
}

/// A telephone number and the plugin that it leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Number {
    /// Its id.
    pub id: NumberId,
    /// The number.
    pub number: String,
    /// The plugin.
    pub plugin: String,
}

/// How SIP travels to a peer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transport {
    /// Datagrams.
    #[default]
    Udp,
    /// A connection.
    Tcp,
    /// An encrypted connection.
    Tls,
    /// A WebSocket that the peer opened.
    Ws,
    /// The same, encrypted.
    Wss,
}

impl Transport {
    const ALL: [Self; 5] = [Self::Udp, Self::Tcp, Self::Tls, Self::Ws, Self::Wss];

    /// `udp`, `tcp`, `tls`, `ws` or `wss`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::Ws => "ws",
            Self::Wss => "wss",
        }
    }

    /// The port where none is given. RFC 3261 §19.1.2, RFC 7118 §5.2.
    pub fn port(self) -> u16 {
        match self {
            Self::Udp | Self::Tcp => 5060,
            Self::Tls => 5061,
            Self::Ws => 80,
            Self::Wss => 443,
        }
    }

    /// A transport over which we reach a peer at a fixed address: no WebSocket.
    pub fn to_address(text: &str) -> Result<Self, String> {
        let named = text.parse().ok();
        named
            .filter(|it| !matches!(it, Self::Ws | Self::Wss))
            .ok_or_else(|| "is none of \"udp\", \"tcp\" and \"tls\"".into())
    }
}

impl FromStr for Transport {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut all = Self::ALL.into_iter();
        let named = all.find(|it| it.as_str() == text);
        named.ok_or_else(|| format!("no transport: {text:?}"))
    }
}

/// Where SIP goes, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hop {
    /// How.
    pub transport: Transport,
    /// Where.
    pub address: SocketAddr,
    /// The name that its certificate must have, if it was found by one.
    pub name: Option<PeerName>,
}

/// The number of a name that a peer must prove to have (RFC 5922): whoever looks names up gives it, and
/// never twice while a process lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerName(pub NonZeroU32);

/// A SIP user agent of the tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Phone {
    /// Its id.
    pub id: PhoneId,
    /// Its user: the telephone number.
    pub user: String,
    /// The fixed address of a line; none for a phone that registers.
    pub address: Option<SocketAddr>,
    /// How calls go there, and come from there.
    pub transport: Transport,
    /// How its audio is.
    pub voice: Voice,
}

/// What a phone's password leaves: `H(user:realm:password)` in lower-case hex (RFC 7616 §3.4.2). Who
/// has it can speak for the phone, so that it is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Ha1 {
    md5: Box<str>,
    sha256: Box<str>,
}

impl Ha1 {
    /// From both digests, in lower-case hex.
    pub fn new(md5: &str, sha256: &str) -> Self {
        Self {
            md5: md5.into(),
            sha256: sha256.into(),
        }
    }

    /// By MD5.
    pub fn md5(&self) -> &str {
        &self.md5
    }

    /// By SHA-256.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }
}

impl fmt::Debug for Ha1 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ha1")
    }
}

/// A plugin and the version that new sessions begin with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActivePlugin {
    /// Its name.
    pub name: String,
    /// The version's number.
    pub version: u32,
    /// The component's digest, `sha256:…`.
    pub digest: String,
    /// The interfaces that it exports, such as `request-events`.
    pub exports: BTreeSet<String>,
    /// The tenant's settings for it.
    pub settings: Arc<BTreeMap<String, String>>,
}

impl TenantConfig {
    /// Every version that new sessions may begin with, or that runs along.
    pub fn versions(&self) -> impl Iterator<Item = &ActivePlugin> {
        let rollouts = self.rollouts.values();
        let beside = rollouts.flat_map(|it| {
            let trial = it.trial.as_ref().map(|trial| &trial.plugin);
            trial.into_iter().chain(&it.shadow)
        });
        self.plugins.values().chain(beside)
    }

    /// Whether the tenant may show `user` as calling party: its own numbers and phones.
    pub fn owns(&self, user: &str) -> bool {
        self.numbers.contains_key(user) || self.phones.contains_key(user)
    }
}

/// A block of IP addresses: `192.0.2.0/24`; a bare address is a block of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Prefix {
    address: IpAddr,
    length: u8,
}

impl Prefix {
    /// An address of the block, and how many of its bits all of them share.
    pub fn parts(&self) -> (IpAddr, u8) {
        (self.address, self.length)
    }

    /// Whether the block holds this address.
    pub fn contains(&self, ip: IpAddr) -> bool {
        match (self.address, ip.to_canonical()) {
            (IpAddr::V4(net), IpAddr::V4(ip)) => {
                let shift = 32 - u32::from(self.length);
                u64::from(net.to_bits()) >> shift == u64::from(ip.to_bits()) >> shift
            }
            (IpAddr::V6(net), IpAddr::V6(ip)) if self.length > 0 => {
                let shift = 128 - u32::from(self.length);
                net.to_bits() >> shift == ip.to_bits() >> shift
            }
            (IpAddr::V6(_), IpAddr::V6(_)) => true,
            _ => false,
        }
    }

    /// Whether two blocks share an address.
    pub fn overlaps(&self, other: &Prefix) -> bool {
        self.contains(other.address) && self.length <= other.length
            || other.contains(self.address) && other.length <= self.length
    }
}

impl FromStr for Prefix {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("not an address block such as 192.0.2.0/24: {text:?}");
        let (address, length) = text.split_once('/').unzip();
        let address: IpAddr = address.unwrap_or(text).parse().map_err(|_| wrong())?;
        let full = if address.is_ipv4() { 32 } else { 128 };
        let length = length.map_or(Ok(full), str::parse).map_err(|_| wrong())?;
        if length > full {
            Err(wrong())
        } else {
            Ok(Self { address, length })
        }
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.length)
    }
}

#[cfg(test)]
mod tests {
    use super::Prefix;

    #[test]
    fn a_block_holds_its_addresses() {
        let check = |block: &str, ip: &str, held: bool| {
            let block: Prefix = block.parse().unwrap();
            assert_eq!(block.contains(ip.parse().unwrap()), held, "{block} {ip}");
        };
        check("192.0.2.0/24", "192.0.2.255", true);
        check("192.0.2.0/24", "192.0.3.0", false);
        check("127.0.0.1", "127.0.0.1", true);
        check("127.0.0.1/32", "127.0.0.2", false);
        check("0.0.0.0/0", "203.0.113.7", true);
        check("0.0.0.0/0", "::1", false);
        check("2001:db8::/32", "2001:db8:1::1", true);
        check("::/0", "::1", true);
        check("192.0.2.0/24", "::ffff:192.0.2.1", true);
    }

    #[test]
    fn blocks_overlap_when_one_holds_the_other() {
        let overlap = |a: &str, b: &str| a.parse::<Prefix>().unwrap().overlaps(&b.parse().unwrap());
        assert!(overlap("10.0.0.0/8", "10.1.0.0/16"));
        assert!(overlap("10.1.0.0/16", "10.0.0.0/8"));
        assert!(!overlap("10.0.0.0/16", "10.1.0.0/16"));
    }

    #[test]
    fn what_is_no_block_is_named() {
        for text in ["", "x", "1.2.3.4/33", "::1/129", "1.2.3.4/-1"] {
            assert!(text.parse::<Prefix>().unwrap_err().contains(text), "{text}");
        }
    }
}
