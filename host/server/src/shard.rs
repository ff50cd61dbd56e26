//! A session shard: one OS thread with a current-thread runtime and one task, which owns a
//! [`control::Shard`] and the turns that are out.
//!
//! It only drives: mail, timers and ended turns go in, outputs go where they belong.
//!
//! | queue | full |
//! |---|---|
//! | mailbox, [`MAILBOX`] | datagrams are dropped and counted by the receiver; connections wait; media events are counted by their shard; all others wait |
//! | turns out, [`TURNS`] | further turns wait here, one a session at the most; tenants take turns, each with at most [`TURNS_TENANT`] |
//! | prompts that are read, [`FETCHES`] | the play fails, counted |
//! | CDRs, records, REGISTERs, media commands | see [`Outlets`] |

use std::{
    collections::BTreeMap,
    future::Future,
    pin::Pin,
    sync::{Arc, atomic::Ordering},
    thread::JoinHandle,
    time::Duration,
};

use anyhow::Context;
use bytes::Bytes;
use control::{
    Counts, Enrolled, Input, Named, News, Output, Refusals, Shard, ShardConfig, Ticket,
    TurnRequest, registrar::Refused,
};
use futures_util::{FutureExt, StreamExt, stream::FuturesUnordered};
use model::{Answer, Ask, Binding, TenantConfig, TenantId, turn::TurnOutcome};
use sip::Flow;
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, sleep, sleep_until},
};

use crate::{
    clock,
    fair::Fair,
    metrics::{Calls, Metrics},
    outlets::Outlets,
    prompts::{Found, Prompts},
    registrar::{self, Whereabouts},
    turns::TurnRunner,
    vital::Part,
};

/// Room in a shard's mailbox: a second of a busy shard's datagrams.
pub const MAILBOX: usize = 8_192;
/// How long the traces of a shard that ends wait for room.
const LAST_OUTPUTS: Duration = Duration::from_secs(5);
/// How long commands wait for a media shard until they are sent again.
const MEDIA_RETRY: Duration = Duration::from_millis(5);
/// Mail that is taken before timers and turns that ended are looked at again.
const BURST: usize = 32;
/// Turns that run at one time on a shard.
pub const TURNS: usize = 64;
/// Turns of one tenant that run at one time on a shard: three others find room beside it.
const TURNS_TENANT: usize = 16;

/// Plays of a shard that wait for the files of their prompts; further ones fail.
pub const FETCHES: usize = 64;

/// What a shard is sent.
pub enum Mail {
    /// A SIP datagram, or a message on a connection.
    Packet {
        /// Its path.
        flow: Flow,
        /// Its bytes.
        bytes: Bytes,
        /// When the socket gave it.
        received: std::time::Instant,
    },
    /// A SIP message of another shard.
    Sibling {
        /// Its path, as this shard sees it.
        flow: Flow,
        /// Its bytes.
        bytes: Bytes,
    },
    /// A SIP connection ended, or could not be made.
    Disconnected(Flow),
    /// A media shard reports.
    Media(media::Event),
    /// A CDR is durable.
    Durable(Ticket),
    /// The API asks.
    Ask {
        /// Whose sessions.
        tenant: TenantId,
        /// What.
        ask: Ask,
        /// Answered once.
        reply: oneshot::Sender<Answer>,
    },
    /// What became of a REGISTER.
    Registered(Ticket, Result<Arc<[Binding]>, Refused>),
    /// Where phones are now; answered when the shard knows.
    Bindings(Whereabouts, oneshot::Sender<()>),
    /// A tenant's snapshot; answered when the shard has it.
    Tenant(Arc<TenantConfig>, oneshot::Sender<()>),
    /// A tenant is gone; answered when the shard knows.
    TenantGone(TenantId, oneshot::Sender<()>),
    /// What is alive?
    Counts(oneshot::Sender<Alive>),
    /// What another shard has learned.
    News(News),
    /// Where a name of gateways leads.
    Named(Arc<Named>),
    /// Take no new calls.
    Drain,
    /// Release every call.
    ReleaseAll,
    /// Put out all traces and end.
    Stop,
}

/// What is alive on a shard.
#[derive(Debug)]
pub struct Alive {
    /// In the core.
    pub counts: Counts,
    /// Turns that run.
    pub running: usize,
    /// Commands that wait until a media shard's queue has room.
    pub backlog: usize,
    /// What was not taken, since the start.
    pub refusals: Refusals,
    /// What was done for phones that register.
    pub registrar: control::Registrar,
    /// Gateways that it checks, and how many of them do not answer.
    pub gateways: (usize, usize),
    /// Trunks that it registers with their carriers.
    pub enrolled: Enrolled,
}

/// Starts the thread of a shard.
pub fn start(
    config: ShardConfig,
    mail: mpsc::Receiver<Mail>,
    outlets: Outlets,
    (turns, prompts): (TurnRunner, Arc<Prompts>),
    metrics: &Metrics,
    part: Part,
) -> anyhow::Result<JoinHandle<()>> {
    let name = format!("shard {}", config.shard);
    let tally = metrics.calls();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()?;
    std::thread::Builder::new()
        .name(name)
        .spawn(move || {
            // Dropped last, also by a panic.
            let _part = part;
            let driver = Driver {
                shard: Shard::new(config),
                outlets,
                turns: Arc::new(turns),
                prompts,
                fetching: FuturesUnordered::new(),
                running: FuturesUnordered::new(),
                waiting: Fair::new(TURNS, TURNS_TENANT),
                asked: BTreeMap::new(),
                tally,
                next: 0,
            };
            runtime.block_on(driver.run(mail));
        })
        .context("cannot start a shard's thread")
}

/// A turn that has ended.
type Ended = (TenantId, Ticket, TurnOutcome);
type Turn = Pin<Box<dyn Future<Output = Ended>>>;
/// Audio that is read from its file.
type Fetch = Pin<Box<dyn Future<Output = (Ticket, Option<Found>)>>>;

struct Driver {
    shard: Shard,
    outlets: Outlets,
    turns: Arc<TurnRunner>,
    running: FuturesUnordered<Turn>,
    prompts: Arc<Prompts>,
    fetching: FuturesUnordered<Fetch>,
    waiting: Fair<TenantId, Box<TurnRequest>>,
    asked: BTreeMap<Ticket, oneshot::Sender<Answer>>,
    tally: Calls,
    next: u64,
}

impl Driver {
    async fn run(mut self, mut mail: mpsc::Receiver<Mail>) {
        let mut burst = Vec::with_capacity(BURST);
        'life: loop {
            let due = self.shard.poll_timeout();
            let timer = async {
                match due {
                    Some(at) => sleep_until(Instant::from_std(at)).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                received = mail.recv_many(&mut burst, BURST) => {
                    if received == 0 {
                        break 'life;
                    }
                    for mail in burst.drain(..) {
                        if matches!(mail, Mail::Stop) {
                            break 'life;
                        }
                        self.take(mail);
                        self.drain();
                    }
                    self.take_turns();
                }
                Some(ended) = self.running.next(), if !self.running.is_empty() => {
                    self.turn_ended(ended);
                }
                Some((ticket, prompts)) = self.fetching.next(), if !self.fetching.is_empty() => {
                    self.found(ticket, prompts);
                }
                () = timer => self.shard.handle_timeout(clock::now()),
                // No media shard tells when it has room again.
                () = sleep(MEDIA_RETRY), if self.outlets.waits() => {}
            }
            self.outlets.retry();
            self.drain();
        }
        self.input(Input::Flush);
        let until = Instant::from_std(clock::instant() + LAST_OUTPUTS);
        while let Some(output) = self.shard.poll_output() {
            self.outlets.put_last(output, until).await;
        }
    }

    /// Turns that have ended, as many as may be out at one time: a full mailbox must not make calls
    /// stand still.
    fn take_turns(&mut self) {
        for _ in 0..TURNS {
            let Some(Some(ended)) = self.running.next().now_or_never() else {
                return;
            };
            self.turn_ended(ended);
            self.drain();
        }
    }

    fn turn_ended(&mut self, (tenant, ticket, outcome): Ended) {
        self.waiting.ended(tenant);
        self.input(Input::TurnDone { ticket, outcome });
    }

    fn input(&mut self, input: Input) {
        self.shard.handle_input(clock::now(), input);
    }

    fn take(&mut self, mail: Mail) {
        match mail {
            Mail::Packet {
                flow,
                bytes,
                received,
            } => {
                self.tally.packet(received);
                self.input(Input::Packet { flow, bytes });
            }
            Mail::Sibling { flow, bytes } => self.input(Input::Sibling { flow, bytes }),
            Mail::Disconnected(flow) => self.input(Input::Disconnected { flow }),
            Mail::Media(event) => self.input(Input::Media(event)),
            Mail::Durable(ticket) => {
                self.tally.durable(ticket);
                self.input(Input::Durable(ticket));
            }
            Mail::Ask { tenant, ask, reply } => {
                self.next += 1;
                let ticket = Ticket(self.next);
                // Askers who gave up: their oneshots are closed.
                self.asked.retain(|_, reply| !reply.is_closed());
                self.asked.insert(ticket, reply);
                self.input(Input::Ask {
                    ticket,
                    tenant,
                    ask,
                });
            }
            Mail::Registered(ticket, result) => self.input(Input::Registered { ticket, result }),
            Mail::Bindings(whereabouts, done) => {
                for (tenant, user, bindings) in whereabouts.iter() {
                    self.input(Input::Bindings {
                        tenant: *tenant,
                        user: user.clone(),
                        bindings: Arc::clone(bindings),
                    });
                }
                let _ = done.send(());
            }
            Mail::Tenant(tenant, done) => {
                self.input(Input::Tenant(tenant));
                // An asker who gave up needs no answer.
                let _ = done.send(());
            }
            Mail::TenantGone(tenant, done) => {
                self.input(Input::TenantGone(tenant));
                let _ = done.send(());
            }
            Mail::Counts(reply) => {
                let _ = reply.send(Alive {
                    counts: self.shard.counts(),
                    running: self.running.len(),
                    backlog: self.outlets.waiting(),
                    refusals: self.shard.refusals(),
                    registrar: self.shard.registrar(),
                    gateways: (self.shard.gateways_checked(), self.shard.gateways_down()),
                    enrolled: self.shard.enrolled(clock::now()),
                });
            }
            Mail::News(news) => self.input(Input::News(news)),
            Mail::Named(named) => self.input(Input::Named(named)),
            Mail::Drain => self.input(Input::Drain),
            Mail::ReleaseAll => self.input(Input::ReleaseAll),
            Mail::Stop => {}
        }
    }

    /// What was played lately is there at once; what is not takes a file's time.
    fn find(&mut self, ticket: Ticket, tenant: TenantId, digests: Vec<Arc<str>>) {
        let found = self.prompts.get_all(&digests);
        if found.is_some() {
            return self.found(ticket, found);
        }
        if self.fetching.len() >= FETCHES {
            self.outlets.losses.prompts.fetch_add(1, Ordering::Relaxed);
            return self.found(ticket, None);
        }
        let prompts = Arc::clone(&self.prompts);
        let load = async move { (ticket, prompts.load_all(tenant, digests).await) };
        self.fetching.push(Box::pin(load));
    }

    fn found(&mut self, ticket: Ticket, prompts: Option<Found>) {
        self.input(Input::Prompts { ticket, prompts });
    }

    fn drain(&mut self) {
        while let Some(output) = self.shard.poll_output() {
            self.tally.output(&output);
            match output {
                Output::RunTurn(request) => {
                    self.waiting.push(request.view.tenant.id, request);
                }
                Output::Reply { ticket, answer } => {
                    if let Some(reply) = self.asked.remove(&ticket) {
                        let _ = reply.send(answer);
                    }
                }
                Output::Transmit { flow, bytes } => {
                    if !self.outlets.transmit(flow, bytes) {
                        self.input(Input::Disconnected { flow });
                    }
                }
                Output::Prompts {
                    ticket,
                    tenant,
                    digests,
                } => self.find(ticket, tenant, digests),
                Output::Media { session, command } => {
                    for failed in self.outlets.media(session, command) {
                        self.input(Input::Media(failed));
                    }
                }
                Output::Register {
                    ticket,
                    tenant,
                    user,
                    registration,
                } => {
                    if !self.outlets.register(ticket, tenant, user, registration) {
                        let result = Err(registrar::BUSY);
                        self.input(Input::Registered { ticket, result });
                    }
                }
                other => self.outlets.put(other),
            }
        }
        self.tally.settled();
        while let Some((tenant, request)) = self.waiting.pop() {
            let turns = Arc::clone(&self.turns);
            self.running.push(Box::pin(async move {
                let ticket = request.ticket;
                (tenant, ticket, turns.run(*request).await)
            }));
        }
    }
}
