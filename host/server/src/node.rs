//! A node: everything that runs between start and stop, wired together.
//!
//! ```text
//!  sockets ─▶ udp, stream ─▶ shard ─▶ turns ─▶ policy, store
//!                      │ └──▶ media shards
//!                      └────▶ records ─▶ store ◀── api ◀─▶ asks ─▶ shard
//! ```

use std::{
    net::SocketAddr,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use anyhow::Context;
use api::Control;
use sip::{Transport, locate::Query};
use store::{Store, admin};
use tokio::{
    net::TcpListener,
    sync::{mpsc, watch},
    task::JoinSet,
};

use crate::{
    asks::Asks,
    clock,
    config::Config,
    fleet::Fleet,
    metrics::{self, Metrics},
    names::{Names, dns::Dns},
    plugins::Plugins,
    prompts::Prompts,
    publish::{Press, Publisher},
    recordings::Keeper,
    registrar::Registrar,
    rest,
    setup::{self, Ground},
    shard::Mail,
    stream,
    tls::Certified,
    udp::Listener,
};

/// How often expired keys of the policies' store, and files of prompts without a row, are swept.
const SWEEP: Duration = Duration::from_secs(60);
/// How long BYEs and records may take after every call was released.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// A running node.
pub struct Node {
    /// Where SIP is served over UDP.
    pub sip: Vec<SocketAddr>,
    /// Where it is served over connections.
    pub sip_streams: Vec<(Transport, SocketAddr)>,
    /// Where REST is served.
    pub http: SocketAddr,
    /// Where metrics are served, if they are.
    pub metrics: Option<SocketAddr>,
    /// The platform key, if it was made at this start.
    pub admin_key: Option<String>,
    drain_timeout: Duration,
    listeners: Vec<Listener>,
    fleet: Fleet,
    draining: watch::Sender<bool>,
    /// Serves the API and what can be cut off.
    service: JoinSet<()>,
    store: Store,
}

impl Node {
    /// Starts everything, or nothing. `preset`: the platform key to accept.
    pub async fn start(config: &Config, preset: Option<String>) -> anyhow::Result<Node> {
        let Ground {
            store,
            plugins,
            prompts,
            recordings,
            built_in,
            admin_key,
        } = setup::lay(config, preset).await?;
        let (mut listeners, streams, http) = bind(config).await?;
        let (sip_streams, http_address) = (streams.addresses(), http.local_addr()?);
        let (page, metrics) = listen_metrics(config).await?;
        let metrics_address = page.as_ref().map(TcpListener::local_addr).transpose()?;
        let kept = (&plugins, &prompts);
        let fleet = Fleet::start(config, &listeners, &streams, kept, &store, &metrics)?;
        let mailboxes = fleet.mailboxes.clone();
        let press = press(&fleet, &store, kept);
        let (names, dns) = (press.names.clone(), Dns::new(&config.sip.dns)?);
        publish_all(&press, &store).await?;
        let asks = Asks {
            shards: mailboxes.clone(),
            placement: fleet.placement,
            publisher: Publisher::shown_by(metrics.changes()),
            plugins: Arc::clone(&plugins),
            prompts: Arc::clone(&prompts),
            recordings: Arc::clone(&recordings),
            metrics: metrics.clone(),
        };
        let (draining, watched_drain) = watch::channel(false);
        let (control, requests) = Control::channel();
        let (sip, audio) = ((&*listeners, streams.streams()), (&prompts, &recordings));
        let sources = fleet.sources(sip, control.clone(), &store, audio);
        let router = api::router(api::State::new(api::Parts {
            store: store.clone(),
            control,
            built_in,
            node: 0,
            upload_max: config.upload_max()?,
            now_ms: clock::unix_ms,
            draining: watched_drain,
        })?);
        let mut service = JoinSet::new();
        let publisher = asks.publisher.clone();
        service.spawn(give_up(&plugins, &store, &publisher, &metrics));
        service.spawn(make_missing(Arc::clone(&plugins)));
        service.spawn(publisher.run(async move |it| press.publish(it).await));
        service.spawn(asks.serve(requests));
        service.spawn(look_up(names, dns, mailboxes, streams.certified()));
        service.spawn(sweep(store.clone(), prompts));
        service.spawn(Keeper::new(&store, recordings, &config.recordings)?.run());
        service.spawn(rest::serve(http, router, metrics.clone()));
        if let Some(page) = page {
            service.spawn(metrics::serve(page, metrics, sources));
        }
        // Calls are taken last: everything that they need is there.
        service.spawn(take_calls(&fleet, &mut listeners, streams)?);
        Ok(Node {
            sip: listeners.iter().map(|listener| listener.local).collect(),
            sip_streams,
            http: http_address,
            metrics: metrics_address,
            admin_key,
            drain_timeout: config.drain_timeout()?,
            listeners,
            fleet,
            draining,
            service,
            store,
        })
    }

    /// Takes no new calls, lets live ones end, at most `node.drain_timeout` long or until `hurry`
    /// resolves, then releases those that are left and ends.
    pub async fn stop(mut self, hurry: impl Future<Output = ()>) -> anyhow::Result<()> {
        self.draining.send_replace(true);
        self.fleet.tell(|| Mail::Drain).await;
        tokio::select! {
            () = self.fleet.wait_for_calls(self.drain_timeout) => {}
            () = hurry => {}
        }
        self.fleet.release_calls(LAST_WORDS).await;
        self.service.shutdown().await;
        for listener in &mut self.listeners {
            listener.stop();
            let dropped = listener.traffic().dropped.load(Ordering::Relaxed);
            if dropped > 0 {
                tracing::warn!(dropped, listener = %listener.local, "datagrams were dropped");
            }
        }
        self.fleet.stop().await;
        self.store.close().await;
        Ok(())
    }
}

/// What it takes to publish a tenant.
fn press(
    fleet: &Fleet,
    store: &Store,
    (plugins, prompts): (&Arc<Plugins>, &Arc<Prompts>),
) -> Press {
    Press {
        shards: fleet.mailboxes.clone(),
        store: store.clone(),
        plugins: Arc::clone(plugins),
        prompts: Arc::clone(prompts),
        door: Arc::clone(&fleet.door),
        names: Names::default(),
    }
}

/// Lets SIP in; what runs the connections.
fn take_calls(
    fleet: &Fleet,
    listeners: &mut [Listener],
    streams: stream::Service,
) -> anyhow::Result<impl Future<Output = ()> + use<>> {
    let (placement, shards) = (fleet.placement, fleet.mailboxes.clone());
    let door = Arc::clone(&fleet.door);
    for listener in listeners {
        listener.receive(placement, shards.clone(), Arc::clone(&door))?;
    }
    let mailboxes = stream::Mailboxes {
        placement,
        shards,
        door,
    };
    Ok(streams.run(mailboxes))
}

/// The listeners for SIP and REST.
async fn bind(config: &Config) -> anyhow::Result<(Vec<Listener>, stream::Service, TcpListener)> {
    let udp = &config.sip.udp;
    let listen = udp.iter().map(|address| Listener::bind(address.at));
    let listeners = listen.collect::<anyhow::Result<Vec<_>>>()?;
    let streams: Vec<_> = config.sip.streams().map(|(how, it)| (how, it.at)).collect();
    let streams = stream::Service::bind(&streams, config.sip.security()?)?;
    let http = TcpListener::bind(config.api.listen)
        .await
        .with_context(|| format!("api.listen: cannot listen on {}", config.api.listen))?;
    Ok((listeners, streams, http))
}

/// The listener for metrics, if they are on.
async fn listen_metrics(config: &Config) -> anyhow::Result<(Option<TcpListener>, Metrics)> {
    let Some(address) = config.metrics_listen()? else {
        return Ok((None, Metrics::off()));
    };
    let listener = TcpListener::bind(address)
        .await
        .with_context(|| format!("metrics.listen: cannot listen on {address}"))?;
    Ok((Some(listener), Metrics::new()?))
}

/// Tells every shard of every tenant, and where its phones are.
async fn publish_all(press: &Press, store: &Store) -> anyhow::Result<()> {
    let tenants = admin::tenant_configs(store).await?;
    let tenants: Vec<_> = tenants.into_iter().map(Arc::new).collect();
    for tenant in &tenants {
        // Nobody's calls wait until what others need is compiled.
        press.publish_config(tenant, Duration::ZERO).await?;
    }
    press.door.tenants(tenants.into_iter());
    Registrar::new(store, &press.shards).restore().await
}

/// Compiles what calls need and the last run has not left behind.
async fn make_missing(plugins: Arc<Plugins>) {
    plugins.make_missing().await;
}

/// Gives up versions of plugins that fault.
fn give_up(
    plugins: &Arc<Plugins>,
    store: &Store,
    publisher: &Publisher,
    metrics: &Metrics,
) -> impl Future<Output = ()> + use<> {
    let (plugins, store) = (Arc::clone(plugins), store.clone());
    let (publisher, metrics) = (publisher.clone(), metrics.clone());
    async move { plugins.judge().run(store, publisher, metrics).await }
}

/// Looks up the names of gateways.
async fn look_up(names: Names, dns: Dns, shards: Vec<mpsc::Sender<Mail>>, certified: Certified) {
    let ask = async move |query: &Query| dns.ask(query).await;
    names.run(ask, shards, certified).await;
}

async fn sweep(store: Store, prompts: Arc<Prompts>) {
    loop {
        tokio::time::sleep(SWEEP).await;
        let needed = prompts.sweep(async || admin::prompt_audio(&store).await);
        if let Err(error) = needed.await {
            tracing::warn!(%error, "files of prompts could not be swept");
        }
        if let Err(error) = admin::sweep_recorded(&store, clock::unix_ms()).await {
            tracing::warn!(%error, "old recorded sessions could not be swept");
        }
        // Batch by batch, so that commits of turns come in between.
        loop {
            match admin::sweep_expired(&store, clock::unix_ms()).await {
                Ok(swept) if swept == store::limits::SWEEP as u64 => {}
                Ok(_) => break,
                Err(error) => {
                    tracing::warn!(%error, "expired keys could not be swept");
                    break;
                }
            }
        }
    }
}
