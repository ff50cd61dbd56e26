//! One process at a time owns a database: what it remembers of it (ADR 12) is true only so.
//!
//! Owns the lock, on a file beside the database: a lock on SQLite's own file would meddle with those of
//! SQLite. The system gives it back when the process ends, however it ends.

use std::fs::{File, OpenOptions, TryLockError};

use crate::StoreError;

/// The lock; given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Owner {
    _file: File,
}

impl Owner {
    /// Takes the database at that path, or says who stands in the way.
    pub(crate) fn of(path: &str) -> Result<Self, StoreError> {
        let beside = format!("{path}-owner");
        let cannot = |why: &dyn std::fmt::Display| {
            StoreError::Unavailable(format!("cannot lock {beside:?}: {why}"))
        };
        let mut options = OpenOptions::new();
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.append(true).create(true).open(&beside);
        let file = file.map_err(|why| cannot(&why))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(StoreError::Unavailable(format!(
                "another process uses the database {path:?}"
            ))),
            Err(TryLockError::Error(why)) => Err(cannot(&why)),
        }
    }
}
