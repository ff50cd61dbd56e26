//! SIP peers of a tenant to the network: where calls to them go, and where those from them
//! come from.

mod settings;

use std::net::IpAddr;

use model::{
    Login, Peer, Prefix, Register, TenantId, Trunk, TrunkId,
    limits::{PROBE_LONGEST, PROBE_SHORTEST, REGISTER_LONGEST, REGISTER_SHORTEST},
};
use settings::Settings;

use crate::db::{Tx, check_room, from_json, json_list, parsed, query};
use crate::{Listed, Page, Store, StoreError, ambiguity, limits, names};

type Row = (String, String, String, String, String, bool, String, String);

impl Store {
    /// Adds a trunk. Its name is the tenant's own; a trunk by which the tenant could not be told apart
    /// from another, because of a number that both own or of the other's line, is refused.
    pub async fn create_trunk(
        &self,
        tenant: TenantId,
        trunk: &Trunk,
        now_ms: u64,
    ) -> Result<(), StoreError> {
        check(trunk)?;
        let mut tx = self.db().write().await?;
        let count = query("SELECT count(*) FROM trunk WHERE tenant = $1").bind(tenant);
        check_room(&mut tx, count, "trunks", limits::TRUNKS).await?;
        query(
            "INSERT INTO trunk
             (id, tenant, name, address, transport, accept_from, trust_identity, prefixes, settings,
              respells, created)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        )
        .bind(trunk.id)
        .bind(tenant)
        .bind(&trunk.name)
        .bind(trunk.address.to_string())
        .bind(trunk.transport.as_str())
        .bind(json_list(&trunk.accept_from))
        .bind(trunk.trust_identity)
        .bind(json_list(&trunk.prefixes))
        .bind(Settings::text(trunk)?)
        .bind(trunk.respells())
        .bind(now_ms)
        .run(&mut tx)
        .await
        .map_err(|e| e.taken(|| format!("the tenant has a trunk {:?} already", trunk.name)))?;
        ambiguity::check_trunk(&mut tx, tenant, trunk).await?;
        tx.commit().await
    }

    /// The trunks, oldest first.
    pub async fn trunks(
        &self,
        tenant: TenantId,
        page: &Page<TrunkId>,
    ) -> Result<Listed<Trunk>, StoreError> {
        let mut tx = self.db().read().await?;
        list(&mut tx, tenant, &page.cursor(), page.rows())
            .await
            .map(|rows| page.cut(rows))
    }

    /// One trunk.
    pub async fn trunk(&self, tenant: TenantId, id: TrunkId) -> Result<Trunk, StoreError> {
        let row = query(
            "SELECT id, name, address, transport, accept_from, trust_identity, prefixes, settings
             FROM trunk WHERE tenant = $1 AND id = $2",
        )
        .bind(tenant)
        .bind(id)
        .row(&mut self.db().read().await?)
        .await?;
        read(row.ok_or(StoreError::NotFound { what: "trunk" })?)
    }

    /// Removes a trunk.
    pub async fn delete_trunk(&self, tenant: TenantId, id: TrunkId) -> Result<(), StoreError> {
        let mut tx = self.db().write().await?;
        let gone = query("DELETE FROM trunk WHERE tenant = $1 AND id = $2")
            .bind(tenant)
            .bind(id)
            .run(&mut tx)
            .await?;
        if gone == 0 {
            return Err(StoreError::NotFound { what: "trunk" });
        }
        tx.commit().await
    }
}

pub(crate) async fn list(
    tx: &mut Tx,
    tenant: TenantId,
    after: &str,
    most: i64,
) -> Result<Vec<Trunk>, StoreError> {
    let rows = query(
        "SELECT id, name, address, transport, accept_from, trust_identity, prefixes, settings
         FROM trunk WHERE tenant = $1 AND id > $2 ORDER BY id LIMIT $3",
    )
    .bind(tenant)
    .bind(after)
    .bind(most)
    .rows(tx)
    .await?;
    rows.into_iter().map(read).collect()
}

fn check(trunk: &Trunk) -> Result<(), StoreError> {
    names::check_name("name", &trunk.name)?;
    check_peer("address", &trunk.address)?;
    let most = model::limits::GATEWAYS;
    if trunk.others.len() > most {
        let why = format!("more than {most} gateways");
        return Err(StoreError::invalid("gateways", why));
    }
    if let Some(login) = &trunk.auth {
        check_login("auth", login)?;
    }
    if let Some(register) = &trunk.register {
        check_register(register)?;
    }
    let (least, most) = (PROBE_SHORTEST, PROBE_LONGEST);
    if trunk
        .health
        .is_some_and(|it| !(least..=most).contains(&it.interval))
    {
        let why = format!("an interval of not {least} to {most} seconds");
        return Err(StoreError::invalid("health", why));
    }
    for gateway in &trunk.others {
        check_peer("gateways", &gateway.peer)?;
    }
    let most = limits::TRUNK_LIST;
    if trunk.accept_from.len() > most {
        return Err(StoreError::invalid(
            "accept_from",
            format!("more than {most} blocks"),
        ));
    }
    for block in &trunk.accept_from {
        let (address, length) = block.parts();
        let least = match address {
            IpAddr::V4(_) => limits::BLOCK_V4,
            IpAddr::V6(_) => limits::BLOCK_V6,
        };
        if length < least {
            let why = format!("{address}/{length} is wider than a block of /{least} may be");
            return Err(StoreError::invalid("accept_from", why));
        }
    }
    if trunk.prefixes.len() > most {
        return Err(StoreError::invalid(
            "prefixes",
            format!("more than {most} prefixes"),
        ));
    }
    trunk
        .prefixes
        .iter()
        .try_for_each(|prefix| names::check_prefix("prefixes", prefix))
}

/// Whether we can register so.
fn check_register(register: &Register) -> Result<(), StoreError> {
    check_login("register", &register.login)?;
    let (least, most) = (REGISTER_SHORTEST, REGISTER_LONGEST);
    if !(least..=most).contains(&register.expires) {
        let why = format!("not for {least} to {most} seconds");
        return Err(StoreError::invalid("register", why));
    }
    match &register.registrar {
        Some(peer) => check_peer("register", peer),
        None => Ok(()),
    }
}

/// What can stand between quotes in a header.
fn check_login(field: &'static str, login: &Login) -> Result<(), StoreError> {
    for text in [&login.user, &login.password] {
        let most = limits::SECRET;
        if text.is_empty() || text.len() > most || text.chars().any(char::is_control) {
            let why = format!("not 1 to {most} octets without control characters");
            return Err(StoreError::invalid(field, why));
        }
    }
    Ok(())
}

/// Whether calls can go there.
fn check_peer(field: &'static str, peer: &Peer) -> Result<(), StoreError> {
    let here = |at: &std::net::SocketAddr| at.port() == 0 || at.ip().is_unspecified();
    match peer {
        Peer::At(address) if here(address) => Err(StoreError::invalid(
            field,
            "not an address that calls can go to",
        )),
        Peer::At(_) | Peer::Named(..) => Ok(()),
    }
}

fn read(
    (id, name, address, transport, accept_from, trust_identity, prefixes, settings): Row,
) -> Result<Trunk, StoreError> {
    let blocks: Vec<String> = from_json(&accept_from)?;
    let blocks = blocks.iter().map(|block| parsed::<Prefix>(block));
    let mut trunk = Trunk {
        transport: parsed(&transport)?,
        accept_from: blocks.collect::<Result<_, _>>()?,
        trust_identity,
        prefixes: from_json(&prefixes)?,
        ..Trunk::new(parsed(&id)?, &name, parsed::<Peer>(&address)?)
    };
    Settings::give(&settings, &mut trunk)?;
    Ok(trunk)
}
