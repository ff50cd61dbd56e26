//! SIP status codes as causes: why a call ended, or why it is refused.

use std::fmt;

/// A SIP status code (RFC 3261 §21), 200 or 300 to 699.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cause(u16);

impl Cause {
    /// The normal end of an answered call.
    pub const NORMAL: Cause = Cause(200);
    /// Forbidden.
    pub const FORBIDDEN: Cause = Cause(403);
    /// Not found.
    pub const NOT_FOUND: Cause = Cause(404);
    /// Nobody answered in time.
    pub const TIMEOUT: Cause = Cause(408);
    /// Temporarily unavailable.
    pub const UNAVAILABLE: Cause = Cause(480);
    /// Max-Forwards is used up.
    pub const TOO_MANY_HOPS: Cause = Cause(483);
    /// The number is none, or only a part of one.
    pub const INCOMPLETE: Cause = Cause(484);
    /// The caller gave up.
    pub const TERMINATED: Cause = Cause(487);
    /// No media in common.
    pub const NOT_ACCEPTABLE: Cause = Cause(488);
    /// A fault of ours.
    pub const SERVER_ERROR: Cause = Cause(500);
    /// Overload, or a part of the platform is away.
    pub const SERVICE_UNAVAILABLE: Cause = Cause(503);

    /// A cause that a policy may give to `release`: 200, or 400 to 699 but 401 and 407, which would
    /// be a challenge.
    pub fn for_release(code: u16) -> Option<Cause> {
        match code {
            401 | 407 => None,
            200 | 400..=699 => Some(Cause(code)),
            _ => None,
        }
    }

    /// The cause for a status that came from the network; whatever is no final status becomes 500.
    pub fn from_network(code: u16) -> Cause {
        match code {
            200 | 300..=699 => Cause(code),
            _ => Cause::SERVER_ERROR,
        }
    }

    /// The code.
    pub fn code(self) -> u16 {
        self.0
    }

    /// The cause as it is passed from one leg to the other: 3xx → 480 (never followed: toll fraud),
    /// 401 and 407 → 500 (the caller cannot answer our challenge), 503 → 500 (RFC 3261 §16.7 (6)),
    /// all others unchanged. Architecture §8.
    #[must_use]
    pub fn passed_on(self) -> Cause {
        match self.0 {
            300..=399 => Cause::UNAVAILABLE,
            401 | 407 | 503 => Cause::SERVER_ERROR,
            _ => self,
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::Cause;

    #[test]
    fn causes_cross_the_platform_through_one_table() {
        for (from, to) in [
            (302, 480),
            (401, 500),
            (407, 500),
            (503, 500),
            (486, 486),
            (603, 603),
        ] {
            assert_eq!(Cause::from_network(from).passed_on().code(), to, "{from}");
        }
    }

    #[test]
    fn a_policy_can_neither_challenge_nor_redirect_by_release() {
        for code in [0, 100, 180, 201, 302, 401, 407, 700] {
            assert_eq!(Cause::for_release(code), None, "{code}");
        }
        assert_eq!(Cause::for_release(200).map(Cause::code), Some(200));
        assert_eq!(Cause::for_release(603).map(Cause::code), Some(603));
    }
}
