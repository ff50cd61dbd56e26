//! Records of calls: written whole at each change, read newest first.

use model::{
    Address, CallDirection, CallId, Cdr, EndReason, Quality, ReleasedBy, SessionId, TenantId,
    turn::Usage,
};

use crate::db::{Batch, Filtered, Query, Tx, Value, parsed, query, record};
use crate::kv::listed;
use crate::{Listed, Page, Store, StoreError};

/// Every column, in the order of [`values`].
macro_rules! columns {
    () => {
        "call_id, tenant, session_id, direction, from_uri, to_uri, begin_time, answer_time, \
         end_time, dropped_by, cause, end_reason, user_data, number, plugin, version, codec, \
         packets_received, packets_sent, packets_lost, turns, guest_us, host_calls, \
         jitter_us, remote_lost, remote_jitter_us, rtt_us, mos, memory, faults"
    };
}

record! {
    struct Row {
        call_id: String,
        session_id: String,
        direction: String,
        from_uri: String,
        to_uri: String,
        begin_time: i64,
        answer_time: Option<i64>,
        end_time: Option<i64>,
        dropped_by: Option<String>,
        cause: Option<i64>,
        end_reason: Option<String>,
        user_data: String,
        number: String,
        plugin: String,
        version: i64,
        codec: Option<String>,
        packets_received: i64,
        packets_sent: i64,
        packets_lost: i64,
        turns: i64,
        guest_us: i64,
        host_calls: i64,
        jitter_us: Option<i64>,
        remote_lost: Option<i64>,
        remote_jitter_us: Option<i64>,
        rtt_us: Option<i64>,
        mos: Option<i64>,
        memory: i64,
        faults: i64,
    }
}

/// Which records; every member that is there must match.
#[derive(Clone, Debug, Default)]
pub struct CdrFilter {
    /// That call.
    pub call: Option<CallId>,
    /// Calls of that session.
    pub session: Option<SessionId>,
    /// Calls with that text of the policy.
    pub user_data: Option<String>,
    /// Calls of that number of the tenant.
    pub number: Option<String>,
    /// Calls that began then or later, Unix milliseconds.
    pub from: Option<u64>,
    /// Calls that began before then, Unix milliseconds.
    pub to: Option<u64>,
}

impl Store {
    /// The records that match, newest first.
    pub async fn cdrs(
        &self,
        tenant: TenantId,
        filter: &CdrFilter,
        page: &Page<CallId>,
    ) -> Result<Listed<Cdr>, StoreError> {
        let statement = select(tenant, filter, page);
        let rows = statement.rows(&mut self.db().read().await?).await?;
        let cdrs: Result<_, _> = rows.into_iter().map(|row| from_row(tenant, row)).collect();
        Ok(page.cut(cdrs?))
    }

    /// The record of one call.
    pub async fn cdr(&self, tenant: TenantId, call: CallId) -> Result<Cdr, StoreError> {
        let filter = CdrFilter {
            call: Some(call),
            ..CdrFilter::default()
        };
        let found = self.cdrs(tenant, &filter, &Page::first(1)).await?;
        let cdr = found.data.into_iter().next();
        cdr.ok_or(StoreError::NotFound { what: "call" })
    }
}

fn select(tenant: TenantId, filter: &CdrFilter, page: &Page<CallId>) -> Query {
    let filtered = Filtered {
        opening: concat!("SELECT ", columns!(), " FROM cdr WHERE tenant = $1"),
        conditions: [
            ("call_id =", filter.call.map(Value::from)),
            ("session_id =", filter.session.map(Value::from)),
            ("user_data =", filter.user_data.as_ref().map(Value::from)),
            ("number =", filter.number.as_ref().map(Value::from)),
            ("begin_time >=", filter.from.map(Value::from)),
            ("begin_time <", filter.to.map(Value::from)),
            ("call_id <", page.after.map(Value::from)),
        ],
        id: "call_id",
        rows: page.rows(),
    };
    filtered.of(tenant)
}

/// Writes whole records, new or changed; tells whether there are any. A call never changes its
/// tenant, session, number or plugin.
pub(crate) fn upsert(batch: &mut Batch, cdrs: &[Cdr]) -> bool {
    if cdrs.is_empty() {
        return false;
    }
    batch.add(listed(
        concat!("INSERT INTO cdr (", columns!(), ") VALUES "),
        30,
        cdrs.iter().flat_map(values),
        " ON CONFLICT (tenant, call_id) DO UPDATE SET
         from_uri = excluded.from_uri, to_uri = excluded.to_uri,
         answer_time = excluded.answer_time, end_time = excluded.end_time,
         dropped_by = excluded.dropped_by, cause = excluded.cause,
         end_reason = excluded.end_reason, user_data = excluded.user_data,
         version = excluded.version, codec = excluded.codec, packets_received = excluded.packets_received,
         packets_sent = excluded.packets_sent, packets_lost = excluded.packets_lost,
         turns = excluded.turns, guest_us = excluded.guest_us, host_calls = excluded.host_calls,
         jitter_us = excluded.jitter_us, remote_lost = excluded.remote_lost,
         remote_jitter_us = excluded.remote_jitter_us, rtt_us = excluded.rtt_us, mos = excluded.mos,
         memory = excluded.memory, faults = excluded.faults",
    ));
    true
}

fn values(cdr: &Cdr) -> [Value; 30] {
    [
        cdr.call.into(),
        cdr.tenant.into(),
        cdr.session.into(),
        cdr.direction.as_str().into(),
        cdr.from.as_str().into(),
        cdr.to.as_str().into(),
        cdr.begin.into(),
        cdr.answer.into(),
        cdr.end.into(),
        cdr.dropped_by.map(|by| by.as_str().to_owned()).into(),
        cdr.cause.map(u64::from).into(),
        cdr.end_reason
            .map(|reason| reason.as_str().to_owned())
            .into(),
        (&cdr.user_data).into(),
        (&cdr.number).into(),
        (&cdr.plugin).into(),
        cdr.version.into(),
        cdr.codec.clone().into(),
        cdr.packets_received.into(),
        cdr.packets_sent.into(),
        cdr.packets_lost.into(),
        cdr.usage.turns.into(),
        cdr.usage.guest_us.into(),
        cdr.usage.host_calls.into(),
        cdr.quality.jitter_us.into(),
        cdr.quality.remote_lost.into(),
        cdr.quality.remote_jitter_us.into(),
        cdr.quality.rtt_us.into(),
        cdr.quality.mos.map(u64::from).into(),
        cdr.usage.memory.into(),
        cdr.usage.faults.into(),
    ]
}

/// Nobody saw how the open calls of the last run ended: their end, cause and who dropped them stay
/// unknown.
pub(crate) async fn close_open(tx: &mut Tx) -> Result<u64, StoreError> {
    query("UPDATE cdr SET end_reason = $1 WHERE end_reason IS NULL")
        .bind(EndReason::NodeLost.as_str())
        .run(tx)
        .await
}

fn from_row(tenant: TenantId, row: Row) -> Result<Cdr, StoreError> {
    let address = |text: &str| parsed::<Address>(text);
    Ok(Cdr {
        call: parsed(&row.call_id)?,
        session: parsed(&row.session_id)?,
        tenant,
        direction: direction_named(&row.direction)?,
        from: address(&row.from_uri)?,
        to: address(&row.to_uri)?,
        begin: row.begin_time as u64,
        answer: row.answer_time.map(|time| time as u64),
        end: row.end_time.map(|time| time as u64),
        dropped_by: row
            .dropped_by
            .as_deref()
            .map(released_by_named)
            .transpose()?,
        cause: row.cause.map(|cause| cause as u16),
        end_reason: row
            .end_reason
            .as_deref()
            .map(end_reason_named)
            .transpose()?,
        user_data: row.user_data,
        number: row.number,
        plugin: row.plugin,
        version: row.version as u32,
        codec: row.codec,
        packets_received: row.packets_received as u64,
        packets_sent: row.packets_sent as u64,
        packets_lost: row.packets_lost as u64,
        quality: Quality {
            jitter_us: row.jitter_us.map(|it| it as u64),
            remote_lost: row.remote_lost.map(|it| it as u64),
            remote_jitter_us: row.remote_jitter_us.map(|it| it as u64),
            rtt_us: row.rtt_us.map(|it| it as u64),
            mos: row.mos.map(|it| it as u16),
        },
        usage: Usage {
            turns: row.turns as u32,
            guest_us: row.guest_us as u64,
            host_calls: row.host_calls as u32,
            memory: row.memory as u64,
            faults: row.faults as u32,
        },
    })
}

fn direction_named(name: &str) -> Result<CallDirection, StoreError> {
    [CallDirection::Inbound, CallDirection::Outbound]
        .into_iter()
        .find(|direction| direction.as_str() == name)
        .ok_or_else(|| StoreError::Damaged(format!("no direction: {name:?}")))
}

fn released_by_named(name: &str) -> Result<ReleasedBy, StoreError> {
    [ReleasedBy::System, ReleasedBy::User]
        .into_iter()
        .find(|by| by.as_str() == name)
        .ok_or_else(|| StoreError::Damaged(format!("nobody who drops calls: {name:?}")))
}

fn end_reason_named(name: &str) -> Result<EndReason, StoreError> {
    EndReason::from_name(name)
        .ok_or_else(|| StoreError::Damaged(format!("no end reason: {name:?}")))
}
