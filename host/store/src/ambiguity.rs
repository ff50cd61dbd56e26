//! Tenants that cannot be told apart are refused when the second one comes.
//!
//! A call is a tenant's by where it comes from: a line by its exact address, else the trunks whose
//! `accept_from` holds the source, told apart by who owns the called number. Ports and the domain of
//! the Request-URI tell nothing here: whoever sends a call chooses both. So no tenant may have a line
//! inside another's block, nor a block around another's line, and two tenants whose blocks overlap
//! share no number, as their trunks spell it. Every function runs inside the transaction that adds the row, under the
//! writer's lock.

mod respelled;

use std::net::SocketAddr;

use model::{Prefix, TenantId, Transport, Trunk};

use crate::db::{Tx, from_json, parsed, query};
use crate::{StoreError, limits, trunk};

/// Refuses the number that this tenant was just given, if it makes it ambiguous.
pub(crate) async fn check_number(
    tx: &mut Tx,
    tenant: TenantId,
    number: &str,
) -> Result<(), StoreError> {
    let others: Vec<(String,)> =
        query("SELECT tenant FROM number WHERE number = $2 AND tenant <> $1")
            .bind(tenant)
            .bind(number)
            .rows(tx)
            .await?;
    let ours = trunk::list(tx, tenant, "", limits::TRUNKS).await?;
    for (other,) in others {
        let theirs = trunk::list(tx, parsed(&other)?, "", limits::TRUNKS).await?;
        let same = |trunk: &Trunk| theirs.iter().any(|other| alike(trunk, other));
        if let Some(trunk) = ours.iter().find(|trunk| same(trunk)) {
            let what = format!(
                "number {number} is another tenant's, whose calls come from where those of trunk \
                 {:?} come from",
                trunk.name
            );
            return Err(StoreError::Conflict { what });
        }
    }
    respelled::check(tx, tenant, &ours, &[number.to_owned()]).await
}

/// Refuses the phone that registers as this user, if another tenant of the same domain has one: a phone
/// names its user and its domain, and no tenant.
pub(crate) async fn check_realm(
    tx: &mut Tx,
    tenant: TenantId,
    user: &str,
    domain: &str,
) -> Result<(), StoreError> {
    let other: Option<(i64,)> = query(
        "SELECT 1 FROM phone JOIN tenant ON tenant.id = phone.tenant
         WHERE phone.phone_user = $2 AND phone.address IS NULL
           AND tenant.domain = $3 AND tenant.id <> $1 LIMIT 1",
    )
    .bind(tenant)
    .bind(user)
    .bind(domain)
    .row(tx)
    .await?;
    if other.is_none() {
        return Ok(());
    }
    let what = format!("{user} of {domain} is a phone of another tenant that registers");
    Err(StoreError::Conflict { what })
}

/// Refuses the trunk that this tenant was just given, if it makes it ambiguous.
pub(crate) async fn check_trunk(
    tx: &mut Tx,
    tenant: TenantId,
    trunk: &Trunk,
) -> Result<(), StoreError> {
    check_lines(tx, tenant, trunk).await?;
    let others: Vec<(String, String)> = query(
        "SELECT other.tenant, min(other.number) FROM number own
         JOIN number other ON other.number = own.number AND other.tenant <> own.tenant
         WHERE own.tenant = $1 GROUP BY other.tenant",
    )
    .bind(tenant)
    .rows(tx)
    .await?;
    for (other, number) in others {
        let theirs = trunk::list(tx, parsed(&other)?, "", limits::TRUNKS).await?;
        if theirs.iter().any(|other| alike(trunk, other)) {
            let what = format!(
                "calls of trunk {:?} come from where those of another tenant come from, which \
                 also has the number {number}",
                trunk.name
            );
            return Err(StoreError::Conflict { what });
        }
    }
    let numbers = respelled::numbers_of(tx, tenant).await?;
    let numbers: Vec<String> = numbers.into_iter().collect();
    respelled::check(tx, tenant, std::slice::from_ref(trunk), &numbers).await
}

/// Refuses the address of a line inside a block from which another tenant's calls come: the line
/// would take them. Over connections a line calls from any port, and only what it says of itself tells it from
/// another line at the same IP address: there no other tenant may have one.
pub(crate) async fn check_line(
    tx: &mut Tx,
    tenant: TenantId,
    address: SocketAddr,
    transport: Transport,
) -> Result<(), StoreError> {
    if transport != Transport::Udp {
        let lines: Vec<(String,)> = query(
            "SELECT address FROM phone
             WHERE tenant <> $1 AND transport = $2 AND address IS NOT NULL",
        )
        .bind(tenant)
        .bind(transport.as_str())
        .rows(tx)
        .await?;
        for (line,) in lines {
            if parsed::<SocketAddr>(&line)?.ip() == address.ip() {
                let what = format!("at {} is another tenant's phone", address.ip());
                return Err(StoreError::Conflict { what });
            }
        }
    }
    let blocks: Vec<(String,)> = query("SELECT accept_from FROM trunk WHERE tenant <> $1")
        .bind(tenant)
        .rows(tx)
        .await?;
    for (list,) in blocks {
        for block in from_json::<Vec<String>>(&list)? {
            if parsed::<Prefix>(&block)?.contains(address.ip()) {
                let what =
                    format!("the address {address} is where another tenant's calls come from");
                return Err(StoreError::Conflict { what });
            }
        }
    }
    Ok(())
}

/// Refuses a block around the line of another tenant.
async fn check_lines(tx: &mut Tx, tenant: TenantId, trunk: &Trunk) -> Result<(), StoreError> {
    let lines: Vec<(String,)> =
        query("SELECT address FROM phone WHERE address IS NOT NULL AND tenant <> $1")
            .bind(tenant)
            .rows(tx)
            .await?;
    for (line,) in lines {
        let ip = parsed::<SocketAddr>(&line)?.ip();
        if let Some(block) = trunk.accept_from.iter().find(|block| block.contains(ip)) {
            let what = format!("in {block} is the address of another tenant's phone");
            return Err(StoreError::Conflict { what });
        }
    }
    Ok(())
}

/// Whether calls of both could come from the same address.
fn overlap(a: &Trunk, b: &Trunk) -> bool {
    let meets = |block| b.accept_from.iter().any(|other| other.overlaps(block));
    a.accept_from.iter().any(meets)
}

/// The same, and both take called numbers as they come.
fn alike(a: &Trunk, b: &Trunk) -> bool {
    !a.respells() && !b.respells() && overlap(a, b)
}
