//! What a tenant has set for itself, within what its node allows.

use std::time::Duration;

use model::TenantId;

use crate::db::{Tx, query};
use crate::{Store, StoreError, limits};

/// What a tenant has set; `None` is as the node has it. A node's own value is the most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TenantSettings {
    /// For how many seconds a party that was heard may say nothing before its call ends, 5 to
    /// [`limits::MEDIA_TIMEOUT`].
    pub media_timeout_s: Option<u32>,
    /// For how many days recordings are kept, 1 to [`limits::RECORDING_DAYS`].
    pub recordings_days: Option<u32>,
    /// Whether turns of its policies are recorded.
    pub records_turns: bool,
}

impl Default for TenantSettings {
    fn default() -> Self {
        Self {
            media_timeout_s: None,
            recordings_days: None,
            records_turns: true,
        }
    }
}

impl Store {
    /// What a tenant has set.
    pub async fn tenant_settings(&self, tenant: TenantId) -> Result<TenantSettings, StoreError> {
        read(&mut self.db().read().await?, tenant).await
    }

    /// Replaces what a tenant has set.
    pub async fn set_tenant_settings(
        &self,
        tenant: TenantId,
        settings: TenantSettings,
    ) -> Result<(), StoreError> {
        check(settings)?;
        let mut tx = self.db().write().await?;
        let set = query(
            "UPDATE tenant SET media_timeout_s = $2, recordings_days = $3, records_turns = $4
             WHERE id = $1",
        )
        .bind(tenant)
        .bind(settings.media_timeout_s.map(u64::from))
        .bind(settings.recordings_days.map(u64::from))
        .bind(settings.records_turns)
        .run(&mut tx)
        .await?;
        if set == 0 {
            return Err(StoreError::NotFound { what: "tenant" });
        }
        tx.commit().await
    }
}

fn check(settings: TenantSettings) -> Result<(), StoreError> {
    let check = |field, value: Option<u32>, least, most| match value {
        Some(value) if !(least..=most).contains(&value) => Err(StoreError::invalid(
            field,
            format!("is not {least} to {most}"),
        )),
        _ => Ok(()),
    };
    let timeout = settings.media_timeout_s;
    check("media_timeout_seconds", timeout, 5, limits::MEDIA_TIMEOUT)?;
    let days = settings.recordings_days;
    check("recordings_days", days, 1, limits::RECORDING_DAYS)
}

pub(crate) async fn read(tx: &mut Tx, tenant: TenantId) -> Result<TenantSettings, StoreError> {
    let row: Option<(Option<i64>, Option<i64>, bool)> =
        query("SELECT media_timeout_s, recordings_days, records_turns FROM tenant WHERE id = $1")
            .bind(tenant)
            .row(tx)
            .await?;
    let (timeout, days, records_turns) = row.ok_or(StoreError::NotFound { what: "tenant" })?;
    // They were checked when they were written.
    let small = |value: i64| value as u32;
    Ok(TenantSettings {
        media_timeout_s: timeout.map(small),
        recordings_days: days.map(small),
        records_turns,
    })
}

impl TenantSettings {
    /// How long a party may be silent, as shards want it.
    pub(crate) fn media_timeout(self) -> Option<Duration> {
        let seconds = self.media_timeout_s?;
        Some(Duration::from_secs(u64::from(seconds)))
    }
}
