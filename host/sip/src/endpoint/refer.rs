//! REFER of the peer: RFC 3515 §2.4. The owner decides; what it reports is told by NOTIFY.
//!
//! The subscription lives as long as the transfer takes, but not for ever, and may outlive its call: who
//! transfers often hangs up at once. A peer that wants no NOTIFY (RFC 4488) gets none.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use super::Endpoint;
use super::receive::{Arrived, Refusal};
use super::write::Answer;
use crate::dialog::{Dialog, Referral, State, Told};
use crate::event::{DialogId, Event};
use crate::limits;
use crate::transaction::{Delivery, Owner, Timer};
use crate::wire::{Method, NameAddr, Request, reason_phrase};
use crate::{Replaces, Uri};

/// The body of a NOTIFY (RFC 3420).
pub(super) const SIPFRAG: &str = "message/sipfrag";

/// The event package.
pub(super) const REFER: &str = "refer";

impl Endpoint {
    /// REFER in a call.
    pub(super) fn referred(
        &mut self,
        now: Instant,
        id: DialogId,
        arrived: &Arrived,
    ) -> Result<(), Refusal> {
        let request = &arrived.request;
        let (transaction, new) = self.enter(id, arrived)?;
        match self.judge_refer(id, request, new) {
            Ok((to, replaces)) => {
                if let Some(usage) = self.usages.get_mut(&id) {
                    usage.refers.seen += 1;
                    usage.refers.theirs = Some(Referral::Asked {
                        transaction,
                        request: Arc::clone(request),
                    });
                }
                self.emit(Event::Referred {
                    dialog: id,
                    to,
                    replaces,
                });
            }
            Err(refusal) => self.respond(now, transaction, request, refusal.answer(None)),
        }
        Ok(())
    }

    fn judge_refer(
        &mut self,
        id: DialogId,
        request: &Request,
        new: bool,
    ) -> Result<(Uri, Option<Replaces>), Refusal> {
        if !new {
            return Err(Refusal::new(500));
        }
        let bad = || Refusal::new(400).because("Bad Refer-To");
        let target = refer_to(request).ok_or_else(bad)?;
        let replaces = Replaces::in_uri(&target).map_err(|()| bad())?;
        let invites = |method: &str| method.eq_ignore_ascii_case("INVITE");
        let calls = matches!(target.scheme(), "sip" | "sips" | "tel");
        if !calls || !target.param("method").is_none_or(invites) {
            return Err(Refusal::new(603));
        }
        let usage = self.usages.get(&id);
        match usage.map(|usage| (&usage.state, &usage.refers.theirs)) {
            Some((State::Established(call), None)) if !call.is_released() => {
                Ok((target.without_headers().without_param("method"), replaces))
            }
            // One after another.
            _ => Err(self.retry_later()),
        }
    }

    /// The owner's answer; ignored if nothing waits for one.
    pub(super) fn order_referral(&mut self, now: Instant, id: DialogId, answer: Result<(), u16>) {
        let Some(usage) = self.usages.get_mut(&id) else {
            return;
        };
        let Some(Referral::Asked {
            transaction,
            request,
        }) = usage
            .refers
            .theirs
            .take_if(|it| matches!(it, Referral::Asked { .. }))
        else {
            return;
        };
        if let Err(status) = answer {
            let status = if (300..=699).contains(&status) {
                status
            } else {
                603
            };
            return self.respond(now, transaction, &request, Answer::new(status));
        }
        let flow = usage.state.dialog().map(|dialog| dialog.flow());
        let quiet = request.headers().get("Refer-Sub").is_some_and(|it| {
            it.split(';')
                .next()
                .unwrap_or("")
                .trim()
                .eq_ignore_ascii_case("false")
        });
        let mut headers = Vec::new();
        if quiet {
            headers.push(("Refer-Sub", "false".to_owned()));
        } else {
            let more = usage.refers.seen > 1;
            let until = now + limits::TRANSFER;
            usage.refers.theirs = Some(Referral::Told(Told {
                id: more.then(|| request.headers().cseq().number),
                out: None,
                next: Some(100),
                until,
            }));
            self.transactions
                .timers
                .start(Owner::Usage(id), Timer::Referral, until);
        }
        let answer = Answer {
            headers,
            dialog: flow,
            ..Answer::new(202)
        };
        self.respond(now, transaction, &request, answer);
        self.tell_next(now, id);
    }

    /// How the transfer goes.
    pub(super) fn order_notify(&mut self, now: Instant, id: DialogId, status: u16) {
        let Some(told) = self.told(id) else {
            return;
        };
        if told.next.is_none_or(|next| next < 200) && !told.out.is_some_and(|(_, last)| last) {
            told.next = Some(status);
            self.tell_next(now, id);
        }
    }

    /// Sends what is to be said, unless the NOTIFY before waits for its answer: they must not overtake
    /// one another.
    fn tell_next(&mut self, now: Instant, id: DialogId) {
        let product = self.config.product.clone();
        let Some((dialog, _)) = self.telling(id) else {
            return;
        };
        let (flow, target) = (dialog.next_hop(), dialog.target().clone());
        let via = self.fresh_via(flow);
        let ours = self.config.contact(flow, &target);
        let parting = self
            .usages
            .get(&id)
            .is_some_and(|it| it.refers.bye.is_some());
        let Some((dialog, told)) = self.telling(id) else {
            return;
        };
        let Some(status) = told.next.take_if(|_| told.out.is_none() && !parting) else {
            return;
        };
        let last = status >= 200;
        let left = told.until.saturating_duration_since(now).as_secs();
        let state = if last {
            "terminated;reason=noresource".to_owned()
        } else {
            format!("active;expires={left}")
        };
        let event = told
            .id
            .map_or(REFER.to_owned(), |id| format!("{REFER};id={id}"));
        let fragment = format!("SIP/2.0 {status} {}\r\n", reason_phrase(status));
        let notify = dialog
            .request(Method::NOTIFY, via)
            .contact(&ours)
            .header("Event", &event)
            .header("Subscription-State", &state)
            .header("User-Agent", &product)
            .body(&format!("{SIPFRAG};version=2.0"), Bytes::from(fragment));
        let transaction = self.send_within(now, id, flow, notify);
        if let (Some(told), Some(transaction)) = (self.told(id), transaction) {
            told.out = Some((transaction, last));
        }
    }

    /// The answer to a NOTIFY of ours, or that none came: a refusal ends the subscription.
    pub(super) fn notify_answered(&mut self, now: Instant, delivery: Delivery, status: u16) {
        let id = delivery.usage;
        let Some(told) = self.told(id) else {
            return;
        };
        let Some((_, last)) = told
            .out
            .take_if(|(out, _)| *out == delivery.transaction && status >= 200)
        else {
            return;
        };
        if last || status >= 300 {
            self.forget_referral(id);
        } else {
            self.tell_next(now, id);
        }
    }

    /// A BYE of ours was answered, or nobody did: what waited behind it is said.
    pub(super) fn bye_answered(&mut self, now: Instant, delivery: Delivery, status: u16) {
        let Some(usage) = self.usages.get_mut(&delivery.usage) else {
            return;
        };
        let bye = &mut usage.refers.bye;
        if status >= 200 && bye.take_if(|it| *it == delivery.transaction).is_some() {
            self.tell_next(now, delivery.usage);
        }
    }

    /// The transfer has taken too long: one last word.
    pub(super) fn referral_overdue(&mut self, now: Instant, id: DialogId) {
        self.order_notify(now, id, 408);
    }

    /// The call is over: a REFER that waits is refused, one that was accepted keeps the dialog.
    pub(super) fn part_referral(&mut self, now: Instant, id: DialogId, dialog: &Dialog) {
        let Some(usage) = self.usages.get_mut(&id) else {
            return;
        };
        usage.refers.ours = None;
        match usage.refers.theirs {
            Some(Referral::Asked { .. }) => self.order_referral(now, id, Err(487)),
            Some(Referral::Told(_)) => usage.refers.outlives = Some(Box::new(dialog.clone())),
            None => {}
        }
    }

    fn forget_referral(&mut self, id: DialogId) {
        self.transactions
            .timers
            .stop(Owner::Usage(id), Timer::Referral);
        if let Some(usage) = self.usages.get_mut(&id) {
            usage.refers.theirs = None;
            usage.refers.outlives = None;
            if usage.is_ended() {
                self.ended.insert(id);
            }
        }
    }

    fn told(&mut self, id: DialogId) -> Option<&mut Told> {
        match &mut self.usages.get_mut(&id)?.refers.theirs {
            Some(Referral::Told(told)) => Some(told),
            _ => None,
        }
    }

    fn telling(&mut self, id: DialogId) -> Option<(&mut Dialog, &mut Told)> {
        let usage = self.usages.get_mut(&id)?;
        let Some(Referral::Told(told)) = &mut usage.refers.theirs else {
            return None;
        };
        let dialog = match &mut usage.refers.outlives {
            Some(dialog) => Some(&mut **dialog),
            None => usage.state.dialog(),
        };
        Some((dialog?, told))
    }
}

/// The one URI of Refer-To (RFC 3515 §2.1).
fn refer_to(request: &Request) -> Option<Uri> {
    let mut values = request.headers().get_all("Refer-To");
    let (value, None) = (values.next()?, values.next()) else {
        return None;
    };
    NameAddr::parse(value).ok().map(|it| it.uri)
}
