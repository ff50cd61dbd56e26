//! What an endpoint is told once, and what it can be asked at any time.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use super::Reached;
use crate::Uri;
use crate::digest::Algorithm;
use crate::event::{Flow, Transport};
use crate::limits;
use crate::transaction::TimerConfig;

/// What an endpoint is told at its start.
#[derive(Clone, Debug)]
pub struct Config {
    /// The user part of every Contact that we write.
    pub contact_user: String,
    /// For a listener's address, the address that peers shall use instead (behind NAT, or when
    /// bound to `0.0.0.0`). A listener that is not here is advertised as it is.
    pub advertised: BTreeMap<(Transport, SocketAddr), SocketAddr>,
    /// Through which of our listeners requests go whose next hop wants another transport than their
    /// dialog began with.
    pub listeners: Listeners,
    /// The value of Server and User-Agent; no CR, LF or NUL.
    pub product: String,
    /// Whether REGISTER is served, and the owner asked whom it believes ([`Event::Unproven`]).
    ///
    /// [`Event::Unproven`]: crate::Event::Unproven
    pub registrar: bool,
    /// Which proofs those who begin something are asked for.
    pub challenges: Challenges,
    /// The base values of all timers.
    pub timers: TimerConfig,
    /// Seconds after which a session that nobody refreshed is over, as we ask for it (RFC 4028 §4):
    /// 1,800.
    pub session_expires: u32,
    /// The shortest such time that we accept; 90, the least that RFC 4028 §5 allows.
    pub min_se: u32,
    /// Transactions alive at once, lingering ones included. Beyond it INVITEs, OPTIONS and
    /// re-INVITEs get 503 without state; BYE and CANCEL still pass, since they make room.
    pub max_transactions: usize,
    /// INVITE usages alive at once, lingering ones included. Beyond it INVITEs get 503 without
    /// state, and our own fail with 503.
    pub max_dialogs: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            contact_user: "jackfield".to_owned(),
            advertised: BTreeMap::new(),
            listeners: Listeners::default(),
            product: "Jackfield".to_owned(),
            registrar: false,
            challenges: Challenges::default(),
            timers: TimerConfig::default(),
            session_expires: 1_800,
            min_se: limits::MIN_SE,
            max_transactions: limits::TRANSACTIONS,
            max_dialogs: limits::DIALOGS,
        }
    }
}

/// The digest algorithms that a 401 offers. RFC 8760 §2.3 wants a client to pass over what it does not
/// know; many phones that are in use fail instead, whatever the order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Challenges {
    /// MD5 alone, which every phone knows.
    #[default]
    Md5,
    /// SHA-256 alone.
    Sha256,
    /// SHA-256, then MD5; where only one fits, MD5.
    Both,
}

impl Challenges {
    /// Whether an answer by that algorithm is one to what is offered.
    pub fn take(self, algorithm: Algorithm) -> bool {
        match self {
            Self::Md5 => algorithm == Algorithm::Md5,
            Self::Sha256 => algorithm == Algorithm::Sha256,
            Self::Both => true,
        }
    }

    /// Those of a challenge's two forms that are offered: SHA-256 is the first.
    pub(super) fn of(self, forms: &[String; 2]) -> &[String] {
        match self {
            Self::Md5 => &forms[1..],
            Self::Sha256 => &forms[..1],
            Self::Both => forms,
        }
    }
}

impl Config {
    /// The address of the listener of a flow as peers know it.
    pub(super) fn address(&self, flow: Flow) -> SocketAddr {
        let listener = (flow.transport, flow.local);
        self.advertised
            .get(&listener)
            .copied()
            .unwrap_or(flow.local)
    }

    /// Our Contact on the listener of a flow, in a dialog with that remote target. Who was asked for
    /// by sips answers so, if nobody could listen so far (RFC 3261 §12.1.1).
    pub(super) fn contact(&self, flow: Flow, target: &Uri) -> Uri {
        let uri = Uri::over(flow.transport, &self.contact_user, self.address(flow));
        if flow.transport.is_secure() && target.scheme() == "sips" {
            uri.secured()
        } else {
            uri
        }
    }
}

/// One listener of each transport and address family, where there is one. Cheap to clone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listeners(Arc<[(Transport, SocketAddr)]>);

impl Listeners {
    /// The first of each kind.
    pub fn new(all: impl IntoIterator<Item = (Transport, SocketAddr)>) -> Self {
        let mut first: Vec<(Transport, SocketAddr)> = Vec::new();
        for (transport, local) in all {
            let same = |it: &(Transport, SocketAddr)| {
                it.0 == transport && it.1.is_ipv4() == local.is_ipv4()
            };
            if !first.iter().any(same) {
                first.push((transport, local));
            }
        }
        Self(first.into())
    }

    /// The one through which that peer is reached.
    pub fn towards(&self, transport: Transport, peer: IpAddr) -> Option<SocketAddr> {
        let mut all = self.0.iter();
        let found = all.find(|it| it.0 == transport && it.1.is_ipv4() == peer.is_ipv4());
        found.map(|it| it.1)
    }
}

/// What an endpoint did not take, since its start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusals {
    /// Packets that are no message.
    pub broken: u64,
    /// Requests of strangers that call themselves scanners.
    pub scanners: u64,
    /// Requests that were refused without state, by status.
    pub requests: BTreeMap<u16, u64>,
    /// What found no room, ours included.
    pub reached: Reached,
}

/// What is alive in an endpoint: the leak invariant is that all of it is zero at rest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Client and server transactions, lingering ones included.
    pub transactions: usize,
    /// INVITE usages, those included of which only transactions linger.
    pub dialogs: usize,
    /// Running timers.
    pub timers: usize,
}
