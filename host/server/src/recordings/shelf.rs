//! Recordings that are whole: their audio in parts, for those who listen, and its end.
//!
//! Owns the files from when the recorder has closed them. Which recordings there are is the store's: one that
//! was deleted has a row in state `gone` until its audio is erased, so neither a crash nor a disk that
//! refuses leaves audio that nobody knows of.

use std::{
    fs::{self, File},
    io,
    ops::Range,
    os::unix::fs::FileExt,
    path::PathBuf,
    sync::Arc,
};

use api::AudioStream;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use model::{RecordingId, TenantId};
use store::{RecordingChange, Store, StoreError, admin};

use super::{
    file, folder,
    places::{Place, Places},
};

/// Recordings that are read at one time: each holds a file and a piece of it.
const LISTENERS: usize = 64;
/// The same, of one tenant.
const LISTENERS_TENANT: usize = 16;
/// Octets that are read at once.
const PIECE: u64 = 64 * 1024;

/// See the module's header.
pub struct Shelf {
    data: PathBuf,
    listeners: Arc<Places>,
}

/// What one look at deleted recordings came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Erased {
    /// Recordings of which nothing is left.
    pub erased: usize,
    /// Those whose audio could not be erased; they are tried again.
    pub failed: usize,
}

impl Shelf {
    /// That of this data folder.
    pub fn new(data: &std::path::Path) -> Self {
        Self {
            data: data.to_owned(),
            listeners: Places::new(LISTENERS, LISTENERS_TENANT),
        }
    }

    /// A part of the audio of a recording, if it can be read and there is a place.
    pub async fn audio(
        &self,
        tenant: TenantId,
        id: RecordingId,
        part: Range<u64>,
    ) -> Option<AudioStream> {
        let place = self.listeners.take(tenant)?;
        let path = file(&self.data, id);
        let opened = off_the_runtime(move || File::open(path)).await;
        let failed = |error| tracing::warn!(%tenant, recording = %id, %error, "it cannot be read");
        let file = opened.map_err(failed).ok()?;
        Some(read(file, part, place))
    }

    /// Who found no place, since the start.
    pub fn refused(&self) -> u64 {
        self.listeners.refused()
    }

    /// Erases the audio of all recordings that were deleted, and then their rows.
    pub async fn erase(&self, store: &Store) -> Result<Erased, StoreError> {
        let (mut sum, mut after) = (Erased::default(), None);
        loop {
            let gone = admin::gone_recordings(store, after).await?;
            let Some((_, last)) = gone.last() else {
                return Ok(sum);
            };
            after = Some(*last);
            let (data, ids) = (self.data.clone(), gone.iter().map(|(_, id)| *id).collect());
            let erased = off_the_runtime(move || remove(&data, ids)).await;
            let erased = erased.unwrap_or_else(|error| {
                tracing::warn!(%error, "recordings could not be erased");
                Vec::new()
            });
            sum.erased += erased.len();
            sum.failed += gone.len() - erased.len();
            let changes: Vec<_> = erased.into_iter().map(RecordingChange::Erased).collect();
            admin::record(store, changes.as_slice()).await?;
        }
    }
}

/// Removes files; those that are gone then, also after a power cut.
fn remove(data: &std::path::Path, ids: Vec<RecordingId>) -> io::Result<Vec<RecordingId>> {
    let mut removed = Vec::new();
    for id in ids {
        match fs::remove_file(file(data, id)) {
            Ok(()) => removed.push(id),
            Err(error) if error.kind() == io::ErrorKind::NotFound => removed.push(id),
            Err(error) => tracing::warn!(recording = %id, %error, "it could not be erased"),
        }
    }
    File::open(folder(data))?.sync_all()?;
    Ok(removed)
}

/// Reads piece by piece, as they are taken.
fn read(file: File, part: Range<u64>, place: Place) -> AudioStream {
    let pieces = stream::try_unfold(
        (Arc::new(file), part, place),
        async |(file, part, place)| {
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
            Ok(Some((piece, (file, end..part.end, place))))
        },
    );
    AudioStream(pieces.boxed())
}

/// A disk may take its time.
async fn off_the_runtime<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|_| Err(io::Error::other("the reader panicked")))
}

#[cfg(test)]
mod tests;
