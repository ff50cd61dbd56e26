//! Which cause one leg of a call may tell the other.
//!
//! Policies share this table so that a callee's answer means the same to every tenant's callers.

use crate::{Call, CallPhase, Error, Result};

/// The cause with which to release one party when the other ended with `cause`.
///
/// | ended with | passed on | because |
/// |---|---|---|
/// | 3xx | 480 | a redirection is not followed: whoever answers so could make the tenant pay for calls to anywhere |
/// | 401, 407 | 500 | a challenge was for us, and the other party cannot answer it |
/// | 503 | 500 | RFC 3261 §16.7 (6): 503 would stop the caller's trunk from sending any call |
/// | all others | unchanged | |
///
/// ```
/// # use jackfield_sdk::passed_on;
/// assert_eq!(passed_on(486), 486, "busy is busy");
/// assert_eq!(passed_on(302), 480, "nobody is led elsewhere");
/// ```
pub fn passed_on(cause: u16) -> u16 {
    match cause {
        300..=399 => 480,
        401 | 407 | 503 => 500,
        other => other,
    }
}

impl Call {
    /// Releases this call because the other party of the conversation ended with `cause`, or could
    /// not be reached for it.
    ///
    /// ```
    /// # use jackfield_sdk::{Call, ReleaseReport, Result, Session};
    /// /// One party has hung up: so do all others.
    /// fn on_released<S>(session: &Session<S>, report: &ReleaseReport) -> Result {
    ///     session.calls().iter().try_for_each(|other| other.release_after(report.cause))
    /// }
    /// ```
    pub fn release_after(&self, cause: u16) -> Result {
        self.release(heard_by_the_other(
            cause,
            self.phase() == CallPhase::Answered,
        ))
    }
}

/// Who was not answered yet cannot be told that a conversation ended well: the other party has
/// become unavailable to him.
fn heard_by_the_other(cause: u16, is_answered: bool) -> u16 {
    match passed_on(cause) {
        200..=299 if !is_answered => 480,
        cause => cause,
    }
}

impl Error {
    /// The cause with which to release a caller whose call cannot be made for this reason.
    ///
    /// 603 not permitted: the platform declines it, so that 403 is left to what a policy itself refuses; 404 not
    /// found; 488 unsupported; 503 limit exceeded or unavailable; 500 for what is the policy's own mistake.
    ///
    /// ```
    /// # use jackfield_sdk::{Call, Dial, Result, Session};
    /// fn lead<S>(session: &Session<S>, caller: &Call, to: &str) -> Result {
    ///     let from = caller.from_uri();
    ///     match session.construct(&Dial { from: &from, to, ..Dial::default() }) {
    ///         Ok(_) => Ok(()),
    ///         // Returned, it would undo the event, and the caller would hear 500.
    ///         Err(why) => caller.release(why.cause()),
    ///     }
    /// }
    /// ```
    pub fn cause(&self) -> u16 {
        match self {
            Self::NotPermitted(_) => 603,
            Self::NotFound(_) => 404,
            Self::Unsupported(_) => 488,
            Self::LimitExceeded(_) | Self::Unavailable(_) => 503,
            Self::WrongState | Self::WrongDirection | Self::InvalidArgument(_) => 500,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{heard_by_the_other, passed_on};
    use crate::Error;

    #[test]
    fn causes_are_passed_on_by_the_one_table() {
        for (ended_with, expect) in [
            (200, 200),
            (300, 480),
            (302, 480),
            (380, 480),
            (401, 500),
            (404, 404),
            (407, 500),
            (408, 408),
            (486, 486),
            (487, 487),
            (500, 500),
            (503, 500),
            (603, 603),
        ] {
            assert_eq!(passed_on(ended_with), expect, "{ended_with}");
        }
    }

    #[test]
    fn a_conversation_that_ended_well_is_unavailable_to_who_was_not_answered() {
        for (cause, is_answered, expect) in [
            (200, true, 200),
            (200, false, 480),
            (487, false, 487),
            (503, false, 500),
            (408, true, 408),
        ] {
            assert_eq!(
                heard_by_the_other(cause, is_answered),
                expect,
                "{cause} {is_answered}"
            );
        }
    }

    #[test]
    fn what_the_tenant_may_not_do_is_declined_and_not_forbidden() {
        assert_eq!(Error::NotPermitted("destination".into()).cause(), 603);
        assert_eq!(Error::Unavailable("no route".into()).cause(), 503);
        assert_eq!(Error::WrongState.cause(), 500);
    }
}
