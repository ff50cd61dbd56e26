//! The door: who the sender of a request is, by its password.
//!
//! ```text
//!               no such domain                 ┌─▶ nobody's: 403
//!  request ──┬─ locked out                     ├─▶ 403, unread
//!            ├─ no credentials, old ones, or   ├─▶ 401
//!            │  by what is not offered         │
//!            ├─ those of another request       ├─▶ 400
//!            ├─ wrong ones                     ├─▶ 401, counted
//!            └─ right ones                     └─▶ the user
//! ```
//!
//! Owns challenges, credentials and the lock-out of whoever guesses. Unknown users cost the same work
//! and get the same answers as known ones with a wrong password. Refuses to know what the sender wants.

use std::{collections::BTreeMap, net::IpAddr, sync::Arc};

use model::{Ha1, Now, TenantConfig, TenantId};
use sip::{
    Challenges, Unproven, Uri,
    digest::{Bearer, Credentials, Denied, Guard, Secrets},
};

use crate::{
    Guess,
    lockout::{self, Lockout},
};

/// What came of asking who somebody is.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// This user of this tenant.
    Proven(Arc<TenantConfig>, String),
    /// It has to prove it, by one of these.
    Challenged([String; 2]),
    /// Its realm is no tenant's.
    Nobodys,
    /// It has guessed too often.
    Locked,
    /// Its credentials were made for another request.
    Elsewhere,
}

/// One shard's door.
#[derive(Debug)]
pub(crate) struct Door {
    guard: Guard,
    /// What is asked for, and taken.
    offered: Challenges,
    lockout: Lockout,
    /// By domain. Two tenants may have the same one.
    domains: BTreeMap<String, Vec<TenantId>>,
    /// Requests that were refused because their sender was locked out.
    locked: u64,
    /// Requests with wrong credentials.
    guesses: u64,
    /// What the last request has shown, for all other shards.
    learned: Option<Guess>,
}

/// Whom a request claims to come from.
struct Claim {
    tenant: Arc<TenantConfig>,
    user: String,
}

impl Door {
    /// `key`: of the nonces of all shards of a process, of which each has its own. So a nonce is good for
    /// nothing on a shard that has not seen how often it was used.
    pub(crate) fn new(mut key: [u8; 32], shard: u8, offered: Challenges) -> Self {
        key[0] ^= shard;
        Self {
            guard: Guard::new(key),
            offered,
            lockout: Lockout::default(),
            domains: BTreeMap::new(),
            locked: 0,
            guesses: 0,
            learned: None,
        }
    }

    /// The tenants have changed.
    pub(crate) fn tenants(&mut self, tenants: &BTreeMap<TenantId, Arc<TenantConfig>>) {
        self.domains.clear();
        for tenant in tenants.values() {
            let domain = tenant.domain.to_ascii_lowercase();
            self.domains.entry(domain).or_default().push(tenant.id);
        }
    }

    /// The tenant of a domain; of several the one that has a phone of this user.
    pub(crate) fn tenant<'a>(
        &self,
        tenants: &'a BTreeMap<TenantId, Arc<TenantConfig>>,
        domain: &str,
        user: &str,
    ) -> Option<&'a Arc<TenantConfig>> {
        let ids = self.domains.get(&domain.to_ascii_lowercase())?;
        let known = || ids.iter().filter_map(|id| tenants.get(id));
        known()
            .find(|tenant| tenant.secrets.contains_key(user))
            .or_else(|| known().next())
    }

    /// Who the sender of a request is. `claimed`: whom it says so by its headers. `random`: for a nonce.
    pub(crate) fn identify(
        &mut self,
        now: Now,
        tenants: &BTreeMap<TenantId, Arc<TenantConfig>>,
        asked: &Unproven,
        claimed: &Uri,
        random: u32,
    ) -> Verdict {
        let headers = asked.request().headers();
        let values = headers.get_all("Authorization");
        let offered = self.offered;
        let brought = values.filter_map(|value| Credentials::parse(value).ok());
        let mut brought = brought.filter(|it| offered.take(it.algorithm));
        let proof = brought.find_map(|brought| {
            let tenant = self.tenant(tenants, &brought.realm, &brought.username)?;
            let (tenant, user) = (Arc::clone(tenant), brought.username.clone());
            Some((Claim { tenant, user }, brought))
        });
        let (claim, credentials) = match proof {
            Some((claim, credentials)) => (claim, Some(credentials)),
            None => match self.claim(tenants, asked, claimed) {
                Some(claim) => (claim, None),
                None => return Verdict::Nobodys,
            },
        };
        let source = asked.flow().remote.ip();
        if self.is_locked(now, source, &claim) {
            return Verdict::Locked;
        }
        let bearer = Bearer {
            method: asked.request().method().as_str(),
            call_id: headers.call_id(),
            realm: &claim.tenant.domain,
            source,
        };
        let Some(credentials) = credentials else {
            let challenges = self.guard.challenge(bearer, false, now.unix_ms, random);
            return Verdict::Challenged(challenges);
        };
        if !credentials.is_for(asked.request().uri(), bearer.realm) {
            return Verdict::Elsewhere;
        }
        let secrets = claim.tenant.secrets.get(&claim.user).map(secrets);
        let judged = self
            .guard
            .verify(&credentials, bearer, secrets, now.unix_ms);
        let (tenant, user) = (claim.tenant.id, claim.user.as_str());
        let stale = match judged {
            Ok(()) => {
                if self.lockout.succeeded(source, tenant, user) {
                    self.learned = Some(guess(source, &claim, true));
                }
                return Verdict::Proven(claim.tenant, claim.user);
            }
            Err(Denied::Stale) => true,
            Err(Denied::Wrong) => {
                self.guesses += 1;
                self.lockout.failed(source, tenant, user, now.mono);
                self.learned = Some(guess(source, &claim, false));
                false
            }
        };
        let challenges = self.guard.challenge(bearer, stale, now.unix_ms, random);
        Verdict::Challenged(challenges)
    }

    /// What all other shards are to know of the last request.
    pub(crate) fn learned(&mut self) -> Option<Guess> {
        self.learned.take()
    }

    /// What another shard has seen.
    pub(crate) fn heard(&mut self, now: Now, guess: &Guess) {
        self.lockout.heard(guess, now.mono);
    }

    /// Locks, requests that they refused, and wrong credentials since the start.
    pub(crate) fn counts(&self) -> (u64, u64, u64) {
        (self.lockout.locks(), self.locked, self.guesses)
    }

    /// By the domain of the claimed URI, or that of the Request-URI.
    fn claim(
        &self,
        tenants: &BTreeMap<TenantId, Arc<TenantConfig>>,
        asked: &Unproven,
        claimed: &Uri,
    ) -> Option<Claim> {
        let user = claimed.user().unwrap_or_default();
        let tenant = self
            .tenant(tenants, claimed.host(), user)
            .or_else(|| self.tenant(tenants, asked.request().uri().host(), user))?;
        Some(Claim {
            tenant: Arc::clone(tenant),
            user: user.to_owned(),
        })
    }

    fn is_locked(&mut self, now: Now, source: IpAddr, claim: &Claim) -> bool {
        let locked = self
            .lockout
            .is_locked(source, claim.tenant.id, &claim.user, now.mono);
        self.locked += u64::from(locked);
        locked
    }
}

fn guess(source: IpAddr, claim: &Claim, right: bool) -> Guess {
    Guess {
        source,
        tenant: claim.tenant.id,
        user: lockout::user(&claim.user),
        right,
    }
}

fn secrets(ha1: &Ha1) -> Secrets<'_> {
    Secrets {
        md5: ha1.md5(),
        sha256: ha1.sha256(),
    }
}
