//! Requests within a call whose peer wants a proof of each: RFC 3261 §22.2, §22.3.
//!
//! ```text
//!  INVITE ──401/407──▶ INVITE with a proof ──2xx──▶ every later request brings a proof by itself
//!                                                     │ 401/407: the nonce was used up
//!                                                     └▶ once more, and once more if that was stale
//! ```
//!
//! Owns what all requests of ours within a call have in common when they leave and when they are
//! challenged. Whatever waits for the answer of the first copy waits for that of the next; to who asked
//! for it, it is one request. The first INVITE is not among them: it has no dialog yet.

use std::sync::Arc;
use std::time::Instant;

use super::Endpoint;
use super::proofs::Met;
use super::write::sound;
use crate::Uri;
use crate::dialog::{Account, Provable};
use crate::digest::Login;
use crate::event::{DialogId, Flow};
use crate::transaction::{Delivery, Owner, Timer, TransactionId};
use crate::wire::{Builder, Method, Response};

impl Endpoint {
    /// Who we are to the peer of a call that it has made.
    pub(super) fn order_login(&mut self, id: DialogId, login: Arc<Login>) {
        if let Some(usage) = self.usages.get_mut(&id) {
            usage.account = Some(Box::new(Account::new(login)));
        }
    }

    /// Sends a request within a call, with a proof if its peer has asked for one before.
    pub(super) fn send_within(
        &mut self,
        now: Instant,
        id: DialogId,
        flow: Flow,
        request: Builder,
    ) -> Option<TransactionId> {
        self.send_provable(now, id, flow, request, Met::default())
            .map(|(transaction, _)| transaction)
    }

    /// The same for a request that has met so many challenges; also its number.
    fn send_provable(
        &mut self,
        now: Instant,
        id: DialogId,
        flow: Flow,
        request: Builder,
        met: Met,
    ) -> Option<(TransactionId, u32)> {
        let Some(mut account) = self.usages.get_mut(&id).and_then(|it| it.account.take()) else {
            let request = sound(request.build())?;
            let number = request.headers().cseq().number;
            return Some((self.start_client(now, flow, request, id)?, number));
        };
        let proofs = self.prove_with(&mut account, request.method(), request.uri());
        let with = |request: Builder, (name, value): &(&str, String)| request.header(name, value);
        let proven = sound(proofs.iter().fold(request.clone(), with).build());
        let sent = proven.and_then(|proven| {
            let number = proven.headers().cseq().number;
            let remote_tag = proven.headers().to_tag().unwrap_or("").to_owned();
            let transaction = self.start_client(now, flow, proven, id)?;
            account.open(Provable {
                transaction,
                flow,
                request,
                number,
                remote_tag,
                met,
            });
            Some((transaction, number))
        });
        if let Some(usage) = self.usages.get_mut(&id) {
            usage.account = Some(account);
        }
        sent
    }

    /// The headers that prove who we are to whoever has asked for it.
    pub(super) fn prove_with(
        &mut self,
        account: &mut Account,
        method: &Method,
        uri: &Uri,
    ) -> Vec<(&'static str, String)> {
        let Account { login, proofs, .. } = account;
        let (random, uri) = (&mut self.random, uri.to_string());
        proofs.headers(login, method.as_str(), &uri, || random.number())
    }

    /// An answer to a request within a call; whether it is a challenge, and the request is on its way
    /// once more.
    pub(super) fn challenged(
        &mut self,
        now: Instant,
        delivery: Delivery,
        response: &Response,
    ) -> bool {
        let (id, status) = (delivery.usage, response.status());
        if status < 200 {
            return false;
        }
        let Some(mut asked) = self.close_provable(id, delivery.transaction) else {
            return false;
        };
        let Some(usage) = self.usages.get_mut(&id) else {
            return false;
        };
        let Some(account) = &mut usage.account else {
            return false;
        };
        let believable = account
            .proofs
            .take(&mut asked.met, status, response.headers());
        if !believable || !usage.waits_for(&asked) {
            return false;
        }
        let number = usage.next_number(&asked.remote_tag, asked.number);
        let via = self.fresh_via(asked.flow);
        let again = asked.request.again(&via, number);
        let Some((after, number)) = self.send_provable(now, id, asked.flow, again, asked.met)
        else {
            return false;
        };
        let before = delivery.transaction;
        if *asked.request.method() == Method::INVITE {
            self.transactions
                .timers
                .stop(Owner::Transaction(before), Timer::ReinviteWait);
            self.wait_for_reinvite(now, after);
        }
        if let Some(usage) = self.usages.get_mut(&id) {
            usage.follow(before, after, number);
        }
        true
    }

    /// A request within a call has its answer, or there will be none.
    pub(super) fn close_provable(
        &mut self,
        id: DialogId,
        transaction: TransactionId,
    ) -> Option<Provable> {
        let usage = self.usages.get_mut(&id)?;
        usage.account.as_mut()?.close(transaction)
    }
}
