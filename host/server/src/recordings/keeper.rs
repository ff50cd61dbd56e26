//! The keeper of recordings: what is done with them when nobody waits for it.
//!
//! Owns when that is. It looks for work instead of being told of it: whatever a crash left undone is found
//! in the rows.

use std::{sync::Arc, time::Duration};

use store::Store;

use super::shelf::{Erased, Shelf};

/// How often it looks for recordings that were deleted.
const LOOK: Duration = Duration::from_secs(2);

/// Keeps them until it is dropped.
pub async fn keep(store: Store, shelf: Arc<Shelf>) {
    loop {
        tokio::time::sleep(LOOK).await;
        match shelf.erase(&store).await {
            Ok(Erased { erased: 0, .. }) => {}
            Ok(Erased { erased, .. }) => tracing::info!(erased, "deleted recordings were erased"),
            Err(error) => tracing::warn!(%error, "deleted recordings could not be looked for"),
        }
    }
}
