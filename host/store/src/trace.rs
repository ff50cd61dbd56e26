//! Traces: one bounded row per session, found by session or by any of its calls.
//!
//! What stands in a row is [`body`]'s.

mod body;

use model::{CallId, SessionId, TenantId, Trace};

use crate::db::{Batch, Value, parsed, query};
use crate::kv::listed;
use crate::{Store, StoreError};

/// Keeps traces, each with its tenant in it; an earlier one of a session is replaced. Tells whether
/// there are any.
pub(crate) fn put(batch: &mut Batch, traces: &[Trace]) -> Result<bool, StoreError> {
    if traces.is_empty() {
        return Ok(false);
    }
    let (mut rows, mut calls) = (Vec::new(), Vec::new());
    for trace in traces {
        let body = body::write(trace)?;
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
        let mut trace = Trace::new(session, tenant, begin as u64);
        body::read(&body, &mut trace)?;
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
