//! Who we are to the peer of a call that asks for it: RFC 3261 §22.
//!
//! Owns what was learned of its challenges, and the requests that can be sent once more if they meet
//! one. There is none in a call whose peer could not be told anything: such a call costs nothing here.

use std::collections::VecDeque;
use std::sync::Arc;

use super::{Exchange, Referral, State, Usage};
use crate::digest::Login;
use crate::endpoint::proofs::{Met, Proofs};
use crate::event::Flow;
use crate::limits;
use crate::transaction::TransactionId;
use crate::wire::{Builder, Method};

/// A login and what its asker was told.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) login: Arc<Login>,
    pub(crate) proofs: Proofs,
    /// Oldest first.
    open: VecDeque<Provable>,
}

/// A request within the call that waits for its answer.
#[derive(Debug)]
pub(crate) struct Provable {
    pub(crate) transaction: TransactionId,
    pub(crate) flow: Flow,
    /// As it was before any proof.
    pub(crate) request: Builder,
    /// Its sequence number.
    pub(crate) number: u32,
    /// The tag of the peer in it.
    pub(crate) remote_tag: String,
    pub(crate) met: Met,
}

impl Account {
    pub(crate) fn new(login: Arc<Login>) -> Self {
        Self {
            login,
            proofs: Proofs::default(),
            open: VecDeque::new(),
        }
    }

    /// A request waits. Of too many the oldest is not proven any more: what comes last ends the call.
    pub(crate) fn open(&mut self, provable: Provable) {
        if self.open.len() >= limits::PROVABLE {
            self.open.pop_front();
        }
        self.open.push_back(provable);
    }

    /// A request has its answer, or there will be none.
    pub(crate) fn close(&mut self, transaction: TransactionId) -> Option<Provable> {
        let place = self
            .open
            .iter()
            .position(|it| it.transaction == transaction)?;
        self.open.remove(place)
    }
}

impl Usage {
    /// Whether the outcome of that request still matters: a BYE must be believed whatever else is, and a
    /// PRACK or the callee says its 1xx for ever.
    pub(crate) fn waits_for(&mut self, provable: &Provable) -> bool {
        let method = provable.request.method();
        *method == Method::BYE
            || *method == Method::PRACK
            || self.awaited().any(|it| *it == provable.transaction)
    }

    /// Whatever waited for the one waits for the other, which has that number.
    pub(crate) fn follow(&mut self, before: TransactionId, after: TransactionId, number: u32) {
        if let Some(ours) = &mut self.refers.ours
            && ours.transaction == before
        {
            // It is the id of its subscription.
            ours.number = number;
        }
        for awaited in self.awaited().filter(|it| **it == before) {
            *awaited = after;
        }
    }

    /// The requests of ours for whose answers something waits.
    fn awaited(&mut self) -> impl Iterator<Item = &mut TransactionId> {
        let (reinvite, update, info) = match &mut self.state {
            State::Established(call) => {
                let reinvite = match &mut call.exchange {
                    Exchange::Reinviting(ours) => Some(&mut ours.invite),
                    _ => None,
                };
                (reinvite, call.update.as_mut(), call.info.as_mut())
            }
            _ => (None, None, None),
        };
        let refer = self.refers.ours.as_mut().map(|ours| &mut ours.transaction);
        let notify = match &mut self.refers.theirs {
            Some(Referral::Told(told)) => told.out.as_mut().map(|(notify, _)| notify),
            _ => None,
        };
        let bye = self.refers.bye.as_mut();
        [reinvite, update, info, refer, notify, bye]
            .into_iter()
            .flatten()
    }

    /// The number of a request to that peer that is sent once more; `number`: of the copy before. That of
    /// a dialog that is over counts on by itself.
    pub(crate) fn next_number(&mut self, remote_tag: &str, number: u32) -> u32 {
        if let Some(dialog) = &mut self.refers.outlives {
            return dialog.next_number();
        }
        match self.dialog(remote_tag) {
            Some(dialog) => dialog.next_number(),
            None => number + 1,
        }
    }
}
