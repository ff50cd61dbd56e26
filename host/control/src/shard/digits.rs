//! Digits: what the party of a call keys, and who is told.
//!
//! A digit may be one of a PIN, so no trace or log of ours says which it was: only the policy is told.

use model::{CallId, Event, Now, SessionId, TraceItem, limits};

use super::Shard;
use crate::call::Way;

impl Shard {
    /// The endpoint reports a key of the party, or the answer to one of ours.
    pub(super) fn digit_event(&mut self, now: Now, event: sip::Event) {
        match event {
            sip::Event::Digit { dialog, digit } => self.on_call(dialog, |shard, id| {
                shard.keyed(now, id, digit, Way::Signalling);
            }),
            sip::Event::Informed { dialog, status } => {
                self.on_call(dialog, |shard, id| shard.informed(now, id, status));
            }
            _ => {}
        }
    }

    /// The party of a call has pressed a key.
    ///
    /// Many telephones say so twice, as RTP and by INFO. Whichever way the first digit came counts, until
    /// none has come for a while: what comes the other way meanwhile is a copy.
    pub(super) fn keyed(&mut self, now: Now, id: CallId, digit: char, way: Way) {
        let live = self.calls.get_mut(&id).filter(|call| !call.is_released());
        let Some(call) = live else {
            return;
        };
        let is_copy = call.keyed.is_some_and(|(counts, at)| {
            counts != way && now.mono.saturating_duration_since(at) < limits::DIGIT_COPY
        });
        let session = call.session;
        if !is_copy {
            call.keyed = Some((way, now.mono));
        }
        if way == Way::Media {
            self.digit_is_relayed(now, id, digit);
        }
        if is_copy {
            return;
        }
        let what = "a key is pressed".to_owned();
        self.trace(now, id, TraceItem::Media { call: id, what });
        // One key may end a prompt and a recording, and begin, or end, what is keyed in answer to it.
        let played = self.ends_play(now, id, digit);
        let recorded = self.key_ends_recording(now, id, digit);
        if self.collects(now, id, digit) || played || recorded {
            return;
        }
        self.pass_digit(now, id, digit, way);
        if self.hears(session, "digit-events") && self.has_room_for_digit(session, id) {
            self.tell(now, session, Event::Digit { call: id, digit });
        }
    }

    /// Whether fewer digits of this party wait for the policy than may; counts the one that does not.
    fn has_room_for_digit(&mut self, session: SessionId, id: CallId) -> bool {
        let Some(s) = self.sessions.get(&session) else {
            return false;
        };
        let of_call = |event: &&Event| is_digit(event) && event.call() == Some(id);
        let has_room = s.queue.iter().filter(of_call).count() < limits::QUEUED_DIGITS;
        self.digits_lost += u64::from(!has_room);
        has_room
    }

    /// The digits of a party that wait for the policy, taken out of its queue.
    pub(super) fn take_digits(&mut self, session: SessionId, id: CallId) -> Vec<char> {
        let mut taken = Vec::new();
        if let Some(s) = self.sessions.get_mut(&session) {
            s.queue.retain(|event| match event {
                Event::Digit { call, digit } if *call == id => {
                    taken.push(*digit);
                    false
                }
                _ => true,
            });
        }
        taken
    }

    /// Too many events wait: whether a digit among them, the newest, could give way.
    pub(super) fn drop_digit(&mut self, session: SessionId) -> bool {
        let Some(s) = self.sessions.get_mut(&session) else {
            return false;
        };
        let newest = s.queue.iter().rposition(is_digit);
        let dropped = newest.and_then(|at| s.queue.remove(at)).is_some();
        self.digits_lost += u64::from(dropped);
        dropped
    }
}

fn is_digit(event: &Event) -> bool {
    matches!(event, Event::Digit { .. })
}
