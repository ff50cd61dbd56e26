//! Digits that a policy sends: by media where the party takes them as events, else by INFO where it says
//! that it takes that, else by media as tones.
//!
//! They wait until the party can hear them: for its answer, or for the audio before it. INFOs go one after
//! another, each when the one before was answered, so that none overtakes the other.

use std::{collections::VecDeque, time::Instant};

use ::media::{Command, limits::KEYS_WAITING};
use model::{CallId, Now, limits, turn::CommandError};

use super::Shard;
use crate::{
    Output,
    call::{Call, State, Way},
    timers::Due,
};

/// The name of the command, as `call.wit` spells it.
const COMMAND: &str = "send-digits";

/// Digits that wait for an INFO of their own, and whether one is out.
#[derive(Debug, Default)]
pub(crate) struct Infos {
    keys: VecDeque<char>,
    is_out: bool,
}

/// A digit of a party that came by INFO, and may come as an event as well.
#[derive(Debug)]
pub(crate) struct Unsure {
    digit: char,
    /// The other side of its bridge.
    to: CallId,
    until: Instant,
}

impl Shard {
    /// A policy wants digits sent to a party.
    pub(super) fn want_digits(&mut self, now: Now, id: CallId, keys: &str) -> Result<(), String> {
        let call = self.living(id, COMMAND)?;
        if call.media.to_send.len() + keys.len() > KEYS_WAITING {
            self.too_many_digits(now, id);
        } else {
            call.media.to_send.push_str(keys);
        }
        Ok(())
    }

    /// Sends what waits, if the party can hear it.
    pub(super) fn send_digits(&mut self, now: Now, id: CallId) {
        let Some(call) = self.calls.get_mut(&id) else {
            return;
        };
        let answering = matches!(
            call.state,
            State::Accepting { .. } | State::Confirming { .. } | State::Released(_)
        );
        let (Some(agreed), Some((port, _))) = (&call.media.agreed, call.port()) else {
            return;
        };
        if call.media.to_send.is_empty() || answering {
            return;
        }
        let session = call.session;
        let events = agreed.telephone_event.is_some();
        let keys = std::mem::take(&mut call.media.to_send);
        let informs = call.dialog.is_some_and(|it| self.sip.takes_info(it));
        if events || !informs {
            let keys = keys.into_boxed_str();
            let command = Command::Key { port, keys };
            return self.out.push_back(Output::Media { session, command });
        }
        let Some(call) = self.calls.get_mut(&id) else {
            return;
        };
        let infos = call.media.infos.get_or_insert_default();
        if infos.keys.len() + keys.len() > KEYS_WAITING {
            return self.too_many_digits(now, id);
        }
        infos.keys.extend(keys.chars());
        self.inform(now, id);
    }

    /// Sends the next digit by INFO, if none is out.
    fn inform(&mut self, now: Now, id: CallId) {
        let Some(call) = self.calls.get_mut(&id) else {
            return;
        };
        let (Some(dialog), Some(infos)) = (call.dialog, call.media.infos.as_mut()) else {
            return;
        };
        if infos.is_out {
            return;
        }
        let Some(key) = infos.keys.pop_front() else {
            call.media.infos = None;
            return;
        };
        infos.is_out = true;
        let input = sip::Input::Info { dialog, key };
        self.sip.handle_input(now.mono, input);
    }

    /// An INFO of ours was answered, or by nobody.
    pub(super) fn informed(&mut self, now: Now, id: CallId, status: u16) {
        let Some(call) = self.calls.get_mut(&id) else {
            return;
        };
        let Some(infos) = call.media.infos.as_mut() else {
            return;
        };
        infos.is_out = false;
        if (200..300).contains(&status) {
            return self.inform(now, id);
        }
        // Half a number is none.
        call.media.infos = None;
        let why = CommandError::Unsupported(format!("the party said {status} to INFO"));
        self.command_failed(now, id, COMMAND, why);
    }

    /// A party has keyed something: the other side of its bridge is told by us, unless the bridge carries it.
    /// Events go over it where the other side takes them. Tones always do; where the other side takes events, and
    /// this one knows none, the rest of them is left out and an event is sent. Whoever keys by INFO may send
    /// events as well, if it agreed to them.
    pub(super) fn pass_digit(&mut self, now: Now, id: CallId, digit: char, way: Way) {
        let takes_events = |call: &Call| {
            let agreed = call.media.agreed.as_ref();
            agreed.is_some_and(|agreed| agreed.telephone_event.is_some())
        };
        let Some(call) = self.calls.get(&id) else {
            return;
        };
        let Some(other) = call.bridged.and_then(|peer| self.calls.get(&peer)) else {
            return;
        };
        let to = other.id;
        match (way, takes_events(call), takes_events(other)) {
            (Way::Signalling, true, true) => self.wait_for_event(now, id, (to, digit)),
            (Way::Media, _, true) | (Way::Tones, true, _) | (Way::Tones, _, false) => {}
            _ => self.press(now, to, digit),
        }
    }

    /// Presses a key for the other side of a bridge.
    fn press(&mut self, now: Now, to: CallId, digit: char) {
        let Some(call) = self.calls.get_mut(&to) else {
            return;
        };
        if call.media.to_send.len() < KEYS_WAITING {
            call.media.to_send.push(digit);
            self.send_digits(now, to);
        } else {
            self.digits_lost += 1;
        }
    }

    /// The bridge may carry that digit as an event, in a moment.
    fn wait_for_event(&mut self, now: Now, id: CallId, (to, digit): (CallId, char)) {
        let Some(call) = self.calls.get_mut(&id) else {
            return;
        };
        if call.media.unsure.len() < KEYS_WAITING {
            let until = now.mono + limits::DIGIT_RELAY;
            call.media.unsure.push_back(Unsure { digit, to, until });
            self.digit_came_alone(now, id);
        } else {
            self.digits_lost += 1;
        }
    }

    /// The bridge carries that digit as an event: one of the same that came by INFO is that press.
    pub(super) fn digit_is_relayed(&mut self, now: Now, id: CallId, digit: char) {
        let Some(call) = self.calls.get_mut(&id) else {
            return;
        };
        let unsure = &mut call.media.unsure;
        if let Some(at) = unsure.iter().position(|it| it.digit == digit) {
            unsure.remove(at);
            self.digit_came_alone(now, id);
        }
    }

    /// Digits by INFO that no event has followed in time are pressed, if the bridge is still the same.
    pub(super) fn digit_came_alone(&mut self, now: Now, id: CallId) {
        self.timers.stop(&Due::Digit(id));
        while let Some(call) = self.calls.get_mut(&id) {
            match call.media.unsure.front() {
                Some(next) if next.until > now.mono => {
                    return self.timers.set(Due::Digit(id), next.until);
                }
                Some(_) => {}
                None => return,
            }
            let bridged = call.bridged;
            if let Some(Unsure { digit, to, .. }) = call.media.unsure.pop_front()
                && bridged == Some(to)
            {
                self.press(now, to, digit);
            }
        }
    }

    /// More digits wait than may.
    pub(super) fn too_many_digits(&mut self, now: Now, id: CallId) {
        let what = format!("{KEYS_WAITING} digits that wait to be sent");
        self.command_failed(now, id, COMMAND, CommandError::LimitExceeded(what));
    }
}
