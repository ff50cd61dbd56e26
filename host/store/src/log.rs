//! What policies wrote for their tenant: the newest lines of each plugin.

use model::{LogLevel, LogLine, SessionId, TenantId};

use crate::db::{parsed, query};
use crate::{Store, StoreError, limits, plugin};

type Row = (i64, i64, Option<String>, i64, String, String);

/// A line of a plugin's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredLine {
    /// Its place: counts from 1 per plugin, without gaps and forever.
    pub seq: u64,
    /// The version that wrote it.
    pub version: u32,
    /// The session in which it was written.
    pub session: Option<SessionId>,
    /// When, Unix milliseconds.
    pub at: u64,
    /// How much it matters.
    pub level: LogLevel,
    /// What it says.
    pub message: String,
}

impl Store {
    /// Adds lines, and drops the oldest beyond [`limits::LOG_LINES`].
    pub async fn append_logs(
        &self,
        tenant: TenantId,
        plugin: &str,
        version: u32,
        session: Option<SessionId>,
        at_ms: u64,
        lines: &[LogLine],
    ) -> Result<(), StoreError> {
        if lines.is_empty() {
            return Ok(());
        }
        let mut tx = self.db().write().await?;
        let last: Option<(i64,)> = query(
            "UPDATE plugin SET log_seq = log_seq + $3 WHERE tenant = $1 AND name = $2
             RETURNING log_seq",
        )
        .bind(tenant)
        .bind(plugin)
        .bind(lines.len() as u64)
        .row(&mut tx)
        .await?;
        let (last,) = last.ok_or(StoreError::NotFound { what: "plugin" })?;
        for (line, seq) in lines.iter().zip(last - lines.len() as i64 + 1..) {
            query(
                "INSERT INTO plugin_log
                 (tenant, plugin, seq, version, session_id, at, level, message)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            )
            .bind(tenant)
            .bind(plugin)
            .bind(seq)
            .bind(version)
            .bind(session.map(|session| session.to_string()))
            .bind(at_ms)
            .bind(line.level.as_str())
            .bind(&line.message)
            .run(&mut tx)
            .await?;
        }
        query("DELETE FROM plugin_log WHERE tenant = $1 AND plugin = $2 AND seq <= $3")
            .bind(tenant)
            .bind(plugin)
            .bind(last - limits::LOG_LINES)
            .run(&mut tx)
            .await?;
        tx.commit().await
    }

    /// The lines that follow `after_seq` (0: the oldest kept), in order, at most `limit` and
    /// [`limits::PAGE`].
    pub async fn logs(
        &self,
        tenant: TenantId,
        plugin: &str,
        after_seq: u64,
        limit: u32,
    ) -> Result<Vec<StoredLine>, StoreError> {
        let mut tx = self.db().read().await?;
        plugin::read(&mut tx, tenant, plugin).await?;
        let rows = query(
            "SELECT seq, version, session_id, at, level, message FROM plugin_log
             WHERE tenant = $1 AND plugin = $2 AND seq > $3 ORDER BY seq LIMIT $4",
        )
        .bind(tenant)
        .bind(plugin)
        .bind(i64::try_from(after_seq).unwrap_or(i64::MAX))
        .bind(limit.min(limits::PAGE))
        .rows(&mut tx)
        .await?;
        rows.into_iter().map(from_row).collect()
    }
}

fn from_row((seq, version, session, at, level, message): Row) -> Result<StoredLine, StoreError> {
    Ok(StoredLine {
        seq: seq as u64,
        version: version as u32,
        session: session.as_deref().map(parsed).transpose()?,
        at: at as u64,
        level: level_named(&level)?,
        message,
    })
}

fn level_named(name: &str) -> Result<LogLevel, StoreError> {
    [
        LogLevel::Debug,
        LogLevel::Info,
        LogLevel::Warn,
        LogLevel::Error,
    ]
    .into_iter()
    .find(|level| level.as_str() == name)
    .ok_or_else(|| StoreError::Damaged(format!("no log level: {name:?}")))
}
