//! Recordings: a row when one begins, changed when its file is whole or has failed. Newest first.

pub(crate) mod expired;
pub(crate) mod placed;

use std::collections::BTreeSet;

use model::{Audio, CallId, Recording, RecordingId, RecordingState, SessionId, TenantId};

use crate::db::{Batch, Filtered, Query, Tx, Value, parsed, query};
pub use expired::Expired;
pub use placed::{Place, Placed};

use crate::{Listed, Page, Store, StoreError, limits};

type Row = (
    String,
    String,
    String,
    String,
    String,
    i64,
    String,
    Option<i64>,
    Option<i64>,
);

/// Every column, in the order of [`Row`].
macro_rules! columns {
    () => {
        "tenant, id, call_id, session_id, name, begin_time, state, duration_ms, octets"
    };
}

/// What happens to recordings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecordingChange {
    /// One begins.
    Begun(Recording),
    /// What became of its file. One that is gone stays gone.
    Ended(RecordingId, RecordingState),
    /// Its audio is there now.
    Placed(RecordingId, Place),
    /// It was deleted, and its audio is erased: nothing is left of it.
    Erased(RecordingId),
}

/// Which recordings; every member that is there must match.
#[derive(Clone, Debug, Default)]
pub struct RecordingFilter {
    /// That one.
    pub id: Option<RecordingId>,
    /// Of that call.
    pub call: Option<CallId>,
    /// Of that session.
    pub session: Option<SessionId>,
    /// With that name.
    pub name: Option<String>,
    /// In that state ([`RecordingState::as_str`]).
    pub state: Option<String>,
    /// That began then or later, Unix milliseconds.
    pub from: Option<u64>,
    /// That began before then, Unix milliseconds.
    pub to: Option<u64>,
}

impl Store {
    /// The recordings that match, newest first.
    pub async fn recordings(
        &self,
        tenant: TenantId,
        filter: &RecordingFilter,
        page: &Page<RecordingId>,
    ) -> Result<Listed<Recording>, StoreError> {
        let statement = select(tenant, filter, page);
        let rows: Vec<Row> = statement.rows(&mut self.db().read().await?).await?;
        let recordings: Result<_, _> = rows.into_iter().map(from_row).collect();
        Ok(page.cut(recordings?))
    }

    /// One recording.
    pub async fn recording(
        &self,
        tenant: TenantId,
        id: RecordingId,
    ) -> Result<Recording, StoreError> {
        let filter = RecordingFilter {
            id: Some(id),
            ..RecordingFilter::default()
        };
        let found = self.recordings(tenant, &filter, &Page::first(1)).await?;
        let recording = found.data.into_iter().next();
        recording.ok_or(StoreError::NotFound { what: "recording" })
    }

    /// Deletes a recording that is not being written: nobody sees it any more, and whoever keeps its audio
    /// erases that ([`admin::gone_recordings`](crate::admin::gone_recordings)).
    pub async fn delete_recording(
        &self,
        tenant: TenantId,
        id: RecordingId,
    ) -> Result<(), StoreError> {
        let mut tx = self.db().write().await?;
        let gone = query(
            "UPDATE recording SET state = 'gone'
             WHERE tenant = $1 AND id = $2 AND state NOT IN ('open', 'gone')",
        )
        .bind(tenant)
        .bind(id)
        .run(&mut tx)
        .await?;
        if gone == 0 {
            let filter = RecordingFilter {
                id: Some(id),
                ..RecordingFilter::default()
            };
            let rows: Vec<Row> = select(tenant, &filter, &Page::first(1))
                .rows(&mut tx)
                .await?;
            return Err(match rows.first() {
                Some(_) => StoreError::Conflict {
                    what: "the recording is being written".into(),
                },
                None => StoreError::NotFound { what: "recording" },
            });
        }
        tx.commit().await
    }
}

fn select(tenant: TenantId, filter: &RecordingFilter, page: &Page<RecordingId>) -> Query {
    let filtered = Filtered {
        opening: concat!(
            "SELECT ",
            columns!(),
            " FROM recording WHERE tenant = $1 AND state <> 'gone'"
        ),
        conditions: [
            ("id =", filter.id.map(Value::from)),
            ("call_id =", filter.call.map(Value::from)),
            ("session_id =", filter.session.map(Value::from)),
            ("name =", filter.name.as_ref().map(Value::from)),
            ("state =", filter.state.as_ref().map(Value::from)),
            ("begin_time >=", filter.from.map(Value::from)),
            ("begin_time <", filter.to.map(Value::from)),
            ("id <", page.after.map(Value::from)),
        ],
        id: "id",
        rows: page.rows(),
    };
    filtered.of(tenant)
}

/// Writes changes, in their order; tells whether there are any.
pub(crate) fn put(batch: &mut Batch, changes: &[RecordingChange]) -> bool {
    for change in changes {
        batch.add(match change {
            RecordingChange::Begun(recording) => insert(recording),
            RecordingChange::Ended(id, state) => update(*id, *state),
            RecordingChange::Placed(id, place) => placed::update(*id, *place),
            RecordingChange::Erased(id) => {
                query("DELETE FROM recording WHERE id = $1 AND state = 'gone'").bind(*id)
            }
        });
    }
    !changes.is_empty()
}

fn insert(recording: &Recording) -> Query {
    let (duration, octets) = audio(recording.state);
    query(concat!(
        "INSERT INTO recording (",
        columns!(),
        ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING",
    ))
    .bind(recording.tenant)
    .bind(recording.id)
    .bind(recording.call)
    .bind(recording.session)
    .bind(&recording.name)
    .bind(recording.begin)
    .bind(recording.state.as_str())
    .bind(duration)
    .bind(octets)
}

fn update(id: RecordingId, state: RecordingState) -> Query {
    let (duration, octets) = audio(state);
    query(
        "UPDATE recording SET state = $2, duration_ms = $3, octets = $4
         WHERE id = $1 AND state <> 'gone'",
    )
    .bind(id)
    .bind(state.as_str())
    .bind(duration)
    .bind(octets)
}

fn audio(state: RecordingState) -> (Option<u64>, Option<u64>) {
    let audio = state.audio();
    (audio.map(|it| it.duration_ms), audio.map(|it| it.octets))
}

/// Those that are being written, or were when the last process was lost; at most
/// [`limits::OPEN_RECORDINGS`] at one time.
pub(crate) async fn open(tx: &mut Tx) -> Result<Vec<RecordingId>, StoreError> {
    let rows: Vec<(String,)> =
        query("SELECT id FROM recording WHERE state = 'open' ORDER BY id LIMIT $1")
            .bind(limits::OPEN_RECORDINGS)
            .rows(tx)
            .await?;
    rows.iter().map(|(id,)| parsed(id)).collect()
}

/// Which of these have no row.
pub(crate) async fn unknown(
    tx: &mut Tx,
    mut ids: Vec<RecordingId>,
) -> Result<Vec<RecordingId>, StoreError> {
    ids.sort_unstable();
    let mut unknown = Vec::new();
    for ids in ids.chunks(limits::RECORDINGS_AT_ONCE as usize) {
        let places: Vec<String> = (1..=ids.len()).map(|place| format!("${place}")).collect();
        let places = places.join(", ");
        let rows = query(format!("SELECT id FROM recording WHERE id IN ({places})"));
        let rows = ids.iter().fold(rows, |rows, id| rows.bind(*id));
        let rows: Vec<(String,)> = rows.rows(tx).await?;
        let known: Result<BTreeSet<RecordingId>, _> = rows.iter().map(|(id,)| parsed(id)).collect();
        let known = known?;
        unknown.extend(ids.iter().filter(|id| !known.contains(*id)));
    }
    Ok(unknown)
}

fn from_row(row: Row) -> Result<Recording, StoreError> {
    let (tenant, id, call, session, name, begin, state, duration, octets) = row;
    let state = match (state.as_str(), duration, octets) {
        ("open", ..) => RecordingState::Open,
        ("failed", ..) => RecordingState::Failed,
        ("ready", Some(duration), Some(octets)) => RecordingState::Ready(Audio {
            duration_ms: duration as u64,
            octets: octets as u64,
        }),
        _ => return Err(StoreError::Damaged(format!("state of {id}: {state:?}"))),
    };
    Ok(Recording {
        id: parsed(&id)?,
        tenant: parsed(&tenant)?,
        call: parsed(&call)?,
        session: parsed(&session)?,
        name,
        begin: begin as u64,
        state,
    })
}
