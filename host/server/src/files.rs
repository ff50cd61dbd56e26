//! How many files this process may have open: each media port is two sockets of it, and each recording is one file.

use media::io::{Place, PortRange};
use media::limits::{PORTS, TAPES, descriptors};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Files beside those of media: connections of the API, the database, listeners.
const OTHERS: u64 = 2_048;

/// The most that this process has open with its media at these places, on so many shards.
pub fn needed(places: &[Place], shards: u64) -> u64 {
    let most = shards * descriptors(PORTS) as u64;
    let numbers = |ports: &PortRange| {
        if ports.is_ephemeral() {
            return 0; // for tests and demonstrations: there is no range to be used up
        }
        u64::from(ports.last.saturating_sub(ports.first)) + 1
    };
    let sockets: u64 = places.iter().map(|place| numbers(&place.ports)).sum();
    sockets.min(most) + shards * TAPES as u64 + OTHERS
}

/// Raises the limit as far as it may be, and warns if it is still too low for so many.
pub fn raise_limit(needed: u64) {
    let before = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: before.maximum,
        ..before
    };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(%error, "the limit of open files could not be raised");
    }
    if let Some(warning) = shortage(limit(), needed) {
        tracing::warn!("{warning}");
    }
}

/// How many files may be open.
pub fn limit() -> u64 {
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

/// What there is to say of a limit that is too low.
fn shortage(limit: u64, needed: u64) -> Option<String> {
    let words = "calls and recordings will fail before media.ports are used up";
    (limit < needed)
        .then(|| format!("{limit} files may be open, of {needed} that may be needed: {words}"))
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn the_limit_is_raised_as_far_as_it_may_be() {
        raise_limit(0);
        let limit = getrlimit(Resource::Nofile);
        assert_eq!(limit.current, limit.maximum);
    }

    #[test]
    fn files_are_needed_for_sockets_recordings_and_all_else() {
        let place = |first, last| {
            let address = Ipv4Addr::LOCALHOST.into();
            Place::from(PortRange {
                address,
                first,
                last,
            })
        };
        let ours = place(20_000, 39_999);
        let others = |shards| shards * 1_024 + 2_048;
        // The numbers bound the sockets, or what the shards take does.
        for (places, shards, sockets) in [
            (&[ours][..], 2, 20_000),
            (&[ours], 16, 20_000),
            (&[ours, ours], 2, 40_000),
            (&[ours, ours, ours], 2, 2 * 20_001),
            (&[place(0, 0)], 2, 0),
        ] {
            let found = needed(places, shards);
            assert_eq!(found, sockets + others(shards), "{places:?} {shards}");
        }
    }

    #[test]
    fn a_limit_that_is_too_low_is_told_with_what_is_needed() {
        assert_eq!(shortage(24_096, 24_096), None);
        assert_eq!(
            shortage(24_095, 24_096).unwrap(),
            "24095 files may be open, of 24096 that may be needed: calls and recordings will fail before \
             media.ports are used up"
        );
    }
}
