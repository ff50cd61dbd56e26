//! The end of a recording: its file is made durable and reported, on a thread of its own.
//!
//! A disk may take long for each file while others are being recorded, whose audio must not wait for it. Owns the
//! reports, in the order in which recordings ended; knows no tape.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use super::file::Take;
use super::{Report, Sink, Written};
use crate::limits;

/// A recording that nobody writes any more.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) file: Box<str>,
    pub(super) end: End,
}

/// How it ended.
#[derive(Debug)]
pub(super) enum End {
    /// All of it is in its file, and plays for so long.
    Written(Take, Duration),
    /// It could not be written.
    Failed(io::Error),
}

/// The way to the thread.
pub(super) type Ends = SyncSender<Ended>;

/// Starts the thread; it ends when its [`Ends`] are gone.
pub(super) fn start(folder: PathBuf, sink: Sink) -> io::Result<(Ends, JoinHandle<()>)> {
    let (ends, ended) = sync_channel(limits::TAPE_ENDS);
    let thread = std::thread::Builder::new()
        .name("recordings".to_owned())
        .spawn(move || report_all(&ended, &folder, sink))?;
    Ok((ends, thread))
}

fn report_all(ended: &Receiver<Ended>, folder: &Path, mut sink: Sink) {
    while let Ok(it) = ended.recv() {
        sink(it.report(folder));
    }
}

impl Ended {
    /// Makes its file durable, and tells what became of it.
    pub(super) fn report(self, folder: &Path) -> Report {
        let file = self.file;
        let written = match self.end {
            End::Written(take, lasts) => take.close().map(|octets| Written { lasts, octets }),
            End::Failed(error) => Err(error),
        };
        let result = written.map_err(|error| {
            // The call goes on; whoever runs the machine must see to it.
            let folder = folder.display();
            tracing::warn!(%error, %file, %folder, "a recording cannot be written and has failed");
            error.to_string()
        });
        Report { file, result }
    }
}
