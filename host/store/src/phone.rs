//! SIP user agents of a tenant: lines with a fixed address, and phones that register.
//!
//! A password is not kept; its two digests are (`HA1`, RFC 7616 §3.4.2), for the realm that is the
//! tenant's domain.

use std::{collections::BTreeMap, net::SocketAddr};

use model::{Ha1, Phone, PhoneId, TenantId, Voice};

use crate::db::{Tx, check_room, parsed, query};
use crate::{Listed, Page, Store, StoreError, ambiguity, limits, names, secret, tenant};

type Row = (
    String,
    String,
    Option<String>,
    String,
    String,
    String,
    String,
);

impl Store {
    /// Adds a phone, with either an address or a password. An address belongs to one phone of one
    /// tenant, because it alone tells whose call it is, and never lies where another tenant's trunks
    /// call from.
    pub async fn create_phone(
        &self,
        tenant: TenantId,
        phone: &Phone,
        password: Option<&str>,
        now_ms: u64,
    ) -> Result<(), StoreError> {
        names::check_telnum("user", &phone.user)?;
        check_login(phone.address, password)?;
        let mut tx = self.db().write().await?;
        let realm = tenant::read(&mut tx, tenant).await?.domain;
        let count = query("SELECT count(*) FROM phone WHERE tenant = $1").bind(tenant);
        check_room(&mut tx, count, "phones", limits::PHONES).await?;
        let address = phone.address.map(canonical);
        if let Some(address) = address {
            check_address(&mut tx, address).await?;
            ambiguity::check_line(&mut tx, tenant, address, phone.transport).await?;
        }
        if password.is_some() {
            ambiguity::check_realm(&mut tx, tenant, &phone.user, &realm).await?;
        }
        let ha1 = password.map(|password| secret::ha1(&phone.user, &realm, password));
        let (md5, sha256) = ha1.unzip();
        query(
            "INSERT INTO phone
             (id, tenant, phone_user, address, transport, srtp, inband_digits, codecs, ha1_md5,
              ha1_sha256, created)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        )
        .bind(phone.id)
        .bind(tenant)
        .bind(&phone.user)
        .bind(address.map(|address| address.to_string()))
        .bind(phone.transport.as_str())
        .bind(phone.voice.srtp.as_str())
        .bind(phone.voice.inband_digits.as_str())
        .bind(phone.voice.codecs.to_string())
        .bind(md5)
        .bind(sha256)
        .bind(now_ms)
        .run(&mut tx)
        .await
        .map_err(|e| e.taken(|| format!("the tenant has a phone {} already", phone.user)))?;
        tx.commit().await
    }

    /// The phones, oldest first.
    pub async fn phones(
        &self,
        tenant: TenantId,
        page: &Page<PhoneId>,
    ) -> Result<Listed<Phone>, StoreError> {
        let mut tx = self.db().read().await?;
        list(&mut tx, tenant, &page.cursor(), page.rows())
            .await
            .map(|rows| page.cut(rows))
    }

    /// One phone.
    pub async fn phone(&self, tenant: TenantId, id: PhoneId) -> Result<Phone, StoreError> {
        let row = query(
            "SELECT id, phone_user, address, transport, srtp, inband_digits, codecs FROM phone WHERE tenant = $1 AND id = $2",
        )
        .bind(tenant)
        .bind(id)
        .row(&mut self.db().read().await?)
        .await?;
        read(row.ok_or(StoreError::NotFound { what: "phone" })?)
    }

    /// Removes a phone.
    pub async fn delete_phone(&self, tenant: TenantId, id: PhoneId) -> Result<(), StoreError> {
        let mut tx = self.db().write().await?;
        let gone = query("DELETE FROM phone WHERE tenant = $1 AND id = $2")
            .bind(tenant)
            .bind(id)
            .run(&mut tx)
            .await?;
        if gone == 0 {
            return Err(StoreError::NotFound { what: "phone" });
        }
        tx.commit().await
    }
}

pub(crate) async fn list(
    tx: &mut Tx,
    tenant: TenantId,
    after: &str,
    most: i64,
) -> Result<Vec<Phone>, StoreError> {
    let rows = query(
        "SELECT id, phone_user, address, transport, srtp, inband_digits, codecs FROM phone
         WHERE tenant = $1 AND id > $2 ORDER BY id LIMIT $3",
    )
    .bind(tenant)
    .bind(after)
    .bind(most)
    .rows(tx)
    .await?;
    rows.into_iter().map(read).collect()
}

/// What proves who the phones that register are, by user.
pub(crate) async fn secrets(
    tx: &mut Tx,
    tenant: TenantId,
) -> Result<BTreeMap<String, Ha1>, StoreError> {
    let rows: Vec<(String, String, String)> = query(
        "SELECT phone_user, ha1_md5, ha1_sha256 FROM phone
         WHERE tenant = $1 AND ha1_md5 IS NOT NULL AND ha1_sha256 IS NOT NULL",
    )
    .bind(tenant)
    .rows(tx)
    .await?;
    let secrets = rows.into_iter();
    Ok(secrets
        .map(|(user, md5, sha256)| (user, Ha1::new(&md5, &sha256)))
        .collect())
}

fn check_login(address: Option<SocketAddr>, password: Option<&str>) -> Result<(), StoreError> {
    match (address, password) {
        (Some(_), Some(_)) => Err(StoreError::invalid("password", "not beside an address")),
        (None, None) => Err(StoreError::invalid(
            "password",
            "needed if there is no address",
        )),
        (Some(address), None) if address.port() == 0 || address.ip().is_unspecified() => Err(
            StoreError::invalid("address", "not an address that calls can go to"),
        ),
        (None, Some(text)) if text.is_empty() || text.len() > limits::PASSWORD => {
            let most = limits::PASSWORD;
            Err(StoreError::invalid(
                "password",
                format!("not 1 to {most} octets"),
            ))
        }
        (Some(_), None) | (None, Some(_)) => Ok(()),
    }
}

/// The address as calls come from it: one spelling for an IPv4 address, however it was written.
fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// Told apart from a taken user by the words: whose phone it is stays unsaid.
async fn check_address(tx: &mut Tx, address: SocketAddr) -> Result<(), StoreError> {
    let there: Option<(String,)> = query("SELECT id FROM phone WHERE address = $1")
        .bind(address.to_string())
        .row(tx)
        .await?;
    match there {
        Some(_) => Err(StoreError::Conflict {
            what: format!("the address {address} is that of another phone"),
        }),
        None => Ok(()),
    }
}

fn read(
    (id, user, address, transport, srtp, inband_digits, codecs): Row,
) -> Result<Phone, StoreError> {
    Ok(Phone {
        id: parsed(&id)?,
        user,
        address: address.as_deref().map(parsed).transpose()?,
        transport: parsed(&transport)?,
        voice: Voice {
            srtp: parsed(&srtp)?,
            inband_digits: parsed(&inband_digits)?,
            codecs: parsed(&codecs)?,
        },
    })
}
