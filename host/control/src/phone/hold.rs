//! Changes of the audio in an answered call: the other side's offers, and holding the other side.

use std::time::Instant;

use bytes::Bytes;
use media::sdp::{self, Direction};
use sip::DialogId;

use super::{Call, Event, Phone};

/// Whether the other side is on hold.
#[derive(Debug, Default)]
pub(super) struct Hold {
    on: bool,
    /// Our offer that waits for its answer, and what it will make of `on`.
    asked: Option<(Bytes, bool)>,
}

impl Hold {
    /// What we may do: who holds does not listen.
    fn limit(&self) -> Direction {
        direction(self.on)
    }
}

fn direction(holds: bool) -> Direction {
    Direction::of(true, !holds)
}

impl Phone {
    /// Puts the other side on hold, or takes it back.
    pub(super) fn hold(&mut self, now: Instant, on: bool) {
        let next = match &self.call {
            Call::Talking { version, .. } => self.version(version + 1),
            _ => return,
        };
        let Call::Talking {
            dialog,
            local,
            version,
            agreed: Some(_),
            hold,
        } = &mut self.call
        else {
            return;
        };
        if hold.asked.is_some() || hold.on == on {
            return;
        }
        let Ok(offer) = sdp::redirected(local, direction(on), next) else {
            return;
        };
        let offer = Bytes::from(offer);
        *version = next.version;
        hold.asked = Some((offer.clone(), on));
        let (dialog, sdp) = (*dialog, offer);
        self.sip
            .handle_input(now, sip::Input::Reoffer { dialog, sdp });
    }

    /// The answer to that.
    pub(super) fn reanswered(&mut self, answer: Result<Bytes, u16>) {
        let Call::Talking {
            local,
            agreed,
            hold,
            ..
        } = &mut self.call
        else {
            return;
        };
        let (Some((offer, on)), Ok(answer)) = (hold.asked.take(), answer) else {
            return;
        };
        let Ok(made) = sdp::accept(&offer, &answer).map(Box::new) else {
            return;
        };
        hold.on = on;
        *local = offer;
        *agreed = Some(made.clone());
        self.tell(Event::Changed { agreed: made });
    }

    /// The other side's offer.
    pub(super) fn reoffer(&mut self, now: Instant, dialog: DialogId, sdp: Option<Bytes>) {
        let Call::Talking {
            local,
            version,
            hold,
            ..
        } = &self.call
        else {
            return;
        };
        let (local, next, limit) = (local.clone(), self.version(version + 1), hold.limit());
        let made = sdp.map(|sdp| {
            sdp::answer_within(
                &sdp,
                self.config.rtp,
                &super::side(&self.config, &self.secret),
                limit,
                next,
            )
        });
        let answer = match made {
            None => Ok(local),
            Some(Err(error)) => Err(error.status()),
            Some(Ok((ours, made))) => {
                let (ours, made) = (Bytes::from(ours), Box::new(made));
                if let Call::Talking {
                    local,
                    version,
                    agreed,
                    ..
                } = &mut self.call
                {
                    (*local, *version) = (ours.clone(), next.version);
                    *agreed = Some(made.clone());
                }
                self.tell(Event::Changed { agreed: made });
                Ok(ours)
            }
        };
        self.sip
            .handle_input(now, sip::Input::Reanswer { dialog, answer });
    }
}
