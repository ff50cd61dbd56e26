//! The writer of rows of recordings.
//!
//! A row that is lost is a file that nobody lists, hears or erases. So what the store does not take is kept, in
//! its order, and tried again until it does.

use store::{RecordingChange, StoreError};
use tokio::sync::mpsc;

use super::{LAST_TRIES, RELAXED, RETRY, RETRY_LONGEST};
use crate::outage::Outage;

/// Room in the queue: while the store is away they wait there, two of each recording.
pub const CHANGES: usize = 8_192;
/// Changes of one commit at most.
const GROUP: usize = 128;

/// Writes changes until every sender is gone. `commit` makes them durable, all or none of them.
pub async fn write_recordings(
    commit: impl AsyncFn(Vec<RecordingChange>) -> Result<(), StoreError>,
    mut changes: mpsc::Receiver<RecordingChange>,
    outage: Outage,
) {
    let mut group = Vec::with_capacity(GROUP);
    while let Some(first) = changes.recv().await {
        group.push(first);
        if !changes.is_closed() {
            tokio::time::sleep(RELAXED).await;
        }
        while group.len() < GROUP
            && let Ok(change) = changes.try_recv()
        {
            group.push(change);
        }
        let (mut pause, mut last_tries) = (RETRY, 0);
        while let Err(error) = write(&mut group, &commit).await {
            outage.noticed("rows of recordings are kept and tried again", &error);
            last_tries += u32::from(changes.is_closed());
            if last_tries >= LAST_TRIES {
                let rows = group.len() + changes.len();
                tracing::warn!(rows, "rows of recordings are lost: the node ends");
                return;
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(RETRY_LONGEST);
        }
        outage.over();
    }
}

/// Empties a group into the store. An error: what is still in it was not written.
async fn write(
    group: &mut Vec<RecordingChange>,
    commit: &impl AsyncFn(Vec<RecordingChange>) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    match commit(group.clone()).await {
        Ok(()) => group.clear(),
        Err(error @ StoreError::Unavailable(_)) => return Err(error),
        // One of them is at fault: it must not keep the others.
        Err(_) => {
            while let Some(change) = group.first() {
                match commit(vec![change.clone()]).await {
                    Ok(()) => {}
                    Err(error @ StoreError::Unavailable(_)) => return Err(error),
                    Err(error) => {
                        tracing::error!(?change, %error, "a row of a recording cannot be written");
                    }
                }
                group.remove(0);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
