//! A node: everything that runs between start and stop, wired together.
//!
//! ```text
//!  sockets ─▶ udp ─▶ shard ─▶ turns ─▶ policy, store
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
use store::{Store, admin};
use tokio::{net::TcpListener, sync::watch, task::JoinSet};

use crate::{
    asks::Asks,
    clock,
    config::Config,
    fleet::Fleet,
    metrics::{self, Metrics},
    plugins::Plugins,
    publish::{Press, Publisher},
    rest, setup,
    shard::Mail,
    udp::Listener,
};

/// How often expired keys of the policies' store are swept.
const SWEEP: Duration = Duration::from_secs(60);
/// How long BYEs and records may take after every call was released.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// A running node.
pub struct Node {
    /// Where SIP is served.
    pub sip: Vec<SocketAddr>,
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
        if let Some(key) = &preset {
            setup::check_preset(key)?;
        }
        let store = open_store(config).await?;
        let plugins = Arc::new(Plugins::new(config, store.clone())?);
        let built_in = setup::built_in(&plugins).await?;
        let admin_key = setup::prepare_store(&store, &built_in, preset).await?;

        let bound = config.sip.udp.iter().map(|udp| Listener::bind(*udp));
        let mut listeners = bound.collect::<anyhow::Result<Vec<_>>>()?;
        let http = listen("api.listen", config.api.listen).await?;
        let http_address = http.local_addr()?;
        let (metrics, page) = open_metrics(config).await?;
        let metrics_address = page.as_ref().map(TcpListener::local_addr).transpose()?;

        let fleet = Fleet::start(config, &listeners, &plugins, &store, &metrics)?;
        let mailboxes = fleet.mailboxes.clone();
        let press = Press {
            shards: mailboxes.clone(),
            store: store.clone(),
            plugins: Arc::clone(&plugins),
        };
        for tenant in admin::tenant_configs(&store).await? {
            press.publish_config(tenant).await?;
        }
        let asks = Asks {
            shards: mailboxes.clone(),
            publisher: Publisher::default(),
            plugins,
            metrics: metrics.clone(),
        };
        let (draining, watch_draining) = watch::channel(false);
        let (control, requests) = Control::channel();
        let sources = fleet.sources(&listeners, control.clone());
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
        let publisher = asks.publisher.clone();
        service.spawn(publisher.run(async move |tenant| press.publish(tenant).await));
        service.spawn(asks.serve(requests));
        service.spawn(sweep(store.clone()));
        service.spawn(rest::serve(http, api::router(state)));
        if let Some(page) = page {
            service.spawn(metrics::serve(page, metrics, sources));
        }
        // Calls are taken last: everything that they need is there.
        for listener in &mut listeners {
            listener.receive(fleet.placement, mailboxes.clone())?;
        }
        Ok(Node {
            sip: listeners.iter().map(|it| it.local).collect(),
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

async fn open_store(config: &Config) -> anyhow::Result<Store> {
    let data = &config.node.data;
    std::fs::create_dir_all(data)
        .with_context(|| format!("node.data: cannot make the folder {}", data.display()))?;
    let url = config.store_url();
    let opened = Store::open(&url).await;
    opened.with_context(|| format!("cannot open {url}"))
}

/// What everything counts with, and the listener of its page if there is to be one.
async fn open_metrics(config: &Config) -> anyhow::Result<(Metrics, Option<TcpListener>)> {
    let Some(address) = config.metrics_listen()? else {
        return Ok((Metrics::off(), None));
    };
    let page = listen("metrics.listen", address).await?;
    Ok((Metrics::new()?, Some(page)))
}

/// Listens for HTTP on the address of that key of the configuration.
async fn listen(key: &str, address: SocketAddr) -> anyhow::Result<TcpListener> {
    let bound = TcpListener::bind(address).await;
    bound.with_context(|| format!("{key}: cannot listen on {address}"))
}

async fn sweep(store: Store) {
    loop {
        tokio::time::sleep(SWEEP).await;
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
