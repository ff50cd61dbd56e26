//! Where the parts of the node are: which shard a packet belongs to, which plane a session, and which
//! socket a media port.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    time::{Duration, Instant},
};

use control::{Conferences, Meters, Shard, ShardConfig};
use control::{
    guard::{Guard, Settings},
    placement::Placement,
};
use media::{Family, Plane, PortId, plane::Limits};
use model::{SessionId, TrunkId};

use crate::{
    Options, Random,
    town::{NODE, NODE6},
};

/// The transports on which it listens.
const LISTENS: [sip::Transport; 5] = [
    sip::Transport::Udp,
    sip::Transport::Tcp,
    sip::Transport::Tls,
    sip::Transport::Ws,
    sip::Transport::Wss,
];

/// The node: its cores, and the sockets of its media.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) shards: Vec<Shard>,
    pub(crate) planes: Vec<Plane>,
    pub(crate) conferences: Conferences,
    /// Which sources it hears at all.
    pub(crate) guard: Guard,
    placement: Placement,
    /// Which plane a session's ports are on.
    media: Placement,
    ports: BTreeMap<PortId, Socket>,
    by_address: BTreeMap<SocketAddr, PortId>,
    last_port: u16,
}

/// The place of a media port.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Socket {
    pub(crate) shard: usize,
    pub(crate) plane: usize,
    pub(crate) address: Option<SocketAddr>,
    /// The only one that it hears, if it is connected.
    pub(crate) peer: Option<SocketAddr>,
}

impl Node {
    pub(crate) fn new(options: &Options, random: &mut Random, now: Instant) -> Self {
        let mut key = [0; 16];
        key.copy_from_slice(&random.seed()[..16]);
        let placement = Placement::new(key, options.shards);
        let digest_key = random.seed();
        let meters = Meters::default();
        let conferences = Conferences::new(usize::from(options.planes));
        let shard = |n| {
            Shard::new(ShardConfig {
                digest_key,
                node: 1,
                shard: n,
                placement,
                listener: NODE,
                sip: sip::Config {
                    listeners: sip::Listeners::new(
                        [NODE, NODE6]
                            .into_iter()
                            .flat_map(|at| LISTENS.map(|it| (it, at))),
                    ),
                    challenges: options.challenges,
                    session_expires: options.session_expires,
                    ..sip::Config::default()
                },
                meters: meters.clone(),
                conferences: conferences.clone(),
                srtp_in_clear: false,
                // As the server has it by default.
                media_timeout: Some(Duration::from_secs(60)),
                seed: random.seed(),
            })
        };
        let shards = (0..options.shards).map(shard).collect();
        let plane = |_| Plane::new(random.seed(), Limits::default());
        Self {
            shards,
            planes: (0..options.planes).map(plane).collect(),
            conferences,
            guard: Guard::new(Settings::default(), key, now),
            placement,
            media: Placement::new(key, options.planes),
            ports: BTreeMap::new(),
            by_address: BTreeMap::new(),
            last_port: 10_000,
        }
    }

    /// The shard of a SIP message; the first takes what has no Call-ID.
    pub(crate) fn shard_of(&self, message: &[u8]) -> usize {
        let call_id = sip::wire::scan_call_id(message);
        usize::from(call_id.map_or(0, |id| self.placement.shard_of(id)))
    }

    /// The shard that looks after a trunk.
    pub(crate) fn shard_of_trunk(&self, trunk: TrunkId) -> usize {
        usize::from(self.placement.shard_of_trunk(trunk))
    }

    pub(crate) fn plane_of(&self, session: SessionId) -> usize {
        usize::from(self.media.shard_of(session.to_string().as_bytes()))
    }

    /// A shard has asked for a port.
    pub(crate) fn ask_port(&mut self, port: PortId, shard: usize, plane: usize) {
        self.ports.insert(
            port,
            Socket {
                shard,
                plane,
                address: None,
                peer: None,
            },
        );
    }

    /// A socket for a port. Its second one is beside the first.
    pub(crate) fn bind(&mut self, port: PortId, family: Family) -> Option<SocketAddr> {
        if port.is_rtcp() {
            let first = self.socket(port.rtp())?;
            let mut address = first.address?;
            address.set_port(address.port() + 1);
            let second = Socket {
                address: Some(address),
                peer: None,
                ..first
            };
            self.ports.insert(port, second);
            self.by_address.insert(address, port);
            return Some(address);
        }
        let socket = self.ports.get_mut(&port)?;
        self.last_port += 2;
        let ip = match family {
            Family::V4 => NODE.ip(),
            Family::V6 => NODE6.ip(),
        };
        let address = SocketAddr::new(ip, self.last_port);
        socket.address = Some(address);
        self.by_address.insert(address, port);
        Some(address)
    }

    pub(crate) fn unbind(&mut self, port: PortId) {
        let address = self.ports.get_mut(&port).and_then(|s| s.address.take());
        if let Some(address) = address {
            self.by_address.remove(&address);
        }
    }

    /// Connects a socket to its peer, or to nobody.
    pub(crate) fn hear(&mut self, port: PortId, peer: Option<SocketAddr>) {
        if let Some(socket) = self.ports.get_mut(&port) {
            socket.peer = peer;
        }
    }

    pub(crate) fn socket(&self, port: PortId) -> Option<Socket> {
        self.ports.get(&port).copied()
    }

    pub(crate) fn port_at(&self, address: SocketAddr) -> Option<PortId> {
        self.by_address.get(&address).copied()
    }

    /// Sockets that are bound.
    pub(crate) fn sockets(&self) -> usize {
        self.by_address.len()
    }
}
