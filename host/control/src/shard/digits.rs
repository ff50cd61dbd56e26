//! Digits: what the party of a call keys, and who is told.
//!
//! A digit may be one of a PIN, so no trace or log of ours says which it was: only the policy is told.

use model::{CallId, Event, Now, SessionId, TraceItem, limits};

use super::Shard;

impl Shard {
    /// The party of a call has pressed a key.
    pub(super) fn keyed(&mut self, now: Now, id: CallId, digit: char) {
        let live = self.calls.get(&id).filter(|call| !call.is_released());
        let Some(session) = live.map(|call| call.session) else {
            return;
        };
        let what = "a key is pressed".to_owned();
        self.trace(now, id, TraceItem::Media { call: id, what });
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
