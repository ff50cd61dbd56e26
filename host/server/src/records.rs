//! The writers of records: CDRs in group commits, traces and logs as they come.
//!
//! The only writer of CDRs. A row is durable when its group's transaction is; then its shard is told.

use std::time::Duration;

use control::TenantLog;
use model::Cdr;
use store::{Store, admin};
use tokio::sync::mpsc;

use crate::{
    outlets::{CdrJob, Record},
    shard::Mail,
};

/// Rows of one commit at most.
const GROUP: usize = 128;
/// How long the first row of a group waits for others.
const GATHER: Duration = Duration::from_millis(2);
/// Room in the queue of CDRs: three rows a call, some seconds of a busy node.
pub const CDRS: usize = 8_192;
/// Room in the queue of traces and logs.
pub const RECORDS: usize = 4_096;

/// Writes CDRs until every sender is gone.
pub async fn write_cdrs(
    store: Store,
    mut jobs: mpsc::Receiver<CdrJob>,
    shards: Vec<mpsc::Sender<Mail>>,
) {
    let mut group = Vec::with_capacity(GROUP);
    while jobs.recv_many(&mut group, GROUP).await > 0 {
        if group.len() < GROUP {
            tokio::time::sleep(GATHER).await;
            while group.len() < GROUP
                && let Ok(job) = jobs.try_recv()
            {
                group.push(job);
            }
        }
        let rows: Vec<Cdr> = group.iter().map(|job| (*job.cdr).clone()).collect();
        if let Err(error) = admin::upsert_cdrs(&store, &rows).await {
            // The calls that wait end with 503; the others' next row is whole again.
            tracing::warn!(%error, rows = rows.len(), "CDRs could not be written");
            group.clear();
            continue;
        }
        for job in group.drain(..) {
            // A shard that has ended waits for nothing.
            let _ = shards[usize::from(job.shard)]
                .send(Mail::Durable(job.ticket))
                .await;
        }
    }
}

/// Writes traces and logs until every sender is gone.
pub async fn write_records(store: Store, mut records: mpsc::Receiver<Record>) {
    while let Some(record) = records.recv().await {
        let written = match record {
            Record::Trace(trace) => store.put_trace(&trace).await,
            Record::Log(log) => {
                let TenantLog {
                    tenant,
                    plugin,
                    version,
                    session,
                    at,
                    lines,
                } = *log;
                store
                    .append_logs(tenant, &plugin, version, Some(session), at, &lines)
                    .await
            }
        };
        if let Err(error) = written {
            tracing::warn!(%error, "a trace or log could not be written");
        }
    }
}
