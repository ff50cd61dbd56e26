//! Carries the API's requests to the shards and their answers back.

use std::{hash::Hasher, sync::Arc};

use api::ControlRequest;
use model::{Answer, Ask, Refusal, TenantId};
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinSet,
};

use crate::{plugins::Plugins, publish::Publisher, shard::Mail};

/// Requests that are on their way at one time; the API's own queue holds the others.
const UNDER_WAY: usize = 1_024;

/// What it takes to answer the API.
#[derive(Clone)]
pub struct Asks {
    /// The shards.
    pub shards: Vec<mpsc::Sender<Mail>>,
    /// Whom changes of tenants are told.
    pub publisher: Publisher,
    /// The components.
    pub plugins: Arc<Plugins>,
}

impl Asks {
    /// Answers requests until the API is gone.
    pub async fn serve(self, mut requests: mpsc::Receiver<ControlRequest>) {
        let mut under_way = JoinSet::new();
        while let Some(request) = requests.recv().await {
            if under_way.len() >= UNDER_WAY {
                under_way.join_next().await;
            }
            while under_way.try_join_next().is_some() {}
            let asks = self.clone();
            under_way.spawn(async move { asks.answer(request).await });
        }
    }

    async fn answer(self, request: ControlRequest) {
        // Whoever asked may have given up meanwhile: then nobody takes the answer.
        match request {
            ControlRequest::Ask { tenant, ask, reply } => {
                let _ = reply.send(self.ask(tenant, ask).await);
            }
            ControlRequest::TenantChanged { tenant, done } => self.publisher.changed(tenant, done),
            ControlRequest::CheckPlugin { bytes, reply } => {
                let _ = reply.send(self.plugins.check(bytes).await);
            }
        }
    }

    async fn ask(&self, tenant: TenantId, ask: Ask) -> Answer {
        let shards = self.shards.len();
        let shard = match &ask {
            // One user's requests meet on one shard: fewer conflicts in the store.
            Ask::Request(request) => hash(&request.user) % shards,
            Ask::Release { call, .. } => usize::from(call.shard()),
            Ask::Trace(session) => usize::from(session.shard()),
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
