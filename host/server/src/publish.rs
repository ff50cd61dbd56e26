//! The one publisher: brings the configurations of tenants to the shards.
//!
//! Owns their order: one task reads and sends one tenant at a time, so that no shard gets an older
//! snapshot after a newer one. A change is noted at once and stays noted until every shard has it,
//! whether or not somebody waits: its row is committed. Knows nothing of what a configuration says.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque, btree_map::Entry},
    fmt::Display,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use metrics::Gauge;
use model::{TenantConfig, TenantId};
use store::{Store, StoreError};
use tokio::{
    sync::{Notify, mpsc, oneshot},
    time::{Sleep, sleep},
};

use crate::{guard::Door, names::Names, plugins::Plugins, prompts::Prompts, shard::Mail};

/// How long a change waits for a component that has to be compiled, which an upload has seen to but for old ones. All
/// other changes wait behind it, and its turns wait for themselves.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long the first retry waits; each further one twice as long.
const RETRY: Duration = Duration::from_millis(50);
/// How long a retry waits at most.
const RETRY_LONGEST: Duration = Duration::from_secs(2);

/// Notes whose configuration has changed; cheap to clone.
#[derive(Clone)]
pub struct Publisher {
    shared: Arc<Shared>,
}

struct Shared {
    book: Mutex<Book>,
    changed: Notify,
    /// Tenants that are to be published, or published again.
    unpublished: Gauge,
}

/// As large as the number of tenants, and of requests that wait.
#[derive(Default)]
struct Book {
    /// To be published next, in this order.
    next: VecDeque<TenantId>,
    /// Who waits, by every tenant that is in `next` or failed before.
    waiting: BTreeMap<TenantId, Vec<oneshot::Sender<()>>>,
}

impl Publisher {
    /// Nothing has changed yet. `unpublished` shows how many tenants wait.
    pub fn shown_by(unpublished: Gauge) -> Self {
        Self {
            shared: Arc::new(Shared {
                book: Mutex::default(),
                changed: Notify::new(),
                unpublished,
            }),
        }
    }

    /// Notes a change that was committed. `done` is told when every shard has a snapshot at least as
    /// new; whoever holds its other side may go away meanwhile.
    pub fn changed(&self, tenant: TenantId, done: oneshot::Sender<()>) {
        let mut book = self.book();
        let book = &mut *book;
        match book.waiting.entry(tenant) {
            Entry::Vacant(entry) => {
                entry.insert(vec![done]);
                book.next.push_back(tenant);
            }
            Entry::Occupied(mut entry) => {
                entry.get_mut().retain(|waiting| !waiting.is_closed());
                entry.get_mut().push(done);
            }
        }
        self.show(book);
        self.shared.changed.notify_one();
    }

    /// Publishes what changes, until it is dropped.
    pub async fn run<E: Display>(self, publish: impl AsyncFn(TenantId) -> Result<(), E>) {
        let mut failed = BTreeSet::new();
        let mut pause = RETRY;
        let mut retry: Pin<Box<Sleep>> = Box::pin(sleep(pause));
        loop {
            while let Some((tenant, waiting)) = self.take() {
                match publish(tenant).await {
                    Ok(()) => {
                        if failed.remove(&tenant) {
                            tracing::info!(%tenant, "published after all");
                        }
                        self.show(&self.book());
                        // Who gave up needs no word.
                        for done in waiting {
                            let _ = done.send(());
                        }
                    }
                    Err(error) => {
                        if failed.is_empty() {
                            pause = RETRY;
                            retry = Box::pin(sleep(pause));
                        }
                        if failed.insert(tenant) {
                            tracing::warn!(%tenant, %error, "not published; tried again");
                        }
                        self.keep(tenant, waiting);
                    }
                }
            }
            tokio::select! {
                () = self.shared.changed.notified() => {}
                () = &mut retry, if !failed.is_empty() => {
                    self.book().next.extend(&failed);
                    pause = (pause * 2).min(RETRY_LONGEST);
                    retry = Box::pin(sleep(pause));
                }
            }
        }
    }

    /// The next tenant, marked clean: a change from here on is published once more.
    fn take(&self) -> Option<(TenantId, Vec<oneshot::Sender<()>>)> {
        let mut book = self.book();
        let tenant = book.next.pop_front()?;
        Some((tenant, book.waiting.remove(&tenant).unwrap_or_default()))
    }

    fn keep(&self, tenant: TenantId, waiting: Vec<oneshot::Sender<()>>) {
        let mut book = self.book();
        book.waiting.entry(tenant).or_default().extend(waiting);
        self.show(&book);
    }

    fn show(&self, book: &Book) {
        self.shared.unpublished.set(book.waiting.len() as f64);
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        let book = self.shared.book.lock();
        book.unwrap_or_else(PoisonError::into_inner)
    }
}

/// What it takes to publish one tenant.
#[derive(Clone)]
pub struct Press {
    /// The shards.
    pub shards: Vec<mpsc::Sender<Mail>>,
    /// The rows.
    pub store: Store,
    /// The components.
    pub plugins: Arc<Plugins>,
    /// The audio of prompts.
    pub prompts: Arc<Prompts>,
    /// Who lets known sources in.
    pub door: Arc<Door>,
    /// The names of gateways.
    pub names: Names,
}

impl Press {
    /// Reads a tenant's configuration and publishes it.
    pub async fn publish(&self, tenant: TenantId) -> anyhow::Result<()> {
        match self.store.tenant_config(tenant).await {
            Ok(config) => {
                let config = Arc::new(config);
                self.publish_config(&config, PATIENCE).await?;
                self.door.tenant(tenant, Some(&config));
                Ok(())
            }
            Err(StoreError::NotFound { .. }) => {
                self.tell(|done| Mail::TenantGone(tenant, done)).await?;
                self.plugins.published(tenant, None);
                self.prompts.changed();
                self.door.tenant(tenant, None);
                self.names.published(tenant, None);
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Brings a configuration to every shard; its components are loaded first, so that whoever
    /// activated a version can call at once. `patience`: how long it waits for those that must be compiled.
    pub async fn publish_config(
        &self,
        config: &Arc<TenantConfig>,
        patience: Duration,
    ) -> anyhow::Result<()> {
        self.plugins.prepare(config, patience).await?;
        self.tell(|done| Mail::Tenant(Arc::clone(config), done))
            .await?;
        self.plugins.published(config.id, Some(config));
        self.prompts.changed();
        self.names.published(config.id, Some(config));
        Ok(())
    }

    /// Sends it to every shard, and waits until each has it.
    async fn tell(&self, mail: impl Fn(oneshot::Sender<()>) -> Mail) -> anyhow::Result<()> {
        let ended = || anyhow::anyhow!("a shard has ended");
        let mut there = Vec::with_capacity(self.shards.len());
        for mailbox in &self.shards {
            let (done, taken) = oneshot::channel();
            mailbox.send(mail(done)).await.map_err(|_| ended())?;
            there.push(taken);
        }
        for taken in there {
            taken.await.map_err(|_| ended())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
