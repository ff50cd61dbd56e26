//! The audio of prompts: files in the data folder, and in memory what was played lately.
//!
//! Owns the files (`prompts/<tenant>/<digest>.wav`), their decoding and what is kept of them in memory.
//! Which prompts there are is the store's: a file is written before its row, and whatever has no row is
//! swept, so neither a crash nor a refused row leaves anything. A file never changes, so nobody who
//! reads one is in anybody's way.

mod files;
mod memory;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use api::{AudioRefused, AudioStream};
use audio::{Audio, AudioError};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use media::{Prompt, codec::Rate};
use model::TenantId;
use sha2::{Digest, Sha256};
use store::KeptAudio;
use tokio::sync::Semaphore;

use crate::clock;
use memory::Memory;

/// Files decoded at one time: each takes a core and its samples' memory for a while.
const DECODING: usize = 1;
/// How long the decoding of one file may take: a hundred times what the longest one takes.
const DECODE: Duration = Duration::from_secs(30);
/// Files read for calls at one time.
const LOADING: usize = 4;
/// Octets of audio that is kept in memory, all codecs together: three hours. What plays is held by who
/// plays it and may be more.
pub const MEMORY: usize = 256 * 1024 * 1024;
/// How long a file without a row is left alone: the row comes after the file.
const GRACE: Duration = Duration::from_secs(60);

/// See the module's header.
pub struct Prompts {
    folder: PathBuf,
    memory: Mutex<Memory>,
    decoding: Arc<Semaphore>,
    loading: Semaphore,
    /// Whether a file may have lost its row since the last sweep.
    changed: AtomicBool,
    loads: AtomicU64,
    failures: AtomicU64,
}

/// Prompts by their digests.
pub type Found = BTreeMap<Arc<str>, Arc<Prompt>>;

/// What became of prompts that calls wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Octets that are in memory.
    pub octets: usize,
    /// Files that were read because their audio was not in memory.
    pub loads: u64,
    /// Files that could not be read.
    pub failures: u64,
    /// Prompts that others pushed out of memory.
    pub evicted: u64,
}

impl Prompts {
    /// Those in this data folder; `memory`: octets that are kept in memory at the most.
    pub fn new(data: &Path, memory: usize) -> Self {
        Self {
            folder: data.join("prompts"),
            memory: Mutex::new(Memory::new(memory)),
            decoding: Arc::new(Semaphore::new(DECODING)),
            loading: Semaphore::new(LOADING),
            changed: AtomicBool::new(true),
            loads: AtomicU64::new(0),
            failures: AtomicU64::new(0),
        }
    }

    /// Decodes an upload and keeps its audio.
    pub async fn keep(&self, tenant: TenantId, file: Bytes) -> Result<KeptAudio, AudioRefused> {
        let place = Arc::clone(&self.decoding).acquire_owned().await;
        let place = place.map_err(|_| AudioRefused::Node)?;
        let folder = self.folder.join(tenant.to_string());
        // Off the runtime's threads. It keeps its place though nobody waits for it any more.
        let kept = tokio::task::spawn_blocking(move || {
            let _place = place;
            keep(&folder, &file)
        });
        let kept = kept.await.unwrap_or_else(|_| {
            // Whatever a stranger's file made the decoder do, it was one thread that did it.
            tracing::warn!(%tenant, "the decoder of audio files panicked");
            Err(AudioRefused::File("the decoder failed on it".into()))
        });
        self.changed.store(true, Ordering::Relaxed);
        kept
    }

    /// The file of that digest, as it is kept.
    pub async fn file(&self, tenant: TenantId, digest: &str) -> Option<Vec<u8>> {
        let place = self.path(tenant, digest)?;
        let read = tokio::task::spawn_blocking(move || files::read(&place)).await;
        let read = read.unwrap_or_else(|_| Err(std::io::Error::other("the reader panicked")));
        let failed = |error| tracing::warn!(%tenant, digest, %error, "a prompt cannot be read");
        read.map_err(failed).ok()
    }

    /// A part of it; none if it cannot be read.
    pub async fn audio(
        &self,
        tenant: TenantId,
        digest: &str,
        part: Range<u64>,
    ) -> Option<AudioStream> {
        let file = Bytes::from(self.file(tenant, digest).await?);
        let (from, end) = (part.start as usize, part.end as usize);
        let is_there = from <= end && end <= file.len();
        is_there.then(|| {
            let part = Ok(file.slice(from..end));
            AudioStream(stream::iter([part]).boxed())
        })
    }

    /// The prompts of these digests, if all are in memory.
    pub fn get_all(&self, digests: &[Arc<str>]) -> Option<Found> {
        let mut memory = self.memory();
        let found = |digest: &Arc<str>| Some((Arc::clone(digest), memory.get(digest)?));
        digests.iter().map(found).collect()
    }

    /// The same, read where they are not in memory; none if one of them cannot be had.
    pub async fn load_all(&self, tenant: TenantId, digests: Vec<Arc<str>>) -> Option<Found> {
        let mut found = Found::new();
        for digest in digests {
            let prompt = self.load(tenant, &digest).await?;
            found.insert(digest, prompt);
        }
        Some(found)
    }

    /// The prompt of that digest, read if it is not in memory; none if that fails.
    async fn load(&self, tenant: TenantId, digest: &str) -> Option<Arc<Prompt>> {
        let _place = self.loading.acquire().await.ok()?;
        // Somebody else may have waited for the same one.
        let there = self.memory().get(digest);
        if there.is_some() {
            return there;
        }
        let prompt = match self.file(tenant, digest).await {
            Some(file) => tokio::task::spawn_blocking(move || prompt(&file))
                .await
                .ok(),
            None => None,
        };
        let Some(Ok(prompt)) = prompt else {
            self.failures.fetch_add(1, Ordering::Relaxed);
            tracing::warn!(%tenant, digest, "a prompt cannot be played");
            return None;
        };
        self.loads.fetch_add(1, Ordering::Relaxed);
        let prompt = Arc::new(prompt);
        self.memory().put(digest, Arc::clone(&prompt));
        Some(prompt)
    }

    /// A tenant's prompts were changed: a file may be without a row now.
    pub fn changed(&self) {
        self.changed.store(true, Ordering::Relaxed);
    }

    /// Removes the files that nobody needs; `needed` tells which are, and is asked only if some may not
    /// be.
    pub async fn sweep<E>(
        &self,
        needed: impl AsyncFnOnce() -> Result<BTreeSet<(TenantId, String)>, E>,
    ) -> Result<(), E> {
        if !self.changed.swap(false, Ordering::Relaxed) {
            return Ok(());
        }
        let needed = match needed().await {
            Ok(needed) => needed,
            Err(error) => {
                self.changed();
                return Err(error);
            }
        };
        let needed = needed
            .into_iter()
            .filter_map(|(tenant, digest)| self.path(tenant, &digest));
        let needed: BTreeSet<PathBuf> = needed.collect();
        // No file is written meanwhile.
        let Ok(place) = Arc::clone(&self.decoding).acquire_owned().await else {
            return Ok(());
        };
        let (folder, before) = (self.folder.clone(), clock::unix_ms());
        let before = before.saturating_sub(GRACE.as_millis() as u64);
        let swept = tokio::task::spawn_blocking(move || {
            let _place = place;
            files::sweep(&folder, &needed, before)
        });
        match swept.await {
            Ok(Ok(0)) => {}
            Ok(Ok(_)) | Err(_) => self.changed(),
            Ok(Err(error)) => tracing::warn!(%error, "files of prompts could not be swept"),
        }
        Ok(())
    }

    /// What became of them, since the start.
    pub fn figures(&self) -> Figures {
        let memory = self.memory();
        Figures {
            octets: memory.octets(),
            loads: self.loads.load(Ordering::Relaxed),
            failures: self.failures.load(Ordering::Relaxed),
            evicted: memory.evicted(),
        }
    }

    /// Where a file is; none if that is no digest.
    fn path(&self, tenant: TenantId, digest: &str) -> Option<PathBuf> {
        let hex = digest.strip_prefix("sha256:")?;
        let is_hex = hex.len() == 64 && hex.bytes().all(|b| b.is_ascii_hexdigit());
        is_hex.then(|| {
            self.folder
                .join(tenant.to_string())
                .join(format!("{hex}.wav"))
        })
    }

    /// Nothing that holds it panics halfway.
    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn keep(folder: &Path, file: &[u8]) -> Result<KeptAudio, AudioRefused> {
    let until = clock::instant() + DECODE;
    let audio = Audio::decode(file, &|| clock::instant() < until);
    let audio = audio.map_err(|why| AudioRefused::File(why.to_string()))?;
    let wav = audio.to_wav();
    let hex = hex(&Sha256::digest(&wav));
    let written = files::write(folder, &hex, &wav);
    written.map_err(|error| {
        tracing::warn!(folder = %folder.display(), %error, "a prompt cannot be kept");
        AudioRefused::Node
    })?;
    Ok(KeptAudio {
        digest: format!("sha256:{hex}"),
        octets: wav.len() as u64,
        duration_ms: audio.duration_ms(),
    })
}

fn prompt(file: &[u8]) -> Result<Prompt, AudioError> {
    let until = clock::instant() + DECODE;
    let audio = Audio::decode(file, &|| clock::instant() < until)?;
    let rate = match audio.rate {
        audio::Rate::Narrow => Rate::Narrow,
        audio::Rate::Wide => Rate::Wide,
    };
    Ok(Prompt::new(&audio.samples, rate))
}

fn hex(octets: &[u8]) -> String {
    use std::fmt::Write as _;
    octets.iter().fold(String::new(), |mut hex, octet| {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{octet:02x}");
        hex
    })
}
