//! Group commit: what wants to be durable at one time shares one transaction, and one fsync.
//!
//! One task owns the connection that writes and takes whatever waits for it. A member that is in
//! conflict or over its quota leaves the group and the others stay; a group that fails as a whole
//! is tried again one by one, so that a row at fault keeps nobody else. What turns wrote is remembered
//! as soon as it is durable. Knows what is in a group, but not why anybody writes it.

use std::{
    any::Any,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use model::{Cdr, TenantId, Trace, turn::StoreTouch};
use tokio::sync::{mpsc, oneshot};

use crate::{
    RecordedTurn, RecordingChange, StoreError, cdr,
    db::{Batch, Pen},
    kv::{CommitError, Memory, Sheet},
    limits, recorded, recording, trace,
};

/// Something to be written.
#[derive(Debug)]
pub(crate) enum Job {
    /// What a turn read and wrote.
    Turn(TurnJob),
    /// What is kept of calls and sessions.
    Records(Records, oneshot::Sender<Result<(), StoreError>>),
    /// Write what waits, and end.
    Close,
}

#[derive(Debug)]
pub(crate) struct TurnJob {
    pub(crate) tenant: TenantId,
    pub(crate) touch: StoreTouch,
    /// The time of the turn's event.
    pub(crate) now_ms: u64,
    pub(crate) reply: oneshot::Sender<Result<(), CommitError>>,
    /// Set by whoever is first: the group that takes it, or the asker who takes it back.
    pub(crate) settled: Arc<AtomicBool>,
    /// Kept until its outcome is known.
    pub(crate) held: Option<Box<dyn Any + Send + Sync>>,
}

/// Records of calls and sessions.
#[derive(Clone, Debug, Default)]
pub struct Records {
    /// Rows of calls, each whole.
    pub cdrs: Vec<Cdr>,
    /// Traces of sessions that are over.
    pub traces: Vec<Trace>,
    /// What happened to recordings, in order.
    pub recordings: Vec<RecordingChange>,
    /// Turns of policies.
    pub turns: Vec<RecordedTurn>,
}

impl From<Vec<RecordedTurn>> for Records {
    fn from(turns: Vec<RecordedTurn>) -> Self {
        Self {
            turns,
            ..Self::default()
        }
    }
}

impl From<&[RecordingChange]> for Records {
    fn from(recordings: &[RecordingChange]) -> Self {
        Self {
            recordings: recordings.to_vec(),
            ..Self::default()
        }
    }
}

impl From<&[Cdr]> for Records {
    fn from(cdrs: &[Cdr]) -> Self {
        Self {
            cdrs: cdrs.to_vec(),
            ..Self::default()
        }
    }
}

impl From<&[Trace]> for Records {
    fn from(traces: &[Trace]) -> Self {
        Self {
            traces: traces.to_vec(),
            ..Self::default()
        }
    }
}

/// What became of a member of a group that was written.
enum Done {
    Turn(Result<(), CommitError>),
    Records,
}

/// Writes until it is told to close, or nobody can ask any more.
pub(crate) async fn write(mut pen: Pen, mut jobs: mpsc::Receiver<Job>, memory: Arc<Memory>) {
    let mut waiting = Vec::with_capacity(limits::GROUP);
    while jobs.recv_many(&mut waiting, limits::GROUP).await > 0 {
        let mut group = Vec::new();
        let mut keys = 0;
        for job in waiting.drain(..) {
            match &job {
                Job::Turn(turn) if turn.settled.swap(true, Ordering::AcqRel) => continue,
                Job::Turn(turn) => {
                    let more = turn.touch.reads.len() + turn.touch.writes.len();
                    if keys + more > limits::GROUP_KEYS && !group.is_empty() {
                        write_group(&mut pen, std::mem::take(&mut group), &memory).await;
                        keys = 0;
                    }
                    keys += more;
                }
                Job::Records(..) => {}
                Job::Close => {
                    jobs.close();
                    continue;
                }
            }
            group.push(job);
        }
        if !group.is_empty() {
            write_group(&mut pen, group, &memory).await;
        }
    }
    pen.close().await;
}

async fn write_group(pen: &mut Pen, group: Vec<Job>, memory: &Memory) {
    match try_group(pen, &group, memory).await {
        Ok(done) => group
            .into_iter()
            .zip(done)
            .for_each(|(job, done)| match done {
                Done::Turn(done) => answer(job, &Ok(done)),
                Done::Records => answer(job, &Ok(Ok(()))),
            }),
        // The engine is away: one by one it would be so, too.
        Err(error) if group.len() == 1 || matches!(error, StoreError::Unavailable(_)) => {
            for job in group {
                answer(job, &Err(error.clone()));
            }
        }
        Err(_) => {
            for job in group {
                let alone = [job];
                let done = try_group(pen, &alone, memory).await;
                let done = done.map(|mut done| match done.pop() {
                    Some(Done::Turn(done)) => done,
                    _ => Ok(()),
                });
                let [job] = alone;
                answer(job, &done);
            }
        }
    }
}

/// Askers who gave up need no answer.
fn answer(job: Job, done: &Result<Result<(), CommitError>, StoreError>) {
    match job {
        Job::Turn(TurnJob { reply, held, .. }) => {
            let done = done.clone();
            drop(held);
            let _ = reply.send(done.unwrap_or_else(|error| Err(error.into())));
        }
        Job::Records(_, reply) => {
            let _ = reply.send(done.clone().map(|_| ()));
        }
        Job::Close => {}
    }
}

/// Writes all of it in one transaction, but for the turns that it judges not to be written. An error:
/// nothing of it was written.
async fn try_group(pen: &mut Pen, group: &[Job], memory: &Memory) -> Result<Vec<Done>, StoreError> {
    let _turn = pen.turn().await;
    let mut sheet = Sheet::default();
    for job in group {
        if let Job::Turn(turn) = job {
            sheet.expect(turn.tenant, &turn.touch, memory);
        }
    }
    let mut batch = Batch::begin();
    let has_begun = sheet.lacks_any();
    if has_begun {
        sheet.ask(&mut batch);
        let mut answers = pen.run(batch).await?;
        if let Err(error) = sheet.fill(&mut answers, memory) {
            pen.roll_back().await;
            return Err(error);
        }
        batch = Batch::default();
    }
    let done = group
        .iter()
        .map(|job| match job {
            Job::Turn(turn) => Done::Turn(sheet.judge(turn.tenant, &turn.touch, turn.now_ms)),
            Job::Records(..) | Job::Close => Done::Records,
        })
        .collect();
    let mut changes = sheet.changes(&mut batch);
    for job in group {
        if let Job::Records(records, _) = job {
            changes |= cdr::upsert(&mut batch, &records.cdrs);
            changes |= recording::put(&mut batch, &records.recordings);
            changes |= recorded::put(&mut batch, &records.turns);
            match trace::put(&mut batch, &records.traces) {
                Ok(any) => changes |= any,
                Err(error) => {
                    if has_begun {
                        pen.roll_back().await;
                    }
                    return Err(error);
                }
            }
        }
    }
    if changes {
        let written = pen.run(batch.commit()).await;
        written.inspect_err(|_| sheet.forget(memory))?;
        sheet.remember(memory);
    } else if has_begun {
        pen.roll_back().await;
    }
    Ok(done)
}

#[cfg(test)]
mod tests;
