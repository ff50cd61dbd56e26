//! What goes into a [`Shard`](crate::Shard) and what comes out of it.

use std::{collections::BTreeMap, net::IpAddr, sync::Arc};

use bytes::Bytes;
use media::Prompt;
use model::{
    Answer, Ask, Binding, Cdr, Event, Hop, IdSource, LogLine, Peer, PeerName, Recording,
    RecordingId, SessionId, TenantConfig, TenantId, Trace, Transport, TrunkId,
    turn::{TurnOutcome, View},
};
use sip::{Flow, locate::Place};

use crate::{
    ServiceRoute,
    registrar::{Refused, Registration},
};

/// Joins an output with the input that answers it. Never used again by the same shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// One thing that happens to a shard.
#[derive(Debug)]
pub enum Input {
    /// A SIP datagram, or a message on a stream.
    Packet {
        /// Its path.
        flow: Flow,
        /// Its bytes.
        bytes: Bytes,
    },
    /// A message of another shard, as its `Sibling` says.
    Sibling {
        /// Its path, as this shard sees it.
        flow: Flow,
        /// Its bytes.
        bytes: Bytes,
    },
    /// A SIP connection ended, or could not be made.
    Disconnected {
        /// Which.
        flow: Flow,
    },
    /// The turn of this ticket ended; its store writes are committed.
    TurnDone {
        /// The ticket of its `RunTurn`.
        ticket: Ticket,
        /// How.
        outcome: TurnOutcome,
    },
    /// A media shard reports.
    Media(media::Event),
    /// The CDR of this ticket is durable.
    Durable(Ticket),
    /// The prompts of this ticket, by their digests.
    Prompts {
        /// The ticket of their `Prompts`.
        ticket: Ticket,
        /// All of them; none if one cannot be had.
        prompts: Option<BTreeMap<Arc<str>, Arc<Prompt>>>,
    },
    /// The API asks; answered by `Reply` with the same ticket, which the asker chose.
    Ask {
        /// The asker's ticket.
        ticket: Ticket,
        /// Whose sessions.
        tenant: TenantId,
        /// What.
        ask: Ask,
    },
    /// The REGISTER of this ticket was refused, or its bindings are durable and every shard has them.
    Registered {
        /// The ticket of its `Register`.
        ticket: Ticket,
        /// What there is now.
        result: Result<Arc<[Binding]>, Refused>,
    },
    /// The bindings of a phone have changed: these are all that it has.
    Bindings {
        /// Whose phone.
        tenant: TenantId,
        /// Its user.
        user: String,
        /// All of them.
        bindings: Arc<[Binding]>,
    },
    /// What another shard has learned.
    News(News),
    /// Where a name of gateways leads now.
    Named(Arc<Named>),
    /// A tenant is new or has changed. Live sessions keep the snapshot that they began with.
    Tenant(Arc<TenantConfig>),
    /// A tenant is gone; its live sessions go on to their end.
    TenantGone(TenantId),
    /// Take no new calls and requests.
    Drain,
    /// Release every live call with 503, as the process is about to end.
    ReleaseAll,
    /// Put out the traces of all sessions, as the process ends.
    Flush,
}

/// What a shard wants done; drain until `None` after every `handle_*`.
#[derive(Debug)]
pub enum Output {
    /// Send a SIP message.
    Transmit {
        /// Its path.
        flow: Flow,
        /// Its bytes.
        bytes: Bytes,
    },
    /// Hand a SIP message to another shard. One that is lost is said again.
    Sibling {
        /// Which.
        shard: u8,
        /// Its path, as that shard sees it.
        flow: Flow,
        /// Its bytes.
        bytes: Bytes,
    },
    /// Run a turn and commit its store writes; answered by `TurnDone`.
    RunTurn(Box<TurnRequest>),
    /// A command for the media shard of this session.
    Media {
        /// The session: all its ports live on one media shard.
        session: SessionId,
        /// The command.
        command: media::Command,
    },
    /// Write this row; answered by `Durable` when it is safe.
    Cdr {
        /// The ticket.
        ticket: Ticket,
        /// The whole row.
        cdr: Box<Cdr>,
    },
    /// Find these prompts; answered by `Prompts`, whether or not there are such.
    Prompts {
        /// The ticket.
        ticket: Ticket,
        /// Whose they are.
        tenant: TenantId,
        /// `sha256:…` of each, once.
        digests: Vec<Arc<str>>,
    },
    /// Change the bindings of this phone; answered by `Registered`.
    Register {
        /// The ticket.
        ticket: Ticket,
        /// Whose phone.
        tenant: TenantId,
        /// Its user.
        user: String,
        /// How.
        registration: Arc<Registration>,
    },
    /// A recording begins: its row. What becomes of its file is told by whoever writes it.
    Recording(Box<Recording>),
    /// A recording whose row was put out failed before there was a file.
    RecordingFailed(RecordingId),
    /// The trace of a session that ended.
    Trace(Box<Trace>),
    /// The answer to an `Ask`.
    Reply {
        /// The asker's ticket.
        ticket: Ticket,
        /// The answer.
        answer: Answer,
    },
    /// Lines for the tenant's log.
    Log(Box<TenantLog>),
    /// What every other shard is to know, as `News`.
    News(News),
    /// What a source that no tenant knows has shown itself to be: for the [`Guard`](crate::guard::Guard).
    Conduct {
        /// Who.
        source: IpAddr,
        /// What.
        conduct: sip::Conduct,
    },
}

/// Where a name of gateways leads: found ahead of calls, so that none waits for it (RFC 3263).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// The name.
    pub peer: Peer,
    /// Over which transport.
    pub transport: Transport,
    /// The name that the certificates of those who are there must have, by its number; for TLS.
    pub certificate: Option<PeerName>,
    /// Where it leads; nowhere, if nobody asks for it any more.
    pub places: Vec<Place>,
}

/// What one shard has learned and all others are to know. It may be lost where a shard is overloaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// Of a gateway; the next check says it again.
    Gateway(GatewayNews),
    /// Of the way on which a trunk wants calls; the next REGISTER says it again.
    Route(ServiceRoute),
    /// Of somebody who proves who it is, or tries: a guesser has no more guesses for going to many shards.
    Guess(Guess),
}

/// An attempt to prove who one is, by digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guess {
    /// Who tries.
    pub source: IpAddr,
    /// For whose phone.
    pub tenant: TenantId,
    /// Its user, whether or not there is one.
    pub user: String,
    /// Whether it knew the password. That is told only of who did not at first.
    pub right: bool,
}

/// What the shard that looks after a trunk has learned of one of its gateways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GatewayNews {
    /// The trunk.
    pub trunk: TrunkId,
    /// Where the gateway is.
    pub hop: Hop,
    /// Whether it answers.
    pub up: bool,
}

/// Lines that a policy, or the platform about it, writes for the tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantLog {
    /// The tenant.
    pub tenant: TenantId,
    /// The plugin.
    pub plugin: String,
    /// Its version.
    pub version: u32,
    /// The session.
    pub session: SessionId,
    /// When, Unix milliseconds.
    pub at: u64,
    /// The lines.
    pub lines: Vec<LogLine>,
}

/// One turn to be run.
#[derive(Debug)]
pub struct TurnRequest {
    /// Its ticket.
    pub ticket: Ticket,
    /// The component, `sha256:…`.
    pub digest: String,
    /// Its version number.
    pub version: u32,
    /// How many turns of its session were begun before.
    pub number: u32,
    /// What the policy sees.
    pub view: View,
    /// What happened.
    pub event: Event,
    /// Ids and randomness of this turn: clone it for each run, so that a re-run repeats them.
    pub ids: IdSource,
}
