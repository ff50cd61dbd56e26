//! One connection: what comes is cut into messages for the shards, what waits is written.
//!
//! Reading and writing wait for each other in nothing: a peer that must first write before it reads is
//! served, and one that does either too slowly is cut.

use std::{sync::Arc, sync::atomic::Ordering, time::Duration};

use bytes::Bytes;
use control::placement::Placement;
use sip::{
    Flow,
    wire::{Frame, PONG},
};
use tokio::{
    net::TcpStream,
    sync::mpsc,
    time::{Instant, sleep, timeout, timeout_at},
};

use super::{
    End, Seat, Table,
    link::{self, Input, Output, Over},
};
use crate::{
    clock,
    guard::Door,
    shard::{MAILBOX, Mail},
    tls::Tls,
};

/// Messages that are written together.
const BATCH: usize = 64;
/// How long a connection waits until it looks again whether a mailbox has room.
const ROOM: Duration = Duration::from_millis(5);

/// How long everything may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// To make a connection, and to agree with its peer on how to speak.
    pub(super) connect: Duration,
    /// Until the first message of a peer that connected to us is there, all handshakes included.
    pub(super) first: Duration,
    /// From the begin of a later message to its end.
    pub(super) message: Duration,
    /// Until the peer has taken what we write at once.
    pub(super) taken: Duration,
    /// Without anything from the peer.
    pub(super) idle: Duration,
}

/// The ways to the shards.
#[derive(Clone)]
pub struct Mailboxes {
    /// Which Call-ID belongs to which shard.
    pub placement: Placement,
    /// By shard.
    pub shards: Vec<mpsc::Sender<Mail>>,
    /// Which sources are heard.
    pub door: Arc<Door>,
}

/// One connection to be served.
pub(super) struct Connection {
    pub(super) seat: Seat,
    /// Until its handshakes begin.
    pub(super) stream: Option<TcpStream>,
    /// Whether we made it; then nobody waits for the peer's first message.
    pub(super) is_ours: bool,
    pub(super) tls: Arc<Tls>,
    pub(super) table: Arc<Table>,
    pub(super) mailboxes: Mailboxes,
    pub(super) limits: Limits,
}

impl Mailboxes {
    /// Gives a message to its shard. The last quarter of a mailbox is not for the network; until there
    /// is room nothing more is read.
    async fn post(&self, flow: Flow, bytes: Bytes) {
        // Without a Call-ID any shard may answer; the first one does.
        let shard = sip::wire::scan_call_id(&bytes).map_or(0, |id| self.placement.shard_of(id));
        let mailbox = &self.shards[usize::from(shard)];
        while mailbox.capacity() < MAILBOX / 4 && !mailbox.is_closed() {
            sleep(ROOM).await;
        }
        let received = clock::instant();
        // A shard that has ended takes no calls.
        let _ = mailbox
            .send(Mail::Packet {
                flow,
                bytes,
                received,
            })
            .await;
    }

    /// Any shard may have calls on a connection.
    pub(super) async fn disconnected(&self, flow: Flow) {
        for mailbox in &self.shards {
            let _ = mailbox.send(Mail::Disconnected(flow)).await;
        }
    }
}

impl Connection {
    /// Serves it to its end.
    pub(super) async fn run(mut self) {
        let (flow, is_ours) = (self.seat.flow, self.is_ours);
        let first = Instant::now() + self.limits.first;
        let (end, is_known) = match self.agree(first).await {
            Ok((input, output)) => self.converse(input, output, first).await,
            Err(end) => (end, is_ours),
        };
        self.table.leave(flow, self.seat.id, end);
        if !is_ours {
            self.table.free(flow);
        }
        // Nobody has anything on a connection on which nothing came.
        if is_known {
            self.mailboxes.disconnected(flow).await;
        }
    }

    /// The handshakes.
    async fn agree(&mut self, first: Instant) -> Result<(Input, Output), End> {
        let Some(stream) = self.stream.take() else {
            return Err(End::Peer);
        };
        let due = if self.is_ours {
            Instant::now() + self.limits.connect
        } else {
            first
        };
        let agreed = link::agree(stream, self.seat.flow, self.is_ours, &self.tls);
        let agreed = tokio::select! {
            agreed = timeout_at(due, agreed) => agreed,
            Ok(end) = &mut self.seat.cut => return Err(end),
        };
        match agreed {
            Ok(Ok(link)) => Ok(link),
            Ok(Err(why)) => {
                self.tell(&why.to_string());
                Err(End::Handshake)
            }
            Err(_) => {
                self.tell("it took too long");
                Err(End::Handshake)
            }
        }
    }

    /// Somebody wanted a connection that we make, and wonders why calls fail. What others want of us
    /// may be anything.
    fn tell(&self, why: &str) {
        let Flow {
            transport, remote, ..
        } = self.seat.flow;
        if self.is_ours {
            tracing::warn!(%remote, ?transport, %why, "no connection");
        } else {
            tracing::debug!(%remote, ?transport, %why, "a handshake failed");
        }
    }

    /// Reads and writes to the end; whether anything whole came.
    async fn converse(&mut self, input: Input, output: Output, first: Instant) -> (End, bool) {
        let (flow, id) = (self.seat.flow, self.seat.id);
        let mut reader = Reader {
            flow,
            id,
            input,
            pongs: self.table.queue(flow),
            is_known: self.is_ours,
            is_ours: self.is_ours,
            table: Arc::clone(&self.table),
            mailboxes: self.mailboxes.clone(),
            limits: self.limits,
        };
        let (queue, table) = (&mut self.seat.queue, &self.table);
        let end = tokio::select! {
            end = reader.run(first) => end,
            end = write(output, queue, table, self.limits.taken) => end,
            Ok(end) = &mut self.seat.cut => end,
        };
        (end, reader.is_known)
    }
}

struct Reader {
    flow: Flow,
    id: u64,
    input: Input,
    pongs: Option<mpsc::Sender<Bytes>>,
    /// Whether a message came, or the connection is ours.
    is_known: bool,
    is_ours: bool,
    table: Arc<Table>,
    mailboxes: Mailboxes,
    limits: Limits,
}

impl Reader {
    async fn run(&mut self, first: Instant) -> End {
        let idle = self.limits.idle;
        let mut due = if self.is_known {
            Instant::now() + idle
        } else {
            first
        };
        let mut was_amid = false;
        loop {
            match timeout_at(due, self.input.receive()).await {
                Ok(Ok(())) => {}
                Ok(Err(over)) => return over.into(),
                Err(_) if !self.is_known => return End::Silent,
                Err(_) if was_amid => return End::Slow,
                Err(_) => return End::Idle,
            }
            let mut is_whole = false;
            loop {
                match self.input.poll() {
                    Ok(Some(frame)) => {
                        is_whole = true;
                        if !self.is_heard(&frame) {
                            return End::Unwanted;
                        }
                        if !self.take(frame).await {
                            return End::Behind;
                        }
                    }
                    Ok(None) => break,
                    Err(over) => return over.into(),
                }
            }
            let is_amid = self.input.is_amid();
            if self.is_known && (is_whole || is_amid != was_amid || !is_amid) {
                let patience = if is_amid { self.limits.message } else { idle };
                due = Instant::now() + patience;
            }
            was_amid = is_amid;
        }
    }

    /// Whom we called we listen to. A message that is dropped here would be missed for ever, so that
    /// the connection goes with it.
    fn is_heard(&self, frame: &Frame) -> bool {
        let message = matches!(frame, Frame::Message(_));
        self.is_ours || !message || self.mailboxes.door.lets_in(self.flow.remote.ip())
    }

    /// Whether there was room for what the peer wants.
    async fn take(&mut self, frame: Frame) -> bool {
        match frame {
            Frame::Message(bytes) => {
                if !self.is_known {
                    self.is_known = true;
                    self.table.speaks(self.flow, self.id);
                }
                let received = &self.table.traffic().received;
                received.fetch_add(1, Ordering::Relaxed);
                self.mailboxes.post(self.flow, bytes).await;
                true
            }
            Frame::Ping => {
                let pong = Bytes::from_static(PONG);
                let queue = self.pongs.as_ref();
                queue.is_none_or(|queue| queue.try_send(pong).is_ok())
            }
        }
    }
}

impl From<Over> for End {
    fn from(over: Over) -> Self {
        match over {
            Over::Ended => Self::Peer,
            Over::Garbage(why) => {
                tracing::debug!(%why, "a connection is cut");
                Self::Garbage
            }
        }
    }
}

async fn write(
    mut output: Output,
    queue: &mut mpsc::Receiver<Bytes>,
    table: &Table,
    patience: Duration,
) -> End {
    let mut messages = Vec::new();
    loop {
        let count = queue.recv_many(&mut messages, BATCH).await;
        if count == 0 {
            // Displaced: nobody can send any more, and the cut says why.
            return std::future::pending().await;
        }
        match timeout(patience, output.write(&messages)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return End::Peer,
            Err(_) => return End::Deaf,
        }
        messages.clear();
        table
            .traffic()
            .sent
            .fetch_add(count as u64, Ordering::Relaxed);
    }
}
