//! Prompts of a tenant: their names, and the digests by which their audio is found.

use std::collections::BTreeMap;

use model::{PromptFile, TenantId};

use crate::db::{Tx, check_room, query};
use crate::{Listed, Page, Store, StoreError, limits};

type Row = (String, String, i64, i64, i64);

/// Audio that is kept in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptAudio {
    /// `sha256:…` of the file.
    pub digest: String,
    /// How long the file is.
    pub octets: u64,
    /// How long it plays, in milliseconds.
    pub duration_ms: u64,
}

/// A prompt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prompt {
    /// Its name.
    pub name: String,
    /// Its audio.
    pub audio: KeptAudio,
    /// When this audio was uploaded, Unix milliseconds.
    pub created: u64,
}

impl Store {
    /// Adds a prompt.
    pub async fn create_prompt(
        &self,
        tenant: TenantId,
        name: &str,
        audio: &KeptAudio,
        now_ms: u64,
    ) -> Result<Prompt, StoreError> {
        check_name(name)?;
        let mut tx = self.db().write().await?;
        let count = query("SELECT count(*) FROM prompt WHERE tenant = $1").bind(tenant);
        check_room(&mut tx, count, "prompts", limits::PROMPTS).await?;
        check_octets(&mut tx, tenant, name, audio).await?;
        query(
            "INSERT INTO prompt (tenant, name, digest, octets, duration, created)
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(tenant)
        .bind(name)
        .bind(&audio.digest)
        .bind(audio.octets)
        .bind(audio.duration_ms)
        .bind(now_ms)
        .run(&mut tx)
        .await
        .map_err(|e| e.taken(|| format!("the tenant has a prompt {name} already")))?;
        let made = read(&mut tx, tenant, name).await?;
        tx.commit().await?;
        Ok(made)
    }

    /// Gives a prompt other audio.
    pub async fn replace_prompt(
        &self,
        tenant: TenantId,
        name: &str,
        audio: &KeptAudio,
        now_ms: u64,
    ) -> Result<Prompt, StoreError> {
        let mut tx = self.db().write().await?;
        check_octets(&mut tx, tenant, name, audio).await?;
        query(
            "UPDATE prompt SET digest = $3, octets = $4, duration = $5, created = $6
             WHERE tenant = $1 AND name = $2",
        )
        .bind(tenant)
        .bind(name)
        .bind(&audio.digest)
        .bind(audio.octets)
        .bind(audio.duration_ms)
        .bind(now_ms)
        .run(&mut tx)
        .await?;
        let made = read(&mut tx, tenant, name).await?;
        tx.commit().await?;
        Ok(made)
    }

    /// The prompts, by name.
    pub async fn prompts(
        &self,
        tenant: TenantId,
        page: &Page<String>,
    ) -> Result<Listed<Prompt>, StoreError> {
        let rows: Vec<Row> = query(
            "SELECT name, digest, octets, duration, created FROM prompt
             WHERE tenant = $1 AND name > $2 ORDER BY name LIMIT $3",
        )
        .bind(tenant)
        .bind(page.cursor())
        .bind(page.rows())
        .rows(&mut self.db().read().await?)
        .await?;
        Ok(page.cut(rows.into_iter().map(from_row).collect()))
    }

    /// One prompt.
    pub async fn prompt(&self, tenant: TenantId, name: &str) -> Result<Prompt, StoreError> {
        read(&mut self.db().read().await?, tenant, name).await
    }

    /// Removes a prompt.
    pub async fn delete_prompt(&self, tenant: TenantId, name: &str) -> Result<(), StoreError> {
        let mut tx = self.db().write().await?;
        let gone = query("DELETE FROM prompt WHERE tenant = $1 AND name = $2")
            .bind(tenant)
            .bind(name)
            .run(&mut tx)
            .await?;
        if gone == 0 {
            return Err(StoreError::NotFound { what: "prompt" });
        }
        tx.commit().await
    }
}

/// What a shard knows of a tenant's prompts.
pub(crate) async fn files(
    tx: &mut Tx,
    tenant: TenantId,
) -> Result<BTreeMap<String, PromptFile>, StoreError> {
    let rows: Vec<(String, String, i64)> =
        query("SELECT name, digest, duration FROM prompt WHERE tenant = $1")
            .bind(tenant)
            .rows(tx)
            .await?;
    let file = |(name, digest, duration): (String, String, i64)| {
        let digest = digest.into();
        let duration_ms = duration as u64;
        (
            name,
            PromptFile {
                digest,
                duration_ms,
            },
        )
    };
    Ok(rows.into_iter().map(file).collect())
}

async fn read(tx: &mut Tx, tenant: TenantId, name: &str) -> Result<Prompt, StoreError> {
    let row = query(
        "SELECT name, digest, octets, duration, created FROM prompt
         WHERE tenant = $1 AND name = $2",
    )
    .bind(tenant)
    .bind(name)
    .row(tx)
    .await?;
    row.map(from_row)
        .ok_or(StoreError::NotFound { what: "prompt" })
}

fn check_name(name: &str) -> Result<(), StoreError> {
    if PromptFile::is_name(name) {
        return Ok(());
    }
    let why = "not 1 to 64 of 0-9 A-Z a-z . _ -, beginning with a letter or digit";
    Err(StoreError::invalid("name", why))
}

/// Whether there is room for that audio in place of what the name has now.
async fn check_octets(
    tx: &mut Tx,
    tenant: TenantId,
    name: &str,
    audio: &KeptAudio,
) -> Result<(), StoreError> {
    let others = "SELECT cast(coalesce(sum(octets), 0) AS BIGINT) FROM prompt
                  WHERE tenant = $1 AND name <> $2";
    let others = query(others).bind(tenant).bind(name);
    let (others,) = others.row::<(i64,)>(tx).await?.unwrap_or((0,));
    let (what, most) = ("octets of prompts", limits::PROMPT_OCTETS);
    if others.saturating_add(audio.octets as i64) > most {
        return Err(StoreError::Limit { what, most });
    }
    Ok(())
}

fn from_row((name, digest, octets, duration, created): Row) -> Prompt {
    Prompt {
        name,
        audio: KeptAudio {
            digest,
            octets: octets as u64,
            duration_ms: duration as u64,
        },
        created: created as u64,
    }
}
