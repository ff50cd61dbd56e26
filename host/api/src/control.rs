//! The way from the API to live sessions: a bounded queue of requests that each carry a oneshot.
//!
//! Owns the waiting: a full queue is 503 at once, a missing answer is 504 after its time. Only the word
//! that a row was committed waits for room, since it must not be lost. Refuses to know shards, threads
//! and Wasm: `server` owns the receiver, tests read it themselves.

use std::{
    collections::BTreeSet,
    fmt,
    future::Future,
    io,
    ops::Range,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures_util::stream::BoxStream;
use model::{Answer, Ask, Manifest, RecordingId, TenantId};
use store::KeptAudio;
use tokio::sync::{mpsc, oneshot};

use crate::{
    limits,
    problem::{Kind, Problem},
};

/// What the API wants from the sessions and the plugin host of this process.
#[derive(Debug)]
pub enum ControlRequest {
    /// A question to, or a command for, one tenant's live sessions.
    Ask {
        /// Whose sessions.
        tenant: TenantId,
        /// What is asked.
        ask: Ask,
        /// Answered once; for [`Ask::Calls`] with the calls of all shards.
        reply: oneshot::Sender<Answer>,
    },
    /// The tenant's configuration was written.
    TenantChanged {
        /// Whose.
        tenant: TenantId,
        /// Answered when every shard has the new snapshot.
        done: oneshot::Sender<()>,
    },
    /// An audio file wants to become a prompt: it is decoded and kept.
    KeepAudio {
        /// Whose.
        tenant: TenantId,
        /// The file.
        bytes: Bytes,
        /// Where it is kept, or why it is not.
        reply: oneshot::Sender<Result<KeptAudio, AudioRefused>>,
    },
    /// Audio, as it is kept.
    Audio {
        /// Whose.
        tenant: TenantId,
        /// Which.
        file: AudioFile,
        /// Which octets of it.
        part: Range<u64>,
        /// Nothing if it cannot be read now.
        reply: oneshot::Sender<Option<AudioStream>>,
    },
    /// A component wants to become a plugin version.
    CheckPlugin {
        /// Whose.
        tenant: TenantId,
        /// Its bytes.
        bytes: Bytes,
        /// What it is, or the refusal in the words of `plugin check`.
        reply: oneshot::Sender<Result<Manifest, String>>,
    },
}

/// A file of audio.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AudioFile {
    /// The prompt with that digest.
    Prompt(String),
    /// That recording.
    Recording(RecordingId),
}

/// Octets of a file, piece by piece, read as they are taken; an error ends it.
pub struct AudioStream(pub BoxStream<'static, io::Result<Bytes>>);

impl fmt::Debug for AudioStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AudioStream")
    }
}

/// Why an audio file was not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AudioRefused {
    /// What is wrong with the file.
    File(String),
    /// It is not the file's fault; why is in the node's log.
    Node,
}

impl From<AudioRefused> for Problem {
    fn from(refused: AudioRefused) -> Self {
        match refused {
            AudioRefused::File(why) => Problem::new(Kind::AudioRefused, why),
            AudioRefused::Node => Problem::new(Kind::Unavailable, "the audio cannot be kept now"),
        }
    }
}

/// Why the other side gave no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ControlError {
    /// The queue is full, or nobody reads it any more.
    #[error("the node takes no more requests now")]
    Full,
    /// No answer in time. What was asked for may have happened.
    #[error("no answer in time")]
    Timeout,
}

impl ControlError {
    /// The HTTP status of this error.
    pub fn status(self) -> u16 {
        match self {
            Self::Full => 503,
            Self::Timeout => 504,
        }
    }
}

impl From<ControlError> for Problem {
    fn from(error: ControlError) -> Self {
        let kind = match error {
            ControlError::Full => Kind::Unavailable,
            ControlError::Timeout => Kind::NoAnswer,
        };
        Problem::new(kind, error.to_string())
    }
}

/// The sending side of the queue of [`ControlRequest`]s.
#[derive(Clone, Debug)]
pub struct Control {
    requests: mpsc::Sender<ControlRequest>,
    refused: Arc<AtomicU64>,
    uploads: Arc<Uploads>,
}

/// Uploads that hold their bytes in memory: one of a tenant, so that none has all the places.
#[derive(Debug, Default)]
struct Uploads {
    tenants: Mutex<BTreeSet<TenantId>>,
    refused: AtomicU64,
}

impl Uploads {
    fn tenants(&self) -> MutexGuard<'_, BTreeSet<TenantId>> {
        self.tenants.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A tenant's place among the uploads, until it is dropped.
#[derive(Debug)]
pub(crate) struct UploadPlace {
    uploads: Arc<Uploads>,
    tenant: TenantId,
}

impl Drop for UploadPlace {
    fn drop(&mut self) {
        self.uploads.tenants().remove(&self.tenant);
    }
}

impl Control {
    /// A queue of [`limits::CONTROL_QUEUE`] requests, and the side that answers them.
    pub fn channel() -> (Self, mpsc::Receiver<ControlRequest>) {
        let (requests, receiver) = mpsc::channel(limits::CONTROL_QUEUE);
        let control = Self {
            requests,
            refused: Arc::default(),
            uploads: Arc::default(),
        };
        (control, receiver)
    }

    /// Requests that wait for an answerer, of [`limits::CONTROL_QUEUE`].
    pub fn queued(&self) -> usize {
        self.requests.max_capacity() - self.requests.capacity()
    }

    /// Requests that found the queue full since the start.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Uploads that are under way, of [`limits::UPLOADS`].
    pub fn uploads(&self) -> usize {
        self.uploads.tenants().len()
    }

    /// Uploads that were refused since the start because too many were under way, or one of the tenant's own.
    pub fn uploads_refused(&self) -> u64 {
        self.uploads.refused.load(Ordering::Relaxed)
    }

    /// A place among the uploads, if one is free and the tenant has none yet.
    pub(crate) fn upload(&self, tenant: TenantId) -> Option<UploadPlace> {
        let mut tenants = self.uploads.tenants();
        if tenants.len() < limits::UPLOADS && tenants.insert(tenant) {
            let uploads = Arc::clone(&self.uploads);
            return Some(UploadPlace { uploads, tenant });
        }
        self.uploads.refused.fetch_add(1, Ordering::Relaxed);
        None
    }

    /// Asks the tenant's sessions; waits at most [`limits::CONTROL_ANSWER`].
    pub async fn ask(&self, tenant: TenantId, ask: Ask) -> Result<Answer, ControlError> {
        let (reply, answer) = oneshot::channel();
        self.send(ControlRequest::Ask { tenant, ask, reply })?;
        within(limits::CONTROL_ANSWER, answer).await
    }

    /// Tells every shard that the tenant's configuration was written, and waits until each has it.
    ///
    /// The row is committed: were this refused because the queue is full, no shard would ever hear of
    /// it. So it waits for room as long as it takes; whoever reads the queue waits for nothing else.
    pub async fn tenant_changed(&self, tenant: TenantId) -> Result<(), ControlError> {
        let (done, answer) = oneshot::channel();
        let changed = ControlRequest::TenantChanged { tenant, done };
        let sent = self.requests.send(changed).await;
        sent.map_err(|_| ControlError::Full)?;
        within(limits::CONTROL_ANSWER, answer).await
    }

    /// Has a component checked; waits at most [`limits::PLUGIN_CHECK`], because it is compiled.
    pub async fn check_plugin(
        &self,
        tenant: TenantId,
        bytes: Bytes,
    ) -> Result<Result<Manifest, String>, ControlError> {
        let (reply, answer) = oneshot::channel();
        self.send(ControlRequest::CheckPlugin {
            tenant,
            bytes,
            reply,
        })?;
        within(limits::PLUGIN_CHECK, answer).await
    }

    /// Has an audio file decoded and kept; waits at most [`limits::AUDIO_KEPT`].
    pub async fn keep_audio(
        &self,
        tenant: TenantId,
        bytes: Bytes,
    ) -> Result<Result<KeptAudio, AudioRefused>, ControlError> {
        let (reply, answer) = oneshot::channel();
        self.send(ControlRequest::KeepAudio {
            tenant,
            bytes,
            reply,
        })?;
        within(limits::AUDIO_KEPT, answer).await
    }

    /// A part of a file of audio, if it can be read.
    pub async fn audio(
        &self,
        tenant: TenantId,
        file: AudioFile,
        part: Range<u64>,
    ) -> Result<Option<AudioStream>, ControlError> {
        let (reply, answer) = oneshot::channel();
        self.send(ControlRequest::Audio {
            tenant,
            file,
            part,
            reply,
        })?;
        within(limits::CONTROL_ANSWER, answer).await
    }

    fn send(&self, request: ControlRequest) -> Result<(), ControlError> {
        self.requests.try_send(request).map_err(|_| {
            self.refused.fetch_add(1, Ordering::Relaxed);
            ControlError::Full
        })
    }
}

/// The answer, if it comes in time. A dropped sender is a node that is going down.
async fn within<T>(
    time: Duration,
    answer: impl Future<Output = Result<T, oneshot::error::RecvError>>,
) -> Result<T, ControlError> {
    match tokio::time::timeout(time, answer).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(_)) => Err(ControlError::Full),
        Err(_) => Err(ControlError::Timeout),
    }
}
