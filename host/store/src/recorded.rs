//! Recorded turns: a row for each, and one for each session that tells how many there are.
//!
//! What stands in a turn's row is for whoever writes and replays it to know. A tenant has the newest
//! [`limits::RECORDED`] sessions, and none longer than [`limits::RECORDED_KEPT`].

use std::collections::BTreeMap;

use model::{SessionId, TenantId};

use crate::db::{Batch, Filtered, Query, Value, parsed, query};
use crate::kv::listed;
use crate::{Listed, Page, Store, StoreError, limits};

type Row = (String, String, i64, String, i64, i64, i64, i64);

/// A turn that is to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedTurn {
    /// Whose.
    pub tenant: TenantId,
    /// Its session.
    pub session: SessionId,
    /// How many turns of the session went before.
    pub number: u32,
    /// The plugin.
    pub plugin: String,
    /// The version that ran.
    pub version: u32,
    /// Its component, `sha256:…`.
    pub digest: String,
    /// The time of its event, Unix milliseconds.
    pub at: u64,
    /// What it was given and did; none: it is only counted.
    pub body: Option<String>,
    /// How many turns of its session before it nobody knows of; they are counted with it.
    pub missing: u32,
}

/// A recorded session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedSession {
    /// Which.
    pub session: SessionId,
    /// The plugin.
    pub plugin: String,
    /// The version that began it.
    pub version: u32,
    /// The component of that version.
    pub digest: String,
    /// The time of its first recorded event, Unix milliseconds.
    pub begin: u64,
    /// Turns that are kept.
    pub turns: u32,
    /// Their octets.
    pub octets: u64,
    /// Turns that are not kept: too many, too large, lost, or behind one that is not.
    pub lost: u32,
}

/// Which recorded sessions; every member that is there must match.
#[derive(Clone, Debug, Default)]
pub struct RecordedFilter {
    /// That one.
    pub session: Option<SessionId>,
    /// Of that plugin.
    pub plugin: Option<String>,
    /// Begun by that version.
    pub version: Option<u32>,
    /// Begun then or later, Unix milliseconds.
    pub since: Option<u64>,
}

/// Keeps turns; tells whether there are any.
pub(crate) fn put(batch: &mut Batch, turns: &[RecordedTurn]) -> bool {
    if turns.is_empty() {
        return false;
    }
    let mut sessions: BTreeMap<(TenantId, SessionId), (&RecordedTurn, [u64; 3])> = BTreeMap::new();
    let mut rows = Vec::new();
    for turn in turns {
        let first = || (turn, [0; 3]);
        let (_, counts) = sessions
            .entry((turn.tenant, turn.session))
            .or_insert_with(first);
        counts[2] += u64::from(turn.missing);
        match &turn.body {
            Some(body) => {
                counts[0] += 1;
                counts[1] += body.len() as u64;
                rows.extend([
                    Value::from(turn.tenant),
                    Value::from(turn.session),
                    Value::from(turn.number),
                    Value::from(body.as_str()),
                ]);
            }
            None => counts[2] += 1,
        }
    }
    let mut counted = Vec::new();
    for ((tenant, session), (first, [turns, octets, lost])) in sessions {
        counted.extend([
            Value::from(tenant),
            Value::from(session),
            Value::from(first.plugin.as_str()),
            Value::from(first.version),
            Value::from(first.digest.as_str()),
            Value::from(first.at),
            Value::from(turns),
            Value::from(octets),
            Value::from(lost),
        ]);
    }
    batch.add(listed(
        "INSERT INTO recorded_session (tenant, session_id, plugin, version, digest, begin_time, turns, octets, lost)
         VALUES ",
        9,
        counted,
        " ON CONFLICT (tenant, session_id) DO UPDATE SET turns = recorded_session.turns + excluded.turns,
          octets = recorded_session.octets + excluded.octets, lost = recorded_session.lost + excluded.lost",
    ));
    if !rows.is_empty() {
        batch.add(listed(
            "INSERT INTO recorded_turn (tenant, session_id, number, body) VALUES ",
            4,
            rows,
            " ON CONFLICT (tenant, session_id, number) DO NOTHING",
        ));
    }
    true
}

impl Store {
    /// The recorded sessions that match, newest first.
    pub async fn recorded_sessions(
        &self,
        tenant: TenantId,
        filter: &RecordedFilter,
        page: &Page<SessionId>,
    ) -> Result<Listed<RecordedSession>, StoreError> {
        let rows = select(tenant, filter, page)
            .rows(&mut self.db().read().await?)
            .await?;
        let sessions: Result<_, _> = rows.into_iter().map(from_row).collect();
        Ok(page.cut(sessions?))
    }

    /// A recorded session, and its turns in order.
    pub async fn recorded_session(
        &self,
        tenant: TenantId,
        session: SessionId,
    ) -> Result<(RecordedSession, Vec<String>), StoreError> {
        let filter = RecordedFilter {
            session: Some(session),
            ..RecordedFilter::default()
        };
        let mut tx = self.db().read().await?;
        let mut found = select(tenant, &filter, &Page::first(1))
            .rows(&mut tx)
            .await?;
        let what = "recorded session";
        let row = found.pop().ok_or(StoreError::NotFound { what })?;
        let turns: Vec<(String,)> = query(
            "SELECT body FROM recorded_turn WHERE tenant = $1 AND session_id = $2 ORDER BY number",
        )
        .bind(tenant)
        .bind(session)
        .rows(&mut tx)
        .await?;
        let turns = turns.into_iter().map(|(body,)| body).collect();
        Ok((from_row(row)?, turns))
    }

    /// Removes what is behind the newest [`limits::RECORDED`] sessions of a tenant, at most
    /// [`limits::SWEEP`] of them; tells how many.
    pub async fn trim_recorded(&self, tenant: TenantId) -> Result<u64, StoreError> {
        let rows: Vec<(String, String)> = query(
            "SELECT tenant, session_id FROM recorded_session WHERE tenant = $1
             ORDER BY session_id DESC LIMIT $2 OFFSET $3",
        )
        .bind(tenant)
        .bind(limits::SWEEP)
        .bind(limits::RECORDED)
        .rows(&mut self.db().read().await?)
        .await?;
        remove(self, rows).await
    }
}

/// Removes sessions that are older than [`limits::RECORDED_KEPT`], at most [`limits::SWEEP`] of them; tells
/// how many.
pub(crate) async fn sweep(store: &Store, now_ms: u64) -> Result<u64, StoreError> {
    let kept = limits::RECORDED_KEPT.as_millis() as u64;
    let first = SessionId::first_of(now_ms.saturating_sub(kept));
    let rows: Vec<(String, String)> =
        query("SELECT tenant, session_id FROM recorded_session WHERE session_id < $1 LIMIT $2")
            .bind(first)
            .bind(limits::SWEEP)
            .rows(&mut store.db().read().await?)
            .await?;
    remove(store, rows).await
}

async fn remove(store: &Store, rows: Vec<(String, String)>) -> Result<u64, StoreError> {
    let count = rows.len() as u64;
    if count == 0 {
        return Ok(0);
    }
    let mut tx = store.db().write().await?;
    for (tenant, session) in rows {
        for sql in [
            "DELETE FROM recorded_turn WHERE tenant = $1 AND session_id = $2",
            "DELETE FROM recorded_session WHERE tenant = $1 AND session_id = $2",
        ] {
            query(sql).bind(&tenant).bind(&session).run(&mut tx).await?;
        }
    }
    tx.commit().await?;
    Ok(count)
}

fn select(tenant: TenantId, filter: &RecordedFilter, page: &Page<SessionId>) -> Query {
    let since = filter.since.map(SessionId::first_of);
    let filtered = Filtered {
        opening: "SELECT session_id, plugin, version, digest, begin_time, turns, octets, lost
                  FROM recorded_session WHERE tenant = $1",
        conditions: [
            ("session_id =", filter.session.map(Value::from)),
            ("plugin =", filter.plugin.as_ref().map(Value::from)),
            ("version =", filter.version.map(Value::from)),
            ("session_id >=", since.map(Value::from)),
            ("session_id <", page.after.map(Value::from)),
        ],
        id: "session_id",
        rows: page.rows(),
    };
    filtered.of(tenant)
}

fn from_row(row: Row) -> Result<RecordedSession, StoreError> {
    let (session, plugin, version, digest, begin, turns, octets, lost) = row;
    Ok(RecordedSession {
        session: parsed(&session)?,
        plugin,
        version: version as u32,
        digest,
        begin: begin as u64,
        turns: turns as u32,
        octets: octets as u64,
        lost: lost as u32,
    })
}
