//! Calls through trunks: each has its own spelling of numbers, is given what its lists allow, and may ask
//! who we are.
//!
//! Owns nothing: what a call becomes is said by `model`, from the trunk that takes it.

use std::sync::Arc;

use model::{CallDirection, Now, SessionId, command::Construct};
use sip::digest::Login;

use super::Shard;

impl Shard {
    /// Makes a call of that session one through the trunk to which its route leads, if it leads to one.
    /// Who we are, if the trunk asks.
    pub(super) fn through(
        &mut self,
        now: Now,
        session: SessionId,
        construct: &mut Construct,
    ) -> Option<Arc<Login>> {
        let s = self.sessions.get(&session)?;
        let trunk = s.tenant.trunk_of(construct.route.via)?;
        let mut calls = s.calls.iter().filter_map(|id| self.calls.get(id));
        let caller = calls.find(|call| call.direction == CallDirection::Inbound);
        let seen = caller.map_or(&[][..], |call| &call.headers);
        // A trunk that has no spelling of it was not chosen.
        let left_out = construct.through(trunk, seen).unwrap_or_default();
        let login = trunk.login().map(proof);
        for name in left_out {
            let what = format!("{name} is not passed on: too long, or too many");
            self.note(now, session, what);
        }
        login
    }
}

/// A login in the words of SIP.
pub(super) fn proof(login: &model::Login) -> Arc<Login> {
    Arc::new(Login {
        username: login.user.clone(),
        password: login.password.clone(),
    })
}

#[cfg(test)]
mod tests {
    use model::HeaderNames;

    #[test]
    fn no_list_of_a_trunk_names_what_the_endpoint_writes() {
        for name in sip::OWN_HEADERS {
            let list = HeaderNames::new(vec![name.to_owned()]);
            assert!(list.is_err(), "an INVITE with {name} would fail");
        }
    }
}
