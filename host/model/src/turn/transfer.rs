//! Transfers: what a party has asked for, and what a policy may do about it or ask a party for.
//!
//! Owns the one place where the platform differs from the policy's words: who wants to take the place of
//! a call that is the platform's own is led there, whatever number it has.

use super::{CommandError, Phase, Plan};
use crate::{Address, CallId, Cause, Command, Hop, Route, Target, Transport, Via};

/// A party's wish to transfer the other side of its conversation (REFER), while its event is handled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The party.
    pub call: CallId,
    /// The dialog that the other side shall take the place of.
    pub join: Option<Join>,
}

/// A dialog of the platform's own that is to be taken over: an attended transfer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Join {
    /// Where its shard is asked.
    pub target: Target,
    /// The Replaces header (RFC 3891) that names it.
    pub replaces: String,
}

/// What became of a wish in this turn.
#[derive(Clone, Debug, Default)]
pub(super) enum Wish {
    /// Nothing yet, or there is none.
    #[default]
    Open,
    /// It is granted; the next call that is constructed fulfils it.
    Granted(Asked),
    /// Refused or fulfilled.
    Done,
}

impl Join {
    /// Through this shard's own hatch to that of the one which owns the dialog. `user` tells whose it is.
    pub fn new(
        from: std::net::SocketAddr,
        to: std::net::SocketAddr,
        user: &str,
        replaces: String,
    ) -> Self {
        let hop = Hop {
            transport: Transport::Udp,
            address: to,
            name: None,
        };
        let target = Target {
            local: Some(from),
            uri: Some(format!("sip:{user}@{to}")),
            ..Target::from(hop)
        };
        Self { target, replaces }
    }
}

impl Plan {
    /// Grants the party's wish to transfer: the next call that this turn constructs is the one that it is
    /// told about. Without one the transfer counts as done.
    pub fn transfer_accept(&mut self, id: CallId) -> Result<(), CommandError> {
        let asked = self.asked_by(id)?;
        self.wish = Wish::Granted(asked);
        self.push(Command::TransferAccept { call: id })
    }

    /// Refuses it, even if it was granted and no call made for it yet: 400 to 699 but 401 and 407.
    pub fn transfer_refuse(&mut self, id: CallId, cause: u16) -> Result<(), CommandError> {
        let fits = |cause: &Cause| cause.code() != 200;
        let cause = Cause::for_release(cause).filter(fits).ok_or_else(|| {
            let allowed = "400 to 699 but 401 and 407";
            CommandError::InvalidArgument(format!("cause {cause} is not {allowed}"))
        })?;
        match &self.wish {
            // Whatever was to fulfil it cannot be made.
            Wish::Granted(asked) if asked.call == id => {
                let granted = Command::TransferAccept { call: id };
                self.commands.retain(|command| *command != granted);
            }
            _ => drop(self.asked_by(id)?),
        }
        self.wish = Wish::Done;
        self.push(Command::TransferRefuse { call: id, cause })
    }

    /// Asks the party of an answered call to call `target` instead, perhaps in place of another call of
    /// this session.
    pub fn transfer(
        &mut self,
        id: CallId,
        target: &str,
        replaces: Option<CallId>,
    ) -> Result<(), CommandError> {
        let to: Address = target
            .parse()
            .map_err(|why| CommandError::InvalidArgument(format!("target: {why}")))?;
        if replaces == Some(id) {
            let why = "a call does not take its own place";
            return Err(CommandError::InvalidArgument(why.into()));
        }
        for call in [Some(id), replaces].into_iter().flatten() {
            if self.live(call)?.phase != Phase::Answered {
                return Err(CommandError::WrongState);
            }
        }
        let domain = self.view().tenant.domain.as_str();
        let to = to.to_uri(domain).parse();
        let to = to.map_err(|_| CommandError::InvalidArgument("target is too long".into()))?;
        self.push(Command::Transfer {
            call: id,
            to,
            replaces,
        })
    }

    /// Where the next constructed call is led, if it takes over a dialog of the platform's own.
    pub(super) fn granted(&self) -> Option<&Join> {
        match &self.wish {
            Wish::Granted(asked) => asked.join.as_ref(),
            Wish::Open | Wish::Done => None,
        }
    }

    /// The wish that the next constructed call fulfils.
    pub(super) fn take_granted(&mut self) -> Option<Asked> {
        match std::mem::replace(&mut self.wish, Wish::Done) {
            Wish::Granted(asked) => Some(asked),
            other => {
                self.wish = other;
                None
            }
        }
    }

    fn asked_by(&mut self, id: CallId) -> Result<Asked, CommandError> {
        self.live(id)?;
        let asked = self.view().asked.clone().filter(|asked| asked.call == id);
        match self.wish {
            Wish::Open => asked.ok_or(CommandError::WrongState),
            _ => Err(CommandError::WrongState),
        }
    }
}

impl From<&Join> for Route {
    fn from(join: &Join) -> Self {
        Self {
            via: Via::Phone,
            groups: vec![vec![join.target.clone()]],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Asked, Join};
    use crate::turn::plan_tests::{dial, plan};
    use crate::{
        Command, Via,
        turn::{CommandError, Phase, Plan},
    };

    fn asked(join: Option<Join>) -> (Plan, crate::CallId, crate::CallId) {
        let (plan, a, b) = plan(Phase::Answered, Phase::Answered);
        let (mut view, ids) = (plan.view().clone(), crate::IdSource::new([7; 32], 0, 0));
        view.asked = Some(Asked { call: a, join });
        (Plan::new(view, ids), a, b)
    }

    #[test]
    fn a_wish_is_granted_or_refused_once_and_by_whom_it_was_asked() {
        let (mut plan, a, b) = asked(None);
        assert_eq!(plan.transfer_accept(b), Err(CommandError::WrongState));
        for cause in [200, 302, 401, 700] {
            let refused = plan.transfer_refuse(a, cause);
            assert!(
                matches!(refused, Err(CommandError::InvalidArgument(_))),
                "{cause}"
            );
        }
        assert_eq!(plan.transfer_refuse(a, 603), Ok(()));
        assert_eq!(plan.transfer_accept(a), Err(CommandError::WrongState));
        assert_eq!(plan.into_commands().len(), 1);
        let (mut plan, a, _) = asked(None);
        plan.transfer_accept(a).unwrap();
        plan.transfer_refuse(a, 403).unwrap();
        assert_eq!(plan.transfer_refuse(a, 403), Err(CommandError::WrongState));
        let [Command::TransferRefuse { .. }] = plan.into_commands()[..] else {
            panic!()
        };
        let (mut unasked, a, _) = crate::turn::plan_tests::plan(Phase::Answered, Phase::Answered);
        assert_eq!(unasked.transfer_accept(a), Err(CommandError::WrongState));
    }

    #[test]
    fn the_next_call_fulfils_it_and_no_other_does() {
        let (mut plan, a, _) = asked(None);
        plan.transfer_accept(a).unwrap();
        assert!(plan.construct(&dial("2001", "9999")).is_err());
        plan.construct(&dial("2001", "3001")).unwrap();
        plan.construct(&dial("2001", "3001")).unwrap();
        let fulfils = plan.into_commands().into_iter().filter_map(|it| match it {
            Command::Construct(it) => Some(it.transfer),
            _ => None,
        });
        assert_eq!(fulfils.collect::<Vec<_>>(), [Some(a), None]);
    }

    #[test]
    fn who_takes_the_place_of_a_call_of_ours_is_led_there_whatever_its_number() {
        let hatches = ["0.0.0.0:1", "0.0.0.0:3"].map(|it| it.parse().unwrap());
        let replaces = "x;to-tag=1;from-tag=2".to_owned();
        let join = Join::new(hatches[0], hatches[1], "ten", replaces.clone());
        let (mut plan, a, _) = asked(Some(join));
        plan.transfer_accept(a).unwrap();
        plan.construct(&dial("2001", "9999")).unwrap();
        let Some(Command::Construct(made)) = plan.into_commands().pop() else {
            panic!()
        };
        assert_eq!(made.headers, [("Replaces".to_owned(), replaces)]);
        let target = &made.route.groups[0][0];
        assert_eq!(
            (made.route.via, target.hop.address),
            (Via::Phone, hatches[1])
        );
        assert_eq!(
            (target.local, target.uri.as_deref()),
            (Some(hatches[0]), Some("sip:ten@0.0.0.0:3"))
        );
    }

    #[test]
    fn only_who_talks_is_asked_to_call_somebody_else() {
        let (mut plan, a, b) = plan(Phase::Ringing, Phase::Answered);
        assert_eq!(
            plan.transfer(a, "3001", None),
            Err(CommandError::WrongState)
        );
        assert_eq!(
            plan.transfer(b, "3001", Some(a)),
            Err(CommandError::WrongState)
        );
        for (target, replaces) in [("", None), ("3001", Some(b))] {
            let refused = plan.transfer(b, target, replaces);
            assert!(
                matches!(refused, Err(CommandError::InvalidArgument(_))),
                "{target:?}"
            );
        }
        assert_eq!(plan.transfer(b, "3003", None), Ok(()));
        let to = "sip:3003@acme.example".parse().unwrap();
        let replaces = None;
        let asked = Command::Transfer {
            call: b,
            to,
            replaces,
        };
        assert_eq!(plan.into_commands(), [asked]);
    }
}
