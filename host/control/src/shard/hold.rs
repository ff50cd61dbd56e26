//! Offers in the middle of a call: hold, resume, a party that moves.
//!
//! ```text
//!  holder              jackfield              other
//!    |--INVITE sendonly--->|                     |
//!    |                     |--INVITE sendonly--->|   the same offer about our port
//!    |                     |<------200 recvonly--|
//!    |<-----200 recvonly---|                     |   not before; a refusal likewise
//! ```
//!
//! An offer that changes who may speak is passed on to the other side of the bridge, and answered as
//! that answers; so both parties know what they are in, and whoever refuses has refused for both. One
//! that changes only our side of it (another address, another codec, a refresh) is answered here. Which
//! side may offer when is the endpoint's to say: while one of ours is under way, an offer of that party
//! gets 491, and so does the holder if its offer meets one.

use std::time::Duration;

use ::media::sdp::{self, Direction, SessionVersion};
use bytes::Bytes;
use model::{CallId, Now, TraceItem};

use super::{
    Shard,
    media::{Refusal, port_number},
};
use crate::{
    call::{Asker, Call, Holder, Passing, State},
    timers::Due,
};

/// How long a party may take to answer an offer of the other one. Whoever made that gives its call up
/// after 32 s (Timer B, or as long for one that was answered by 100 only).
const PATIENCE: Duration = Duration::from_secs(8);

/// Offers of ours that may cross one of the party's before it is left as it is: each of them waited as
/// long as RFC 3261 §14.1 says, so that this one does not want to be asked.
const CROSSINGS: u8 = 5;

impl Shard {
    /// A re-INVITE or UPDATE with an offer, or a re-INVITE that wants one.
    pub(super) fn reoffer(&mut self, now: Now, id: CallId, offer: Option<Bytes>) {
        if let Some(call) = self.calls.get_mut(&id) {
            // An ACK that brought no answer to our offer: what was agreed before stands.
            call.media.offering = false;
        }
        let answer = match offer {
            Some(offer) if self.pass_on(now, id, &offer) => return,
            Some(offer) => self.answer_offer(now, id, &offer, Direction::SendRecv),
            None => self.offer_anew(id),
        };
        self.reanswer(now, id, answer);
    }

    /// Asks the other side of the bridge about an offer that concerns it.
    fn pass_on(&mut self, now: Now, id: CallId, offer: &Bytes) -> bool {
        let Some((peer, direction)) = self.concerns(id, offer) else {
            return false;
        };
        let holder = Holder {
            call: id,
            offer: offer.clone(),
        };
        let before = self.calls.get(&peer).and_then(|p| p.media.local.clone());
        let asker = Asker::Party(holder);
        let asked = before.is_some_and(|it| self.ask_for(now, peer, &it, direction, asker));
        if asked {
            self.timers.set(Due::Asked(peer), now.mono + PATIENCE);
        }
        asked
    }

    /// Whom an offer concerns beside us, and how audio shall flow by it, seen from the offering side.
    fn concerns(&self, id: CallId, offer: &[u8]) -> Option<(CallId, Direction)> {
        let call = self.calls.get(&id)?;
        let peer = self.calls.get(&call.bridged?)?;
        let talks = |call: &Call| matches!(call.state, State::Answered) && !call.media.offering;
        let agreed = call.media.agreed.as_ref()?;
        let (_, addr) = call.port()?;
        if !talks(call) || !talks(peer) || peer.media.passing.is_some() {
            return None;
        }
        let direction = sdp::offered_direction(offer).ok()?;
        // What we could not answer is nothing to ask anybody about.
        let version = SessionVersion { id: 0, version: 0 };
        let (both, codecs) = (Direction::SendRecv, self.preferred(id));
        let side = call.media.terms.side(&codecs);
        sdp::answer_within(offer, addr, &side, both, version).ok()?;
        let changes = agreed.direction != direction.reversed();
        (changes && peer.media.agreed.is_some()).then_some((peer.id, direction))
    }

    /// Offers a party what we described last, flowing another way.
    pub(super) fn ask_for(
        &mut self,
        now: Now,
        id: CallId,
        before: &Bytes,
        direction: Direction,
        asker: Asker,
    ) -> bool {
        let Some(call) = self.calls.get_mut(&id) else {
            return false;
        };
        let (Some((_, addr)), Some(dialog)) = (call.port(), call.dialog) else {
            return false;
        };
        let version = SessionVersion {
            id: port_number(addr),
            version: call.media.version + 1,
        };
        let direction = call.media.within_hold(direction);
        let Ok(ours) = sdp::redirected(before, direction, version) else {
            return false;
        };
        let ours = Bytes::from(ours);
        call.media.version += 1;
        call.media.passing = Some(Passing {
            ours: ours.clone(),
            before: before.clone(),
            asker,
        });
        let reoffer = sip::Input::Reoffer { dialog, sdp: ours };
        self.sip.handle_input(now.mono, reoffer);
        true
    }

    /// The other side takes too long: who offered gets our answer, and whatever comes later counts for
    /// the other side alone.
    pub(super) fn answer_for(&mut self, now: Now, id: CallId) {
        let call = self.calls.get_mut(&id);
        let Some(passing) = call.and_then(|call| call.media.passing.as_mut()) else {
            return;
        };
        match std::mem::replace(&mut passing.asker, Asker::Platform) {
            Asker::Party(Holder { call, offer }) => {
                let answer = self.answer_offer(now, call, &offer, Direction::SendRecv);
                self.reanswer(now, call, answer);
            }
            other => passing.asker = other,
        }
    }

    /// The other side has answered what was passed on to it.
    pub(super) fn reanswered(&mut self, now: Now, id: CallId, answer: Result<Bytes, u16>) {
        let Some(call) = self.calls.get_mut(&id) else {
            return;
        };
        let Some(passing) = call.media.passing.take() else {
            return;
        };
        let agreed = match answer {
            Ok(sdp) => {
                call.media.local = Some(passing.ours);
                let accepted = self.accept_answer(now, id, &sdp);
                accepted.map_err(|why| Refusal::new(488, why))
            }
            Err(status) => {
                let why = format!("the other side said {status}");
                Err(Refusal::new(passed(status), why))
            }
        };
        let held = self.calls.get(&id).is_some_and(|it| it.media.holds());
        let direction = Direction::of(
            self.direction(id).sends(),
            held || self.direction(id).receives(),
        );
        match (passing.asker, agreed) {
            (Asker::Party(Holder { call, offer }), Ok(())) => {
                // We speak for the other side: what it does, we do here. That its policy does not let it be
                // heard is between the two of them.
                let answer = self.answer_offer(now, call, &offer, direction.reversed());
                self.reanswer(now, call, answer);
            }
            (Asker::Party(holder), Err(refusal)) => self.reanswer(now, holder.call, Err(refusal)),
            (Asker::Nobody, Ok(())) => self.take_back(now, id, &passing.before),
            (Asker::Platform, Err(refusal)) if refusal.status == 491 => {
                self.align_later(now, id);
            }
            (Asker::Platform, Err(Refusal { why: what, .. })) => {
                self.trace(now, id, TraceItem::Note { what });
            }
            (Asker::Policy, Err(Refusal { status, why, .. })) => {
                self.hold_refused(now, id, status, why);
            }
            (Asker::Platform | Asker::Policy, Ok(())) | (Asker::Nobody, Err(_)) => {}
        }
        self.change_hold(now, id);
    }

    /// Nobody wants what this party has just agreed to any more: back to what was.
    fn take_back(&mut self, now: Now, id: CallId, before: &Bytes) {
        let local = self.calls.get(&id).and_then(|c| c.media.local.clone());
        let (Some(local), Ok(was)) = (local, sdp::offered_direction(before)) else {
            return;
        };
        // The answer may have given up keys that `before` names.
        if sdp::offered_direction(&local).ok() != Some(was) {
            self.ask_for(now, id, &local, was, Asker::Platform);
        }
    }

    /// The holder has taken its re-INVITE back.
    pub(super) fn withdrawn(&mut self, id: CallId) {
        let Some(session) = self.calls.get(&id).map(|call| call.session) else {
            return;
        };
        let calls = self.sessions.get(&session).map(|s| s.calls.clone());
        for call in calls.into_iter().flatten() {
            let passing = self
                .calls
                .get_mut(&call)
                .and_then(|call| call.media.passing.as_mut());
            if let Some(passing) = passing
                && matches!(&passing.asker, Asker::Party(by) if by.call == id)
            {
                passing.asker = Asker::Nobody;
            }
        }
    }

    /// A party that was asked is gone: whoever waits for its answer gets ours.
    pub(super) fn answer_holder(&mut self, now: Now, id: CallId) {
        let passing = self
            .calls
            .get_mut(&id)
            .and_then(|call| call.media.passing.take());
        if let Some(Asker::Party(Holder { call, offer })) = passing.map(|passing| passing.asker) {
            let answer = self.answer_offer(now, call, &offer, Direction::SendRecv);
            self.reanswer(now, call, answer);
        }
    }

    /// A party that was held by one is bridged to another, or is held or taken back by an answer: it is
    /// told, if it does not know.
    pub(super) fn align(&mut self, now: Now, id: CallId) {
        let wanted = self.wanted(id);
        let Some(call) = self.calls.get(&id).filter(|call| call.bridged.is_some()) else {
            return;
        };
        let free = matches!(call.state, State::Answered)
            && !call.media.offering
            && call.media.passing.is_none();
        // Who does not listen holds the other side, and knows it.
        let told = |agreed: &sdp::Negotiated| {
            !agreed.direction.sends() || agreed.direction.receives() == wanted.receives()
        };
        if !free || call.media.agreed.as_ref().is_none_or(told) {
            return;
        }
        if let Some(before) = call.media.local.clone() {
            self.ask_for(now, id, &before, wanted, Asker::Platform);
        }
    }

    /// An offer of ours has crossed one of the party's (RFC 3261 §14.1).
    /// Whether it is tried again.
    pub(super) fn align_later(&mut self, now: Now, id: CallId) -> bool {
        let Some(call) = self.calls.get_mut(&id) else {
            return false;
        };
        call.media.crossed += 1;
        if call.media.crossed > CROSSINGS {
            return false;
        }
        let wait = call.dialog.and_then(|dialog| self.sip.glare(dialog));
        if let Some(wait) = wait {
            self.timers.set(Due::Align(id), now.mono + wait);
        }
        wait.is_some()
    }

    /// What we want to do towards a party: speak, and hear it unless the other side of its bridge does not
    /// listen, or its policy holds it.
    pub(super) fn wanted(&self, id: CallId) -> Direction {
        let peer = self.calls.get(&id).and_then(|call| call.bridged);
        let heard = peer.is_none_or(|peer| self.direction(peer).sends());
        let wanted = Direction::of(true, heard);
        let call = self.calls.get(&id);
        call.map_or(wanted, |call| call.media.within_hold(wanted))
    }

    /// A refresh said our description again, and the party may have moved meanwhile.
    pub(super) fn refreshed(&mut self, now: Now, id: CallId, sdp: &[u8]) {
        if let Err(what) = self.accept_answer(now, id, sdp) {
            self.trace(now, id, TraceItem::Note { what });
        }
    }

    fn reanswer(&mut self, now: Now, id: CallId, answer: Result<Bytes, Refusal>) {
        let answer = answer.map_err(|refusal| {
            self.warn_party(now, id, &refusal);
            let what = format!("re-INVITE refused: {}", refusal.why);
            self.trace(now, id, TraceItem::Note { what });
            refusal.status
        });
        if let Some(dialog) = self.calls.get(&id).and_then(|call| call.dialog) {
            let reanswer = sip::Input::Reanswer { dialog, answer };
            self.sip.handle_input(now.mono, reanswer);
        }
    }

    /// What we may do towards a party.
    fn direction(&self, id: CallId) -> Direction {
        let agreed = self
            .calls
            .get(&id)
            .and_then(|call| call.media.agreed.as_ref());
        agreed.map_or(Direction::SendRecv, |agreed| agreed.direction)
    }
}

/// The refusal of one party as the other may see it: what is between us and that one stays there.
fn passed(status: u16) -> u16 {
    match status {
        491 | 488 | 486 | 480 | 603 | 606 => status,
        // Refused for reasons of its own; the change is what is not acceptable.
        _ => 488,
    }
}
