//! Who asks, and what a key may do.
//!
//! Owns the table of scopes. A handler names what it needs as an argument ([`Reads`], [`Develops`])
//! and gets the tenant from it, so that no handler reaches rows without a key of their tenant.
//!
//! | key | may |
//! |---|---|
//! | platform | `/api/platform/*`, nothing of a tenant |
//! | admin | everything of its tenant |
//! | developer | read everything; plugins, prompts, calls, requests of users |
//! | phone | `/api/user/*`; a key that is bound to a user, of that user only |
//! | read | `GET` of everything but keys |

use std::fmt::Write as _;

use axum::{
    extract::FromRequestParts,
    http::{header, request::Parts},
};
use model::{KeyId, TenantId};
use store::Scope;

use crate::{
    State,
    problem::{Kind, Problem},
};

/// What every secret begins with, so that scanners for leaked keys find it.
const PREFIX: &str = "jf_";

/// Whose keys may look.
const READERS: [Scope; 3] = [Scope::Admin, Scope::Developer, Scope::Read];

/// The owner of a valid key.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    key: KeyId,
    tenant: Option<TenantId>,
    scope: Scope,
    user: Option<String>,
}

/// May see what is in this tenant.
pub(crate) struct Reads(pub(crate) TenantId);

/// May see what is in this tenant; by this key.
pub(crate) struct ReadsBy(pub(crate) TenantId, pub(crate) KeyId);

/// May work on plugins, prompts and calls of this tenant.
pub(crate) struct Develops(pub(crate) TenantId);

/// May change this tenant, by this key.
pub(crate) struct Administers(pub(crate) TenantId);

/// May act as a phone user of this tenant: all of them, or the one that the key is bound to.
pub(crate) struct ActsAsUser(pub(crate) TenantId, Option<String>);

/// May manage tenants.
pub(crate) struct Platform;

impl ActsAsUser {
    /// Fails if the key is bound to another user.
    pub(crate) fn check(&self, user: &str) -> Result<(), Problem> {
        match &self.1 {
            Some(bound) if bound != user => Err(forbidden("the key is bound to another user")),
            _ => Ok(()),
        }
    }
}

/// A new secret: 256 random bits.
pub(crate) fn new_secret() -> Result<String, Problem> {
    let mut random = [0; 32];
    let away = |_| Problem::new(Kind::Internal, "the system has no randomness");
    getrandom::fill(&mut random).map_err(away)?;
    let mut secret = String::from(PREFIX);
    for byte in random {
        let _ = write!(secret, "{byte:02x}");
    }
    Ok(secret)
}

impl Caller {
    async fn of(parts: &Parts, state: &State) -> Result<Self, Problem> {
        let refused = || Problem::new(Kind::Unauthorized, "send authorization: Bearer jf_…");
        let header = parts.headers.get(header::AUTHORIZATION);
        let text = header.and_then(|h| h.to_str().ok()).ok_or_else(refused)?;
        let (scheme, secret) = text.split_once(' ').ok_or_else(refused)?;
        let secret = secret.trim();
        if !scheme.eq_ignore_ascii_case("bearer") || !secret.starts_with(PREFIX) {
            return Err(refused());
        }
        let key = store::admin::key_of(state.store(), secret).await?;
        let unknown = || Problem::new(Kind::Unauthorized, "the key is not known");
        let key = key.ok_or_else(unknown)?;
        Ok(Self {
            key: key.id,
            tenant: key.tenant,
            scope: key.scope,
            user: key.user,
        })
    }

    /// The tenant, if the key's scope is one of these.
    fn within(&self, scopes: &[Scope]) -> Result<TenantId, Problem> {
        let tenant = self
            .tenant
            .ok_or_else(|| forbidden("this is a platform key; a key of a tenant is needed"))?;
        if scopes.contains(&self.scope) {
            return Ok(tenant);
        }
        let needed: Vec<&str> = scopes.iter().map(|scope| scope.as_str()).collect();
        let (has, needed) = (self.scope.as_str(), needed.join(" or "));
        Err(forbidden(&format!(
            "the key's scope is {has}; {needed} is needed"
        )))
    }
}

fn forbidden(detail: &str) -> Problem {
    Problem::new(Kind::Forbidden, detail.to_owned())
}

impl FromRequestParts<State> for Reads {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Problem> {
        let caller = Caller::of(parts, state).await?;
        caller.within(&READERS).map(Self)
    }
}

impl FromRequestParts<State> for ReadsBy {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Problem> {
        let caller = Caller::of(parts, state).await?;
        let tenant = caller.within(&READERS)?;
        Ok(Self(tenant, caller.key))
    }
}

impl FromRequestParts<State> for Develops {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Problem> {
        let caller = Caller::of(parts, state).await?;
        caller.within(&[Scope::Admin, Scope::Developer]).map(Self)
    }
}

impl FromRequestParts<State> for Administers {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Problem> {
        let caller = Caller::of(parts, state).await?;
        caller.within(&[Scope::Admin]).map(Self)
    }
}

impl FromRequestParts<State> for ActsAsUser {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Problem> {
        let caller = Caller::of(parts, state).await?;
        let scopes = [Scope::Admin, Scope::Developer, Scope::Phone];
        let tenant = caller.within(&scopes)?;
        Ok(Self(tenant, caller.user))
    }
}

impl FromRequestParts<State> for Platform {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Problem> {
        let caller = Caller::of(parts, state).await?;
        match caller.tenant {
            None => Ok(Self),
            Some(_) => Err(forbidden("a platform key is needed")),
        }
    }
}
