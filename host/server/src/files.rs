//! How many files this process may have open: each media port is two sockets of it.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Files beside media ports: connections of the API, the database, listeners.
const OTHERS: u64 = 2_048;

/// Raises the limit as far as it may be, and warns if it is still too low for that many media ports.
pub fn raise_limit(media_ports: u64) {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(%error, "the limit of open files could not be raised");
    }
    let limit = getrlimit(Resource::Nofile).current;
    let needed = media_ports + OTHERS;
    if let Some(limit) = limit.filter(|limit| *limit < needed) {
        tracing::warn!(
            limit,
            needed,
            "few files may be open: calls will fail before media.ports do"
        );
    }
}

/// How many files may be open.
pub fn limit() -> u64 {
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use rustix::process::{Resource, getrlimit};

    #[test]
    fn the_limit_is_raised_as_far_as_it_may_be() {
        super::raise_limit(0);
        let limit = getrlimit(Resource::Nofile);
        assert_eq!(limit.current, limit.maximum);
    }
}
