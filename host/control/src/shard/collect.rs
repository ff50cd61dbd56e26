//! Collections of digits: what a party keys while one runs goes into it, and it is told once, whole.
//!
//! ```text
//!  collect-start ─▶ Collecting ──digit──▶ Collecting, next-timeout
//!                       ├── as many digits as may be ──▶ finished
//!                       ├── a finish key ──────────────▶ finish-key
//!                       ├── first- or next-timeout ────▶ timeout
//!                       └── stop, another, the call ends ▶ stopped
//! ```
//!
//! Digits that wait for the policy when a collection begins were keyed ahead of it, and are its first
//! ones: nobody who knows the menu loses a key because a turn takes its time.

use std::time::Duration;

use model::{CallId, Completion, Event, Now, TraceItem, limits, turn::Collect};

use super::Shard;
use crate::timers::Due;

/// A collection that runs.
#[derive(Debug)]
pub(crate) struct Collecting {
    operation: u32,
    what: Collect,
    digits: String,
}

impl Shard {
    /// Digits of a party go into a collection from now on; one that runs is stopped.
    pub(super) fn collect(
        &mut self,
        now: Now,
        id: CallId,
        operation: u32,
        what: Collect,
    ) -> Result<(), String> {
        self.collected(now, id, Completion::Stopped);
        let call = self.living(id, "collect-start")?;
        call.operations = call.operations.max(operation);
        let session = call.session;
        let first = what.first_timeout_ms;
        call.collecting = Some(Box::new(Collecting {
            operation,
            what,
            digits: String::new(),
        }));
        self.wait_for_digit(now, id, first);
        for digit in self.take_digits(session, id) {
            // What is left of them when it is full belongs to nobody's collection.
            if !self.collects(now, id, digit) {
                self.tell(now, session, Event::Digit { call: id, digit });
            }
        }
        Ok(())
    }

    /// A policy wants no more digits; there may be no collection any more.
    pub(super) fn collect_stop(&mut self, now: Now, id: CallId) -> Result<(), String> {
        self.living(id, "collect-stop")?;
        self.collected(now, id, Completion::Stopped);
        Ok(())
    }

    /// Whether a key that was pressed goes into a collection.
    pub(super) fn collects(&mut self, now: Now, id: CallId, digit: char) -> bool {
        let collecting = self.calls.get_mut(&id).and_then(|c| c.collecting.as_mut());
        let Some(collecting) = collecting else {
            return false;
        };
        if collecting.what.finish_keys.has(digit) {
            self.collected(now, id, Completion::FinishKey(digit));
            return true;
        }
        collecting.digits.push(digit);
        let next = collecting.what.next_timeout_ms;
        if collecting.digits.len() < collecting.what.max_digits {
            self.wait_for_digit(now, id, next);
        } else {
            self.collected(now, id, Completion::Finished);
        }
        true
    }

    /// The collection of a call is over, if there is one: its policy is told.
    pub(super) fn collected(&mut self, now: Now, id: CallId, how: Completion) {
        let Some(call) = self.calls.get_mut(&id) else {
            return;
        };
        let Some(done) = call.collecting.take() else {
            return;
        };
        let session = call.session;
        self.timers.stop(&Due::Collect(id));
        let what = format!("digits collected: {}", how.as_str());
        self.trace(now, id, TraceItem::Media { call: id, what });
        if self.hears(session, "digit-events") {
            let event = Event::DigitsCollected {
                call: id,
                operation: done.operation,
                digits: done.digits,
                how,
            };
            self.tell(now, session, event);
        }
    }

    fn wait_for_digit(&mut self, now: Now, id: CallId, ms: u32) {
        let wait = Duration::from_millis(u64::from(ms)).max(limits::TIMER_SHORTEST);
        self.timers.set(Due::Collect(id), now.mono + wait);
    }
}
