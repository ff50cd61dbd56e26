//! Where a name leads: RFC 3263 §4, as a search that asks and is answered, without a network.
//!
//! ```text
//!  a port is given ────────────────────────────────────────────┐
//!  NAPTR ──▶ SRV of the service that it names, or of ours ──▶ A, AAAA of each target ──▶ places
//!                                             └─ no SRV ──▶ A, AAAA of the name itself ──┘
//! ```
//!
//! The transport is known beforehand, so NAPTR only says under which name its services are. Owns the
//! order of questions and their limits; draws no lots: a place keeps its priority and weight.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};

use crate::event::Transport;
use crate::limits;

/// What is asked next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// The name.
    pub name: String,
    /// Of what kind its records shall be.
    pub kind: Kind,
}

/// A kind of records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Which services a domain has. RFC 3403.
    Naptr,
    /// Where a service is. RFC 2782.
    Srv,
    /// An IPv4 address.
    A,
    /// An IPv6 address.
    Aaaa,
}

/// One record of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// A service.
    Naptr {
        /// Lower ones first.
        order: u16,
        /// Among those of one order, lower ones first.
        preference: u16,
        /// `s` leads to an SRV name.
        flags: String,
        /// Such as `SIP+D2U`.
        service: String,
        /// The name that it leads to.
        replacement: String,
    },
    /// A target of a service.
    Srv {
        /// Lower ones first.
        priority: u16,
        /// The share among those of one priority.
        weight: u16,
        /// Where it listens.
        port: u16,
        /// Its name; `.`: there is no such service.
        target: String,
    },
    /// An address.
    Address(IpAddr),
}

/// The answer to a query; without records there are none of that kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// The records.
    pub records: Vec<Record>,
    /// For how many seconds it holds.
    pub ttl: u32,
}

/// One place to which a name leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Where.
    pub address: SocketAddr,
    /// Those of a lower one are tried first.
    pub priority: u16,
    /// The share among those of one priority.
    pub weight: u16,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located {
    /// Where the name leads, by priority; nowhere if it is not there.
    pub places: Vec<Place>,
    /// After how many seconds it is to be asked again.
    pub ttl: u32,
}

/// A search. Ask what [`query`](Self::query) says, give the [`answer`](Self::answer), until there is
/// nothing to ask; then [`finish`](Self::finish).
#[derive(Debug)]
pub struct Search {
    name: String,
    transport: Transport,
    stage: Stage,
    places: Vec<Place>,
    ttl: u32,
}

#[derive(Debug)]
enum Stage {
    Naptr,
    Srv(String),
    Hosts(VecDeque<Host>),
}

/// A name whose addresses are looked for.
#[derive(Debug)]
struct Host {
    name: String,
    kind: Kind,
    port: u16,
    priority: u16,
    weight: u16,
}

impl Search {
    /// For the places of a name that are reached over this transport; with a port only its addresses
    /// are asked for.
    pub fn new(name: &str, port: Option<u16>, transport: Transport) -> Self {
        let name = name.to_owned();
        let stage = match port {
            Some(port) => Stage::Hosts(hosts(&name, port, 0, 1).into()),
            None => Stage::Naptr,
        };
        Self {
            name,
            transport,
            stage,
            places: Vec::new(),
            ttl: limits::DNS_TTL_LONGEST,
        }
    }

    /// What is to be asked now; `None` when it is over.
    pub fn query(&self) -> Option<Query> {
        let (name, kind) = match &self.stage {
            Stage::Naptr => (&self.name, Kind::Naptr),
            Stage::Srv(name) => (name, Kind::Srv),
            Stage::Hosts(hosts) => hosts.front().map(|host| (&host.name, host.kind))?,
        };
        let name = name.clone();
        Some(Query { name, kind })
    }

    /// The answer to that query.
    pub fn answer(&mut self, answer: Answer) {
        if !answer.records.is_empty() {
            self.ttl = self.ttl.min(answer.ttl);
        }
        match &mut self.stage {
            Stage::Naptr => {
                let service = service(answer.records, self.transport);
                let ours = || format!("{}.{}", prefix(self.transport), self.name);
                self.stage = Stage::Srv(service.unwrap_or_else(ours));
            }
            Stage::Srv(_) => self.stage = Stage::Hosts(self.targets(answer.records)),
            Stage::Hosts(hosts) => {
                let Some(host) = hosts.pop_front() else {
                    return;
                };
                let ips = answer
                    .records
                    .into_iter()
                    .filter_map(|record| match record {
                        Record::Address(ip) => Some(ip),
                        Record::Naptr { .. } | Record::Srv { .. } => None,
                    });
                for ip in ips.filter(is_one_host).take(limits::DNS_ADDRESSES) {
                    self.places.push(Place {
                        address: SocketAddr::new(ip, host.port),
                        priority: host.priority,
                        weight: host.weight,
                    });
                }
            }
        }
    }

    /// What was found.
    pub fn finish(mut self) -> Located {
        self.places.sort_by_key(|place| place.priority);
        let least = limits::DNS_TTL_SHORTEST;
        // A name that leads nowhere may be one that is still being set up.
        let ttl = if self.places.is_empty() {
            least
        } else {
            self.ttl.max(least)
        };
        Located {
            places: self.places,
            ttl,
        }
    }

    /// The hosts of a service; without any, the name itself (RFC 3263 §4.2).
    fn targets(&self, records: Vec<Record>) -> VecDeque<Host> {
        let mut services: Vec<_> = records
            .into_iter()
            .filter_map(|record| match record {
                Record::Srv {
                    priority,
                    weight,
                    port,
                    target,
                } => Some((priority, weight, port, target)),
                Record::Naptr { .. } | Record::Address(_) => None,
            })
            .collect();
        if services.is_empty() {
            let port = if self.transport == Transport::Tls {
                5061
            } else {
                5060
            };
            return hosts(&self.name, port, 0, 1).into();
        }
        services.sort_by_key(|(priority, ..)| *priority);
        let there = |(_, _, port, target): &(u16, u16, u16, String)| {
            *port != 0 && !target.trim_end_matches('.').is_empty()
        };
        services.retain(there);
        let targets = services.into_iter().take(limits::DNS_TARGETS);
        targets
            .flat_map(|(priority, weight, port, target)| hosts(&target, port, priority, weight))
            .collect()
    }
}

/// A host is asked for its IPv4 addresses, then for its others.
fn hosts(name: &str, port: u16, priority: u16, weight: u16) -> [Host; 2] {
    [Kind::A, Kind::Aaaa].map(|kind| Host {
        name: name.to_owned(),
        kind,
        port,
        priority,
        weight,
    })
}

/// The SRV name of the first service that is ours.
fn service(records: Vec<Record>, transport: Transport) -> Option<String> {
    let wanted = match transport {
        Transport::Udp => "SIP+D2U",
        Transport::Tcp => "SIP+D2T",
        Transport::Tls => "SIPS+D2T",
        Transport::Ws => "SIP+D2W",
        Transport::Wss => "SIPS+D2W",
    };
    let ours = records.into_iter().filter_map(|record| match record {
        Record::Naptr {
            order,
            preference,
            flags,
            service,
            replacement,
        } if flags.eq_ignore_ascii_case("s") && service.eq_ignore_ascii_case(wanted) => {
            Some((order, preference, replacement))
        }
        _ => None,
    });
    ours.min().map(|(_, _, name)| name)
}

fn prefix(transport: Transport) -> &'static str {
    match transport {
        Transport::Udp => "_sip._udp",
        Transport::Tcp => "_sip._tcp",
        Transport::Tls => "_sips._tcp",
        Transport::Ws => "_sip._ws",
        Transport::Wss => "_sips._wss",
    }
}

/// Whoever owns a zone says where our messages go: to one host, and not to every one.
fn is_one_host(ip: &IpAddr) -> bool {
    !ip.is_unspecified() && !ip.is_multicast()
}

#[cfg(test)]
mod tests;
