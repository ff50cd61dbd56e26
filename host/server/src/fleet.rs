//! The shards of a node: session shards, media shards, and the writers of what they record.
//!
//! Owns their threads and mailboxes, and the order in which they start and end. Knows no REST.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc, thread::JoinHandle, time::Duration};

use anyhow::Context;
use control::{Conferences, Counts, Meters, ShardConfig, placement::Placement};
use media::{io as media_io, recorder::Recorder};
use model::{Cdr, turn::TurnOutcome};
use sip::Transport;
use store::{RecordingChange, Store, admin};
use tokio::{
    sync::{Notify, mpsc, oneshot},
    task::JoinSet,
};

use crate::{
    backlog::Backlog,
    clock,
    commits::Commits,
    config::Config,
    guard::Door,
    lane::Lane,
    metrics::{Metrics, Sources},
    outage::Outage,
    outlets::{CdrJob, Losses, Outlets, Queued, Record},
    plugins::Plugins,
    prompts::Prompts,
    recordings::{self, Shelf},
    records, registrar,
    registrar::Registrar,
    setup::random,
    shard,
    shard::{MAILBOX, Mail, TURNS},
    stream,
    stream::Streams,
    turns::{Beside, TurnRunner},
    udp::Listener,
    vital::{Part, Watch},
};

/// How often a draining node looks whether its last call has ended.
const DRAIN_LOOK: Duration = Duration::from_millis(200);

/// The running shards.
pub struct Fleet {
    /// The first to be dropped.
    watch: Watch,
    /// Which Call-ID belongs to which shard.
    pub placement: Placement,
    /// The ways in, by shard.
    pub mailboxes: Vec<mpsc::Sender<Mail>>,
    threads: Vec<JoinHandle<()>>,
    media: Vec<media_io::Shard>,
    /// Ends behind the media shards, whose recordings it closes.
    recorder: Recorder,
    /// They end by themselves when every shard has.
    writers: JoinSet<()>,
    queued: Queued,
    losses: Arc<Losses>,
    conferences: Conferences,
    /// Which sources are heard.
    pub door: Arc<Door>,
}

impl Fleet {
    /// Starts all of them.
    pub fn start(
        config: &Config,
        listeners: &[Listener],
        streams: &stream::Service,
        (plugins, prompts): (&Arc<Plugins>, &Arc<Prompts>),
        store: &Store,
        metrics: &Metrics,
    ) -> anyhow::Result<Fleet> {
        let (count, watch) = (shard_count(), Watch::default());
        let placement = Placement::new(random()?, count);
        let (mailboxes, receivers): (Vec<_>, Vec<_>) =
            (0..count).map(|_| mpsc::channel(MAILBOX)).unzip();
        let (cdrs, cdr_jobs) = mpsc::channel(records::CDRS);
        let (changes_in, changes) = mpsc::channel(records::recordings::CHANGES);
        let (records_in, record_jobs) = mpsc::channel(records::RECORDS);
        let (registers, register_jobs) = mpsc::channel(registrar::QUEUE);
        let (losses, urgent) = <(Arc<Losses>, Arc<Notify>)>::default();
        let recorded = (&changes_in, &losses);
        let (media, recorder) = start_media(config, count, &mailboxes, &watch, recorded)?;
        let outlets = Outlets {
            shard: 0,
            shards: mailboxes.iter().map(mpsc::Sender::downgrade).collect(),
            sockets: listeners.iter().map(Listener::sender).collect(),
            streams: streams.streams(),
            media: media.iter().map(media_io::Shard::handle).collect(),
            backlogs: vec![Backlog::default(); media.len()],
            cdrs,
            urgent: Arc::clone(&urgent),
            recordings: changes_in,
            records: records_in,
            registers,
            losses: Arc::clone(&losses),
            door: Arc::new(Door::new(config.limits.settings()?)?),
        };
        let (outage, commits) = (Outage::default(), Arc::new(Commits::new(store.clone())));
        let (connections, mut threads) = (streams.addresses(), Vec::new());
        let (meters, conferences) = (Meters::default(), Conferences::new(media.len()));
        let (beside, ends) = Beside::new(start_lane(count, &watch, metrics)?, &losses);
        let keys = (placement, random()?, (meters, conferences.clone()));
        for (shard, mail) in (0..count).zip(receivers) {
            let settings = shard_config(config, shard, keys.clone(), listeners, &connections)?;
            let (plugins, commits) = (Arc::clone(plugins), Arc::clone(&commits));
            let (told, outage) = (metrics.clone(), outage.clone());
            let (outlets, beside) = (outlets.of(shard), beside.clone());
            let turns = TurnRunner::new(plugins, store.clone(), commits, told, outage, beside);
            let guests = (turns, Arc::clone(prompts));
            let part = watch.part(format!("session shard {shard}"));
            threads.push(shard::start(
                settings, mail, outlets, guests, metrics, part,
            )?);
        }
        let queues = (cdr_jobs, urgent, (changes, record_jobs), register_jobs);
        let mut writers = start_writers(store, metrics, &mailboxes, queues, &outage, &watch);
        let rows = (store, outlets.records.clone(), outage);
        threads.push(ends.start(beside, plugins, rows, metrics, &mut writers)?);
        watch.arm();
        Ok(Fleet {
            watch,
            placement,
            mailboxes,
            threads,
            media,
            recorder,
            writers,
            queued: outlets.queued(),
            losses,
            conferences,
            door: outlets.door,
        })
    }

    /// Where the metrics find what they sample.
    pub fn sources(
        &self,
        (listeners, streams): (&[Listener], Streams),
        control: api::Control,
        store: &Store,
        (prompts, recordings): (&Arc<Prompts>, &Arc<Shelf>),
    ) -> Sources {
        Sources {
            listeners: listeners
                .iter()
                .map(|it| Arc::clone(it.traffic()))
                .collect(),
            mailboxes: self.mailboxes.iter().map(mpsc::Sender::downgrade).collect(),
            media: self.media.iter().map(media_io::Shard::handle).collect(),
            queued: self.queued.clone(),
            losses: Arc::clone(&self.losses),
            door: Arc::clone(&self.door),
            streams,
            control,
            store: store.clone(),
            prompts: Arc::clone(prompts),
            recordings: Arc::clone(recordings),
            conferences: self.conferences.clone(),
        }
    }

    /// What is alive, shard by shard.
    pub async fn counts(&self) -> Vec<Counts> {
        let mut all = Vec::new();
        for mailbox in &self.mailboxes {
            let (reply, answer) = oneshot::channel();
            if mailbox.send(Mail::Counts(reply)).await.is_ok()
                && let Ok(alive) = answer.await
            {
                all.push(alive.counts);
            }
        }
        all
    }

    /// Waits until no call lives, every record is written and no carrier thinks that we are there,
    /// `longest` at the most.
    pub async fn wait_for_calls(&self, longest: Duration) {
        self.wait_while(is_busy, longest).await;
    }

    /// Releases every call, and waits as [`wait_for_calls`](Self::wait_for_calls), but also for
    /// their SIP transactions: a BYE that got lost is sent again only while we are there.
    pub async fn release_calls(&self, longest: Duration) {
        let talks = |counts: &Counts| counts.live_calls > 0;
        let has_byes = self.counts().await.iter().any(talks);
        self.tell(|| Mail::ReleaseAll).await;
        let busy = |counts: &Counts| is_busy(counts) || has_byes && counts.transactions > 0;
        self.wait_while(busy, longest).await;
    }

    async fn wait_while(&self, busy: impl Fn(&Counts) -> bool, longest: Duration) {
        let until = clock::instant() + longest;
        while clock::instant() < until {
            if !self.counts().await.iter().any(&busy) {
                return;
            }
            tokio::time::sleep(DRAIN_LOOK).await;
        }
    }

    /// Sends every shard this.
    pub async fn tell(&self, mail: impl Fn() -> Mail) {
        for mailbox in &self.mailboxes {
            // A shard that has ended needs to be told nothing.
            let _ = mailbox.send(mail()).await;
        }
    }

    /// Ends every shard; the writers write their queues to the end. Tells what was lost meanwhile.
    pub async fn stop(mut self) {
        self.watch.disarm();
        self.tell(|| Mail::Stop).await;
        self.mailboxes.clear();
        let (threads, media, recorder) = (self.threads, self.media, self.recorder);
        // Off the runtime's threads: a shard hands its last records to writers that run there.
        let ended = tokio::task::spawn_blocking(move || {
            for thread in threads {
                if thread.join().is_err() {
                    tracing::error!("a shard panicked");
                }
            }
            media.into_iter().for_each(media_io::Shard::stop);
            drop(recorder);
        });
        if ended.await.is_err() {
            tracing::error!("a media shard could not be stopped");
        }
        while self.writers.join_next().await.is_some() {}
        self.losses.tell();
    }
}

/// What the writers are given: rows of CDRs and what makes them urgent; rows of recordings, traces and logs;
/// bindings.
type Queues = (
    mpsc::Receiver<CdrJob>,
    Arc<Notify>,
    (mpsc::Receiver<RecordingChange>, mpsc::Receiver<Record>),
    mpsc::Receiver<registrar::Job>,
);

/// The writers of what shards record.
fn start_writers(
    store: &Store,
    metrics: &Metrics,
    mailboxes: &[mpsc::Sender<Mail>],
    (cdr_jobs, urgent, (changes, record_jobs), register_jobs): Queues,
    outage: &Outage,
    watch: &Watch,
) -> JoinSet<()> {
    let mut writers = JoinSet::new();
    let (rows, counted) = (store.clone(), metrics.clone());
    let commit = async move |cdrs: Vec<Cdr>| {
        let work = counted.cdr_commit(cdrs.len());
        let written = admin::record(&rows, cdrs.as_slice()).await;
        work.done(written.is_ok());
        written
    };
    let kept = metrics.cdrs_kept().clone();
    let writer = records::write_cdrs(
        commit,
        cdr_jobs,
        mailboxes.to_vec(),
        urgent,
        kept,
        outage.clone(),
    );
    writers.spawn(vital(writer, watch.part("the writer of CDRs")));
    let rows = store.clone();
    let commit =
        async move |changes: Vec<RecordingChange>| admin::record(&rows, changes.as_slice()).await;
    let writer = records::recordings::write_recordings(commit, changes, outage.clone());
    writers.spawn(vital(
        writer,
        watch.part("the writer of rows of recordings"),
    ));
    let writer =
        records::write_records(store.clone(), record_jobs, metrics.clone(), outage.clone());
    writers.spawn(vital(writer, watch.part("the writer of traces and logs")));
    let writer = Registrar::new(store, mailboxes).run(register_jobs);
    writers.spawn(vital(writer, watch.part("the writer of bindings")));
    writers
}

fn is_busy(counts: &Counts) -> bool {
    let calls = counts.live_calls + counts.turns + counts.waiting + counts.ports;
    calls + counts.leaving > 0
}

/// A task without which the node is none.
async fn vital(task: impl Future<Output = ()>, part: Part) {
    let _part = part;
    task.await;
}

/// One shard per core, at least two: a machine with one core still runs what others will.
pub fn shard_count() -> u8 {
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    cores.clamp(2, 16) as u8
}

/// A thread for every two session shards: what is slow must not have all cores.
fn start_lane(count: u8, watch: &Watch, metrics: &Metrics) -> anyhow::Result<Lane<TurnOutcome>> {
    let parts = (0..count / 2).map(|_| watch.part("a thread of the slow lane"));
    Lane::start(parts, usize::from(count) * TURNS, metrics.slow_turns())
}

fn start_media(
    config: &Config,
    count: u8,
    mailboxes: &[mpsc::Sender<Mail>],
    watch: &Watch,
    (changes, losses): (&mpsc::Sender<RecordingChange>, &Arc<Losses>),
) -> anyhow::Result<(Vec<media_io::Shard>, Recorder)> {
    let recorded = (changes.clone(), Arc::clone(losses));
    let mut recorder = recordings::start(&config.node.data, recorded)?;
    let mut places = vec![Vec::new(); usize::from(count)];
    for place in config.media_places()? {
        let ranges = place.ports.split(u16::from(count)).context("media.ports")?;
        for (shard, ports) in places.iter_mut().zip(ranges) {
            shard.push(media_io::Place { ports, ..place });
        }
    }
    let mut shards = Vec::new();
    for (number, places) in places.into_iter().enumerate() {
        let mut settings = media_io::Config::new(format!("media {number}"), places, random()?);
        settings.backend = config.media.io.into();
        let mailboxes = mailboxes.to_vec();
        let part = watch.part(format!("media shard {number}"));
        let sink = Box::new(move |event: media::Event| {
            // The thread's own: dropped with it.
            let _part = &part;
            // The owner's shard stands in the upper octet of its port ids.
            let mailbox = mailboxes.get(usize::from((event.port().0 >> 56) as u8));
            mailbox.is_some_and(|mailbox| mailbox.try_send(Mail::Media(event)).is_ok())
        });
        let started = media_io::Shard::start(settings, clock::instant, sink, Some(recorder.line()));
        let started = started.context("media: cannot start a media shard")?;
        tracing::info!(shard = number, io = %started.backend(), "a media shard runs");
        shards.push(started);
    }
    Ok((shards, recorder))
}

fn shard_config(
    config: &Config,
    shard: u8,
    (placement, digest_key, (meters, conferences)): (Placement, [u8; 32], (Meters, Conferences)),
    listeners: &[Listener],
    connections: &[(Transport, SocketAddr)],
) -> anyhow::Result<ShardConfig> {
    let mut advertised = BTreeMap::new();
    let udp = listeners.iter().map(|it| (Transport::Udp, it.local));
    let all: Vec<_> = udp.chain(connections.iter().copied()).collect();
    // They are bound in the order in which they are configured.
    for ((transport, local), (_, configured)) in all.iter().zip(config.sip.listeners()) {
        let shown = config.sip.advertised(configured, *local)?;
        advertised.insert((*transport, *local), shown);
    }
    Ok(ShardConfig {
        node: 0,
        shard,
        placement,
        listener: listeners[0].local,
        sip: sip::Config {
            advertised,
            listeners: sip::Listeners::new(all),
            challenges: config.sip.digest.into(),
            session_expires: config.sip.session_expires()?,
            ..sip::Config::default()
        },
        digest_key,
        meters,
        conferences,
        srtp_in_clear: config.media.srtp_in_clear,
        media_timeout: config.media_timeout()?,
        seed: random()?,
    })
}
