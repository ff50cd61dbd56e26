//! The same, where trunks spell numbers in their own way: two tenants whose calls come from the same
//! place may not own what the same called number becomes. All rules can be undone, so that the numbers
//! which become one of a tenant's are known.

use std::collections::BTreeSet;

use model::{TenantId, Trunk};

use super::overlap;
use crate::db::{Tx, parsed, query};
use crate::{StoreError, limits, trunk};

/// Refuses these numbers of a tenant, by these trunks of its own, if one could be another tenant's. Where
/// neither side has rules the caller has looked.
pub(super) async fn check(
    tx: &mut Tx,
    tenant: TenantId,
    ours: &[Trunk],
    numbers: &[String],
) -> Result<(), StoreError> {
    let respells = ours.iter().any(Trunk::respells);
    let others: Vec<(String,)> =
        query("SELECT DISTINCT tenant FROM trunk WHERE tenant <> $1 AND (respells OR $2)")
            .bind(tenant)
            .bind(respells)
            .rows(tx)
            .await?;
    for (other,) in others {
        let other: TenantId = parsed(&other)?;
        let trunks = trunk::list(tx, other, "", limits::TRUNKS).await?;
        let pairs = meeting(ours, &trunks);
        if pairs.is_empty() {
            continue;
        }
        let theirs = numbers_of(tx, other).await?;
        for (our, their) in pairs {
            if let Some((number, called)) = shared(our, numbers, their, &theirs) {
                let what = format!(
                    "calls of trunk {:?} to {called} would be for the number {number} and for one of \
                     another tenant, whose calls come from the same place",
                    our.name
                );
                return Err(StoreError::Conflict { what });
            }
        }
    }
    Ok(())
}

/// The trunks of both whose calls could come from the same address, and of which one has rules.
fn meeting<'a>(ours: &'a [Trunk], theirs: &'a [Trunk]) -> Vec<(&'a Trunk, &'a Trunk)> {
    let pairs = ours
        .iter()
        .flat_map(|our| theirs.iter().map(move |their| (our, their)));
    pairs
        .filter(|(our, their)| overlap(our, their) && (our.respells() || their.respells()))
        .collect()
}

/// The numbers of a tenant.
pub(super) async fn numbers_of(
    tx: &mut Tx,
    tenant: TenantId,
) -> Result<BTreeSet<String>, StoreError> {
    let rows: Vec<(String,)> = query("SELECT number FROM number WHERE tenant = $1")
        .bind(tenant)
        .rows(tx)
        .await?;
    Ok(rows.into_iter().map(|(number,)| number).collect())
}

/// A number of ours, and a called one that is this and one of theirs.
fn shared<'a>(
    our: &Trunk,
    numbers: &'a [String],
    their: &Trunk,
    theirs: &BTreeSet<String>,
) -> Option<(&'a str, String)> {
    numbers.iter().find_map(|number| {
        let mut called = our.rewrite.inbound.called.origins(number).into_iter();
        let called = called.find(|called| {
            let read = their.rewrite.inbound.called.apply(called);
            read.is_ok_and(|read| theirs.contains(&*read))
        })?;
        Some((number.as_str(), called))
    })
}
