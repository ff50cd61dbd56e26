//! Tenants that cannot be told apart are refused when the second one comes.
//!
//! A call through a trunk is its tenant's by where it comes from: the trunks whose `accept_from`
//! holds the source, narrowed by port, then by the domain of the Request-URI, then by who owns the
//! called number. So two tenants are ambiguous if they share a domain and a number, and have trunks
//! with overlapping blocks and the same port. Both functions run inside the transaction that
//! added the row, under the writer's lock.

use model::{TenantId, Trunk};

use crate::db::{Tx, parsed, query};
use crate::{StoreError, limits, trunk};

/// Refuses the number that this tenant was just given, if it makes it ambiguous.
pub(crate) async fn check_number(
    tx: &mut Tx,
    tenant: TenantId,
    number: &str,
) -> Result<(), StoreError> {
    let others: Vec<(String,)> = query(
        "SELECT other.tenant FROM number other
         JOIN tenant theirs ON theirs.id = other.tenant
         JOIN tenant ours ON ours.domain = theirs.domain
         WHERE ours.id = $1 AND other.tenant <> $1 AND other.number = $2",
    )
    .bind(tenant)
    .bind(number)
    .rows(tx)
    .await?;
    if others.is_empty() {
        return Ok(());
    }
    let ours = trunk::list(tx, tenant, "", limits::TRUNKS).await?;
    for (other,) in others {
        let theirs = trunk::list(tx, parsed(&other)?, "", limits::TRUNKS).await?;
        let same = |trunk: &Trunk| theirs.iter().any(|other| indistinct(trunk, other));
        if let Some(trunk) = ours.iter().find(|trunk| same(trunk)) {
            let what = format!(
                "number {number} is another tenant's in the same domain, whose calls come from \
                 where those of trunk {:?} come from",
                trunk.name
            );
            return Err(StoreError::Conflict { what });
        }
    }
    Ok(())
}

/// Refuses the trunk that this tenant was just given, if it makes it ambiguous.
pub(crate) async fn check_trunk(
    tx: &mut Tx,
    tenant: TenantId,
    trunk: &Trunk,
) -> Result<(), StoreError> {
    let others: Vec<(String, String)> = query(
        "SELECT other.tenant, min(other.number) FROM number own
         JOIN number other ON other.number = own.number AND other.tenant <> own.tenant
         JOIN tenant theirs ON theirs.id = other.tenant
         JOIN tenant ours ON ours.domain = theirs.domain AND ours.id = own.tenant
         WHERE own.tenant = $1 GROUP BY other.tenant",
    )
    .bind(tenant)
    .rows(tx)
    .await?;
    for (other, number) in others {
        let theirs = trunk::list(tx, parsed(&other)?, "", limits::TRUNKS).await?;
        if theirs.iter().any(|other| indistinct(trunk, other)) {
            let what = format!(
                "calls of trunk {:?} come from where those of another tenant of the same domain \
                 come from, which also has the number {number}",
                trunk.name
            );
            return Err(StoreError::Conflict { what });
        }
    }
    Ok(())
}

fn indistinct(a: &Trunk, b: &Trunk) -> bool {
    let overlap = |block| b.accept_from.iter().any(|other| other.overlaps(block));
    a.address.port() == b.address.port() && a.accept_from.iter().any(overlap)
}
