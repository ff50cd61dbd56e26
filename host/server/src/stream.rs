//! SIP over connections: who listens, who is connected, and the way out for the shards.
//!
//! Accepting, connecting, reading and writing are tasks of the main runtime; shards only put messages
//! into bounded queues. What a peer may cost is bounded before it has said anything: how many
//! connections there are and how many of one source ([`table`]), how long each may be silent, slow or
//! deaf ([`connection`]). Each way in which a connection ends has a counter ([`End`]).
//!
//! | queue | full |
//! |---|---|
//! | messages to one peer, [`QUEUE`] | the connection is cut: a peer that does not keep up has lost its calls' state anyway |
//! | connections to be made, [`OPENS`] | the message fails as by a lost connection |
//! | a shard's mailbox | the connection is not read until there is room: the kernel holds up the peer |

mod connection;
mod end;
mod link;
mod table;
#[cfg(test)]
mod tests;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::Context;
use axum::serve::Listener;
use bytes::Bytes;
use sip::{Flow, Transport};
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    sync::mpsc,
    task::JoinSet,
    time::timeout,
};

pub use connection::Mailboxes;
use connection::{Connection, Limits};
pub use end::{End, Traffic};
use table::{Seat, Sent, Table};

use crate::{
    sockets,
    tls::{Certified, Tls},
};

/// Messages that wait for one peer.
const QUEUE: usize = 1_024;
/// Connections that wait to be made.
const OPENS: usize = 1_024;
/// Connections at once, if the process may have four times as many files.
const CONNECTIONS: usize = 16_384;

/// The way out: cheap to clone, never waits.
#[derive(Clone)]
pub struct Streams {
    table: Arc<Table>,
    opens: mpsc::Sender<Seat>,
}

/// The listeners and the tasks of all connections.
pub struct Service {
    listeners: Vec<Socket>,
    streams: Streams,
    opens: mpsc::Receiver<Seat>,
    limits: Limits,
    tls: Arc<Tls>,
}

/// A listener.
struct Socket {
    listener: TcpListener,
    transport: Transport,
    local: SocketAddr,
}

impl Service {
    /// Binds, but does not accept yet.
    pub fn bind(wanted: &[(Transport, SocketAddr)], tls: Tls) -> anyhow::Result<Self> {
        let mut listeners = Vec::new();
        for (transport, address) in wanted.iter().copied() {
            let setting = transport.name().to_ascii_lowercase();
            let listener = sockets::tcp(address)
                .with_context(|| format!("sip.{setting}: cannot listen on {address}"))?;
            let local = listener.local_addr()?;
            listeners.push(Socket {
                listener,
                transport,
                local,
            });
        }
        Ok(Self::with(listeners, most(), Limits::default(), tls))
    }

    fn with(listeners: Vec<Socket>, most: usize, limits: Limits, tls: Tls) -> Self {
        let (waiting, opens) = mpsc::channel(OPENS);
        let streams = Streams {
            table: Arc::new(Table::new(most)),
            opens: waiting,
        };
        Self {
            listeners,
            streams,
            opens,
            limits,
            tls: Arc::new(tls),
        }
    }

    /// The bound addresses.
    pub fn addresses(&self) -> Vec<(Transport, SocketAddr)> {
        let all = self.listeners.iter();
        all.map(|it| (it.transport, it.local)).collect()
    }

    /// The names that peers must prove to have.
    pub fn certified(&self) -> Certified {
        self.tls.certified().clone()
    }

    /// The way out.
    pub fn streams(&self) -> Streams {
        self.streams.clone()
    }

    /// Accepts, connects and serves until it is dropped.
    pub async fn run(self, mailboxes: Mailboxes) {
        let mut tasks = JoinSet::new();
        let way = Way {
            table: self.streams.table,
            mailboxes,
            limits: self.limits,
            tls: Arc::clone(&self.tls),
        };
        for socket in self.listeners {
            tasks.spawn(accept(socket, way.clone()));
        }
        tasks.spawn(self.tls.keep_fresh());
        tasks.spawn(open(self.opens, way));
        while tasks.join_next().await.is_some() {}
    }
}

impl Streams {
    /// Sends a message on the connection of that flow, or on a new one. `false`: it is lost, and the
    /// shard must be told that the connection is.
    pub fn send(&self, flow: Flow, bytes: Bytes) -> bool {
        match self.table.send(flow, bytes) {
            Sent::Queued => true,
            Sent::Refused => false,
            Sent::Open(seat) => match self.opens.try_send(seat) {
                Ok(()) => true,
                Err(error) => {
                    let seat = error.into_inner();
                    self.table.leave(seat.flow, seat.id, End::Unreachable);
                    false
                }
            },
        }
    }

    /// What went through, and what is there.
    pub fn traffic(&self) -> &Traffic {
        self.table.traffic()
    }

    /// Connections, and those of them that have not said anything whole.
    pub fn count(&self) -> (usize, usize) {
        self.table.count()
    }
}

/// What every connection needs.
#[derive(Clone)]
struct Way {
    table: Arc<Table>,
    mailboxes: Mailboxes,
    limits: Limits,
    tls: Arc<Tls>,
}

impl Way {
    fn connection(&self, seat: Seat, stream: TcpStream, is_ours: bool) -> Connection {
        // Small messages that answer each other: the wait for more would only delay them. A socket
        // that cannot be told so, or to look after its peer, works all the same.
        let _ = stream.set_nodelay(true);
        let _ = sockets::watch(&stream);
        Connection {
            seat,
            stream: Some(stream),
            is_ours,
            tls: Arc::clone(&self.tls),
            table: Arc::clone(&self.table),
            mailboxes: self.mailboxes.clone(),
            limits: self.limits,
        }
    }
}

/// Lets connections in. It never waits for one of them.
async fn accept(socket: Socket, way: Way) {
    let Socket {
        mut listener,
        transport,
        local,
    } = socket;
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            // Axum's accept waits a second when the process has no file left.
            (stream, remote) = Listener::accept(&mut listener) => {
                let flow = Flow { transport, local, remote, name: None, };
                if !way.mailboxes.door.lets_in(remote.ip()) {
                    way.table.refuse();
                    continue;
                }
                // Nobody who has no seat is told why.
                if let Some(seat) = way.table.admit(flow) {
                    connections.spawn(way.connection(seat, stream, false).run());
                }
            }
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
        }
    }
}

/// Makes the connections that shards want.
async fn open(mut opens: mpsc::Receiver<Seat>, way: Way) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            Some(seat) = opens.recv() => {
                let way = way.clone();
                connections.spawn(async move {
                    let made = timeout(way.limits.connect, connect(seat.flow)).await;
                    if let Ok(Ok(stream)) = made {
                        return way.connection(seat, stream, true).run().await;
                    }
                    way.table.leave(seat.flow, seat.id, End::Unreachable);
                    way.mailboxes.disconnected(seat.flow).await;
                });
            }
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
        }
    }
}

/// From the address that the peer expects us at, but from any port: the listener has its own.
async fn connect(flow: Flow) -> std::io::Result<TcpStream> {
    let socket = match flow.remote {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    if !flow.local.ip().is_unspecified() && flow.local.is_ipv4() == flow.remote.is_ipv4() {
        socket.bind(SocketAddr::new(flow.local.ip(), 0))?;
    }
    socket.connect(flow.remote).await
}

/// A quarter of the files that the process may have: media needs the rest.
fn most() -> usize {
    let files = crate::files::limit() / 4;
    usize::try_from(files)
        .unwrap_or(CONNECTIONS)
        .min(CONNECTIONS)
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            first: Duration::from_secs(10),
            message: Duration::from_secs(10),
            taken: Duration::from_secs(10),
            // A phone is known by its connection for as long as it is registered; a call without a word
            // ends before.
            idle: model::limits::BINDING_LONGEST + Duration::from_secs(15 * 60),
        }
    }
}
