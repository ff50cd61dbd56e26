//! Recordings that are whole: their audio in parts, for those who listen, here or in the archive.
//!
//! Owns where that audio is looked for: in the node's folder first, since that is near. Which recordings there
//! are is the store's, and what else becomes of them is the keeper's.

use std::{
    fs::File,
    io::ErrorKind,
    ops::Range,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicU64},
};

use anyhow::Context;
use api::AudioStream;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use model::{RecordingId, TenantId};

use super::{archive::Archive, file, off_the_runtime, places::Places};

/// Recordings that are read at one time: each holds a file and a piece of it.
const LISTENERS: usize = 64;
/// The same, of one tenant.
const LISTENERS_TENANT: usize = 16;
/// Octets that are read at once.
const PIECE: u64 = 64 * 1024;

/// What became of recordings, since the start.
#[derive(Debug, Default)]
pub struct Figures {
    /// That were archived.
    pub archived: AtomicU64,
    /// Times that one could not be archived.
    pub not_archived: AtomicU64,
    /// That were erased.
    pub erased: AtomicU64,
    /// Times that one could not be erased.
    pub not_erased: AtomicU64,
    /// That were deleted because they were too old.
    pub expired: AtomicU64,
}

/// See the module's header.
pub struct Shelf {
    /// Counters.
    pub figures: Figures,
    data: PathBuf,
    archive: Option<Archive>,
    listeners: Arc<Places>,
}

impl Shelf {
    /// That of this data folder, and of an archive if there is one.
    pub fn new(data: &Path, archive: Option<Archive>) -> Self {
        Self {
            figures: Figures::default(),
            data: data.to_owned(),
            archive,
            listeners: Places::new(LISTENERS, LISTENERS_TENANT),
        }
    }

    /// The data folder.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// The archive, if there is one.
    pub fn archive(&self) -> Option<&Archive> {
        self.archive.as_ref()
    }

    /// A part of the audio of a recording, if it can be read and there is a place.
    pub async fn audio(
        &self,
        tenant: TenantId,
        id: RecordingId,
        part: Range<u64>,
    ) -> Option<AudioStream> {
        let place = self.listeners.take(tenant)?;
        let audio = self.find(tenant, id, part).await;
        let failed = |error| tracing::warn!(%tenant, recording = %id, %error, "it cannot be read");
        let audio = audio.map_err(failed).ok()?;
        // The place is given back when the last piece was taken, or nobody wants more.
        let held = stream::unfold((audio.0, place), async |(mut audio, place)| {
            let piece = audio.next().await?;
            Some((piece, (audio, place)))
        });
        Some(AudioStream(held.boxed()))
    }

    async fn find(
        &self,
        tenant: TenantId,
        id: RecordingId,
        part: Range<u64>,
    ) -> anyhow::Result<AudioStream> {
        let path = file(&self.data, id);
        let opened = off_the_runtime(move || File::open(path)).await;
        let missing = match (opened, &self.archive) {
            (Ok(file), _) => return Ok(read(file, part)),
            (Err(error), Some(archive)) if error.kind() == ErrorKind::NotFound => {
                let archived = archive.read(tenant, id, part).await?;
                return archived.context("it is neither here nor in the archive");
            }
            (Err(error), _) => error,
        };
        Err(missing.into())
    }

    /// Who found no place, since the start.
    pub fn refused(&self) -> u64 {
        self.listeners.refused()
    }
}

/// Reads piece by piece, as they are taken.
fn read(file: File, part: Range<u64>) -> AudioStream {
    let pieces = stream::try_unfold((Arc::new(file), part), async |(file, part)| {
        if part.is_empty() {
            return Ok(None);
        }
        let (from, end) = (part.start, part.end.min(part.start + PIECE));
        let read = Arc::clone(&file);
        let piece = off_the_runtime(move || {
            let mut piece = vec![0; (end - from) as usize];
            read.read_exact_at(&mut piece, from)?;
            Ok(Bytes::from(piece))
        });
        let piece = piece.await?;
        Ok(Some((piece, (file, end..part.end))))
    });
    AudioStream(pieces.boxed())
}

#[cfg(test)]
mod tests;
