//! Digits that a policy sends: by media where the party takes them as events, else by INFO where it says
//! that it takes that, else by media as tones.
//!
//! They wait until the party can hear them: for its answer, or for the audio before it. INFOs go one after
//! another, each when the one before was answered, so that none overtakes the other.

use std::collections::VecDeque;

use ::media::{Command, limits::KEYS_WAITING};
use model::{CallId, Now, turn::CommandError};

use super::Shard;
use crate::{
    Output,
    call::{Call, State, Way},
};

/// The name of the command, as `call.wit` spells it.
const COMMAND: &str = "send-digits";

/// Digits that wait for an INFO of their own, and whether one is out.
#[derive(Debug, Default)]
pub(crate) struct Infos {
    keys: VecDeque<char>,
    is_out: bool,
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
    /// this one knows none, the rest of them is left out and an event is sent.
    pub(super) fn pass_digit(&mut self, now: Now, id: CallId, digit: char, way: Way) {
        let takes_events = |call: &Call| {
            let agreed = call.media.agreed.as_ref();
            agreed.is_some_and(|agreed| agreed.telephone_event.is_some())
        };
        let Some(call) = self.calls.get(&id) else {
            return;
        };
        let says_events = takes_events(call);
        let Some(call) = call.bridged.and_then(|peer| self.calls.get_mut(&peer)) else {
            return;
        };
        let is_carried = match way {
            Way::Signalling => false,
            Way::Media => takes_events(call),
            Way::Tones => says_events || !takes_events(call),
        };
        if is_carried {
            return;
        }
        let peer = call.id;
        if call.media.to_send.len() < KEYS_WAITING {
            call.media.to_send.push(digit);
            self.send_digits(now, peer);
        } else {
            self.digits_lost += 1;
        }
    }

    /// More digits wait than may.
    pub(super) fn too_many_digits(&mut self, now: Now, id: CallId) {
        let what = format!("{KEYS_WAITING} digits that wait to be sent");
        self.command_failed(now, id, COMMAND, CommandError::LimitExceeded(what));
    }
}
