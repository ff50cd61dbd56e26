//! The names of gateways and registrars: looked up ahead of calls, and again before what was found grows
//! old.
//!
//! Owns which names are asked for, when, and who is told; [`sip::locate`] owns what is asked, and
//! [`dns`] asks it. Whoever is reached by TLS must prove the name that was configured, not that to which the
//! DNS leads (RFC 5922 §7.1): it travels with its places as a number of [`Certified`]. A name that nobody answers for keeps its places: a call is better tried where the
//! gateway was than nowhere.

pub mod dns;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use control::Named;
use futures_util::{StreamExt, stream};
use model::{Peer, PeerName, TenantConfig, TenantId, Transport};
use sip::locate::{Answer, Located, Query, Search};
use tokio::{
    sync::{Notify, mpsc},
    time::{Instant, sleep_until, timeout},
};

use crate::{shard::Mail, tls::Certified};

/// Names that are looked up at one time.
const AT_ONCE: usize = 8;
/// Names in all: each is asked for every half minute at the most.
pub const NAMES: usize = 4_096;
/// How long all questions about a name may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// After how long a name is asked for again that nobody has answered for.
const AGAIN: Duration = Duration::from_secs(30);

/// A name, and how it is to be reached.
type Key = (Peer, Transport);

/// Notes which names there are; cheap to clone.
#[derive(Clone, Default)]
pub struct Names {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    of: Mutex<BTreeMap<TenantId, BTreeSet<Key>>>,
    changed: Notify,
}

/// What is known of a name.
struct Known {
    named: Option<Arc<Named>>,
    due: Instant,
    /// The last search failed.
    failed: bool,
}

impl Names {
    /// The trunks of a tenant have changed, or it is gone.
    pub fn published(&self, tenant: TenantId, config: Option<&TenantConfig>) {
        let trunks = config.into_iter().flat_map(|config| &config.trunks);
        let peers = trunks.flat_map(|trunk| {
            let transport = trunk.transport;
            trunk.peers().map(move |peer| (peer, transport))
        });
        let names = peers.filter(|(peer, _)| matches!(peer, Peer::Named(..)));
        let names: BTreeSet<Key> = names.map(|(peer, how)| (peer.clone(), how)).collect();
        let before = if names.is_empty() {
            self.of().remove(&tenant)
        } else {
            self.of().insert(tenant, names)
        };
        // Another tenant's change is no reason to look.
        if before.is_some() || config.is_some() {
            self.shared.changed.notify_one();
        }
    }

    /// Looks them up and tells the shards, until it is dropped.
    pub async fn run(
        self,
        ask: impl AsyncFn(&Query) -> Result<Answer, String>,
        shards: Vec<mpsc::Sender<Mail>>,
        certified: Certified,
    ) {
        let mut known: BTreeMap<Key, Known> = BTreeMap::new();
        loop {
            let wanted = self.wanted();
            for (key, gone) in known.extract_if(.., |key, _| !wanted.contains(key)) {
                if gone.named.is_some() {
                    tell(&shards, nowhere(&key)).await;
                }
            }
            certified.keep(&wanted.iter().filter_map(certificate).collect());
            let now = Instant::now();
            let due = |key: &Key| known.get(key).is_none_or(|known| known.due <= now);
            let due: Vec<Key> = wanted.into_iter().filter(due).collect();
            let mut found = stream::iter(due.into_iter().map(async |key| {
                let found = timeout(PATIENCE, search(&ask, &key)).await;
                let found = found.unwrap_or_else(|_| Err("no answer in time".to_owned()));
                (key, found)
            }))
            .buffer_unordered(AT_ONCE);
            while let Some((key, found)) = found.next().await {
                let before = known.remove(&key);
                let number = certificate(&key).map(|name| {
                    let number = certified.number(name);
                    number.ok_or_else(|| "no certificate can have it".to_owned())
                });
                let (number, found) = match number.transpose() {
                    Ok(number) => (number, found),
                    Err(why) => (None, Err(why)),
                };
                let after = learn(&key, before, found, number, &shards).await;
                known.insert(key, after);
            }
            drop(found);
            let next = known.values().map(|known| known.due).min();
            let idle = Instant::now() + AGAIN;
            tokio::select! {
                () = self.shared.changed.notified() => {}
                () = sleep_until(next.unwrap_or(idle)) => {}
            }
        }
    }

    /// All names; beyond the limit those of the youngest tenants are not looked up.
    fn wanted(&self) -> BTreeSet<Key> {
        let of = self.of();
        let names: BTreeSet<Key> = of.values().flatten().cloned().collect();
        if names.len() > NAMES {
            tracing::warn!(
                names = names.len(),
                most = NAMES,
                "too many names of gateways"
            );
        }
        names.into_iter().take(NAMES).collect()
    }

    fn of(&self) -> MutexGuard<'_, BTreeMap<TenantId, BTreeSet<Key>>> {
        let of = self.shared.of.lock();
        of.unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is known of a name after a search; the shards are told what is new.
async fn learn(
    key: &Key,
    before: Option<Known>,
    found: Result<Located, String>,
    certificate: Option<PeerName>,
    shards: &[mpsc::Sender<Mail>],
) -> Known {
    let failed = before.as_ref().is_some_and(|known| known.failed);
    let before = before.and_then(|known| known.named);
    match found {
        Ok(Located { places, ttl }) => {
            let named = Arc::new(Named {
                places,
                certificate,
                ..nowhere(key)
            });
            if before.as_ref() != Some(&named) {
                tell(shards, Named::clone(&named)).await;
            }
            Known {
                named: Some(named),
                due: Instant::now() + Duration::from_secs(ttl.into()),
                failed: false,
            }
        }
        Err(why) => {
            if !failed {
                tracing::warn!(name = %key.0, why, "a name of a gateway cannot be looked up");
            }
            Known {
                named: before,
                due: Instant::now() + AGAIN,
                failed: true,
            }
        }
    }
}

async fn search(
    ask: &impl AsyncFn(&Query) -> Result<Answer, String>,
    (peer, transport): &Key,
) -> Result<Located, String> {
    let Peer::Named(name, port) = peer else {
        return Err("no name".to_owned());
    };
    let mut search = Search::new(name, *port, control::hop::transport(*transport));
    while let Some(query) = search.query() {
        search.answer(ask(&query).await?);
    }
    Ok(search.finish())
}

/// The name that certificates must have, if any are to be shown.
fn certificate((peer, transport): &Key) -> Option<&str> {
    match peer {
        Peer::Named(name, _) if *transport == Transport::Tls => Some(name),
        Peer::Named(..) | Peer::At(_) => None,
    }
}

fn nowhere((peer, transport): &Key) -> Named {
    Named {
        peer: peer.clone(),
        transport: *transport,
        certificate: None,
        places: Vec::new(),
    }
}

/// Waits for room: the word must not be lost.
async fn tell(shards: &[mpsc::Sender<Mail>], named: Named) {
    let named = Arc::new(named);
    for shard in shards {
        // One that has ended needs no word.
        let _ = shard.send(Mail::Named(Arc::clone(&named))).await;
    }
}

#[cfg(test)]
mod tests;
