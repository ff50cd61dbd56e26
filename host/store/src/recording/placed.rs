//! Where the audio of recordings is, and which of them wait for whoever moves or erases it.

use model::{RecordingId, TenantId};

use crate::db::{Query, Tx, parsed, query};
use crate::{StoreError, limits};

/// Where the audio of a recording is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the node's folder, and nowhere else that is known.
    Node,
    /// In the archive too.
    Both,
    /// In the archive only.
    Archive,
}

/// A recording that somebody has to see to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placed {
    /// Whose.
    pub tenant: TenantId,
    /// Which.
    pub id: RecordingId,
    /// Where its audio is.
    pub place: Place,
}

impl Place {
    fn as_str(self) -> &'static str {
        match self {
            Self::Node => "node",
            Self::Both => "both",
            Self::Archive => "store",
        }
    }

    fn named(name: &str) -> Result<Self, StoreError> {
        let all = [Self::Node, Self::Both, Self::Archive];
        let named = all.into_iter().find(|it| it.as_str() == name);
        named.ok_or_else(|| StoreError::Damaged(format!("no place of a recording: {name:?}")))
    }
}

pub(super) fn update(id: RecordingId, place: Place) -> Query {
    query("UPDATE recording SET place = $2 WHERE id = $1")
        .bind(id)
        .bind(place.as_str())
}

/// Those that were deleted and whose audio may still be there, behind that one; at most
/// [`limits::RECORDINGS_AT_ONCE`].
pub(crate) async fn gone(
    tx: &mut Tx,
    after: Option<RecordingId>,
) -> Result<Vec<Placed>, StoreError> {
    let gone = "SELECT tenant, id, place FROM recording
                WHERE state = 'gone' AND id > $1 ORDER BY id LIMIT $2";
    behind(tx, gone, after).await
}

/// Those whose audio is not in the archive alone, likewise.
pub(crate) async fn waiting(
    tx: &mut Tx,
    after: Option<RecordingId>,
) -> Result<Vec<Placed>, StoreError> {
    let waiting = "SELECT tenant, id, place FROM recording
                   WHERE state = 'ready' AND place <> 'store' AND id > $1 ORDER BY id LIMIT $2";
    behind(tx, waiting, after).await
}

async fn behind(
    tx: &mut Tx,
    sql: &'static str,
    after: Option<RecordingId>,
) -> Result<Vec<Placed>, StoreError> {
    let after = after.map(|id| id.to_string()).unwrap_or_default();
    let rows: Vec<(String, String, String)> = query(sql)
        .bind(after)
        .bind(limits::RECORDINGS_AT_ONCE)
        .rows(tx)
        .await?;
    let placed = |(tenant, id, place): &(String, String, String)| {
        Ok(Placed {
            tenant: parsed(tenant)?,
            id: parsed(id)?,
            place: Place::named(place)?,
        })
    };
    rows.iter().map(placed).collect()
}
