//! What the other side of a phone's call says: ringing, answers, hang-ups, new offers.

use std::time::Instant;

use bytes::Bytes;
use media::sdp;
use sip::DialogId;

use super::{Call, EndedBy, Event, Hold, Phone};

impl Phone {
    pub(super) fn signal(&mut self, now: Instant, event: sip::Event) {
        match event {
            sip::Event::Incoming(incoming) => self.incoming(now, *incoming),
            sip::Event::Provisional {
                dialog,
                status,
                sdp,
            } if self.is_current(dialog) => self.progress(status, sdp),
            sip::Event::Accepted { dialog, sdp } if self.is_current(dialog) => {
                self.accepted(now, dialog, sdp);
            }
            sip::Event::Failed { dialog, status, .. } if self.is_current(dialog) => {
                self.over(status, EndedBy::Peer);
            }
            sip::Event::Cancelled { dialog, .. } if self.is_current(dialog) => {
                self.over(487, EndedBy::Peer);
            }
            sip::Event::HungUp { dialog, .. } if self.is_current(dialog) => {
                self.over(200, EndedBy::Peer);
            }
            sip::Event::Lost { dialog, status } if self.is_current(dialog) => {
                self.over(status, EndedBy::Peer);
            }
            sip::Event::Confirmed {
                dialog,
                sdp: Some(sdp),
            } if self.is_current(dialog) => self.confirmed(now, dialog, &sdp),
            sip::Event::Reoffer { dialog, sdp } if self.is_current(dialog) => {
                self.reoffer(now, dialog, sdp);
            }
            sip::Event::Reanswered { dialog, answer } if self.is_current(dialog) => {
                self.reanswered(answer);
            }
            sip::Event::Told {
                request,
                status,
                response,
            } => self.register_answered(now, request, status, response.as_deref()),
            sip::Event::Transferred { dialog, status } if self.is_current(dialog) => {
                self.tell(Event::Transferred { status });
            }
            sip::Event::Digit { dialog, digit: key } if self.is_current(dialog) => {
                self.tell(Event::Keyed { key });
            }
            // It calls nobody at another's wish.
            sip::Event::Referred { dialog, .. } => {
                let answer = Err(603);
                let refusal = sip::Input::Referral { dialog, answer };
                self.sip.handle_input(now, refusal);
            }
            // Of a call that is over on our side, or nothing that a user would notice.
            _ => {}
        }
    }

    fn incoming(&mut self, now: Instant, incoming: sip::Incoming) {
        let dialog = incoming.dialog;
        if !self.is_idle() {
            let status = 486;
            return self
                .sip
                .handle_input(now, sip::Input::Release { dialog, status });
        }
        self.secret = self.secrets.fresh();
        self.call = Call::Offered {
            dialog,
            offer: incoming.sdp,
            answer: None,
        };
        self.plan = self.config.behaviour.plan(now);
        self.tell(Event::Incoming {
            from: Box::new(incoming.from),
            to: Box::new(incoming.request_uri),
        });
    }

    fn progress(&mut self, status: u16, sdp: Option<Bytes>) {
        let Call::Dialling { offer, early, .. } = &mut self.call else {
            return;
        };
        let agreed = sdp.and_then(|sdp| sdp::accept(offer, &sdp).ok().map(Box::new));
        match agreed {
            Some(agreed) if early.as_ref() != Some(&agreed) => {
                *early = Some(agreed.clone());
                self.tell(Event::EarlyMedia { agreed });
            }
            None if status >= 180 => self.tell(Event::Ringing),
            _ => {}
        }
    }

    fn accepted(&mut self, now: Instant, dialog: DialogId, sdp: Option<Bytes>) {
        let Call::Dialling { offer, early, .. } = &self.call else {
            return;
        };
        let agreed = match sdp {
            Some(sdp) => sdp::accept(offer, &sdp).ok().map(Box::new),
            None => early.clone(),
        };
        let local = offer.clone();
        let Some(agreed) = agreed else {
            return self.end(now, dialog, 488);
        };
        self.tell(Event::Answered {
            agreed: agreed.clone(),
        });
        self.call = Call::Talking {
            dialog,
            local,
            version: 1,
            agreed: Some(agreed),
            hold: Hold::default(),
        };
    }

    /// The ACK carries the answer to the offer in our 200.
    fn confirmed(&mut self, now: Instant, dialog: DialogId, sdp: &[u8]) {
        let Call::Talking {
            local,
            agreed: agreed @ None,
            ..
        } = &mut self.call
        else {
            return;
        };
        match sdp::accept(local, sdp).map(Box::new) {
            Ok(made) => {
                *agreed = Some(made.clone());
                self.tell(Event::Answered { agreed: made });
            }
            Err(_) => self.end(now, dialog, 488),
        }
    }
}
