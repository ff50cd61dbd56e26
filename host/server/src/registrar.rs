//! The one writer of bindings: what phones register becomes durable, then known to every shard, then
//! answered.
//!
//! Owns that order: one task writes and tells, so that no shard gets older bindings of a phone after
//! newer ones. What waits at one time shares one transaction. Knows no rule of the registrar: those are
//! `control::registrar`'s.

use std::{sync::Arc, time::Duration};

use control::{
    Ticket,
    registrar::{Refused, Registration},
};
use model::{Binding, TenantId};
use store::{BindingChange, Changed, Located, NotChanged, Store, admin};
use tokio::{
    sync::{mpsc, oneshot},
    time::{Interval, interval},
};

use crate::{clock, shard::Mail};

/// REGISTERs that wait: half of what all shards of a small machine may have under way.
pub const QUEUE: usize = 1_024;
/// REGISTERs that share a transaction.
const GROUP: usize = 64;
/// How often bindings that have ended are swept.
const SWEEP: Duration = Duration::from_secs(30);

/// A REGISTER to be written, and who waits for it.
pub struct Job {
    /// The shard to be told.
    pub shard: u8,
    /// With this ticket.
    pub ticket: Ticket,
    /// Whose phone.
    pub tenant: TenantId,
    /// Its user.
    pub user: String,
    /// What it wants.
    pub registration: Arc<Registration>,
}

/// Where phones are now, for all shards.
pub type Whereabouts = Arc<[(TenantId, String, Arc<[Binding]>)]>;

/// The refusal of a REGISTER that finds no room or no store.
pub const BUSY: Refused = Refused::new(503, "bindings cannot be written now");

/// See the module's header.
pub struct Registrar {
    store: Store,
    shards: Vec<mpsc::Sender<Mail>>,
}

impl Registrar {
    /// For the rows of this store, and these shards.
    pub fn new(store: &Store, shards: &[mpsc::Sender<Mail>]) -> Self {
        Self {
            store: store.clone(),
            shards: shards.to_vec(),
        }
    }

    /// Tells every shard where all phones are, as the last run left them.
    pub async fn restore(&self) -> anyhow::Result<()> {
        let now = clock::unix_ms();
        let mut all = admin::bindings(&self.store).await?;
        for (_, _, bindings) in &mut all {
            bindings.retain(|binding| binding.is_live(now));
        }
        all.retain(|(_, _, bindings)| !bindings.is_empty());
        self.publish(all).await;
        Ok(())
    }

    /// Writes until no shard is left.
    pub async fn run(self, mut jobs: mpsc::Receiver<Job>) {
        let mut sweep: Interval = interval(SWEEP);
        let mut group = Vec::with_capacity(GROUP);
        loop {
            tokio::select! {
                count = jobs.recv_many(&mut group, GROUP) => {
                    if count == 0 {
                        return;
                    }
                    self.write(std::mem::take(&mut group)).await;
                }
                _ = sweep.tick() => self.sweep().await,
            }
        }
    }

    async fn write(&self, jobs: Vec<Job>) {
        let now = clock::unix_ms();
        let changes = jobs.iter().map(|job| {
            let registration = Arc::clone(&job.registration);
            BindingChange {
                tenant: job.tenant,
                user: job.user.clone(),
                change: move |there: &[Binding]| registration.apply(there, now),
            }
        });
        let changed = self.store.change_bindings(changes.collect()).await;
        let outcomes: Vec<Changed<Refused>> = match changed {
            Ok(outcomes) => outcomes,
            Err(error) => {
                tracing::warn!(%error, phones = jobs.len(), "bindings could not be written");
                jobs.iter()
                    .map(|_| Err(NotChanged::Refused(BUSY)))
                    .collect()
            }
        };
        let mut news = Vec::new();
        let mut answers = Vec::new();
        for (job, outcome) in jobs.into_iter().zip(outcomes) {
            let result = outcome.map_err(|not| match not {
                NotChanged::NoPhone => Refused::new(404, "the phone is gone"),
                NotChanged::Refused(refused) => refused,
            });
            let result = result.map(Arc::<[Binding]>::from);
            if let Ok(bindings) = &result {
                news.push((job.tenant, job.user, Arc::clone(bindings)));
            }
            answers.push((job.shard, Mail::Registered(job.ticket, result)));
        }
        self.tell(news.into()).await;
        for (shard, answer) in answers {
            if let Some(mailbox) = self.shards.get(usize::from(shard)) {
                // A shard that has ended has no phone to answer.
                let _ = mailbox.send(answer).await;
            }
        }
    }

    /// Removes what has ended, batch by batch.
    async fn sweep(&self) {
        loop {
            match admin::sweep_bindings(&self.store, clock::unix_ms()).await {
                Ok((left, swept)) => {
                    self.publish(left).await;
                    if swept < store::limits::SWEEP as u64 {
                        return;
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "ended bindings could not be swept");
                    return;
                }
            }
        }
    }

    async fn publish(&self, located: Vec<Located>) {
        let all = located.into_iter();
        let all = all.map(|(tenant, user, bindings)| (tenant, user, bindings.into()));
        self.tell(all.collect()).await;
    }

    /// Tells every shard, and waits until each knows.
    async fn tell(&self, news: Whereabouts) {
        if news.is_empty() {
            return;
        }
        let mut there = Vec::with_capacity(self.shards.len());
        for mailbox in &self.shards {
            let (done, taken) = oneshot::channel();
            let mail = Mail::Bindings(Arc::clone(&news), done);
            if mailbox.send(mail).await.is_ok() {
                there.push(taken);
            }
        }
        for taken in there {
            // A shard that has ended needs to know nothing.
            let _ = taken.await;
        }
    }
}

#[cfg(test)]
pub mod tests;
