//! Where a shard's outputs go: sockets, media shards, and the writers of records.
//!
//! Nothing here waits but a shard's last outputs. A full queue loses what it must and counts it:
//!
//! | queue | full |
//! |---|---|
//! | another shard's mailbox | the message is lost and counted; SIP repeats it |
//! | a socket's send buffer | the datagram is lost; SIP repeats it |
//! | a connection's messages | see [`stream`](crate::stream) |
//! | a media shard's commands | they wait in a [`Backlog`]; if that is full too, the port fails and its call ends with 503 |
//! | CDRs | the call that waits ends with 503 after 2 s; open rows are closed at the next start |
//! | rows of recordings | lost and counted; the next start names their files |
//! | traces and logs | lost and counted |
//! | REGISTERs | refused with 503 and counted |
//! | another shard's mailbox | news is lost and counted: of a gateway, which the next check brings again, or of a wrong password |

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use bytes::Bytes;
use control::{News, Output, TenantLog, Ticket, registrar::Registration};
use model::{Cdr, RecordingState, SessionId, TenantId, Trace};
use sip::{Flow, Transport};
use store::{RecordingChange, ShadowTally};
use tokio::{
    sync::{Notify, mpsc},
    time::{Instant, timeout_at},
};

use crate::{
    backlog::Backlog, guard::Door, registrar::Job, shard::Mail, stream::Streams, udp::Sender,
};

/// A row to be written, and who waits for it.
pub struct CdrJob {
    /// The row.
    pub cdr: Box<Cdr>,
    /// The shard to be told.
    pub shard: u8,
    /// With this ticket.
    pub ticket: Ticket,
}

impl CdrJob {
    /// Whether two people wait for it: the row tells that a call was answered.
    pub fn is_urgent(&self) -> bool {
        self.cdr.answer.is_some() && self.cdr.end_reason.is_none()
    }
}

/// What is kept of a session beside CDRs.
pub enum Record {
    /// Its trace.
    Trace(Box<Trace>),
    /// Lines for the tenant.
    Log(Box<TenantLog>),
    /// What a shadow has shown.
    Shadow {
        /// Whose.
        tenant: TenantId,
        /// Of which plugin.
        plugin: String,
        /// Its version.
        version: u32,
        /// How much.
        tally: ShadowTally,
    },
}

/// How much was lost because a queue was full.
#[derive(Debug, Default)]
pub struct Losses {
    /// Commands for media shards.
    pub media: AtomicU64,
    /// CDRs.
    pub cdrs: AtomicU64,
    /// Rows of recordings.
    pub recordings: AtomicU64,
    /// Traces and log lines.
    pub records: AtomicU64,
    /// REGISTERs, which were refused with 503.
    pub registers: AtomicU64,
    /// SIP messages from shard to shard.
    pub siblings: AtomicU64,
    /// What shards were to know of each other.
    pub news: AtomicU64,
    /// Turns that are not recorded.
    pub turns: AtomicU64,
    /// Turns that no shadow ran.
    pub shadows: AtomicU64,
    /// Prompts that were not read for a call, because too many were.
    pub prompts: AtomicU64,
}

impl Losses {
    /// Logs them, if there were any.
    pub fn tell(&self) {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let (media, cdrs, records) = (of(&self.media), of(&self.cdrs), of(&self.records));
        let (siblings, turns, shadows) = (of(&self.siblings), of(&self.turns), of(&self.shadows));
        let recordings = of(&self.recordings);
        if media + cdrs + recordings + records + siblings + turns + shadows > 0 {
            tracing::warn!(
                media,
                cdrs,
                recordings,
                records,
                siblings,
                turns,
                shadows,
                "queues were full, or the node ended before they were empty: this much was lost"
            );
        }
    }
}

/// The queues of the writers, for whoever counts what waits there: that does not keep the writers from their end.
#[derive(Clone)]
pub struct Queued {
    /// That of CDRs.
    pub cdrs: mpsc::WeakSender<CdrJob>,
    /// That of rows of recordings.
    pub recordings: mpsc::WeakSender<RecordingChange>,
    /// That of traces and logs.
    pub records: mpsc::WeakSender<Record>,
    /// That of bindings.
    pub registers: mpsc::WeakSender<Job>,
}

/// Where the outputs of one shard go.
#[derive(Clone)]
pub struct Outlets {
    /// This shard.
    pub shard: u8,
    /// The mailboxes of all shards.
    pub shards: Vec<mpsc::WeakSender<Mail>>,
    /// The sending sides of the listeners.
    pub sockets: Vec<Sender>,
    /// The connections.
    pub streams: Streams,
    /// The media shards.
    pub media: Vec<media::io::Handle>,
    /// What waits for each of them.
    pub backlogs: Vec<Backlog>,
    /// The writer of CDRs.
    pub cdrs: mpsc::Sender<CdrJob>,
    /// Wakes it for a row that somebody waits for: it sleeps while others gather.
    pub urgent: Arc<Notify>,
    /// The writer of rows of recordings: one begins, or its file is whole or has failed.
    pub recordings: mpsc::Sender<RecordingChange>,
    /// The writer of traces and logs.
    pub records: mpsc::Sender<Record>,
    /// The writer of bindings.
    pub registers: mpsc::Sender<Job>,
    /// Counters.
    pub losses: Arc<Losses>,
    /// Which sources are heard.
    pub door: Arc<Door>,
}

impl Outlets {
    /// The same for another shard.
    pub fn of(&self, shard: u8) -> Self {
        let mut outlets = self.clone();
        outlets.shard = shard;
        outlets
    }

    /// The writers' queues.
    pub fn queued(&self) -> Queued {
        Queued {
            cdrs: self.cdrs.downgrade(),
            recordings: self.recordings.downgrade(),
            records: self.records.downgrade(),
            registers: self.registers.downgrade(),
        }
    }

    /// Puts out everything but turns, replies, REGISTERs, audio and media commands, which are the driver's.
    pub fn put(&self, output: Output) {
        match output {
            Output::Transmit { flow, bytes } => {
                self.transmit(flow, bytes);
            }
            Output::Cdr { ticket, cdr } => {
                let job = self.job(ticket, cdr);
                let urgent = job.is_urgent();
                if self.cdrs.try_send(job).is_err() {
                    self.losses.cdrs.fetch_add(1, Ordering::Relaxed);
                    tracing::warn!("the CDR queue is full: the store is too slow");
                }
                if urgent {
                    self.urgent.notify_one();
                }
            }
            Output::Sibling { shard, flow, bytes } => self.sibling(shard, flow, bytes),
            Output::Trace(trace) => self.record(Record::Trace(trace)),
            Output::Recording(row) => self.recording(RecordingChange::Begun(*row)),
            Output::RecordingFailed(id) => {
                self.recording(RecordingChange::Ended(id, RecordingState::Failed));
            }
            Output::Log(log) => self.record(Record::Log(log)),
            Output::News(news) => self.tell_others(&news),
            Output::Conduct { source, conduct } => self.door.note(source, conduct),
            // These are the driver's.
            Output::RunTurn(_)
            | Output::Reply { .. }
            | Output::Register { .. }
            | Output::Prompts { .. }
            | Output::Media { .. } => {}
        }
    }

    /// Hands a SIP message to another shard, if it has room: SIP repeats it.
    fn sibling(&self, shard: u8, flow: Flow, bytes: Bytes) {
        let mailbox = self.shards.get(usize::from(shard));
        let mailbox = mailbox.and_then(mpsc::WeakSender::upgrade);
        let mail = Mail::Sibling { flow, bytes };
        if mailbox.is_none_or(|mailbox| mailbox.try_send(mail).is_err()) {
            self.losses.siblings.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Tells every other shard what this one has learned.
    fn tell_others(&self, news: &News) {
        let others = self.shards.iter().enumerate();
        for (_, mailbox) in others.filter(|(shard, _)| *shard != usize::from(self.shard)) {
            let Some(mailbox) = mailbox.upgrade() else {
                continue;
            };
            if mailbox.try_send(Mail::News(news.clone())).is_err() {
                self.losses.news.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Sends a SIP message. `false`: its connection is lost. A datagram is lost without a word; SIP
    /// repeats it.
    pub fn transmit(&self, flow: Flow, bytes: Bytes) -> bool {
        match flow.transport {
            Transport::Udp => {
                if let Some(socket) = self.sockets.iter().find(|s| s.local == flow.local) {
                    socket.send(&bytes, flow.remote);
                }
                true
            }
            _ => self.streams.send(flow, bytes),
        }
    }

    /// As [`put`](Self::put), but waits for room until then: for the last outputs of a shard, of
    /// which there may be more than a queue takes.
    pub async fn put_last(&self, output: Output, until: Instant) {
        let (sent, lost) = match output {
            Output::Cdr { ticket, cdr } => {
                let sent = timeout_at(until, self.cdrs.send(self.job(ticket, cdr))).await;
                (matches!(sent, Ok(Ok(()))), &self.losses.cdrs)
            }
            Output::Trace(trace) => (
                self.record_last(Record::Trace(trace), until).await,
                &self.losses.records,
            ),
            Output::Log(log) => (
                self.record_last(Record::Log(log), until).await,
                &self.losses.records,
            ),
            other => return self.put(other),
        };
        if !sent {
            lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    async fn record_last(&self, record: Record, until: Instant) -> bool {
        let sent = timeout_at(until, self.records.send(record)).await;
        matches!(sent, Ok(Ok(())))
    }

    fn job(&self, ticket: Ticket, cdr: Box<Cdr>) -> CdrJob {
        CdrJob {
            cdr,
            shard: self.shard,
            ticket,
        }
    }

    /// Hands a REGISTER to the writer of bindings; false if it has no room.
    pub fn register(
        &self,
        ticket: Ticket,
        tenant: TenantId,
        user: String,
        registration: Arc<Registration>,
    ) -> bool {
        let job = Job {
            shard: self.shard,
            ticket,
            tenant,
            user,
            registration,
        };
        let taken = self.registers.try_send(job).is_ok();
        if !taken {
            self.losses.registers.fetch_add(1, Ordering::Relaxed);
        }
        taken
    }

    /// Hands a command to the session's media shard, or keeps it until there is room; if there is
    /// none here either, what the calls must hear.
    pub fn media(&mut self, session: SessionId, command: media::Command) -> Vec<media::Event> {
        let shard = session_hash(session) % self.media.len();
        let (handle, backlog) = (&self.media[shard], &mut self.backlogs[shard]);
        let failed = backlog.send(command, give(handle));
        if !failed.is_empty() {
            self.losses.media.fetch_add(1, Ordering::Relaxed);
            tracing::warn!("a media shard is overloaded: a command was lost");
        }
        failed
    }

    /// Whether commands wait for a media shard.
    pub fn waits(&self) -> bool {
        self.backlogs.iter().any(|backlog| !backlog.is_empty())
    }

    /// How many commands wait for media shards.
    pub fn waiting(&self) -> usize {
        self.backlogs.iter().map(Backlog::len).sum()
    }

    /// Sends what waits for media shards, as far as there is room.
    pub fn retry(&mut self) {
        for (handle, backlog) in self.media.iter().zip(&mut self.backlogs) {
            backlog.retry(give(handle));
        }
    }

    fn recording(&self, change: RecordingChange) {
        if self.recordings.try_send(change).is_err() {
            self.losses.recordings.fetch_add(1, Ordering::Relaxed);
            tracing::warn!("the queue of recordings is full: the store is too slow");
        }
    }

    fn record(&self, record: Record) {
        if self.records.try_send(record).is_err() {
            self.losses.records.fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn give(
    handle: &media::io::Handle,
) -> impl FnMut(media::Command) -> Result<(), media::Command> + '_ {
    |command| {
        let sent = handle.send(command);
        sent.map_err(|media::io::Full(command)| command)
    }
}

/// All ports of a session live on one media shard, so that its bridges stay on one thread.
fn session_hash(session: SessionId) -> usize {
    session
        .to_string()
        .bytes()
        .fold(0_usize, |hash, b| hash.wrapping_mul(31) ^ usize::from(b))
}

#[cfg(test)]
mod tests;
