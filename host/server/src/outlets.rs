//! Where a shard's outputs go: sockets, media shards, and the writers of records.
//!
//! Nothing here waits. A full queue loses what it must and counts it:
//!
//! | queue | full |
//! |---|---|
//! | a socket's send buffer | the datagram is lost; SIP repeats it |
//! | a media shard's commands | `Open` fails at once (503); others are counted: the port closes late |
//! | CDRs | the call that waits ends with 503 after 2 s; open rows are closed at the next start |
//! | traces and logs | lost and counted |

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use control::{Output, TenantLog, Ticket};
use model::{Cdr, SessionId, Trace};
use tokio::sync::mpsc;

use crate::udp::Sender;

/// A row to be written, and who waits for it.
pub struct CdrJob {
    /// The row.
    pub cdr: Box<Cdr>,
    /// The shard to be told.
    pub shard: u8,
    /// With this ticket.
    pub ticket: Ticket,
}

/// What is kept of a session beside CDRs.
pub enum Record {
    /// Its trace.
    Trace(Box<Trace>),
    /// Lines for the tenant.
    Log(Box<TenantLog>),
}

/// How much was lost because a queue was full.
#[derive(Debug, Default)]
pub struct Losses {
    /// Commands for media shards.
    pub media: AtomicU64,
    /// CDRs.
    pub cdrs: AtomicU64,
    /// Traces and log lines.
    pub records: AtomicU64,
}

/// Where the outputs of one shard go.
#[derive(Clone)]
pub struct Outlets {
    /// This shard.
    pub shard: u8,
    /// The sending sides of the listeners.
    pub sockets: Vec<Sender>,
    /// The media shards.
    pub media: Vec<media::io::Handle>,
    /// The writer of CDRs.
    pub cdrs: mpsc::Sender<CdrJob>,
    /// The writer of traces and logs.
    pub records: mpsc::Sender<Record>,
    /// Counters.
    pub losses: Arc<Losses>,
}

impl Outlets {
    /// Puts out everything but turns, replies and media commands, which are the driver's.
    pub fn put(&self, output: Output) {
        match output {
            Output::Transmit { flow, bytes } => {
                if let Some(socket) = self.sockets.iter().find(|s| s.local == flow.local) {
                    socket.send(&bytes, flow.remote);
                }
            }
            Output::Cdr { ticket, cdr } => {
                let job = CdrJob {
                    cdr,
                    shard: self.shard,
                    ticket,
                };
                if self.cdrs.try_send(job).is_err() {
                    self.losses.cdrs.fetch_add(1, Ordering::Relaxed);
                    tracing::warn!("the CDR queue is full: the store is too slow");
                }
            }
            Output::Trace(trace) => self.record(Record::Trace(trace)),
            Output::Log(log) => self.record(Record::Log(log)),
            Output::RunTurn(_) | Output::Reply { .. } | Output::Media { .. } => {}
        }
    }

    /// Hands a command to the session's media shard; if it cannot take it, what the call must hear.
    pub fn media(&self, session: SessionId, command: media::Command) -> Option<media::Event> {
        let shard = session_hash(session) % self.media.len();
        let Err(media::io::Full(command)) = self.media[shard].send(command) else {
            return None;
        };
        self.losses.media.fetch_add(1, Ordering::Relaxed);
        tracing::warn!("a media shard's queue is full");
        let reason = "the media shard is overloaded".to_owned();
        match command {
            media::Command::Open { port } => Some(media::Event::Failed { port, reason }),
            // Its record must not wait for counters that nobody will send.
            media::Command::Close { port } => Some(media::Event::Closed {
                port,
                stats: media::Stats::default(),
            }),
            _ => None,
        }
    }

    fn record(&self, record: Record) {
        if self.records.try_send(record).is_err() {
            self.losses.records.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// All ports of a session live on one media shard, so that its bridges stay on one thread.
fn session_hash(session: SessionId) -> usize {
    session
        .to_string()
        .bytes()
        .fold(0_usize, |hash, b| hash.wrapping_mul(31) ^ usize::from(b))
}
