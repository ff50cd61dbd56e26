//! Recordings of the node: the folder in which their files are, and what becomes of them.
//!
//! Owns the recorder's thread and the word from it to the writer of rows. Files that a lost process left
//! open are made whole at the next start: [`close_open`]. What is whole is on the [`Shelf`], and looked after by
//! the [`Keeper`].

mod archive;
#[cfg(test)]
mod bucket;
mod keeper;
mod places;
mod shelf;

use std::{
    fs::{self, DirBuilder},
    io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    sync::{Arc, atomic::Ordering},
};

use anyhow::Context;
use media::recorder::{self, Recorder, Report};
use model::{Audio, RecordingId, RecordingState};
use store::{RecordingChange, Store, admin};
use tokio::sync::mpsc;

pub use self::{
    archive::Archive,
    keeper::Keeper,
    shelf::{Figures, Shelf},
};

use crate::{clock, outlets::Losses};

/// The folder of recordings within the data folder.
pub fn folder(data: &Path) -> PathBuf {
    data.join("recordings")
}

/// The file of a recording.
pub fn file(data: &Path, id: RecordingId) -> PathBuf {
    folder(data).join(id.to_string()).with_extension("wav")
}

/// Starts the recorder. What becomes of files goes to the writer of their rows; what finds no room there is
/// counted, and found out at the next start.
pub fn start(
    data: &Path,
    (changes, losses): (mpsc::Sender<RecordingChange>, Arc<Losses>),
) -> anyhow::Result<Recorder> {
    let sink = Box::new(move |report: Report| {
        let Some(change) = change(&report) else {
            return; // no name of ours
        };
        if changes.try_send(change).is_err() {
            losses.recordings.fetch_add(1, Ordering::Relaxed);
        }
    });
    Recorder::start(folder(data), clock::instant, sink).context("cannot start the recorder")
}

fn change(report: &Report) -> Option<RecordingChange> {
    let state = match &report.result {
        Ok(written) => RecordingState::Ready(Audio {
            duration_ms: written.lasts.as_millis() as u64,
            octets: written.octets,
        }),
        Err(_) => RecordingState::Failed,
    };
    Some(RecordingChange::Ended(report.file.parse().ok()?, state))
}

/// Makes the folder, and closes what the last run left open; tells how many recordings that were. Before
/// any is made.
pub async fn close_open(data: &Path, store: &Store) -> anyhow::Result<usize> {
    let folder = folder(data);
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&folder)
        .with_context(|| format!("cannot make the folder {}", folder.display()))?;
    let mut closed = 0;
    loop {
        let open = admin::open_recordings(store).await?;
        if open.is_empty() {
            return Ok(closed);
        }
        let mut changes = Vec::new();
        for id in open {
            changes.push(RecordingChange::Ended(id, mended(&file(data, id))?));
        }
        closed += changes.len();
        admin::record(store, changes.as_slice()).await?;
    }
}

/// The recordings whose files are there without a row: the store was away for so long that their rows found no
/// room. Nobody lists them, hears them or erases them, and whose they are is not in the file.
pub async fn without_row(data: &Path, store: &Store) -> anyhow::Result<Vec<RecordingId>> {
    let folder = folder(data);
    let files =
        off_the_runtime(move || fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()).await?;
    let id = |it: &fs::DirEntry| {
        let name = it.file_name().into_string().ok()?;
        name.strip_suffix(".wav")?.parse().ok()
    };
    let ids: Vec<RecordingId> = files.iter().filter_map(id).collect();
    Ok(admin::unknown_recordings(store, ids).await?)
}

/// What is left of a file. One that was never made, that is empty or that could not be written on has failed; a
/// disk that cannot be read is no reason to give up what is on it.
fn mended(path: &Path) -> anyhow::Result<RecordingState> {
    match recorder::mend(path) {
        Ok(Some((octets, lasts))) => Ok(RecordingState::Ready(Audio {
            duration_ms: lasts.as_millis() as u64,
            octets,
        })),
        Ok(None) => Ok(RecordingState::Failed),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(RecordingState::Failed),
        Err(error) => Err(error).with_context(|| format!("cannot mend {}", path.display())),
    }
}

/// A disk may take its time.
async fn off_the_runtime<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|_| Err(io::Error::other("the reader panicked")))
}

#[cfg(test)]
pub(crate) mod tests;
