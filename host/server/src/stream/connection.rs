//! One connection: what comes is cut into messages for the shards, what waits is written.
//!
//! Reading and writing wait for each other in nothing: a peer that must first write before it reads is
//! served, and one that does either too slowly is cut.

use std::{io, sync::Arc, sync::atomic::Ordering, time::Duration};

use bytes::{Bytes, BytesMut};
use control::placement::Placement;
use sip::{
    Flow,
    wire::{Frame, Framer, PONG},
};
use tokio::{
    io::AsyncWriteExt,
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::mpsc,
    time::{Instant, sleep, timeout, timeout_at},
};

use super::{End, Seat, Table};
use crate::{
    clock,
    shard::{MAILBOX, Mail},
};

/// How much is read at once.
const READ: usize = 8 * 1024;
/// Messages that are written together.
const BATCH: usize = 64;
/// How long a connection waits until it looks again whether a mailbox has room.
const ROOM: Duration = Duration::from_millis(5);

/// How long everything may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// To make a connection.
    pub(super) connect: Duration,
    /// Until the first message of a peer that connected to us is there.
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
}

/// One connection to be served.
pub(super) struct Connection {
    pub(super) seat: Seat,
    pub(super) stream: TcpStream,
    /// Whether we made it; then nobody waits for the peer's first message.
    pub(super) is_ours: bool,
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
    pub(super) async fn run(self) {
        let Self {
            seat,
            stream,
            is_ours,
            table,
            mailboxes,
            limits,
        } = self;
        let (flow, id) = (seat.flow, seat.id);
        let (input, output) = stream.into_split();
        let mut reader = Reader {
            flow,
            id,
            input,
            pongs: table.queue(flow),
            is_known: is_ours,
            table: Arc::clone(&table),
            mailboxes: mailboxes.clone(),
            limits,
        };
        let end = tokio::select! {
            end = reader.run() => end,
            end = write(output, seat.queue, &table, limits.taken) => end,
            Ok(end) = seat.cut => end,
        };
        table.leave(flow, id, end);
        if !is_ours {
            table.free(flow);
        }
        // Nobody has anything on a connection on which nothing came.
        if reader.is_known {
            mailboxes.disconnected(flow).await;
        }
    }
}

struct Reader {
    flow: Flow,
    id: u64,
    input: OwnedReadHalf,
    pongs: Option<mpsc::Sender<Bytes>>,
    /// Whether a message came, or the connection is ours.
    is_known: bool,
    table: Arc<Table>,
    mailboxes: Mailboxes,
    limits: Limits,
}

impl Reader {
    async fn run(&mut self) -> End {
        let mut framer = Framer::new();
        let (first, idle) = (self.limits.first, self.limits.idle);
        let mut due = Instant::now() + if self.is_known { idle } else { first };
        let mut was_amid = false;
        loop {
            match timeout_at(due, receive(&self.input, &mut framer)).await {
                Ok(Ok(0) | Err(_)) => return End::Peer,
                Ok(Ok(_)) => {}
                Err(_) if !self.is_known => return End::Silent,
                Err(_) if was_amid => return End::Slow,
                Err(_) => return End::Idle,
            }
            let mut is_whole = false;
            loop {
                match framer.poll() {
                    Ok(Some(frame)) => {
                        is_whole = true;
                        if !self.take(frame).await {
                            return End::Behind;
                        }
                    }
                    Ok(None) => break,
                    Err(error) => {
                        tracing::debug!(%error, "a connection is cut");
                        return End::Garbage;
                    }
                }
            }
            let is_amid = framer.is_amid();
            if self.is_known && (is_whole || is_amid != was_amid || !is_amid) {
                let patience = if is_amid { self.limits.message } else { idle };
                due = Instant::now() + patience;
            }
            was_amid = is_amid;
        }
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

/// Reads what there is. Nothing is kept for a connection on which nothing comes.
async fn receive(input: &OwnedReadHalf, framer: &mut Framer) -> io::Result<usize> {
    loop {
        input.readable().await?;
        let mut octets = [0; READ];
        match input.try_read(&mut octets) {
            Ok(length) => {
                framer.push(&octets[..length]);
                return Ok(length);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
}

async fn write(
    mut output: OwnedWriteHalf,
    mut queue: mpsc::Receiver<Bytes>,
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
        let octets = match &messages[..] {
            [one] => one.clone(),
            all => {
                let mut octets = BytesMut::new();
                for message in all {
                    octets.extend_from_slice(message);
                }
                octets.freeze()
            }
        };
        messages.clear();
        match timeout(patience, output.write_all(&octets)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return End::Peer,
            Err(_) => return End::Deaf,
        }
        table
            .traffic()
            .sent
            .fetch_add(count as u64, Ordering::Relaxed);
    }
}
