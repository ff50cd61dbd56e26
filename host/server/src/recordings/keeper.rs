//! The keeper of recordings: what is done with them when nobody waits for it.
//!
//! ```text
//!  ready, node ──sent and read back──▶ ready, both ──removed here──▶ ready, store
//!       └──────────deleted──────────▶ gone ◀──────────deleted───────────┘
//!                                      └──erased here and there──▶ no row
//! ```
//!
//! Owns the order of these steps: each is written down when it is done, so that a crash costs one of them at the
//! most, and audio that nobody knows of is nowhere. It looks for work instead of being told of it: whatever
//! a crash left undone stands in the rows.

use std::{
    fs::{self, File},
    io,
    path::Path,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, bail};
use futures_util::{StreamExt, stream};
use model::RecordingId;
use store::{Expired, Place, Placed, RecordingChange, Store, StoreError, admin};

use super::{file, folder, off_the_runtime, shelf::Shelf};
use crate::{clock, config};

/// How often it looks for recordings that wait.
const LOOK: Duration = Duration::from_secs(2);
/// How long it rests at the most after something could not be done.
const REST: Duration = Duration::from_secs(60);
/// How often it looks for recordings that are too old.
const SWEEP: Duration = Duration::from_secs(60);
/// Recordings that are seen to at one time: each that is sent holds a part in memory.
const AT_ONCE: usize = 4;

/// See the module's header.
pub struct Keeper {
    store: Store,
    shelf: Arc<Shelf>,
    keep_days: Option<u32>,
}

/// What one look at recordings that wait came to.
#[derive(Debug, Default)]
struct Outcome {
    done: Vec<RecordingId>,
    failed: u64,
    /// Why the first of them failed.
    why: Option<anyhow::Error>,
    /// Of those that failed, whose own fault it was: they have no file.
    lost: u64,
}

/// Its file cannot be opened.
#[derive(Debug, thiserror::Error)]
#[error("its file cannot be opened")]
struct Lost(#[source] io::Error);

impl Keeper {
    /// A keeper of these.
    pub fn new(
        store: &Store,
        shelf: Arc<Shelf>,
        settings: &config::Recordings,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            store: store.clone(),
            shelf,
            keep_days: settings.keep_days()?,
        })
    }

    /// Keeps them until it is dropped.
    pub async fn run(self) {
        let (mut rest, mut sweep) = (LOOK, clock::instant());
        loop {
            tokio::time::sleep(rest).await;
            if clock::instant() >= sweep && !self.expire(clock::unix_ms()).await {
                sweep = clock::instant() + SWEEP;
            }
            rest = match self.look().await {
                Ok(true) => LOOK,
                Ok(false) => (rest * 2).min(REST),
                Err(error) => {
                    tracing::warn!(%error, "recordings could not be looked for");
                    LOOK
                }
            };
        }
    }

    /// Deletes recordings that are too old, some at a time; tells whether there may be more.
    async fn expire(&self, now_ms: u64) -> bool {
        match admin::expire_recordings(&self.store, now_ms, self.keep_days).await {
            Ok(Expired {
                recordings,
                has_more,
            }) => {
                self.shelf
                    .figures
                    .expired
                    .fetch_add(recordings, Ordering::Relaxed);
                if recordings > 0 {
                    tracing::info!(recordings, "recordings were too old and are deleted");
                }
                has_more
            }
            Err(error) => {
                tracing::warn!(%error, "old recordings could not be looked for");
                false
            }
        }
    }

    /// Does all that is to be done; tells whether all of it could be.
    async fn look(&self) -> Result<bool, StoreError> {
        let (mut behind, mut fine) = (None, true);
        loop {
            fine &= self.erase().await?;
            let waiting = match self.shelf.archive() {
                Some(_) => admin::waiting_recordings(&self.store, behind).await?,
                None => Vec::new(),
            };
            let Some(last) = waiting.last() else {
                return Ok(fine);
            };
            // One that fails does not hold up those behind it; an archive that takes nothing is left alone.
            behind = Some(last.id);
            let sent = Self::each(waiting, |it| self.send(it)).await;
            let figures = &self.shelf.figures;
            count(
                (&figures.archived, &figures.not_archived),
                &sent,
                "archived",
            );
            fine &= sent.why.is_none();
            if sent.done.is_empty() && sent.failed > sent.lost {
                return Ok(fine);
            }
        }
    }

    /// One recording goes its way into the archive, from where it is.
    async fn send(&self, it: Placed) -> anyhow::Result<()> {
        let Placed { tenant, id, place } = it;
        let archive = self.shelf.archive().context("there is no archive")?;
        if place == Place::Node {
            let path = file(self.shelf.data(), id);
            let file = off_the_runtime(move || File::open(path))
                .await
                .map_err(Lost)?;
            archive.keep(tenant, id, file).await?;
            self.note(&[RecordingChange::Placed(id, Place::Both)])
                .await?;
        }
        self.remove(id).await?;
        self.note(&[RecordingChange::Placed(id, Place::Archive)])
            .await?;
        Ok(())
    }

    /// Erases the audio of all recordings that were deleted, and then their rows; tells whether it could.
    async fn erase(&self) -> Result<bool, StoreError> {
        let (mut behind, mut fine) = (None, true);
        loop {
            let gone = admin::gone_recordings(&self.store, behind).await?;
            let Some(last) = gone.last() else {
                return Ok(fine);
            };
            behind = Some(last.id);
            let erased = Self::each(gone, |it| self.erase_one(it)).await;
            let rows = erased.done.iter().copied().map(RecordingChange::Erased);
            self.note(&rows.collect::<Vec<_>>()).await?;
            let figures = &self.shelf.figures;
            count((&figures.erased, &figures.not_erased), &erased, "erased");
            fine &= erased.why.is_none();
        }
    }

    async fn erase_one(&self, it: Placed) -> anyhow::Result<()> {
        match self.shelf.archive() {
            // One that is said to be here only may have been on its way.
            Some(archive) => archive.erase(it.tenant, it.id).await?,
            None if it.place == Place::Node => {}
            None => bail!("it is in an archive that is not configured"),
        }
        self.remove(it.id).await?;
        Ok(())
    }

    /// Does that with each of them, with some at a time.
    async fn each<W: Future<Output = anyhow::Result<()>>>(
        all: Vec<Placed>,
        work: impl Fn(Placed) -> W,
    ) -> Outcome {
        let work = stream::iter(all).map(|it| {
            let done = work(it);
            async move { (it.id, done.await) }
        });
        let mut work = pin!(work.buffer_unordered(AT_ONCE));
        let mut outcome = Outcome::default();
        while let Some((id, done)) = work.next().await {
            match done {
                Ok(()) => outcome.done.push(id),
                Err(why) => {
                    outcome.failed += 1;
                    outcome.lost += u64::from(why.is::<Lost>());
                    outcome.why.get_or_insert(why.context(id.to_string()));
                }
            }
        }
        outcome
    }

    async fn remove(&self, id: RecordingId) -> io::Result<()> {
        let data = self.shelf.data().to_owned();
        off_the_runtime(move || remove(&data, id)).await
    }

    async fn note(&self, changes: &[RecordingChange]) -> Result<(), StoreError> {
        admin::record(&self.store, changes).await
    }
}

fn count((done, failed): (&AtomicU64, &AtomicU64), it: &Outcome, what: &str) {
    let count = it.done.len() as u64;
    done.fetch_add(count, Ordering::Relaxed);
    failed.fetch_add(it.failed, Ordering::Relaxed);
    if count > 0 {
        tracing::info!(recordings = count, "recordings were {what}");
    }
    if let Some(why) = &it.why {
        let (recordings, why) = (it.failed, format!("{why:#}"));
        tracing::warn!(recordings, %why, "recordings were not {what}; it is tried again");
    }
}

/// Removes a file, if it is there; when this says so it is gone, also after a power cut.
fn remove(data: &Path, id: RecordingId) -> io::Result<()> {
    match fs::remove_file(file(data, id)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    File::open(folder(data))?.sync_all()
}

#[cfg(test)]
mod tests;
