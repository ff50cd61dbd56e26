//! Transfers: what a party asks for by REFER, and what a policy asks a party for.
//!
//! ```text
//!  party                jackfield                     policy              other
//!    |--REFER -------------->|--on_transfer_requested---->|                 |
//!    |<-------202------------|<--transfer-accept----------|                 |
//!    |<-------NOTIFY 100-----|<--construct----------------|                 |
//!    |                       |--INVITE ---------------------------------------> target
//!    |<-------NOTIFY 200-----|<-------------------------------------------200--|
//! ```
//!
//! The policy says who may be called and whom it joins; how that goes the party hears from here. Without
//! a policy that knows transfers it is refused with 603, and so is a wish that a turn leaves open.

use model::{
    Address, CallDirection, CallId, Cause, Event, Now,
    turn::{Asked, Join},
};
use sip::{Replaces, Uri};

use super::{Shard, join::hatch};
use crate::call::{Call, State};

impl Shard {
    /// The endpoint reports of a transfer.
    pub(super) fn transfer_event(&mut self, now: Now, event: sip::Event) {
        match event {
            sip::Event::Referred {
                dialog,
                to,
                replaces,
            } => self.on_call(dialog, |shard, id| shard.referred(now, id, &to, replaces)),
            sip::Event::Transferred { dialog, status } => {
                self.on_call(dialog, |shard, id| shard.transferred(now, id, status));
            }
            _ => {}
        }
    }

    /// A party wants the other side of its conversation to call somebody else.
    fn referred(&mut self, now: Now, id: CallId, to: &Uri, replaces: Option<Replaces>) {
        let Some(call) = self.calls.get(&id) else {
            return;
        };
        let session = call.session;
        let target = to.to_string().parse::<Address>();
        let (true, State::Answered, Ok(target)) = (self.hears_transfers(id), &call.state, target)
        else {
            return self.refer_back(now, id, Err(603));
        };
        let known = replaces.as_ref().map(|replaces| {
            let call = self.own_call(id, replaces);
            call.map_or(String::new(), |call| call.to_string())
        });
        let join = replaces.and_then(|replaces| self.way_to(id, &replaces));
        if let Some(call) = self.calls.get_mut(&id) {
            call.asked = Some(Asked { call: id, join });
        }
        let event = Event::TransferRequested {
            call: id,
            target,
            replaces: known,
        };
        self.tell(now, session, event);
    }

    /// The call of the same tenant that a dialog belongs to, if it is on this shard.
    fn own_call(&self, asker: CallId, replaces: &Replaces) -> Option<CallId> {
        let call = *self.by_dialog.get(&self.sip.replaced(replaces)?)?;
        (self.tenant_of(call)? == self.tenant_of(asker)?).then_some(call)
    }

    /// Which way a call goes that takes the place of a dialog of ours: every message of that one comes to
    /// the shard of its Call-ID.
    fn way_to(&self, asker: CallId, replaces: &Replaces) -> Option<Join> {
        let owner = self.config.placement.shard_of(replaces.call_id.as_bytes());
        let hatches = [self.config.shard, owner].map(hatch);
        let tenant = self.tenant_of(asker)?.to_string();
        Some(Join::new(
            hatches[0],
            hatches[1],
            &tenant,
            replaces.to_string(),
        ))
    }

    /// The policy grants or refuses what a party wants; whether it wants anything.
    pub(super) fn decide_transfer(
        &mut self,
        now: Now,
        id: CallId,
        refusal: Option<Cause>,
    ) -> Result<(), String> {
        let asked = self.calls.get_mut(&id).and_then(|call| call.asked.take());
        asked.ok_or("transfer skipped: the call has ended")?;
        let answer = refusal.map_or(Ok(()), |cause| Err(cause.code()));
        self.refer_back(now, id, answer);
        Ok(())
    }

    /// A turn has left a wish open, or has faulted.
    pub(super) fn refuse_open_wish(&mut self, now: Now, id: CallId) {
        if self.calls.get(&id).is_some_and(|call| call.asked.is_some()) {
            // It is there, so that nothing is skipped.
            let _ = self.decide_transfer(now, id, Some(Cause::from_network(603)));
        }
    }

    /// The call that fulfils a wish has moved on: who wished it is told.
    pub(super) fn report_transfer(&mut self, now: Now, id: CallId, status: u16) {
        let Some(call) = self.calls.get_mut(&id) else {
            return;
        };
        let party = call.fulfils;
        if status >= 200 {
            call.fulfils = None;
        }
        if let Some(party) = party {
            self.tell_party(now, party, status);
        }
    }

    /// Tells a party how its transfer goes.
    pub(super) fn tell_party(&mut self, now: Now, party: CallId, status: u16) {
        if let Some(dialog) = self.calls.get(&party).and_then(|call| call.dialog) {
            let notify = sip::Input::Notify { dialog, status };
            self.sip.handle_input(now.mono, notify);
        }
    }

    /// Asks a party to call somebody else.
    pub(super) fn transfer(
        &mut self,
        now: Now,
        id: CallId,
        to: &Address,
        replaces: Option<CallId>,
    ) -> Result<(), String> {
        let answered = |call: &&Call| matches!(call.state, State::Answered);
        let call = self.calls.get(&id).filter(answered);
        let call = call.ok_or("transfer skipped: the call has moved on")?;
        let by = match call.direction {
            CallDirection::Inbound => &call.to,
            CallDirection::Outbound => &call.from,
        };
        let uris = (to.as_str().parse(), by.as_str().parse());
        let (Some(dialog), Ok(to), Ok(by)) = (call.dialog, uris.0, uris.1) else {
            self.transferred(now, id, 500);
            return Err("transfer failed: a URI cannot be written".to_owned());
        };
        let other = replaces.and_then(|other| self.calls.get(&other)?.dialog);
        let named = other.and_then(|dialog| self.sip.replaces(dialog));
        if replaces.is_some() && named.is_none() {
            self.transferred(now, id, 481);
            return Err("transfer failed: the other call has ended".to_owned());
        }
        let refer = sip::Input::Refer {
            dialog,
            to,
            by,
            replaces: named,
        };
        self.sip.handle_input(now.mono, refer);
        Ok(())
    }

    /// How that went.
    fn transferred(&mut self, now: Now, id: CallId, status: u16) {
        let live = self.calls.get(&id).filter(|call| !call.is_released());
        if let Some(session) = live.map(|call| call.session)
            && self.hears_transfers(id)
        {
            self.tell(now, session, Event::TransferCompleted { call: id, status });
        }
    }

    fn refer_back(&mut self, now: Now, id: CallId, answer: Result<(), u16>) {
        if let Some(dialog) = self.calls.get(&id).and_then(|call| call.dialog) {
            let referral = sip::Input::Referral { dialog, answer };
            self.sip.handle_input(now.mono, referral);
        }
    }

    /// Whether the policy of a call wants to hear of transfers.
    fn hears_transfers(&self, id: CallId) -> bool {
        let session = self.calls.get(&id).map(|call| call.session);
        session.is_some_and(|session| self.hears(session, "transfer-events"))
    }
}
