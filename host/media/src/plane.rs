//! The media plane of one shard: its ports, their routes, and what becomes of each packet.
//!
//! ```text
//!            Open
//!  (unknown) ────▶ Idle ◀──────────────────────────────┐ Unbridge, or Close of either
//!      ▲            │  Bridge                           │
//!      │            └──────▶ Relay(peer) ───────────────┤
//!      │                       └──Bridge──▶ Relay(other)┘
//!      └── Close (Closed), handle_bound(Err) (Failed) from every state
//! ```
//!
//! Owns ports and routes, latching, and the outbound stream of each port. Owns no socket: it asks
//! for one with [`Output::Bind`], and whoever drives it (the epoll loop or the simulator) answers
//! with [`Plane::handle_bound`]. Packets take the short way, `handle_packet`, which rewrites them
//! in place and says where they go; it allocates nothing. A port to which something is played has a turn
//! every 20 ms (`wheel`), whose packets are drained by `poll_packet`; it covers the route. Every port reports by RTCP
//! each 5 s (`reporting`), on the same way. Knows nothing of calls: `control` decides what is bridged to what.

mod ahead;
mod attendant;
mod chime;
mod confer;
pub mod ear;
mod inbound;
pub mod jitter;
mod keying;
mod latch;
mod mixer;
mod outbound;
mod outbox;
mod packer;
mod player;
mod port;
mod record;
mod reporting;
mod reports;
mod speak;
#[cfg(test)]
mod tests;
mod wheel;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Instant;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::command::{Command, Event, Family, Heard, PortId};
use crate::port_map::PortMap;
use crate::tape::{Blocks, TapeId, Word};
use crate::{limits, rtp};
use attendant::Attendants;
pub(crate) use inbound::Inbound;
use mixer::Mixer;
use outbox::Outbox;
use port::{Ended, Found, Port, Route};
use reporting::Agenda;
use wheel::Wheel;

/// What a plane may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Ports at one time. The next `Open` is answered with `Failed`.
    pub ports: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            ports: limits::PORTS,
        }
    }
}

/// What a plane wants of its driver.
#[derive(Debug)]
pub enum Output {
    /// Bind a socket for this port and answer with [`Plane::handle_bound`]. The second socket of a port,
    /// which [`PortId::is_rtcp`] tells, has the number above that of the first.
    Bind {
        /// Which port.
        port: PortId,
        /// Of this kind, if there is one.
        family: Family,
    },
    /// Close the socket of this port, if there is one.
    Unbind {
        /// Which port.
        port: PortId,
    },
    /// From now on only this peer is heard at this port, so the socket may refuse all others
    /// itself. The plane refuses them in any case: a driver that cannot may leave it.
    Connect {
        /// Which port.
        port: PortId,
        /// Whom it hears, and whom it sends to.
        peer: SocketAddr,
    },
    /// The socket of this port must take packets from everybody again: the peer may have moved.
    Disconnect {
        /// Which port.
        port: PortId,
    },
    /// Tell the recorder; without one, [`Plane::handle_tape_failed`].
    Tape(Word),
    /// Tell the owner of the calls.
    Event(Event),
}

/// A packet that is to be sent: the first `len` octets of the buffer that was handed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forward {
    /// From the socket of this port.
    pub via: PortId,
    /// To this address.
    pub to: SocketAddr,
    /// How many octets of the buffer.
    pub len: usize,
}

/// See the module's header.
#[derive(Debug)]
pub struct Plane {
    limits: Limits,
    /// Each in a box: so the map itself is small, and finding one mostly waits for no memory.
    ports: PortMap<Box<Port>>,
    outputs: VecDeque<Output>,
    wheel: Wheel,
    agenda: Agenda,
    outbox: Outbox,
    mixer: Mixer,
    /// Who plays into conferences and records them.
    attendants: Attendants,
    /// What came to its end in a tick, while the tick lasts.
    ended: Vec<(PortId, Ended)>,
    /// How many ports are one end of a bridge.
    relays: usize,
    /// How many ports are recorded.
    tapes: usize,
    blocks: Blocks,
    random: ChaCha8Rng,
}

impl Plane {
    /// An empty plane. The seed gives SSRCs and first sequence numbers and timestamps, which must
    /// be unpredictable (RFC 3550 §5.1): take it from the system's randomness.
    pub fn new(seed: [u8; 32], limits: Limits) -> Self {
        Plane {
            limits,
            ports: PortMap::default(),
            outputs: VecDeque::with_capacity(64),
            wheel: Wheel::default(),
            agenda: Agenda::default(),
            outbox: Outbox::default(),
            mixer: Mixer::default(),
            attendants: Attendants::default(),
            ended: Vec::new(),
            relays: 0,
            tapes: 0,
            blocks: Blocks::default(),
            random: ChaCha8Rng::from_seed(seed),
        }
    }

    /// Carries out a command.
    pub fn handle_input(&mut self, now: Instant, command: Command) {
        match command {
            Command::Open { port, family } => self.open(port, family),
            Command::Configure {
                port,
                agreed,
                signalling,
            } => {
                let state = self.ports.get_mut(&port);
                if state.is_some_and(|it| it.configure(now, agreed, signalling)) {
                    self.outputs.push_back(Output::Disconnect { port });
                }
                self.begin_reports(now, port);
            }
            Command::Bridge { a, b } => self.bridge(now, a, b),
            Command::Watch { port, patience } => self.watch(now, port, patience),
            Command::Listen { port, to_tones } => {
                if let Some(state) = self.ports.get_mut(&port) {
                    state.listen(to_tones);
                }
            }
            Command::Unbridge { port } => self.unbridge(port),
            Command::Play { port, play } => self.play(now, port, play),
            Command::StopPlay { port } => self.stop_play(now, port),
            Command::Confer { port, room, mode } => self.confer(now, port, &room, mode),
            Command::Leave { port } => self.leave(now, port),
            Command::Announce { port, room, play } => self.announce(now, port, room, play),
            Command::Overhear {
                port,
                room,
                operation,
                file,
                longest,
            } => self.overhear(now, TapeId { port, operation }, room, (file, longest)),
            Command::Key { port, keys } => self.key(now, port, &keys),
            Command::Record {
                port,
                operation,
                file,
            } => self.record(now, TapeId { port, operation }, file),
            Command::StopRecord { port } => self.stop_tape(now, port),
            Command::Close { port } => {
                self.stop_tape(now, port);
                self.close(now, port);
            }
        }
    }

    /// The driver's answer to [`Output::Bind`]: the address to put into SDP, or why there is none.
    pub fn handle_bound(&mut self, port: PortId, bound: Result<SocketAddr, String>) {
        if port.is_rtcp() {
            return self.bound_rtcp(port, bound.is_ok());
        }
        match (self.ports.get_mut(&port), bound) {
            (Some(_), Ok(addr)) => self.report(Event::Opened { port, addr }),
            (Some(_), Err(reason)) => {
                self.remove(port);
                self.report(Event::Failed { port, reason });
            }
            // Closed while it was being bound: the socket is not wanted any more.
            (None, Ok(_)) => self.outputs.push_back(Output::Unbind { port }),
            (None, Err(_)) => {}
        }
    }

    /// Takes a datagram that arrived at a port, and says what to send of it. What is to be protected comes
    /// by [`Plane::poll_packet`].
    pub fn handle_packet(
        &mut self,
        now: Instant,
        port: PortId,
        from: SocketAddr,
        datagram: &mut [u8],
    ) -> Option<Forward> {
        if port.is_rtcp() || rtp::is_rtcp(datagram) {
            self.take_rtcp(now, port, from, datagram);
            return None;
        }
        let receiver = self.ports.get_mut(&port)?;
        let mut arrival = receiver.receive(now, from, datagram)?;
        let route = receiver.route();
        receiver.hear(now, &arrival, datagram);
        if receiver.listens() {
            let outputs = &mut self.outputs;
            receiver.hear_tones(now, &mut arrival, datagram, |digit| {
                let how = Heard::Tones;
                outputs.push_back(Output::Event(Event::Digit { port, digit, how }));
            });
        }
        if receiver.is_taped() {
            let full = receiver.tape_said(now, &arrival, datagram, &mut self.blocks);
            self.outputs.extend(full);
        }
        if let Some(found) = arrival.found {
            self.found(port, from, found);
        }
        if let Some(digit) = arrival.digit {
            let how = Heard::Event;
            self.report(Event::Digit { port, digit, how });
        }
        match route {
            Route::Idle => None,
            Route::Relay(peer) => {
                let sender = self.ports.get_mut(&peer)?;
                #[cfg(feature = "opus")]
                if sender.recodes(&arrival) {
                    let mut taper = (now, &mut self.blocks, &mut self.outputs);
                    sender.recode(peer, &arrival, datagram, &mut self.outbox, &mut taper);
                    return None;
                }
                if sender.repacks(&arrival) {
                    let taper = &mut (now, &mut self.blocks, &mut self.outputs);
                    sender.repack(&arrival, datagram, peer, &mut self.outbox, taper);
                    return None;
                }
                let (to, len) = sender.send(now, &arrival, datagram)?;
                if sender.is_taped() {
                    let full = sender.tape_heard(now, &datagram[..len], &mut self.blocks);
                    self.outputs.extend(full);
                }
                let Some(sealer) = sender.sealer() else {
                    return Some(Forward { via: peer, to, len });
                };
                // It grows, so that it leaves by another buffer.
                self.outbox.push_whole(peer, to, &datagram[..len]);
                self.outbox.seal(sealer);
                None
            }
        }
    }

    /// The next thing to be done outside; drain until `None` after every `handle_*`.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// How many ports there are, open or being opened.
    pub fn ports(&self) -> usize {
        self.ports.len()
    }

    fn open(&mut self, port: PortId, family: Family) {
        if self.ports.contains_key(&port) {
            return; // the owner never uses an id again, so this is a repeated command
        }
        if port.is_rtcp() {
            let reason = "this port id is reserved".to_owned();
            return self.report(Event::Failed { port, reason });
        }
        if self.ports.len() >= self.limits.ports {
            let reason = format!("all {} media ports are in use", self.limits.ports);
            self.report(Event::Failed { port, reason });
            return;
        }
        self.ports
            .insert(port, Box::new(Port::new(&mut self.random)));
        self.outputs.push_back(Output::Bind { port, family });
    }

    fn bridge(&mut self, now: Instant, a: PortId, b: PortId) {
        if a == b || !self.ports.contains_key(&a) || !self.ports.contains_key(&b) {
            return;
        }
        if self.route(a) == Route::Relay(b) {
            return;
        }
        for port in [a, b] {
            self.unbridge(port);
            self.leave(now, port);
        }
        self.set_route(a, Route::Relay(b));
        self.set_route(b, Route::Relay(a));
    }

    fn unbridge(&mut self, port: PortId) {
        if let Route::Relay(peer) = self.route(port) {
            self.set_route(port, Route::Idle);
            self.set_route(peer, Route::Idle);
        }
    }

    fn close(&mut self, now: Instant, port: PortId) {
        self.say_goodbye(now, port);
        if let Some(closed) = self.remove(port) {
            self.outputs.push_back(Output::Unbind { port });
            self.report(Event::Closed {
                port,
                stats: closed.stats(),
            });
        }
    }

    fn remove(&mut self, port: PortId) -> Option<Box<Port>> {
        self.unbridge(port);
        self.part(port);
        self.unseat(port);
        self.ports.remove(&port)
    }

    /// The peer of a port has shown where it is.
    fn found(&mut self, port: PortId, from: SocketAddr, found: Found) {
        let peer = from;
        self.outputs.push_back(Output::Connect { port, peer });
        if found == Found::Elsewhere {
            self.report(Event::Latched { port, from });
        }
    }

    fn route(&self, port: PortId) -> Route {
        self.ports.get(&port).map_or(Route::Idle, |it| it.route())
    }

    fn set_route(&mut self, port: PortId, route: Route) {
        if let Some(state) = self.ports.get_mut(&port) {
            let is_relay = |route| usize::from(matches!(route, Route::Relay(_)));
            self.relays -= is_relay(state.route());
            self.relays += is_relay(route);
            state.set_route(route);
        }
    }

    fn report(&mut self, event: Event) {
        self.outputs.push_back(Output::Event(event));
    }
}
