//! Where the page's gauges come from: asked for when it is read, so that no packet pays for them.
//!
//! Holds every queue by a weak reference: a reader of the page that keeps its connection open must
//! not keep the writers of records from their end.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use control::{
    Conferences,
    guard::{Counts, Why},
};
use futures_util::future::join_all;
use media::io as media_io;
use metrics::{counter, gauge};
use tokio::sync::{mpsc, oneshot};

use super::{Metrics, process};
use crate::{
    backlog::WAITING,
    clock,
    guard::Door,
    outlets::{Losses, Queued},
    prompts::{Figures, Prompts},
    recordings::{self, Shelf},
    shard::{Alive, Mail, TURNS},
    stream::{End, Streams},
    udp::Traffic,
};

/// How long a shard may take to tell what it holds; then the page says that it does not answer.
const PATIENCE: Duration = Duration::from_secs(1);

/// See the module's header.
pub struct Sources {
    pub listeners: Vec<Arc<Traffic>>,
    pub mailboxes: Vec<mpsc::WeakSender<Mail>>,
    pub media: Vec<media_io::Handle>,
    pub queued: Queued,
    pub losses: Arc<Losses>,
    pub door: Arc<Door>,
    pub streams: Streams,
    pub control: api::Control,
    /// Closed by the node, whoever else holds it.
    pub store: store::Store,
    pub prompts: Arc<Prompts>,
    pub recordings: Arc<Shelf>,
    pub conferences: Conferences,
}

impl Sources {
    /// Brings every gauge up to date, and the counters that are kept elsewhere.
    pub async fn sample(&self, metrics: &Metrics) {
        let answers = join_all(self.mailboxes.iter().map(ask)).await;
        metrics.on(|| {
            let events = answers.iter().flatten().map(|it| it.refusals.events);
            counter!("jackfield_queue_lost_total", "queue" => "session-events")
                .absolute(events.sum());
            let forwards = answers.iter().flatten().map(|it| it.refusals.forwards);
            counter!("jackfield_queue_lost_total", "queue" => "dialogs-elsewhere")
                .absolute(forwards.sum());
            let digits = answers.iter().flatten().map(|it| it.refusals.digits);
            counter!("jackfield_queue_lost_total", "queue" => "digits").absolute(digits.sum());
            let capped = answers.iter().flatten().map(|it| it.refusals.capped);
            counter!("jackfield_trunk_calls_capped_total").absolute(capped.sum());
            for (number, (mailbox, alive)) in self.mailboxes.iter().zip(answers).enumerate() {
                let shard = number.to_string();
                queue("mailbox", &shard, fill(mailbox));
                gauge!("jackfield_shard_up", "shard" => shard.clone()).set(if alive.is_some() {
                    1.0
                } else {
                    0.0
                });
                if let Some(alive) = alive {
                    let backlog = (alive.backlog, WAITING * self.media.len());
                    queue("media-backlog", &shard, Some(backlog));
                    sample_shard(&shard, alive);
                }
            }
            for (number, handle) in self.media.iter().enumerate() {
                sample_media(&number.to_string(), handle);
            }
            self.listeners
                .iter()
                .for_each(|traffic| sample_sip(traffic));
            sample_streams(&self.streams);
            sample_door(&self.door.counts());
            self.sample_queues();
            sample_prompts(&self.prompts.figures());
            sample_recordings(&self.recordings.figures);
            let (conferences, calls) = self.conferences.sizes();
            gauge!("jackfield_conferences").set(conferences as f64);
            gauge!("jackfield_conference_calls").set(calls as f64);
            gauge!("jackfield_clock_behind_seconds").set(clock::behind());
            process::sample();
        });
    }

    fn sample_queues(&self) {
        queue("cdrs", "", fill(&self.queued.cdrs));
        queue("recording-rows", "", fill(&self.queued.recordings));
        queue("records", "", fill(&self.queued.records));
        queue("registers", "", fill(&self.queued.registers));
        let writes = (self.store.waiting(), store::limits::WRITES);
        queue("store-writes", "", Some(writes));
        let requests = (self.control.queued(), api::limits::CONTROL_QUEUE);
        queue("requests", "", Some(requests));
        let uploads = (self.control.uploads(), api::limits::UPLOADS);
        queue("uploads", "", Some(uploads));
        let losses = &self.losses;
        for (name, lost) in [
            ("siblings", losses.siblings.load(Ordering::Relaxed)),
            ("cdrs", losses.cdrs.load(Ordering::Relaxed)),
            ("recording-rows", losses.recordings.load(Ordering::Relaxed)),
            ("records", losses.records.load(Ordering::Relaxed)),
            ("turns", losses.turns.load(Ordering::Relaxed)),
            ("shadows", losses.shadows.load(Ordering::Relaxed)),
            ("registers", losses.registers.load(Ordering::Relaxed)),
            ("recordings", self.recordings.refused()),
            ("prompts", losses.prompts.load(Ordering::Relaxed)),
            ("news", losses.news.load(Ordering::Relaxed)),
            ("media-commands", losses.media.load(Ordering::Relaxed)),
            ("requests", self.control.refused()),
            ("uploads", self.control.uploads_refused()),
        ] {
            counter!("jackfield_queue_lost_total", "queue" => name).absolute(lost);
        }
        let datagrams = self
            .listeners
            .iter()
            .map(|it| it.dropped.load(Ordering::Relaxed));
        counter!("jackfield_queue_lost_total", "queue" => "mailbox").absolute(datagrams.sum());
        let unsent = self
            .listeners
            .iter()
            .map(|it| it.unsent.load(Ordering::Relaxed));
        counter!("jackfield_queue_lost_total", "queue" => "sip-send").absolute(unsent.sum());
        let media = || self.media.iter().map(media_io::Handle::counters);
        let events = media().map(|it| it.events_lost).sum();
        counter!("jackfield_queue_lost_total", "queue" => "media-events").absolute(events);
        let packets = media().map(|it| it.sends_blocked).sum();
        counter!("jackfield_queue_lost_total", "queue" => "rtp-send").absolute(packets);
        let packets = media().map(|it| it.tape_lost).sum();
        counter!("jackfield_queue_lost_total", "queue" => "tapes").absolute(packets);
    }
}

/// What a shard holds; none if it does not say so in time.
async fn ask(mailbox: &mpsc::WeakSender<Mail>) -> Option<Alive> {
    let mailbox = mailbox.upgrade()?;
    let (reply, answer) = oneshot::channel();
    let asked = async {
        mailbox.send(Mail::Counts(reply)).await.ok()?;
        answer.await.ok()
    };
    tokio::time::timeout(PATIENCE, asked).await.ok().flatten()
}

fn sample_shard(shard: &str, alive: Alive) {
    let counts = alive.counts;
    let gauge = |name: &'static str, value: usize| {
        gauge!(name, "shard" => shard.to_owned()).set(value as f64);
    };
    gauge("jackfield_calls_live", counts.live_calls);
    gauge("jackfield_sessions", counts.sessions);
    gauge("jackfield_sip_transactions", counts.transactions);
    gauge("jackfield_sip_dialogs", counts.dialogs);
    gauge("jackfield_media_ports", counts.ports);
    gauge("jackfield_cdrs_awaited", counts.waiting);
    gauge("jackfield_timers", counts.timers);
    gauge("jackfield_index_entries", counts.indexed);
    gauge("jackfield_turns_out", counts.turns);
    gauge("jackfield_instances", alive.running);
    gauge("jackfield_gateways_checked", alive.gateways.0);
    gauge("jackfield_gateways_down", alive.gateways.1);
    let waiting = counts.turns.saturating_sub(alive.running);
    queue("turns", shard, Some((waiting, TURNS)));
    sample_registrar(shard, alive.registrar);
    gauge("jackfield_trunks_to_register", alive.enrolled.wanted);
    gauge("jackfield_trunks_registered", alive.enrolled.registered);
    gauge("jackfield_trunks_leaving", counts.leaving);
    let sip = alive.refusals.sip;
    for (limit, met) in [
        ("transactions", sip.reached.transactions),
        ("dialogs", sip.reached.dialogs),
    ] {
        counter!("jackfield_sip_limits_total", "shard" => shard.to_owned(), "limit" => limit)
            .absolute(met);
    }
    counter!("jackfield_sip_broken_total", "shard" => shard.to_owned()).absolute(sip.broken);
    counter!("jackfield_sip_scanners_total", "shard" => shard.to_owned()).absolute(sip.scanners);
    for (name, by_status) in [
        ("jackfield_calls_refused_total", alive.refusals.calls),
        ("jackfield_sip_refused_total", sip.requests),
        ("jackfield_trunk_registers_total", alive.enrolled.answers),
    ] {
        for (status, refused) in by_status {
            counter!(name, "shard" => shard.to_owned(), "status" => status.to_string())
                .absolute(refused);
        }
    }
}

fn sample_registrar(shard: &str, registrar: control::Registrar) {
    gauge!("jackfield_bindings", "shard" => shard.to_owned()).set(registrar.bindings as f64);
    gauge!("jackfield_bindings_lost", "shard" => shard.to_owned()).set(registrar.lost as f64);
    for (status, answered) in registrar.answered {
        counter!("jackfield_registrations_total", "shard" => shard.to_owned(), "status" => status.to_string())
            .absolute(answered);
    }
    for (name, value) in [
        ("jackfield_auth_failures_total", registrar.guesses),
        ("jackfield_auth_locks_total", registrar.locks),
        ("jackfield_auth_locked_total", registrar.locked),
    ] {
        counter!(name, "shard" => shard.to_owned()).absolute(value);
    }
}

fn sample_media(shard: &str, handle: &media_io::Handle) {
    let counters = handle.counters();
    let packets = |direction: &'static str, value| {
        counter!(
            "jackfield_rtp_packets_total",
            "shard" => shard.to_owned(),
            "direction" => direction
        )
        .absolute(value);
    };
    packets("received", counters.received);
    packets("sent", counters.sent);
    for (kind, value) in [
        ("blocked", counters.sends_blocked),
        ("refused", counters.refused),
        ("send-failed", counters.sends_failed),
        ("receive-failed", counters.receives_failed),
    ] {
        counter!(
            "jackfield_rtp_errors_total",
            "shard" => shard.to_owned(),
            "kind" => kind
        )
        .absolute(value);
    }
    let late = media_io::LATENESS.iter();
    let classes = late.map(|bound| bound.as_secs_f64().to_string());
    let classes = classes.chain(["inf".to_owned()]).zip(counters.ticks);
    let left_out = ("left-out".to_owned(), counters.ticks_left_out);
    for (late, value) in classes.chain([left_out]) {
        counter!(
            "jackfield_media_ticks_total",
            "shard" => shard.to_owned(),
            "late" => late
        )
        .absolute(value);
    }
    let waiting = (handle.queued(), media::limits::COMMANDS);
    queue("media-commands", shard, Some(waiting));
}

fn sample_sip(traffic: &Traffic) {
    for (direction, value) in [("received", &traffic.received), ("sent", &traffic.sent)] {
        counter!(
            "jackfield_sip_datagrams_total",
            "listener" => traffic.local.to_string(),
            "direction" => direction
        )
        .absolute(value.load(Ordering::Relaxed));
    }
    counter!("jackfield_sip_keep_alives_total", "listener" => traffic.local.to_string())
        .absolute(traffic.keep_alives.load(Ordering::Relaxed));
}

fn sample_door(counts: &Counts) {
    for (why, name) in [
        (Why::Rate, "rate"),
        (Why::Silenced, "silenced"),
        (Why::Crowded, "crowded"),
    ] {
        let dropped = counts.dropped.get(&why).copied().unwrap_or_default();
        counter!("jackfield_sip_dropped_total", "why" => name).absolute(dropped);
    }
    let others = counts.silenced - counts.scanners;
    for (why, sources) in [("scanner", counts.scanners), ("conduct", others)] {
        counter!("jackfield_sip_silenced_total", "why" => why).absolute(sources);
    }
}

fn sample_streams(streams: &Streams) {
    let traffic = streams.traffic();
    let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
    for (direction, value) in [("received", &traffic.received), ("sent", &traffic.sent)] {
        counter!("jackfield_sip_messages_total", "direction" => direction).absolute(of(value));
    }
    for (by, value) in [("peer", &traffic.accepted), ("us", &traffic.opened)] {
        counter!("jackfield_sip_connections_begun_total", "by" => by).absolute(of(value));
    }
    for end in End::ALL {
        counter!("jackfield_sip_connections_ended_total", "end" => end.as_str())
            .absolute(traffic.ended(end));
    }
    let (all, silent) = streams.count();
    gauge!("jackfield_sip_connections").set(all as f64);
    gauge!("jackfield_sip_connections_silent").set(silent as f64);
}

fn sample_prompts(figures: &Figures) {
    gauge!("jackfield_prompts_memory_bytes").set(figures.octets as f64);
    counter!("jackfield_prompts_evicted_total").absolute(figures.evicted);
    let (read, failed) = (figures.loads, figures.failures);
    for (outcome, count) in [("read", read), ("failed", failed)] {
        counter!("jackfield_prompts_loaded_total", "outcome" => outcome).absolute(count);
    }
}

fn sample_recordings(figures: &recordings::Figures) {
    for (outcome, count) in [
        ("archived", &figures.archived),
        ("not-archived", &figures.not_archived),
        ("erased", &figures.erased),
        ("not-erased", &figures.not_erased),
        ("expired", &figures.expired),
    ] {
        counter!("jackfield_recordings_total", "outcome" => outcome)
            .absolute(count.load(Ordering::Relaxed));
    }
}

/// How much waits in a queue and how much may; none for a queue whose reader has ended.
fn fill<T>(queue: &mpsc::WeakSender<T>) -> Option<(usize, usize)> {
    let queue = queue.upgrade()?;
    Some((
        queue.max_capacity() - queue.capacity(),
        queue.max_capacity(),
    ))
}

fn queue(name: &'static str, shard: &str, fill: Option<(usize, usize)>) {
    let (waiting, room) = fill.unwrap_or_default();
    let labels = [("queue", name.to_owned()), ("shard", shard.to_owned())];
    gauge!("jackfield_queue_waiting", &labels).set(waiting as f64);
    gauge!("jackfield_queue_room", &labels).set(room as f64);
}
