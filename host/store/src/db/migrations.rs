//! The steps from an empty database, or an older release's, to this one's tables.

use sqlx::SqlitePool;

use crate::StoreError;

/// What brings the tables up to date, in order. One that was released never changes.
pub(super) const MIGRATIONS: [(&str, &str); 23] = [
    (
        "first",
        include_str!("../../migrations/sqlite/0001_first.sql"),
    ),
    (
        "cdr by number",
        include_str!("../../migrations/sqlite/0002_cdr_by_number.sql"),
    ),
    (
        "kv quota",
        include_str!("../../migrations/sqlite/0003_kv_quota.sql"),
    ),
    (
        "transport",
        include_str!("../../migrations/sqlite/0004_transport.sql"),
    ),
    (
        "bindings",
        include_str!("../../migrations/sqlite/0005_bindings.sql"),
    ),
    (
        "trunk settings",
        include_str!("../../migrations/sqlite/0006_trunk_settings.sql"),
    ),
    (
        "clustered",
        include_str!("../../migrations/sqlite/0007_clustered.sql"),
    ),
    (
        "trunk respells",
        include_str!("../../migrations/sqlite/0008_trunk_respells.sql"),
    ),
    (
        "prompts",
        include_str!("../../migrations/sqlite/0009_prompts.sql"),
    ),
    (
        "quality",
        include_str!("../../migrations/sqlite/0010_quality.sql"),
    ),
    (
        "phone srtp",
        include_str!("../../migrations/sqlite/0011_phone_srtp.sql"),
    ),
    (
        "recordings",
        include_str!("../../migrations/sqlite/0012_recordings.sql"),
    ),
    (
        "recordings erased",
        include_str!("../../migrations/sqlite/0013_recordings_erased.sql"),
    ),
    (
        "phone voice",
        include_str!("../../migrations/sqlite/0014_phone_voice.sql"),
    ),
    (
        "recordings placed",
        include_str!("../../migrations/sqlite/0015_recordings_placed.sql"),
    ),
    (
        "tenant settings",
        include_str!("../../migrations/sqlite/0016_tenant_settings.sql"),
    ),
    (
        "plugin trial",
        include_str!("../../migrations/sqlite/0017_plugin_trial.sql"),
    ),
    (
        "usage",
        include_str!("../../migrations/sqlite/0018_usage.sql"),
    ),
    (
        "recorded turns",
        include_str!("../../migrations/sqlite/0019_recorded_turns.sql"),
    ),
    (
        "plugin shadow",
        include_str!("../../migrations/sqlite/0020_plugin_shadow.sql"),
    ),
    (
        "plugin probation",
        include_str!("../../migrations/sqlite/0021_plugin_probation.sql"),
    ),
    (
        "plugin since",
        include_str!("../../migrations/sqlite/0022_plugin_since.sql"),
    ),
    (
        "plugin left",
        include_str!("../../migrations/sqlite/0023_plugin_left.sql"),
    ),
];

/// Does those that the database has not seen.
pub(super) async fn migrate(
    pool: &SqlitePool,
    steps: &[(&str, &'static str)],
) -> Result<(), StoreError> {
    use sqlx::migrate::{Migration, MigrationType, Migrator};
    let migrations = steps.iter().zip(1..).map(|((name, sql), version)| {
        let sql = sqlx::SqlStr::from_static(sql);
        Migration::new(
            version,
            (*name).to_owned().into(),
            MigrationType::Simple,
            sql,
            false,
        )
    });
    let migrator = Migrator::with_migrations(migrations.collect());
    let migrated = migrator.run(pool).await;
    migrated.map_err(|why| StoreError::Unavailable(format!("cannot migrate: {why}")))
}
