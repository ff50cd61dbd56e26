//! Which version of a plugin a new session begins with.
//!
//! Owns the draw between the active version and the one on trial. It depends on nothing but the tenant,
//! the plugin and who begins the session, so that a caller meets the same version at each call, on each
//! shard, and after a restart; and who has met the version on trial meets it as well when its share grows.

use std::hash::Hasher;

use model::{ActivePlugin, TenantConfig, TenantId};
use siphasher::sip::SipHasher13;

/// The version that a session begins with for `who`: a calling number or a user, or, where nobody is
/// known, an id of that call or request alone. None: the plugin is not active.
pub(crate) fn begins_with<'a>(
    tenant: &'a TenantConfig,
    plugin: &str,
    who: &str,
) -> Option<&'a ActivePlugin> {
    let active = tenant.plugins.get(plugin)?;
    let rollout = tenant.rollouts.get(plugin);
    match rollout.and_then(|rollout| rollout.trial.as_ref()) {
        Some(trial) if place(tenant.id, plugin, who) < trial.percent => Some(&trial.plugin),
        _ => Some(active),
    }
}

/// A place from 0 to 99. The key is the tenant's id, most of which was drawn: no caller can choose a
/// number by its place.
fn place(tenant: TenantId, plugin: &str, who: &str) -> u8 {
    let mut hasher = SipHasher13::new_with_key(&tenant.octets());
    hasher.write(plugin.as_bytes());
    // No name has this octet: the two never run together.
    hasher.write(&[0]);
    hasher.write(who.as_bytes());
    (hasher.finish() % 100) as u8
}

#[cfg(test)]
mod tests {
    use model::{IdSource, TenantId};

    use super::place;

    fn tenant(n: u8) -> TenantId {
        TenantId::mint(&mut IdSource::new([n; 32], 0, 0), 1)
    }

    #[test]
    fn a_caller_keeps_its_place_for_ever() {
        // What it is today it must be after a restart, and after the next release.
        let callers = ["1001", "1002", "+4915112345678"];
        let places = callers.map(|who| place(tenant(7), "makecall", who));
        assert_eq!(places, [11, 18, 54]);
    }

    #[test]
    fn callers_spread_evenly_and_otherwise_for_each_plugin_and_tenant() {
        let callers: Vec<String> = (0..10_000).map(|n| format!("+4930{n:06}")).collect();
        let below = |tenant: TenantId, plugin: &str| {
            let is_low = |who: &&String| place(tenant, plugin, who) < 10;
            callers.iter().filter(is_low).collect::<Vec<_>>()
        };
        let [one, other, stranger] = [
            below(tenant(1), "ivr"),
            below(tenant(1), "makecall"),
            below(tenant(2), "ivr"),
        ];
        for low in [&one, &other, &stranger] {
            assert!((900..1_100).contains(&low.len()), "{}", low.len());
        }
        for low in [other, stranger] {
            let both = low.iter().filter(|who| one.contains(who)).count();
            assert!((60..150).contains(&both), "{both}");
        }
    }
}
