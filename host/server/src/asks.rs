//! Carries the API's requests to the shards and their answers back.
//!
//! Never waits for anything but the next request: what cannot be begun is refused at once, so that a
//! change of a tenant is never stuck behind requests.

use std::{collections::BTreeMap, hash::Hasher, ops::Range, sync::Arc};

use api::{AudioFile, AudioRefused, AudioStream, ControlRequest};
use bytes::Bytes;
use control::placement::Placement;
use model::{Answer, Ask, Refusal, TenantId};
use store::KeptAudio;
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinSet,
};

use crate::{
    metrics::Metrics, plugins::Plugins, prompts::Prompts, publish::Publisher, recordings::Shelf,
    shard::Mail,
};

/// Requests that are under way at one time.
const UNDER_WAY: usize = 1_024;
/// Requests of one tenant that are under way at one time.
const UNDER_WAY_TENANT: usize = 64;
/// Uploads that wait for the compiler or are there; the API lets in no more.
const CHECKS: usize = 4;

/// Audio files that are written or read, or wait for the decoder.
const FILES: usize = 16;

/// What it takes to answer the API.
#[derive(Clone)]
pub struct Asks {
    /// The shards.
    pub shards: Vec<mpsc::Sender<Mail>>,
    /// Which of them looks after which trunk.
    pub placement: Placement,
    /// Whom changes of tenants are told.
    pub publisher: Publisher,
    /// The components.
    pub plugins: Arc<Plugins>,
    /// The audio of prompts.
    pub prompts: Arc<Prompts>,
    /// The audio of recordings.
    pub recordings: Arc<Shelf>,
    /// The gauge of requests under way.
    pub metrics: Metrics,
}

impl Asks {
    /// Answers requests until the API is gone.
    pub async fn serve(self, mut requests: mpsc::Receiver<ControlRequest>) {
        let mut under_way: JoinSet<TenantId> = JoinSet::new();
        let mut by_tenant: BTreeMap<TenantId, usize> = BTreeMap::new();
        let mut checks = JoinSet::new();
        let mut files = JoinSet::new();
        loop {
            self.metrics.asks_under_way().set(under_way.len() as f64);
            let request = tokio::select! {
                request = requests.recv() => request,
                Some(ended) = under_way.join_next(), if !under_way.is_empty() => {
                    // A task that panicked leaves its tenant's count one too high; none should.
                    if let Ok(tenant) = ended {
                        leave(&mut by_tenant, tenant);
                    }
                    continue;
                }
            };
            match request {
                None => return,
                Some(ControlRequest::Ask { tenant, ask, reply }) => {
                    let of_tenant = by_tenant.get(&tenant).copied().unwrap_or(0);
                    if of_tenant >= UNDER_WAY_TENANT || under_way.len() >= UNDER_WAY {
                        self.metrics.asks_refused().increment(1);
                        let refusal = Refusal::Unavailable("too many requests are under way");
                        let _ = reply.send(Answer::Refused(refusal));
                        continue;
                    }
                    *by_tenant.entry(tenant).or_default() += 1;
                    let asks = self.clone();
                    under_way.spawn(async move {
                        asks.answer(tenant, ask, reply).await;
                        tenant
                    });
                }
                Some(ControlRequest::TenantChanged { tenant, done }) => {
                    self.publisher.changed(tenant, done);
                }
                Some(ControlRequest::KeepAudio {
                    tenant,
                    bytes,
                    reply,
                }) => self.keep(&mut files, tenant, bytes, reply),
                Some(ControlRequest::Audio {
                    tenant,
                    file,
                    part,
                    reply,
                }) => self.read(&mut files, tenant, (file, part), reply),
                Some(ControlRequest::CheckPlugin {
                    tenant,
                    bytes,
                    mut reply,
                }) => {
                    while checks.try_join_next().is_some() {}
                    if checks.len() >= CHECKS {
                        let _ = reply.send(Err("too many components are being checked".into()));
                        continue;
                    }
                    let plugins = Arc::clone(&self.plugins);
                    checks.spawn(async move {
                        let checked = tokio::select! {
                            checked = plugins.check(Some(tenant), bytes) => checked,
                            () = reply.closed() => return,
                        };
                        let _ = reply.send(checked);
                    });
                }
            }
        }
    }

    /// An audio file becomes one of ours, unless too many are in hand.
    fn keep(
        &self,
        files: &mut JoinSet<()>,
        tenant: TenantId,
        bytes: Bytes,
        mut reply: oneshot::Sender<Result<KeptAudio, AudioRefused>>,
    ) {
        if !has_room(files) {
            let _ = reply.send(Err(AudioRefused::Node));
            return;
        }
        let prompts = Arc::clone(&self.prompts);
        files.spawn(async move {
            let kept = tokio::select! {
                kept = prompts.keep(tenant, bytes) => kept,
                () = reply.closed() => return,
            };
            let _ = reply.send(kept);
        });
    }

    /// An audio file of ours is opened, unless too many are in hand.
    fn read(
        &self,
        files: &mut JoinSet<()>,
        tenant: TenantId,
        (file, part): (AudioFile, Range<u64>),
        reply: oneshot::Sender<Option<AudioStream>>,
    ) {
        if !has_room(files) {
            let _ = reply.send(None);
            return;
        }
        let (prompts, recordings) = (Arc::clone(&self.prompts), Arc::clone(&self.recordings));
        files.spawn(async move {
            let audio = match file {
                AudioFile::Prompt(digest) => prompts.audio(tenant, &digest, part).await,
                AudioFile::Recording(id) => recordings.audio(tenant, id, part).await,
            };
            let _ = reply.send(audio);
        });
    }

    /// Whoever asked may give up: then nobody waits for the shard either.
    async fn answer(&self, tenant: TenantId, ask: Ask, mut reply: oneshot::Sender<Answer>) {
        let answer = tokio::select! {
            answer = self.ask(tenant, ask) => answer,
            () = reply.closed() => return,
        };
        let _ = reply.send(answer);
    }

    async fn ask(&self, tenant: TenantId, ask: Ask) -> Answer {
        let shards = self.shards.len();
        let shard = match &ask {
            // One user's requests meet on one shard: fewer conflicts in the store.
            Ask::Request(request) => hash(&request.user) % shards,
            Ask::Release { call, .. } => usize::from(call.shard()),
            Ask::Trace(session) => usize::from(session.shard()),
            Ask::Trunk(trunk) => usize::from(self.placement.shard_of_trunk(*trunk)),
            // All shards have one directory.
            Ask::Conferences => 0,
            Ask::Calls => return self.all_calls(tenant).await,
        };
        match self.shards.get(shard) {
            Some(mailbox) => to_shard(mailbox, tenant, ask).await,
            // An id that another node, or an earlier run with more shards, has minted.
            None => Answer::Refused(Refusal::NotFound),
        }
    }

    async fn all_calls(&self, tenant: TenantId) -> Answer {
        let mut all = Vec::new();
        for mailbox in &self.shards {
            match to_shard(mailbox, tenant, Ask::Calls).await {
                Answer::Calls(calls) => all.extend(calls),
                other => return other,
            }
        }
        all.sort_by_key(|call| std::cmp::Reverse(call.call));
        Answer::Calls(all)
    }
}

/// Whether one more may be in hand; those that are done make room.
fn has_room(files: &mut JoinSet<()>) -> bool {
    while files.try_join_next().is_some() {}
    files.len() < FILES
}

fn leave(by_tenant: &mut BTreeMap<TenantId, usize>, tenant: TenantId) {
    if let Some(count) = by_tenant.get_mut(&tenant) {
        *count -= 1;
        if *count == 0 {
            by_tenant.remove(&tenant);
        }
    }
}

async fn to_shard(mailbox: &mpsc::Sender<Mail>, tenant: TenantId, ask: Ask) -> Answer {
    let (reply, answer) = oneshot::channel();
    let sent = mailbox.send(Mail::Ask { tenant, ask, reply }).await;
    let gone = Answer::Refused(Refusal::Unavailable("the shard has ended"));
    if sent.is_err() {
        gone
    } else {
        answer.await.unwrap_or(gone)
    }
}

fn hash(user: &str) -> usize {
    let mut hasher = std::hash::DefaultHasher::new();
    hasher.write(user.as_bytes());
    hasher.finish() as usize
}

#[cfg(test)]
mod tests;
