//! Traces: one bounded row per session, found by session or by any of its calls.
//!
//! The row is JSON of the types below, which spell the model's nouns for the disk: a field may be
//! added with a default, never renamed.

use model::{CallId, Lane, SessionId, TenantId, Trace, TraceEntry, TraceItem};
use serde::{Deserialize, Serialize};

use crate::db::{Batch, Value, from_json, parsed, query};
use crate::kv::listed;
use crate::{Store, StoreError};

#[derive(Serialize, Deserialize)]
struct Body {
    lanes: Vec<LaneRow>,
    entries: Vec<EntryRow>,
    dropped: u32,
}

#[derive(Serialize, Deserialize)]
struct LaneRow {
    call: String,
    label: String,
}

#[derive(Serialize, Deserialize)]
struct EntryRow {
    at_us: u64,
    #[serde(flatten)]
    item: ItemRow,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
enum ItemRow {
    Sip {
        call: String,
        sent: bool,
        line: String,
        sdp: bool,
    },
    Turn {
        event: String,
        call: Option<String>,
        decisions: Vec<String>,
    },
    Media {
        call: String,
        what: String,
    },
    Note {
        what: String,
    },
}

/// Keeps traces, each with its tenant in it; an earlier one of a session is replaced. Tells whether
/// there are any.
pub(crate) fn put(batch: &mut Batch, traces: &[Trace]) -> Result<bool, StoreError> {
    if traces.is_empty() {
        return Ok(false);
    }
    let (mut rows, mut calls) = (Vec::new(), Vec::new());
    for trace in traces {
        let body = serde_json::to_string(&Body::from(trace));
        let body = body.map_err(|why| StoreError::Damaged(why.to_string()))?;
        let (session, tenant) = (Value::from(trace.session), Value::from(trace.tenant));
        for lane in &trace.lanes {
            calls.extend([Value::from(lane.call), tenant.clone(), session.clone()]);
        }
        rows.extend([session, tenant, Value::from(trace.begin), Value::from(body)]);
    }
    batch.add(listed(
        "INSERT INTO trace (session_id, tenant, begin_time, body) VALUES ",
        4,
        rows,
        " ON CONFLICT (session_id) DO UPDATE SET body = excluded.body
         WHERE trace.tenant = excluded.tenant",
    ));
    if !calls.is_empty() {
        batch.add(listed(
            "INSERT INTO trace_call (call_id, tenant, session_id) VALUES ",
            3,
            calls,
            " ON CONFLICT (tenant, call_id) DO NOTHING",
        ));
    }
    Ok(true)
}

impl Store {
    /// The trace of a session that is over.
    pub async fn trace_of_session(
        &self,
        tenant: TenantId,
        session: SessionId,
    ) -> Result<Trace, StoreError> {
        let row: Option<(i64, String)> =
            query("SELECT begin_time, body FROM trace WHERE tenant = $1 AND session_id = $2")
                .bind(tenant)
                .bind(session)
                .row(&mut self.db().read().await?)
                .await?;
        let (begin, body) = row.ok_or(StoreError::NotFound { what: "trace" })?;
        let body: Body = from_json(&body)?;
        let mut trace = Trace::new(session, tenant, begin as u64);
        trace.lanes = body.lanes.iter().map(lane).collect::<Result<_, _>>()?;
        trace.entries = body
            .entries
            .into_iter()
            .map(entry)
            .collect::<Result<_, _>>()?;
        trace.dropped = body.dropped;
        Ok(trace)
    }

    /// The trace of the session that a call belonged to.
    pub async fn trace_of_call(&self, tenant: TenantId, call: CallId) -> Result<Trace, StoreError> {
        let row: Option<(String,)> =
            query("SELECT session_id FROM trace_call WHERE tenant = $1 AND call_id = $2")
                .bind(tenant)
                .bind(call)
                .row(&mut self.db().read().await?)
                .await?;
        let (session,) = row.ok_or(StoreError::NotFound { what: "trace" })?;
        self.trace_of_session(tenant, parsed(&session)?).await
    }
}

impl From<&Trace> for Body {
    fn from(trace: &Trace) -> Self {
        let lane = |lane: &Lane| LaneRow {
            call: lane.call.to_string(),
            label: lane.label.clone(),
        };
        let entry = |entry: &TraceEntry| EntryRow {
            at_us: entry.at_us,
            item: ItemRow::from(&entry.item),
        };
        Body {
            lanes: trace.lanes.iter().map(lane).collect(),
            entries: trace.entries.iter().map(entry).collect(),
            dropped: trace.dropped,
        }
    }
}

impl From<&TraceItem> for ItemRow {
    fn from(item: &TraceItem) -> Self {
        match item.clone() {
            TraceItem::Sip {
                call,
                sent,
                line,
                sdp,
            } => ItemRow::Sip {
                call: call.to_string(),
                sent,
                line,
                sdp,
            },
            TraceItem::Turn {
                event,
                call,
                decisions,
            } => ItemRow::Turn {
                event,
                call: call.map(|call| call.to_string()),
                decisions,
            },
            TraceItem::Media { call, what } => ItemRow::Media {
                call: call.to_string(),
                what,
            },
            TraceItem::Note { what } => ItemRow::Note { what },
        }
    }
}

fn lane(row: &LaneRow) -> Result<Lane, StoreError> {
    Ok(Lane {
        call: parsed(&row.call)?,
        label: row.label.clone(),
    })
}

fn entry(row: EntryRow) -> Result<TraceEntry, StoreError> {
    let item = match row.item {
        ItemRow::Sip {
            call,
            sent,
            line,
            sdp,
        } => TraceItem::Sip {
            call: parsed(&call)?,
            sent,
            line,
            sdp,
        },
        ItemRow::Turn {
            event,
            call,
            decisions,
        } => TraceItem::Turn {
            event,
            call: call.as_deref().map(parsed).transpose()?,
            decisions,
        },
        ItemRow::Media { call, what } => TraceItem::Media {
            call: parsed(&call)?,
            what,
        },
        ItemRow::Note { what } => TraceItem::Note { what },
    };
    let at_us = row.at_us;
    Ok(TraceEntry { at_us, item })
}
