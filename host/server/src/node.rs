//! A node: everything that runs between start and stop, wired together.
//!
//! ```text
//!  sockets ─▶ udp ─▶ shard ─▶ turns ─▶ policy, store
//!                      │ └──▶ media shards
//!                      └────▶ records ─▶ store ◀── api ◀─▶ asks ─▶ shard
//! ```

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc, thread::JoinHandle, time::Duration};

use anyhow::Context;
use api::Control;
use control::{Counts, ShardConfig, placement::Placement};
use media::io as media_io;
use model::{IdSource, KeyId};
use store::{BuiltIn, NewVersion, Store, admin};
use tokio::{
    net::TcpListener,
    sync::{mpsc, oneshot, watch},
    task::JoinSet,
};

use crate::{
    asks::Asks,
    clock,
    config::{Config, own_address},
    outlets::{Losses, Outlets},
    plugins::Plugins,
    records, shard,
    shard::{MAILBOX, Mail},
    turns::TurnRunner,
    udp::Listener,
};

/// The built-in makecall component.
static MAKECALL: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/makecall.wasm"));

/// How often expired keys of the policies' store are swept.
const SWEEP: Duration = Duration::from_secs(60);
/// How often a draining node looks whether its last call has ended.
const DRAIN_LOOK: Duration = Duration::from_millis(200);
/// How long BYEs and records may take after every call was released.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// A running node.
pub struct Node {
    /// Where SIP is served.
    pub sip: Vec<SocketAddr>,
    /// Where REST is served.
    pub http: SocketAddr,
    /// The platform key, if it was made at this start.
    pub admin_key: Option<String>,
    drain_timeout: Duration,
    listeners: Vec<Listener>,
    media: Vec<media_io::Shard>,
    shards: Vec<mpsc::Sender<Mail>>,
    threads: Vec<JoinHandle<()>>,
    draining: watch::Sender<bool>,
    /// Serves the API and what can be cut off.
    service: JoinSet<()>,
    /// Writes records; ends by itself when every shard has.
    writers: JoinSet<()>,
    store: Store,
}

impl Node {
    /// Starts everything, or nothing. `preset`: the platform key to accept.
    pub async fn start(config: &Config, preset: Option<String>) -> anyhow::Result<Node> {
        std::fs::create_dir_all(&config.node.data).with_context(|| {
            format!(
                "node.data: cannot make the folder {}",
                config.node.data.display()
            )
        })?;
        let url = config.store_url();
        let store = Store::open(&url)
            .await
            .with_context(|| format!("cannot open {url}"))?;
        let plugins = Arc::new(Plugins::new(config, store.clone())?);
        let built_in = built_in(&plugins).await?;
        let admin_key = prepare_store(&store, &built_in, preset).await?;

        let mut listeners = Vec::new();
        for address in &config.sip.udp {
            listeners.push(Listener::bind(*address)?);
        }
        let http = TcpListener::bind(config.api.listen)
            .await
            .with_context(|| format!("api.listen: cannot listen on {}", config.api.listen))?;

        let count = shard_count();
        let placement = Placement::new(random()?, count);
        let (mailboxes, receivers): (Vec<_>, Vec<_>) =
            (0..count).map(|_| mpsc::channel(MAILBOX)).unzip();
        let media = start_media(config, count, &mailboxes)?;
        let (cdrs, cdr_jobs) = mpsc::channel(records::CDRS);
        let (records_in, record_jobs) = mpsc::channel(records::RECORDS);
        let outlets = Outlets {
            shard: 0,
            sockets: listeners.iter().map(Listener::sender).collect(),
            media: media.iter().map(media_io::Shard::handle).collect(),
            cdrs,
            records: records_in,
            losses: Arc::new(Losses::default()),
        };
        let mut threads = Vec::new();
        for (shard, mail) in (0..count).zip(receivers) {
            let settings = shard_config(config, shard, placement, &listeners)?;
            let outlets = Outlets {
                shard,
                ..outlets.clone()
            };
            let turns = TurnRunner::new(Arc::clone(&plugins), store.clone());
            threads.push(shard::start(settings, mail, outlets, turns)?);
        }

        let mut writers = JoinSet::new();
        writers.spawn(records::write_cdrs(
            store.clone(),
            cdr_jobs,
            mailboxes.clone(),
        ));
        writers.spawn(records::write_records(store.clone(), record_jobs));

        let asks = Asks {
            shards: mailboxes.clone(),
            store: store.clone(),
            plugins,
        };
        for tenant in admin::tenant_configs(&store).await? {
            asks.publish(tenant.id).await;
        }
        let (draining, watch_draining) = watch::channel(false);
        let (control, requests) = Control::channel();
        let state = api::State::new(api::Parts {
            store: store.clone(),
            control,
            built_in,
            node: 0,
            upload_max: config.upload_max()?,
            now_ms: clock::unix_ms,
            draining: watch_draining,
        })?;
        let mut service = JoinSet::new();
        service.spawn(asks.serve(requests));
        service.spawn(sweep(store.clone()));
        let http_address = http.local_addr()?;
        service.spawn(serve_http(http, api::router(state)));
        for listener in &mut listeners {
            listener.receive(placement, mailboxes.clone())?;
        }
        Ok(Node {
            sip: listeners.iter().map(|listener| listener.local).collect(),
            http: http_address,
            admin_key,
            drain_timeout: config.drain_timeout()?,
            listeners,
            media,
            shards: mailboxes,
            threads,
            draining,
            service,
            writers,
            store,
        })
    }

    /// What is alive, in all shards.
    pub async fn counts(&self) -> Vec<Counts> {
        let mut all = Vec::new();
        for mailbox in &self.shards {
            let (reply, answer) = oneshot::channel();
            if mailbox.send(Mail::Counts(reply)).await.is_ok()
                && let Ok(counts) = answer.await
            {
                all.push(counts);
            }
        }
        all
    }

    /// Takes no new calls, lets live ones end, at most `node.drain_timeout` long or until `hurry`
    /// resolves, then releases those that are left and ends.
    pub async fn stop(mut self, hurry: impl Future<Output = ()>) -> anyhow::Result<()> {
        self.draining.send_replace(true);
        self.tell_all(|| Mail::Drain).await;
        tokio::select! {
            () = self.wait_for_calls(self.drain_timeout) => {}
            () = hurry => {}
        }
        self.tell_all(|| Mail::ReleaseAll).await;
        self.wait_for_calls(LAST_WORDS).await;
        for listener in &self.listeners {
            let dropped = listener.dropped();
            if dropped > 0 {
                tracing::warn!(dropped, listener = %listener.local, "datagrams were dropped");
            }
        }
        self.tell_all(|| Mail::Stop).await;
        self.service.shutdown().await;
        for listener in &mut self.listeners {
            listener.stop();
        }
        self.shards.clear();
        for thread in self.threads {
            if thread.join().is_err() {
                tracing::error!("a shard panicked");
            }
        }
        for media in self.media {
            media.stop();
        }
        // The shards are gone, and with them the senders: the queues are written to their end.
        while self.writers.join_next().await.is_some() {}
        self.store.close().await;
        Ok(())
    }

    async fn wait_for_calls(&self, longest: Duration) {
        let until = clock::instant() + longest;
        while clock::instant() < until {
            let busy = |c: &Counts| c.live_calls + c.turns + c.waiting + c.ports > 0;
            if !self.counts().await.iter().any(busy) {
                return;
            }
            tokio::time::sleep(DRAIN_LOOK).await;
        }
    }

    async fn tell_all(&self, mail: impl Fn() -> Mail) {
        for mailbox in &self.shards {
            // A shard that has ended needs to be told nothing.
            let _ = mailbox.send(mail()).await;
        }
    }
}

/// One shard per core, at least two: a machine with one core still runs what others will.
pub fn shard_count() -> u8 {
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    cores.clamp(2, 16) as u8
}

fn random<const N: usize>() -> anyhow::Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).context("the operating system has no randomness")?;
    Ok(bytes)
}

async fn built_in(plugins: &Plugins) -> anyhow::Result<BuiltIn> {
    let manifest = plugins
        .check(bytes::Bytes::from_static(MAKECALL))
        .await
        .map_err(|refusal| anyhow::anyhow!("the built-in makecall is refused: {refusal}"))?;
    let component = NewVersion {
        digest: manifest.digest,
        imports: manifest.imports,
        exports: manifest.exports,
        bytes: MAKECALL.to_vec(),
    };
    Ok(BuiltIn {
        name: "makecall".into(),
        component,
    })
}

/// Closes what the last run left open, renews the built-in policy, sees to the platform key: the
/// preset one, or a new one if there is none; tells a new one.
async fn prepare_store(
    store: &Store,
    built_in: &BuiltIn,
    preset: Option<String>,
) -> anyhow::Result<Option<String>> {
    let now = clock::unix_ms();
    let lost = admin::close_open_cdrs(store).await?;
    if lost > 0 {
        tracing::warn!(
            calls = lost,
            "calls of the last run were lost with its process"
        );
    }
    admin::install_built_in(store, built_in, now).await?;
    let id = KeyId::mint(&mut IdSource::new(random()?, 0, 0), now);
    if let Some(key) = preset {
        admin::create_platform_key(store, id, &key, now).await?;
        return Ok(None);
    }
    if admin::has_platform_key(store).await? {
        return Ok(None);
    }
    let digits: String = random::<32>()?
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let key = format!("jf_{digits}");
    admin::create_platform_key(store, id, &key, now).await?;
    Ok(Some(key))
}

fn start_media(
    config: &Config,
    count: u8,
    mailboxes: &[mpsc::Sender<Mail>],
) -> anyhow::Result<Vec<media_io::Shard>> {
    let ranges = config
        .media_ports()?
        .split(u16::from(count))
        .context("media.ports")?;
    let external = config.media_external()?;
    let mut shards = Vec::new();
    for (number, range) in ranges.into_iter().enumerate() {
        let settings = media_io::Config {
            external,
            ..media_io::Config::new(format!("media {number}"), range, random()?)
        };
        let mailboxes = mailboxes.to_vec();
        let sink = Box::new(move |event: media::Event| {
            // The owner's shard stands in the upper octet of its port ids.
            let mailbox = mailboxes.get(usize::from((port_of(&event).0 >> 56) as u8));
            mailbox.is_some_and(|mailbox| mailbox.try_send(Mail::Media(event)).is_ok())
        });
        let started = media_io::Shard::start(settings, clock::instant, sink);
        shards.push(started.context("media: cannot start a media shard")?);
    }
    Ok(shards)
}

fn port_of(event: &media::Event) -> media::PortId {
    match event {
        media::Event::Opened { port, .. }
        | media::Event::Failed { port, .. }
        | media::Event::Latched { port, .. }
        | media::Event::Closed { port, .. } => *port,
    }
}

fn shard_config(
    config: &Config,
    shard: u8,
    placement: Placement,
    listeners: &[Listener],
) -> anyhow::Result<ShardConfig> {
    let external = config.sip_external()?;
    let mut advertised = BTreeMap::new();
    for listener in listeners {
        let local = listener.local;
        let shown = match external {
            Some(external) => external,
            None if local.ip().is_unspecified() => own_address(),
            None => local.ip(),
        };
        advertised.insert(local, SocketAddr::new(shown, local.port()));
    }
    Ok(ShardConfig {
        node: 0,
        shard,
        placement,
        listener: listeners[0].local,
        sip: sip::Config {
            advertised,
            ..sip::Config::default()
        },
        seed: random()?,
    })
}

/// Serves REST until the node drops it: while calls drain the API is still wanted.
async fn serve_http(listener: TcpListener, router: axum::Router) {
    if let Err(error) = axum::serve(listener, router).await {
        tracing::error!(%error, "the API has stopped");
    }
}

async fn sweep(store: Store) {
    loop {
        tokio::time::sleep(SWEEP).await;
        if let Err(error) = admin::sweep_expired(&store, clock::unix_ms()).await {
            tracing::warn!(%error, "expired keys could not be swept");
        }
    }
}
